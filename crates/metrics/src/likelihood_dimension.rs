//! The intrinsic dimension of greatest likelihood.

use crate::neighbours::Neighbours;
use crate::{Error, Result};

const WHAT: &str = "maximum-likelihood dimension";

/// Estimates the dimension of the manifold that rows lie on, from the distances to the `neighbours` nearest of each.
///
/// # Shapes
/// `matrix` is row-major `[rows, units]`: one row per sample. All pairs of rows are compared.
///
/// # Method
/// With the distances T₁ ≤ … ≤ T_k of row x to its k nearest others, the dimension there is
/// m(x) = [1/(k − 1) · Σ_{j<k} ln(T_k / T_j)]⁻¹ (Levina & Bickel, eq. 8). The whole sample's is the likelihood's own mean of
/// these, [1/n · Σ m(x)⁻¹]⁻¹ (MacKay & Ghahramani), which few neighbours bias less than the arithmetic mean of the paper.
/// Nothing depends on the unit of the values. Rows that repeat others count once.
///
/// # Paper
/// Levina & Bickel (2004), Maximum likelihood estimation of intrinsic dimension, NIPS 17; MacKay & Ghahramani (2005),
/// Comments on that paper, inference.org.uk/mackay/dimension.
///
/// # Errors
/// [`Error::Shape`], [`Error::NotFinite`], [`Error::OutOfRange`] for fewer than 2 neighbours, [`Error::TooFew`] where there
/// are not more distinct rows than neighbours, [`Error::Constant`] where every row is equally far from all its neighbours.
///
/// # Example
/// ```
/// use espalier_metrics::likelihood_dimension;
/// use espalier_seed::Seed;
///
/// // A plane in three dimensions.
/// let mut stream = Seed::new(1).stream();
/// let point = |a: f32, b: f32| [a, b, a - 2.0 * b];
/// let rows: Vec<f32> = (0..800).flat_map(|_| point(stream.uniform() as f32, stream.uniform() as f32)).collect();
/// let dimension = likelihood_dimension(&rows, 3, 10)?;
/// assert!((dimension - 2.0).abs() < 0.15, "{dimension}");
/// # Ok::<(), espalier_metrics::Error>(())
/// ```
pub fn likelihood_dimension(matrix: &[f32], units: usize, neighbours: usize) -> Result<f64> {
    if neighbours < 2 {
        return Err(Error::OutOfRange {
            what: "maximum-likelihood dimension: neighbours",
            expected: "at least 2",
            found: neighbours as f64,
        });
    }
    let found = Neighbours::of(WHAT, matrix, units, neighbours)?;
    let inverse = |distances: &Vec<f64>| {
        let farthest = distances[neighbours - 1];
        let logs = distances[..neighbours - 1].iter().map(|t| (farthest / t).ln());
        logs.sum::<f64>() / (neighbours - 1) as f64
    };
    let total: f64 = found.distances.iter().map(inverse).sum();
    if total <= 0.0 {
        return Err(Error::Constant { what: WHAT, value: 1.0 });
    }
    Ok(found.distances.len() as f64 / total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::cloud;

    #[test]
    fn the_dimension_equals_scikit_dimension() {
        // tests/reference_values.py, scikit-dimension 0.5.0, MLE().fit(n_neighbors=10, comb="mle"): "likelihood dimension"
        let found = likelihood_dimension(&cloud(200, 2, 5), 5, 10).unwrap();
        assert!((found - 2.24829421082873).abs() < 1e-9, "{found}");
    }

    #[test]
    fn three_points_by_hand() {
        // Distances 1 and 3, 1 and 2, 2 and 3: Σ ln = ln 3 + ln 2 + ln 1.5 = 2 ln 3, three rows.
        let found = likelihood_dimension(&[0.0, 1.0, 3.0], 1, 2).unwrap();
        assert!((found - 3.0 / (2.0 * 3.0f64.ln())).abs() < 1e-12);
    }

    #[test]
    fn what_has_no_dimension_is_refused() {
        let square = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
        assert!(matches!(
            likelihood_dimension(&square, 2, 2),
            Err(Error::Constant { .. })
        ));
        assert!(matches!(
            likelihood_dimension(&square, 2, 4),
            Err(Error::TooFew {
                needed: 5,
                found: 4,
                ..
            })
        ));
        assert!(matches!(
            likelihood_dimension(&square, 2, 1),
            Err(Error::OutOfRange { .. })
        ));
        assert!(matches!(
            likelihood_dimension(&[1.0; 9], 3, 2),
            Err(Error::TooFew { found: 1, .. })
        ));
        assert!(matches!(
            likelihood_dimension(&[f32::INFINITY; 9], 3, 2),
            Err(Error::NotFinite { .. })
        ));
    }
}
