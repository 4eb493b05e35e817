//! The masks of one layer for one step.

use espalier_seed::{Seed, Stream};

use crate::candidates::{column_norms, unit_candidates, weight_candidates};
use crate::settings::{Method, TargetedDropoutSettings};

/// One layer's weights and what is asked of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weights<'a> {
    /// The layer's name.
    pub layer: &'a str,
    /// The weights, (rows, columns).
    pub values: &'a [f32],
    /// The columns.
    pub columns: usize,
}

impl Weights<'_> {
    /// The candidates of a targeted or random method, spread over all weights.
    pub fn candidates(&self, settings: &TargetedDropoutSettings, gamma: f64) -> Vec<bool> {
        let drawn = |count: usize| {
            let mut stream = Seed::new(settings.seed).named("candidates").named(self.layer).stream();
            (0..count).map(|_| stream.uniform()).collect::<Vec<f64>>()
        };
        match settings.method {
            Method::TargetedWeight => {
                let magnitudes: Vec<f64> = self.values.iter().map(|w| f64::from(w.abs())).collect();
                weight_candidates(&magnitudes, self.columns, gamma)
            }
            Method::RandomWeight => weight_candidates(&drawn(self.values.len()), self.columns, gamma),
            Method::TargetedUnit => self.spread(&unit_candidates(&column_norms(self.values, self.columns), gamma)),
            Method::RandomUnit => self.spread(&unit_candidates(&drawn(self.columns), gamma)),
            _ => vec![false; self.values.len()],
        }
    }

    /// What holds for columns, for every weight.
    fn spread<T: Copy>(&self, columns: &[T]) -> Vec<T> {
        columns.iter().copied().cycle().take(self.values.len()).collect()
    }

    /// The mask of a training step.
    pub fn training(
        &self,
        settings: &TargetedDropoutSettings,
        gamma: f64,
        alpha: f64,
        stream: &mut Stream,
    ) -> Vec<f32> {
        let by_unit = settings.method.is_by_unit() && !settings.legacy_weight_draws;
        let draws = if by_unit { self.columns } else { self.values.len() };
        let dropped: Vec<bool> = (0..draws).map(|_| stream.bernoulli(alpha)).collect();
        let dropped = if by_unit { self.spread(&dropped) } else { dropped };
        if settings.method.is_untargeted() {
            let survivor = (1.0 / (1.0 - alpha)) as f32;
            return dropped.into_iter().map(|d| if d { 0.0 } else { survivor }).collect();
        }
        let candidates = self.candidates(settings, gamma);
        dropped
            .into_iter()
            .zip(candidates)
            .map(|(d, c)| if d && c { 0.0 } else { 1.0 })
            .collect()
    }

    /// The mask that takes all candidates out.
    pub fn pruned(&self, settings: &TargetedDropoutSettings, gamma: f64) -> Vec<f32> {
        self.candidates(settings, gamma)
            .into_iter()
            .map(|c| if c { 0.0 } else { 1.0 })
            .collect()
    }
}
