//! Root-mean-square normalisation over the channels of each row.

use super::NormState;
use super::group::lane_sum;
use crate::kernels::element::Element;
use crate::kernels::gate::dot;

/// Divides each row by its root mean square and scales its channels: y = γ·x·r with r = 1 / √(Σx²/m + ε).
///
/// # Shapes
/// x and y (rows, channels), scale (channels).
///
/// # Paper
/// Zhang and Sennrich 2019, eq. 4.
///
/// # Panics
/// Panics if x and y differ in length or hold no whole rows.
pub fn rms_forward<E: Element>(x: &[E], scale: &[E], epsilon: f64, state: &mut NormState<E>, y: &mut [E]) {
    assert_eq!(x.len(), y.len(), "x and y have equal shapes");
    assert!(x.len().is_multiple_of(scale.len().max(1)), "whole rows");
    state.resize_inverses(x.len() / scale.len().max(1), scale.len());
    rms_forward_rows(x, scale, epsilon, &mut state.inverse_deviation, y);
}

multiversion! {
    fn rms_forward_rows<E: Element>(x: &[E], scale: &[E], epsilon: f64, inverses: &mut [E], y: &mut [E]) {
        let channels = scale.len();
        let count = E::from_usize(channels);
        let rows = x.chunks_exact(channels).zip(y.chunks_exact_mut(channels));
        for ((x, y), inverse) in rows.zip(inverses) {
            let square = lane_sum(x, |x| x * x);
            *inverse = E::ONE / (square / count + E::from_f64(epsilon)).sqrt();
            for ((y, &x), &scale) in y.iter_mut().zip(x).zip(scale) {
                *y = x * *inverse * scale;
            }
        }
    }
}

/// Computes the gradients of a root-mean-square normalisation, overwriting them.
///
/// # Shapes
/// x, gradient and input_gradient (rows, channels), scale and scale_gradient (channels); `state` comes from [`rms_forward`].
///
/// # Method
/// With x̂ = x·r and g = γ·dy over the m channels of a row: dx = r·(g − x̂·Σ(g·x̂)/m), dγ = Σ dy·x̂ over the rows.
///
/// # Panics
/// Panics if the slices differ in length.
pub fn rms_backward<E: Element>(
    x: &[E],
    scale: &[E],
    state: &mut NormState<E>,
    gradient: &[E],
    scale_gradient: &mut [E],
    input_gradient: &mut [E],
) {
    assert!(
        x.len() == gradient.len() && x.len() == input_gradient.len(),
        "x and gradients have equal shapes"
    );
    scale_gradient.fill(E::ZERO);
    rms_backward_rows((x, gradient), scale, state, scale_gradient, input_gradient);
}

multiversion! {
    fn rms_backward_rows<E: Element>(pair: (&[E], &[E]), scale: &[E], state: &mut NormState<E>, scale_gradient: &mut [E], input_gradient: &mut [E]) {
        let (x, d) = pair;
        let channels = scale.len();
        let count = E::from_usize(channels);
        let NormState { inverse_deviation, parts: [g, x_hat, _], .. } = state;
        let (g, x_hat, totals) = (&mut g[..channels], &mut x_hat[..channels], &mut scale_gradient[..channels]);
        let rows = x.chunks_exact(channels).zip(d.chunks_exact(channels)).zip(input_gradient.chunks_exact_mut(channels));
        for (((x, d), dx), &inverse) in rows.zip(inverse_deviation.iter()) {
            for i in 0..channels {
                x_hat[i] = x[i] * inverse;
                g[i] = d[i] * scale[i];
                totals[i] += d[i] * x_hat[i];
            }
            let product = dot(g, x_hat) / count;
            for i in 0..channels {
                dx[i] = inverse * (g[i] - x_hat[i] * product);
            }
        }
    }
}
