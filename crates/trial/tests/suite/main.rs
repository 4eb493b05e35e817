//! Trials as an experiment runs them.
#![allow(clippy::unwrap_used)]

mod gated;
mod parts;
mod resuming;
mod tables;
