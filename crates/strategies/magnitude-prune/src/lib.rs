#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod compaction;
mod layers;
mod pruning;
mod rank;
mod settings;

use std::collections::BTreeMap;

use espalier_net::{GroupId, Network, NodeId};
use espalier_strategy::{Error, Occasion, Oracle, Proposal, Result, State, Strategy, Territory, View, produced_by};

pub use compaction::{compaction, silent_units};
pub use espalier_strategy::{mask_of, output_layers, prunable_layers};
pub use pruning::{Evidence, Pruning, prune_units, prune_weights};
pub use rank::{lowest, lowest_of_columns, share};
pub use settings::{Form, MagnitudePruneSettings, Scope, UnitScore, WeightScore};

const NAME: &str = "magnitude-prune";

/// Prunes weights or units by a score, in one or several rounds.
///
/// # Example
/// ```
/// use espalier_magnitude_prune::{Form, MagnitudePrune, MagnitudePruneSettings, Scope, UnitScore};
///
/// let strategy = MagnitudePrune::new(MagnitudePruneSettings {
///     scope: Scope::Units(UnitScore::L2),
///     form: Form::Remove,
///     fraction: 0.75,
///     rounds: 3,
///     ..Default::default()
/// });
/// # let _ = strategy;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct MagnitudePrune {
    settings: MagnitudePruneSettings,
    /// The width of each group before the first round, by its name: what the share is of once units are cut out.
    widths: BTreeMap<String, usize>,
}

impl MagnitudePrune {
    /// Makes the strategy.
    #[must_use]
    pub fn new(settings: MagnitudePruneSettings) -> Self {
        Self {
            settings,
            widths: BTreeMap::new(),
        }
    }

    fn layers(&self, network: &Network<f32>) -> Result<Vec<NodeId>> {
        prunable_layers(NAME, network, &self.settings.skip)
    }

    /// The groups whose units may be pruned: all their makers are prunable layers.
    fn groups(&self, network: &Network<f32>) -> Result<Vec<GroupId>> {
        let layers = self.layers(network)?;
        let named = |id: &NodeId| network.node(*id).parameter(espalier_net::Role::Weight);
        let weights: Vec<_> = layers.iter().filter_map(named).collect();
        let mut groups = self.settings.groups.resolve(NAME, network)?;
        groups.retain(|g| {
            let makers = produced_by(network, *g, espalier_net::Role::Weight);
            !makers.is_empty() && makers.iter().all(|o| weights.contains(&o.parameter))
        });
        if groups.is_empty() {
            return Err(Error::unsupported(
                NAME,
                "none of its groups is made by layers that may be pruned alone",
            ));
        }
        Ok(groups)
    }

    /// The layers whose masks are set.
    fn masked(&self, network: &Network<f32>) -> Result<Vec<NodeId>> {
        if self.settings.form != Form::Mask {
            return Ok(Vec::new());
        }
        let Scope::Units(_) = self.settings.scope else {
            return self.layers(network);
        };
        let mut layers = Vec::new();
        for group in self.groups(network)? {
            let owners = produced_by(network, group, espalier_net::Role::Weight);
            layers.extend(owners.iter().filter_map(|o| layers::layer_of(network, o.parameter)));
        }
        layers.sort_unstable();
        layers.dedup();
        Ok(layers)
    }

    fn prune(&self, view: &View<'_>, oracle: &mut dyn Oracle, fraction: f64) -> Result<Pruning> {
        let network = view.network;
        let by_gradient = [Scope::Weights(WeightScore::Taylor), Scope::Units(UnitScore::Taylor)];
        let probe = match by_gradient.contains(&self.settings.scope) {
            true => Some(oracle.probe(network, &[])?),
            false => None,
        };
        let evidence = Evidence {
            probe: probe.as_ref(),
            seed: &view.seed.named("scores"),
        };
        let form = self.settings.form;
        match self.settings.scope {
            Scope::Weights(score) => prune_weights(network, &self.layers(network)?, (score, form), fraction, &evidence),
            Scope::Units(score) => {
                let count = |group| self.units_in_round(network, group, fraction);
                prune_units(
                    network,
                    &self.groups(network)?,
                    (score, form, self.settings.bias),
                    count,
                    &evidence,
                )
            }
        }
    }

    /// How many units of a group a round takes.
    fn units_in_round(&self, network: &Network<f32>, group: GroupId, fraction: f64) -> usize {
        let place = network.group(group);
        if self.settings.form != Form::Remove {
            return share(fraction, place.width());
        }
        let original = self.widths.get(place.name()).copied().unwrap_or(place.width());
        place.width().saturating_sub(original - share(fraction, original))
    }
}

impl Strategy for MagnitudePrune {
    fn name(&self) -> &str {
        NAME
    }

    fn prepare(&mut self, network: &Network<f32>) -> Result<()> {
        self.settings.check(NAME)?;
        self.layers(network)?;
        if let Scope::Units(_) = self.settings.scope {
            self.groups(network)?;
        }
        for layer in self.masked(network)? {
            mask_of(NAME, network, layer)?;
        }
        self.widths = network
            .groups()
            .iter()
            .map(|g| (g.name().to_owned(), g.width()))
            .collect();
        Ok(())
    }

    fn territory(&self, network: &Network<f32>) -> Territory {
        let removes = self.settings.form == Form::Remove;
        let edits = if removes {
            self.groups(network).unwrap_or_default()
        } else {
            Vec::new()
        };
        Territory {
            edits,
            controls: self.masked(network).unwrap_or_default(),
        }
    }

    fn propose(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        let epoch = match view.occasion {
            Occasion::Start => 0,
            Occasion::Epoch => view.clock.epoch,
            Occasion::Step => return Ok(None),
        };
        let Some(round) = self.settings.round_at(epoch) else {
            return Ok(None);
        };
        let fraction = self.settings.fraction_after(round);
        let mut pruning = self.prune(view, oracle, fraction)?;
        if pruning.is_empty() {
            return Ok(None);
        }
        pruning.plan.reason = format!(
            "round {round} of {}: {:.4} of {:?} pruned",
            self.settings.rounds, fraction, self.settings.scope
        );
        Ok(Some(Proposal {
            values: pruning.values,
            // A unit at rest keeps the biases at 0 that momentum would move.
            unit_rates: pruning.resting.into_iter().map(|u| (u, 0.0)).collect(),
            chosen: pruning.chosen,
            ..Proposal::new(pruning.plan)
        }))
    }

    fn state(&self) -> Result<State> {
        State::of(NAME, &self.widths)
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.widths = state.read(NAME)?;
        Ok(())
    }
}
