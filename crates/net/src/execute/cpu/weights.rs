//! Weights as the products see them: masked, multiplied by a folded gate, with ablated units.

use super::operation::Weights;
use super::pointwise::close;
use crate::execute::Ablation;
use crate::graph::Network;
use crate::kernels::{Element, gate};

/// Computes the weight that a step's product runs on: mask ∘ weight, rows multiplied by the folded gate's factors.
pub(super) fn multiply<E: Element>(
    network: &Network<E>,
    weights: &Weights,
    factors: Option<&[E]>,
    effective: &mut [E],
) {
    let values = network.parameter(weights.weight).values();
    match factors {
        Some(factors) => gate::fold_rows(values, weights.shape[1], factors, effective),
        None => effective.copy_from_slice(values),
    }
    apply_mask(network, weights, effective);
}

/// Multiplies a weight, or its gradient, by the layer's mask, if it has one.
fn apply_mask<E: Element>(network: &Network<E>, weights: &Weights, values: &mut [E]) {
    if let Some(mask) = weights.mask {
        for (value, &keep) in values.iter_mut().zip(network.parameter(mask).values()) {
            *value *= keep;
        }
    }
}

/// Silences one unit's rows of an effective weight, and rescales the rows of its group where asked.
pub(super) fn ablate<E: Element>(network: &Network<E>, weights: &Weights, ablation: Ablation, effective: &mut [E]) {
    let factors = ablation.row_factors(network, weights.weight);
    for (row, factor) in effective.chunks_exact_mut(weights.shape[1]).zip(factors) {
        for value in row {
            *value *= factor;
        }
    }
}

/// Turns the gradient of an effective weight into that of the weight, and computes that of the folded gate.
///
/// # Method
/// dθ_c = Σ_r ⟨dW′[r, :], (mask ∘ W)[r, :]⟩ over the rows r of channel c, dW = mask ∘ (θ_c dW′).
pub(super) fn split_gradient<E: Element>(
    network: &Network<E>,
    weights: &Weights,
    gradient: &mut [E],
    gate_parts: Option<(&[E], &mut [E])>,
) {
    // Masking dW′ first serves both: ⟨mask ∘ dW′, W⟩ = ⟨dW′, mask ∘ W⟩.
    apply_mask(network, weights, gradient);
    if let (Some((id, form)), Some((factors, gate_gradient))) = (weights.gate, gate_parts) {
        let values = network.parameter(weights.weight).values();
        gate::unfold_rows(values, weights.shape[1], factors, gradient, gate_gradient);
        close(network.parameter(id).values(), form, gate_gradient);
    }
}
