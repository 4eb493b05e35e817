//! Estimates with intervals, tests and corrections.
//!
//! Every resample draws from a named stream of [`espalier_seed`], in one fixed order, so
//! that a number never depends on the number of threads. A value that is not finite is an
//! error that says how many there are: diverged trials are counted, never dropped in
//! silence ([`split_finite`] counts them).

mod arms;
mod bootstrap;
mod correction;
mod estimate;
mod interval;
mod line;
mod looks;
mod movement;
mod permutation;
mod power;
mod sample;
mod seeds;
mod tasks;

pub use arms::{Arms, Choice, Contrast, Tried, choose};
pub use bootstrap::{Bootstrap, Pairing};
pub use correction::holm;
pub(crate) use estimate::EDGE_DIGITS;
pub use estimate::{Estimate, figures, figures_beside};
pub use interval::{IntervalMethod, wilson};
pub use line::{interpolated, line_slope};
pub use looks::Looks;
pub use movement::{Course, Movement, window};
pub use permutation::{Alternative, Permutation, PermutationResult};
pub use power::{POWER, least_p, seeds_needed, smallest_effect};
pub use sample::{Diverged, interquartile_mean, mean, median, quantile, split_finite, standard_deviation};
pub use seeds::PairedSeeds;
pub use tasks::ScoreMatrix;
