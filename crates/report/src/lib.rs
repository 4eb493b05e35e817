//! Typed rows, statistics with intervals, figures and report pages.
//!
//! Everything here works from recorded [`rows`] alone: no training, no tensors. A trial
//! pushes typed rows into a [`rows::Record`]; a report reads them back from
//! [`rows::Rows`], turns them into [`statistics::Estimate`]s, draws
//! [`figure::Figure`]s and writes a [`page::Report`] whose verdicts are computed.
//!
//! ```
//! use espalier_report::rows::{Record, Row, Rows, TrialKey};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Outcome {
//!     width: usize,
//!     test_accuracy: f64,
//! }
//! impl Row for Outcome {
//!     const TABLE: &'static str = "outcomes";
//! }
//!
//! # fn main() -> espalier_report::Result<()> {
//! let mut record = Record::new(TrialKey::new("c0ffee", "width-16", "mnist", 3));
//! record.push(&Outcome { width: 16, test_accuracy: f64::NAN })?;
//! let rows = Rows::from_records(&[record])?;
//! let outcomes = rows.get::<Outcome>()?;
//! assert_eq!(outcomes[0].key.seed, 3);
//! assert!(outcomes[0].row.test_accuracy.is_nan());
//! # Ok(())
//! # }
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod error;
pub mod figure;
pub mod files;
mod named;
pub mod page;
pub mod rows;
pub mod standard;
pub mod statistics;

pub use error::{Error, Result};
