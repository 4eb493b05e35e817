#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod removal;
mod settings;

use std::collections::BTreeMap;

use espalier_net::{Applied, GroupId, Network, Plan};
use espalier_strategy::{
    Chosen, Controls, Error, Gradients, Occasion, Oracle, Outcome, Proposal, Reading, Result, Setting, State, Strategy,
    Territory, View, living_numbers, remove_closed,
};

pub use espalier_strategy::{Gate, Gates};
pub use removal::{Removal, Track};
pub use settings::{Initial, Penalty, SparsifierSettings};

const NAME: &str = "sparsifier";

/// Counts the units of each gate layer that its gate lets through, by the layer's name.
#[must_use]
pub fn living_units(network: &Network<f32>, gates: &Gates) -> Vec<(String, usize)> {
    let count = |gate: &Gate| gate.factors(network).iter().filter(|f| **f != 0.0).count();
    gates
        .of(network)
        .iter()
        .map(|g| (network.node(g.node).name().to_owned(), count(g)))
        .collect()
}

/// Closes gates with an L1 penalty and takes out the units behind closed ones.
///
/// # Paper
/// Leclerc et al., *ShrinkNets* (2018): L + λ‖β‖₁.
///
/// # Example
/// ```
/// use espalier_sparsifier::{Removal, Sparsifier, SparsifierSettings};
///
/// let removal = Removal::SignVariance { gamma: 0.9, threshold: 0.5 };
/// let strategy = Sparsifier::new(SparsifierSettings { lambda: 1e-4, removal, ..Default::default() });
/// # let _ = strategy;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Sparsifier {
    settings: SparsifierSettings,
    /// By the unit's number.
    tracks: BTreeMap<u64, Track>,
}

impl Sparsifier {
    /// Makes the strategy.
    #[must_use]
    pub fn new(settings: SparsifierSettings) -> Self {
        Self {
            settings,
            tracks: BTreeMap::new(),
        }
    }

    /// What is remembered of a unit's gate, by the unit's number.
    #[must_use]
    pub fn track(&self, unit: u64) -> Option<&Track> {
        self.tracks.get(&unit)
    }

    fn gates(&self, network: &Network<f32>) -> Vec<Gate> {
        self.settings.gates.of(network)
    }

    /// The channels of a gate whose units are dead for good.
    fn dead_channels(&self, network: &Network<f32>, gate: &Gate) -> Vec<usize> {
        let units = gate.units(network);
        let dead = |c: &usize| self.tracks.get(&units[*c].number()).is_some_and(|t| t.dead);
        (0..units.len()).filter(dead).collect()
    }

    fn initial_values(&self, view: &View<'_>) -> Vec<(String, Vec<f32>)> {
        let draw = |gate: &Gate| {
            let parameter = view.network.parameter(gate.parameter);
            let mut stream = view.stream(parameter.name());
            let mut value = || match self.settings.initial {
                Initial::Uniform => 1.0 - stream.uniform(),
                Initial::SignedUniform => stream.uniform_in(-1.0, 1.0),
                Initial::One | Initial::Kept => 1.0,
            };
            (
                parameter.name().to_owned(),
                parameter.values().iter().map(|_| value() as f32).collect(),
            )
        };
        self.gates(view.network).iter().map(draw).collect()
    }

    /// Follows every gate by one step.
    fn observe(&mut self, network: &Network<f32>) -> Result<()> {
        for gate in self.gates(network) {
            let parameter = network.parameter(gate.parameter);
            for (unit, theta) in gate.units(network).into_iter().zip(parameter.values()) {
                let theta = f64::from(*theta);
                if !theta.is_finite() {
                    return Err(Error::observation(parameter.name(), "finite gates", theta.to_string()));
                }
                match self.tracks.get_mut(&unit.number()) {
                    Some(track) if track.dead => {}
                    Some(track) => track.observe(theta, self.settings.removal),
                    None => _ = self.tracks.insert(unit.number(), Track::start(theta)),
                }
            }
        }
        Ok(())
    }

    /// The units to take out of each group; the one with the largest factor stays where the floor asks for it.
    fn removable(&self, network: &Network<f32>) -> Vec<Removable> {
        let mut found: BTreeMap<usize, (GroupId, Vec<bool>, Vec<f32>)> = BTreeMap::new();
        for gate in self.gates(network) {
            let factors = gate.factors(network);
            let units = gate.units(network);
            for (group, offset) in &gate.groups {
                let width = network.group(*group).width();
                let (_, dead, sizes) =
                    found
                        .entry(group.index())
                        .or_insert((*group, vec![false; width], vec![f32::INFINITY; width]));
                for unit in 0..width {
                    let factor = factors[offset + unit].abs();
                    let dead_before = self.tracks.get(&units[offset + unit].number()).is_some_and(|t| t.dead);
                    let small = matches!(self.settings.removal, Removal::Threshold { at } if f64::from(factor) <= at);
                    dead[unit] |= dead_before || small;
                    sizes[unit] = sizes[unit].min(factor);
                }
            }
        }
        let choose = |(group, dead, sizes): (GroupId, Vec<bool>, Vec<f32>)| {
            let mut units: Vec<usize> = (0..dead.len()).filter(|u| dead[*u]).collect();
            units.sort_by(|a, b| sizes[*a].total_cmp(&sizes[*b]).then(b.cmp(a)));
            units.truncate(dead.len().saturating_sub(network.group(group).floor().max(1)));
            units.sort_unstable();
            let sizes: Vec<f64> = sizes.into_iter().map(f64::from).collect();
            let chosen = Chosen::scored(network, group, &units, &sizes);
            Removable { group, units, chosen }
        };
        found
            .into_values()
            .map(choose)
            .filter(|removable| !removable.units.is_empty())
            .collect()
    }

    /// Takes dead units out and, at the end, multiplies gates into weights.
    fn collect(&self, view: &View<'_>) -> Result<Option<Proposal>> {
        let network = view.network;
        let last = self.settings.fold_at_end && view.clock.epoch >= view.clock.epochs;
        let due = last || view.clock.epoch.is_multiple_of(self.settings.collect_every_epochs);
        let dead = if due { self.removable(network) } else { Vec::new() };
        let fold = if last { self.gates(network) } else { Vec::new() };
        let chosen: Vec<Chosen> = dead.iter().flat_map(|removable| removable.chosen.clone()).collect();
        let dead: Vec<_> = dead
            .into_iter()
            .map(|removable| (removable.group, removable.units))
            .collect();
        Ok(remove_closed(network, NAME, "dead", &dead, &fold)?.map(|proposal| proposal.choosing(chosen)))
    }

    fn keep_living(&mut self, network: &Network<f32>) {
        let living = living_numbers(network);
        self.tracks.retain(|unit, _| living.contains(unit));
    }
}

/// The units of a group that can be taken out, with the sizes of their gates.
struct Removable {
    group: GroupId,
    units: Vec<usize>,
    chosen: Vec<Chosen>,
}

impl Strategy for Sparsifier {
    fn name(&self) -> &str {
        NAME
    }

    fn prepare(&mut self, network: &Network<f32>) -> Result<()> {
        self.settings.check(NAME)?;
        let gates = self.settings.gates.check(NAME, network, None)?;
        gates
            .iter()
            .try_for_each(|gate| self.settings.check_form(NAME, network, gate))
    }

    fn territory(&self, network: &Network<f32>) -> Territory {
        self.settings.gates.territory(network)
    }

    fn control(&mut self, _setting: Setting, controls: &mut Controls<'_>) -> Result<()> {
        for gate in self.gates(controls.network()) {
            let dead = self.dead_channels(controls.network(), &gate);
            let mut values = controls.network().parameter(gate.parameter).values().to_vec();
            if dead.iter().any(|c| values[*c] != 0.0) {
                dead.iter().for_each(|c| values[*c] = 0.0);
                controls.set_gate(gate.node, &values)?;
            }
        }
        Ok(())
    }

    fn penalty(&mut self, view: &View<'_>, gradients: &mut Gradients<'_>) -> Result<f64> {
        let lambda = self.settings.lambda_at(view.clock.epoch);
        let mut total = 0.0;
        for gate in self.gates(view.network) {
            let areas = if self.settings.kernel_area {
                gate.kernel_areas(view.network)
            } else {
                Vec::new()
            };
            let values = view.network.parameter(gate.parameter).values();
            let strict = self.settings.penalty == Penalty::Strict;
            for (channel, (gradient, theta)) in gradients.get_mut(gate.parameter).iter_mut().zip(values).enumerate() {
                let weight = lambda * areas.get(channel).copied().unwrap_or(1.0);
                let size = if strict { theta.max(0.0) } else { theta.abs() };
                total += weight * f64::from(size);
                if size > 0.0 {
                    *gradient += (weight * f64::from(theta.signum())) as f32;
                }
            }
        }
        Ok(total)
    }

    fn gradients(&mut self, view: &View<'_>, gradients: &mut Gradients<'_>) -> Result<()> {
        for gate in self.gates(view.network) {
            let dead = self.dead_channels(view.network, &gate);
            let gradient = gradients.get_mut(gate.parameter);
            dead.into_iter().for_each(|c| gradient[c] = 0.0);
        }
        Ok(())
    }

    fn propose(&mut self, view: &View<'_>, _oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        match view.occasion {
            Occasion::Start if self.settings.initial != Initial::Kept => {
                let values = self.initial_values(view);
                Ok(Some(Proposal {
                    values,
                    ..Proposal::new(Plan::new("first values of the gates"))
                }))
            }
            Occasion::Start => Ok(None),
            Occasion::Step => {
                if !matches!(self.settings.removal, Removal::Threshold { .. }) {
                    self.observe(view.network)?;
                }
                Ok(None)
            }
            Occasion::Epoch => self.collect(view),
        }
    }

    fn settled(&mut self, outcome: &Outcome, network: &Network<f32>) -> Result<()> {
        if outcome.applied().is_some() {
            self.keep_living(network);
        }
        Ok(())
    }

    fn followed(&mut self, _applied: &Applied, network: &Network<f32>) -> Result<()> {
        self.keep_living(network);
        Ok(())
    }

    fn readings(&self, network: &Network<f32>) -> Vec<Reading> {
        let of = |gate: &Gate| {
            let open = gate.factors(network).iter().filter(|factor| **factor > 0.0).count();
            Reading::new(network.node(gate.node).name(), "open", open as f64)
        };
        self.gates(network).iter().map(of).collect()
    }

    fn state(&self) -> Result<State> {
        State::of(NAME, &self.tracks)
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.tracks = state.read(NAME)?;
        Ok(())
    }
}
