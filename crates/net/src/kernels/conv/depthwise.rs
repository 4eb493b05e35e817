//! Depthwise convolutions: every channel has a kernel of its own.

use super::frame::Frame;
use super::{ConvShape, Lane, sized};
use crate::kernels::element::Element;
use crate::kernels::product::Epilogue;

multiversion! {
    /// Computes one framed sample's outputs, a kernel position at a time.
    pub(super) fn forward<E: Element>(shape: &ConvShape, frame: &Frame, input: &[E], w: &[E], epilogue: Epilogue<'_, E>, y: &mut [E]) {
        let channels = shape.in_channels;
        let (row, step) = (shape.out_width() * channels, shape.stride.1 * channels);
        for (oy, y) in y.chunks_exact_mut(row).enumerate() {
            for y in y.chunks_exact_mut(channels) {
                match epilogue.bias {
                    Some(bias) => y.copy_from_slice(&bias[..channels]),
                    None => y.fill(E::ZERO),
                }
            }
            for (tap, w) in w.chunks_exact(channels).enumerate() {
                let at = tap_offset(shape, frame, oy, tap);
                for (y, x) in y.chunks_exact_mut(channels).zip(input[at..].chunks(step)) {
                    for ((y, &x), &w) in y.iter_mut().zip(x).zip(w) {
                        *y += x * w;
                    }
                }
            }
            if epilogue.relu {
                for y in y.iter_mut() {
                    *y = crate::kernels::activation::relu(*y);
                }
            }
        }
    }
}

/// Where kernel position `tap` meets the first pixel of output row `oy` in the frame.
#[inline(always)]
fn tap_offset(shape: &ConvShape, frame: &Frame, oy: usize, tap: usize) -> usize {
    let (ky, kx) = (tap / shape.kernel.1, tap % shape.kernel.1);
    frame.row(oy * shape.stride.0 + ky) + kx * frame.channels
}

/// Computes the weight gradient and, if asked for, the input gradient of one lane's samples.
pub(super) fn backward<E: Element>(
    shape: &ConvShape,
    (x, w): (&[E], &[E]),
    gradient: &[E],
    mut input: Option<&mut [E]>,
    weights: &mut [E],
    lane: &mut Lane<E>,
) {
    let frame = Frame::input(shape);
    let framed = sized(&mut lane.input, frame.len());
    weights.fill(E::ZERO);
    let samples = x
        .chunks_exact(shape.sample_inputs())
        .zip(gradient.chunks_exact(shape.sample_outputs()));
    for (i, (x, gradient)) in samples.enumerate() {
        frame.enclose(x, shape.width, framed);
        weight_gradient(shape, &frame, framed, gradient, weights);
        if let Some(input) = input.as_deref_mut() {
            framed.fill(E::ZERO);
            input_gradient(shape, &frame, w, gradient, framed);
            frame.release(
                framed,
                shape.width,
                &mut input[i * shape.sample_inputs()..][..shape.sample_inputs()],
            );
        }
    }
}

multiversion! {
    fn weight_gradient<E: Element>(shape: &ConvShape, frame: &Frame, input: &[E], gradient: &[E], weights: &mut [E]) {
        let channels = shape.in_channels;
        let (row, step) = (shape.out_width() * channels, shape.stride.1 * channels);
        for (oy, gradient) in gradient.chunks_exact(row).enumerate() {
            for (tap, weights) in weights.chunks_exact_mut(channels).enumerate() {
                let at = tap_offset(shape, frame, oy, tap);
                for (d, x) in gradient.chunks_exact(channels).zip(input[at..].chunks(step)) {
                    for ((weight, &d), &x) in weights.iter_mut().zip(d).zip(x) {
                        *weight += d * x;
                    }
                }
            }
        }
    }
}

multiversion! {
    fn input_gradient<E: Element>(shape: &ConvShape, frame: &Frame, w: &[E], gradient: &[E], input: &mut [E]) {
        let channels = shape.in_channels;
        let (row, step) = (shape.out_width() * channels, shape.stride.1 * channels);
        for (oy, gradient) in gradient.chunks_exact(row).enumerate() {
            for (tap, w) in w.chunks_exact(channels).enumerate() {
                let at = tap_offset(shape, frame, oy, tap);
                for (d, x) in gradient.chunks_exact(channels).zip(input[at..].chunks_mut(step)) {
                    for ((x, &d), &w) in x.iter_mut().zip(d).zip(w) {
                        *x += d * w;
                    }
                }
            }
        }
    }
}
