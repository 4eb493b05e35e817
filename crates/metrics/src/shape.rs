//! Skewness and kurtosis of a sample.

use serde::{Deserialize, Serialize};

use crate::observation::{expect_sample, expect_spread, in_own_unit, mean_of};
use crate::{Error, Result};

/// The third and fourth standardised moments of a sample, plain and corrected for bias.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    /// Skewness g₁ = m₃ / m₂^1.5; 0 for a symmetric sample.
    pub skewness: f64,
    /// Excess kurtosis g₂ = m₄ / m₂² − 3; 0 for a normal distribution.
    pub excess_kurtosis: f64,
    /// Skewness G₁, unbiased for normal samples.
    pub corrected_skewness: f64,
    /// Excess kurtosis G₂, unbiased for normal samples.
    pub corrected_excess_kurtosis: f64,
}

/// Computes skewness and kurtosis.
///
/// # Paper
/// Joanes & Gill (1998), The Statistician 47(1): g₁, g₂ and G₁, G₂.
///
/// # Errors
/// [`Error::TooFew`] below 4 values, [`Error::NotFinite`], [`Error::Constant`].
///
/// # Example
/// ```
/// let shape = espalier_metrics::sample_shape(&[1.0, 2.0, 3.0, 4.0])?;
/// assert!(shape.skewness.abs() < 1e-12);
/// # Ok::<(), espalier_metrics::Error>(())
/// ```
pub fn sample_shape(values: &[f64]) -> Result<Shape> {
    const WHAT: &str = "skewness and kurtosis";
    expect_sample(WHAT, values, 4)?;
    expect_spread(WHAT, values)?;
    let n = values.len() as f64;
    let (relative, unit) = in_own_unit(values);
    let mean = mean_of(&relative);
    let (deviations, _) = in_own_unit(&relative.iter().map(|x| x - mean).collect::<Vec<_>>());
    let (mut second, mut third, mut fourth) = (0.0, 0.0, 0.0);
    for deviation in deviations {
        let square = deviation * deviation;
        second += square / n;
        third += square * deviation / n;
        fourth += square * square / n;
    }
    let skewness = third / second.powf(1.5);
    let excess_kurtosis = fourth / (second * second) - 3.0;
    if !(skewness.is_finite() && excess_kurtosis.is_finite()) {
        // The values differ by less than their mean can show.
        return Err(Error::Constant {
            what: WHAT,
            value: mean * unit,
        });
    }
    let corrected = (n + 1.0) * excess_kurtosis + 6.0;
    Ok(Shape {
        skewness,
        excess_kurtosis,
        corrected_skewness: skewness * (n * (n - 1.0)).sqrt() / (n - 2.0),
        corrected_excess_kurtosis: corrected * (n - 1.0) / ((n - 2.0) * (n - 3.0)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{assert_close, skewed};

    #[test]
    fn shape_equals_scipy() {
        let shape = sample_shape(&skewed(37)).unwrap();
        // tests/reference_values.py, scipy 1.17.1: "skew", "kurtosis" (plain, bias=False)
        let skewness = [shape.skewness, shape.corrected_skewness];
        assert_close(&skewness, &[1.31532976945147, 1.37157233770375], 1e-12);
        let kurtosis = [shape.excess_kurtosis, shape.corrected_excess_kurtosis];
        assert_close(&kurtosis, &[1.41889460282054, 1.81264522408277], 1e-12);
    }

    #[test]
    fn a_coin_has_the_smallest_kurtosis() {
        // ±1 with equal shares: m₂ = m₄ = 1, so g₂ = 1 − 3.
        let shape = sample_shape(&[-1.0, 1.0, 1.0, -1.0]).unwrap();
        assert_eq!((shape.skewness, shape.excess_kurtosis), (0.0, -2.0));
    }

    #[test]
    fn unusable_samples_are_refused() {
        assert!(matches!(sample_shape(&[1.0, 2.0, 3.0]), Err(Error::TooFew { .. })));
        assert!(matches!(sample_shape(&[1.0; 9]), Err(Error::Constant { .. })));
        assert!(matches!(
            sample_shape(&[1.0, f64::INFINITY, 3.0, 4.0]),
            Err(Error::NotFinite { .. })
        ));
    }
}
