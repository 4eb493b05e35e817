#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod growth;
mod schedule;
mod settings;

use std::collections::BTreeMap;

use espalier_net::{Network, OptimizerKind, Plan};
use espalier_strategy::{
    Clock, Error, EveryEpochs, Needs, Occasion, Oracle, Proposal, Result, State, Strategy, Territory, Trigger, View,
    changed_values,
};
use serde::{Deserialize, Serialize};

use growth::Place;
pub use growth::potentials;
pub use schedule::{Quota, dormant, promising, quota, review_probability};
pub use settings::NeuroplasticExpansionSettings;

const NAME: &str = "neuroplastic-expansion";

/// Grows units by the gradients that await them, prunes dormant ones, and reviews training samples.
///
/// # Paper
/// Liu et al. 2025.
///
/// # Example
/// ```
/// use espalier_neuroplastic_expansion::{NeuroplasticExpansion, NeuroplasticExpansionSettings};
/// use espalier_strategy::EverySteps;
///
/// let every_epoch = NeuroplasticExpansion::new(NeuroplasticExpansionSettings::default());
/// let without_review = NeuroplasticExpansionSettings { review_steps: 0, ..Default::default() };
/// let every_thousand_steps = NeuroplasticExpansion::when(EverySteps(1000), without_review);
/// # let _ = (every_epoch, every_thousand_steps);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct NeuroplasticExpansion<T = EveryEpochs> {
    settings: NeuroplasticExpansionSettings,
    trigger: T,
    memory: Memory,
}

/// What is kept between decisions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Memory {
    /// The width that each group had at its first decision, by name.
    first: BTreeMap<String, usize>,
    /// The share of dormant units at the last decision.
    dormant: Option<f64>,
    /// The probability of a review behind the next step, where one may come.
    review: Option<f64>,
}

impl NeuroplasticExpansion {
    /// Makes the strategy.
    #[must_use]
    pub fn new(settings: NeuroplasticExpansionSettings) -> Self {
        Self::when(EveryEpochs(settings.every_epochs), settings)
    }
}

impl<T: Trigger> NeuroplasticExpansion<T> {
    /// Makes the strategy with another trigger; `every_epochs` then says nothing.
    #[must_use]
    pub fn when(trigger: T, settings: NeuroplasticExpansionSettings) -> Self {
        Self {
            settings,
            trigger,
            memory: Memory::default(),
        }
    }

    fn horizon(&self, clock: &Clock) -> u64 {
        match self.settings.horizon_epochs {
            0 => clock.epochs,
            epochs => epochs,
        }
    }

    /// The groups with their first widths and scores.
    fn places(&mut self, network: &Network<f32>, oracle: &mut dyn Oracle) -> Result<Vec<Place>> {
        let mut found = Vec::new();
        for group in self.settings.groups.resolve(NAME, network)? {
            let of = network.group(group);
            let first = *self.memory.first.entry(of.name().to_owned()).or_insert(of.width());
            found.push(Place::of(network, group, first, oracle)?);
        }
        Ok(found)
    }

    /// Notes the share of dormant units, and how likely a review behind the next step has become.
    fn watch(&mut self, share: f64) {
        let before = self.memory.dormant.replace(share);
        let floor = self.settings.review_floor;
        let probability = before.map(|before| review_probability(floor, before, share));
        self.memory.review = probability.filter(|_| self.settings.review_steps > 0);
    }

    /// Trains a copy on samples of the growth batch and proposes its weights.
    fn review(&self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        let mut reviewed = view.network.clone();
        let (steps, rate) = (self.settings.review_steps, view.clock.learning_rate);
        let loss = oracle.train(&mut reviewed, &OptimizerKind::adam(), rate, steps)?;
        let values = changed_values(view.network, &reviewed);
        if !values
            .iter()
            .flat_map(|(_, values)| values)
            .all(|value| value.is_finite())
        {
            let found = format!("some that are not, at a loss of {loss}");
            return Err(Error::observation("weights behind a review", "finite ones", found));
        }
        Ok(Some(Proposal {
            values,
            ..Proposal::new(Plan::new(format!("{NAME}; review of {steps} steps")))
        }))
    }
}

impl<T: Trigger> Strategy for NeuroplasticExpansion<T> {
    fn name(&self) -> &str {
        NAME
    }

    fn prepare(&mut self, network: &Network<f32>) -> Result<()> {
        self.settings.check(NAME)?;
        self.trigger.prepare(NAME, network)?;
        self.settings.groups.resolve(NAME, network).map(|_| ())
    }

    fn territory(&self, network: &Network<f32>) -> Territory {
        self.settings.groups.territory(NAME, network)
    }

    fn needs(&self, network: &Network<f32>, clock: &Clock) -> Needs {
        self.trigger.needs(network, clock)
    }

    fn rests(&self, _: &Network<f32>, clock: &Clock) -> bool {
        self.memory.review.is_none() && self.trigger.rests(clock)
    }

    fn propose(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        if view.occasion == Occasion::Step
            && let Some(probability) = self.memory.review.take()
            && view.stream("review").uniform() < probability
        {
            return self.review(view, oracle);
        }
        let horizon = self.horizon(&view.clock);
        if !self.trigger.fires(view)? || view.clock.epoch >= horizon {
            return Ok(None);
        }
        let places = self.places(view.network, oracle)?;
        let proposal = growth::propose(&self.settings, view, &places, horizon, oracle)?;
        self.watch(growth::dormant_share(&places, self.settings.threshold));
        Ok(proposal)
    }

    fn state(&self) -> Result<State> {
        State::join(NAME, &[State::of(NAME, &self.memory)?, self.trigger.state()?])
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        let parts = state.parts(NAME, 2)?;
        self.memory = parts[0].read(NAME)?;
        self.trigger.restore(&parts[1])
    }
}
