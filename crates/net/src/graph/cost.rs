//! Counts of parameters and multiply–accumulate operations.

use super::network::Network;
use crate::error::{Error, Result};
use crate::graph::{Node, NodeId};
use crate::groups::GroupId;
use crate::kernels::Element;
use crate::layer::extent::{check_channels, count_macs, product};
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
            macs: self.order.iter().map(|id| self.node_macs(*id)).sum(),
        }
    }

    /// Predicts what the network would cost if its groups had these widths, from the axes' declarations alone.
    ///
    /// # Errors
    /// Refuses other than one width for each group, and widths at which a layer has more channels, weights or
    /// multiply–accumulates than can be counted.
    pub fn cost_at(&self, widths: &[usize]) -> Result<Cost> {
        if widths.len() != self.groups.len() {
            return Err(Error::length("widths of groups", self.groups.len(), widths.len()));
        }
        let mut cost = Cost::default();
        for id in &self.order {
            let node = self.node(*id);
            let parameters = self.parameters_of(node, widths);
            let macs = self.macs_of(node, widths)?;
            cost = cost
                .and(parameters, macs)
                .ok_or_else(|| beyond_count(&node.name, cost))?;
        }
        Ok(cost)
    }

    /// The MACs of one node for one sample at its present width.
    #[must_use]
    pub fn node_macs(&self, id: NodeId) -> u64 {
        // Whatever makes or edits a network refuses what cannot be counted.
        self.macs_of(self.node(id), &self.widths()).unwrap_or(u64::MAX)
    }

    /// The trained values of a node whose weights can be counted.
    fn parameters_of(&self, node: &Node, widths: &[usize]) -> Option<u64> {
        let length = |axis: &Axis| match axis {
            Axis::Fixed(n) => *n,
            Axis::Units(space) => space_width(widths, space),
        };
        let arrays = node.parameters.iter().map(|(_, id)| self.parameter(*id));
        let mut trained = arrays.filter(|p| p.role.is_trained());
        trained.try_fold(0_u64, |all, p| {
            let extents: Vec<usize> = p.axes.iter().map(length).collect();
            all.checked_add(product(&extents)?)
        })
    }

    fn macs_of(&self, node: &Node, widths: &[usize]) -> Result<u64> {
        let fan_in = node
            .inputs
            .first()
            .map_or(0, |id| space_width(widths, &self.node(*id).space));
        let out = space_width(widths, &node.space);
        check_channels(&node.name, out)?;
        count_macs(&node.name, node.rules().as_ref(), fan_in, out, node.positions())
    }
}

/// The channels of a space, no more than can be counted.
fn space_width(widths: &[usize], space: &[GroupId]) -> usize {
    space.iter().fold(0, |all, g| all.saturating_add(widths[g.index()]))
}

/// The error for a layer whose cost does not fit beside that of the layers before it.
pub(super) fn beyond_count(layer: &str, before: Cost) -> Error {
    let Cost { parameters, macs } = before;
    Error::layer(
        layer,
        format!("parameters and MACs of a network below {} each", u64::MAX),
        format!("more, behind layers with {parameters} parameters and {macs} MACs"),
    )
}
