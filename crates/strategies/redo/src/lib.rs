#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod settings;

use espalier_net::{GroupId, Network, Plan, Units};
use espalier_strategy::{
    Chosen, Occasion, Oracle, Proposal, ROUNDING, Result, Strategy, Territory, View, dormancy_scores, random_fan_in,
};

pub use espalier_strategy::dormancy;
pub use settings::RedoSettings;

const NAME: &str = "redo";

/// Starts dormant units over.
///
/// # Paper
/// Sokar et al. 2023, algorithm 1.
///
/// # Example
/// ```
/// use espalier_redo::{Redo, RedoSettings};
///
/// let strategy = Redo::new(RedoSettings { threshold: 0.025, ..Default::default() });
/// # let _ = strategy;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Redo {
    settings: RedoSettings,
}

impl Redo {
    /// Makes the strategy.
    #[must_use]
    pub fn new(settings: RedoSettings) -> Self {
        Self { settings }
    }

    /// The dormancy scores of a group's units on the growth batch.
    ///
    /// # Errors
    /// As [`Oracle::activations`]; refuses activations that are not finite.
    pub fn scores(network: &Network<f32>, group: GroupId, oracle: &mut dyn Oracle) -> Result<Vec<f64>> {
        dormancy_scores(network, group, oracle)
    }

    /// Whether what the method does at τ = 0 leaves the outputs on the growth batch alone.
    fn is_exact(&self, network: &Network<f32>) -> bool {
        self.settings.threshold == 0.0 && !network.nodes().iter().any(|n| n.layer().mixes_channels())
    }
}

impl Strategy for Redo {
    fn name(&self) -> &str {
        NAME
    }

    fn prepare(&mut self, network: &Network<f32>) -> Result<()> {
        self.settings.check(NAME)?;
        self.settings.groups.resolve(NAME, network).map(|_| ())
    }

    fn territory(&self, network: &Network<f32>) -> Territory {
        self.settings.groups.territory(NAME, network)
    }

    fn propose(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        if view.occasion != Occasion::Step || !view.clock.step.is_multiple_of(self.settings.every_steps) {
            return Ok(None);
        }
        let network = view.network;
        let (mut plan, mut chosen) = (Plan::new(NAME), Vec::new());
        for group in self.settings.groups.resolve(NAME, network)? {
            let scores = Self::scores(network, group, oracle)?;
            let dormant: Vec<usize> = (0..scores.len())
                .filter(|u| scores[*u] <= self.settings.threshold)
                .collect();
            if dormant.is_empty() {
                continue;
            }
            let name = network.group(group).name();
            let mut stream = view.seed.named("fan-in").named(name).stream();
            let mut units = Units::of(network, group);
            for unit in &dormant {
                let fresh = random_fan_in(network, group, 0, self.settings.distribution, &mut stream);
                units = units.reinitialize(*unit, fresh)?;
            }
            plan.reason = format!("{}; {name}: {dormant:?}", plan.reason);
            plan = plan.with(units.edit("dormant"));
            chosen.extend(Chosen::scored(network, group, &dormant, &scores));
        }
        let exact = self.is_exact(network).then_some(ROUNDING);
        Ok((!plan.edits.is_empty()).then(|| Proposal {
            preserves: exact,
            chosen,
            ..Proposal::new(plan)
        }))
    }
}
