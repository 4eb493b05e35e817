//! Where a group's units can be read and which weights are theirs.

use std::collections::BTreeSet;
use std::ops::Range;

use espalier_net::{FreshUnit, GroupId, Network, NodeId, Owner, ParameterId, Role, Side};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::strategy::Territory;

/// A node at which a group's units stand side by side: unit `u` is channel `offset + u`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// The node.
    pub node: NodeId,
    /// The channel of the group's first unit.
    pub offset: usize,
}

/// Where a group's units are read by weights or leave the network: behind activations, norms, pools and sums.
///
/// Layers that only relabel (flatten, concat, slice, dropout) are looked through. A group that several consumers read at
/// different points has several sites, in the order of computation.
#[must_use]
pub fn emission_sites(network: &Network<f32>, group: GroupId) -> Vec<Site> {
    let mut found: Vec<NodeId> = Vec::new();
    let reads = |id: &&NodeId| network.node(**id).makes_units();
    let readers = network
        .order()
        .iter()
        .filter(reads)
        .flat_map(|id| network.node(*id).inputs().iter().copied());
    for read in readers.chain(network.outputs().iter().copied()) {
        look_through(network, read, group, &mut found);
    }
    found.sort_by_key(|id| network.order().iter().position(|o| o == id));
    found.dedup();
    found
        .into_iter()
        .filter_map(|node| site_at(network, node, group))
        .collect()
}

/// Those of a group's [`emission_sites`] from which a layer with weights reads its units.
#[must_use]
pub fn sites_read_by(network: &Network<f32>, reader: NodeId, group: GroupId) -> Vec<Site> {
    let mut found: Vec<NodeId> = Vec::new();
    for read in network.node(reader).inputs() {
        look_through(network, *read, group, &mut found);
    }
    found
        .into_iter()
        .filter_map(|node| site_at(network, node, group))
        .collect()
}

fn site_at(network: &Network<f32>, node: NodeId, group: GroupId) -> Option<Site> {
    let offset = offset_of(network, node, group)?;
    Some(Site { node, offset })
}

fn look_through(network: &Network<f32>, id: NodeId, group: GroupId, found: &mut Vec<NodeId>) {
    let node = network.node(id);
    if !node.space().contains(&group) {
        return;
    }
    if !node.layer().only_relabels() {
        found.push(id);
        return;
    }
    for input in node.inputs() {
        look_through(network, *input, group, found);
    }
}

fn offset_of(network: &Network<f32>, node: NodeId, group: GroupId) -> Option<usize> {
    let space = network.node(node).space();
    let at = space.iter().position(|g| *g == group)?;
    Some(network.space_width(&space[..at]))
}

/// The last place at which a group's units are read.
///
/// # Errors
/// Refuses a group that nothing reads.
pub fn last_site(network: &Network<f32>, group: GroupId) -> Result<Site> {
    emission_sites(network, group).pop().ok_or_else(|| {
        Error::observation(
            format!("group `{}`", network.group(group).name()),
            "a layer that reads its units",
            "none",
        )
    })
}

/// The ids of all parameters, by [`ParameterId::index`].
#[must_use]
pub fn parameter_ids(network: &Network<f32>) -> Vec<ParameterId> {
    let mut ids: Vec<ParameterId> = network
        .nodes()
        .iter()
        .flat_map(|n| n.parameters().iter().map(|p| p.1))
        .collect();
    ids.sort_unstable();
    ids
}

/// The numbers of all living units: what is kept by unit and is not among them may be forgotten.
#[must_use]
pub fn living_numbers(network: &Network<f32>) -> BTreeSet<u64> {
    let units = network.groups().iter().flat_map(espalier_net::Group::units);
    units.map(|u| u.number()).collect()
}

/// The parameters that hold a group's units in one role, with the offsets of the units on the last axis.
#[must_use]
pub fn produced_by(network: &Network<f32>, group: GroupId, role: Role) -> Vec<Owner> {
    let owners = network.owners(group).into_iter();
    owners
        .filter(|o| o.side == Side::Incoming && network.parameter(o.parameter).role() == role)
        .collect()
}

/// The indices into a parameter's values that belong to one unit of an owner, row-major.
#[must_use]
pub fn places(network: &Network<f32>, owner: &Owner, unit: usize) -> Vec<usize> {
    let parameter = network.parameter(owner.parameter);
    let slices = parameter.values().len() / parameter.shape()[owner.axis].max(1);
    let mut found = Vec::with_capacity(slices * owner.offsets.len());
    found.extend(place_runs(network, owner, unit).flatten());
    found
}

/// The same as runs of places that follow each other, for loops that look at all units in every step.
pub fn place_runs<'o>(
    network: &Network<f32>,
    owner: &'o Owner,
    unit: usize,
) -> impl Iterator<Item = Range<usize>> + use<'o> {
    let shape = network.parameter(owner.parameter).shape();
    let inner: usize = shape[owner.axis + 1..].iter().product();
    let outer: usize = shape[..owner.axis].iter().product();
    let rows = shape[owner.axis];
    (0..outer).flat_map(move |o| {
        owner.offsets.iter().map(move |offset| {
            let start = (o * rows + offset + unit) * inner;
            start..start + inner
        })
    })
}

/// The key under which a [`FreshUnit`] carries its values for an owner.
#[must_use]
pub fn slice_key(network: &Network<f32>, owner: &Owner) -> String {
    format!("{}@{}", network.parameter(owner.parameter).name(), owner.axis)
}

/// A unit as fresh weights: the same values as a living unit has now.
#[must_use]
pub fn snapshot(network: &Network<f32>, group: GroupId, unit: usize) -> FreshUnit {
    let mut fresh = FreshUnit::default();
    for owner in network.owners(group) {
        let values = network.parameter(owner.parameter).values();
        let slice = places(network, &owner, unit)
            .into_iter()
            .map(|i| f64::from(values[i]))
            .collect();
        fresh.values.insert(slice_key(network, &owner), slice);
    }
    fresh
}

/// The channel groups that a part works on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Groups {
    /// Every group that edits may change.
    #[default]
    Editable,
    /// These, by name.
    Named(Vec<String>),
}

impl Groups {
    /// Names one group.
    #[must_use]
    pub fn one(name: &str) -> Self {
        Self::Named(vec![name.to_owned()])
    }

    /// What a strategy that edits these groups alone changes; nothing where they cannot be looked up.
    #[must_use]
    pub fn territory(&self, strategy: &str, network: &Network<f32>) -> Territory {
        Territory {
            edits: self.resolve(strategy, network).unwrap_or_default(),
            controls: Vec::new(),
        }
    }

    /// Looks the groups up.
    ///
    /// # Errors
    /// Refuses names that do not exist and groups that are frozen; a network without any editable group is unsupported.
    pub fn resolve(&self, strategy: &str, network: &Network<f32>) -> Result<Vec<GroupId>> {
        let Self::Named(names) = self else {
            let groups = network.editable_groups();
            if groups.is_empty() {
                return Err(Error::unsupported(strategy, "no channel group of it may be edited"));
            }
            return Ok(groups);
        };
        let find = |name: &String| {
            let group = network.find_group(name)?;
            match network.group(group).frozen() {
                Some(reason) => Err(Error::setting(
                    strategy,
                    "groups",
                    "groups that edits may change",
                    format!("`{name}`: {reason}"),
                )),
                None => Ok(group),
            }
        };
        names.iter().map(find).collect()
    }
}
