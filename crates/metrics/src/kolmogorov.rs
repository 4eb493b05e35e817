//! The Kolmogorov–Smirnov distance between a sample and a distribution.

use std::f64::consts::PI;

use espalier_seed::Stream;
use serde::{Deserialize, Serialize};

use crate::observation::expect_sample;
use crate::{Distribution, Error, Result};

/// The outcome of a one-sample, two-sided Kolmogorov–Smirnov test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct KolmogorovSmirnov {
    /// The largest distance between the sample's and the distribution's cumulative curves.
    pub statistic: f64,
    /// The probability of so large a distance from that distribution.
    pub p_value: f64,
    /// The number of values tested.
    pub sample_size: usize,
}

/// Tests a sample against a distribution that was fixed beforehand.
///
/// # Method
/// D = sup |F̂ − F|; p is the limiting probability Q(√n·D), which is conservative for small n.
/// With parameters fitted to the same values p is far too large: use [`ks_test_fitted`].
///
/// # Errors
/// [`Error::TooFew`] for no values, [`Error::NotFinite`].
///
/// # Example
/// ```
/// use espalier_metrics::{Normal, ks_test};
///
/// let test = ks_test(&[0.0], &Normal { mean: 0.0, std: 1.0 })?;
/// assert_eq!(test.statistic, 0.5); // one value at the median
/// # Ok::<(), espalier_metrics::Error>(())
/// ```
pub fn ks_test(values: &[f64], distribution: &impl Distribution) -> Result<KolmogorovSmirnov> {
    let statistic = ks_statistic(values, distribution)?;
    let root = (values.len() as f64).sqrt();
    Ok(KolmogorovSmirnov {
        statistic,
        p_value: kolmogorov_survival(statistic * root),
        sample_size: values.len(),
    })
}

/// Fits a distribution to a sample and tests the fit, p by parametric bootstrap.
///
/// # Method
/// D of the fitted distribution is compared with D of `replicates` samples drawn from it, each
/// fitted anew; p = (1 + #{D* ≥ D}) / (1 + replicates).
///
/// # Errors
/// As the distribution's fit; [`Error::TooFew`] for no replicates.
pub fn ks_test_fitted<D: Distribution>(
    values: &[f64],
    replicates: usize,
    stream: &mut Stream,
) -> Result<(D, KolmogorovSmirnov)> {
    if replicates == 0 {
        return Err(Error::TooFew {
            what: "Kolmogorov–Smirnov bootstrap replicates",
            needed: 1,
            found: 0,
        });
    }
    let fit = D::fit(values)?;
    let statistic = ks_statistic(values, &fit)?;
    let mut as_far = 0;
    let mut drawn = vec![0.0; values.len()];
    for _ in 0..replicates {
        drawn.fill_with(|| fit.sample(stream));
        let again = D::fit(&drawn)?;
        as_far += usize::from(ks_statistic(&drawn, &again)? >= statistic);
    }
    let test = KolmogorovSmirnov {
        statistic,
        p_value: (1 + as_far) as f64 / (1 + replicates) as f64,
        sample_size: values.len(),
    };
    Ok((fit, test))
}

fn ks_statistic(values: &[f64], distribution: &impl Distribution) -> Result<f64> {
    expect_sample("Kolmogorov–Smirnov", values, 1)?;
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let mut statistic = 0.0f64;
    for (i, &x) in sorted.iter().enumerate() {
        let cdf = distribution.cdf(x);
        let above = (i as f64 + 1.0) / n - cdf;
        let below = cdf - i as f64 / n;
        statistic = statistic.max(above).max(below);
    }
    Ok(statistic)
}

/// Gives the probability that the Kolmogorov distribution exceeds `x`.
///
/// # Method
/// The alternating series 2 Σ (−1)^(j−1) e^(−2j²x²), and below 1 its theta-function twin
/// 1 − √(2π)/x Σ e^(−(2j−1)²π²/(8x²)), each where it converges fast.
#[must_use]
pub fn kolmogorov_survival(x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    if x < 1.0 {
        let term = |j: i32| (-(f64::from(2 * j - 1) * PI / x).powi(2) / 8.0).exp();
        return 1.0 - (2.0 * PI).sqrt() / x * (1..=4).map(term).sum::<f64>();
    }
    let term = |j: i32| {
        let sign = if j % 2 == 1 { 1.0 } else { -1.0 };
        sign * (-2.0 * (f64::from(j) * x).powi(2)).exp()
    };
    2.0 * (1..=5).map(term).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{assert_close, skewed, triangle};
    use crate::{Exponential, LogNormal, Normal};
    use espalier_seed::Seed;

    #[test]
    fn statistic_and_p_equal_scipy() {
        // tests/reference_values.py, scipy 1.17.1, kstest(method="asymp")
        let check = |test: KolmogorovSmirnov, expected: [f64; 2]| {
            assert_close(&[test.statistic, test.p_value], &expected, 1e-10);
        };
        let narrow = Normal { mean: 1.0, std: 0.4 };
        check(
            ks_test(&triangle(200), &narrow).unwrap(),
            [0.0390304207301542, 0.920821000205438],
        );
        let exponential = Exponential { mean: 1.2 };
        check(
            ks_test(&skewed(200), &exponential).unwrap(),
            [0.0784742953733809, 0.170204179840602],
        );
        let wide = Normal { mean: 1.0, std: 1.0 };
        check(
            ks_test(&skewed(200), &wide).unwrap(),
            [0.159604156308478, 7.51332387563209e-05],
        );
    }

    #[test]
    fn survival_equals_scipy() {
        // tests/reference_values.py, scipy 1.17.1: "kolmogorov sf"
        let at = [0.05, 0.3, 0.5, 0.8, 1.0, 1.36, 2.5];
        let expected = [
            1.0,
            0.999990694198665,
            0.963945243664875,
            0.544142411574198,
            0.269999671677355,
            0.0494858767553779,
            7.45330634415734e-06,
        ];
        assert_close(&at.map(kolmogorov_survival), &expected, 1e-12);
    }

    #[test]
    fn the_fitted_test_keeps_the_right_family_and_rejects_the_wrong_one() {
        let mut stream = Seed::new(5).named("ks").stream();
        let planted = LogNormal { mu: 0.2, sigma: 0.7 };
        let values: Vec<f64> = (0..300).map(|_| planted.sample(&mut stream)).collect();
        let (_, right) = ks_test_fitted::<LogNormal>(&values, 99, &mut stream).unwrap();
        let (_, wrong) = ks_test_fitted::<Normal>(&values, 99, &mut stream).unwrap();
        assert!(right.p_value > 0.05, "{right:?}");
        assert!((wrong.p_value - 0.01).abs() < 1e-12, "{wrong:?}");
        let fixed = ks_test(&values, &LogNormal::fit(&values).unwrap()).unwrap();
        assert_eq!(fixed.statistic, right.statistic);
    }

    #[test]
    fn empty_and_nan_samples_are_refused() {
        let normal = Normal { mean: 0.0, std: 1.0 };
        assert!(matches!(ks_test(&[], &normal), Err(Error::TooFew { .. })));
        assert!(matches!(ks_test(&[f64::NAN], &normal), Err(Error::NotFinite { .. })));
        let mut stream = Seed::new(5).stream();
        assert!(ks_test_fitted::<Normal>(&[1.0, 2.0], 0, &mut stream).is_err());
    }
}
