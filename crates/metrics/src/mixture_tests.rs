use super::*;
use crate::samples::{assert_close, skewed, triangle};
use espalier_seed::Seed;
use proptest::prelude::*;

fn stream(name: &str) -> Stream {
    Seed::new(11).named(name).stream()
}

fn draw<L: Distribution, H: Distribution>(mixture: Mixture<L, H>, n: usize) -> Vec<f64> {
    let mut stream = stream("mixture");
    (0..n).map(|_| mixture.sample(&mut stream).max(0.0)).collect()
}

#[track_caller]
fn assert_sound<L: Distribution, H: Distribution>(fit: &MixtureFit<L, H>) {
    let share = fit.mixture.low_share;
    assert!((0.0..=1.0).contains(&share), "share {share}");
    assert!(fit.mixture.low.mean().is_finite() && fit.mixture.high.mean().is_finite());
    assert!(
        fit.log_likelihoods.iter().all(|l| l.is_finite()),
        "{:?}",
        fit.log_likelihoods
    );
    for pair in fit.log_likelihoods.windows(2) {
        let rounding = 1e-11 * pair[0].abs().max(1.0);
        assert!(pair[1] >= pair[0] - rounding, "fell from {} to {}", pair[0], pair[1]);
    }
}

fn exp_normal(low_share: f64) -> ExpNormal {
    Mixture {
        low_share,
        low: Exponential { mean: 0.4 },
        high: Normal { mean: 3.0, std: 0.7 },
    }
}

fn two_gamma(low_share: f64) -> TwoGamma {
    let low = Gamma { shape: 1.5, scale: 0.2 };
    Mixture {
        low_share,
        low,
        high: Gamma {
            shape: 20.0,
            scale: 0.15,
        },
    }
}

#[test]
fn ten_steps_equal_an_independent_numpy_em() {
    let mut values: Vec<f64> = skewed(60).iter().map(|x| 0.3 * x).collect();
    values.extend(triangle(140).iter().map(|x| 3.0 + x));
    let ten = EmOptions {
        max_iterations: 10,
        tolerance: 0.0,
        gain: 0.0,
        floor: 1e-9,
    };
    // tests/reference_values.py: "em exp+normal 10", "em two gamma 10"; share, parameters, first and last log-likelihood
    let fit = fit_exp_normal(&values, &ten).unwrap();
    let (m, l) = (fit.mixture, &fit.log_likelihoods);
    let expected = [
        0.300004372216714,
        0.27431205514599,
        3.98607534939537,
        0.398746033386615,
        -378.431528799083,
        -174.484665508637,
    ];
    assert_close(
        &[m.low_share, m.low.mean, m.high.mean, m.high.std, l[0], l[10]],
        &expected,
        1e-8,
    );
    let fit = fit_two_gamma(&values, &ten).unwrap();
    let (m, l) = (fit.mixture, &fit.log_likelihoods);
    let expected = [
        0.300001756759845,
        1.11316935155502,
        0.246425791737174,
        99.1206471766801,
        0.0402146470178031,
        -375.917972090165,
        -174.377290541136,
    ];
    let found = [
        m.low_share,
        m.low.shape,
        m.low.scale,
        m.high.shape,
        m.high.scale,
        l[0],
        l[10],
    ];
    assert_close(&found, &expected, 1e-6);
}

#[test]
fn planted_shares_come_back() {
    for planted in [0.1, 0.3, 0.5, 0.8] {
        let fit = fit_exp_normal(&draw(exp_normal(planted), 20_000), &EmOptions::exp_normal()).unwrap();
        assert_sound(&fit);
        assert_eq!(fit.outcome, EmOutcome::Converged);
        assert!((fit.mixture.low_share - planted).abs() < 0.03, "{:?}", fit.mixture);
        assert!((fit.mixture.high.mean - 3.0).abs() < 0.05);
        let fit = fit_two_gamma(&draw(two_gamma(planted), 20_000), &EmOptions::two_gamma()).unwrap();
        assert_sound(&fit);
        assert!((fit.mixture.low_share - planted).abs() < 0.03, "{:?}", fit.mixture);
    }
}

#[test]
fn pure_samples_have_no_nan() {
    let exponential = draw(exp_normal(1.0), 3000);
    let normal = draw(exp_normal(0.0), 3000);
    for values in [&exponential, &normal] {
        assert_sound(&fit_exp_normal(values, &EmOptions::exp_normal()).unwrap());
        assert_sound(&fit_two_gamma(values, &EmOptions::two_gamma()).unwrap());
    }
    let fit = fit_exp_normal(&normal, &EmOptions::exp_normal()).unwrap();
    assert!(fit.mixture.low_share < 0.03, "{fit:?}");
}

#[test]
fn a_constant_sample_is_named_so() {
    for value in [0.0, 1e-300, 2.5, 1e12] {
        let fit = fit_exp_normal(&[value; 20], &EmOptions::exp_normal()).unwrap();
        assert_eq!((fit.outcome, fit.mixture.low_share), (EmOutcome::ConstantSample, 1.0));
        assert_sound(&fit);
        let fit = fit_two_gamma(&[value; 20], &EmOptions::two_gamma()).unwrap();
        assert_eq!((fit.outcome, fit.mixture.low_share), (EmOutcome::ConstantSample, 1.0));
        assert_sound(&fit);
    }
}

#[test]
fn zeros_among_the_values_do_not_break_the_fit() {
    let mut values = vec![0.0; 300];
    values.extend(draw(exp_normal(0.0), 700));
    let fit = fit_exp_normal(&values, &EmOptions::exp_normal()).unwrap();
    assert_sound(&fit);
    assert!(
        (fit.mixture.low_share - 0.3).abs() < 0.03,
        "{:?} {:?}",
        fit.outcome,
        fit.mixture
    );
    let fit = fit_two_gamma(&values, &EmOptions::two_gamma()).unwrap();
    assert_sound(&fit);
    assert!(
        (fit.mixture.low_share - 0.3).abs() < 0.03,
        "{:?} {:?}",
        fit.outcome,
        fit.mixture
    );
}

#[test]
fn a_vanishing_component_leaves_the_other_alone() {
    // An exponential that reaches 1000 is thin where the values are: π falls by a thousand in every step.
    let values: Vec<f64> = triangle(50).iter().map(|x| 1000.0 + x).collect();
    let fit = fit_exp_normal(&values, &EmOptions::exp_normal()).unwrap();
    assert_eq!((fit.outcome, fit.mixture.low_share), (EmOutcome::OnlyHigh, 0.0));
    assert_eq!(fit.mixture.high, Normal::fit(&values).unwrap());
    assert!(fit.mixture.log_likelihood(&values).is_finite());
}

#[test]
fn unusable_samples_are_refused() {
    let options = EmOptions::exp_normal();
    assert!(matches!(fit_exp_normal(&[], &options), Err(Error::TooFew { .. })));
    assert!(matches!(
        fit_two_gamma(&[1.0, f64::NAN], &options),
        Err(Error::NotFinite { index: 1, .. })
    ));
    assert!(matches!(
        fit_two_gamma(&[1.0, -1.0], &options),
        Err(Error::OutOfRange { .. })
    ));
    let none = EmOptions {
        max_iterations: 0,
        ..options
    };
    assert!(matches!(
        fit_exp_normal(&[1.0, 2.0], &none),
        Err(Error::OutOfRange { .. })
    ));
}

/// Quantiles of a gamma distribution by bisection of its cumulative curve.
fn quantiles(shape: f64, scale: f64, n: usize) -> Vec<f64> {
    let gamma = Gamma { shape, scale };
    let at = |p: f64| {
        let (mut low, mut high) = (0.0, 100.0 * gamma.mean());
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            if gamma.cdf(middle) < p {
                low = middle
            } else {
                high = middle
            }
        }
        0.5 * (low + high)
    };
    (0..n).map(|i| at((i as f64 + 0.5) / n as f64)).collect()
}

/// Two clearly different gammas, as in `tests/reference_values.py`.
fn two() -> Vec<f64> {
    [quantiles(1.0, 0.25, 80), quantiles(30.0, 0.1, 120)].concat()
}

fn in_unit(values: &[f64], unit: f64) -> Vec<f64> {
    values.iter().map(|x| x * unit).collect()
}

#[test]
fn converged_fits_equal_an_independent_numpy_em_run_to_its_end_in_any_unit() {
    // tests/reference_values.py, numpy 2.4.6, 20 000 steps: "em exp+normal two", "em two gamma two", "em exp+normal bell"
    for unit in [1.0, 1e-4, 1e3, 1e-300, 3e299] {
        let fit = fit_exp_normal(&in_unit(&two(), unit), &EmOptions::exp_normal()).unwrap();
        let m = fit.mixture;
        assert_eq!(fit.outcome, EmOutcome::Converged);
        let found = [m.low_share, m.low.mean / unit, m.high.mean / unit, m.high.std / unit];
        let expected = [
            0.399006669795397,
            0.247174294875503,
            2.99626102749801,
            0.550004595598469,
        ];
        assert_close(&found, &expected, 2e-4);
        let fit = fit_two_gamma(&in_unit(&two(), unit), &EmOptions::two_gamma()).unwrap();
        let m = fit.mixture;
        assert_eq!(fit.outcome, EmOutcome::Converged);
        let found = [m.low_share, m.low.shape, m.low.scale / unit, m.high.scale / unit];
        let expected = [
            0.400522389390559,
            1.00417183419296,
            0.250184109486052,
            0.0987153276881561,
        ];
        assert_close(&found, &expected, 2e-3);
        let bell = in_unit(&quantiles(3.0, 0.5, 60), unit);
        let fit = fit_exp_normal(&bell, &EmOptions::exp_normal()).unwrap();
        let m = fit.mixture;
        let found = [m.low_share, m.low.mean / unit, m.high.mean / unit, m.high.std / unit];
        let expected = [0.24889256103911, 1.67285450590182, 1.43839979944287, 0.66562373333937];
        assert_close(&found, &expected, 1e-3);
    }
}

#[test]
fn a_sample_in_thousands_has_the_share_that_it_has_in_ones() {
    let bell = Gamma { shape: 3.0, scale: 0.5 };
    for seed in 0..20 {
        let mut stream = Seed::new(seed).named("bell").stream();
        let values: Vec<f64> = (0..60).map(|_| bell.sample(&mut stream)).collect();
        let thousands = in_unit(&values, 1e3);
        let shares = |values: &[f64]| {
            let exp = fit_exp_normal(values, &EmOptions::exp_normal()).unwrap();
            let gamma = fit_two_gamma(values, &EmOptions::two_gamma()).unwrap();
            (
                [exp.mixture.low_share, gamma.mixture.low_share],
                [exp.outcome, gamma.outcome],
            )
        };
        let (ones, thousands) = (shares(&values), shares(&thousands));
        assert_close(&ones.0, &thousands.0, 1e-3);
        assert_eq!(ones.1, thousands.1, "seed {seed}");
    }
}

#[test]
fn what_has_converged_stays_where_it_is_when_run_on() {
    let on = EmOptions {
        max_iterations: 20_000,
        tolerance: 0.0,
        gain: 0.0,
        ..EmOptions::two_gamma()
    };
    let bell = Gamma { shape: 3.0, scale: 0.5 };
    let mut converged = 0;
    for seed in 0..20 {
        let mut stream = Seed::new(seed).named("bell").stream();
        let values: Vec<f64> = (0..60).map(|_| bell.sample(&mut stream)).collect();
        let first = fit_two_gamma(&values, &EmOptions::two_gamma()).unwrap();
        if first.outcome != EmOutcome::Converged {
            continue;
        }
        converged += 1;
        let further = fit_two_gamma(&values, &on).unwrap();
        let moved = first.mixture.low_share - further.mixture.low_share;
        assert!(
            moved.abs() < 1e-2,
            "seed {seed}: {moved} after {} from {:?}",
            first.iterations,
            first.mixture
        );
        let gained = further.log_likelihoods.last().unwrap() - first.log_likelihoods.last().unwrap();
        assert!(gained < 1e-5, "seed {seed}: {gained}");
    }
    assert!(converged >= 10, "{converged}");
}

#[test]
fn responsibilities_survive_underflow() {
    // At 1e4 both densities underflow in the linear domain: e^(−25000) and e^(−1e8).
    let mixture = exp_normal(0.5);
    assert_eq!(mixture.low.ln_pdf(1e4).exp() + mixture.high.ln_pdf(1e4).exp(), 0.0);
    assert_eq!(mixture.low_probability(1e4), 1.0);
    assert!(mixture.ln_pdf(1e4).is_finite());
}

#[test]
fn a_single_value_and_two_values_are_handled() {
    for values in [&[1.5][..], &[0.0, 1.0], &[1e-9, 1e9]] {
        assert_sound(&fit_exp_normal(values, &EmOptions::exp_normal()).unwrap());
        assert_sound(&fit_two_gamma(values, &EmOptions::two_gamma()).unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn fits_do_not_depend_on_the_unit(seed: u64, n in 20usize..150, share in 0.1..0.9, power in -300i32..=300, c in 1.0..9.9) {
        let mut stream = Seed::new(seed).stream();
        let values: Vec<f64> = (0..n).map(|_| two_gamma(share).sample(&mut stream)).collect();
        let unit = c * 10f64.powi(power);
        let near = |found: f64, expected: f64| (found - expected).abs() <= 1e-3 * expected.abs().max(1e-3);
        let scaled = in_unit(&values, unit);
        let (a, b) = (fit_two_gamma(&values, &EmOptions::two_gamma()).unwrap(), fit_two_gamma(&scaled, &EmOptions::two_gamma()).unwrap());
        prop_assert_eq!(a.outcome, b.outcome);
        prop_assert!((a.mixture.low_share - b.mixture.low_share).abs() < 1e-3, "{:?} {:?}", a.mixture, b.mixture);
        let b = b.mixture.scaled(1.0 / c).scaled(10f64.powi(-power));
        prop_assert!(near(b.low.shape, a.mixture.low.shape) && near(b.high.shape, a.mixture.high.shape), "{:?} {:?}", a.mixture, b);
        prop_assert!(near(b.low.scale, a.mixture.low.scale) && near(b.high.scale, a.mixture.high.scale));
        let (a, b) = (fit_exp_normal(&values, &EmOptions::exp_normal()).unwrap(), fit_exp_normal(&scaled, &EmOptions::exp_normal()).unwrap());
        prop_assert_eq!(a.outcome, b.outcome);
        prop_assert!((a.mixture.low_share - b.mixture.low_share).abs() < 1e-3, "{:?} {:?}", a.mixture, b.mixture);
        let b = b.mixture.scaled(1.0 / c).scaled(10f64.powi(-power));
        prop_assert!(near(b.low.mean, a.mixture.low.mean) && near(b.high.mean, a.mixture.high.mean) && near(b.high.std, a.mixture.high.std));
    }

    #[test]
    fn the_likelihood_never_falls(values in proptest::collection::vec(0.0f64..10.0, 2..60), power in -4i32..4) {
        let scaled: Vec<f64> = values.iter().map(|x| x * 10f64.powi(power)).collect();
        assert_sound(&fit_exp_normal(&scaled, &EmOptions::exp_normal()).unwrap());
        assert_sound(&fit_two_gamma(&scaled, &EmOptions::two_gamma()).unwrap());
    }
}

#[test]
fn two_close_values_do_not_cost_the_likelihood_its_digits() {
    // The high gamma's shape reaches a million on 3.31 and 3.32, where the textbook form of the
    // density loses eight digits.
    let values = [
        11.736683401592949,
        3.312621875840597,
        59.11179767322044,
        3.308232869880378,
        82.78985531088406,
        61.83193320340066,
    ];
    assert_sound(&fit_two_gamma(&values, &EmOptions::two_gamma()).unwrap());
}

#[test]
fn the_journals_fits_equal_an_independent_numpy_em() {
    // tests/reference_values.py: "journal exp+normal bell", "journal two gamma bell", after a hundred steps
    let bell = quantiles(3.0, 0.5, 60);
    let fit = crate::journal_exp_normal(&bell).unwrap();
    let (m, l) = (fit.mixture, &fit.log_likelihoods);
    let expected = [
        0.248897037295613,
        1.6728496367624,
        1.43840001570479,
        0.665621779744941,
        -77.8556665582343,
        -73.308392579474,
    ];
    let found = [m.low_share, m.low.mean, m.high.mean, m.high.std, l[0], l[100]];
    assert_close(&found, &expected, 1e-8);
    let fit = crate::journal_two_gamma(&bell).unwrap();
    let (m, l) = (fit.mixture, &fit.log_likelihoods);
    let expected = [
        0.403002348885379,
        2.9709811541573,
        0.468985171271467,
        3.17033829204268,
        0.494135219984848,
        -91.2561555914628,
        -68.7058933758511,
    ];
    let found = [
        m.low_share,
        m.low.shape,
        m.low.scale,
        m.high.shape,
        m.high.scale,
        l[0],
        l[100],
    ];
    assert_close(&found, &expected, 1e-6);
    assert!(crate::journal_two_gamma(&[]).is_err() && crate::journal_exp_normal(&[-1.0]).is_err());
}
