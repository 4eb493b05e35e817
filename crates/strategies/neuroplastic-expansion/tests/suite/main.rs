//! One program for all tests of `neuroplastic-expansion` from outside, as linking takes longer than running.
#![allow(clippy::unwrap_used)]

mod as_published;
mod conformance;
mod decisions;
mod facts;
