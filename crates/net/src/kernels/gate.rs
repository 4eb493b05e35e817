//! Gates: a factor θ for each unit, folded into neighbouring weights or applied to activations.
//!
//! # Method
//! Scaling a unit's output by θ_c is the same as scaling the consumer's rows, W′_c = θ_c·W_c, or, where the unit is linear
//! up to there, the producer's column and bias. Folded, it stores no further activation, and its gradient
//! comes from the weights' gradient: dθ_c = ⟨dW′_c, W_c⟩ + db′_c·b_c and dW_c = θ_c·dW′_c.

use super::Element;

multiversion! {
    /// Scales a consumer's rows: row r belongs to unit r modulo θ.len(), as in dense layers, convolutions and flattened images.
    ///
    /// # Shapes
    /// weights and folded (rows, columns), theta (units) with units a divisor of rows.
    pub fn fold_rows<E: Element>(weights: &[E], columns: usize, theta: &[E], folded: &mut [E]) {
        let rows = weights.chunks_exact(columns).zip(folded.chunks_exact_mut(columns));
        for ((w, folded), &theta) in rows.zip(theta.iter().cycle()) {
            for (folded, &w) in folded.iter_mut().zip(w) {
                *folded = theta * w;
            }
        }
    }
}

multiversion! {
    /// Turns the gradient of folded rows into that of the weights, in place, and overwrites that of the gates.
    ///
    /// # Shapes
    /// weights and gradient (rows, columns), theta and theta_gradient (units).
    pub fn unfold_rows<E: Element>(weights: &[E], columns: usize, theta: &[E], gradient: &mut [E], theta_gradient: &mut [E]) {
        let units = theta.len();
        theta_gradient[..units].fill(E::ZERO);
        let rows = weights.chunks_exact(columns).zip(gradient.chunks_exact_mut(columns));
        for (r, (w, gradient)) in rows.enumerate() {
            theta_gradient[r % units] += dot(w, gradient);
            for gradient in gradient {
                *gradient *= theta[r % units];
            }
        }
    }
}

/// The inner product in a fixed order that vectorises: sixteen running sums, added at the end.
#[inline(always)]
pub(in crate::kernels) fn dot<E: Element>(a: &[E], b: &[E]) -> E {
    const LANES: usize = 16;
    let mut sums = [E::ZERO; LANES];
    let (mut a_groups, mut b_groups) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    for (a, b) in a_groups.by_ref().zip(b_groups.by_ref()) {
        for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    for ((sum, &a), &b) in sums.iter_mut().zip(a_groups.remainder()).zip(b_groups.remainder()) {
        *sum += a * b;
    }
    sums.into_iter().sum()
}

multiversion! {
    /// Scales a producer's columns.
    ///
    /// # Shapes
    /// weights and folded (rows, units), theta (units); call it again with a bias as a single row.
    pub fn fold_columns<E: Element>(weights: &[E], theta: &[E], folded: &mut [E]) {
        let units = theta.len();
        for (w, folded) in weights.chunks_exact(units).zip(folded.chunks_exact_mut(units)) {
            for ((folded, &w), &theta) in folded.iter_mut().zip(w).zip(theta) {
                *folded = theta * w;
            }
        }
    }
}

multiversion! {
    /// Turns the gradient of folded columns into that of the weights, in place, and adds to that of the gates.
    ///
    /// # Shapes
    /// weights and gradient (rows, units), theta and theta_gradient (units); call it again with a bias as a
    /// single row, after clearing theta_gradient once.
    pub fn unfold_columns<E: Element>(weights: &[E], theta: &[E], gradient: &mut [E], theta_gradient: &mut [E]) {
        let units = theta.len();
        for (w, gradient) in weights.chunks_exact(units).zip(gradient.chunks_exact_mut(units)) {
            for (((gradient, &w), &theta), total) in gradient.iter_mut().zip(w).zip(theta).zip(theta_gradient.iter_mut()) {
                *total += *gradient * w;
                *gradient *= theta;
            }
        }
    }
}

multiversion! {
    /// Multiplies activations by their unit's gate, which stores a second activation: the reference for the folded ways.
    ///
    /// # Shapes
    /// x and y (rows, units), theta (units).
    pub fn apply<E: Element>(x: &[E], theta: &[E], y: &mut [E]) {
        let units = theta.len();
        for (x, y) in x.chunks_exact(units).zip(y.chunks_exact_mut(units)) {
            for ((y, &x), &theta) in y.iter_mut().zip(x).zip(theta) {
                *y = theta * x;
            }
        }
    }
}

/// Turns the gradient of gated activations into that of the activations, in place, and overwrites that of the gates.
///
/// # Shapes
/// x and gradient (rows, units), theta and theta_gradient (units).
pub fn apply_backward<E: Element>(x: &[E], theta: &[E], gradient: &mut [E], theta_gradient: &mut [E]) {
    theta_gradient.fill(E::ZERO);
    unfold_columns(x, theta, gradient, theta_gradient);
}
