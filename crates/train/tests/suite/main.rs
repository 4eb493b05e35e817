//! One program for all tests of `train` from outside, as linking takes longer than running.
#![allow(clippy::unwrap_used)]

mod device;
mod leftover;
mod memory;
mod parts;
mod strategies;
mod stream;
mod training;
