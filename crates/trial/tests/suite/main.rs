//! Trials as an experiment runs them.
#![allow(clippy::unwrap_used)]

mod courses;
mod gated;
mod own_rows;
mod parts;
mod resuming;
mod side_by_side;
mod tables;
