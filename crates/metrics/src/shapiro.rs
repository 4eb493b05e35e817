//! The Shapiro–Wilk test of normality.

use std::f64::consts::{FRAC_1_SQRT_2, PI, SQRT_2};

use espalier_seed::Stream;
use serde::{Deserialize, Serialize};
use statrs::function::erf::{erfc, erfc_inv};

use crate::observation::{expect_sample, expect_spread, in_own_unit};
use crate::{Error, Result};

/// The smallest sample on which W is defined.
pub const SHAPIRO_SMALLEST: usize = 3;
/// The largest sample for which the approximation of W's weights and p is calibrated.
pub const SHAPIRO_LARGEST: usize = 5000;

const WHAT: &str = "Shapiro–Wilk";

/// The outcome of a Shapiro–Wilk test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShapiroWilk {
    /// The statistic, in (0, 1]; 1 is a perfectly straight normal plot.
    pub w: f64,
    /// The probability of so small a W from a normal sample.
    pub p_value: f64,
    /// The number of values tested.
    pub sample_size: usize,
}

/// A Shapiro–Wilk test that may have used a random part of the values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampledShapiroWilk {
    /// The test, with the number of values it used.
    pub test: ShapiroWilk,
    /// The number of values there were.
    pub available: usize,
}

impl SampledShapiroWilk {
    /// Says whether only a part of the values was tested.
    #[must_use]
    pub fn is_subsampled(&self) -> bool {
        self.test.sample_size < self.available
    }
}

/// Tests whether a sample may come from a normal distribution.
///
/// # Method
/// W = (Σ aᵢ x₍ᵢ₎)² / Σ (xᵢ − x̄)², with the approximate weights aᵢ and the normalising
/// transformations of W that Royston published as AS R94, for 3 ≤ n ≤ 5000 uncensored values.
///
/// # Paper
/// Royston (1995), Remark AS R94, Applied Statistics 44(4), 547–551.
///
/// # Errors
/// [`Error::TooFew`], [`Error::TooMany`] (see [`shapiro_wilk_subsampled`]), [`Error::NotFinite`],
/// and [`Error::Constant`] when all values are equal.
///
/// # Example
/// ```
/// // Weights of 11 men, a sample much quoted since Shapiro and Wilk: W = 0.79.
/// let men = [148., 154., 158., 160., 161., 162., 166., 170., 182., 195., 236.];
/// let test = espalier_metrics::shapiro_wilk(&men)?;
/// assert!((test.w - 0.79).abs() < 0.005 && test.p_value < 0.01);
/// # Ok::<(), espalier_metrics::Error>(())
/// ```
pub fn shapiro_wilk(values: &[f64]) -> Result<ShapiroWilk> {
    expect_sample(WHAT, values, SHAPIRO_SMALLEST)?;
    if values.len() > SHAPIRO_LARGEST {
        return Err(Error::TooMany {
            what: WHAT,
            most: SHAPIRO_LARGEST,
            found: values.len(),
        });
    }
    expect_spread(WHAT, values)?;
    let (mut sorted, _) = in_own_unit(values);
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let (middle, range) = (sorted[n / 2], sorted[n - 1] - sorted[0]);
    // Centred and scaled for the sake of accuracy; W does not change.
    for value in &mut sorted {
        *value = (*value - middle) / range;
    }
    let deficit = one_minus_w(&sorted);
    Ok(ShapiroWilk {
        w: 1.0 - deficit,
        p_value: p_value(deficit, n),
        sample_size: n,
    })
}

/// Tests for normality, on a random part of the values when there are more than 5000.
///
/// # Method
/// The first 5000 of a permutation of the values drawn from `stream`; the result says how many
/// values were used and how many there were. Samples within the range are tested whole, and
/// draw nothing.
///
/// # Errors
/// As [`shapiro_wilk`], but never [`Error::TooMany`].
pub fn shapiro_wilk_subsampled(values: &[f64], stream: &mut Stream) -> Result<SampledShapiroWilk> {
    let test = if values.len() <= SHAPIRO_LARGEST {
        shapiro_wilk(values)?
    } else {
        let order = stream.permutation(values.len());
        let chosen = order[..SHAPIRO_LARGEST].iter().map(|&i| values[i]);
        shapiro_wilk(&chosen.collect::<Vec<_>>())?
    };
    Ok(SampledShapiroWilk {
        test,
        available: values.len(),
    })
}

/// Computes 1 − W of an ascending sample without cancellation.
fn one_minus_w(sorted: &[f64]) -> f64 {
    let n = sorted.len();
    let half = upper_weights(n);
    let weight = |i: usize| {
        if i < n / 2 {
            -half[i]
        } else if i >= n - n / 2 {
            half[n - 1 - i]
        } else {
            0.0
        }
    };
    let mean = sorted.iter().sum::<f64>() / n as f64;
    let (mut weights_squared, mut values_squared, mut product) = (0.0, 0.0, 0.0);
    for (i, x) in sorted.iter().enumerate() {
        let deviation = x - mean;
        weights_squared += weight(i) * weight(i);
        values_squared += deviation * deviation;
        product += weight(i) * deviation;
    }
    let norm = (weights_squared * values_squared).sqrt();
    // Rounding can put the product of proportional lists above that of their norms.
    ((norm - product) * (norm + product) / (weights_squared * values_squared)).max(0.0)
}

/// The weights of the largest n/2 order statistics, the largest first (all positive).
fn upper_weights(n: usize) -> Vec<f64> {
    if n == 3 {
        return vec![FRAC_1_SQRT_2];
    }
    let size = n as f64;
    let mut scores: Vec<f64> = (1..=n / 2)
        .map(|i| -normal_quantile((i as f64 - 0.375) / (size + 0.25)))
        .collect();
    let total = 2.0 * scores.iter().map(|m| m * m).sum::<f64>();
    let root = total.sqrt();
    let u = 1.0 / size.sqrt();
    let first = scores[0] / root + polynomial(&[0.0, 0.221157, -0.147981, -2.07119, 4.434685, -2.706056], u);
    let mut corrected = vec![first];
    if n > 5 {
        let c2 = [0.0, 0.042981, -0.293762, -1.752461, 5.682633, -3.582633];
        corrected.push(scores[1] / root + polynomial(&c2, u));
    }
    let fixed = corrected.len();
    let scores_left = total - 2.0 * scores[..fixed].iter().map(|m| m * m).sum::<f64>();
    let weight_left = 1.0 - 2.0 * corrected.iter().map(|a| a * a).sum::<f64>();
    let scale = (weight_left / scores_left).sqrt();
    for score in &mut scores {
        *score *= scale;
    }
    scores[..fixed].copy_from_slice(&corrected);
    scores
}

/// The probability of a W as small, from 1 − W.
fn p_value(deficit: f64, n: usize) -> f64 {
    let size = n as f64;
    if n == 3 {
        let w = (1.0 - deficit).clamp(0.75, 1.0);
        return (6.0 / PI * (w.sqrt().asin() - 0.75f64.sqrt().asin())).max(0.0);
    }
    let y = deficit.ln();
    let (score, mean, deviation) = if n <= 11 {
        let gamma = polynomial(&[-2.273, 0.459], size);
        if y >= gamma {
            return 0.0;
        }
        let mean = polynomial(&[0.5440, -0.39978, 0.025054, -6.714e-4], size);
        let deviation = polynomial(&[1.3822, -0.77857, 0.062767, -0.0020322], size).exp();
        (-(gamma - y).ln(), mean, deviation)
    } else {
        let log_size = size.ln();
        let mean = polynomial(&[-1.5861, -0.31082, -0.083751, 0.0038915], log_size);
        let deviation = polynomial(&[-0.4803, -0.082676, 0.0030302], log_size).exp();
        (y, mean, deviation)
    };
    0.5 * erfc((score - mean) / deviation / SQRT_2)
}

fn normal_quantile(probability: f64) -> f64 {
    -SQRT_2 * erfc_inv(2.0 * probability)
}

/// Evaluates a polynomial, constant term first.
fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{skewed, triangle};
    use espalier_seed::Seed;

    #[test]
    fn w_and_p_equal_scipy() {
        // tests/reference_values.py, scipy 1.17.1: n, then (W, p) of `triangle` and of `skewed`.
        let expected = [
            (
                3,
                (0.964285714285715, 0.636886845028972),
                (0.977653958518262, 0.713428790395931),
            ),
            (
                4,
                (0.827376945859126, 0.161064788285391),
                (0.917439396073228, 0.522689412677869),
            ),
            (
                5,
                (0.897939484001789, 0.398602080376924),
                (0.960730448635019, 0.813060573325388),
            ),
            (
                11,
                (0.858062664860227, 0.0543442390466949),
                (0.924212778939241, 0.355302963620032),
            ),
            (
                12,
                (0.911984001344302, 0.226198101386654),
                (0.901675602329297, 0.166716176998634),
            ),
            (
                50,
                (0.979454683187671, 0.529198510477013),
                (0.867898972059915, 4.9012267363426e-05),
            ),
            (
                500,
                (0.991241368307043, 0.00469526371219548),
                (0.838213192496295, 3.71007652722183e-22),
            ),
            (
                5000,
                (0.992477396976981, 1.28557962453553e-15),
                (0.820806287175663, 1.56644073208335e-59),
            ),
        ];
        for (n, first, second) in expected {
            for (sample, (w, p)) in [(triangle(n), first), (skewed(n), second)] {
                let test = shapiro_wilk(&sample).unwrap();
                assert!((test.w - w).abs() < 1e-6, "n = {n}: W {} for {w}", test.w);
                assert!((test.p_value - p).abs() < 1e-5, "n = {n}: p {} for {p}", test.p_value);
                assert!(
                    (test.p_value / p - 1.0).abs() < 1e-2,
                    "n = {n}: p {} for {p}",
                    test.p_value
                );
            }
        }
    }

    #[test]
    fn order_scale_and_shift_do_not_matter() {
        let sample = skewed(40);
        let moved: Vec<f64> = sample.iter().rev().map(|x| 1e3 - 7.0 * x).collect();
        let (a, b) = (shapiro_wilk(&sample).unwrap(), shapiro_wilk(&moved).unwrap());
        assert!((a.w - b.w).abs() < 1e-12 && (a.p_value - b.p_value).abs() < 1e-9);
    }

    #[test]
    fn samples_outside_the_range_are_refused() {
        assert!(matches!(
            shapiro_wilk(&[1.0, 2.0]),
            Err(Error::TooFew {
                needed: 3,
                found: 2,
                ..
            })
        ));
        assert!(matches!(
            shapiro_wilk(&skewed(5001)),
            Err(Error::TooMany {
                most: 5000,
                found: 5001,
                ..
            })
        ));
        assert!(matches!(
            shapiro_wilk(&[2.0; 9]),
            Err(Error::Constant { value: 2.0, .. })
        ));
        let nan = [1.0, f64::NAN, 2.0];
        assert!(matches!(shapiro_wilk(&nan), Err(Error::NotFinite { index: 1, .. })));
    }

    #[test]
    fn sub_sampling_says_so_and_repeats() {
        let sample = skewed(6000);
        let stream = || Seed::new(1).named("shapiro").stream();
        let sampled = shapiro_wilk_subsampled(&sample, &mut stream()).unwrap();
        assert!(sampled.is_subsampled());
        assert_eq!((sampled.test.sample_size, sampled.available), (5000, 6000));
        assert_eq!(sampled, shapiro_wilk_subsampled(&sample, &mut stream()).unwrap());
        // scipy gives 0.8208 for 5000 quantiles of the same distribution.
        assert!((sampled.test.w - 0.8208).abs() < 0.02);
        let whole = shapiro_wilk_subsampled(&skewed(50), &mut stream()).unwrap();
        assert!(!whole.is_subsampled());
    }

    #[test]
    fn the_normal_scores_themselves_are_as_straight_as_can_be() {
        for n in 3..=400 {
            let upper = upper_weights(n);
            let mut scores: Vec<f64> = upper.iter().map(|a| -a).collect();
            scores.resize(n - n / 2, 0.0);
            scores.extend(upper.iter().rev());
            let test = shapiro_wilk(&scores).unwrap();
            assert!(test.w <= 1.0 && test.w > 1.0 - 1e-12, "n = {n}: W {}", test.w);
            assert!(test.p_value > 0.99, "n = {n}: p {}", test.p_value);
            assert!(n < 12 || test.p_value == 1.0, "n = {n}: p {}", test.p_value);
        }
    }

    #[test]
    fn the_worst_and_the_straightest_samples_have_extreme_p() {
        let mut spike = vec![0.0; 10];
        spike.push(1.0);
        assert!(shapiro_wilk(&spike).unwrap().p_value < 1e-6);
        let straight: Vec<f64> = (1..100).map(|i| normal_quantile(f64::from(i) / 100.0)).collect();
        assert!(shapiro_wilk(&straight).unwrap().p_value > 0.99);
    }
}
