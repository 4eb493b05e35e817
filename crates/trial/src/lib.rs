//! Trials that train networks.
//!
//! A [`Training`] trains one network of a trial to its end: it goes on from the last checkpoint, shows progress, gives way
//! when the worker leaves, ends a trial that diverges, reads the test split once, and records the standard tables of
//! [`espalier_report::standard`]. An experiment says only what is its own.
//!
//! # Example
//! ```no_run
//! # use espalier_experiment::TrialContext;
//! # use espalier_net::{Activation, GateForm, Network, NetworkBuilder, OptimizerKind};
//! # use espalier_sparsifier::{Sparsifier, SparsifierSettings};
//! # use espalier_train::Regime;
//! use espalier_trial::Training;
//!
//! /// A hidden layer whose 64 units have a gate each.
//! fn gated(data: &espalier_data::Dataset, seed: &espalier_seed::Seed) -> anyhow::Result<Network<f32>> {
//!     let mut layers = NetworkBuilder::new();
//!     let x = layers.input("x", [1, 1], data.info.features)?;
//!     let top = layers.dense("hidden", x, 64)?;
//!     let top = layers.activation("relu", top, Activation::Relu)?;
//!     let top = layers.gate("gate", top, GateForm::Rectified)?;
//!     let logits = layers.dense("logits", top, data.info.targets.outputs())?;
//!     Ok(layers.build(&[logits], seed)?)
//! }
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
mod cnn;
mod course;
mod design;
mod measure;
mod moment;
mod perceptron;
pub mod prelude;
mod rows;
mod shelf;
mod trained;
mod training;

pub use choice::{ChoiceRow, ChosenEpoch};
pub use cnn::{cnn, cnn_footprint};
pub use design::{Design, Designed, Run, VALIDATION_IMAGES, beside, main, shortened_images};
pub use measure::{accuracy, observe};
pub use moment::{During, Moment};
pub use perceptron::Perceptron;
pub use rows::{ChosenRow, EditRow, FollowUpRow, absent, own_row, own_rows, stand_in};
pub use trained::Trained;
pub use training::{Training, gated_mlp};
