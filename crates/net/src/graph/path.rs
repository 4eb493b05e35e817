//! What the layers on a group's way let pass: scales, widths, constants.

use crate::graph::Network;
use crate::groups::GroupId;
use crate::kernels::Element;
use crate::layer::{ChannelFlow, Sign};

impl<E: Element> Network<E> {
    /// The first layer on the group's way that does not let an incoming scale pass, and why.
    pub(crate) fn scale_obstacle(&self, group: GroupId) -> Option<String> {
        let nodes = self.order.iter().map(|id| self.node(*id));
        nodes.filter(|node| node.space.contains(&group)).find_map(|node| {
            let reason = node.rules().scale_obstacle()?;
            Some(format!("`{}` {reason}", node.name))
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
