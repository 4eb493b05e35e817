//! Normalisation: over a batch for each channel, over groups of channels of a sample, and by root mean squares.

mod batch;
mod group;
mod rms;

pub use batch::{Running, batch_backward, batch_forward, batch_inference};
pub use group::{GroupShape, group_backward, group_forward};
pub use rms::{rms_backward, rms_forward};

use super::Element;

/// What the backward pass of a normalisation needs: one entry for each normalised set.
#[derive(Clone, Debug, Default)]
pub struct NormState<E> {
    /// Means.
    pub mean: Vec<E>,
    /// Inverse standard deviations 1 / √(σ² + ε), or inverse root mean squares.
    pub inverse_deviation: Vec<E>,
    /// By channel: running sums of one part, factors of the last pass.
    parts: [Vec<E>; 3],
    totals: [Vec<f64>; 2],
}

impl<E: Element> NormState<E> {
    /// Makes an empty state, which grows to the largest normalisation it serves.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn resize(&mut self, sets: usize, channels: usize) {
        resize_exactly(&mut self.mean, sets);
        self.resize_inverses(sets, channels);
    }

    fn resize_inverses(&mut self, sets: usize, channels: usize) {
        resize_exactly(&mut self.inverse_deviation, sets);
        for part in &mut self.parts {
            part.resize(channels, E::ZERO);
        }
        for total in &mut self.totals {
            total.resize(channels, 0.0);
        }
    }
}

/// Resizes without room to spare, so that the bytes of a batch can be told beforehand.
fn resize_exactly<E: Element>(buffer: &mut Vec<E>, length: usize) {
    buffer.reserve_exact(length.saturating_sub(buffer.len()));
    buffer.resize(length, E::ZERO);
}

/// Scale and shift of each channel.
#[derive(Clone, Copy, Debug)]
pub struct Affine<'a, E> {
    /// γ.
    pub scale: &'a [E],
    /// β.
    pub shift: &'a [E],
}

/// Gradients that a normalisation's backward pass writes.
#[derive(Debug)]
pub struct NormGradients<'a, E> {
    /// Gradient of γ.
    pub scale: &'a mut [E],
    /// Gradient of β.
    pub shift: &'a mut [E],
    /// Gradient of x.
    pub input: &'a mut [E],
}
