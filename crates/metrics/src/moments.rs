//! Mean, spread, extremes and firing rate of every unit, computed online.

use serde::{Deserialize, Serialize};

use crate::observation::{expect_len, rows_in};
use crate::{Error, Result, bits};

/// Columns updated together, so that their state stays in the first-level cache.
const BLOCK: usize = 512;

/// Accumulates the moments of each unit's activation over any number of batches.
///
/// # Shapes
/// Batches are row-major `[rows, units]`; for a convolution a row is one position of one sample.
///
/// # Method
/// Welford's recurrence in f64, row after row, so that the result has the same bits however
/// the rows were cut into batches; [`UnitMoments::merge`] joins two accumulators by Chan's rule.
/// A NaN makes the mean and spread of its unit NaN; the extremes and counts pass over it.
///
/// # Paper
/// Welford (1962), Technometrics 4(3); Chan, Golub & LeVeque (1979), eq. 2.1.
///
/// # Differences from the study
/// The journal's online estimator sums squared deviations from the *current* mean, which is
/// slightly biased; this one equals the two-pass value.
///
/// # Example
/// ```
/// use espalier_metrics::UnitMoments;
///
/// let mut moments = UnitMoments::new(2)?;
/// moments.observe(&[1.0, 0.0, 3.0, 0.0], 2)?; // two rows of two units
/// assert_eq!(moments.mean(), [2.0, 0.0]);
/// assert_eq!(moments.std(), [1.0, 0.0]);
/// assert_eq!(moments.firing_rate(), [1.0, 0.0]);
/// assert_eq!(moments.dead(0.0), [false, true]);
/// # Ok::<(), espalier_metrics::Error>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct UnitMoments {
    count: u64,
    #[serde(with = "bits")]
    mean: Vec<f64>,
    /// Sum of squared deviations from the mean.
    #[serde(with = "bits")]
    scatter: Vec<f64>,
    #[serde(with = "bits")]
    min: Vec<f32>,
    #[serde(with = "bits")]
    max: Vec<f32>,
    fired: Vec<u64>,
}

/// The state as it is read back, before its lengths are checked.
#[derive(Deserialize)]
struct Stored {
    count: u64,
    #[serde(with = "bits")]
    mean: Vec<f64>,
    #[serde(with = "bits")]
    scatter: Vec<f64>,
    #[serde(with = "bits")]
    min: Vec<f32>,
    #[serde(with = "bits")]
    max: Vec<f32>,
    fired: Vec<u64>,
}

impl TryFrom<Stored> for UnitMoments {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self> {
        const WHAT: &str = "unit moments: stored state";
        let units = stored.mean.len();
        Self::new(units)?;
        expect_len(WHAT, units, stored.scatter.len())?;
        expect_len(WHAT, units, stored.min.len())?;
        expect_len(WHAT, units, stored.max.len())?;
        expect_len(WHAT, units, stored.fired.len())?;
        Ok(Self {
            count: stored.count,
            mean: stored.mean,
            scatter: stored.scatter,
            min: stored.min,
            max: stored.max,
            fired: stored.fired,
        })
    }
}

impl UnitMoments {
    /// Makes an accumulator for a layer of `units` units.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a layer without units.
    pub fn new(units: usize) -> Result<Self> {
        if units == 0 {
            return Err(Error::OutOfRange {
                what: "unit moments: number of units",
                expected: "at least 1",
                found: 0.0,
            });
        }
        Ok(Self {
            count: 0,
            mean: vec![0.0; units],
            scatter: vec![0.0; units],
            min: vec![f32::INFINITY; units],
            max: vec![f32::NEG_INFINITY; units],
            fired: vec![0; units],
        })
    }

    /// Takes in a batch of activations.
    ///
    /// # Shapes
    /// `activations` is row-major `[rows, units]`; zero rows are allowed.
    ///
    /// # Errors
    /// [`Error::Shape`] when `units` is not this layer's width or the length is not whole rows.
    pub fn observe(&mut self, activations: &[f32], units: usize) -> Result<()> {
        expect_len("unit moments: width of the batch", self.units(), units)?;
        let rows = rows_in("unit moments: batch", activations.len(), units)?;
        for start in (0..units).step_by(BLOCK) {
            let columns = start..(start + BLOCK).min(units);
            self.observe_columns(activations, columns);
        }
        self.count += rows as u64;
        Ok(())
    }

    fn observe_columns(&mut self, activations: &[f32], columns: std::ops::Range<usize>) {
        let units = self.mean.len();
        let mut fired = [0u32; BLOCK];
        let fired = &mut fired[..columns.len()];
        let mean = &mut self.mean[columns.clone()];
        let scatter = &mut self.scatter[columns.clone()];
        let min = &mut self.min[columns.clone()];
        let max = &mut self.max[columns.clone()];
        for (index, row) in activations.chunks_exact(units).enumerate() {
            let row = &row[columns.clone()];
            let weight = 1.0 / (self.count + index as u64 + 1) as f64;
            welford(row, weight, mean, scatter);
            extremes(row, min, max, fired);
        }
        for (total, new) in self.fired[columns].iter_mut().zip(fired) {
            *total += u64::from(*new);
        }
    }

    /// Joins the observations of another accumulator of the same layer.
    ///
    /// # Errors
    /// [`Error::Shape`] when the widths differ.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        expect_len("unit moments: merge", self.units(), other.units())?;
        if other.count == 0 {
            return Ok(());
        }
        if self.count == 0 {
            self.clone_from(other);
            return Ok(());
        }
        let (here, there) = (self.count as f64, other.count as f64);
        let share = there / (here + there);
        for unit in 0..self.units() {
            let gap = other.mean[unit] - self.mean[unit];
            self.mean[unit] += gap * share;
            self.scatter[unit] += other.scatter[unit] + gap * gap * here * share;
            self.min[unit] = self.min[unit].min(other.min[unit]);
            self.max[unit] = self.max[unit].max(other.max[unit]);
            self.fired[unit] += other.fired[unit];
        }
        self.count += other.count;
        Ok(())
    }

    /// Follows a pruning, permutation or copy of the layer's units: unit `i` of the result is
    /// unit `origins[i]` of this accumulator.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when an origin is not a unit of this layer or none is given.
    pub fn select(&self, origins: &[usize]) -> Result<Self> {
        let mut selected = Self::new(origins.len())?;
        selected.count = self.count;
        for (unit, &origin) in origins.iter().enumerate() {
            if origin >= self.units() {
                return Err(Error::OutOfRange {
                    what: "unit moments: origin of a selected unit",
                    expected: "an index below the layer's width",
                    found: origin as f64,
                });
            }
            selected.mean[unit] = self.mean[origin];
            selected.scatter[unit] = self.scatter[origin];
            selected.min[unit] = self.min[origin];
            selected.max[unit] = self.max[origin];
            selected.fired[unit] = self.fired[origin];
        }
        Ok(selected)
    }

    /// Gives the number of units.
    #[must_use]
    pub fn units(&self) -> usize {
        self.mean.len()
    }

    /// Gives the number of rows seen so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Gives each unit's mean; NaN before the first row.
    #[must_use]
    pub fn mean(&self) -> Vec<f64> {
        if self.count == 0 {
            return vec![f64::NAN; self.units()];
        }
        self.mean.clone()
    }

    /// Gives each unit's variance, dividing by the number of rows; NaN before the first row.
    #[must_use]
    pub fn variance(&self) -> Vec<f64> {
        let count = self.count as f64;
        self.scatter.iter().map(|s| s / count).collect()
    }

    /// Gives each unit's standard deviation, dividing by the number of rows; NaN before the
    /// first row.
    #[must_use]
    pub fn std(&self) -> Vec<f64> {
        self.variance().into_iter().map(f64::sqrt).collect()
    }

    /// Gives each unit's smallest value; positive infinity before the first row.
    #[must_use]
    pub fn min(&self) -> &[f32] {
        &self.min
    }

    /// Gives each unit's largest value; negative infinity before the first row.
    #[must_use]
    pub fn max(&self) -> &[f32] {
        &self.max
    }

    /// Gives, for each unit, the number of rows on which it was above zero.
    #[must_use]
    pub fn fired(&self) -> &[u64] {
        &self.fired
    }

    /// Gives, for each unit, the share of rows on which it was above zero; NaN before the first row.
    #[must_use]
    pub fn firing_rate(&self) -> Vec<f64> {
        let count = self.count as f64;
        self.fired.iter().map(|&f| f as f64 / count).collect()
    }

    /// Says of each unit whether it was above zero on at least one row.
    #[must_use]
    pub fn ever_fired(&self) -> Vec<bool> {
        self.fired.iter().map(|&fired| fired > 0).collect()
    }

    /// Says of each unit whether its standard deviation is at most `threshold`: the journal's
    /// dead unit, which carries no information. A unit whose spread is NaN is not dead.
    #[must_use]
    pub fn dead(&self, threshold: f64) -> Vec<bool> {
        self.std().into_iter().map(|s| s <= threshold).collect()
    }

    /// Says of each unit whether it stayed within ±`epsilon` of zero on every row seen: the
    /// unit that can be recycled without changing an output. False before the first row.
    #[must_use]
    pub fn silent(&self, epsilon: f32) -> Vec<bool> {
        let quiet = |unit: usize| self.min[unit] >= -epsilon && self.max[unit] <= epsilon;
        (0..self.units())
            .map(|unit| self.count > 0 && quiet(unit) && !self.mean[unit].is_nan())
            .collect()
    }
}

fn welford(row: &[f32], weight: f64, mean: &mut [f64], scatter: &mut [f64]) {
    for ((&x, mean), scatter) in row.iter().zip(mean).zip(scatter) {
        let x = f64::from(x);
        let before = x - *mean;
        *mean += before * weight;
        *scatter += before * (x - *mean);
    }
}

fn extremes(row: &[f32], min: &mut [f32], max: &mut [f32], fired: &mut [u32]) {
    for (((&x, min), max), fired) in row.iter().zip(min).zip(max).zip(fired) {
        *min = if x < *min { x } else { *min };
        *max = if x > *max { x } else { *max };
        *fired += u32::from(x > 0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{assert_close, waves};
    use proptest::prelude::*;

    fn observed(values: &[f32], units: usize) -> UnitMoments {
        let mut moments = UnitMoments::new(units).unwrap();
        moments.observe(values, units).unwrap();
        moments
    }

    fn widened(values: &[f32]) -> Vec<f64> {
        values.iter().copied().map(f64::from).collect()
    }

    #[test]
    fn moments_equal_numpy() {
        let moments = observed(&waves(100, 4), 4);
        // tests/reference_values.py, numpy 2.4.6: "moments …"
        let mean = [
            -0.295052678976208,
            0.218530480546178,
            0.696131539716152,
            1.19620065948577,
        ];
        let std = [
            0.766899392557235,
            0.852956786943458,
            0.750410615423816,
            0.75767125363731,
        ];
        let min = [
            -1.62607753276825,
            -1.18770134449005,
            -0.693243980407715,
            -0.185037866234779,
        ];
        let max = [1.09345436096191, 1.57855045795441, 2.06974387168884, 2.54331707954407];
        assert_close(&moments.mean(), &mean, 1e-8);
        assert_close(&moments.std(), &std, 1e-8);
        assert_close(&widened(moments.min()), &min, 1e-7);
        assert_close(&widened(moments.max()), &max, 1e-7);
        assert_close(&moments.firing_rate(), &[0.41, 0.57, 0.78, 0.95], 1e-15);
        assert_eq!(moments.fired(), [41, 57, 78, 95]);
    }

    #[test]
    fn planted_units_are_told_apart() {
        // Unit 0 is always 0, unit 1 is always 2, unit 2 fires once, unit 3 is below zero.
        let rows = [[0.0, 2.0, 0.0, -1.0], [0.0, 2.0, 0.5, -3.0], [0.0, 2.0, 0.0, -1.0]];
        let moments = observed(rows.as_flattened(), 4);
        assert_eq!(moments.dead(0.0), [true, true, false, false]);
        assert_eq!(moments.silent(0.0), [true, false, false, false]);
        assert_eq!(moments.ever_fired(), [false, true, true, false]);
        assert_eq!(moments.fired(), [0, 3, 1, 0]);
        // By hand: deviations of (0, .5, 0) from 1/6 square to 1/6 in sum, so std = √(1/18).
        assert_close(
            &moments.std(),
            &[0.0, 0.0, (1.0f64 / 18.0).sqrt(), (8.0f64 / 9.0).sqrt()],
            1e-15,
        );
    }

    #[test]
    fn a_shift_of_a_million_keeps_the_spread() {
        // Values 1e6 + {0, 1, 2}: variance 2/3 exactly, where a sum of squares in f32 fails.
        let moments = observed(&[1e6, 1e6 + 1.0, 1e6 + 2.0], 1);
        assert_close(&moments.variance(), &[2.0 / 3.0], 1e-9);
    }

    #[test]
    fn wide_layers_cross_the_block_of_columns() {
        let units = 2 * BLOCK + 7;
        let values = waves(9, units);
        let moments = observed(&values, units);
        let unit = BLOCK + 3;
        let column: Vec<f64> = (0..9).map(|r| f64::from(values[r * units + unit])).collect();
        let mean = column.iter().sum::<f64>() / 9.0;
        let variance = column.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 9.0;
        assert!((moments.mean()[unit] - mean).abs() < 1e-12);
        assert!((moments.variance()[unit] - variance).abs() < 1e-12);
    }

    #[test]
    fn nan_is_seen_and_does_not_spread_to_other_units() {
        let moments = observed(&[f32::NAN, 1.0, 2.0, 3.0], 2);
        assert!(moments.mean()[0].is_nan() && moments.std()[0].is_nan());
        assert_eq!((moments.mean()[1], moments.std()[1]), (2.0, 1.0));
        assert_eq!(moments.dead(1e9), [false, true]);
        assert_eq!(moments.silent(1e9), [false, true]);
    }

    #[test]
    fn wrong_shapes_are_refused_and_leave_the_state() {
        let mut moments = observed(&[1.0, 2.0, 3.0], 3);
        assert!(matches!(moments.observe(&[1.0; 4], 2), Err(Error::Shape { .. })));
        assert!(matches!(moments.observe(&[1.0; 4], 3), Err(Error::Shape { .. })));
        assert!(matches!(moments.merge(&observed(&[1.0], 1)), Err(Error::Shape { .. })));
        assert!(matches!(UnitMoments::new(0), Err(Error::OutOfRange { .. })));
        assert!(matches!(moments.select(&[3]), Err(Error::OutOfRange { .. })));
        assert_eq!((moments.count(), moments.mean()), (1, vec![1.0, 2.0, 3.0]));
    }

    #[test]
    fn nothing_seen_gives_nan_and_no_dead_unit() {
        let moments = UnitMoments::new(1).unwrap();
        assert!(moments.mean()[0].is_nan() && moments.std()[0].is_nan());
        assert_eq!((moments.dead(1.0), moments.silent(1.0)), (vec![false], vec![false]));
    }

    #[test]
    fn selection_follows_the_units() {
        let moments = observed(&[1.0, 2.0, 3.0, 3.0, 2.0, 9.0], 3);
        let selected = moments.select(&[2, 0, 2]).unwrap();
        assert_eq!(selected.mean(), [6.0, 2.0, 6.0]);
        assert_eq!(selected.std(), [3.0, 1.0, 3.0]);
    }

    #[test]
    fn state_survives_json_even_with_nan() {
        let mut moments = observed(&[f32::NAN, 0.1], 2);
        let text = serde_json::to_string(&moments).unwrap();
        let mut restored: UnitMoments = serde_json::from_str(&text).unwrap();
        for state in [&mut moments, &mut restored] {
            state.observe(&[0.3, 0.7], 2).unwrap();
        }
        assert_eq!(restored.mean()[1].to_bits(), moments.mean()[1].to_bits());
        assert_eq!(restored.max(), moments.max());
        assert!(restored.mean()[0].is_nan());
        let fresh = serde_json::to_string(&UnitMoments::new(1).unwrap()).unwrap();
        assert_eq!(
            serde_json::from_str::<UnitMoments>(&fresh).unwrap().min(),
            [f32::INFINITY]
        );
    }

    #[test]
    fn a_damaged_state_is_refused() {
        let text = serde_json::to_string(&observed(&[1.0, 2.0], 2)).unwrap();
        let damaged = text.replace("\"fired\":[1,1]", "\"fired\":[1]");
        assert_ne!(text, damaged);
        let error = serde_json::from_str::<UnitMoments>(&damaged).unwrap_err();
        assert!(error.to_string().contains("expected 2 values, found 1"), "{error}");
    }

    proptest! {
        #[test]
        fn any_batch_split_gives_the_same_bits(
            values in proptest::collection::vec(-1e3f32..1e3, 60), cuts in proptest::collection::vec(0usize..=20, 3)
        ) {
            let mut cuts = cuts;
            cuts.extend([0, 20]);
            cuts.sort_unstable();
            let mut split = UnitMoments::new(3).unwrap();
            for pair in cuts.windows(2) {
                split.observe(&values[pair[0] * 3..pair[1] * 3], 3).unwrap();
            }
            let whole = observed(&values, 3);
            prop_assert_eq!(split.mean(), whole.mean());
            prop_assert_eq!(split.std(), whole.std());
            prop_assert_eq!(split.fired(), whole.fired());
        }

        #[test]
        fn merging_equals_observing_everything(
            values in proptest::collection::vec(-1e3f32..1e3, 60), cut in 0usize..=20
        ) {
            let mut merged = observed(&values[..cut * 3], 3);
            merged.merge(&observed(&values[cut * 3..], 3)).unwrap();
            let whole = observed(&values, 3);
            assert_close(&merged.mean(), &whole.mean(), 1e-9);
            assert_close(&merged.std(), &whole.std(), 1e-9);
            prop_assert_eq!(merged.min(), whole.min());
            prop_assert_eq!(merged.max(), whole.max());
            prop_assert_eq!(merged.count(), 20);
        }
    }
}
