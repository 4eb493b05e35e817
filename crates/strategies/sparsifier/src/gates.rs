//! Where the gates are and which units they close.

use espalier_net::{
    ApplyOptions, GateForm, GroupId, Layer, Network, NodeId, ParameterId, Plan, Preservation, Role, UnitId, Units,
};
use espalier_strategy::{Error, Result, produced_by};
use serde::{Deserialize, Serialize};

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

    /// Checks that there are gates, and that closing one of them really silences its unit.
    pub(crate) fn check(&self, strategy: &str, network: &Network<f32>) -> Result<Vec<Gate>> {
        let found = self.of(network);
        if let Self::Named(names) = self {
            for name in names {
                let node = network.node(network.find(name)?);
                // A folded gate is an identity; a checkpoint may hold one.
                let usable = matches!(node.layer(), Layer::Gate { .. } | Layer::Activation { .. });
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
        found.iter().try_for_each(|gate| gate.check(strategy, network))?;
        Ok(found)
    }
}

impl Gate {
    fn at(network: &Network<f32>, node: NodeId) -> Option<Self> {
        let Layer::Gate { form } = *network.node(node).layer() else {
            return None;
        };
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
        stored
            .map(|v| {
                if self.form == GateForm::Rectified {
                    v.max(0.0)
                } else {
                    *v
                }
            })
            .collect()
    }

    /// The kernel area kh·kw of the convolution that makes each channel; 1 for a dense layer.
    pub(crate) fn kernel_areas(&self, network: &Network<f32>) -> Vec<f64> {
        let area = |group: GroupId| {
            let weights = produced_by(network, group, Role::Weight);
            let makes = |p: ParameterId| network.nodes().iter().find(|n| n.parameter(Role::Weight) == Some(p));
            let areas = weights.iter().filter_map(|o| match makes(o.parameter)?.layer() {
                Layer::Conv { window, .. } => Some(window.kernel[0] * window.kernel[1]),
                _ => None,
            });
            areas.max().unwrap_or(1) as f64
        };
        self.groups
            .iter()
            .flat_map(|(g, _)| vec![area(*g); network.group(*g).width()])
            .collect()
    }

    /// Closes one channel of each group in a copy of the network and removes its unit, to see whether that is exact.
    fn check(&self, strategy: &str, network: &Network<f32>) -> Result<()> {
        let name = network.node(self.node).name();
        let refuse = |reason: String| Err(Error::unsupported(strategy, format!("gate `{name}`: {reason}")));
        for (at, (group, offset)) in self.groups.iter().enumerate() {
            let place = network.group(*group);
            if self.groups[..at].iter().any(|(g, _)| g == group) {
                return refuse(format!("it holds several values for each unit of `{}`", place.name()));
            }
            if let Some(reason) = place.frozen() {
                return refuse(format!("`{}` cannot be edited: {reason}", place.name()));
            }
            if place.width() <= place.floor() {
                continue;
            }
            let mut draft = network.clone();
            // A norm's shift starts at 0 and would hide the constant that it leaves behind later.
            let shifts = network
                .nodes()
                .iter()
                .filter(|n| matches!(n.layer(), Layer::BatchNorm { .. }));
            shifts
                .filter_map(|n| n.parameter(Role::Bias))
                .for_each(|p| draft.parameter_mut(p).values_mut().fill(1.0));
            draft.parameter_mut(self.parameter).values_mut()[*offset] = 0.0;
            let edit = Units::of(&draft, *group)
                .prune(&[0])?
                .absorbing_constants()
                .edit("closed gate");
            match draft.apply(&Plan::new("dry run").with(edit), &ApplyOptions::default()) {
                Ok(applied) if applied.preservation == Preservation::Exact => {}
                Ok(applied) => {
                    return refuse(format!(
                        "a unit of `{}` still emits when it is closed ({:?})",
                        place.name(),
                        applied.preservation
                    ));
                }
                Err(error) => return refuse(format!("a unit of `{}` cannot be removed: {error}", place.name())),
            }
        }
        Ok(())
    }
}
