//! One program for all tests of `sparsifier` from outside, as linking takes longer than running.
#![allow(clippy::unwrap_used)]

mod as_published;
mod facts;
