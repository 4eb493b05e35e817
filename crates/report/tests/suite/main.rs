//! One program for all tests of `report` from outside, as linking takes longer than running.
#![allow(clippy::unwrap_used)]

mod arms;
mod browser;
mod declared;
mod journal;
mod looks;
mod page;
mod records;
mod rows;
mod sizes;
mod statistics;
