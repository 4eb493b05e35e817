//! Histograms with equal or logarithmic bins.

use serde::{Deserialize, Serialize};

use crate::density::even_grid;
use crate::{Error, Result};

/// Counts of values in adjoining bins.
///
/// A bin holds its lower edge; the last one holds its upper edge too.
///
/// # Example
/// ```
/// use espalier_metrics::Histogram;
///
/// let histogram = Histogram::even(&[0.1, 0.2, 0.9, 7.0], 0.0, 1.0, 2)?;
/// assert_eq!((histogram.counts, histogram.above), (vec![2, 1], 1));
/// # Ok::<(), espalier_metrics::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// The edges, one more than there are bins.
    pub edges: Vec<f64>,
    /// The number of values in each bin.
    pub counts: Vec<u64>,
    /// The number of values below the first edge.
    pub below: u64,
    /// The number of values above the last edge.
    pub above: u64,
    /// The number of NaN.
    pub nan: u64,
}

impl Histogram {
    /// Counts values in bins of equal width between two bounds.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for no bins or bounds that are not finite and ascending.
    pub fn even(values: &[f64], low: f64, high: f64, bins: usize) -> Result<Self> {
        check_bins(bins)?;
        Self::with_edges(values, even_grid(low, high, bins + 1)?)
    }

    /// Counts values in bins of equal ratio between two positive bounds.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for no bins or bounds that are not finite, positive and ascending.
    pub fn logarithmic(values: &[f64], low: f64, high: f64, bins: usize) -> Result<Self> {
        check_bins(bins)?;
        if low.is_nan() || low <= 0.0 {
            return Err(Error::OutOfRange {
                what: "logarithmic histogram: lower bound",
                expected: "above 0",
                found: low,
            });
        }
        let grid = even_grid(low.log10(), high.log10(), bins + 1)?;
        let mut edges: Vec<f64> = grid.into_iter().map(|e| 10f64.powf(e)).collect();
        (edges[0], edges[bins]) = (low, high);
        Self::with_edges(values, edges)
    }

    /// Counts values between given edges.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for fewer than two edges or edges that do not ascend.
    pub fn with_edges(values: &[f64], edges: Vec<f64>) -> Result<Self> {
        check_bins(edges.len().saturating_sub(1))?;
        let ascending = |pair: &[f64]| pair[0] < pair[1];
        if let Some(pair) = edges.windows(2).find(|pair| !ascending(pair)) {
            return Err(Error::OutOfRange {
                what: "histogram: edge",
                expected: "each above the one before",
                found: pair[1],
            });
        }
        let bins = edges.len() - 1;
        let mut histogram = Self {
            counts: vec![0; bins],
            edges,
            below: 0,
            above: 0,
            nan: 0,
        };
        values.iter().for_each(|&value| histogram.count(value));
        Ok(histogram)
    }

    fn count(&mut self, value: f64) {
        let last = self.edges[self.edges.len() - 1];
        if value.is_nan() {
            self.nan += 1;
        } else if value < self.edges[0] {
            self.below += 1;
        } else if value > last {
            self.above += 1;
        } else {
            let passed = self.edges.partition_point(|&edge| edge <= value);
            self.counts[passed.min(self.edges.len() - 1) - 1] += 1;
        }
    }

    /// Gives the middle of each bin, on a linear axis.
    #[must_use]
    pub fn centres(&self) -> Vec<f64> {
        let middle = |pair: &[f64]| 0.5 * pair[0] + 0.5 * pair[1];
        self.edges.windows(2).map(middle).collect()
    }

    /// Gives the number of values in all bins.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Gives the density in each bin: the counts scaled so that the bins' areas sum to 1; all 0
    /// when the bins are empty.
    #[must_use]
    pub fn density(&self) -> Vec<f64> {
        let total = self.total().max(1) as f64;
        let bins = self.edges.windows(2).zip(&self.counts);
        // Half the width: that of a bin may be above the largest double.
        let half = |pair: &[f64]| 0.5 * pair[1] - 0.5 * pair[0];
        bins.map(|(pair, &count)| 0.5 * (count as f64 / total / half(pair)))
            .collect()
    }
}

fn check_bins(bins: usize) -> Result<()> {
    if bins > 0 {
        return Ok(());
    }
    Err(Error::OutOfRange {
        what: "histogram: number of bins",
        expected: "at least 1",
        found: 0.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::assert_close;

    #[test]
    fn even_bins_equal_numpy() {
        let values = [0.1, 0.2, 0.2, 0.35, 0.5, 0.999, 1.0, 1.2, -0.4, f64::NAN];
        let histogram = Histogram::even(&values, 0.0, 1.0, 5).unwrap();
        // tests/reference_values.py, numpy 2.4.6: "histogram"
        assert_eq!(histogram.counts, [1, 3, 1, 0, 2]);
        assert_eq!((histogram.below, histogram.above, histogram.nan), (1, 1, 1));
        // Areas: counts / 7 over widths of .2.
        assert_close(
            &histogram.density(),
            &[5.0 / 7.0, 15.0 / 7.0, 5.0 / 7.0, 0.0, 10.0 / 7.0],
            1e-12,
        );
        assert_close(&histogram.centres(), &[0.1, 0.3, 0.5, 0.7, 0.9], 1e-12);
    }

    #[test]
    fn logarithmic_bins_equal_numpy() {
        let values = [0.001, 0.0099, 0.01, 0.5, 1.0, 3.0, 10.0, 100.0];
        let histogram = Histogram::logarithmic(&values, 1e-3, 10.0, 4).unwrap();
        // tests/reference_values.py, numpy 2.4.6: "log histogram"
        assert_eq!(histogram.counts, [2, 1, 1, 3]);
        assert_close(&histogram.edges, &[0.001, 0.01, 0.1, 1.0, 10.0], 1e-12);
        assert_eq!((histogram.total(), histogram.above), (7, 1));
    }

    #[test]
    fn unusable_bins_are_refused() {
        assert!(Histogram::even(&[], 0.0, 1.0, 0).is_err());
        assert!(Histogram::even(&[], 1.0, 1.0, 3).is_err());
        assert!(Histogram::logarithmic(&[], 0.0, 1.0, 3).is_err());
        assert!(Histogram::with_edges(&[], vec![0.0, f64::NAN]).is_err());
        let empty = Histogram::even(&[], 0.0, 1.0, 2).unwrap();
        assert_eq!(empty.density(), [0.0, 0.0]);
    }
}
