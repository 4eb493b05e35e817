//! Benchmarks: against peers in interleaved rounds, against the arithmetic peak, and in instructions.
//!
//! The binary `peers` measures the same work done by this project and by others; `count_step` is what the
//! binary `instructions` runs under callgrind; `agreement` compares accuracies with those of Candle's plain operations;
//! `benches/` times kernels, edits, metrics and data loading.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod agreement;
pub mod calendar;
pub mod cell;
pub mod chart;
pub mod command;
pub mod device;
pub mod hardware;
pub mod interval;
pub mod model;
pub mod peak;
pub mod process;
pub mod protocol;
#[cfg(test)]
mod readme;
pub mod results;
pub mod rounds;
pub mod server;
pub mod summary;
pub mod way;
