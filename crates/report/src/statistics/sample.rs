//! Statistics of one sample.

use crate::{Error, Result};

/// Refuses samples that are too small.
///
/// Values that are no numbers are no reason to refuse: a page must come out when one of many runs diverged. They make a
/// statistic undefined (NaN), which is shown as such and judged by nobody.
pub(crate) fn check(what: &'static str, values: &[f64], needed: usize) -> Result<()> {
    if values.len() < needed {
        return Err(Error::TooFew {
            what,
            needed,
            found: values.len(),
        });
    }
    Ok(())
}

/// Refuses samples that are too small or hold values that are not finite.
pub(crate) fn check_finite(what: &'static str, values: &[f64], needed: usize) -> Result<()> {
    let bad = values.iter().filter(|value| !value.is_finite()).count();
    if let Some(index) = values.iter().position(|value| !value.is_finite()) {
        return Err(Error::NotFinite {
            what,
            value: values[index],
            index,
            count: bad,
            of: values.len(),
        });
    }
    check(what, values, needed)
}

/// The runs that [`split_finite`] set apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diverged {
    /// Their places in the sample.
    pub places: Vec<usize>,
    /// The sample's size with them.
    pub of: usize,
}

/// Sets values that are not finite apart, so that a report can say how many runs diverged.
///
/// # Example
/// ```
/// let (finite, diverged) = espalier_report::statistics::split_finite(&[0.9, f64::NAN, 0.8]);
/// assert_eq!((finite, diverged.places, diverged.of), (vec![0.9, 0.8], vec![1], 3));
/// ```
#[must_use]
pub fn split_finite(values: &[f64]) -> (Vec<f64>, Diverged) {
    let finite = values.iter().copied().filter(|v| v.is_finite()).collect();
    let places = (0..values.len()).filter(|&i| !values[i].is_finite()).collect();
    let of = values.len();
    (finite, Diverged { places, of })
}

/// Computes the arithmetic mean; NaN where a value is NaN.
///
/// # Errors
/// [`Error::TooFew`] without values.
pub fn mean(values: &[f64]) -> Result<f64> {
    check("mean", values, 1)?;
    Ok(raw_mean(values))
}

/// Computes the median; of an even number of values the mean of the middle two.
///
/// # Errors
/// As [`mean`].
pub fn median(values: &[f64]) -> Result<f64> {
    check("median", values, 1)?;
    Ok(raw_median(values))
}

/// Computes the standard deviation of a sample, with n − 1 in the denominator.
///
/// # Errors
/// [`Error::TooFew`] with fewer than two values.
pub fn standard_deviation(values: &[f64]) -> Result<f64> {
    check("standard deviation", values, 2)?;
    Ok(raw_sd(values))
}

/// Computes the interquartile mean: the mean of what is left without the lowest and the
/// highest quarter.
///
/// # Method
/// ⌊n/4⌋ values go at each end and the rest count in full, as in
/// `scipy.stats.trim_mean(x, 0.25)`, which rliable uses, so that numbers compare with
/// published ones. Values are not weighted by the fraction of a quartile that they fill;
/// with fewer than four values this is the mean.
///
/// # Paper
/// Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical
/// Precipice", section 4.3.
///
/// # Errors
/// As [`mean`].
pub fn interquartile_mean(values: &[f64]) -> Result<f64> {
    check("interquartile mean", values, 1)?;
    Ok(raw_iqm(values))
}

/// Computes a quantile by linear interpolation between order statistics (type 7, numpy's default).
///
/// # Errors
/// As [`mean`], and [`Error::Option`] when `level` lies outside [0, 1].
pub fn quantile(values: &[f64], level: f64) -> Result<f64> {
    check("quantile", values, 1)?;
    if !(0.0..=1.0).contains(&level) {
        return Err(Error::Option {
            what: "quantile level",
            expected: "0 to 1",
            found: level.to_string(),
        });
    }
    Ok(if holds_nan(values) {
        f64::NAN
    } else {
        raw_quantile(&sorted(values), level)
    })
}

pub(crate) fn holds_nan(values: &[f64]) -> bool {
    values.iter().any(|value| value.is_nan())
}

pub(crate) fn raw_median(values: &[f64]) -> f64 {
    if holds_nan(values) {
        f64::NAN
    } else {
        raw_quantile(&sorted(values), 0.5)
    }
}

/// The difference a − b; two values that are alike, infinite ones too, do not differ.
pub(crate) fn difference(a: f64, b: f64) -> f64 {
    if a == b { 0.0 } else { a - b }
}

pub(crate) fn raw_mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

pub(crate) fn raw_sd(values: &[f64]) -> f64 {
    let centre = raw_mean(values);
    let squares: f64 = values.iter().map(|value| (value - centre).powi(2)).sum();
    (squares / (values.len() as f64 - 1.0)).sqrt()
}

pub(crate) fn raw_iqm(values: &[f64]) -> f64 {
    // Trimming must not hide that a value is missing.
    if holds_nan(values) {
        return f64::NAN;
    }
    let cut = values.len() / 4;
    let sorted = sorted(values);
    raw_mean(&sorted[cut..sorted.len() - cut])
}

pub(crate) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// Quantile of sorted values, which may be infinite.
pub(crate) fn raw_quantile(sorted: &[f64], level: f64) -> f64 {
    let place = level * (sorted.len() - 1) as f64;
    let below = sorted[place.floor() as usize];
    let above = sorted[place.ceil() as usize];
    let share = place - place.floor();
    if share == 0.0 || below == above || below == f64::NEG_INFINITY {
        return below;
    }
    below + (above - below) * share
}
