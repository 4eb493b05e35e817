//! What the layers on a group's way let pass: scales, widths, constants.

use crate::groups::GroupId;
use crate::kernels::Element;
use crate::layer::{ChannelFlow, Sign, Statistics};
use crate::network::Network;

impl<E: Element> Network<E> {
    /// The first layer on the group's way that does not let an incoming scale pass, and why.
    pub(crate) fn scale_obstacle(&self, group: GroupId) -> Option<String> {
        let nodes = self.order.iter().map(|id| self.node(*id));
        nodes.filter(|node| node.space.contains(&group)).find_map(|node| {
            let reason = node.rules().scale_obstacle()?;
            Some(format!("`{}` {reason}", node.name))
        })
    }

    /// The first layer whose statistics run over the group's units, so that its outputs depend on the width.
    pub(crate) fn width_obstacle(&self, group: GroupId, permutes: bool) -> Option<String> {
        let nodes = self.order.iter().map(|id| self.node(*id));
        nodes.filter(|node| node.space.contains(&group)).find_map(|node| {
            let rules = node.rules();
            let Some(Statistics::OverChannels { sets }) = rules.statistics() else {
                return None;
            };
            let stays = permutes && sets == 1;
            let kind = rules.name().replace('_', " ");
            (!stays).then(|| format!("{kind} `{}` takes its statistics over the edited axis", node.name))
        })
    }

    /// A norm that cannot divide the channels that it would get into its sets.
    pub(crate) fn indivisible(&self, group: GroupId, width: usize) -> Option<String> {
        let nodes = self.order.iter().map(|id| self.node(*id));
        nodes.filter(|node| node.space.contains(&group)).find_map(|node| {
            let rules = node.rules();
            let Some(Statistics::OverChannels { sets }) = rules.statistics() else {
                return None;
            };
            let width_of = |g: &GroupId| if *g == group { width } else { self.group(*g).width() };
            let channels: usize = node.space.iter().map(width_of).sum();
            let kind = rules.name().replace('_', " ");
            (!channels.is_multiple_of(sets)).then(|| {
                format!(
                    "{kind} `{}` needs channels divisible by {sets}, found {channels}",
                    node.name
                )
            })
        })
    }

    /// For each node and channel, the value that the channel always has in evaluation because a closed gate precedes it.
    pub(crate) fn constants(&self) -> Vec<Vec<Option<f64>>> {
        let mut known: Vec<Vec<Option<f64>>> = vec![Vec::new(); self.nodes.len()];
        for &id in &self.order {
            let values = self.constants_of(id.index(), &known);
            known[id.index()] = values;
        }
        known
    }

    fn constants_of(&self, index: usize, known: &[Vec<Option<f64>>]) -> Vec<Option<f64>> {
        let node = &self.nodes[index];
        let rules = node.rules();
        let input = |k: usize| &known[node.inputs[k].index()];
        match rules.channels() {
            ChannelFlow::New => vec![None; self.space_width(&node.space)],
            ChannelFlow::Kept => {
                let value = |role, c: usize| {
                    let parameter = node.parameter(role);
                    parameter.map_or(0.0, |p| self.parameter(p).values[c].to_f64())
                };
                let channels = input(0).iter().enumerate();
                channels
                    .map(|(c, x)| rules.constant(*x, &|role| value(role, c)))
                    .collect()
            }
            ChannelFlow::Repeated => input(0).repeat(self.node(node.inputs[0]).positions()),
            ChannelFlow::Joined => (0..node.inputs.len()).flat_map(|k| input(k).clone()).collect(),
            ChannelFlow::Part { start, end } => input(0)[start..end].to_vec(),
            ChannelFlow::United => (0..input(0).len())
                .map(|c| (0..node.inputs.len()).map(|k| input(k)[c]).sum())
                .collect(),
        }
    }

    /// Says whether a node's outputs can never be negative.
    pub(crate) fn is_non_negative(&self, index: usize) -> bool {
        let node = &self.nodes[index];
        match node.rules().sign() {
            Sign::NonNegative => true,
            Sign::AsInputs => node.inputs.iter().all(|i| self.is_non_negative(i.index())),
            Sign::Unknown => false,
        }
    }
}
