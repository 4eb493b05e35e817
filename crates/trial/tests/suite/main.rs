//! Trials as an experiment runs them.
#![allow(clippy::unwrap_used)]

mod courses;
mod gated;
mod parts;
mod resuming;
mod tables;
