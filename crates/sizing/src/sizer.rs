//! The contract of a sizer: task and budget in, a trained net and its bill out.

use std::time::{Duration, Instant};

use espalier_net::Network;
use espalier_seed::Seed;

use crate::bench::{Bench, Trained};
use crate::error::Result;
use crate::task::Task;
use crate::tuning::Dial;

/// What a sizer goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A metric that is read off a wide net.
    ReadOff,
    /// A method that changes the net while it trains.
    Strategy,
    /// Widths that are tried without looking into nets.
    Search,
}

impl Kind {
    /// The kind in words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ReadOff => "read-off",
            Self::Strategy => "strategy",
            Self::Search => "search",
        }
    }
}

/// Anything that takes a task and a budget and returns a trained net.
pub trait Sizer {
    /// Its name.
    fn name(&self) -> &'static str;

    /// What it goes by.
    fn kind(&self) -> Kind;

    /// The numbers that may be tuned, at most two.
    fn dials(&self) -> &'static [Dial] {
        &[]
    }

    /// The same sizer with other values of its dials; `None` for one without dials.
    fn turned(&self, values: &[f64]) -> Option<Box<dyn Sizer>> {
        let _ = values;
        None
    }

    /// Seeks the size. What it trains, evaluates and reads on the bench is charged there.
    ///
    /// # Errors
    /// Whatever keeps it from a net.
    fn find(&self, bench: &mut Bench<'_>) -> Result<Trained>;
}

/// How much a sizer may spend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Multiply–accumulates after which no training begins; no bound where it is `None`.
    pub macs: Option<u64>,
}

/// What a sizer spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    /// Multiply–accumulates of training steps.
    pub train_macs: u64,
    /// Multiply–accumulates of validation, of reading nets and of strategies' decisions.
    pub decision_macs: u64,
    /// Nets whose training was begun.
    pub trainings: u64,
    /// The time from beginning to end.
    pub wall: Duration,
    /// The part of it that epochs of training took, with what strategies decide in them.
    pub training: Duration,
}

impl Bill {
    /// All multiply–accumulates.
    #[must_use]
    pub fn macs(&self) -> u64 {
        self.train_macs + self.decision_macs
    }
}

/// What a sizer found, counted by the bench and not by the sizer.
#[derive(Clone, Debug)]
pub struct Found {
    /// The trained net.
    pub network: Network<f32>,
    /// Units of a hidden layer, the mean over the layers.
    pub width: f64,
    /// The validation score: accuracy, or R² for values.
    pub validation: f64,
    /// The bill.
    pub bill: Bill,
    /// What a reader should know of how the net came about.
    pub remark: Option<String>,
}

/// Lets a sizer seek on a task; equal seeds give equal nets.
///
/// # Errors
/// As [`Sizer::find`].
pub fn run(sizer: &dyn Sizer, task: &Task, seed: &Seed, budget: Budget) -> Result<Found> {
    let began = Instant::now();
    let mut bench = Bench::new(task, seed, budget);
    let trained = sizer.find(&mut bench)?;
    let mut bill = bench.bill();
    bill.wall = began.elapsed();
    Ok(Found {
        width: trained.width(),
        validation: trained.validation(),
        remark: trained.remark().map(str::to_owned),
        network: trained.into_network(),
        bill,
    })
}
