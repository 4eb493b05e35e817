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
        -373.417355451714,
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
        0.300001761194249,
        1.11276646363959,
        0.246498225911778,
        99.1197087630084,
        0.0402148388729203,
        -383.229490594186,
        -174.37459087487,
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
    // Far from zero, the exponential of mean 1 has density e^(−1000): π falls below the floor at once.
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
