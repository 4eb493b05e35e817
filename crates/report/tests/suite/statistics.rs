//! Statistics against values computed elsewhere, and the intervals' coverage by simulation.
//!
//! Reference values: Python 3 with scipy 1.17.1, numpy 2.4.6 and statsmodels 0.15.0, on the
//! samples below. "Exhaustive" means over all 6⁶ resamples of `Z`, computed with numpy.

use espalier_report::Error;
use espalier_report::statistics::{
    Alternative, Bootstrap, Estimate, IntervalMethod, Pairing, Permutation, ScoreMatrix, holm, interquartile_mean,
    mean, median, quantile, standard_deviation, wilson,
};
use espalier_seed::{Seed, Stream};

const X: [f64; 8] = [0.913, 0.927, 0.941, 0.905, 0.932, 0.918, 0.951, 0.899];
const Y: [f64; 8] = [0.902, 0.921, 0.925, 0.909, 0.917, 0.911, 0.930, 0.901];
const Z: [f64; 6] = [1.2, 0.4, 3.1, 2.2, 0.9, 5.6];

fn close(ours: f64, reference: f64, tolerance: f64) {
    assert!(
        (ours - reference).abs() <= tolerance,
        "ours {ours}, reference {reference}, tolerance {tolerance}"
    );
}

fn bootstrap(method: IntervalMethod) -> Bootstrap {
    Bootstrap::new(&Seed::new(1)).resamples(100_000).method(method)
}

fn ends(estimate: &Estimate, low: f64, high: f64, tolerance: f64) {
    close(estimate.low, low, tolerance);
    close(estimate.high, high, tolerance);
}

#[test]
fn statistics_of_one_sample_equal_numpy_and_scipy() {
    close(mean(&X).unwrap(), 0.92325, 1e-12);
    close(median(&X).unwrap(), 0.922_500_000_000_000_1, 1e-12);
    close(standard_deviation(&X).unwrap(), 0.017_846_568_297_574_725, 1e-12);
    close(quantile(&X, 0.1).unwrap(), 0.9032, 1e-12);
    // scipy.stats.trim_mean(x, 0.25), also where a quarter is no whole number of values.
    close(interquartile_mean(&X).unwrap(), 0.9225, 1e-12);
    let squares: Vec<f64> = (0..10).map(|i| f64::from(i * i)).collect();
    close(interquartile_mean(&squares).unwrap(), 23.166_666_666_666_668, 1e-12);
}

// Monte Carlo error: a quantile of 1e5 draws at level p has a standard error of
// sqrt(p(1-p)/1e5)/density, under 0.02 here; Z's resampled values lie on a grid of 0.017.
#[test]
fn percentile_intervals_equal_the_exhaustive_bootstrap() {
    let b = bootstrap(IntervalMethod::Percentile);
    let estimate = b.mean(&Z).unwrap();
    close(estimate.value, 2.233_333_333_333_333_4, 1e-12);
    ends(&estimate, 1.0, 3.75, 0.05);
    ends(&b.interquartile_mean(&Z).unwrap(), 0.775, 3.9, 0.05);
    ends(
        &b.statistic(&Z, |v| standard_deviation(v).unwrap()).unwrap(),
        0.5879,
        2.5044,
        0.05,
    );
}

#[test]
fn expanded_intervals_equal_the_exhaustive_bootstrap() {
    let b = bootstrap(IntervalMethod::Expanded);
    ends(&b.mean(&Z).unwrap(), 0.7, 4.45, 0.06);
    ends(&b.interquartile_mean(&Z).unwrap(), 0.525, 4.975, 0.1);
    ends(
        &b.statistic(&Z, |v| standard_deviation(v).unwrap()).unwrap(),
        0.2582,
        2.7178,
        0.06,
    );
}

#[test]
fn bca_intervals_equal_the_exhaustive_bootstrap_and_scipy() {
    let b = bootstrap(IntervalMethod::Bca);
    ends(&b.mean(&Z).unwrap(), 1.15, 4.05, 0.06);
    ends(&b.interquartile_mean(&Z).unwrap(), 0.725, 3.875, 0.06);
    // scipy.stats.bootstrap(method="BCa", 400 000 resamples): ratio of standard deviations.
    let apart = b.spread_ratio(&X, &Y, Pairing::Independent).unwrap();
    close(apart.value, 1.690_660_620_388_764_4, 1e-12);
    ends(&apart, 0.9206, 3.1215, 0.05);
    ends(&b.spread_ratio(&X, &Y, Pairing::Paired).unwrap(), 1.1785, 2.0823, 0.02);
}

#[test]
fn paired_spread_ratio_equals_scipy() {
    let b = bootstrap(IntervalMethod::Percentile);
    ends(&b.spread_ratio(&X, &Y, Pairing::Paired).unwrap(), 1.2604, 2.1556, 0.02);
}

#[test]
fn permutation_tests_equal_scipy_on_all_arrangements() {
    let other: Vec<f64> = X[..5].iter().map(|x| x * 3.0).collect();
    let sides = [
        (Alternative::TwoSided, 0.039_062_5, 0.588_744_588_744_588_8),
        (Alternative::Greater, 0.019_531_25, 0.707_792_207_792_207_8),
        (Alternative::Less, 0.988_281_25, 0.294_372_294_372_294_3),
    ];
    for (side, paired, independent) in sides {
        let test = Permutation::new(&Seed::new(2)).alternative(side);
        let signs = test.paired(&X, &Y).unwrap();
        assert!(signs.exact && signs.arrangements == 256);
        close(signs.p_value, paired, 1e-12);
        let exchange = test.two_sample(&Z, &other).unwrap();
        assert!(exchange.exact && exchange.arrangements == 462);
        close(exchange.p_value, independent, 1e-12);
        // Drawn arrangements agree with all of them within five standard errors.
        let drawn = test.draws(250).paired(&X, &Y).unwrap();
        assert!(!drawn.exact);
        close(drawn.p_value, paired, 0.1);
    }
}

#[test]
fn holm_equals_statsmodels() {
    let adjusted = holm(&[0.012, 0.2, 0.001, 0.04, 0.03, 0.03]).unwrap();
    for (ours, reference) in adjusted.iter().zip([0.06, 0.2, 0.006, 0.12, 0.12, 0.12]) {
        close(*ours, reference, 1e-12);
    }
    assert!(holm(&[0.5, 1.5]).is_err() && holm(&[-0.1]).is_err());
}

#[test]
fn wilson_equals_statsmodels() {
    ends(&wilson(6.0, 6, 0.95).unwrap(), 0.609_665_712_097_834_6, 1.0, 1e-9);
    ends(
        &wilson(3.5, 8, 0.95).unwrap(),
        0.174_498_631_238_342_5,
        0.741_052_314_372_142_5,
        1e-9,
    );
    let b = Bootstrap::new(&Seed::new(1));
    let improvement = b.paired_improvement(&[2.0, 2.0, 1.0], &[1.0, 2.0, 2.0]).unwrap();
    close(improvement.value, 0.5, 1e-12);
}

fn matrices() -> (ScoreMatrix, ScoreMatrix) {
    let x = vec![
        vec![0.9, 0.8, 0.85, 0.95],
        vec![0.7, 0.75, 0.6, 0.72],
        vec![0.5, 0.55, 0.65, 0.52],
    ];
    let y = vec![vec![0.8, 0.82, 0.7], vec![0.7, 0.65, 0.66], vec![0.6, 0.5, 0.58]];
    (ScoreMatrix::new(x).unwrap(), ScoreMatrix::new(y).unwrap())
}

#[test]
fn probability_of_improvement_equals_mann_whitney_and_a_numpy_bootstrap() {
    let (x, y) = matrices();
    let b = bootstrap(IntervalMethod::Percentile);
    let ours = b.probability_of_improvement(&x, &y).unwrap();
    // Mean over tasks of scipy.stats.mannwhitneyu / (4·3).
    close(ours.value, 0.680_555_555_555_555_7, 1e-12);
    // 200 000 stratified resamples in numpy; the values lie on a grid of 1/72.
    ends(&ours, 0.444_444_44, 0.888_888_89, 0.02);
    assert_eq!(ours.n, 12);
}

#[test]
fn stratified_interquartile_mean_equals_a_numpy_bootstrap() {
    let (x, _) = matrices();
    let ours = bootstrap(IntervalMethod::Percentile)
        .stratified_interquartile_mean(&x)
        .unwrap();
    close(ours.value, 0.703_333_333_333_333_3, 1e-12);
    ends(&ours, 0.658_333_33, 0.736_666_67, 0.004);
}

/// The share of simulated intervals that hold the truth.
fn coverage(runs: usize, truth: f64, make: impl Fn(&mut Stream, &Bootstrap) -> Estimate) -> f64 {
    let mut stream = Seed::new(5).named("coverage").stream();
    let held = (0..runs)
        .filter(|&run| {
            let b = Bootstrap::new(&Seed::new(6).index(run as u64)).resamples(1000);
            !make(&mut stream, &b).excludes(truth)
        })
        .count();
    held as f64 / runs as f64
}

fn normals(stream: &mut Stream, n: usize, mean: f64, sd: f64) -> Vec<f64> {
    (0..n).map(|_| mean + sd * stream.normal()).collect()
}

// 1000 simulated samples: the standard error of a share near 0.95 is 0.007; the bounds below
// are wider than three of them around what a numpy simulation of the same intervals gave.
#[test]
fn expanded_intervals_cover_at_their_nominal_level() {
    for n in [6, 12] {
        let of_mean = coverage(1000, 3.0, |s, b| b.mean(&normals(s, n, 3.0, 2.0)).unwrap());
        assert!((0.91..=0.975).contains(&of_mean), "mean, n = {n}: {of_mean}");
        let of_iqm = coverage(1000, 3.0, |s, b| {
            b.interquartile_mean(&normals(s, n, 3.0, 2.0)).unwrap()
        });
        assert!(
            (0.925..=0.985).contains(&of_iqm),
            "interquartile mean, n = {n}: {of_iqm}"
        );
    }
}

#[test]
fn plain_percentile_intervals_are_too_narrow_for_few_seeds() {
    let plain = coverage(1000, 0.0, |s, b| {
        let b = b.clone().method(IntervalMethod::Percentile);
        b.mean(&normals(s, 6, 0.0, 1.0)).unwrap()
    });
    // numpy: 0.869.
    assert!((0.83..=0.905).contains(&plain), "{plain}");
}

#[test]
fn paired_and_stratified_intervals_cover_at_their_nominal_level() {
    let paired = coverage(1000, 0.5, |s, b| {
        let shared = normals(s, 12, 0.0, 5.0);
        let plus = |own: Vec<f64>| -> Vec<f64> { shared.iter().zip(own).map(|(a, b)| a + b).collect() };
        let (x, y) = (plus(normals(s, 12, 0.5, 1.0)), plus(normals(s, 12, 0.0, 1.0)));
        let estimate = b.paired_mean_difference(&x, &y).unwrap();
        // Pairing removes the shared spread of 5: an unpaired interval would be about 8 wide.
        assert!(estimate.high - estimate.low < 4.5);
        estimate
    });
    assert!((0.92..=0.975).contains(&paired), "paired: {paired}");
    let stratified = coverage(400, 2.0, |s, b| {
        let tasks = (1..=3).map(|task| normals(s, 12, f64::from(task), 0.3)).collect();
        b.stratified(&ScoreMatrix::new(tasks).unwrap(), |tasks| {
            mean(&tasks.concat()).unwrap()
        })
        .unwrap()
    });
    assert!((0.92..=0.99).contains(&stratified), "stratified: {stratified}");
    let ratio = coverage(400, 2.0, |s, b| {
        let (x, y) = (normals(s, 12, 0.0, 2.0), normals(s, 12, 0.0, 1.0));
        b.spread_ratio(&x, &y, Pairing::Independent).unwrap()
    });
    assert!((0.90..=0.985).contains(&ratio), "ratio of spreads: {ratio}");
}

#[test]
fn an_exact_sign_flip_test_rejects_at_most_at_its_level() {
    let mut stream = Seed::new(8).stream();
    let rejected = (0..1000)
        .filter(|_| {
            let (x, y) = (normals(&mut stream, 8, 0.0, 1.0), normals(&mut stream, 8, 0.0, 1.0));
            Permutation::new(&Seed::new(1)).paired(&x, &y).unwrap().p_value <= 0.05
        })
        .count();
    // 12 of 256 sign patterns reach p ≤ 0.05: 46.9 expected, standard deviation 6.7.
    assert!((27..=67).contains(&rejected), "{rejected}");
}

#[test]
fn a_statistic_of_what_each_seed_recorded_keeps_each_seed_together() {
    // Each seed: accuracy at widths 16, 32, 64. The knee is the first width within 0.01 of the best.
    let curves = [
        [0.90, 0.95, 0.951],
        [0.91, 0.95, 0.952],
        [0.92, 0.94, 0.945],
        [0.90, 0.95, 0.955],
        [0.91, 0.96, 0.961],
        [0.90, 0.95, 0.953],
    ];
    let widths = [16.0, 32.0, 64.0];
    let knee = |seeds: &[&[f64; 3]]| {
        let at = |i: usize| seeds.iter().map(|c| c[i]).sum::<f64>() / seeds.len() as f64;
        let best = at(0).max(at(1)).max(at(2));
        (0..3)
            .find(|&i| at(i) >= best - 0.01)
            .map_or(f64::INFINITY, |i| widths[i])
    };
    let estimate = Bootstrap::new(&Seed::new(3)).over_seeds(&curves, knee).unwrap();
    assert_eq!(
        (estimate.value, estimate.low, estimate.high, estimate.n),
        (32.0, 32.0, 32.0, 6)
    );
    let none = Bootstrap::new(&Seed::new(3)).over_seeds(&curves, |_| f64::NAN).unwrap();
    assert!(!none.is_defined() && none.low.is_nan() && none.n == 6);
    let open = Bootstrap::new(&Seed::new(3))
        .over_seeds(&curves, |_| f64::INFINITY)
        .unwrap();
    assert_eq!(open.high, f64::INFINITY);
}

#[test]
fn a_value_that_is_missing_leaves_a_statistic_without_a_number_and_never_a_wrong_one() {
    let bad = [0.5, f64::NAN, 0.4, 0.6, 0.7, 0.2];
    let b = Bootstrap::new(&Seed::new(1));
    assert!(mean(&bad).unwrap().is_nan());
    let undefined = [
        b.mean(&bad).unwrap(),
        b.interquartile_mean(&bad).unwrap(),
        b.median(&bad).unwrap(),
        b.paired_difference(&bad, &Z).unwrap(),
        b.paired_improvement(&bad, &Z).unwrap(),
        b.spread_ratio(&bad, &Z, Pairing::Paired).unwrap(),
    ];
    for estimate in undefined {
        assert!(!estimate.is_defined() && estimate.to_string() == "–", "{estimate:?}");
    }
    let p = Permutation::new(&Seed::new(1)).paired(&bad, &Z).unwrap().p_value;
    assert!(p.is_nan());
    assert_eq!(holm(&[0.01, 0.02, 0.03]).unwrap()[0], 0.03);
    let corrected = holm(&[0.01, p, 0.02]).unwrap();
    assert!((corrected[0] - 0.03).abs() < 1e-12 && corrected[1].is_nan() && (corrected[2] - 0.04).abs() < 1e-12);
    // The score matrix is read by no page, and still refuses.
    let message = ScoreMatrix::new(vec![bad.to_vec()]).unwrap_err().to_string();
    assert!(message.contains("1 of 6") && message.contains("index 1"), "{message}");
    assert!(matches!(
        b.paired_difference(&X, &Z),
        Err(Error::Unpaired { left: 8, right: 6, .. })
    ));
    assert!(matches!(
        b.mean(&[1.0]),
        Err(Error::TooFew {
            needed: 2,
            found: 1,
            ..
        })
    ));
    assert!(b.clone().level(1.0).mean(&X).is_err() && b.resamples(5).mean(&X).is_err());
}

#[test]
fn the_same_seed_gives_the_same_interval_and_another_seed_another() {
    let one = |seed| Bootstrap::new(&Seed::new(seed)).resamples(500).mean(&Z).unwrap();
    assert_eq!(one(1), one(1));
    assert_ne!((one(1).low, one(1).high), (one(2).low, one(2).high));
}

#[test]
fn constant_samples_have_a_point_interval() {
    for method in [
        IntervalMethod::Percentile,
        IntervalMethod::Expanded,
        IntervalMethod::Bca,
    ] {
        let estimate = bootstrap(method).resamples(200).mean(&[0.5; 6]).unwrap();
        assert_eq!((estimate.low, estimate.high), (0.5, 0.5));
    }
    let flat = Bootstrap::new(&Seed::new(1)).spread_ratio(&X, &[0.5; 8], Pairing::Paired);
    assert!(!flat.unwrap().is_defined());
}

#[test]
fn estimates_show_decimals_that_their_width_warrants() {
    let show = |value, low, high| {
        Estimate {
            value,
            low,
            high,
            n: 6,
            level: 0.95,
        }
        .to_string()
    };
    assert_eq!(show(0.71234, 0.70111, 0.72456), "0.712 [0.701, 0.725]");
    assert_eq!(show(47_712.3, 46_000.0, 49_000.0), "47712 [46000, 49000]");
    assert_eq!(show(-0.00001, -0.02, 0.02), "0.000 [-0.020, 0.020]");
    assert_eq!(show(1.0, f64::NEG_INFINITY, f64::INFINITY), "1.000 [-inf, inf]");
}

#[test]
fn one_value_gives_a_point_and_a_missing_one_nothing() {
    let b = Bootstrap::new(&Seed::new(1)).resamples(500);
    let point = b.interquartile_mean_or_point(&[0.7]).unwrap();
    assert_eq!(
        (point.value, point.low, point.high, point.n, point.level),
        (0.7, 0.7, 0.7, 1, 0.95)
    );
    assert_eq!(
        b.interquartile_mean_or_point(&Z).unwrap(),
        b.interquartile_mean(&Z).unwrap()
    );
    assert!(b.interquartile_mean_or_point(&[]).is_err());
    assert_eq!(b.interquartile_mean_if_finite(&[]).unwrap(), None);
    assert_eq!(b.interquartile_mean_if_finite(&[1.0, f64::NAN]).unwrap(), None);
    assert_eq!(
        b.interquartile_mean_if_finite(&Z).unwrap(),
        Some(b.interquartile_mean(&Z).unwrap())
    );
}

#[test]
fn a_statistic_that_all_seeds_leave_undefined_gives_nothing() {
    let b = Bootstrap::new(&Seed::new(1)).resamples(500);
    let least = |picked: &[&f64]| picked.iter().fold(f64::INFINITY, |least, value| least.min(**value));
    assert_eq!(b.over_seeds_if_defined(&Z, |_| f64::NAN).unwrap(), None);
    let estimate = b.over_seeds_if_defined(&Z, least).unwrap().unwrap();
    // The least value of Z.
    assert_eq!(estimate.value, 0.4);
    assert_eq!(estimate, b.over_seeds(&Z, least).unwrap());
    assert_eq!(b.over_seeds_if_defined(&[2.5], least).unwrap().unwrap().n, 1);
    // Undefined on some resamples only: a number whose interval is not known.
    let spread = |picked: &[&f64]| {
        let alike = picked.iter().all(|value| **value == *picked[0]);
        if alike { f64::NAN } else { 1.0 }
    };
    let open = b.over_seeds_if_defined(&[1.0, 2.0], spread).unwrap().unwrap();
    assert!(open.value == 1.0 && open.low.is_nan() && open.high.is_nan());
    assert_eq!(open.to_string(), "1.000 [–, –]");
}
