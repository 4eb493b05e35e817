//! The intrinsic dimension from each row's two nearest neighbours.

use serde::{Deserialize, Serialize};

use crate::neighbours::Neighbours;
use crate::{Error, Result};

/// The share of the largest ratios that the authors leave out.
pub const TWO_NN_DISCARDED: f64 = 0.1;

const WHAT: &str = "TwoNN dimension";

/// An intrinsic dimension by the two-nearest-neighbours method.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TwoNn {
    /// The dimension.
    pub dimension: f64,
    /// The rows whose ratios the line was fitted to.
    pub rows: usize,
    /// The rows that repeat an earlier one, which have no ratio and were left out.
    pub repeated: usize,
}

/// Estimates the dimension of the manifold that rows lie on, from the distances to the two nearest of each.
///
/// # Shapes
/// `matrix` is row-major `[rows, units]`: one row per sample. All pairs of rows are compared.
///
/// # Method
/// With the distances r₁ ≤ r₂ of a row to its two nearest others, μ = r₂/r₁ follows 1 − F(μ) = μ^(−d) whatever the density,
/// as long as it is even over the neighbourhood. With the μ of N rows in rising order and F = i/N, d is the slope of the
/// least-squares line through the origin of −ln(1 − F) over ln μ; the largest share `discarded` of μ is left out
/// ([`TWO_NN_DISCARDED`] in the paper). Nothing depends on the unit of the values. Rows that repeat others count once.
///
/// # Paper
/// Facco, d'Errico, Rodriguez & Laio (2017), Scientific Reports 7, 12140: eq. 5 and the algorithm's steps 1–5.
///
/// # Errors
/// [`Error::Shape`], [`Error::NotFinite`], [`Error::OutOfRange`] for a share outside (0, 1), [`Error::TooFew`] where fewer
/// than 3 distinct rows or 2 ratios are left, [`Error::Constant`] where all rows are equally far from their neighbours.
///
/// # Example
/// ```
/// use espalier_metrics::{TWO_NN_DISCARDED, two_nn};
/// use espalier_seed::Seed;
///
/// // A plane in three dimensions.
/// let mut stream = Seed::new(1).stream();
/// let point = |a: f32, b: f32| [a, b, a - 2.0 * b];
/// let rows: Vec<f32> = (0..800).flat_map(|_| point(stream.uniform() as f32, stream.uniform() as f32)).collect();
/// let found = two_nn(&rows, 3, TWO_NN_DISCARDED)?;
/// assert!((found.dimension - 2.0).abs() < 0.25, "{found:?}");
/// # Ok::<(), espalier_metrics::Error>(())
/// ```
pub fn two_nn(matrix: &[f32], units: usize, discarded: f64) -> Result<TwoNn> {
    if !(discarded > 0.0 && discarded < 1.0) {
        return Err(Error::OutOfRange {
            what: "TwoNN dimension: discarded share",
            expected: "above 0 and below 1",
            found: discarded,
        });
    }
    let neighbours = Neighbours::of(WHAT, matrix, units, 2)?;
    let mut logs: Vec<f64> = neighbours.distances.iter().map(|r| (r[1] / r[0]).ln()).collect();
    logs.sort_by(f64::total_cmp);
    let all = logs.len();
    logs.truncate((all as f64 * (1.0 - discarded)) as usize);
    if logs.len() < 2 {
        return Err(Error::TooFew {
            what: WHAT,
            needed: 2,
            found: logs.len(),
        });
    }
    let (mut product, mut square) = (0.0, 0.0);
    for (index, log) in logs.iter().enumerate() {
        product += log * -(-(index as f64 + 1.0) / all as f64).ln_1p();
        square += log * log;
    }
    if square <= 0.0 {
        return Err(Error::Constant { what: WHAT, value: 1.0 });
    }
    Ok(TwoNn {
        dimension: product / square,
        rows: logs.len(),
        repeated: neighbours.repeated,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::cloud;

    #[test]
    fn the_dimension_equals_scikit_dimension() {
        // tests/reference_values.py, scikit-dimension 0.5.0, TwoNN(discard_fraction=0.1): "two nn"
        let found = two_nn(&cloud(200, 2, 5), 5, 0.1).unwrap();
        assert!((found.dimension - 3.17743221046862).abs() < 1e-9, "{found:?}");
        assert_eq!((found.rows, found.repeated), (180, 0));
    }

    #[test]
    fn repeated_rows_change_nothing_but_their_count() {
        let mut rows = cloud(200, 2, 5);
        let once = two_nn(&rows, 5, 0.1).unwrap();
        rows.extend_from_within(..35);
        let twice = two_nn(&rows, 5, 0.1).unwrap();
        assert_eq!((twice.dimension, twice.repeated), (once.dimension, 7));
    }

    #[test]
    fn what_has_no_dimension_is_refused() {
        assert!(matches!(
            two_nn(&[1.0; 12], 3, 0.1),
            Err(Error::TooFew { found: 1, .. })
        ));
        assert!(matches!(
            two_nn(&[0.0, 1.0], 1, 0.1),
            Err(Error::TooFew {
                needed: 3,
                found: 2,
                ..
            })
        ));
        assert!(matches!(
            two_nn(&[0.0, 1.0, 3.0, 9.0], 1, 0.9),
            Err(Error::TooFew { needed: 2, .. })
        ));
        let square = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
        assert!(matches!(two_nn(&square, 2, 0.1), Err(Error::Constant { .. })));
        assert!(matches!(
            two_nn(&[f32::NAN; 8], 2, 0.1),
            Err(Error::NotFinite { index: 0, .. })
        ));
        assert!(matches!(two_nn(&[0.0; 7], 2, 0.1), Err(Error::Shape { .. })));
        for share in [0.0, 1.0, f64::NAN] {
            assert!(matches!(two_nn(&square, 2, share), Err(Error::OutOfRange { .. })));
        }
    }
}
