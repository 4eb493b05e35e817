//! The study layer on toy rows.
#![allow(clippy::unwrap_used)]

mod evidence;
mod faults;
mod looks;
mod needed;
mod plots;
mod reading;
mod standard;
mod toy;
mod tuned;
