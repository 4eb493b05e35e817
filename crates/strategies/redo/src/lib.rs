#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod score;
mod settings;

use espalier_net::{GroupId, Network, Plan, Units};
use espalier_strategy::{
    Chosen, Occasion, Oracle, Proposal, ROUNDING, Result, Sample, Strategy, Territory, View, check_scores,
    emission_sites, random_fan_in,
};

pub use score::dormancy;
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
        let sites = emission_sites(network, group);
        let nodes: Vec<_> = sites.iter().map(|s| s.node).collect();
        let width = network.group(group).width();
        let mut sums = vec![vec![0.0_f64; width]; sites.len()];
        let mut rows = vec![0_usize; sites.len()];
        oracle.activations(network, &nodes, Sample::Growth, &mut |k, values| {
            let (channels, offset) = (network.width(nodes[k]), sites[k].offset);
            for row in values.chunks_exact(channels) {
                rows[k] += 1;
                sums[k]
                    .iter_mut()
                    .zip(&row[offset..])
                    .for_each(|(sum, x)| *sum += f64::from(x.abs()));
            }
        })?;
        let activity: Vec<f64> = (0..width)
            .map(|u| {
                (0..sites.len())
                    .map(|k| sums[k][u] / rows[k].max(1) as f64)
                    .sum::<f64>()
                    / sites.len().max(1) as f64
            })
            .collect();
        check_scores(network.group(group).name(), &activity)?;
        Ok(dormancy(&activity))
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
