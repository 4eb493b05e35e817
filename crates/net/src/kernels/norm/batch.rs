//! Batch normalisation: each channel over all rows of a batch.

use super::{Affine, NormGradients, NormState};
use crate::kernels::element::Element;

/// Rows whose sums are taken in the element type before they go into double precision.
const PART_ROWS: usize = 256;

/// The running statistics of a batch normalisation.
#[derive(Debug)]
pub struct Running<'a, E> {
    /// Running means.
    pub mean: &'a mut [E],
    /// Running variances, unbiased.
    pub variance: &'a mut [E],
    /// Share of a batch's statistics in the update.
    pub momentum: f64,
}

/// Normalises each channel by the batch's mean and (biased) variance, and updates the running statistics.
///
/// # Shapes
/// x and y (rows, channels); everything else (channels).
///
/// # Method
/// Mean first, then the sum of squared deviations, summed in parts of 256 rows and added in double
/// precision. The running variance takes the unbiased variance, as in PyTorch.
///
/// # Panics
/// Panics if a slice does not fit.
pub fn batch_forward<E: Element>(
    x: &[E],
    affine: Affine<'_, E>,
    epsilon: f64,
    running: Option<Running<'_, E>>,
    state: &mut NormState<E>,
    y: &mut [E],
) {
    let channels = affine.scale.len();
    assert!(
        x.len() == y.len() && x.len().is_multiple_of(channels.max(1)),
        "x and y have whole rows"
    );
    state.resize(channels, channels);
    let rows = (x.len() / channels.max(1)) as f64;
    sum_parts(x, state, false);
    for (mean, total) in state.mean.iter_mut().zip(&state.totals[0]) {
        *mean = E::from_f64(total / rows);
    }
    sum_parts(x, state, true);
    for (inverse, total) in state.inverse_deviation.iter_mut().zip(&state.totals[0]) {
        *inverse = E::from_f64(1.0 / (total / rows + epsilon).sqrt());
    }
    if let Some(running) = running {
        let keep = 1.0 - running.momentum;
        for c in 0..channels {
            let unbiased = state.totals[0][c] / (rows - 1.0);
            let blend = |old: E, new: f64| E::from_f64(keep * old.to_f64() + running.momentum * new);
            running.mean[c] = blend(running.mean[c], state.mean[c].to_f64());
            running.variance[c] = blend(running.variance[c], unbiased);
        }
    }
    let NormState {
        mean,
        inverse_deviation,
        parts,
        ..
    } = state;
    linear_map(affine, mean, inverse_deviation, parts);
    affine_rows(x, &parts[0], &parts[1], y);
}

/// Normalises each channel by given statistics, as in evaluation.
///
/// # Shapes
/// x and y (rows, channels); everything else (channels).
///
/// # Panics
/// Panics if a slice does not fit.
pub fn batch_inference<E: Element>(
    x: &[E],
    affine: Affine<'_, E>,
    epsilon: f64,
    (mean, variance): (&[E], &[E]),
    state: &mut NormState<E>,
    y: &mut [E],
) {
    let channels = affine.scale.len();
    state.resize(channels, channels);
    state.mean.copy_from_slice(&mean[..channels]);
    for (inverse, variance) in state.inverse_deviation.iter_mut().zip(variance) {
        *inverse = E::from_f64(1.0 / (variance.to_f64() + epsilon).sqrt());
    }
    let NormState {
        mean,
        inverse_deviation,
        parts,
        ..
    } = state;
    linear_map(affine, mean, inverse_deviation, parts);
    affine_rows(x, &parts[0], &parts[1], y);
}

/// Writes the factor and offset that normalise and transform a channel at once.
fn linear_map<E: Element>(affine: Affine<'_, E>, mean: &[E], inverse: &[E], [factor, offset, _]: &mut [Vec<E>; 3]) {
    for c in 0..affine.scale.len() {
        factor[c] = affine.scale[c] * inverse[c];
        offset[c] = affine.shift[c] - mean[c] * factor[c];
    }
}

multiversion! {
    /// y = factor · x + offset by column.
    fn affine_rows<E: Element>(x: &[E], factor: &[E], offset: &[E], y: &mut [E]) {
        let channels = factor.len();
        for (x, y) in x.chunks_exact(channels).zip(y.chunks_exact_mut(channels)) {
            for (((y, &x), &factor), &offset) in y.iter_mut().zip(x).zip(factor).zip(offset) {
                *y = factor * x + offset;
            }
        }
    }
}

/// Sums each column into `totals[0]`, or, centred, its squared deviations from the mean.
fn sum_parts<E: Element>(x: &[E], state: &mut NormState<E>, centred: bool) {
    let NormState {
        mean, parts, totals, ..
    } = state;
    let [part, ..] = parts;
    let [total, _] = totals;
    total.fill(0.0);
    let length = (part.len() * PART_ROWS).max(1);
    for x in x.chunks(length) {
        part.fill(E::ZERO);
        if centred {
            add_squares(x, mean, part);
        } else {
            add_rows(x, part);
        }
        for (total, &part) in total.iter_mut().zip(part.iter()) {
            *total += part.to_f64();
        }
    }
}

multiversion! {
    fn add_rows<E: Element>(x: &[E], sums: &mut [E]) {
        for row in x.chunks_exact(sums.len()) {
            for (sum, &x) in sums.iter_mut().zip(row) {
                *sum += x;
            }
        }
    }
}

multiversion! {
    fn add_squares<E: Element>(x: &[E], mean: &[E], sums: &mut [E]) {
        for row in x.chunks_exact(sums.len()) {
            for ((sum, &x), &mean) in sums.iter_mut().zip(row).zip(mean) {
                *sum += (x - mean) * (x - mean);
            }
        }
    }
}

multiversion! {
    /// Adds d and d · (x − mean) by column.
    fn add_products<E: Element>(x: &[E], d: &[E], mean: &[E], sums: &mut [E], products: &mut [E]) {
        let channels = sums.len();
        for (x, d) in x.chunks_exact(channels).zip(d.chunks_exact(channels)) {
            for ((((sum, product), &x), &d), &mean) in sums.iter_mut().zip(products.iter_mut()).zip(x).zip(d).zip(mean) {
                *sum += d;
                *product += d * (x - mean);
            }
        }
    }
}

/// Computes the gradients of a batch normalisation in training, overwriting them.
///
/// # Shapes
/// x, gradient and gradients.input (rows, channels); everything else (channels). `state` comes from [`batch_forward`].
///
/// # Method
/// With x̂ = (x − mean)·r: dβ = Σ dy, dγ = Σ dy·x̂, dx = γ·r·(dy − dβ/n − x̂·dγ/n).
///
/// # Panics
/// Panics if a slice does not fit.
pub fn batch_backward<E: Element>(
    x: &[E],
    scale: &[E],
    state: &mut NormState<E>,
    gradient: &[E],
    gradients: NormGradients<'_, E>,
) {
    let channels = scale.len();
    assert!(
        x.len() == gradient.len() && x.len() == gradients.input.len(),
        "x and gradients have equal shapes"
    );
    let rows = (x.len() / channels.max(1)) as f64;
    let NormState {
        mean,
        inverse_deviation,
        parts: [sums, products, factors],
        totals: [shift, product],
    } = state;
    shift.fill(0.0);
    product.fill(0.0);
    let length = (channels * PART_ROWS).max(1);
    for (x, d) in x.chunks(length).zip(gradient.chunks(length)) {
        sums.fill(E::ZERO);
        products.fill(E::ZERO);
        add_products(x, d, mean, sums, products);
        for c in 0..channels {
            shift[c] += sums[c].to_f64();
            product[c] += products[c].to_f64();
        }
    }
    // dx = a·dy − (b + e·(x − mean)), with a = γr, b = a·dβ/n, e = a·r·dγ/n.
    for c in 0..channels {
        let inverse = inverse_deviation[c].to_f64();
        let a = scale[c].to_f64() * inverse;
        gradients.shift[c] = E::from_f64(shift[c]);
        gradients.scale[c] = E::from_f64(product[c] * inverse);
        sums[c] = E::from_f64(a * shift[c] / rows);
        products[c] = E::from_f64(a * inverse * inverse * product[c] / rows);
        factors[c] = E::from_f64(a);
    }
    batch_input_gradient((x, gradient), mean, factors, sums, products, gradients.input);
}

multiversion! {
    fn batch_input_gradient<E: Element>(pair: (&[E], &[E]), mean: &[E], a: &[E], b: &[E], e: &[E], dx: &mut [E]) {
        let (n, (x, d)) = (mean.len(), pair);
        let (a, b, e) = (&a[..n], &b[..n], &e[..n]);
        for ((x, d), dx) in x.chunks_exact(n).zip(d.chunks_exact(n)).zip(dx.chunks_exact_mut(n)) {
            for c in 0..n {
                dx[c] = a[c] * d[c] - (b[c] + e[c] * (x[c] - mean[c]));
            }
        }
    }
}
