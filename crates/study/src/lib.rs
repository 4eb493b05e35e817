//! Recorded trials as a study: arms with their factors, quantities, statistics over paired seeds, claims that name what
//! they compare, and figures drawn from the same names.
//!
//! A [`Study`] joins the rows of trials with the [`Arm`]s that they belong to, on one or several data sets. A
//! [`Quantity`] is a number of one net; a [`Statistic`] is built from quantities and says what it is. [`Claims`] compare
//! statistics: each declares its one cause, and every other setting in which its arms differ makes it *confounded*
//! rather than confirmed or refuted.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod against;
mod arm;
mod bound;
mod claim;
mod contrast;
mod converged;
mod error;
mod factor;
mod judge;
mod needed;
mod obstacle;
mod page;
pub mod plot;
pub mod prelude;
mod quantity;
mod recorded;
pub mod standard;
mod statistic;
mod study;
mod table;
mod tuned;
mod words;

pub use arm::Arm;
pub use claim::{Claims, Declared, Kind};
pub use error::{Error, Result};
pub use espalier_report::rows::VARIANTS;
pub use factor::{Factor, FactorKind, Level, Where};
pub use judge::Judged;
pub use quantity::{Better, Quantity};
pub use recorded::{Recorded, Trial};
pub use statistic::{Measure, Statistic};
pub use study::{Nets, Set, Study};
pub use tuned::{Edge, Tuned};
