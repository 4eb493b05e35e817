use super::*;
use crate::samples::{assert_close, halton, skewed};
use espalier_seed::Seed;

fn draw(distribution: impl Distribution) -> Vec<f64> {
    let mut stream = Seed::new(3).named("fits").stream();
    (0..100_000).map(|_| distribution.sample(&mut stream)).collect()
}

fn weights() -> Vec<f64> {
    (1..=200).map(|i| halton(i, 5)).collect()
}

fn lifted() -> Vec<f64> {
    skewed(200).iter().map(|x| x + 0.1).collect()
}

#[test]
fn fits_equal_scipy() {
    // tests/reference_values.py, scipy 1.17.1: "gamma mle", "gamma weighted", …
    let gamma = Gamma::fit(&lifted()).unwrap();
    assert_close(
        &[gamma.shape, gamma.scale],
        &[1.4849241468481, 0.718114414029293],
        1e-10,
    );
    let gamma = Gamma::fit_weighted(&lifted(), &weights()).unwrap();
    assert_close(
        &[gamma.shape, gamma.scale],
        &[1.50034392135193, 0.705998291762349],
        1e-10,
    );
    let normal = Normal::fit_weighted(&lifted(), &weights()).unwrap();
    assert_close(
        &[normal.mean, normal.std],
        &[1.05924024553049, 0.907376801781936],
        1e-12,
    );
    let exponential = Exponential::fit_weighted(&lifted(), &weights()).unwrap();
    assert_close(&[exponential.mean], &[1.05924024553049], 1e-12);
    let log = LogNormal::fit(&lifted()).unwrap();
    assert_close(&[log.mu, log.sigma], &[-0.308824335595252, 0.905625265892751], 1e-12);
}

#[test]
fn densities_equal_scipy() {
    // tests/reference_values.py, scipy 1.17.1: "… logpdf", "… cdf".
    let check = |ln_pdf: Vec<f64>, cdf: Vec<f64>, expected: [[f64; 3]; 2]| {
        assert_close(&ln_pdf, &expected[0], 1e-11);
        assert_close(&cdf, &expected[1], 1e-11);
    };
    let at = [0.1, 1.0, 7.0];
    let gamma = Gamma { shape: 2.5, scale: 0.7 };
    check(
        at.map(|x| gamma.ln_pdf(x)).to_vec(),
        at.map(|x| gamma.cdf(x)).to_vec(),
        [
            [-2.9897302929743, -0.821566939197517, -6.47413028704312],
            [0.00209684048921422, 0.278001188324877, 0.998750269436969],
        ],
    );
    let log = LogNormal { mu: 0.3, sigma: 0.8 };
    check(
        at.map(|x| log.ln_pdf(x)).to_vec(),
        at.map(|x| log.cdf(x)).to_vec(),
        [
            [-3.68496705004862, -0.766107481890463, -4.75812717685459],
            [0.000570502764605671, 0.353830233327276, 0.980175525667501],
        ],
    );
    let (normal, at) = (Normal { mean: 0.5, std: 1.5 }, [-3.0, 0.2, 4.0]);
    check(
        at.map(|x| normal.ln_pdf(x)).to_vec(),
        at.map(|x| normal.cdf(x)).to_vec(),
        [
            [-4.04662586353506, -1.34440364131284, -4.04662586353506],
            [0.00981532862864533, 0.420740290560897, 0.990184671371355],
        ],
    );
    // By hand: density 2e^(−2x) at ln 2 is 1/2, half the mass of a mean-½ law lies below ln 2 / 2.
    let exponential = Exponential { mean: 0.5 };
    assert!((exponential.ln_pdf(2.0f64.ln()) - 0.5f64.ln()).abs() < 1e-15);
    assert!((exponential.cdf(2.0f64.ln() / 2.0) - 0.5).abs() < 1e-15);
    assert_eq!(
        (exponential.cdf(-1.0), exponential.ln_pdf(-1.0)),
        (0.0, f64::NEG_INFINITY)
    );
}

#[test]
fn the_gamma_equation_equals_scipy() {
    let at = [1e-3, 0.5, 1.0, 10.0, 49.9, 50.1];
    // tests/reference_values.py, scipy 1.17.1: "ln k - digamma"
    let expected = [
        993.667816652828,
        1.27036284546148,
        0.577215664901533,
        0.050832503927325,
        0.0100535058041,
        0.0100132389966268,
    ];
    for (k, value) in at.into_iter().zip(expected) {
        assert!((ln_minus_digamma(k) / value - 1.0).abs() < 1e-11, "at {k}");
    }
    for k in [1e-6, 0.02, 0.7, 33.0, 50.0, 1e4, 1e9] {
        assert!((gamma_shape(ln_minus_digamma(k)) / k - 1.0).abs() < 1e-9, "at {k}");
    }
}

#[test]
fn parameters_of_1e5_samples_come_back_within_two_percent() {
    let close = |found: f64, planted: f64| assert!((found / planted - 1.0).abs() < 0.02, "{found} for {planted}");
    close(Exponential::fit(&draw(Exponential { mean: 2.3 })).unwrap().mean, 2.3);
    let normal = Normal::fit(&draw(Normal { mean: 4.0, std: 1.5 })).unwrap();
    close(normal.mean, 4.0);
    close(normal.std, 1.5);
    for (shape, scale) in [(0.4, 2.0), (1.0, 1.0), (3.0, 0.2), (200.0, 0.05)] {
        let gamma = Gamma::fit(&draw(Gamma { shape, scale })).unwrap();
        close(gamma.shape, shape);
        close(gamma.scale, scale);
    }
    let log = LogNormal::fit(&draw(LogNormal { mu: 1.0, sigma: 0.6 })).unwrap();
    close(log.mu, 1.0);
    close(log.sigma, 0.6);
}

#[test]
fn the_gamma_density_is_exact_for_huge_shapes_and_at_zero() {
    // mpmath 1.4.1 with 40 digits, from the textbook form of the density.
    let gamma = Gamma {
        shape: 2e6,
        scale: 1.5e-6,
    };
    assert_close(
        &[3.0, 3.004, 2.99].map(|x| gamma.ln_pdf(x)),
        &[5.23677800572266, 3.45924645106156, -5.89574745560999],
        1e-9,
    );
    let at_zero = |shape| Gamma { shape, scale: 0.5 }.ln_pdf(0.0);
    assert_eq!(
        [0.5, 1.0, 2.0].map(at_zero),
        [f64::INFINITY, 2.0f64.ln(), f64::NEG_INFINITY]
    );
}

#[test]
fn integer_weights_equal_repetition() {
    let (values, weights) = ([0.5, 1.0, 4.0], [1.0, 3.0, 2.0]);
    let repeated = [0.5, 1.0, 1.0, 1.0, 4.0, 4.0];
    let (a, b) = (
        Gamma::fit_weighted(&values, &weights).unwrap(),
        Gamma::fit(&repeated).unwrap(),
    );
    assert_close(&[a.shape, a.scale], &[b.shape, b.scale], 1e-12);
}

#[test]
fn what_has_no_fit_is_an_error() {
    assert!(matches!(Gamma::fit(&[]), Err(Error::TooFew { .. })));
    assert!(matches!(Gamma::fit(&[0.0, 1.0]), Err(Error::OutOfRange { .. })));
    assert!(matches!(Gamma::fit(&[2.0; 5]), Err(Error::Constant { .. })));
    assert!(matches!(Normal::fit(&[0.1; 7]), Err(Error::Constant { .. })));
    assert!(matches!(Exponential::fit(&[0.0; 5]), Err(Error::Constant { .. })));
    assert!(matches!(Exponential::fit(&[-1.0]), Err(Error::OutOfRange { .. })));
    assert!(matches!(LogNormal::fit(&[-1.0]), Err(Error::OutOfRange { .. })));
    assert!(matches!(Normal::fit(&[f64::NAN, 1.0]), Err(Error::NotFinite { .. })));
    assert!(matches!(Normal::fit_weighted(&[1.0], &[]), Err(Error::Shape { .. })));
    assert!(matches!(
        Normal::fit_weighted(&[1.0, 2.0], &[0.0, 0.0]),
        Err(Error::OutOfRange { .. })
    ));
    assert!(matches!(
        Normal::fit_weighted(&[1.0, 2.0], &[-1.0, 2.0]),
        Err(Error::OutOfRange { .. })
    ));
}
