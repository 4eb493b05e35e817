//! Which units are split and which are removed, from their scores alone.

use serde::{Deserialize, Serialize};

use crate::settings::GradientSplitSettings;

/// The middle of a layer's scores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Centre {
    /// The arithmetic mean.
    #[default]
    Mean,
    /// The median.
    Median,
    /// The mode e^{μ−σ²} of the log-normal law with the mean μ and variance σ² of the positive scores' logarithms.
    LogNormalMode,
}

impl Centre {
    /// The centre of finite scores; 0 for an empty list, and for the mode where no score is positive.
    ///
    /// # Example
    /// ```
    /// use espalier_gradient_split::Centre;
    ///
    /// assert_eq!(Centre::Mean.of(&[1.0, 2.0, 6.0]), 3.0);
    /// assert_eq!(Centre::Median.of(&[6.0, 1.0, 2.0, 4.0]), 3.0);
    /// ```
    #[must_use]
    pub fn of(self, scores: &[f64]) -> f64 {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
        match self {
            Self::Mean => mean(scores),
            Self::Median => {
                let mut sorted = scores.to_vec();
                sorted.sort_by(f64::total_cmp);
                let n = sorted.len();
                if n == 0 {
                    0.0
                } else {
                    (sorted[(n - 1) / 2] + sorted[n / 2]) / 2.0
                }
            }
            Self::LogNormalMode => {
                let logs: Vec<f64> = scores.iter().filter(|s| **s > 0.0).map(|s| s.ln()).collect();
                let mu = mean(&logs);
                let squares: Vec<f64> = logs.iter().map(|l| (l - mu) * (l - mu)).collect();
                if logs.is_empty() {
                    0.0
                } else {
                    (mu - mean(&squares)).exp()
                }
            }
        }
    }
}

/// The units to split and to remove, both in ascending order; no unit is in both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// The units to split.
    pub split: Vec<usize>,
    /// The units to remove.
    pub remove: Vec<usize>,
}

/// Decides about a layer: `biases` gives the bias of each unit that has one, `resting` the units to leave alone, `floor`
/// the fewest units that must remain.
#[must_use]
pub fn decide(
    settings: &GradientSplitSettings,
    scores: &[f64],
    biases: &[Option<f64>],
    resting: &[bool],
    floor: usize,
) -> Decision {
    let centre = settings.centre.of(scores);
    let free = |u: &usize| !resting.get(*u).copied().unwrap_or(false);
    let high = |u: &usize| scores[*u] > centre * (1.0 + settings.cutoff_add);
    let removes = settings.cutoff_remove > 0.0 && settings.cutoff_remove < 1.0;
    let low = |u: &usize| removes && scores[*u] < centre * (1.0 - settings.cutoff_remove);
    let negative = |u: &usize| match (biases.get(*u).copied().flatten(), settings.bias_cutoff) {
        (Some(bias), Some(cut)) => bias < cut,
        _ => false,
    };
    let split: Vec<usize> = (0..scores.len()).filter(free).filter(high).collect();
    let mut remove: Vec<usize> = (0..scores.len())
        .filter(free)
        .filter(|u| !high(u) && (low(u) || negative(u)))
        .collect();
    remove.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    remove.truncate(scores.len().saturating_sub(floor.max(1)));
    remove.sort_unstable();
    Decision { split, remove }
}
