//! The learned size and slope of one gate layer, and the units' scales.

use espalier_strategy::{ScalarAdam, Setting};
use serde::{Deserialize, Serialize};

use crate::settings::{SizeOptimizer, Slope};
use crate::sigmoid::slope_of_gray_zone;

/// Size and slope of one gate layer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dial {
    /// x₀, the size in units.
    pub x0: f64,
    /// The slope k that evaluation uses.
    pub k: f64,
    /// The slope k of the present step; another one only for random gray zones.
    pub step_k: f64,
    /// ∂(loss + penalty)/∂x₀ in the last step.
    pub gradient: f64,
    /// The gradients of the present epoch.
    #[serde(default)]
    pub epoch: Gradients,
    size: ScalarAdam,
    slope: ScalarAdam,
}

impl Dial {
    pub(crate) fn new(x0: f64, slope: Slope) -> Self {
        let k = match slope {
            Slope::Fixed { k } | Slope::Learned { k, .. } => k,
            Slope::RandomGrayZone { low, high } => slope_of_gray_zone((low + high) / 2.0),
        };
        Self {
            x0,
            k,
            step_k: k,
            gradient: 0.0,
            epoch: Gradients::default(),
            size: ScalarAdam::default(),
            slope: ScalarAdam::default(),
        }
    }

    pub(crate) fn k_for(&self, setting: Setting) -> f64 {
        if setting == Setting::Training {
            self.step_k
        } else {
            self.k
        }
    }

    /// Moves x₀ against its gradient in a step of an epoch.
    pub(crate) fn move_size(&mut self, gradient: f64, epoch: u64, optimizer: SizeOptimizer, rate: f64) {
        self.gradient = gradient;
        self.epoch.add(epoch, gradient);
        self.x0 -= match optimizer {
            SizeOptimizer::Adam => self.size.step(gradient, rate),
            SizeOptimizer::Plain => rate * gradient,
        };
    }

    /// Moves ln k against the gradient by k, within the range in which everything stays finite.
    pub(crate) fn move_slope(&mut self, gradient: f64, rate: f64) {
        let step = self.slope.step(gradient * self.k, rate);
        self.k = (self.k * (-step).exp()).clamp(1e-3, 100.0);
        self.step_k = self.k;
    }
}

/// The gradients by x₀ of an epoch's steps: how strong they are, how much they scatter, and which way they push.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gradients {
    epoch: u64,
    steps: u64,
    growing: u64,
    mean: f64,
    squares: f64,
}

impl Gradients {
    /// Takes a step's gradient; the first one of an epoch begins anew.
    fn add(&mut self, epoch: u64, gradient: f64) {
        if epoch != self.epoch {
            *self = Self {
                epoch,
                ..Self::default()
            };
        }
        self.steps += 1;
        self.growing += u64::from(gradient < 0.0);
        // Welford's rule: late gradients are tiny beside their scatter.
        let off = gradient - self.mean;
        self.mean += off / self.steps as f64;
        self.squares += off * (gradient - self.mean);
    }

    /// Their mean; NaN before the first step.
    #[must_use]
    pub fn mean(&self) -> f64 {
        if self.steps == 0 { f64::NAN } else { self.mean }
    }

    /// Their standard deviation over the steps, with n − 1 in the denominator; NaN before the second step.
    #[must_use]
    pub fn deviation(&self) -> f64 {
        match self.steps {
            0 | 1 => f64::NAN,
            steps => (self.squares / (steps - 1) as f64).sqrt(),
        }
    }

    /// The share of the steps in which x₀ is pushed up; NaN before the first step.
    #[must_use]
    pub fn growing(&self) -> f64 {
        self.growing as f64 / self.steps as f64
    }
}

/// A unit's learned scale.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scale {
    pub value: f64,
    adam: ScalarAdam,
}

impl Default for Scale {
    fn default() -> Self {
        Self {
            value: 1.0,
            adam: ScalarAdam::default(),
        }
    }
}

impl Scale {
    pub fn descend(&mut self, gradient: f64, rate: f64) {
        self.value = (self.value - self.adam.step(gradient, rate)).clamp(0.1, 10.0);
    }
}

/// The rank of each score, the largest first; equal scores in their order, units without a score last.
///
/// # Example
/// ```
/// use espalier_size_gate::ranks;
///
/// assert_eq!(ranks(&[Some(0.1), None, Some(0.7), Some(0.1)]), [1, 3, 0, 2]);
/// ```
#[must_use]
pub fn ranks(scores: &[Option<f64>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    let value = |unit: usize| scores[unit].unwrap_or(f64::NEG_INFINITY);
    order.sort_by(|a, b| value(*b).total_cmp(&value(*a)));
    let mut ranks = vec![0; scores.len()];
    order
        .into_iter()
        .enumerate()
        .for_each(|(rank, unit)| ranks[unit] = rank);
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_stay_within_their_bounds() {
        let mut scale = Scale::default();
        (0..100).for_each(|_| scale.descend(1.0, 1.0));
        assert_eq!(scale.value, 0.1);
        (0..100).for_each(|_| scale.descend(-1.0, 1.0));
        assert_eq!(scale.value, 10.0);
    }

    #[test]
    fn gradients_are_summed_up_epoch_by_epoch() {
        let mut gradients = Gradients::default();
        assert!(gradients.mean().is_nan() && gradients.deviation().is_nan() && gradients.growing().is_nan());
        gradients.add(0, 40.0);
        // Of (−1, 2, −4, 7): the mean is 4 / 4, the squares of (−2, 1, −5, 6) are 66 in sum, 22 by three.
        [-1.0, 2.0, -4.0, 7.0].into_iter().for_each(|gradient| gradients.add(1, gradient));
        assert!((gradients.mean() - 1.0).abs() < 1e-12, "{gradients:?}");
        assert!((gradients.deviation() - 22.0_f64.sqrt()).abs() < 1e-12, "{gradients:?}");
        assert_eq!(gradients.growing(), 0.5);
    }

    #[test]
    fn a_rank_is_the_inverse_of_the_sorting_order() {
        // argsort of (3, 1, 2) largest first is (0, 2, 1); a case where rank and argsort differ needs four values:
        // (2, 4, 1, 3) sorts to units (1, 3, 0, 2), so the ranks are (2, 0, 3, 1).
        assert_eq!(ranks(&[2.0, 4.0, 1.0, 3.0].map(Some)), [2, 0, 3, 1]);
    }
}
