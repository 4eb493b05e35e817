//! Channel groups: which channels of which layers stand or fall together.
//!
//! # Method
//! Every channel that a layer creates starts as a class of its own; a sum unites the
//! classes of its inputs position by position, and every other layer hands its input's
//! classes on (a concat joins the lists, a slice takes a part, a flatten repeats the list
//! once per position). Maximal runs of classes that stand next to each other wherever they
//! appear form a *group*: the smallest set of channels that an edit can treat as one axis.
//! Each node's channels are then a list of whole groups ([`crate::Space`]).

use std::rc::Rc;

use super::node::{Node, NodeId};
use crate::groups::GroupId;
use crate::layer::ChannelFlow;
use crate::layer::parameter::Space;

/// What the channels of a graph fall into.
#[derive(Debug)]
pub(crate) struct Grouping {
    /// For each group, where it first appears: node and first channel.
    pub first: Vec<(NodeId, usize)>,
    /// For each group, its number of units.
    pub widths: Vec<usize>,
    /// For each group, why it may not be edited, if so.
    pub frozen: Vec<Option<String>>,
    /// For each node, its channels as whole groups.
    pub spaces: Vec<Space>,
}

/// A list of channel classes, shared by all nodes that hand it on unchanged.
type Classes = Rc<Vec<u32>>;

const UNSEEN: u32 = u32::MAX;
const EDGE: u32 = u32::MAX - 1;
const CONFLICT: u32 = u32::MAX - 2;

struct Analysis {
    parent: Vec<u32>,
    lists: Vec<Classes>,
    /// Indices of nodes whose list is not shared with an earlier node.
    fresh: Vec<usize>,
    frozen: Vec<(u32, String)>,
}

/// Groups the channels of a graph whose nodes come in topological `order`.
///
/// `units` gives the width of each layer that creates channels.
pub(crate) fn analyse(
    nodes: &[Node],
    order: &[NodeId],
    outputs: &[NodeId],
    units: &dyn Fn(NodeId) -> usize,
) -> Grouping {
    let mut analysis = Analysis {
        parent: Vec::new(),
        lists: (0..nodes.len()).map(|_| Classes::default()).collect(),
        fresh: Vec::new(),
        frozen: Vec::new(),
    };
    for &id in order {
        analysis.visit(nodes, id, units(id));
    }
    for &id in outputs {
        let reason = format!("it is the output head `{}`", nodes[id.index()].name);
        analysis.freeze(id, &reason);
    }
    analysis.finish(order)
}

impl Analysis {
    fn create(&mut self, width: usize) -> Classes {
        let first = self.parent.len() as u32;
        self.parent.extend(first..first + width as u32);
        Rc::new((first..first + width as u32).collect())
    }

    fn find(&mut self, class: u32) -> u32 {
        let mut root = class;
        while self.parent[root as usize] != root {
            root = self.parent[root as usize];
        }
        let mut walk = class;
        while self.parent[walk as usize] != root {
            walk = std::mem::replace(&mut self.parent[walk as usize], root);
        }
        root
    }

    fn unite(&mut self, left: u32, right: u32) {
        let (left, right) = (self.find(left), self.find(right));
        self.parent[left.max(right) as usize] = left.min(right);
    }

    fn freeze(&mut self, id: NodeId, reason: &str) {
        let list = Rc::clone(&self.lists[id.index()]);
        self.frozen.extend(list.iter().map(|&class| (class, reason.to_owned())));
    }

    fn visit(&mut self, nodes: &[Node], id: NodeId, units: usize) {
        let node = &nodes[id.index()];
        let input = |k: usize| node.inputs[k].index();
        let rules = node.rules();
        let list = match rules.channels() {
            ChannelFlow::New => self.create(units),
            ChannelFlow::Kept => Rc::clone(&self.lists[input(0)]),
            ChannelFlow::Repeated => {
                let positions = nodes[input(0)].map.iter().product();
                Rc::new(self.lists[input(0)].repeat(positions))
            }
            ChannelFlow::Joined => {
                let parts = node.inputs.iter().map(|i| self.lists[i.index()].as_slice());
                Rc::new(parts.collect::<Vec<_>>().concat())
            }
            ChannelFlow::Part { start, end } => Rc::new(self.lists[input(0)][start..end].to_vec()),
            ChannelFlow::United => self.visit_sum(node),
        };
        if !matches!(rules.channels(), ChannelFlow::Kept | ChannelFlow::United) {
            self.fresh.push(id.index());
        }
        self.lists[id.index()] = list;
        if let Some(reason) = rules.frozen(&node.name) {
            for frozen in std::iter::once(id).chain(node.inputs.iter().copied()) {
                self.freeze(frozen, &reason);
            }
        }
    }

    fn visit_sum(&mut self, node: &Node) -> Classes {
        let first = Rc::clone(&self.lists[node.inputs[0].index()]);
        for other in &node.inputs[1..] {
            let other = Rc::clone(&self.lists[other.index()]);
            for (&left, &right) in first.iter().zip(other.iter()) {
                self.unite(left, right);
            }
        }
        first
    }

    fn finish(mut self, order: &[NodeId]) -> Grouping {
        let count = self.parent.len();
        let roots: Vec<u32> = (0..count as u32).map(|c| self.find(c)).collect();
        let (next, previous) = self.neighbours(&roots);
        let linked = |left: u32| {
            let right = next[left as usize];
            (right < CONFLICT && previous[right as usize] == left).then_some(right)
        };
        let mut place: Vec<Option<GroupId>> = vec![None; count];
        let mut grouping = Grouping {
            first: Vec::new(),
            widths: Vec::new(),
            frozen: Vec::new(),
            spaces: vec![Space::new(); self.lists.len()],
        };
        for &id in order {
            let list = Rc::clone(&self.lists[id.index()]);
            let mut at = 0;
            while at < list.len() {
                let root = roots[list[at] as usize];
                let group = *place[root as usize].get_or_insert_with(|| {
                    let group = GroupId(grouping.widths.len() as u32);
                    grouping.first.push((id, at));
                    let mut width = 1;
                    let mut walk = root;
                    while let Some(right) = linked(walk) {
                        width += 1;
                        walk = right;
                    }
                    grouping.widths.push(width);
                    group
                });
                grouping.spaces[id.index()].push(group);
                at += grouping.widths[group.index()];
            }
        }
        grouping.frozen = self.frozen_groups(&roots, &place, &next, &previous, grouping.widths.len());
        grouping
    }

    /// The only class that ever follows (precedes) each class, or `CONFLICT` or `EDGE`.
    fn neighbours(&self, roots: &[u32]) -> (Vec<u32>, Vec<u32>) {
        let mut next = vec![UNSEEN; roots.len()];
        let mut previous = vec![UNSEEN; roots.len()];
        let note = |slot: &mut u32, value: u32| {
            if *slot == UNSEEN {
                *slot = value;
            } else if *slot != value {
                *slot = CONFLICT;
            }
        };
        for &index in &self.fresh {
            let list = &self.lists[index];
            for at in 0..list.len() {
                let root = roots[list[at] as usize] as usize;
                let after = list.get(at + 1).map_or(EDGE, |&c| roots[c as usize]);
                let before = at.checked_sub(1).map_or(EDGE, |b| roots[list[b] as usize]);
                note(&mut next[root], after);
                note(&mut previous[root], before);
            }
        }
        (next, previous)
    }

    fn frozen_groups(
        &self,
        roots: &[u32],
        place: &[Option<GroupId>],
        next: &[u32],
        previous: &[u32],
        groups: usize,
    ) -> Vec<Option<String>> {
        let mut frozen = vec![None; groups];
        for (class, reason) in &self.frozen {
            let mut root = roots[*class as usize];
            while place[root as usize].is_none() {
                debug_assert_eq!(next[previous[root as usize] as usize], root);
                root = previous[root as usize];
            }
            if let Some(group) = place[root as usize] {
                frozen[group.index()].get_or_insert_with(|| reason.clone());
            }
        }
        frozen
    }
}
