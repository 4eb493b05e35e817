//! One program for all tests of `firefly` from outside, as linking takes longer than running.
#![allow(clippy::unwrap_used)]

mod by_hand;
mod conformance;
