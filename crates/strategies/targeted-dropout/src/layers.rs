//! Which layers may lose weights.

use espalier_net::{Network, NodeId, ParameterId, Role};
use espalier_strategy::{Error, Result};

/// The layers with weights from which no further weights lie before an output.
fn output_layers(network: &Network<f32>) -> Vec<NodeId> {
    let mut open: Vec<NodeId> = network.outputs().to_vec();
    let (mut seen, mut found) = (Vec::new(), Vec::new());
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
    found
}

/// All layers with weights but output layers and those to be skipped.
pub(crate) fn droppable_layers(strategy: &str, network: &Network<f32>, skip: &[String]) -> Result<Vec<NodeId>> {
    for name in skip {
        let node = network.node(network.find(name)?);
        if node.parameter(Role::Weight).is_none() {
            return Err(Error::setting(
                strategy,
                "skip",
                "layers with weights",
                format!("`{name}`, {}", node.layer().kind()),
            ));
        }
    }
    let outputs = output_layers(network);
    let droppable = |id: &NodeId| {
        let node = network.node(*id);
        node.parameter(Role::Weight).is_some() && !outputs.contains(id) && !skip.iter().any(|s| s == node.name())
    };
    let layers: Vec<NodeId> = network.order().iter().copied().filter(droppable).collect();
    if layers.is_empty() {
        return Err(Error::unsupported(
            strategy,
            "it has no weights before its output layer that are not to be skipped",
        ));
    }
    Ok(layers)
}

/// The weight of a layer.
pub(crate) fn weight_of(network: &Network<f32>, layer: NodeId) -> Result<ParameterId> {
    let node = network.node(layer);
    node.parameter(Role::Weight)
        .ok_or_else(|| Error::observation(format!("layer `{}`", node.name()), "weights", "none"))
}

/// The mask of a layer.
pub(crate) fn mask_of(strategy: &str, network: &Network<f32>, layer: NodeId) -> Result<ParameterId> {
    let node = network.node(layer);
    node.parameter(Role::Mask).ok_or_else(|| {
        Error::unsupported(
            strategy,
            format!(
                "layer `{}` has no mask; build it with `NetworkBuilder::mask` or skip it",
                node.name()
            ),
        )
    })
}
