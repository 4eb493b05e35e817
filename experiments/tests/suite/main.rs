//! One program for all tests over the experiments, as linking it takes longer than running it.
#![allow(clippy::unwrap_used)]

mod features;
mod smoke;
