//! One program for all tests of `block-growth` from outside, as linking takes longer than running.
#![allow(clippy::unwrap_used)]

mod facts;
mod training;
