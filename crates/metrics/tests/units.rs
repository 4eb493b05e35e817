//! Measures of shape depend on no unit; measures of size are in the unit of the values.
#![allow(clippy::unwrap_used)]

use espalier_metrics::{
    Bandwidth, CovarianceAccumulator, Distribution, Exponential, Gamma, Histogram, LogFit, LogNormal, Normal, Pca,
    UnitMoments, effective_rank, even_grid, kernel_density, ks_test, likelihood_dimension, numerical_rank,
    participation_ratio, pearson, sample_shape, shapiro_wilk, singular_values, spearman, spectral_tail, stable_rank,
    two_nn,
};
use proptest::prelude::*;

fn times(values: &[f64], factor: f64) -> Vec<f64> {
    values.iter().map(|v| v * factor).collect()
}

fn near(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-9 * expected.abs().max(1.0)
}

proptest! {
    #[test]
    fn shapes_tests_and_correlations_are_free_of_the_unit(
        values in proptest::collection::vec(0.1..10.0, 12..60),
        power in -300i32..=300,
    ) {
        let unit = 10f64.powi(power);
        let scaled = times(&values, unit);
        let (a, b) = (shapiro_wilk(&values).unwrap(), shapiro_wilk(&scaled).unwrap());
        prop_assert!(near(b.w, a.w) && (a.p_value - b.p_value).abs() < 1e-6);
        let (a, b) = (sample_shape(&values).unwrap(), sample_shape(&scaled).unwrap());
        prop_assert!(near(b.skewness, a.skewness) && near(b.excess_kurtosis, a.excess_kurtosis));
        let places: Vec<f64> = (1..=values.len()).map(|i| i as f64).collect();
        prop_assert!(near(pearson(&places, &scaled).unwrap(), pearson(&places, &values).unwrap()));
        prop_assert!(near(spearman(&places, &scaled).unwrap(), spearman(&places, &values).unwrap()));
        let (a, b) = (LogFit::of(&places, &values).unwrap(), LogFit::of(&places, &scaled).unwrap());
        prop_assert!(near(b.slope / unit, a.slope) && near(b.intercept / unit, a.intercept) && near(b.r_squared, a.r_squared));
        for measure in [effective_rank, stable_rank, participation_ratio] {
            prop_assert!(near(measure(&scaled).unwrap(), measure(&values).unwrap()));
        }
        prop_assert_eq!(numerical_rank(&scaled, 0.3).unwrap(), numerical_rank(&values, 0.3).unwrap());
    }

    #[test]
    fn fits_densities_and_histograms_are_in_the_unit_of_the_values(
        values in proptest::collection::vec(0.1..10.0, 12..60),
        power in -300i32..=300,
    ) {
        let unit = 10f64.powi(power);
        let scaled = times(&values, unit);
        let (a, b) = (Normal::fit(&values).unwrap(), Normal::fit(&scaled).unwrap());
        prop_assert!(near(b.mean / unit, a.mean) && near(b.std / unit, a.std));
        prop_assert!(near(ks_test(&scaled, &b).unwrap().statistic, ks_test(&values, &a).unwrap().statistic));
        let (a, b) = (Gamma::fit(&values).unwrap(), Gamma::fit(&scaled).unwrap());
        prop_assert!(near(b.shape / a.shape, 1.0) && near(b.scale / unit / a.scale, 1.0));
        let (a, b) = (Exponential::fit(&values).unwrap(), Exponential::fit(&scaled).unwrap());
        prop_assert!(near(b.mean / unit, a.mean));
        let (a, b) = (LogNormal::fit(&values).unwrap(), LogNormal::fit(&scaled).unwrap());
        prop_assert!(near(b.mu, a.mu + unit.ln()) && near(b.sigma, a.sigma));
        let grid = even_grid(-1.0, 12.0, 9).unwrap();
        for rule in [Bandwidth::Scott, Bandwidth::Silverman] {
            let a = kernel_density(&values, &grid, rule).unwrap();
            let b = kernel_density(&scaled, &times(&grid, unit), rule).unwrap();
            prop_assert!(near(b.bandwidth / unit, a.bandwidth));
            prop_assert!(a.density.iter().zip(&b.density).all(|(a, b)| near(b * unit, *a)));
        }
        let (a, b) = (Histogram::even(&values, 0.0, 11.0, 7).unwrap(), Histogram::even(&scaled, 0.0, 11.0 * unit, 7).unwrap());
        prop_assert_eq!(&a.counts, &b.counts);
        prop_assert!(a.density().iter().zip(b.density()).all(|(a, b)| near(b * unit, *a)));
    }

    #[test]
    fn single_precision_observations_keep_their_spread_rank_and_components(
        values in proptest::collection::vec(0.1f32..10.0, 60..61),
        power in -30i32..=30,
    ) {
        let unit = 10f32.powi(power);
        let scaled: Vec<f32> = values.iter().map(|v| v * unit).collect();
        let spreads = |values: &[f32]| {
            let mut moments = UnitMoments::new(4).unwrap();
            moments.observe(values, 4).unwrap();
            moments.std()
        };
        let unit = f64::from(unit);
        let close = |found: f64, expected: f64| (found - expected).abs() < 1e-5 * expected.abs().max(1e-2);
        prop_assert!(spreads(&values).iter().zip(spreads(&scaled)).all(|(a, b)| close(b / unit, *a)));
        let (a, b) = (singular_values(&values, 4).unwrap(), singular_values(&scaled, 4).unwrap());
        prop_assert!(a.iter().zip(&b).all(|(a, b)| close(b / unit, *a)));
        let components = |values: &[f32]| {
            let mut sums = CovarianceAccumulator::new(4).unwrap();
            sums.observe(values, 4).unwrap();
            Pca::of(&sums.finish().unwrap()).unwrap().eigenvalues().to_vec()
        };
        prop_assert!(components(&values).iter().zip(components(&scaled)).all(|(a, b)| close(b / unit / unit, *a)));
    }
}

proptest! {
    #[test]
    fn dimensions_and_tails_are_free_of_the_unit(
        values in proptest::collection::vec(0.1f32..10.0, 90..91),
        power in -90i32..=90,
    ) {
        // Powers of two round nothing, so that equal means equal.
        let scaled: Vec<f32> = values.iter().map(|v| v * (power as f32).exp2()).collect();
        prop_assert_eq!(two_nn(&scaled, 3, 0.1).unwrap(), two_nn(&values, 3, 0.1).unwrap());
        let dimension = |values: &[f32]| likelihood_dimension(values, 3, 5).unwrap();
        prop_assert_eq!(dimension(&scaled), dimension(&values));
        let (a, b) = (spectral_tail(&values, 9).unwrap(), spectral_tail(&scaled, 9).unwrap());
        prop_assert!((a.alpha / b.alpha - 1.0).abs() < 1e-6 && a.values == b.values, "{:?} {:?}", a, b);
    }
}

#[test]
fn the_widest_range_of_doubles_has_a_grid_and_a_histogram() {
    let grid = even_grid(-f64::MAX, f64::MAX, 5).unwrap();
    assert_eq!((grid[0], grid[2], grid[4]), (-f64::MAX, 0.0, f64::MAX));
    let histogram = Histogram::even(&[-1.0, 1.0, 2.0], -f64::MAX, f64::MAX, 2).unwrap();
    assert_eq!(histogram.counts, [1, 2]);
    assert!(histogram.centres().iter().all(|c| c.is_finite()));
    assert!(shapiro_wilk(&[-f64::MAX, 0.0, f64::MAX, 1e300]).unwrap().w > 0.5);
    assert!(Normal::fit(&[f64::MAX, f64::MAX, 1e300]).unwrap().std.is_finite());
}
