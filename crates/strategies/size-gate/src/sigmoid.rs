//! The sigmoid gate, its size and their derivatives, for every finite argument.

/// σ(x) = 1 / (1 + e^−x), without overflow.
#[must_use]
pub fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let e = x.exp();
        e / (1.0 + e)
    }
}

/// ln(1 + e^x), without overflow on either side.
///
/// # Method
/// ln(1 + e^x) for x < 0 and x + ln(1 + e^−x) otherwise.
#[must_use]
pub fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// The gate of the unit at a rank: σ(−k(rank − x₀)).
///
/// # Example
/// ```
/// use espalier_size_gate::sigmoid::gate;
///
/// assert_eq!(gate(250.0, 250.0, 0.4), 0.5);
/// ```
#[must_use]
pub fn gate(rank: f64, x0: f64, k: f64) -> f64 {
    sigmoid(k * (x0 - rank))
}

/// The derivatives of [`gate`] by x₀ and by k.
#[must_use]
pub fn gate_slopes(rank: f64, x0: f64, k: f64) -> (f64, f64) {
    // σ(z)·σ(−z) keeps its digits where 1 − σ(z) loses them.
    let both = sigmoid(k * (x0 - rank)) * sigmoid(k * (rank - x0));
    (k * both, (x0 - rank) * both)
}

/// The size of `n` gates: their integral over ranks from 0 to n.
///
/// # Method
/// ∫₀ⁿ σ(k(x₀ − t)) dt = [softplus(k·x₀) − softplus(k(x₀ − n))] / k. For k ≤ 3 it differs from the sum over the ranks by at
/// most 0.51, for any k by at most 1.
///
/// # Example
/// ```
/// use espalier_size_gate::sigmoid::size;
///
/// assert!((size(250.0, 500.0, 0.4) - 250.0).abs() < 1e-9);
/// ```
#[must_use]
pub fn size(x0: f64, n: f64, k: f64) -> f64 {
    (softplus(k * x0) - softplus(k * (x0 - n))) / k
}

/// The derivatives of [`size`] by x₀ and by k.
///
/// # Method
/// ∂/∂x₀ = σ(k·x₀) − σ(k(x₀ − n)); ∂/∂k = [H(k(x₀ − n)) − H(k·x₀)] / k² with H(z) = softplus(z) − z·σ(z).
#[must_use]
pub fn size_slopes(x0: f64, n: f64, k: f64) -> (f64, f64) {
    let (first, last) = (k * x0, k * (x0 - n));
    // The complements are exact where both sigmoids are close to 1.
    let by_x0 = if last > 0.0 {
        sigmoid(-last) - sigmoid(-first)
    } else {
        sigmoid(first) - sigmoid(last)
    };
    // H(z) = softplus(z) − z·σ(z) is even and vanishes for large |z|, where its two terms would cancel.
    let rest = |z: f64| softplus(-z.abs()) + z.abs() * sigmoid(-z.abs());
    (by_x0, (rest(last) - rest(first)) / (k * k))
}

/// The size as the source first wrote it: single-precision Σ e/(1 + e) with e = exp(k(x₀ − i)), and its derivative by x₀.
///
/// From k(x₀ − i) ≈ 89 on e is infinite and both are NaN. Kept to show that.
#[must_use]
pub fn naive_size(x0: f64, n: usize, k: f64) -> (f32, f32) {
    let (mut sum, mut slope) = (0.0_f32, 0.0_f32);
    for i in 0..n {
        let e = ((k * (x0 - i as f64)) as f32).exp();
        sum += e / (1.0 + e);
        slope += k as f32 * e / ((1.0 + e) * (1.0 + e));
    }
    (sum, slope)
}

/// The slope k at which a gate falls from 0.99 to 0.01 over a gray zone of the given width in units: 2·ln 99 / width ≈ 9.19 / width.
#[must_use]
pub fn slope_of_gray_zone(width: f64) -> f64 {
    2.0 * 99.0_f64.ln() / width
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Integral {
        x0: f64,
        k: f64,
        value: f64,
        #[serde(rename = "by x0")]
        by_x0: f64,
    }

    #[derive(Deserialize)]
    struct Vectors {
        integrals: Vec<Integral>,
    }

    /// The author's own code, run apart: `tests/vectors/authors_code.json` says where it comes from.
    #[test]
    fn integral_as_published() {
        let vectors: Vectors = serde_json::from_str(include_str!("../tests/vectors/authors_code.json")).unwrap();
        for integral in &vectors.integrals {
            let (x0, k) = (integral.x0, integral.k);
            let (value, by_x0) = (size(x0, 100.0, k), size_slopes(x0, 100.0, k).0);
            let same = (value - integral.value).abs() < 1e-9 && (by_x0 - integral.by_x0).abs() < 1e-9;
            assert!(same, "x0 {x0}, k {k}: {value} {by_x0}");
        }
        assert_eq!(vectors.integrals.len(), 28);
    }

    const POSITIONS: [f64; 17] = [
        -1e4, -5e3, -777.7, -100.0, -10.3, -1.0, -0.2, 0.0, 0.7, 3.3, 42.0, 250.0, 499.6, 1000.1, 5000.0, 9999.9, 1e4,
    ];
    const SIZES: [f64; 5] = [1.0, 10.0, 500.0, 3000.0, 1e4];
    const SLOPES: [f64; 6] = [0.01, 0.1, 0.4, 1.0, 3.0, 10.0];

    fn everywhere(mut check: impl FnMut(f64, f64, f64)) {
        for x0 in POSITIONS {
            for n in SIZES {
                for k in SLOPES {
                    check(x0, n, k);
                }
            }
        }
    }

    /// The central difference of `f` at `x`.
    fn difference(f: impl Fn(f64) -> f64, x: f64, h: f64) -> f64 {
        (f(x + h) - f(x - h)) / (2.0 * h)
    }

    fn agree(found: f64, expected: f64) -> bool {
        (found - expected).abs() <= 1e-3 * expected.abs().max(1.0)
    }

    #[test]
    fn size_and_its_gradients_are_finite_and_agree_with_finite_differences() {
        everywhere(|x0, n, k| {
            let (by_x0, by_k) = size_slopes(x0, n, k);
            assert!(
                size(x0, n, k).is_finite() && by_x0.is_finite() && by_k.is_finite(),
                "x0 {x0}, n {n}, k {k}"
            );
            assert!(
                (-1e-9..=n + 1e-9).contains(&size(x0, n, k)) && (0.0..=1.0).contains(&by_x0),
                "x0 {x0}, n {n}, k {k}"
            );
            let numeric = difference(|x| size(x, n, k), x0, 1e-3);
            assert!(
                agree(by_x0, numeric),
                "x0 {x0}, n {n}, k {k}: {by_x0} against {numeric}"
            );
            let numeric = difference(|k| size(x0, n, k), k, 1e-4 * k);
            assert!(
                agree(by_k, numeric),
                "by k at x0 {x0}, n {n}, k {k}: {by_k} against {numeric}"
            );
        });
    }

    #[test]
    fn gate_slopes_agree_with_finite_differences() {
        everywhere(|x0, n, k| {
            for rank in [0.0, (n / 2.0).floor(), n - 1.0, x0.round().clamp(0.0, n)] {
                let (by_x0, by_k) = gate_slopes(rank, x0, k);
                let numeric = difference(|x| gate(rank, x, k), x0, 1e-4);
                assert!(
                    agree(by_x0, numeric),
                    "rank {rank}, x0 {x0}, k {k}: {by_x0} against {numeric}"
                );
                let numeric = difference(|k| gate(rank, x0, k), k, 1e-4 * k);
                assert!(
                    agree(by_k, numeric),
                    "by k at rank {rank}, x0 {x0}, k {k}: {by_k} against {numeric}"
                );
            }
        });
    }

    #[test]
    fn size_is_within_half_a_unit_of_the_sum_over_ranks() {
        everywhere(|x0, n, k| {
            let sum: f64 = (0..n as usize).map(|i| gate(i as f64, x0, k)).sum();
            // By Poisson summation the sum swings around x₀ + ½ by (1/π)·a/sinh a with a = 2π²/k: 0.006 for k = 3. For
            // k → ∞ the gates are a step, whose sum is x₀ rounded up.
            let bound = if k <= 3.0 { 0.51 } else { 1.0 };
            let error = (size(x0, n, k) - sum).abs();
            assert!(error <= bound, "x0 {x0}, n {n}, k {k}: {error}");
        });
        // The source's example: the sum is 250.5 by symmetry of σ around rank 250, the integral 250 (e^−100 at the ends).
        let sum: f64 = (0..500).map(|i| gate(f64::from(i), 250.0, 0.4)).sum();
        assert!(
            (sum - 250.5).abs() < 1e-9 && (size(250.0, 500.0, 0.4) - 250.0).abs() < 1e-9,
            "{sum}"
        );
    }

    #[test]
    fn size_tends_to_none_and_to_all_units() {
        for n in SIZES {
            assert!(size(-1e4, n, 0.4).abs() < 1e-9);
            assert!((size(3e4, n, 0.4) - n).abs() < 1e-6, "{}", size(3e4, n, 0.4));
        }
    }

    #[test]
    fn the_naive_sum_overflows_where_the_integral_does_not() {
        let (sum, slope) = naive_size(500.0, 500, 1.0);
        assert!(sum.is_nan() && slope.is_nan());
        assert!(size(500.0, 500.0, 1.0).is_finite());
        // Where it works it is the sum: 10 units, x₀ = 5, k = 1.
        let expected: f64 = (0..10).map(|i| gate(f64::from(i), 5.0, 1.0)).sum();
        assert!((f64::from(naive_size(5.0, 10, 1.0).0) - expected).abs() < 1e-5);
    }

    #[test]
    fn softplus_keeps_its_digits_on_both_sides() {
        // ln 2 at 0; e^−50 = 1.928749847963918e-22 below; x above.
        assert!((softplus(0.0) - std::f64::consts::LN_2).abs() < 1e-16);
        assert!((softplus(-50.0) / 1.928_749_847_963_918e-22 - 1.0).abs() < 1e-12);
        assert_eq!(softplus(1e5), 1e5);
    }

    #[test]
    fn a_gray_zone_spans_gates_from_99_to_1_percent() {
        let k = slope_of_gray_zone(10.0);
        assert!((k - 0.919_023_97).abs() < 1e-8, "{k}");
        assert!((gate(0.0, 5.0, k) - 0.99).abs() < 1e-12 && (gate(10.0, 5.0, k) - 0.01).abs() < 1e-12);
    }
}
