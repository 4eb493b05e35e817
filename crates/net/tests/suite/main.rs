//! One program for all tests of `net` from outside, as linking takes longer than running.
#![allow(clippy::unwrap_used)]

mod edits;
mod execution;
mod extents;
mod gradients;
mod parity;
mod parts;
mod random_graphs;
mod random_networks;
mod reference;
mod rooms;
mod rules;
mod stack;
mod unit_norms;
