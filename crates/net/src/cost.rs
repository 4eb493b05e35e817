//! Counts of parameters and multiply–accumulate operations.

use crate::graph::{Node, NodeId};
use crate::groups::GroupId;
use crate::kernels::Element;
use crate::network::Network;
use crate::parameter::Axis;

/// What a network costs.
///
/// # Units
/// `parameters` counts trained values (weights, biases, scales, slopes, gates; not running
/// statistics, not masks). `macs` counts multiply–accumulates of dense layers and
/// convolutions for one sample's forward pass; 1 MAC = 2 FLOPs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Cost {
    /// Trained values.
    pub parameters: u64,
    /// Multiply–accumulates of one forward pass of one sample.
    pub macs: u64,
}

impl<E: Element> Network<E> {
    /// Counts the trained values that are stored.
    #[must_use]
    pub fn parameter_count(&self) -> u64 {
        let trained = self.parameters.iter().filter(|p| p.role.is_trained());
        trained.map(|p| p.values.len() as u64).sum()
    }

    /// Counts parameters as stored, and the MACs of one sample's forward pass.
    #[must_use]
    pub fn cost(&self) -> Cost {
        Cost {
            parameters: self.parameter_count(),
            macs: self.cost_at(&self.widths()).macs,
        }
    }

    /// Predicts what the network would cost if its groups had these widths, from the axes' declarations alone.
    #[must_use]
    pub fn cost_at(&self, widths: &[usize]) -> Cost {
        let length = |axis: &Axis| match axis {
            Axis::Fixed(n) => *n,
            Axis::Units(space) => space_width(widths, space),
        };
        let trained = self.parameters.iter().filter(|p| p.role.is_trained());
        let parameters = trained
            .map(|p| p.axes.iter().map(length).product::<usize>() as u64)
            .sum();
        let macs = self.order.iter().map(|id| self.macs_of(self.node(*id), widths)).sum();
        Cost { parameters, macs }
    }

    /// The MACs of one node for one sample at its present width.
    #[must_use]
    pub fn node_macs(&self, id: NodeId) -> u64 {
        self.macs_of(self.node(id), &self.widths())
    }

    fn macs_of(&self, node: &Node, widths: &[usize]) -> u64 {
        let fan_in = node
            .inputs
            .first()
            .map_or(0, |id| space_width(widths, &self.node(*id).space));
        let out = space_width(widths, &node.space);
        node.rules().macs(fan_in, out, node.positions()) as u64
    }
}

fn space_width(widths: &[usize], space: &[GroupId]) -> usize {
    space.iter().map(|g| widths[g.index()]).sum()
}
