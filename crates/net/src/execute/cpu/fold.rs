//! Finds gates that a later layer's weight can absorb.
//!
//! # Method
//! A gate multiplies channel c by θ_c. Whatever commutes with that (flattening, averages, dropout
//! and, for factors of at least 0, maxima) may stand between the gate and the dense layer or
//! convolution that is its only reader; there W′[r, :] = θ_c W[r, :] for every row r of channel c, and
//! dθ_c = Σ_r ⟨dW′[r, :], W[r, :]⟩, dW[r, :] = θ_c dW′[r, :]. No gated activation exists.

use crate::graph::Network;
use crate::graph::NodeId;
use crate::kernels::Element;
use crate::layer::{Activation, GateForm, Layer};

/// For each node, the gate that its weight absorbs; and which gates are absorbed.
pub(super) struct Folds {
    /// By node index of a dense layer or convolution: the gate node.
    pub gate_of: Vec<Option<NodeId>>,
    /// By node index of a gate.
    pub is_folded: Vec<bool>,
}

/// Finds all gates that can be folded; `kept` marks nodes whose own values are asked for.
pub(super) fn find<E: Element>(network: &Network<E>, consumers: &[Vec<NodeId>], kept: &[bool]) -> Folds {
    let count = network.nodes().len();
    let mut folds = Folds {
        gate_of: vec![None; count],
        is_folded: vec![false; count],
    };
    for &id in network.order() {
        let Layer::Gate { form } = network.node(id).layer() else {
            continue;
        };
        if let Some(target) = target(network, id, *form, consumers, kept)
            && folds.gate_of[target.index()].is_none()
        {
            folds.gate_of[target.index()] = Some(id);
            folds.is_folded[id.index()] = true;
        }
    }
    folds
}

/// Follows a gate to the weight that can absorb it.
fn target<E: Element>(
    network: &Network<E>,
    gate: NodeId,
    form: GateForm,
    consumers: &[Vec<NodeId>],
    kept: &[bool],
) -> Option<NodeId> {
    let mut at = gate;
    loop {
        if kept[at.index()] {
            return None;
        }
        let [next] = consumers[at.index()][..] else {
            return None;
        };
        match network.node(next).layer() {
            Layer::Dense { .. } | Layer::GatedDense { .. } | Layer::Conv { groups: 1, .. } => return Some(next),
            Layer::Flatten | Layer::AvgPool { .. } | Layer::AdaptiveAvgPool { .. } | Layer::Dropout { .. } => {}
            Layer::Activation {
                function: Activation::Identity,
            } => {}
            Layer::MaxPool { .. } if form == GateForm::Rectified => {}
            _ => return None,
        }
        at = next;
    }
}
