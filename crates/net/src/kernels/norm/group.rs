//! Group, layer and instance normalisation: groups of channels over a sample's positions.

use super::{Affine, NormGradients, NormState};
use crate::kernels::element::Element;
use crate::kernels::gate::dot;

/// The extent of a group normalisation.
///
/// With one position and one group this is layer normalisation over the channels of each row; with as many groups as channels,
/// instance normalisation. PyTorch's `LayerNorm([C, H, W])`, whose affine parameters
/// differ by position, is not offered: they would not follow a channel through growth.
///
/// # Shapes
/// x and y (samples, positions, channels), row-major; γ and β (channels).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupShape {
    /// Positions of one sample: height × width.
    pub positions: usize,
    /// Channels.
    pub channels: usize,
    /// Groups that the channels fall into.
    pub groups: usize,
}

impl GroupShape {
    /// The shape of a layer normalisation over the channels of each row.
    #[must_use]
    pub fn layer(channels: usize) -> Self {
        Self {
            positions: 1,
            channels,
            groups: 1,
        }
    }

    fn sample(&self) -> usize {
        self.positions * self.channels
    }

    fn assert_valid(&self) {
        assert!(
            self.groups > 0 && self.channels.is_multiple_of(self.groups),
            "groups divide the channels"
        );
    }
}

/// Normalises each group of channels of each sample over the group's channels and all positions.
///
/// # Panics
/// Panics if a slice does not fit the shape.
pub fn group_forward<E: Element>(
    shape: GroupShape,
    x: &[E],
    affine: Affine<'_, E>,
    epsilon: f64,
    state: &mut NormState<E>,
    y: &mut [E],
) {
    shape.assert_valid();
    assert_eq!(x.len(), y.len(), "x and y have equal shapes");
    let samples = x.len() / shape.sample().max(1);
    state.resize(samples * shape.groups, shape.channels);
    group_forward_rows(shape, x, affine, epsilon, state, y);
}

multiversion! {
    fn group_forward_rows<E: Element>(shape: GroupShape, x: &[E], affine: Affine<'_, E>, epsilon: f64, state: &mut NormState<E>, y: &mut [E]) {
        let (c, width) = (shape.channels, shape.channels / shape.groups);
        let count = E::from_usize(width * shape.positions);
        let samples = x.chunks_exact(shape.sample()).zip(y.chunks_exact_mut(shape.sample()));
        for (s, (x, y)) in samples.enumerate() {
            for group in 0..shape.groups {
                let own = group * width..(group + 1) * width;
                let mut sum = E::ZERO;
                for row in x.chunks_exact(c) {
                    sum += lane_sum(&row[own.clone()], |x| x);
                }
                let mean = sum / count;
                let mut square = E::ZERO;
                for row in x.chunks_exact(c) {
                    square += lane_sum(&row[own.clone()], |x| (x - mean) * (x - mean));
                }
                let inverse = E::ONE / (square / count + E::from_f64(epsilon)).sqrt();
                state.mean[s * shape.groups + group] = mean;
                state.inverse_deviation[s * shape.groups + group] = inverse;
                let (scale, shift) = (&affine.scale[own.clone()], &affine.shift[own.clone()]);
                for (x, y) in x.chunks_exact(c).zip(y.chunks_exact_mut(c)) {
                    let values = x[own.clone()].iter().zip(&mut y[own.clone()]);
                    for (((&x, y), &scale), &shift) in values.zip(scale).zip(shift) {
                        *y = (x - mean) * inverse * scale + shift;
                    }
                }
            }
        }
    }
}

/// Sums f(x) in a fixed order that vectorises.
#[inline(always)]
pub(super) fn lane_sum<E: Element>(values: &[E], f: impl Fn(E) -> E) -> E {
    const LANES: usize = 16;
    let mut sums = [E::ZERO; LANES];
    let mut groups = values.chunks_exact(LANES);
    for group in groups.by_ref() {
        for (sum, &x) in sums.iter_mut().zip(group) {
            *sum += f(x);
        }
    }
    for (sum, &x) in sums.iter_mut().zip(groups.remainder()) {
        *sum += f(x);
    }
    sums.into_iter().sum()
}

/// Computes the gradients of a group normalisation, overwriting them.
///
/// # Shapes
/// x, gradient and gradients.input as in [`GroupShape`]; `state` comes from [`group_forward`].
///
/// # Method
/// Over each set of m elements, with g = γ·dy: dx = r·(g − Σg/m − x̂·Σ(g·x̂)/m), dγ = Σ dy·x̂, dβ = Σ dy.
///
/// # Panics
/// Panics if a slice does not fit the shape.
pub fn group_backward<E: Element>(
    shape: GroupShape,
    x: &[E],
    scale: &[E],
    state: &mut NormState<E>,
    gradient: &[E],
    gradients: NormGradients<'_, E>,
) {
    shape.assert_valid();
    assert!(
        x.len() == gradient.len() && x.len() == gradients.input.len(),
        "x and gradients have equal shapes"
    );
    gradients.scale.fill(E::ZERO);
    gradients.shift.fill(E::ZERO);
    group_backward_rows(shape, (x, gradient), scale, state, gradients);
}

multiversion! {
    fn group_backward_rows<E: Element>(shape: GroupShape, pair: (&[E], &[E]), scale: &[E], state: &mut NormState<E>, gradients: NormGradients<'_, E>) {
        let (x, d) = pair;
        let (c, width, sample) = (shape.channels, shape.channels / shape.groups, shape.sample());
        let count = E::from_usize(width * shape.positions);
        let NormState { mean, inverse_deviation, parts: [g, x_hat, _], .. } = state;
        let samples = x.chunks_exact(sample).zip(d.chunks_exact(sample)).zip(gradients.input.chunks_exact_mut(sample));
        for (s, ((x, d), dx)) in samples.enumerate() {
            for group in 0..shape.groups {
                let own = group * width..(group + 1) * width;
                let (mean, inverse) = (mean[s * shape.groups + group], inverse_deviation[s * shape.groups + group]);
                let scale = &scale[own.clone()];
                let (dscale, dshift) = (&mut gradients.scale[own.clone()], &mut gradients.shift[own.clone()]);
                let (g, x_hat) = (&mut g[..width], &mut x_hat[..width]);
                let (mut sum, mut product) = (E::ZERO, E::ZERO);
                for (x, d) in x.chunks_exact(c).zip(d.chunks_exact(c)) {
                    let (x, d) = (&x[own.clone()], &d[own.clone()]);
                    for i in 0..width {
                        x_hat[i] = (x[i] - mean) * inverse;
                        g[i] = d[i] * scale[i];
                        dscale[i] += d[i] * x_hat[i];
                        dshift[i] += d[i];
                    }
                    sum += lane_sum(g, |g| g);
                    product += dot(g, x_hat);
                }
                let (sum, product) = (sum / count, product / count);
                for ((x, d), dx) in x.chunks_exact(c).zip(d.chunks_exact(c)).zip(dx.chunks_exact_mut(c)) {
                    let (x, d, dx) = (&x[own.clone()], &d[own.clone()], &mut dx[own.clone()]);
                    for i in 0..width {
                        dx[i] = inverse * (d[i] * scale[i] - sum - (x[i] - mean) * inverse * product);
                    }
                }
            }
        }
    }
}
