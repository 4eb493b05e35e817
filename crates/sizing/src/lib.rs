//! Which method finds the size that a layer needs, and what does it cost?
//!
//! A [`Task`] is a data set, a family of nets (some hidden layers of one width) and a way of training them: until the
//! validation loss has stopped falling. A [`Sizer`] gets a [`Bench`] on which it trains what it likes within a budget,
//! and hands back a trained net; the bench counts the net's units and the bill, and shows no test row. There are three
//! kinds of sizers: [`ReadOff`]s train one wide net and read a width off it, strategies ([`Reshaping`]) change the net
//! while it trains, and [`searches`] try widths without looking into nets.
//!
//! Judge is the [`Sweep`]: static nets over widths, the same seeds for each. It says which width is needed (with an
//! interval) and what a static net of any size scores ([`Frontier`]); a [`Score`] sets what a sizer found against both.
//! The needed width is an estimate like any other: scores are from its value, claims draw it anew with the sizers' seeds.
//! [`audit`](audit()) finds sizers that read what they must not see.
//!
//! ```
//! use std::sync::Arc;
//! use espalier_data::{LoadOptions, Source, load};
//! use espalier_seed::Seed;
//! use espalier_sizing::{Budget, Task, Training, run, searches::Bisection};
//!
//! let data = load("add10", &Source::default(), &LoadOptions::default())?;
//! let training = Training { most_epochs: 1, ..Training::default() };
//! let task = Task::new(data, 1, 8, training)?;
//! let found = run(&Bisection { tolerance: 0.01 }, &task, &Seed::new(1), Budget::default())?;
//! assert!(found.width <= 8.0 && found.bill.trainings >= 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod audit;
mod bench;
mod error;
mod frontier;
mod isotonic;
mod leaderboard;
mod needed;
mod read_offs;
mod reading;
mod reshaping;
mod score;
pub mod searches;
mod sizer;
mod task;
mod tuning;

pub use audit::{Audit, audit};
pub use bench::{Bench, Candidate, Keeps, Trained};
pub use error::{Error, Result};
pub use frontier::{Frontier, Point};
pub use isotonic::isotonic;
pub use leaderboard::{Board, Line, profile};
pub use needed::{Best, Needed, Sweep, first_enough};
pub use read_offs::{READ_OFFS, ReadOff};
pub use reading::Reading;
pub use reshaping::{Ends, Reshaping};
pub use score::{Net, Score};
pub use sizer::{Bill, Budget, Found, Kind, Sizer, run};
pub use task::{Task, Training};
pub use tuning::{Dial, MOST_DIALS, Tuned, points};
