//! Trials that train networks.
//!
//! A [`Training`] trains one network of a trial to its end: it goes on from the last checkpoint, shows progress, gives way
//! when the worker leaves, ends a trial that diverges, reads the test split once, and records the standard tables of
//! [`espalier_report::standard`]. An experiment says only what is its own.
//!
//! # Example
//! ```no_run
//! # use espalier_experiment::TrialContext;
//! # use espalier_net::OptimizerKind;
//! # use espalier_sparsifier::{Sparsifier, SparsifierSettings};
//! # use espalier_train::Regime;
//! use espalier_trial::Training;
//! # fn gated(_: &espalier_data::Dataset, _: &espalier_seed::Seed) -> anyhow::Result<espalier_net::Network<f32>> { unimplemented!() }
//!
//! fn trial(ctx: &mut TrialContext<'_, &'static str>) -> anyhow::Result<()> {
//!     let (seed, regime) = (ctx.seed(), Regime::classification(OptimizerKind::adam()));
//!     // Resumes, trains, evaluates and records `epochs` and `readings`.
//!     let gated = Training::new(ctx, regime.clone(), &seed)
//!         .network(gated)
//!         .strategy(Sparsifier::new(SparsifierSettings::default()))
//!         .run("gated")?;
//!     let units = gated.reading("open")?;
//!     gated.record(ctx)?; // `outcomes`, `edits`, `chosen` and `follow-ups`
//!     // A second network of the same trial; the first is not trained again when the trial is resumed here.
//!     Training::new(ctx, regime, &seed).mlp(&[units as usize]).run("twin")?.record(ctx)
//! }
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod choice;
mod design;
mod moment;
mod rows;
mod shelf;
mod trained;
mod training;

pub use choice::{ChoiceRow, Chosen};
pub use design::{Design, Designed, VALIDATION_IMAGES, beside, main};
pub use moment::{During, Moment};
pub use rows::{ChosenRow, EditRow, FollowUpRow, stand_in};
pub use trained::Trained;
pub use training::{Training, gated_mlp};
