//! Groups that the method can work on: one dense layer, one activation, one dense layer.

use espalier_net::{Activation, GroupId, Layer, Network, NodeId, Role};
use espalier_strategy::{Error, Groups, Result};

use crate::NAME;

/// Where units are added.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site {
    pub group: GroupId,
    /// What the layer that makes the units reads.
    pub input: NodeId,
    pub producer: NodeId,
    /// The units' values behind their activation.
    pub emitted: NodeId,
    pub function: Activation,
    pub consumer: NodeId,
}

impl Site {
    pub fn of(network: &Network<f32>, group: GroupId) -> Result<Self> {
        let refused = |why: &str| {
            let name = network.group(group).name();
            Error::unsupported(
                NAME,
                format!("group `{name}`: expected one dense layer, one activation and one dense layer, {why}"),
            )
        };
        let carries = |id: NodeId| network.node(id).space().contains(&group);
        let carrying: Vec<NodeId> = network.order().iter().copied().filter(|id| carries(*id)).collect();
        let reading = |id: &NodeId| {
            let node = network.node(*id);
            !carries(*id) && node.inputs().iter().any(|input| carries(*input))
        };
        let readers: Vec<NodeId> = network.order().iter().copied().filter(reading).collect();
        let ([producer, emitted], [consumer]) = (carrying.as_slice(), readers.as_slice()) else {
            return Err(refused(&format!(
                "found {} and {} layers",
                carrying.len(),
                readers.len()
            )));
        };
        let plain = |id: NodeId| {
            let node = network.node(id);
            node.positions() == 1 && matches!(node.layer(), Layer::Dense { .. })
        };
        let function = match network.node(*emitted).layer() {
            Layer::Activation { function } => *function,
            other => return Err(refused(&format!("found {other:?} between them"))),
        };
        let own = network.node(*emitted).space() == [group];
        if !(plain(*producer) && plain(*consumer) && own) || network.node(*consumer).inputs() != [*emitted] {
            return Err(refused("found another kind of layer"));
        }
        let input = network.node(*producer).inputs().first().copied();
        let site = Self {
            group,
            input: input.ok_or_else(|| refused("found none before it"))?,
            producer: *producer,
            emitted: *emitted,
            function,
            consumer: *consumer,
        };
        let masked = [site.producer, site.consumer]
            .iter()
            .any(|id| network.node(*id).parameter(Role::Mask).is_some());
        if masked { Err(refused("found masks")) } else { Ok(site) }
    }

    pub fn has_bias(&self, network: &Network<f32>, node: NodeId) -> bool {
        network.node(node).parameter(Role::Bias).is_some()
    }
}

/// The sites of the groups; of [`Groups::Editable`] those that the method cannot work on are passed over.
pub(crate) fn supported(groups: &Groups, network: &Network<f32>) -> Result<Vec<Site>> {
    let (mut found, mut refusal) = (Vec::new(), None);
    for group in groups.resolve(NAME, network)? {
        match Site::of(network, group) {
            Ok(site) => found.push(site),
            Err(error @ Error::Unsupported { .. }) if *groups == Groups::Editable => {
                refusal.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    match refusal {
        Some(error) if found.is_empty() => Err(error),
        _ => Ok(found),
    }
}
