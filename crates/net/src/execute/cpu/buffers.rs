//! The memory that steps read and write, and what one pass depends on.

use super::plan::Plan;
use crate::execute::{Ablation, Bytes, Mode};
use crate::kernels::conv::ConvWorkspace;
use crate::kernels::norm::NormState;
use crate::kernels::sparse::Foreground;
use crate::kernels::{Element, Threads};

/// Memory that steps read and write.
#[derive(Clone, Debug, Default)]
pub(super) struct Buffers<E> {
    /// Values and gradients, by slot.
    pub slots: Vec<Vec<E>>,
    /// Gradients, by parameter.
    pub gradients: Vec<Vec<E>>,
    /// Weights multiplied by masks and folded gates, by parameter.
    pub effective: Vec<Vec<E>>,
    /// Factors of gates, by parameter.
    pub factors: Vec<Vec<E>>,
    /// Statistics that norms save, by node.
    pub norms: Vec<NormState<E>>,
    /// Running mean and variance of batch norms after the last training pass, by node.
    pub running: Vec<[Vec<E>; 2]>,
    /// Pre-activations of gated layers and, in the backward pass, their gradients, by node.
    pub gated: Vec<Vec<E>>,
    /// The gates that a gated layer's backward pass computes again.
    pub gates: Vec<E>,
    /// Places of maxima, by node.
    pub places: Vec<Vec<u16>>,
    /// Dropout masks, by node.
    pub drops: Vec<Vec<u8>>,
    /// Where a norm directly on a network input writes the gradient that nothing reads.
    pub unread: Vec<E>,
    /// Outputs of a convolution on their way into a pool.
    pub pooled: Vec<E>,
    /// Memory that convolutions share.
    pub conv: ConvWorkspace<E>,
    /// What stands out from the background of each network input that dense layers read sparsely.
    pub foregrounds: Vec<Foreground<E>>,
}

/// What one pass depends on besides the network.
pub(super) struct Pass<'a, E> {
    pub inputs: &'a [&'a [E]],
    pub samples: usize,
    pub mode: Mode,
    pub threads: Threads,
    pub ablation: Option<Ablation>,
    /// The value that most elements of each network input have, where that is known and pays.
    pub backgrounds: &'a [Option<E>],
}

impl<E: Element> Pass<'_, E> {
    /// The network input that a dense layer with a weight of this shape reads sparsely.
    pub fn sparse_input(&self, plan: &Plan, value: usize, [fan_in, fan_out]: [usize; 2]) -> Option<usize> {
        let input = plan.values[value].input?;
        let known = self.backgrounds.get(input)?.is_some();
        (known && plan.values[value].size == fan_in && fan_out >= E::least_outputs()).then_some(input)
    }
}

impl<E: Element> Buffers<E> {
    /// The bytes of all buffers.
    pub fn bytes(&self) -> Bytes {
        let element = size_of::<E>();
        let total = |parts: &[Vec<E>]| parts.iter().map(Vec::capacity).sum::<usize>() * element;
        let buffers = self;
        let places = buffers.places.iter().map(Vec::capacity).sum::<usize>() * size_of::<u16>();
        let norms = buffers
            .norms
            .iter()
            .map(|n| n.mean.capacity() + n.inverse_deviation.capacity())
            .sum::<usize>()
            * element;
        let running = buffers
            .running
            .iter()
            .map(|[m, v]| m.capacity() + v.capacity())
            .sum::<usize>()
            * element;
        let drops = buffers.drops.iter().map(Vec::capacity).sum::<usize>();
        Bytes {
            activations: total(&buffers.slots) + total(&buffers.gated) + norms + places + drops,
            parameters: total(&buffers.gradients) + total(&buffers.effective) + total(&buffers.factors) + running,
            scratch: buffers.conv.bytes()
                + buffers.foregrounds.iter().map(Foreground::bytes).sum::<usize>()
                + (buffers.unread.capacity() + buffers.pooled.capacity() + buffers.gates.capacity()) * element,
        }
    }

    /// A value, from the batch or from its slot.
    pub fn read<'a>(&'a self, plan: &Plan, value: usize, pass: &Pass<'a, E>) -> &'a [E] {
        let size = plan.values[value].size * pass.samples;
        match (plan.values[value].input, plan.value_slot[value]) {
            (Some(input), _) => &pass.inputs[input][..size],
            (None, Some(slot)) => &self.slots[slot][..size],
            (None, None) => &[],
        }
    }
}

/// Makes a buffer hold at least `length` elements, in exactly as much memory.
pub(super) fn grow<T: Copy>(buffer: &mut Vec<T>, length: usize, filling: T) {
    if buffer.len() < length {
        buffer.reserve_exact(length - buffer.len());
        buffer.resize(length, filling);
    }
}
