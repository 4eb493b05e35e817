//! Which layers may be pruned.

use espalier_net::{Layer, Network, NodeId, ParameterId, Role};
use espalier_strategy::{Error, Result};

/// The layers with weights from which no further weights lie before an output.
#[must_use]
pub fn output_layers(network: &Network<f32>) -> Vec<NodeId> {
    let mut open: Vec<NodeId> = network.outputs().to_vec();
    let mut seen = Vec::new();
    let mut found = Vec::new();
    while let Some(id) = open.pop() {
        if seen.contains(&id) {
            continue;
        }
        seen.push(id);
        match network.node(id).parameter(Role::Weight) {
            Some(_) => found.push(id),
            None => open.extend_from_slice(network.node(id).inputs()),
        }
    }
    found.sort_unstable();
    found
}

/// The layers whose weights may be pruned: all with weights but output layers and those to be skipped.
///
/// # Errors
/// Names a layer to be skipped that has no weights or does not exist, and refuses a network where nothing is left.
pub fn prunable_layers(strategy: &str, network: &Network<f32>, skip: &[String]) -> Result<Vec<NodeId>> {
    for name in skip {
        let id = network.find(name)?;
        if network.node(id).parameter(Role::Weight).is_none() {
            let found = format!("`{name}`, {}", network.node(id).layer().kind());
            return Err(Error::setting(strategy, "skip", "layers with weights", found));
        }
    }
    let outputs = output_layers(network);
    let prunable = |id: &NodeId| {
        let node = network.node(*id);
        let weighs = matches!(node.layer(), Layer::Dense { .. } | Layer::Conv { .. });
        weighs && !outputs.contains(id) && !skip.iter().any(|s| s == node.name())
    };
    let layers: Vec<NodeId> = network.order().iter().copied().filter(prunable).collect();
    if layers.is_empty() {
        return Err(Error::unsupported(
            strategy,
            "it has no weights before its output layer that are not to be skipped",
        ));
    }
    Ok(layers)
}

/// The mask of a layer.
///
/// # Errors
/// Refuses a layer without a mask.
pub fn mask_of(strategy: &str, network: &Network<f32>, layer: NodeId) -> Result<ParameterId> {
    let node = network.node(layer);
    node.parameter(Role::Mask).ok_or_else(|| {
        let reason = format!(
            "layer `{}` has no mask; build it with `NetworkBuilder::mask` or prune in another form",
            node.name()
        );
        Error::unsupported(strategy, reason)
    })
}

/// The layer that a weight belongs to.
pub(crate) fn layer_of(network: &Network<f32>, weight: ParameterId) -> Option<NodeId> {
    network
        .order()
        .iter()
        .copied()
        .find(|id| network.node(*id).parameter(Role::Weight) == Some(weight))
}

/// A layer's weights as the passes see them, times its mask where there is one.
pub(crate) fn effective(network: &Network<f32>, layer: NodeId, weight: ParameterId) -> Vec<f64> {
    let weights = network.parameter(weight).values().iter().map(|w| f64::from(*w));
    match network.node(layer).parameter(Role::Mask) {
        Some(mask) => weights
            .zip(network.parameter(mask).values())
            .map(|(w, m)| w * f64::from(*m))
            .collect(),
        None => weights.collect(),
    }
}
