#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

use espalier_net::Network;
use espalier_strategy::{
    Clock, Composed, Groups, OneUnit, Oracle, Proposal, RandomSplit as RandomScales, Reading, Result, Sample, Selector,
    State, Strategy, Territory, Trigger, UnitRule, View, check_setting,
};
use serde::{Deserialize, Serialize};

/// The method's settings.
///
/// | field | default | range | in the source |
/// |---|---|---|---|
/// | `rule` | random | – | `split_type` |
/// | `groups` | all | editable groups | the hidden layer |
/// | `epochs` | 50 | ≥ 1 | 50 |
/// | `sample` | validation | growth or validation | validation |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RandomSplitSettings {
    /// How the unit is chosen.
    pub rule: UnitRule,
    /// Where.
    pub groups: Groups,
    /// Splits happen at the end of this many first epochs.
    pub epochs: u64,
    /// On which samples ablation losses and firing rates are measured.
    pub sample: Sample,
}

impl Default for RandomSplitSettings {
    fn default() -> Self {
        Self {
            rule: UnitRule::Random,
            groups: Groups::Editable,
            epochs: 50,
            sample: Sample::Validation,
        }
    }
}

/// Fires at the end of each of the first epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FirstEpochs(u64);

impl Trigger for FirstEpochs {
    fn prepare(&self, strategy: &str, _network: &Network<f32>) -> Result<()> {
        check_setting(strategy, "epochs", self.0 > 0, "at least 1", self.0)
    }

    fn fires(&mut self, view: &View<'_>) -> Result<bool> {
        Ok(view.occasion == espalier_strategy::Occasion::Epoch && view.clock.epoch <= self.0)
    }

    fn rests(&self, _clock: &Clock) -> bool {
        true
    }
}

/// Splits one unit of each group at the end of each of the first epochs.
///
/// # Example
/// ```
/// use espalier_random_split::{RandomSplit, RandomSplitSettings};
/// use espalier_strategy::UnitRule;
///
/// let strategy = RandomSplit::new(RandomSplitSettings { rule: UnitRule::HalfFiringRate, ..Default::default() });
/// # let _ = strategy;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RandomSplit {
    parts: Composed<FirstEpochs, OneUnit, RandomScales>,
}

impl RandomSplit {
    /// Makes the strategy.
    #[must_use]
    pub fn new(settings: RandomSplitSettings) -> Self {
        let mut selector = OneUnit::new(settings.rule, settings.groups);
        selector.sample = settings.sample;
        Self {
            parts: Composed::new("random-split", FirstEpochs(settings.epochs), selector, RandomScales),
        }
    }
}

impl Strategy for RandomSplit {
    fn name(&self) -> &str {
        self.parts.name()
    }

    fn prepare(&mut self, network: &Network<f32>) -> Result<()> {
        self.parts.prepare(network)
    }

    fn territory(&self, network: &Network<f32>) -> Territory {
        let edits = self
            .parts
            .selector
            .groups()
            .resolve(self.name(), network)
            .unwrap_or_default();
        Territory {
            edits,
            controls: Vec::new(),
        }
    }

    fn rests(&self, network: &Network<f32>, clock: &Clock) -> bool {
        self.parts.rests(network, clock)
    }

    fn propose(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        self.parts.propose(view, oracle)
    }

    fn readings(&self, network: &Network<f32>) -> Vec<Reading> {
        self.parts.readings(network)
    }

    fn state(&self) -> Result<State> {
        self.parts.state()
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.parts.restore(state)
    }
}
