//! What a strategy sees when it is asked to decide.

use espalier_net::Network;
use espalier_seed::{Seed, Stream};
use serde::{Deserialize, Serialize};

use crate::observations::Observations;

/// Where training stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Clock {
    /// Training steps taken.
    pub step: u64,
    /// Epochs done.
    pub epoch: u64,
    /// Training steps per epoch.
    pub steps_per_epoch: u64,
    /// Epochs that training will take.
    pub epochs: u64,
    /// The learning rate of the next step.
    pub learning_rate: f64,
    /// Seconds since training began, by the wall; different in every run.
    pub wall_seconds: f64,
}

/// When a strategy is asked for a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// Once, before the first step.
    Start,
    /// After every step.
    Step,
    /// After the last step of every epoch, behind that step's own occasion.
    Epoch,
}

/// The network as it stands, the time, and what was observed.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The network.
    pub network: &'a Network<f32>,
    /// Where training stands.
    pub clock: Clock,
    /// Why the strategy is asked now.
    pub occasion: Occasion,
    /// What the strategy's [`crate::Needs`] asked for.
    pub observed: &'a Observations,
    /// The strategy's seed for this decision: another one at each step and occasion.
    pub seed: &'a Seed,
}

impl View<'_> {
    /// Opens a random stream of this decision, so that a strategy needs to keep none.
    #[must_use]
    pub fn stream(&self, name: &str) -> Stream {
        self.seed.named(name).stream()
    }
}
