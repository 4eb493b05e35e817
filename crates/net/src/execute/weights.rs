//! Weights as the products see them: masked, multiplied by a folded gate, with ablated units.

use super::operation::Weights;
use super::pointwise::close;
use crate::error::{Error, Result};
use crate::groups::GroupId;
use crate::kernels::{Element, gate};
use crate::network::Network;
use crate::parameter::{Axis, ParameterId};

/// A unit that an evaluation silences towards all its readers, without touching a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ablation {
    /// The unit's channel group.
    pub group: GroupId,
    /// The unit's position in the group.
    pub unit: usize,
    /// Whether the other units of the group are multiplied by H/(H−1), H being the width.
    pub rescale: bool,
}

impl Ablation {
    /// Checks that the unit exists and that weights read its group.
    pub(crate) fn check<E: Element>(&self, network: &Network<E>) -> Result<()> {
        let group = network.group(self.group);
        if self.unit >= group.width() {
            let reason = format!("it has {} units, unit {} is no unit of it", group.width(), self.unit);
            return Err(Error::refused(group.name(), reason));
        }
        let reads = |id: &crate::NodeId| {
            let weight = network.node(*id).parameter(crate::Role::Weight);
            weight
                .is_some_and(|id| matches!(&network.parameter(id).axes()[0], Axis::Units(s) if s.contains(&self.group)))
        };
        if !network.order().iter().any(reads) {
            return Err(Error::refused(
                group.name(),
                "no weight reads it, so that none can be silenced towards it",
            ));
        }
        Ok(())
    }

    /// What each row of a weight is multiplied by.
    pub(super) fn row_factors<E: Element>(&self, network: &Network<E>, weight: ParameterId) -> Vec<E> {
        let weight = network.parameter(weight);
        let Axis::Units(space) = &weight.axes()[0] else {
            return vec![E::ONE; weight.shape()[0]];
        };
        let width = network.group(self.group).width();
        let others = match (self.rescale, width) {
            (true, 2..) => E::from_f64(width as f64 / (width - 1) as f64),
            _ => E::ONE,
        };
        let mut factors = Vec::with_capacity(weight.shape()[0]);
        for group in space {
            factors.extend(
                (0..network.group(*group).width()).map(|unit| match *group == self.group {
                    true if unit == self.unit => E::ZERO,
                    true => others,
                    false => E::ONE,
                }),
            );
        }
        factors
    }
}

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
