//! The exponent of a power law in the tail of a sample, and of a weight's spectrum.

use serde::{Deserialize, Serialize};

use crate::observation::expect_sample;
use crate::{Error, Result, singular_values};

const WHAT: &str = "power-law tail";

/// A power law fitted to the tail of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PowerTail {
    /// The exponent α of the density x^(−α).
    pub alpha: f64,
    /// The smallest value of the tail, in the unit of the values.
    pub from: f64,
    /// The Kolmogorov–Smirnov distance between the tail and the law.
    pub distance: f64,
    /// The number of values in the tail.
    pub values: usize,
}

/// Fits a power law to the tail of a sample of values of at least 0.
///
/// # Method
/// Above a start x₀ the exponent of greatest likelihood is α = 1 + n [Σ ln(xᵢ/x₀)]⁻¹ (eq. 3.1, continuous values). Each
/// value that has two different ones at or above it is tried as x₀, and the one whose law is nearest to its tail, by the
/// distance of the cumulative curves (eq. 3.9), is kept; of equals the smallest. Zeros have no place on the law and are left
/// out. α does not depend on the unit of the values.
///
/// # Paper
/// Clauset, Shalizi & Newman (2009), Power-law distributions in empirical data, SIAM Review 51(4).
///
/// # Errors
/// [`Error::NotFinite`], [`Error::OutOfRange`] for a value below 0, [`Error::TooFew`] below 2 values above 0 and
/// [`Error::Constant`] where these are all equal.
///
/// # Example
/// ```
/// // Quantiles of a law with α = 3 from 1 on: x = (1 − p)^(−1/2).
/// let law: Vec<f64> = (0..500).map(|i| (1.0 - (f64::from(i) + 0.5) / 500.0).powf(-0.5)).collect();
/// let tail = espalier_metrics::power_tail(&law)?;
/// assert!((tail.alpha - 3.0).abs() < 0.05, "{tail:?}");
/// # Ok::<(), espalier_metrics::Error>(())
/// ```
pub fn power_tail(values: &[f64]) -> Result<PowerTail> {
    expect_sample(WHAT, values, 0)?;
    if let Some(&found) = values.iter().find(|v| **v < 0.0) {
        let expected = "values of at least 0";
        return Err(Error::OutOfRange {
            what: WHAT,
            expected,
            found,
        });
    }
    let mut positive: Vec<f64> = values.iter().copied().filter(|v| *v > 0.0).collect();
    expect_sample(WHAT, &positive, 2)?;
    positive.sort_by(f64::total_cmp);
    let logs: Vec<f64> = positive.iter().map(|v| v.ln()).collect();
    let starts = (0..positive.len()).filter(|i| *i == 0 || positive[*i] > positive[*i - 1]);
    let fits = starts.filter_map(|i| Some((positive[i], law(&logs[i..])?)));
    let best = fits.reduce(|best, next| if next.1.1 < best.1.1 { next } else { best });
    match best {
        Some((from, (alpha, distance))) => Ok(PowerTail {
            alpha,
            from,
            distance,
            values: positive.iter().filter(|v| **v >= from).count(),
        }),
        None => Err(Error::Constant {
            what: WHAT,
            value: positive[0],
        }),
    }
}

/// Exponent and distance of the law from the first of rising logarithms on; none where they are all equal.
fn law(logs: &[f64]) -> Option<(f64, f64)> {
    let n = logs.len() as f64;
    let total: f64 = logs.iter().map(|l| l - logs[0]).sum();
    if total <= 0.0 {
        return None;
    }
    let slope = n / total;
    let distance = logs.iter().enumerate().map(|(i, log)| {
        let cdf = -(-slope * (log - logs[0])).exp_m1();
        ((i as f64 + 1.0) / n - cdf).max(cdf - i as f64 / n)
    });
    Some((1.0 + slope, distance.fold(0.0, f64::max)))
}

/// Fits a power law to the tail of a weight's spectrum: the eigenvalues σ² of WᵀW.
///
/// # Shapes
/// `matrix` is row-major `[rows, columns]`.
///
/// # Method
/// As [`power_tail`]. In the theory that the paper tests, α between 2 and 6 says that a layer has learnt correlations, and
/// smaller values within that range go with better generalisation.
///
/// # Paper
/// Martin, Peng & Mahoney (2021), Predicting trends in the quality of state-of-the-art neural networks without access to
/// training or testing data, Nature Communications 12, 4122: the power-law exponent α.
///
/// # Errors
/// As [`power_tail`] and [`singular_values`].
pub fn spectral_tail(matrix: &[f32], columns: usize) -> Result<PowerTail> {
    let values = singular_values(matrix, columns)?;
    power_tail(&values.iter().map(|s| s * s).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{assert_close, halton, waves};

    #[track_caller]
    fn check(tail: PowerTail, expected: [f64; 3], values: usize) {
        assert_close(&[tail.alpha, tail.from, tail.distance], &expected, 1e-5);
        assert_eq!(tail.values, values);
    }

    #[test]
    fn the_tail_equals_the_powerlaw_package() {
        // tests/reference_values.py, powerlaw 2.0.0, distance by scipy 1.17.1: "power tail", "power tail of a spectrum"
        let tail = (1..=300).map(|i| (1.0 - halton(i, 2)).powf(-1.0 / 1.5));
        let sample: Vec<f64> = tail.chain((1..=200).map(|i| halton(i, 3))).collect();
        check(
            power_tail(&sample).unwrap(),
            [2.5437752229415, 1.00261267331188, 0.00977942850455105],
            299,
        );
        check(
            spectral_tail(&waves(60, 40), 40).unwrap(),
            [1.29452392331152, 0.480855436465183, 0.168924873893488],
            19,
        );
    }

    #[test]
    fn the_exponent_is_free_of_the_unit_and_of_zeros() {
        let sample: Vec<f64> = (1..=80).map(|i| (1.0 - halton(i, 2)).powf(-0.7)).collect();
        let once = power_tail(&sample).unwrap();
        for unit in [1e-300, 1e-4, 3.0, 1e299] {
            let mut scaled: Vec<f64> = sample.iter().map(|x| x * unit).collect();
            scaled.extend([0.0, 0.0]);
            let tail = power_tail(&scaled).unwrap();
            assert_close(
                &[tail.alpha, tail.from / unit, tail.distance],
                &[once.alpha, once.from, once.distance],
                1e-9,
            );
        }
    }

    #[test]
    fn two_values_by_hand() {
        // ln 2 over two values: α = 1 + 2 / ln 2; the law's curve at 2 is 1 − e^(−2).
        let tail = power_tail(&[1.0, 2.0]).unwrap();
        assert_close(
            &[tail.alpha, tail.from, tail.distance],
            &[1.0 + 2.0 / 2f64.ln(), 1.0, 0.5],
            1e-12,
        );
    }

    #[test]
    fn what_has_no_tail_is_refused() {
        assert!(matches!(power_tail(&[]), Err(Error::TooFew { .. })));
        assert!(matches!(
            power_tail(&[0.0, 0.0, 3.0]),
            Err(Error::TooFew { found: 1, .. })
        ));
        assert!(matches!(power_tail(&[2.0; 5]), Err(Error::Constant { value: 2.0, .. })));
        assert!(matches!(power_tail(&[1.0, -1.0]), Err(Error::OutOfRange { .. })));
        assert!(matches!(
            power_tail(&[1.0, f64::NAN]),
            Err(Error::NotFinite { index: 1, .. })
        ));
        assert!(matches!(spectral_tail(&[1.0; 5], 2), Err(Error::Shape { .. })));
    }
}
