//! Gated units: the product of two halves of pre-activations, one of them through an activation.
//!
//! # Shapes
//! z (rows, 2·units): in each row the gates' pre-activations, then the values they multiply; y (rows, units).
//!
//! # Paper
//! Shazeer 2020, eqs. 5 and 6: y = f(z_gate) ⊗ z_value, with f = GELU for GEGLU and SiLU for SwiGLU.

use super::activation::Activation;
use super::element::Element;

/// Computes y = f(z_gate) ⊗ z_value.
///
/// # Panics
/// Panics if z is not twice as long as y.
pub fn forward<E: Element>(activation: Activation, units: usize, z: &[E], y: &mut [E]) {
    assert_eq!(z.len(), 2 * y.len(), "two pre-activations for each output");
    copy_gates(units, z, y);
    activation.apply(y);
    multiply_values(units, z, y);
}

/// Turns pre-activations into their gradients, in place; `gradient` is that of y and is overwritten.
///
/// # Method
/// dz_value = dy ⊗ f(z_gate), dz_gate = dy ⊗ z_value ⊗ f′(z_gate). `scratch` is as long as `gradient`.
///
/// # Panics
/// Panics if z is not twice as long as gradient and scratch.
pub fn backward<E: Element>(activation: Activation, units: usize, z: &mut [E], gradient: &mut [E], scratch: &mut [E]) {
    assert_eq!(z.len(), 2 * gradient.len(), "two pre-activations for each output");
    assert_eq!(scratch.len(), gradient.len(), "one gate for each output");
    copy_gates(units, z, scratch);
    activation.apply(scratch);
    exchange_values(units, z, gradient, scratch);
    if activation.needs_preactivation() {
        copy_gates(units, z, scratch);
    }
    activation.backward(scratch, gradient);
    for (z, d) in z.chunks_exact_mut(2 * units).zip(gradient.chunks_exact(units)) {
        z[..units].copy_from_slice(d);
    }
}

fn copy_gates<E: Element>(units: usize, z: &[E], to: &mut [E]) {
    for (z, to) in z.chunks_exact(2 * units).zip(to.chunks_exact_mut(units)) {
        to.copy_from_slice(&z[..units]);
    }
}

multiversion! {
    fn multiply_values<E: Element>(units: usize, z: &[E], y: &mut [E]) {
        for (z, y) in z.chunks_exact(2 * units).zip(y.chunks_exact_mut(units)) {
            for (y, &value) in y.iter_mut().zip(&z[units..]) {
                *y *= value;
            }
        }
    }
}

multiversion! {
    /// Writes dy ⊗ gate where the values stand in z, and dy ⊗ value where dy stood.
    fn exchange_values<E: Element>(units: usize, z: &mut [E], gradient: &mut [E], gates: &[E]) {
        let rows = z.chunks_exact_mut(2 * units).zip(gradient.chunks_exact_mut(units)).zip(gates.chunks_exact(units));
        for ((z, d), gates) in rows {
            for ((value, d), &gate) in z[units..].iter_mut().zip(d).zip(gates) {
                let before = *d;
                *d = before * *value;
                *value = before * gate;
            }
        }
    }
}
