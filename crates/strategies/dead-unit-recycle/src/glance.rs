//! One look at the growth batch: what the units emit there, and what comes out of the network.

use espalier_metrics::UnitMoments;
use espalier_net::{Network, NodeId};
use espalier_strategy::{Error, Oracle, Result, Sample};

/// Activations of some nodes and of the outputs in evaluation mode.
pub(crate) struct Glance {
    moments: Vec<(NodeId, UnitMoments)>,
    outputs: Vec<f32>,
}

impl Glance {
    /// Looks at the growth batch.
    pub fn of(network: &Network<f32>, nodes: &[NodeId], oracle: &mut dyn Oracle) -> Result<Self> {
        let mut moments = Vec::with_capacity(nodes.len());
        for node in nodes {
            moments.push((*node, UnitMoments::new(network.width(*node))?));
        }
        let mut all = nodes.to_vec();
        all.extend_from_slice(network.outputs());
        let mut outputs = Vec::new();
        let mut failed = None;
        oracle.activations(
            network,
            &all,
            Sample::Growth,
            &mut |k, values| match moments.get_mut(k) {
                Some((node, moments)) => {
                    if let Err(error) = moments.observe(values, network.width(*node)) {
                        failed.get_or_insert(error);
                    }
                }
                None => outputs.extend_from_slice(values),
            },
        )?;
        failed.map_or(Ok(Self { moments, outputs }), |error| Err(error.into()))
    }

    /// What the channels of a node have shown.
    pub fn moments(&self, network: &Network<f32>, node: NodeId) -> Result<&UnitMoments> {
        let found = self.moments.iter().find(|(n, _)| *n == node);
        found
            .map(|(_, m)| m)
            .ok_or_else(|| Error::observation(network.node(node).name(), "its values on the growth batch", "none"))
    }

    /// How far the outputs of `other` are away from these, relative to the largest of these.
    pub fn drift(&self, other: &Self) -> f64 {
        let largest = self.outputs.iter().fold(0.0_f64, |m, x| m.max(f64::from(x.abs())));
        let pairs = self.outputs.iter().zip(&other.outputs);
        let moved = pairs
            .map(|(x, y)| f64::from(*x) - f64::from(*y))
            .fold(0.0_f64, |m, d| if d.abs() > m || d.is_nan() { d.abs() } else { m });
        if largest > 0.0 { moved / largest } else { moved }
    }
}
