//! One program for all tests of `sizing` from outside, as linking takes longer than running.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod sizers;
mod teacher;
