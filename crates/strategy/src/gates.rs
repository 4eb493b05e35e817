//! Where the gates are, which units they close, and how closed units leave the network.

use espalier_net::{
    ApplyOptions, Edit, GateForm, GroupId, Network, NodeId, ParameterId, Plan, Preservation, Role, Statistics, UnitId,
    Units,
};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::initializer::ROUNDING;
use crate::proposal::Proposal;
use crate::sites::produced_by;
use crate::strategy::Territory;

/// The gate layers that a strategy works on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gates {
    /// Every gate of the network.
    #[default]
    All,
    /// These, by name.
    Named(Vec<String>),
}

/// A gate layer and the groups whose units it multiplies.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// The layer.
    pub node: NodeId,
    /// The stored values θ, one per channel.
    pub parameter: ParameterId,
    /// How θ becomes the factor.
    pub form: GateForm,
    /// The groups, each with the channel of its first unit.
    pub groups: Vec<(GroupId, usize)>,
}

impl Gates {
    /// Finds the gates that there still are; one that was folded into weights is none any more.
    #[must_use]
    pub fn of(&self, network: &Network<f32>) -> Vec<Gate> {
        network
            .order()
            .iter()
            .filter(|id| self.contains(network.node(**id).name()))
            .filter_map(|id| Gate::at(network, *id))
            .collect()
    }

    fn contains(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.iter().any(|n| n == name),
        }
    }

    /// What a strategy that works on these gates changes: the gates, and the units behind them.
    #[must_use]
    pub fn territory(&self, network: &Network<f32>) -> Territory {
        let gates = self.of(network);
        let mut edits: Vec<GroupId> = gates
            .iter()
            .flat_map(|g| g.groups.iter().map(|(group, _)| *group))
            .collect();
        edits.sort_unstable();
        edits.dedup();
        Territory {
            edits,
            controls: gates.iter().map(|g| g.node).collect(),
        }
    }

    /// Finds the gates and checks that there are some, and that closing one of them really silences its unit.
    ///
    /// # Errors
    /// Names a layer that is no gate; refuses a network without gates, gates of another form than `only`, and gates whose
    /// units still emit something when they are closed or cannot be removed.
    pub fn check(&self, strategy: &str, network: &Network<f32>, only: Option<GateForm>) -> Result<Vec<Gate>> {
        let found = self.of(network);
        if let Self::Named(names) = self {
            for name in names {
                let node = network.node(network.find(name)?);
                // A folded gate is an identity; a checkpoint may hold one.
                let usable = node.layer().gate_form().is_some() || node.layer().activation().is_some();
                if !usable {
                    return Err(Error::setting(
                        strategy,
                        "gates",
                        "gate layers",
                        format!("`{name}`: {}", node.layer().kind()),
                    ));
                }
            }
        } else if found.is_empty() {
            return Err(Error::unsupported(strategy, "it has no gate layer"));
        }
        for gate in &found {
            gate.check_form(strategy, network, only)?;
            gate.check(strategy, network)?;
        }
        Ok(found)
    }
}

impl Gate {
    fn at(network: &Network<f32>, node: NodeId) -> Option<Self> {
        let form = network.node(node).layer().gate_form()?;
        let parameter = network.node(node).parameter(Role::Gate)?;
        let mut offset = 0;
        let mut groups = Vec::new();
        for group in network.node(node).space() {
            groups.push((*group, offset));
            offset += network.group(*group).width();
        }
        Some(Self {
            node,
            parameter,
            form,
            groups,
        })
    }

    /// The units in the order of the gate's channels.
    #[must_use]
    pub fn units(&self, network: &Network<f32>) -> Vec<UnitId> {
        self.groups
            .iter()
            .flat_map(|(g, _)| network.group(*g).units().iter().copied())
            .collect()
    }

    /// The factor that each channel is multiplied by.
    #[must_use]
    pub fn factors(&self, network: &Network<f32>) -> Vec<f32> {
        let stored = network.parameter(self.parameter).values().iter();
        stored.map(|v| self.form.factor(*v)).collect()
    }

    /// The kernel area kh·kw of the convolution that makes each channel; 1 for a dense layer.
    #[must_use]
    pub fn kernel_areas(&self, network: &Network<f32>) -> Vec<f64> {
        let area = |group: GroupId| {
            let weights = produced_by(network, group, Role::Weight);
            let makes = |p: ParameterId| network.nodes().iter().find(|n| n.parameter(Role::Weight) == Some(p));
            let areas = weights
                .iter()
                .filter_map(|o| Some(makes(o.parameter)?.layer().kernel_positions()));
            areas.max().unwrap_or(1) as f64
        };
        self.groups
            .iter()
            .flat_map(|(g, _)| vec![area(*g); network.group(*g).width()])
            .collect()
    }

    fn refuse(&self, strategy: &str, network: &Network<f32>, reason: impl std::fmt::Display) -> Error {
        let name = network.node(self.node).name();
        Error::unsupported(strategy, format!("gate `{name}`: {reason}"))
    }

    fn check_form(&self, strategy: &str, network: &Network<f32>, only: Option<GateForm>) -> Result<()> {
        let word = |form: GateForm| format!("{form:?}").to_lowercase();
        match only.filter(|form| *form != self.form) {
            Some(form) => {
                let reason = format!("expected a {} gate, found a {} one", word(form), word(self.form));
                Err(self.refuse(strategy, network, reason))
            }
            None => Ok(()),
        }
    }

    /// Checks each group for whether a unit leaves exactly nothing behind when its channel is closed.
    fn check(&self, strategy: &str, network: &Network<f32>) -> Result<()> {
        for (at, (group, offset)) in self.groups.iter().enumerate() {
            let place = network.group(*group);
            let reason = if self.groups[..at].iter().any(|(g, _)| g == group) {
                Some(format!("it holds several values for each unit of `{}`", place.name()))
            } else if let Some(reason) = place.frozen() {
                Some(format!("`{}` cannot be edited: {reason}", place.name()))
            } else if place.width() > place.floor() {
                self.remains(network, *group, *offset)?
            } else {
                None
            };
            if let Some(reason) = reason {
                return Err(self.refuse(strategy, network, reason));
            }
        }
        Ok(())
    }

    /// Closes the first channel of a group in a copy of the network and removes its unit; says what keeps that from being
    /// exact, if anything does.
    fn remains(&self, network: &Network<f32>, group: GroupId, offset: usize) -> Result<Option<String>> {
        let name = network.group(group).name();
        let mut draft = network.clone();
        // A norm's shift starts at 0 and would hide the constant that it leaves behind later.
        let norms = network
            .nodes()
            .iter()
            .filter(|n| n.layer().statistics() == Some(Statistics::EachChannel));
        norms
            .filter_map(|n| n.parameter(Role::Bias))
            .for_each(|p| draft.parameter_mut(p).values_mut().fill(1.0));
        draft.parameter_mut(self.parameter).values_mut()[offset] = 0.0;
        let edit = removal(&draft, group, &[0])?;
        Ok(
            match draft.apply(&Plan::new("dry run").with(edit), &ApplyOptions::default()) {
                Ok(applied) if applied.preservation == Preservation::Exact => None,
                Ok(applied) => Some(format!(
                    "a unit of `{name}` still emits when it is closed ({:?})",
                    applied.preservation
                )),
                Err(error) => Some(format!("a unit of `{name}` cannot be removed: {error}")),
            },
        )
    }
}

fn removal(network: &Network<f32>, group: GroupId, units: &[usize]) -> Result<Edit> {
    Ok(Units::of(network, group)
        .prune(units)?
        .absorbing_constants()
        .edit("closed gate"))
}

/// Proposes to take units behind closed gates out and to multiply the gates in `fold` into weights; nothing to do is no
/// proposal.
///
/// Where a group norm runs over the units, those go that it lets go together ([`Network::removable`]), the first of a list
/// before the others. The constants that norms make of closed channels go into the biases that read them. The proposal claims to preserve the
/// outputs where the engine finds every removal exact. A gate that cannot be folded stays, with the reason in the plan's;
/// `state` is the word for the units there: "12 of 30 units of `conv` are dead".
///
/// # Errors
/// Refuses units that do not exist and removals that the network does not allow.
pub fn remove_closed(
    network: &Network<f32>,
    strategy: &str,
    state: &str,
    closed: &[(GroupId, Vec<usize>)],
    fold: &[Gate],
) -> Result<Option<Proposal>> {
    let mut draft = network.clone();
    let mut exact = Preservation::Exact;
    let mut plan = Plan::new(strategy);
    for (group, units) in closed {
        let place = network.group(*group);
        let (count, width, name) = (units.len(), place.width(), place.name());
        plan.reason = format!("{}; {count} of {width} units of `{name}` are {state}", plan.reason);
        let mut edit = removal(network, *group, units)?;
        let going = draft.removable(*group, units, count);
        if going.len() < count {
            plan.reason = format!("{}, of which {} can go together", plan.reason, going.len());
            edit = removal(network, *group, &going)?;
        }
        if going.is_empty() {
            continue;
        }
        let applied = draft.apply(&Plan::new(strategy).with(edit.clone()), &ApplyOptions::default())?;
        exact = exact.and(applied.preservation);
        plan = plan.with(edit);
    }
    for gate in fold {
        let name = network.node(gate.node).name().to_owned();
        let edit = Edit::FoldGate { gate: name.clone() };
        match draft.apply(&Plan::new(strategy).with(edit.clone()), &ApplyOptions::default()) {
            Ok(_) => plan = plan.with(edit),
            Err(error) => plan.reason = format!("{}; `{name}` stays a gate: {error}", plan.reason),
        }
    }
    if plan.edits.is_empty() {
        return Ok(None);
    }
    let claim = (exact == Preservation::Exact).then_some(ROUNDING);
    Ok(Some(Proposal {
        preserves: claim,
        ..Proposal::new(plan)
    }))
}
