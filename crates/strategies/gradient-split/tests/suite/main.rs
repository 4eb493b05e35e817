//! One program for all tests of `gradient-split` from outside, as linking takes longer than running.
#![allow(clippy::unwrap_used)]

mod as_published;
mod b8;
mod facts;
