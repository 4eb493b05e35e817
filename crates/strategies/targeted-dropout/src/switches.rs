//! Trained switches that turn themselves off once they cannot decide on a sign.

use espalier_seed::Stream;
use serde::{Deserialize, Serialize};

use crate::settings::TargetedDropoutSettings;

/// The switches of one layer: one for each weight or one for each column.
///
/// # Method
/// The weight is multiplied by switch · alive. With s = sign(switch) and the momentum m, after every step the variance becomes
/// v ← m·v + (1 − m)·(s − μ)² and then the mean μ ← m·μ + (1 − m)·s; where v reaches the threshold, alive becomes 0 for good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Switches {
    /// The trained values.
    pub values: Vec<f32>,
    /// Which of them are not switched off.
    pub alive: Vec<bool>,
    mean: Vec<f64>,
    variance: Vec<f64>,
}

impl Switches {
    /// Takes up given switches, all alive.
    #[must_use]
    pub fn of(values: Vec<f32>) -> Self {
        let mean = values.iter().map(|s| sign(*s)).collect();
        Self {
            alive: vec![true; values.len()],
            variance: vec![0.0; values.len()],
            mean,
            values,
        }
    }

    pub(crate) fn draw(count: usize, stream: &mut Stream) -> Self {
        Self::of((0..count).map(|_| stream.uniform() as f32).collect())
    }

    /// The mask of a layer with the given number of weights; switches of columns repeat along the rows.
    #[must_use]
    pub fn mask(&self, weights: usize) -> Vec<f32> {
        let factors = self
            .values
            .iter()
            .zip(&self.alive)
            .map(|(s, alive)| if *alive { *s } else { 0.0 });
        factors.cycle().take(weights).collect()
    }

    /// The loss gradient of each switch, from the weights and their gradients under [`Self::mask`].
    ///
    /// # Method
    /// The engine gives G = switch · dW′, dW′ being the gradient of the masked weight; the switch's own is
    /// Σ w·dW′ = Σ w·G / switch.
    #[must_use]
    pub fn gradient(&self, weights: &[f32], gradient: &[f32]) -> Vec<f64> {
        let mut sums = vec![0.0; self.values.len()];
        for (w, g) in weights
            .chunks_exact(sums.len().max(1))
            .zip(gradient.chunks_exact(sums.len().max(1)))
        {
            w.iter()
                .zip(g)
                .zip(&mut sums)
                .for_each(|((w, g), sum)| *sum += f64::from(*w) * f64::from(*g));
        }
        let live = |index: usize| self.alive[index] && self.values[index] != 0.0;
        sums.iter()
            .enumerate()
            .map(|(i, sum)| if live(i) { sum / f64::from(self.values[i]) } else { 0.0 })
            .collect()
    }

    /// Σ|switch| over those alive.
    #[must_use]
    pub fn magnitude(&self) -> f64 {
        self.values
            .iter()
            .zip(&self.alive)
            .filter(|(_, a)| **a)
            .map(|(s, _)| f64::from(s.abs()))
            .sum()
    }

    /// Takes one gradient step on loss and penalty, and switches off what cannot decide on a sign.
    pub fn step(&mut self, gradient: &[f64], rate: f64, settings: &TargetedDropoutSettings) {
        let m = settings.momentum;
        for (index, g) in gradient.iter().enumerate().filter(|(_, g)| g.is_finite()) {
            if !self.alive[index] {
                continue;
            }
            let old = self.values[index];
            let next = f64::from(old) - rate * (g + settings.lambda * sign(old));
            self.values[index] = next as f32;
            let s = sign(self.values[index]);
            let deviation = s - self.mean[index];
            self.variance[index] = m * self.variance[index] + (1.0 - m) * deviation * deviation;
            self.mean[index] = m * self.mean[index] + (1.0 - m) * s;
            self.alive[index] = self.variance[index] < settings.threshold && self.values[index].is_finite();
        }
    }
}

/// −1, 0 or 1.
fn sign(x: f32) -> f64 {
    if x == 0.0 { 0.0 } else { f64::from(x.signum()) }
}
