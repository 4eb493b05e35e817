//! What steps and device copies were made for.

use crate::graph::Network;
use crate::graph::NodeId;
use crate::kernels::Element;
use crate::layer::Layer;

/// The shape of a network: two networks with equal signatures run in the same steps.
#[derive(Clone, Debug, Default)]
pub(super) struct Signature {
    revision: u64,
    nodes: Vec<(Layer, Vec<NodeId>)>,
    widths: Vec<usize>,
    outputs: Vec<NodeId>,
}

impl Signature {
    /// Takes a network's signature.
    pub fn of<E: Element>(network: &Network<E>) -> Self {
        Self {
            revision: network.revision(),
            nodes: network
                .nodes()
                .iter()
                .map(|n| (n.layer().clone(), n.inputs().to_vec()))
                .collect(),
            widths: network.widths(),
            outputs: network.outputs().to_vec(),
        }
    }

    /// Says whether a network has this signature.
    ///
    /// The revision alone tells apart the states of one network; the rest tells apart networks that were edited separately.
    pub fn matches<E: Element>(&self, network: &Network<E>) -> bool {
        let nodes = network.nodes();
        self.revision == network.revision()
            && self.nodes.len() == nodes.len()
            && self.widths.len() == network.groups().len()
            && self.outputs == network.outputs()
            && self
                .widths
                .iter()
                .zip(network.groups())
                .all(|(&width, group)| width == group.width())
            && self
                .nodes
                .iter()
                .zip(nodes)
                .all(|((layer, inputs), node)| layer == node.layer() && inputs == node.inputs())
    }
}
