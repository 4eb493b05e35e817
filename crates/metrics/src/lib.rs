//! Sizing metrics over plain observations.
//!
//! Which width does a layer need? This crate holds the measures that have been proposed as an
//! answer, and the statistics to judge them by. Everything takes slices (with a width where
//! they are matrices, row-major, one column per unit) and gives owned values; nothing here
//! knows a network, so that every number also recomputes from recorded rows.
//!
//! | Question | Items |
//! |---|---|
//! | How does each unit vary and fire? | [`UnitMoments`] |
//! | Which units are dead? | [`DeadUnits`], [`DeadRule`], [`DeadDetector`] |
//! | Are the spreads normal? | [`shapiro_wilk`], [`sample_shape`], [`ks_test`] |
//! | Which law do they follow? | [`Exponential`], [`Normal`], [`Gamma`], [`LogNormal`] |
//! | Which share of units is idle? | [`fit_exp_normal`], [`fit_two_gamma`] |
//! | How many directions are used? | [`CovarianceAccumulator`], [`Pca`] |
//! | What is the rank? | [`effective_rank`], [`stable_rank`], [`numerical_rank`], [`LowRank`] |
//! | How many dimensions do the samples fill? | [`two_nn`], [`likelihood_dimension`] |
//! | How heavy is the spectrum's tail? | [`spectral_tail`], [`power_tail`] |
//! | Where does a curve saturate? | [`LineFit`], [`LogFit`], [`knee`], [`pearson`], [`spearman`] |
//! | Which trials are worth it? | [`pareto_front`], [`expected_best_of`], [`expected_of_chosen`] |
//! | Which features does a linear model need? | [`GroupLasso`] |
//! | How does a sample look? | [`kernel_density`], [`Histogram`] |
//!
//! # Example: from activations to the share of idle units
//! ```
//! use espalier_metrics::{DeadRule, DeadUnits, EmOptions, UnitMoments, fit_exp_normal, shapiro_wilk};
//!
//! // 400 samples of a layer of 60 units: every third hardly moves, one is dead.
//! let units = 60;
//! let mut moments = UnitMoments::new(units)?;
//! for sample in 0..400 {
//!     let phase = sample as f32 * 0.37;
//!     let activation = |unit: usize| {
//!         let reach = if unit == 0 { 0.0 } else if unit % 3 == 0 { 0.05 * unit as f32 / 60.0 } else { 2.0 + (unit as f32).sin() };
//!         reach * (phase * (1.0 + unit as f32)).sin().max(0.0)
//!     };
//!     let row: Vec<f32> = (0..units).map(activation).collect();
//!     moments.observe(&row, units)?;
//! }
//! let dead = DeadUnits::of(&moments, DeadRule::Spread(0.0));
//! assert_eq!(dead.count(), 1);
//!
//! let spreads: Vec<f64> = moments.std().into_iter().filter(|&s| s > 0.0).collect();
//! assert!(shapiro_wilk(&spreads)?.p_value < 0.05); // two groups are not one bell
//! let fit = fit_exp_normal(&spreads, &EmOptions::exp_normal())?;
//! assert!((fit.mixture.low_share - 0.33).abs() < 0.05);
//! # Ok::<(), espalier_metrics::Error>(())
//! ```
//!
//! # Example: directions and rank
//! ```
//! use espalier_metrics::{CovarianceAccumulator, Pca, effective_rank, singular_values};
//!
//! let weight = [1.0, 0.0, 0.0, 1.0, 1.0, 1.0]; // three units over two inputs
//! assert!(effective_rank(&singular_values(&weight, 2)?)? < 2.0);
//! let mut inputs = CovarianceAccumulator::new(2)?;
//! inputs.observe(&[1.0, 0.0, 0.0, 1.0, -1.0, 0.0, 0.0, -1.0], 2)?;
//! let layer = inputs.finish()?.of_linear(&weight, &[0.0; 3])?;
//! assert_eq!(Pca::of(&layer)?.components_for(0.999), 2);
//! # Ok::<(), espalier_metrics::Error>(())
//! ```
//!
//! # Example: dead units over a window
//! ```
//! use espalier_metrics::DeadDetector;
//!
//! let mut detector = DeadDetector::new(3, 4, 1e-6)?; // 3 channels, 4 batches
//! for batch in 0..4 {
//!     // Two samples of four positions each: eight rows. Channel 1 fires once.
//!     let mut rows = vec![0.0; 8 * 3];
//!     rows.iter_mut().step_by(3).for_each(|channel_0| *channel_0 = 1.0);
//!     rows[3 * 7 + 1] = if batch == 2 { 0.1 } else { 0.0 };
//!     detector.observe(&rows, 3)?;
//! }
//! assert_eq!(detector.dead().indices(), [2]);
//! # Ok::<(), espalier_metrics::Error>(())
//! ```
//!
//! # Example: which law a score follows
//! ```
//! use espalier_metrics::{Distribution, Histogram, LogNormal, Normal, ks_test_fitted, sample_shape};
//! use espalier_seed::Seed;
//!
//! let mut stream = Seed::new(7).named("scores").stream();
//! let planted = LogNormal { mu: -3.0, sigma: 0.8 };
//! let scores: Vec<f64> = (0..500).map(|_| planted.sample(&mut stream)).collect();
//! let (fit, log_normal) = ks_test_fitted::<LogNormal>(&scores, 99, &mut stream)?;
//! let (_, normal) = ks_test_fitted::<Normal>(&scores, 99, &mut stream)?;
//! assert!((fit.mu + 3.0).abs() < 0.15);
//! assert!(log_normal.statistic < normal.statistic && normal.p_value < 0.05);
//! assert!(sample_shape(&scores)?.skewness > 1.0);
//! assert_eq!(Histogram::logarithmic(&scores, 1e-4, 10.0, 20)?.total(), 500);
//! # Ok::<(), espalier_metrics::Error>(())
//! ```
//!
//! # Example: from trials to a width
//! ```
//! use espalier_metrics::{LogFit, Plateau, expected_best_of, knee, pareto_front, spearman};
//!
//! let widths = [16.0, 32.0, 64.0, 128.0, 256.0, 512.0];
//! let accuracy = [0.91, 0.95, 0.972, 0.979, 0.98, 0.978];
//! assert_eq!(knee(&widths, &accuracy, 0.002, Plateau::Best)?.width, 128.0);
//! assert_eq!(pareto_front(&widths, &accuracy)?, [0, 1, 2, 3, 4]);
//! assert!(LogFit::of(&widths, &accuracy)?.r_squared > 0.7);
//! assert!(spearman(&widths, &accuracy)? > 0.8);
//! assert_eq!(expected_best_of(&accuracy)?[5], 0.98);
//! # Ok::<(), espalier_metrics::Error>(())
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod bits;
mod block;
mod correlation;
mod covariance;
mod curve;
mod dead;
mod density;
mod error;
mod fits;
mod frontier;
mod group_lasso;
mod histogram;
mod journal;
mod kolmogorov;
mod likelihood_dimension;
mod mixture;
mod moments;
mod neighbours;
mod observation;
mod pca;
mod power_tail;
mod rank;
#[cfg(test)]
mod samples;
mod shape;
mod shapiro;
mod two_nn;

pub use correlation::{average_ranks, pearson, spearman};
pub use covariance::{Covariance, CovarianceAccumulator};
pub use curve::{Knee, LineFit, LogFit, Plateau, knee, means_by_width};
pub use dead::{DeadDetector, DeadRule, DeadUnits};
pub use density::{Bandwidth, Density, even_grid, kernel_density};
pub use error::{Error, Result};
pub use fits::{Distribution, Exponential, Gamma, LogNormal, Normal};
pub use frontier::{cheapest_reaching, expected_best_of, expected_of_chosen, pareto_front};
pub use group_lasso::{GroupLasso, GroupLassoFit, GroupLassoOptions, Response};
pub use histogram::Histogram;
pub use journal::{JOURNAL_LIFT, journal_exp_normal, journal_two_gamma};
pub use kolmogorov::{KolmogorovSmirnov, kolmogorov_survival, ks_test, ks_test_fitted};
pub use likelihood_dimension::likelihood_dimension;
pub use mixture::{
    EmOptions, EmOutcome, ExpNormal, Mixture, MixtureFit, TWO_GAMMA_OFFSET, TwoGamma, fit_exp_normal, fit_mixture,
    fit_two_gamma,
};
pub use moments::UnitMoments;
pub use pca::Pca;
pub use power_tail::{PowerTail, power_tail, spectral_tail};
pub use rank::{LowRank, effective_rank, numerical_rank, participation_ratio, singular_values, stable_rank};
pub use shape::{Shape, sample_shape};
pub use shapiro::{
    SHAPIRO_LARGEST, SHAPIRO_SMALLEST, SampledShapiroWilk, ShapiroWilk, shapiro_wilk, shapiro_wilk_subsampled,
};
pub use two_nn::{TWO_NN_DISCARDED, TwoNn, two_nn};
