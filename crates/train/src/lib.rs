//! The training loop, and what it reports as it goes.
//!
//! A [`Trainer`] owns a network, its workspace and its optimizer, and walks through a data
//! set epoch by epoch. Everything random comes from named streams of one seed, so that two
//! trainers with equal seeds see the same batches, whatever their networks' shapes.
//!
//! ```
//! use espalier_data::{LoadOptions, Source};
//! use espalier_net::{OptimizerKind, models};
//! use espalier_seed::Seed;
//! use espalier_train::{Regime, Split, Trainer};
//!
//! let data = espalier_data::load("add10", &Source::from_environment(None), &LoadOptions::default())?;
//! let seed = Seed::new(1);
//! let network = models::mlp(data.info.features, &[16], 1, &seed.named("network"))?;
//! let regime = Regime { epochs: 1, ..Regime::regression(OptimizerKind::adam()) };
//! let mut trainer = Trainer::new(network, data, regime, &seed)?;
//! let before = trainer.evaluate(Split::Validation)?.loss;
//! trainer.run(&mut |_| {})?;
//! assert!(trainer.evaluate(Split::Validation)?.loss < before);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod batch;
mod checkpoint;
mod error;
mod evaluation;
mod events;
mod growth;
mod hooks;
mod laboratory;
mod regime;
mod resident;
mod stacked;
mod stream;
mod trainer;

pub use batch::BatchSource;
pub use error::{Error, Result};
pub use espalier_data::Split;
pub use evaluation::Evaluation;
pub use events::{EditEvent, EditTiming, Events, FollowUp};
pub use regime::{ClassWeights, MemoryBudget, Regime};
pub use stacked::{StackedEpoch, train_together};
pub use trainer::{EpochSummary, StopReason, Trainer};
