//! Correlation of values and of ranks.

use crate::Result;
use crate::observation::{expect_len, expect_sample, expect_spread, in_own_unit, mean_of};

/// Gives each value's rank, from 1; equal values share the average of their ranks.
///
/// # Errors
/// [`crate::Error::NotFinite`].
pub fn average_ranks(values: &[f64]) -> Result<Vec<f64>> {
    expect_sample("ranks", values, 0)?;
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let shared = before as f64 + (tied.len() + 1) as f64 / 2.0;
        tied.iter().for_each(|&index| ranks[index] = shared);
        before += tied.len();
    }
    Ok(ranks)
}

/// Gives Pearson's correlation, Σ(x − x̄)(y − ȳ) / √(Σ(x − x̄)² · Σ(y − ȳ)²), which depends on neither unit.
///
/// # Errors
/// [`crate::Error::Shape`] when the lengths differ, [`crate::Error::TooFew`] below 2 pairs,
/// [`crate::Error::NotFinite`], [`crate::Error::Constant`] when one side has no spread.
///
/// # Example
/// ```
/// let r = espalier_metrics::pearson(&[1.0, 2.0, 3.0], &[30.0, 20.0, 10.0])?;
/// assert!((r + 1.0).abs() < 1e-12);
/// # Ok::<(), espalier_metrics::Error>(())
/// ```
pub fn pearson(x: &[f64], y: &[f64]) -> Result<f64> {
    correlation("Pearson's correlation", x, y)
}

/// Gives Spearman's rank correlation, ties averaged.
///
/// # Method
/// Pearson's correlation of the average ranks.
///
/// # Errors
/// As [`pearson`].
///
/// # Example
/// ```
/// let rho = espalier_metrics::spearman(&[1.0, 2.0, 3.0], &[1.0, 10.0, 100.0])?;
/// assert!((rho - 1.0).abs() < 1e-12);
/// # Ok::<(), espalier_metrics::Error>(())
/// ```
pub fn spearman(x: &[f64], y: &[f64]) -> Result<f64> {
    const WHAT: &str = "Spearman's correlation";
    check(WHAT, x, y)?;
    correlation(WHAT, &average_ranks(x)?, &average_ranks(y)?)
}

fn check(what: &'static str, x: &[f64], y: &[f64]) -> Result<()> {
    expect_len(what, x.len(), y.len())?;
    for side in [x, y] {
        expect_sample(what, side, 2)?;
        expect_spread(what, side)?;
    }
    Ok(())
}

fn correlation(what: &'static str, x: &[f64], y: &[f64]) -> Result<f64> {
    check(what, x, y)?;
    let (x, y) = (deviations(x), deviations(y));
    let (mut x_scatter, mut y_scatter, mut product) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(&y) {
        x_scatter += x * x;
        y_scatter += y * y;
        product += x * y;
    }
    Ok((product / (x_scatter * y_scatter).sqrt()).clamp(-1.0, 1.0))
}

/// Deviations from the mean, in a unit of their own.
fn deviations(values: &[f64]) -> Vec<f64> {
    let (relative, _) = in_own_unit(values);
    let mean = mean_of(&relative);
    let deviations: Vec<f64> = relative.iter().map(|v| v - mean).collect();
    in_own_unit(&deviations).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn spearman_with_ties_equals_scipy() {
        let a = [1.0, 2.0, 2.0, 4.0, 5.0, 5.0, 5.0, 8.0, 9.0];
        let b = [2.0, 1.0, 4.0, 4.0, 3.0, 7.0, 8.0, 8.0, 6.0];
        // tests/reference_values.py, scipy 1.17.1: "spearman"
        assert!((spearman(&a, &b).unwrap() - 0.716797615041037).abs() < 1e-12);
    }

    #[test]
    fn pearson_equals_scipy() {
        let a = [1.0, 2.0, 2.0, 4.0, 5.0, 5.0, 5.0, 8.0, 9.0];
        let b = [2.0, 1.0, 4.0, 4.0, 3.0, 7.0, 8.0, 8.0, 6.0];
        // tests/reference_values.py, scipy 1.17.1: "pearson"
        assert!((pearson(&a, &b).unwrap() - 0.718320133547656).abs() < 1e-12);
    }

    #[test]
    fn ties_share_their_average_rank() {
        assert_eq!(average_ranks(&[3.0, 1.0, 3.0, -2.0]).unwrap(), [3.5, 2.0, 3.5, 1.0]);
        assert_eq!(average_ranks(&[0.0, -0.0]).unwrap(), [1.5, 1.5]);
    }

    #[test]
    fn unusable_pairs_are_refused() {
        assert!(matches!(spearman(&[1.0, 2.0], &[1.0]), Err(Error::Shape { .. })));
        assert!(matches!(spearman(&[1.0], &[1.0]), Err(Error::TooFew { .. })));
        assert!(matches!(
            spearman(&[1.0, 1.0], &[1.0, 2.0]),
            Err(Error::Constant { .. })
        ));
        assert!(matches!(
            spearman(&[1.0, 2.0], &[1.0, f64::NAN]),
            Err(Error::NotFinite { .. })
        ));
    }
}
