//! The kit that every strategy passes: one line in its crate runs all checks.
//!
//! A small driver trains reference networks on generated data, without the trainer and without any data set.
//!
//! ```
//! use espalier_strategy::{Fixed, conformance};
//!
//! let report = conformance::run(|| Box::new(Fixed))?;
//! assert_eq!(report.supported(), report.networks());
//! # Ok::<(), espalier_strategy::Error>(())
//! ```

mod broken;
mod check;
mod data;
mod driver;
mod parting;
mod prediction;
mod reborn;
mod reference;

pub use check::{Report, run, run_on};
pub use data::Samples;
pub use driver::{Driver, DriverOptions, Settled};
pub use reference::{
    Reference, gated_mlp, gated_unit_references, masked_cnn, masked_mlp, masked_references, references,
};
