//! A network: its graph, parameters, channel groups and the ledger of its edits.

use std::collections::BTreeSet;
use std::sync::Arc;

use espalier_seed::Seed;

use super::grouping::{Grouping, analyse};
use super::initializer::Initializer;
use super::node::{Node, NodeId};
use crate::error::{Error, Result};
use crate::groups::genealogy::{Genealogy, UnitId};
use crate::groups::{Group, GroupId};
use crate::kernels::Element;
use crate::layer::parameter::{Axis, Parameter, ParameterId, Role, Space};
use crate::layer::{Layer, Neighbours};
use crate::ledger::Ledger;

/// A graph of layers whose widths may change while it trains.
///
/// # Shapes
/// Dense weights are (in, out) and convolution weights (kh·kw·in/groups, out), row-major;
/// a unit of the layer is a column, an input unit a set of rows. [`crate::export`] converts.
#[derive(Clone, Debug, PartialEq)]
pub struct Network<E: Element = f32> {
    pub(crate) nodes: Vec<Node>,
    pub(crate) order: Vec<NodeId>,
    pub(crate) outputs: Vec<NodeId>,
    pub(crate) parameters: Vec<Parameter<E>>,
    pub(crate) groups: Vec<Group>,
    pub(crate) genealogy: Genealogy,
    pub(crate) ledger: Ledger,
    pub(crate) step: u64,
    pub(crate) revision: u64,
}

impl<E: Element> Network<E> {
    pub(crate) fn assemble(
        mut nodes: Vec<Node>,
        outputs: Vec<NodeId>,
        masked: &BTreeSet<NodeId>,
        initializer: &Initializer,
        seed: &Seed,
    ) -> Result<Self> {
        let order: Vec<NodeId> = (0..nodes.len() as u32).map(NodeId).collect();
        let widths: Vec<usize> = nodes.iter().map(|n| n.built_width).collect();
        let grouping = analyse(&nodes, &order, &outputs, &|id| widths[id.index()]);
        for (node, space) in nodes.iter_mut().zip(&grouping.spaces) {
            node.space.clone_from(space);
        }
        let mut genealogy = Genealogy::default();
        let groups = name_groups(&nodes, &grouping)
            .into_iter()
            .zip(grouping.widths.iter().zip(grouping.frozen))
            .map(|(name, (&width, frozen))| Group {
                units: (0..width).map(|_| genealogy.found(&name)).collect(),
                name,
                frozen,
                floor: 1,
            })
            .collect();
        let mut network = Self {
            nodes,
            order,
            outputs,
            parameters: Vec::new(),
            groups,
            genealogy,
            ledger: Ledger::default(),
            step: 0,
            revision: 0,
        };
        for index in 0..network.nodes.len() {
            network.declare(NodeId(index as u32), masked)?;
        }
        network.initialize(initializer, seed);
        network.ledger.begin(&network.groups);
        Ok(network)
    }

    /// Adds the parameters that a node needs, with neutral values.
    ///
    /// # Errors
    /// Refuses arrays that memory does not hold.
    pub(crate) fn declare(&mut self, id: NodeId, masked: &BTreeSet<NodeId>) -> Result<()> {
        for (role, axes) in self.expected_parameters(&self.nodes[id.index()], masked.contains(&id)) {
            self.add_parameter(id, role, axes)?;
        }
        Ok(())
    }

    /// Roles and axes of the parameters that a node has, in order, as its kind of layer and the groups around it ask for.
    pub(crate) fn expected_parameters(&self, node: &Node, masked: bool) -> Vec<(Role, Vec<Axis>)> {
        let input = node.inputs.first().map(|id| &self.nodes[id.index()].space);
        let around = Neighbours {
            input: input.cloned().unwrap_or_default(),
            input_width: input.map_or(0, |space| self.space_width(space)),
            own: node.space.clone(),
        };
        let mut parameters = node.rules().parameters(&around);
        let weight = parameters.iter().find(|(role, _)| *role == Role::Weight);
        if let Some((_, axes)) = weight.filter(|_| masked) {
            parameters.push((Role::Mask, axes.clone()));
        }
        parameters
    }

    fn add_parameter(&mut self, id: NodeId, role: Role, axes: Vec<Axis>) -> Result<()> {
        let shape: Vec<usize> = axes.iter().map(|axis| self.axis_length(axis)).collect();
        let parameter = ParameterId(self.parameters.len() as u32);
        let node = &mut self.nodes[id.index()];
        let values = filled(E::from_f64(role.neutral_value()), shape.iter().product())
            .ok_or_else(|| Error::layer(&node.name, format!("memory for a {} of {shape:?}", role.name()), "less"))?;
        node.parameters.push((role, parameter));
        self.parameters.push(Parameter {
            name: format!("{}.{}", node.name, role.name()),
            role,
            axes,
            values: Arc::new(values),
            shape,
        });
        Ok(())
    }

    /// Draws all weights and biases of dense layers and convolutions anew, each from the stream `weights/<layer>`;
    /// norms, gates, slopes and masks stay as they are.
    pub fn initialize(&mut self, initializer: &Initializer, seed: &Seed) {
        for index in 0..self.nodes.len() {
            let node = &self.nodes[index];
            let mut stream = seed.named("weights").named(&node.name).stream();
            let Some(weight) = node.parameter(Role::Weight) else {
                continue;
            };
            let bias = node.parameter(Role::Bias);
            let shape = self.parameters[weight.index()].shape.clone();
            let fan_out = self.space_width(&node.space) * node.rules().kernel_positions();
            for value in self.parameters[weight.index()].values_mut() {
                *value = E::from_f64(initializer.weight(shape[0], fan_out, &mut stream));
            }
            if let Some(bias) = bias {
                for value in self.parameters[bias.index()].values_mut() {
                    *value = E::from_f64(initializer.bias(shape[0], &mut stream));
                }
            }
        }
    }

    /// The nodes, by [`NodeId::index`].
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// A node by its id.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// The nodes in an order in which each comes after its inputs.
    #[must_use]
    pub fn order(&self) -> &[NodeId] {
        &self.order
    }

    /// The output nodes.
    #[must_use]
    pub fn outputs(&self) -> &[NodeId] {
        &self.outputs
    }

    /// The ids of the input nodes, in the order in which they were added.
    #[must_use]
    pub fn inputs(&self) -> Vec<NodeId> {
        let is_input = |id: &NodeId| self.node(*id).layer == Layer::Input;
        self.order.iter().copied().filter(is_input).collect()
    }

    /// Finds a node by its name.
    ///
    /// # Errors
    /// Names the layers that there are.
    pub fn find(&self, name: &str) -> Result<NodeId> {
        let position = self.nodes.iter().position(|n| n.name == name);
        position.map(|i| NodeId(i as u32)).ok_or_else(|| Error::Name {
            what: "layer",
            name: name.to_owned(),
            expected: format!("one of {}", joined(self.nodes.iter().map(Node::name))),
        })
    }

    /// The parameters, by [`ParameterId::index`].
    #[must_use]
    pub fn parameters(&self) -> &[Parameter<E>] {
        &self.parameters
    }

    /// A parameter by its id.
    #[must_use]
    pub fn parameter(&self, id: ParameterId) -> &Parameter<E> {
        &self.parameters[id.index()]
    }

    /// A parameter by its id, to be changed in place.
    pub fn parameter_mut(&mut self, id: ParameterId) -> &mut Parameter<E> {
        &mut self.parameters[id.index()]
    }

    /// Finds a parameter by its name, `layer.role`.
    ///
    /// # Errors
    /// Names the parameters that there are.
    pub fn find_parameter(&self, name: &str) -> Result<ParameterId> {
        let position = self.parameters.iter().position(|p| p.name == name);
        position.map(|i| ParameterId(i as u32)).ok_or_else(|| Error::Name {
            what: "parameter",
            name: name.to_owned(),
            expected: format!("one of {}", joined(self.parameters.iter().map(Parameter::name))),
        })
    }

    /// The channel groups, by [`GroupId::index`].
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// A channel group by its id.
    #[must_use]
    pub fn group(&self, id: GroupId) -> &Group {
        &self.groups[id.index()]
    }

    /// The ids of all groups.
    pub fn group_ids(&self) -> impl Iterator<Item = GroupId> + use<E> {
        (0..self.groups.len() as u32).map(GroupId)
    }

    /// The ids of the groups that edits may change.
    #[must_use]
    pub fn editable_groups(&self) -> Vec<GroupId> {
        let free = |id: &GroupId| self.group(*id).frozen.is_none();
        self.group_ids().filter(free).collect()
    }

    /// Finds a channel group by its name.
    ///
    /// # Errors
    /// Names the groups that there are.
    pub fn find_group(&self, name: &str) -> Result<GroupId> {
        let position = self.groups.iter().position(|g| g.name == name);
        position.map(|i| GroupId(i as u32)).ok_or_else(|| Error::Name {
            what: "channel group",
            name: name.to_owned(),
            expected: format!("one of {}", joined(self.groups.iter().map(Group::name))),
        })
    }

    /// Sets the smallest width that edits may leave in a group.
    ///
    /// # Errors
    /// Refuses a floor of 0 and one above the present width.
    pub fn set_floor(&mut self, group: GroupId, floor: usize) -> Result<()> {
        let width = self.group(group).width();
        if floor == 0 || floor > width {
            return Err(Error::Setting {
                field: "floor",
                expected: format!("1..={width}"),
                found: floor.to_string(),
            });
        }
        self.groups[group.index()].floor = floor;
        Ok(())
    }

    /// The number of channels of a node's output.
    #[must_use]
    pub fn width(&self, id: NodeId) -> usize {
        self.space_width(&self.node(id).space)
    }

    /// The number of channels in a list of groups.
    #[must_use]
    pub fn space_width(&self, space: &[GroupId]) -> usize {
        space.iter().map(|g| self.group(*g).width()).sum()
    }

    pub(crate) fn axis_length(&self, axis: &Axis) -> usize {
        match axis {
            Axis::Fixed(length) => *length,
            Axis::Units(space) => self.space_width(space),
        }
    }

    /// The width of every group, by [`GroupId::index`].
    #[must_use]
    pub fn widths(&self) -> Vec<usize> {
        self.groups.iter().map(Group::width).collect()
    }

    /// The number of training steps taken, as the session counts them.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Sets the training step that new units and ledger entries carry.
    pub fn set_step(&mut self, step: u64) {
        self.step = step;
    }

    /// A number that changes with every edit, so that workspaces know when to rebuild.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Where every unit came from and what became of it.
    #[must_use]
    pub fn genealogy(&self) -> &Genealogy {
        &self.genealogy
    }

    /// The record of all edits.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Groups the graph's channels anew and renames nothing that still exists; used after the graph itself changed.
    pub(crate) fn regroup(&mut self) {
        let widths: Vec<usize> = (0..self.nodes.len())
            .map(|i| {
                let node = &self.nodes[i];
                if node.space.is_empty() {
                    node.built_width
                } else {
                    self.space_width(&node.space)
                }
            })
            .collect();
        let grouping = analyse(&self.nodes, &self.order, &self.outputs, &|id| widths[id.index()]);
        let old = std::mem::take(&mut self.groups);
        let names = name_groups(&self.nodes, &grouping);
        for (index, name) in names.into_iter().enumerate() {
            let (node, at) = grouping.first[index];
            let width = grouping.widths[index];
            let known = known_units(&old, &self.nodes[node.index()].space, at, width);
            let floor = old.iter().find(|g| g.name == name).map_or(1, |g| g.floor.min(width));
            let units = match known {
                Some(units) => units,
                None => (0..width)
                    .map(|_| self.genealogy.born(&name, self.step, Vec::new()))
                    .collect(),
            };
            self.groups.push(Group {
                name,
                units,
                frozen: grouping.frozen[index].clone(),
                floor,
            });
        }
        for (node, space) in self.nodes.iter_mut().zip(grouping.spaces) {
            node.space = space;
        }
        self.redeclare_axes();
    }

    fn redeclare_axes(&mut self) {
        for index in 0..self.nodes.len() {
            let node = self.nodes[index].clone();
            for (role, axes) in self.expected_parameters(&node, node.parameter(Role::Mask).is_some()) {
                if let Some(id) = node.parameter(role) {
                    self.parameters[id.index()].axes = axes;
                }
            }
        }
    }
}

/// The units that a node lists at `at..at + width` under the old groups, if it was grouped before.
fn known_units(old: &[Group], space: &Space, at: usize, width: usize) -> Option<Vec<UnitId>> {
    let listed: Vec<UnitId> = space
        .iter()
        .flat_map(|g| old[g.index()].units.iter().copied())
        .collect();
    listed.get(at..at + width).map(<[UnitId]>::to_vec)
}

/// Names each group after the node that first lists it.
fn name_groups(nodes: &[Node], grouping: &Grouping) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(grouping.first.len());
    for (index, (node, _)) in grouping.first.iter().enumerate() {
        let same = |k: &usize| grouping.first[*k].0 == *node;
        let several = (0..grouping.first.len()).filter(|k| *k != index).any(|k| same(&k));
        let before = (0..index).filter(same).count();
        let base = &nodes[node.index()].name;
        names.push(if several {
            format!("{base}#{before}")
        } else {
            base.clone()
        });
    }
    names
}

/// So many equal values, if there is memory for them.
fn filled<E: Element>(value: E, count: usize) -> Option<Vec<E>> {
    let mut values = Vec::new();
    values.try_reserve_exact(count).ok()?;
    values.resize(count, value);
    Some(values)
}

pub(crate) fn joined<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
}
