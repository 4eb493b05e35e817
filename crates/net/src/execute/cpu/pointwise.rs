//! Steps that move or add columns, in plain loops.

use crate::kernels::Element;
use crate::layer::GateForm;

/// Adds `from` to `to`, element by element.
pub(super) fn add<E: Element>(to: &mut [E], from: &[E]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to += from;
    }
}

/// Writes (or adds, where `accumulate`) `from` to `to`.
pub(super) fn put<E: Element>(to: &mut [E], from: &[E], accumulate: bool) {
    if accumulate {
        add(to, from)
    } else {
        to.copy_from_slice(from)
    }
}

/// A block of columns inside rows of a wider matrix.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub start: usize,
    pub width: usize,
    /// Columns of the wider matrix.
    pub stride: usize,
}

/// Copies a matrix into a block of columns of a wider one.
pub(super) fn scatter<E: Element>(from: &[E], to: &mut [E], block: Block, accumulate: bool) {
    for (from, to) in from.chunks_exact(block.width).zip(to.chunks_exact_mut(block.stride)) {
        put(&mut to[block.start..block.start + block.width], from, accumulate);
    }
}

/// Copies a block of columns of a wider matrix into a matrix of its own.
pub(super) fn extract<E: Element>(from: &[E], to: &mut [E], block: Block, accumulate: bool) {
    for (from, to) in from.chunks_exact(block.stride).zip(to.chunks_exact_mut(block.width)) {
        put(to, &from[block.start..block.start + block.width], accumulate);
    }
}

/// Writes the factors that gates stand for.
pub(super) fn factors<E: Element>(gates: &[E], form: GateForm, factors: &mut [E]) {
    for (to, &gate) in factors.iter_mut().zip(gates) {
        *to = form.factor(gate);
    }
}

/// Multiplies each channel by its factor, in place.
pub(super) fn scale<E: Element>(values: &mut [E], factors: &[E]) {
    for row in values.chunks_exact_mut(factors.len()) {
        for (value, &factor) in row.iter_mut().zip(factors) {
            *value *= factor;
        }
    }
}

/// Clears the gradients of gates that are shut.
pub(super) fn close<E: Element>(gates: &[E], form: GateForm, gate_gradient: &mut [E]) {
    for (total, &gate) in gate_gradient.iter_mut().zip(gates) {
        let open = form == GateForm::Linear || gate > E::ZERO;
        if !open {
            *total = E::ZERO;
        }
    }
}
