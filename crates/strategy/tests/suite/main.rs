//! One program for all tests of `strategy` from outside, as linking takes longer than running.
#![allow(clippy::unwrap_used)]

mod decisions;
mod gated_units;
mod group_norms;
mod kit;
mod outside;
mod proposals;
