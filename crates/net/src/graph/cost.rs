//! Counts of parameters and multiply–accumulate operations.

use super::network::Network;
use crate::graph::{Node, NodeId};
use crate::groups::GroupId;
use crate::kernels::Element;
use crate::layer::parameter::Axis;
use crate::ledger::Cost;

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
