//! Rank correlation.

use crate::Result;
use crate::observation::{expect_len, expect_sample, expect_spread, mean_of};

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

/// Gives Spearman's rank correlation, ties averaged.
///
/// # Method
/// Pearson's correlation of the average ranks.
///
/// # Errors
/// [`crate::Error::Shape`] when the lengths differ, [`crate::Error::TooFew`] below 2 pairs,
/// [`crate::Error::NotFinite`], [`crate::Error::Constant`] when one side has no spread.
///
/// # Example
/// ```
/// let rho = espalier_metrics::spearman(&[1.0, 2.0, 3.0], &[1.0, 10.0, 100.0])?;
/// assert!((rho - 1.0).abs() < 1e-12);
/// # Ok::<(), espalier_metrics::Error>(())
/// ```
pub fn spearman(x: &[f64], y: &[f64]) -> Result<f64> {
    const WHAT: &str = "Spearman's correlation";
    expect_len(WHAT, x.len(), y.len())?;
    for side in [x, y] {
        expect_sample(WHAT, side, 2)?;
        expect_spread(WHAT, side)?;
    }
    let (x, y) = (average_ranks(x)?, average_ranks(y)?);
    let (x_mean, y_mean) = (mean_of(&x), mean_of(&y));
    let (mut x_scatter, mut y_scatter, mut product) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(&y) {
        x_scatter += (x - x_mean).powi(2);
        y_scatter += (y - y_mean).powi(2);
        product += (x - x_mean) * (y - y_mean);
    }
    Ok(product / (x_scatter * y_scatter).sqrt())
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
