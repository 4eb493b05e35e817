#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod rule;
mod settings;

use std::collections::BTreeMap;

use espalier_net::{Edit, GroupId, Network, NewUnit, OverBudget, Plan, Role, UnitEdit, UnitId, Units};
use espalier_strategy::{
    Chosen, Clock, Error, Groups, Limits, Need, Needs, Occasion, Oracle, Outcome, Proposal, ROUNDING, Result, Since,
    State, Strategy, Territory, View, check_scores, places, produced_by,
};

pub use rule::{Centre, Decision, decide};
pub use settings::{GradientSplitSettings, Parting};

const NAME: &str = "gradient-split";

/// Splits units with large gradients and removes those with small ones.
///
/// # Example
/// ```
/// use espalier_gradient_split::{GradientSplit, GradientSplitSettings};
///
/// let strategy = GradientSplit::new(GradientSplitSettings { cutoff_add: 0.3, cutoff_remove: 0.8, ..Default::default() });
/// # let _ = strategy;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct GradientSplit {
    settings: GradientSplitSettings,
    /// The epoch at which units were last split or made, by their number.
    changed: BTreeMap<u64, u64>,
    epoch: u64,
}

impl GradientSplit {
    /// Makes the strategy.
    #[must_use]
    pub fn new(settings: GradientSplitSettings) -> Self {
        Self {
            settings,
            changed: BTreeMap::new(),
            epoch: 0,
        }
    }

    fn rests(&self, unit: UnitId) -> bool {
        let since = self.changed.get(&unit.number());
        since.is_some_and(|since| self.epoch < since + self.settings.rest_epochs)
    }

    /// The parameters whose gradients make the scores of a group: biases where there are any, else weights.
    fn scored(network: &Network<f32>, group: GroupId) -> Vec<espalier_net::Owner> {
        let biases = produced_by(network, group, Role::Bias);
        if biases.is_empty() {
            produced_by(network, group, Role::Weight)
        } else {
            biases
        }
    }

    /// The score of each unit: the norm of its mean accumulated gradients.
    fn scores(&self, view: &View<'_>, group: GroupId) -> Result<Vec<f64>> {
        let network = view.network;
        let mut squares = vec![0.0; network.group(group).width()];
        for owner in Self::scored(network, group) {
            let name = network.parameter(owner.parameter).name();
            let Some(gradient) = view.gradient(owner.parameter, self.settings.form, Since::Epoch) else {
                return Err(Error::observation(name, "gradients of this epoch", "none"));
            };
            let mean = gradient.mean();
            for (unit, square) in squares.iter_mut().enumerate() {
                *square += places(network, &owner, unit)
                    .iter()
                    .map(|i| mean[*i] * mean[*i])
                    .sum::<f64>();
            }
        }
        let scores: Vec<f64> = squares.into_iter().map(f64::sqrt).collect();
        check_scores(network.group(group).name(), &scores)?;
        Ok(scores)
    }

    /// The smallest bias of each unit; none for units without one.
    fn biases(network: &Network<f32>, group: GroupId) -> Vec<Option<f64>> {
        let owners = produced_by(network, group, Role::Bias);
        let of = |unit: usize| {
            let values = owners.iter().flat_map(|o| {
                places(network, o, unit)
                    .into_iter()
                    .map(|i| network.parameter(o.parameter).values()[i])
            });
            values.map(f64::from).reduce(f64::min)
        };
        (0..network.group(group).width()).map(of).collect()
    }

    /// Takes splits away, lowest scores first, until the network fits; removals make room first.
    fn fit(
        &self,
        network: &Network<f32>,
        widths: &mut [usize],
        group: GroupId,
        scores: &[f64],
        decision: &mut Decision,
    ) -> Result<()> {
        widths[group.index()] -= decision.remove.len();
        decision.split.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        let mut fitting = 0;
        for _ in &decision.split {
            widths[group.index()] += self.settings.extra;
            if let Some(most) = self.settings.max_parameters
                && network.cost_at(widths)?.parameters > most
            {
                widths[group.index()] -= self.settings.extra;
                break;
            }
            fitting += 1;
        }
        decision.split.truncate(fitting);
        decision.split.sort_unstable();
        Ok(())
    }

    fn edit(&self, network: &Network<f32>, group: GroupId, decision: &Decision) -> Result<Edit> {
        let mut units = Units::of(network, group);
        for unit in &decision.split {
            units = units.split(*unit, &self.settings.parting.scales(self.settings.extra + 1))?;
        }
        Ok(units.prune(&decision.remove)?.edit("gradient below the cut"))
    }

    /// The biases after an edit with those of the copies, but not of their originals, moved.
    fn jittered(&self, network: &Network<f32>, group: GroupId, edit: &UnitEdit) -> Vec<(String, Vec<f32>)> {
        let mut values = Vec::new();
        for owner in produced_by(network, group, Role::Bias) {
            let parameter = network.parameter(owner.parameter);
            let width = network.group(group).width();
            // A gated layer has the group's biases once for each half; others have it once, or share it with other groups.
            let halves = parameter.values().chunks(width.max(1));
            if owner.offsets.len() * width != parameter.values().len() {
                continue;
            }
            let jittered = |half: &[f32]| -> Vec<f32> {
                let mut seen = vec![false; width];
                let origins = edit.units.iter().filter_map(NewUnit::origin);
                let value = |origin: usize| {
                    let copy = std::mem::replace(&mut seen[origin], true);
                    let factor = if copy {
                        1.0 + self.settings.parting.jitter()
                    } else {
                        1.0
                    };
                    (f64::from(half[origin]) * factor) as f32
                };
                origins.map(value).collect()
            };
            values.push((parameter.name().to_owned(), halves.flat_map(jittered).collect()));
        }
        values
    }

    fn groups(&self) -> &Groups {
        &self.settings.groups
    }
}

/// Of the units to remove, those that a group norm over them lets go together, those of low scores first.
fn together(network: &Network<f32>, group: GroupId, scores: &[f64], mut removed: Vec<usize>) -> Vec<usize> {
    removed.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    network.removable(group, &removed, removed.len())
}

impl Strategy for GradientSplit {
    fn name(&self) -> &str {
        NAME
    }

    fn prepare(&mut self, network: &Network<f32>) -> Result<()> {
        self.settings.check(NAME)?;
        self.groups().resolve(NAME, network)?;
        self.limits().check(NAME, network)
    }

    fn territory(&self, network: &Network<f32>) -> Territory {
        Territory {
            edits: self.groups().resolve(NAME, network).unwrap_or_default(),
            controls: Vec::new(),
        }
    }

    fn needs(&self, network: &Network<f32>, clock: &Clock) -> Needs {
        // Only the epoch that a decision ends counts.
        if !(clock.epoch + 1).is_multiple_of(self.settings.every_epochs) {
            return Needs::none();
        }
        let groups = self.groups().resolve(NAME, network).unwrap_or_default();
        let owners = groups.into_iter().flat_map(|g| Self::scored(network, g));
        owners
            .map(|o| Need::Gradient {
                parameter: o.parameter,
                form: self.settings.form,
                since: Since::Epoch,
            })
            .collect()
    }

    fn propose(&mut self, view: &View<'_>, _oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        if view.occasion != Occasion::Epoch || !view.clock.epoch.is_multiple_of(self.settings.every_epochs) {
            return Ok(None);
        }
        self.epoch = view.clock.epoch;
        let network = view.network;
        let mut widths = network.widths();
        let mut plan = Plan::new(NAME);
        let (mut values, mut chosen) = (Vec::new(), Vec::new());
        let mut removes = false;
        for group in self.groups().resolve(NAME, network)? {
            let place = network.group(group);
            let resting: Vec<bool> = place.units().iter().map(|u| self.rests(*u)).collect();
            let scores = self.scores(view, group)?;
            let mut decision = decide(
                &self.settings,
                &scores,
                &Self::biases(network, group),
                &resting,
                place.floor(),
            );
            decision.remove = together(network, group, &scores, decision.remove);
            self.fit(network, &mut widths, group, &scores, &mut decision)?;
            if decision.split.is_empty() && decision.remove.is_empty() {
                continue;
            }
            removes |= !decision.remove.is_empty();
            plan.reason = format!(
                "{}; {}: split {:?}, remove {:?}",
                plan.reason,
                place.name(),
                decision.split,
                decision.remove
            );
            for units in [&decision.split, &decision.remove] {
                chosen.extend(Chosen::scored(network, group, units, &scores));
            }
            let edit = self.edit(network, group, &decision)?;
            if let Edit::Units(units) = &edit
                && self.settings.parting.jitter() != 0.0
            {
                values.extend(self.jittered(network, group, units));
            }
            plan = plan.with(edit);
        }
        let exact = !removes && self.settings.parting.jitter() == 0.0;
        let proposal = Proposal {
            values,
            chosen,
            preserves: exact.then_some(ROUNDING),
            limits: self.limits(),
            twins: matches!(self.settings.parting, Parting::Legacy { .. }),
            ..Proposal::new(plan).transplanting(self.settings.transplant)
        };
        Ok((!proposal.plan.edits.is_empty()).then_some(proposal))
    }

    fn settled(&mut self, outcome: &Outcome, network: &Network<f32>) -> Result<()> {
        for map in outcome.applied().map_or(&[][..], |a| &a.units) {
            for (unit, id) in map.units.iter().zip(network.group(map.group).units()) {
                if unit.origin().is_none_or(|o| *unit != NewUnit::kept(o)) {
                    self.changed.insert(id.number(), self.epoch);
                }
            }
        }
        Ok(())
    }

    fn state(&self) -> Result<State> {
        State::of(NAME, &(self.epoch, &self.changed))
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        (self.epoch, self.changed) = state.read(NAME)?;
        Ok(())
    }
}

impl GradientSplit {
    fn limits(&self) -> Limits {
        Limits {
            parameters: self.settings.max_parameters,
            macs: None,
            over_budget: OverBudget::Refuse,
        }
    }
}
