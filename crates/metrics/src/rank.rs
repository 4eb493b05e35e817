//! How many dimensions a matrix really has: ranks, and the error of low-rank factorisations.

use faer::{Mat, MatRef};

use crate::observation::{expect_sample, in_own_unit, rows_in};
use crate::{Error, Result};

/// Gives the effective rank of a spectrum of singular values.
///
/// # Method
/// e^H, where H is the entropy of pᵢ = σᵢ / Σσ; 0 when all are zero.
///
/// # Paper
/// Roy & Vetterli, "The effective rank", EUSIPCO 2007, definition 1.
///
/// # Errors
/// [`Error::NotFinite`], [`Error::OutOfRange`] for a negative value.
///
/// # Example
/// ```
/// let equal = espalier_metrics::effective_rank(&[2.0, 2.0, 2.0, 0.0])?;
/// assert!((equal - 3.0).abs() < 1e-12);
/// # Ok::<(), espalier_metrics::Error>(())
/// ```
pub fn effective_rank(singular_values: &[f64]) -> Result<f64> {
    expect_spectrum("effective rank", singular_values)?;
    let (relative, _) = in_own_unit(singular_values);
    let total: f64 = relative.iter().sum();
    if total == 0.0 {
        return Ok(0.0);
    }
    let shares = relative.iter().map(|s| s / total);
    let entropy: f64 = shares.filter(|&p| p > 0.0).map(|p| -p * p.ln()).sum();
    Ok(entropy.exp())
}

/// Gives the stable rank, Σσ² / max σ²; 0 when all are zero.
///
/// # Errors
/// As [`effective_rank`].
pub fn stable_rank(singular_values: &[f64]) -> Result<f64> {
    expect_spectrum("stable rank", singular_values)?;
    let largest = singular_values.iter().copied().fold(0.0, f64::max);
    if largest == 0.0 {
        return Ok(0.0);
    }
    Ok(singular_values.iter().map(|s| (s / largest).powi(2)).sum())
}

/// Counts the singular values above `relative` times the largest; 0 when all are zero.
///
/// For what rounding leaves of an exact rank, `relative` is the longer side of the matrix times the precision of its values,
/// 2⁻²³ for weights in single precision.
///
/// # Errors
/// As [`effective_rank`], and [`Error::OutOfRange`] for a tolerance outside [0, 1).
///
/// # Example
/// ```
/// assert_eq!(espalier_metrics::numerical_rank(&[4.0, 1.0, 1e-9], 1e-6)?, 2);
/// # Ok::<(), espalier_metrics::Error>(())
/// ```
pub fn numerical_rank(singular_values: &[f64], relative: f64) -> Result<usize> {
    expect_spectrum("numerical rank", singular_values)?;
    if !(0.0..1.0).contains(&relative) {
        return Err(Error::OutOfRange {
            what: "numerical rank: tolerance",
            expected: "at least 0 and below 1",
            found: relative,
        });
    }
    let largest = singular_values.iter().copied().fold(0.0, f64::max);
    let above = singular_values.iter().filter(|&&s| s > relative * largest);
    Ok(above.count())
}

/// Gives the participation ratio of a spectrum of variances, (Σλ)² / Σλ²; 0 when all are zero.
///
/// # Errors
/// [`Error::NotFinite`]. Eigenvalues that rounding left a little below zero are allowed.
pub fn participation_ratio(variances: &[f64]) -> Result<f64> {
    expect_sample("participation ratio", variances, 0)?;
    let largest = variances.iter().copied().fold(0.0, f64::max);
    if largest == 0.0 {
        return Ok(0.0);
    }
    let total: f64 = variances.iter().map(|v| v / largest).sum();
    let squares: f64 = variances.iter().map(|v| (v / largest).powi(2)).sum();
    Ok(total * total / squares)
}

fn expect_spectrum(what: &'static str, values: &[f64]) -> Result<()> {
    expect_sample(what, values, 0)?;
    match values.iter().find(|&&v| v < 0.0) {
        Some(&found) => Err(Error::OutOfRange {
            what,
            expected: "singular values of at least 0",
            found,
        }),
        None => Ok(()),
    }
}

/// Gives the singular values of a matrix, falling.
///
/// # Shapes
/// `matrix` is row-major `[rows, columns]`; there are min(rows, columns) values.
///
/// # Errors
/// [`Error::Shape`], [`Error::NotFinite`], [`Error::Decomposition`].
pub fn singular_values(matrix: &[f32], columns: usize) -> Result<Vec<f64>> {
    let matrix = checked("singular values", matrix, columns)?;
    matrix.singular_values().map_err(|_| not_converged(matrix.as_ref()))
}

/// The best factorisations of a weight matrix at every rank.
///
/// # Method
/// Singular value decomposition (faer); by Eckart and Young no factorisation of rank r has a
/// smaller Frobenius error than the first r singular triples.
///
/// # Example
/// ```
/// use espalier_metrics::LowRank;
///
/// let weight = LowRank::of(&[3.0, 0.0, 0.0, 4.0], 2)?;
/// assert!((weight.error(1)? - 3.0).abs() < 1e-12); // what is left out has norm 3
/// assert!((weight.relative_error(1)? - 0.6).abs() < 1e-12);
/// # Ok::<(), espalier_metrics::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct LowRank {
    left: Mat<f64>,
    values: Vec<f64>,
    right: Mat<f64>,
}

impl LowRank {
    /// Decomposes a row-major `[rows, columns]` matrix.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::NotFinite`], [`Error::Decomposition`].
    pub fn of(matrix: &[f32], columns: usize) -> Result<Self> {
        let matrix = checked("low-rank factorisation", matrix, columns)?;
        let failed = |_| not_converged(matrix.as_ref());
        let svd = matrix.thin_svd().map_err(failed)?;
        Ok(Self {
            left: svd.U().to_owned(),
            values: svd.S().column_vector().iter().copied().collect(),
            right: svd.V().to_owned(),
        })
    }

    /// Gives the singular values, falling.
    #[must_use]
    pub fn singular_values(&self) -> &[f64] {
        &self.values
    }

    /// Gives the largest possible rank, min(rows, columns).
    #[must_use]
    pub fn largest_rank(&self) -> usize {
        self.values.len()
    }

    /// Gives the Frobenius norm of what is lost at every rank from 0 to the largest.
    #[must_use]
    pub fn errors(&self) -> Vec<f64> {
        let mut squares = vec![0.0; self.values.len() + 1];
        for r in (0..self.values.len()).rev() {
            squares[r] = squares[r + 1] + self.values[r] * self.values[r];
        }
        squares.into_iter().map(f64::sqrt).collect()
    }

    /// Gives the Frobenius norm of what is lost at one rank.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] above the largest rank.
    pub fn error(&self, rank: usize) -> Result<f64> {
        self.check(rank)?;
        Ok(self.errors()[rank])
    }

    /// Gives the error at one rank as a share of the matrix's own norm; 0 for a zero matrix.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] above the largest rank.
    pub fn relative_error(&self, rank: usize) -> Result<f64> {
        let (error, norm) = (self.error(rank)?, self.errors()[0]);
        Ok(if norm > 0.0 { error / norm } else { 0.0 })
    }

    /// Gives the two factors of the best factorisation at one rank: `[rows, rank]`, with the
    /// singular values in it, and `[rank, columns]`, both row-major.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] above the largest rank.
    pub fn factors(&self, rank: usize) -> Result<(Vec<f32>, Vec<f32>)> {
        self.check(rank)?;
        let (left, right) = (&self.left, &self.right);
        let scaled = |i: usize, r: usize| (left[(i, r)] * self.values[r]) as f32;
        let first = (0..left.nrows()).flat_map(|i| (0..rank).map(move |r| scaled(i, r)));
        let second = (0..rank).flat_map(|r| (0..right.nrows()).map(move |j| right[(j, r)] as f32));
        Ok((first.collect(), second.collect()))
    }

    /// Gives the best matrix of one rank, row-major `[rows, columns]`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] above the largest rank.
    pub fn rebuild(&self, rank: usize) -> Result<Vec<f32>> {
        self.check(rank)?;
        let left = self.left.subcols(0, rank);
        let scaled = Mat::from_fn(left.nrows(), rank, |i, r| left[(i, r)] * self.values[r]);
        let near = &scaled * self.right.subcols(0, rank).transpose();
        let entries = crate::pca::row_major(&near);
        Ok(entries.into_iter().map(|x| x as f32).collect())
    }

    fn check(&self, rank: usize) -> Result<()> {
        if rank <= self.largest_rank() {
            return Ok(());
        }
        Err(Error::OutOfRange {
            what: "low-rank factorisation: rank",
            expected: "at most the smaller side of the matrix",
            found: rank as f64,
        })
    }
}

fn checked(what: &'static str, matrix: &[f32], columns: usize) -> Result<Mat<f64>> {
    let rows = rows_in(what, matrix.len(), columns)?;
    if let Some(index) = matrix.iter().position(|x| !x.is_finite()) {
        return Err(Error::NotFinite {
            what,
            index,
            value: f64::from(matrix[index]),
        });
    }
    let view = MatRef::from_row_major_slice(matrix, rows, columns);
    Ok(Mat::from_fn(rows, columns, |i, j| f64::from(view[(i, j)])))
}

fn not_converged(matrix: MatRef<'_, f64>) -> Error {
    Error::Decomposition {
        what: "singular value decomposition",
        rows: matrix.nrows(),
        columns: matrix.ncols(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{assert_close, waves};

    #[test]
    fn ranks_equal_numpy() {
        let values = singular_values(&waves(6, 4), 4).unwrap();
        // tests/reference_values.py, numpy 2.4.6: "svd values", "effective rank", …
        assert_close(
            &values,
            &[5.01503502117836, 2.40073765218902, 1.06304884049779, 0.101799593995944],
            1e-6,
        );
        assert!((effective_rank(&values).unwrap() - 2.6687223035321).abs() < 1e-6);
        assert!((stable_rank(&values).unwrap() - 1.27450572889016).abs() < 1e-6);
        let variances: Vec<f64> = values.iter().map(|s| s * s).collect();
        assert!((participation_ratio(&variances).unwrap() - 1.54036267289532).abs() < 1e-6);
        assert_eq!(numerical_rank(&values, 0.1).unwrap(), 3);
        assert_eq!(numerical_rank(&values, 0.01).unwrap(), 4);
        // A product of 12 × 3 and 3 × 8 has rank 3, to what single precision leaves: "matrix rank"
        let (left, right) = (waves(12, 3), waves(3, 8));
        let entry = |i: usize, j: usize| (0..3).map(|k| left[3 * i + k] * right[8 * k + j]).sum::<f32>();
        let product: Vec<f32> = (0..96).map(|at| entry(at / 8, at % 8)).collect();
        let values = singular_values(&product, 8).unwrap();
        assert_eq!(numerical_rank(&values, 12.0 * f64::from(f32::EPSILON)).unwrap(), 3);
    }

    #[test]
    fn low_rank_errors_equal_numpy() {
        let weight = LowRank::of(&waves(6, 4), 4).unwrap();
        // tests/reference_values.py, numpy 2.4.6: "low-rank error", "low-rank r=2 row 3"
        assert_close(
            &weight.errors(),
            &[
                5.6616740927843,
                2.6275420585139,
                1.06791197887346,
                0.101799593995944,
                0.0,
            ],
            1e-6,
        );
        let row: Vec<f64> = weight.rebuild(2).unwrap()[12..16]
            .iter()
            .copied()
            .map(f64::from)
            .collect();
        assert_close(
            &row,
            &[0.586641212774123, 0.333207340308193, 1.29293695554583, 1.96649699207859],
            1e-6,
        );
    }

    #[test]
    fn factors_multiply_to_the_rebuilt_matrix_with_the_promised_error() {
        for (rows, columns) in [(7, 5), (5, 7)] {
            let matrix = waves(rows, columns);
            let weight = LowRank::of(&matrix, columns).unwrap();
            for rank in 0..=weight.largest_rank() {
                let (left, right) = weight.factors(rank).unwrap();
                let product = |i: usize, j: usize| -> f64 {
                    (0..rank)
                        .map(|r| f64::from(left[i * rank + r]) * f64::from(right[r * columns + j]))
                        .sum()
                };
                let squares =
                    (0..rows * columns).map(|k| (product(k / columns, k % columns) - f64::from(matrix[k])).powi(2));
                let measured = squares.sum::<f64>().sqrt();
                assert!(
                    (measured - weight.error(rank).unwrap()).abs() < 1e-5,
                    "rank {rank}: {measured}"
                );
            }
            assert!((weight.relative_error(0).unwrap() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn hand_made_spectra() {
        assert!((effective_rank(&[1.0; 7]).unwrap() - 7.0).abs() < 1e-12);
        assert_eq!(stable_rank(&[2.0, 1.0]).unwrap(), 1.25);
        assert!((participation_ratio(&[3.0, 1.0]).unwrap() - 1.6).abs() < 1e-12);
        for rank in [effective_rank(&[0.0; 3]), stable_rank(&[]), participation_ratio(&[0.0])] {
            assert_eq!(rank.unwrap(), 0.0);
        }
        assert_eq!(numerical_rank(&[0.0; 3], 1e-6).unwrap(), 0);
        for tolerance in [-0.1, 1.0, f64::NAN] {
            assert!(matches!(
                numerical_rank(&[1.0], tolerance),
                Err(Error::OutOfRange { .. })
            ));
        }
        assert!(matches!(effective_rank(&[-1.0]), Err(Error::OutOfRange { .. })));
        assert!(matches!(stable_rank(&[f64::NAN]), Err(Error::NotFinite { .. })));
    }

    #[test]
    fn unusable_matrices_are_refused() {
        assert!(matches!(LowRank::of(&[1.0; 5], 2), Err(Error::Shape { .. })));
        assert!(matches!(
            LowRank::of(&[1.0, f32::NAN], 2),
            Err(Error::NotFinite { index: 1, .. })
        ));
        assert!(LowRank::of(&[1.0; 4], 2).unwrap().error(3).is_err());
        assert_eq!(LowRank::of(&[0.0; 4], 2).unwrap().relative_error(1).unwrap(), 0.0);
    }
}
