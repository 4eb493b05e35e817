//! Norms whose statistics run over units: what an edit does to them, and which units they let go together.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Result};
use crate::graph::Network;
use crate::graph::Node;
use crate::groups::GroupId;
use crate::kernels::Element;
use crate::layer::Statistics;
use crate::ledger::edit::NewUnit;

/// What an edit does to the norms whose statistics run over its units.
#[derive(Clone, Debug, Default)]
pub(crate) struct NormChange {
    /// Group norms of which whole norm groups went, by the node's index, with the number that stays.
    pub(crate) regrouped: Vec<(usize, usize)>,
    /// Why the outputs depend on the edit, where they do.
    pub(crate) obstacle: Option<String>,
}

/// A norm over an edited group, with the channels that the edit would give it.
struct UnderNorm<'a> {
    name: &'a str,
    groups: usize,
    /// Channels in a norm group before the edit.
    size: usize,
    /// For each channel after the edit, the one that it comes from; none for fresh and mixed units.
    origins: Vec<Option<usize>>,
}

impl UnderNorm<'_> {
    /// The number of norm groups after the edit, and why the statistics are others then, if they are; or why the edit is
    /// refused.
    fn after(&self, across: bool) -> std::result::Result<(usize, Option<String>), String> {
        let (name, groups, channels) = (self.name, self.groups, self.origins.len());
        let label = |origin: &Option<usize>| origin.map(|channel| channel / self.size);
        let labels: Vec<Option<usize>> = self.origins.iter().map(label).collect();
        let Some(remaining) = divide(&labels, groups) else {
            return match (channels.is_multiple_of(groups), across) {
                (false, _) => Err(format!(
                    "group norm `{name}` needs channels divisible by {groups}, found {channels}"
                )),
                (true, false) => Err(format!(
                    "units would change between the {groups} norm groups of `{name}`, which only an edit `across_norms` may do"
                )),
                (true, true) => Ok((
                    groups,
                    Some(format!("units change between the norm groups of `{name}`")),
                )),
            };
        };
        if statistics_stay(&self.origins, remaining, self.size) {
            return Ok((remaining, None));
        }
        let obstacle = format!("`{name}` takes its statistics over the edited axis");
        if is_split(&self.origins) && !across {
            return Err(format!(
                "{obstacle}, so that copies move all units, which only an edit `across_norms` may do"
            ));
        }
        Ok((remaining, Some(obstacle)))
    }
}

impl<E: Element> Network<E> {
    /// What an edit does to the norms over its units.
    ///
    /// # Errors
    /// Refuses channels that a group norm cannot divide and, unless `across`, copies that change what others are normalised
    /// by, and units that would change their norm group.
    pub(crate) fn norm_change(&self, id: GroupId, units: &[NewUnit], across: bool) -> Result<NormChange> {
        let mut change = NormChange::default();
        for (index, groups) in self.unit_norms(id) {
            let under = UnderNorm {
                name: &self.nodes[index].name,
                groups,
                size: self.space_width(&self.nodes[index].space) / groups,
                origins: self.origins_at(index, id, units),
            };
            let refused = |reason| Error::refused(&self.group(id).name, reason);
            let (remaining, obstacle) = under.after(across).map_err(refused)?;
            change.obstacle = change.obstacle.or(obstacle);
            if remaining != groups {
                change.regrouped.push((index, remaining));
            }
        }
        Ok(change)
    }

    /// The nodes whose statistics run over a group's units, each with the number of norm groups of its channels.
    fn unit_norms(&self, id: GroupId) -> Vec<(usize, usize)> {
        let groups = |node: &Node| match node.rules().statistics() {
            Some(Statistics::OverChannels { sets }) => Some(sets),
            _ => None,
        };
        let over = self.nodes.iter().enumerate().filter(|(_, n)| n.space.contains(&id));
        over.filter_map(|(index, n)| Some((index, groups(n)?))).collect()
    }

    /// For each channel that a node would have, the one it comes from; none for fresh and mixed units.
    fn origins_at(&self, node: usize, id: GroupId, units: &[NewUnit]) -> Vec<Option<usize>> {
        let mut origins = Vec::new();
        let mut at = 0;
        for entry in &self.nodes[node].space {
            let width = self.group(*entry).width();
            if *entry == id {
                origins.extend(units.iter().map(|u| sole_origin(u).map(|unit| at + unit)));
            } else {
                origins.extend((at..at + width).map(Some));
            }
            at += width;
        }
        origins
    }

    /// The units to take out of a group when about `count` of the units in `order` shall go, the first before the others.
    ///
    /// # Method
    /// Where no group norm runs over the group these are the first `count` of `order`. A group norm (Wu & He 2018) takes its
    /// statistics over blocks of channels, so that the rest stays together only where every block loses equally many units
    /// or where whole blocks go. Of all such choices among `order` this is the one whose number is nearest to `count`; of
    /// equally near ones the larger, of equally large ones the one whose units stand first in `order`. None of them may be
    /// possible. The group keeps its floor and at least one unit; the edit that removes the units is not refused.
    ///
    /// # Example
    /// ```
    /// use espalier_net::{Layer, NetworkBuilder};
    /// use espalier_seed::Seed;
    ///
    /// let mut layers = NetworkBuilder::new();
    /// let x = layers.input("x", [1, 1], 4)?;
    /// let hidden = layers.dense("hidden", x, 6)?;
    /// let norm = layers.layer("norm", Layer::GroupNorm { groups: 2, epsilon: 1e-5 }, &[hidden], 0)?;
    /// let logits = layers.dense("logits", norm, 3)?;
    /// let network = layers.build::<f32>(&[logits], &Seed::new(1))?;
    /// let group = network.find_group("hidden")?;
    /// // Two of {0, 1, 2, 3, 4, 5} go: one from {0, 1, 2} and one from {3, 4, 5}.
    /// assert_eq!(network.removable(group, &[2, 1, 5, 0, 4, 3], 2), [2, 5]);
    /// # Ok::<(), espalier_net::Error>(())
    /// ```
    #[must_use]
    pub fn removable(&self, id: GroupId, order: &[usize], count: usize) -> Vec<usize> {
        let group = self.group(id);
        let most = group.width().saturating_sub(group.floor.max(1));
        let count = count.min(order.len()).min(most);
        if group.frozen.is_some() || order.iter().any(|u| *u >= group.width()) {
            return Vec::new();
        }
        let blocks = self.norm_blocks(id);
        if blocks.is_empty() {
            let mut first = order[..count].to_vec();
            first.sort_unstable();
            return first;
        }
        let choices = equal_shares(&blocks, order).chain(blocks.iter().flat_map(|b| whole_blocks(b, order)));
        let mut ranked: Vec<_> = choices
            .filter(|c| c.len() <= most)
            .map(|c| (c.len().abs_diff(count), std::cmp::Reverse(c.len()), ranks(&c, order), c))
            .collect();
        ranked.sort();
        let found = ranked.into_iter().map(|r| r.3).find(|c| self.lets_go(id, c));
        let mut found = found.unwrap_or_default();
        found.sort_unstable();
        found
    }

    /// For each occurrence of a group in a group norm of several norm groups, the norm group of each unit.
    fn norm_blocks(&self, id: GroupId) -> Vec<Vec<usize>> {
        let mut blocks = BTreeSet::new();
        let width = self.group(id).width();
        for (index, groups) in self.unit_norms(id).into_iter().filter(|n| n.1 > 1) {
            let space = &self.nodes[index].space;
            let size = self.space_width(space) / groups;
            for k in (0..space.len()).filter(|k| space[*k] == id) {
                let at = self.space_width(&space[..k]);
                blocks.insert((0..width).map(|u| (at + u) / size).collect());
            }
        }
        blocks.into_iter().collect()
    }

    fn lets_go(&self, id: GroupId, gone: &[usize]) -> bool {
        let rest = (0..self.group(id).width()).filter(|u| !gone.contains(u));
        let units: Vec<NewUnit> = rest.map(NewUnit::kept).collect();
        self.norm_change(id, &units, false).is_ok()
    }
}

/// The one unit whose values a new unit carries, if there is one.
fn sole_origin(unit: &NewUnit) -> Option<usize> {
    let NewUnit::Combined(parts) = unit else { return None };
    let mut carried = parts.iter().filter(|p| p.incoming != 0.0);
    match (carried.next(), carried.next()) {
        (Some(part), None) => Some(part.unit),
        _ => None,
    }
}

/// The number of equal blocks into which channels divide so that each holds channels of one old norm group and each norm
/// group lies in one block: all that there were, else all that still have a channel.
fn divide(labels: &[Option<usize>], groups: usize) -> Option<usize> {
    let present = labels.iter().flatten().collect::<BTreeSet<_>>().len();
    [groups, present].into_iter().find(|n| fits(labels, *n))
}

fn fits(labels: &[Option<usize>], blocks: usize) -> bool {
    if blocks == 0 || labels.is_empty() || !labels.len().is_multiple_of(blocks) {
        return false;
    }
    let mut seen = BTreeSet::new();
    labels.chunks(labels.len() / blocks).all(|block| {
        let mut known = block.iter().flatten();
        known
            .next()
            .is_none_or(|first| known.all(|label| label == first) && seen.insert(first))
    })
}

/// Whether each block holds every channel of one old norm group equally often, so that mean and variance are as before.
fn statistics_stay(origins: &[Option<usize>], blocks: usize, size: usize) -> bool {
    origins.chunks(origins.len() / blocks).all(|block| {
        let mut copies: BTreeMap<usize, usize> = BTreeMap::new();
        block.iter().flatten().for_each(|o| *copies.entry(*o).or_default() += 1);
        let equally = copies.values().all(|n| n * size == block.len());
        equally && copies.len() == size && block.iter().all(Option::is_some)
    })
}

fn is_split(origins: &[Option<usize>]) -> bool {
    let known = origins.iter().flatten();
    known.clone().collect::<BTreeSet<_>>().len() < known.count()
}

/// The first 0, 1, 2, … units of `order` of every cell, where a cell is what the same norm groups hold.
fn equal_shares<'a>(blocks: &'a [Vec<usize>], order: &'a [usize]) -> impl Iterator<Item = Vec<usize>> + 'a {
    let cell = |unit: usize| -> Vec<usize> { blocks.iter().map(|b| b[unit]).collect() };
    let width = blocks.first().map_or(0, Vec::len);
    let mut cells: BTreeMap<Vec<usize>, Vec<usize>> = (0..width).map(|u| (cell(u), Vec::new())).collect();
    for unit in order {
        cells.entry(cell(*unit)).or_default().push(*unit);
    }
    let most = cells.values().map(Vec::len).min().unwrap_or(0);
    (0..=most).map(move |k| cells.values().flat_map(|c| c[..k].iter().copied()).collect())
}

/// The first 1, 2, … norm groups that lie in `order` with all their units, by the places of these.
fn whole_blocks<'a>(block: &'a [usize], order: &'a [usize]) -> impl Iterator<Item = Vec<usize>> + 'a {
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    order
        .iter()
        .for_each(|u| members.entry(block[*u]).or_default().push(*u));
    let whole = |label: usize, units: &[usize]| block.iter().filter(|b| **b == label).count() == units.len();
    let mut whole: Vec<Vec<usize>> = members
        .into_iter()
        .filter(|(label, units)| whole(*label, units))
        .map(|m| m.1)
        .collect();
    whole.sort_by_key(|units| ranks(units, order));
    (1..=whole.len()).map(move |n| whole[..n].concat())
}

/// The sum of the places of units in an order.
fn ranks(units: &[usize], order: &[usize]) -> usize {
    let chosen: BTreeSet<_> = units.iter().collect();
    (0..order.len()).filter(|k| chosen.contains(&order[*k])).sum()
}
