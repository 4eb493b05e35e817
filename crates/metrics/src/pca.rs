//! Principal components of a layer: how many directions its units really use.

use faer::{Mat, MatRef, Side};

use crate::observation::{expect_len, rows_in};
use crate::{Covariance, Error, Result};

/// Rows rebuilt together, so that the f64 copies stay small.
const BLOCK_ROWS: usize = 1024;

/// The principal components of a layer's units.
///
/// # Method
/// Eigen-decomposition of the covariance (faer), sorted by falling eigenvalue; each component's
/// sign makes its largest entry positive. Eigenvalues that rounding leaves below zero are kept as
/// they are, so that their sum stays the total variance.
///
/// # Differences from the study
/// The journal projects on the columns of the component matrix where the components are its rows;
/// [`Pca::residual_of_wrong_basis`] shows what that gives.
///
/// # Example
/// ```
/// use espalier_metrics::{CovarianceAccumulator, Pca};
///
/// let mut accumulator = CovarianceAccumulator::new(2)?;
/// accumulator.observe(&[1.0, 2.0, 3.0, 6.0], 2)?; // two points: one direction
/// let pca = Pca::of(&accumulator.finish()?)?;
/// assert!((pca.eigenvalues()[0] - 5.0).abs() < 1e-12);
/// assert!(pca.residual()[1].abs() < 1e-12);
/// # Ok::<(), espalier_metrics::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pca {
    mean: Vec<f64>,
    eigenvalues: Vec<f64>,
    /// One component per column.
    components: Mat<f64>,
}

impl Pca {
    /// Decomposes a covariance.
    ///
    /// # Errors
    /// [`Error::Decomposition`] when the iteration does not converge.
    pub fn of(covariance: &Covariance) -> Result<Self> {
        let units = covariance.units();
        let failed = |_| Error::Decomposition {
            what: "eigen-decomposition",
            rows: units,
            columns: units,
        };
        let eigen = covariance.matrix.self_adjoint_eigen(Side::Lower).map_err(failed)?;
        let values = eigen.S().column_vector();
        let eigenvalues = (0..units).rev().map(|i| values[i]).collect();
        let vectors = eigen.U();
        let signs: Vec<f64> = (0..units).map(|j| sign_of_largest(vectors, j)).collect();
        let components = Mat::from_fn(units, units, |i, j| {
            let column = units - 1 - j;
            signs[column] * vectors[(i, column)]
        });
        Ok(Self {
            mean: covariance.mean.clone(),
            eigenvalues,
            components,
        })
    }

    /// Gives the number of units, which is also the number of components.
    #[must_use]
    pub fn units(&self) -> usize {
        self.mean.len()
    }

    /// Gives each unit's mean.
    #[must_use]
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Gives the variance along each component, falling.
    #[must_use]
    pub fn eigenvalues(&self) -> &[f64] {
        &self.eigenvalues
    }

    /// Gives the unit vector of a component.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when there is no such component.
    pub fn component(&self, index: usize) -> Result<Vec<f64>> {
        if index >= self.units() {
            return Err(out_of_range(index));
        }
        Ok(self.components.col(index).iter().copied().collect())
    }

    /// Gives the sum of the eigenvalues, the total variance.
    #[must_use]
    pub fn total_variance(&self) -> f64 {
        self.eigenvalues.iter().sum()
    }

    /// Gives each component's share of the total variance; all 0 for a layer without variance.
    #[must_use]
    pub fn explained_share(&self) -> Vec<f64> {
        let total = self.total_variance();
        let share = |v: &f64| if total > 0.0 { v / total } else { 0.0 };
        self.eigenvalues.iter().map(share).collect()
    }

    /// Gives the mean squared distance between the layer and its rebuilding from the first k
    /// components, Σ_{i>k} λᵢ, for k = 0 … units.
    #[must_use]
    pub fn residual(&self) -> Vec<f64> {
        let mut residual = vec![0.0; self.units() + 1];
        for k in (0..self.units()).rev() {
            residual[k] = residual[k + 1] + self.eigenvalues[k];
        }
        residual
    }

    /// Gives the fewest components that hold the given share of the variance.
    #[must_use]
    pub fn components_for(&self, share: f64) -> usize {
        let allowed = (1.0 - share) * self.total_variance();
        let residual = self.residual();
        let enough = residual.iter().position(|&r| r <= allowed);
        enough.unwrap_or(self.units())
    }

    /// Gives the residual that the journal measured: for k = 0 … units, the mean squared distance
    /// when the first k *columns* of the matrix whose *rows* are the components are taken for a basis.
    ///
    /// # Method
    /// Column j of that matrix is row j of the eigenvector matrix E, so it holds the variance
    /// Σᵢ λᵢ (E·E)²ⱼᵢ. The basis is orthonormal but arbitrary (it even depends on the components'
    /// signs), which is why the journal's curve fell in a straight line.
    #[must_use]
    pub fn residual_of_wrong_basis(&self) -> Vec<f64> {
        let square = &self.components * &self.components;
        let held = |j: usize| -> f64 {
            let terms = self.eigenvalues.iter().enumerate();
            terms.map(|(i, v)| v * square[(j, i)].powi(2)).sum()
        };
        let mut residual = vec![0.0; self.units() + 1];
        for j in (0..self.units()).rev() {
            residual[j] = residual[j + 1] + held(j);
        }
        residual
    }

    /// Rebuilds rows of the layer from its first k components.
    ///
    /// # Shapes
    /// `rows` and the result are row-major `[rows, units]`.
    ///
    /// # Errors
    /// [`Error::Shape`] when the length is not whole rows, [`Error::OutOfRange`] when `kept` is
    /// more than the number of units.
    pub fn rebuild(&self, rows: &[f32], kept: usize) -> Result<Vec<f32>> {
        let units = self.units();
        rows_in("PCA: rows to rebuild", rows.len(), units)?;
        let basis = self.basis(kept)?;
        let mut rebuilt = Vec::with_capacity(rows.len());
        for block in rows.chunks(BLOCK_ROWS * units) {
            let block = MatRef::from_row_major_slice(block, block.len() / units, units);
            let centred = Mat::from_fn(block.nrows(), units, |r, u| f64::from(block[(r, u)]) - self.mean[u]);
            let scores = &centred * basis;
            let near = &scores * basis.transpose();
            for row in 0..near.nrows() {
                rebuilt.extend((0..units).map(|u| (near[(row, u)] + self.mean[u]) as f32));
            }
        }
        Ok(rebuilt)
    }

    /// Gives the matrix that projects centred rows on the first k components.
    ///
    /// # Shapes
    /// Row-major `[units, units]`, symmetric.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when `kept` is more than the number of units.
    pub fn projector(&self, kept: usize) -> Result<Vec<f64>> {
        let basis = self.basis(kept)?;
        let projector = basis * basis.transpose();
        Ok(row_major(&projector))
    }

    /// Gives the weight and bias of a linear layer whose pre-activations are the original ones,
    /// rebuilt from their first k components: W' = P W, b' = mean + P (b − mean).
    ///
    /// # Shapes
    /// `weight` is row-major `[units, fan_in]`, `bias` `[units]`; so is the result.
    ///
    /// # Errors
    /// [`Error::Shape`] when weight or bias do not fit, [`Error::OutOfRange`] when `kept` is more
    /// than the number of units.
    pub fn rebuild_layer(&self, weight: &[f32], bias: &[f32], kept: usize) -> Result<(Vec<f32>, Vec<f32>)> {
        project_layer(self.basis(kept)?, &self.mean, weight, bias)
    }

    /// Gives the layer as the journal rebuilt it for its accuracy curves: projected on the basis of
    /// [`Pca::residual_of_wrong_basis`], and without centring.
    ///
    /// # Shapes
    /// As [`Pca::rebuild_layer`].
    ///
    /// # Errors
    /// As [`Pca::rebuild_layer`].
    pub fn rebuild_layer_in_wrong_basis(
        &self,
        weight: &[f32],
        bias: &[f32],
        kept: usize,
    ) -> Result<(Vec<f32>, Vec<f32>)> {
        self.basis(kept)?;
        let wrong = self.components.transpose().subcols(0, kept);
        project_layer(wrong, &vec![0.0; self.units()], weight, bias)
    }

    fn basis(&self, kept: usize) -> Result<MatRef<'_, f64>> {
        if kept > self.units() {
            return Err(out_of_range(kept));
        }
        Ok(self.components.subcols(0, kept))
    }
}

/// Projects a linear layer's pre-activations, less `centre`, on an orthonormal basis.
fn project_layer(basis: MatRef<'_, f64>, centre: &[f64], weight: &[f32], bias: &[f32]) -> Result<(Vec<f32>, Vec<f32>)> {
    let units = centre.len();
    expect_len("PCA: bias of the layer", units, bias.len())?;
    if !weight.len().is_multiple_of(units) {
        return Err(Error::Shape {
            what: "PCA: weight of the layer",
            expected: format!("{units} rows"),
            found: weight.len(),
        });
    }
    let fan_in = weight.len() / units;
    let weight = MatRef::from_row_major_slice(weight, units, fan_in);
    // The bias is one more column of the weight.
    let joined = Mat::from_fn(units, fan_in + 1, |u, j| {
        if j < fan_in {
            f64::from(weight[(u, j)])
        } else {
            f64::from(bias[u]) - centre[u]
        }
    });
    let scores = basis.transpose() * &joined;
    let near = basis * &scores;
    let entry = |u: usize, j: usize| near[(u, j)];
    let weight = (0..units).flat_map(|u| (0..fan_in).map(move |j| entry(u, j) as f32));
    let bias = (0..units).map(|u| (entry(u, fan_in) + centre[u]) as f32);
    Ok((weight.collect(), bias.collect()))
}

fn out_of_range(found: usize) -> Error {
    Error::OutOfRange {
        what: "PCA: component",
        expected: "no more than the layer's width",
        found: found as f64,
    }
}

fn sign_of_largest(vectors: MatRef<'_, f64>, column: usize) -> f64 {
    let mut largest = 0.0f64;
    for &entry in vectors.col(column).iter() {
        if entry.abs() > largest.abs() {
            largest = entry;
        }
    }
    if largest < 0.0 { -1.0 } else { 1.0 }
}

pub(crate) fn row_major(matrix: &Mat<f64>) -> Vec<f64> {
    let (rows, columns) = (matrix.nrows(), matrix.ncols());
    let entries = (0..rows).flat_map(|i| (0..columns).map(move |j| matrix[(i, j)]));
    entries.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CovarianceAccumulator;
    use crate::samples::{assert_close, waves};

    fn covariance(values: &[f32], units: usize) -> Covariance {
        let mut accumulator = CovarianceAccumulator::new(units).unwrap();
        accumulator.observe(values, units).unwrap();
        accumulator.finish().unwrap()
    }

    fn pca(rows: usize, units: usize) -> Pca {
        Pca::of(&covariance(&waves(rows, units), units)).unwrap()
    }

    fn mean_squared_distance(a: &[f32], b: &[f32], rows: usize) -> f64 {
        let squares = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2));
        squares.sum::<f64>() / rows as f64
    }

    #[test]
    fn spectrum_and_residuals_equal_numpy() {
        let pca = pca(40, 5);
        // tests/reference_values.py, numpy 2.4.6: "pca …"
        let values = [
            1.93699199881954,
            0.984870248958606,
            0.0837631295701919,
            0.07327930547955,
            0.0580462236897836,
        ];
        let first = [
            -0.167508775056399,
            0.492266297124186,
            -0.482964560198124,
            -0.479905334531865,
            0.515801130742498,
        ];
        let residual = [
            3.13695090651767,
            1.19995890769813,
            0.215088658739525,
            0.131325529169333,
            0.0580462236897831,
            0.0,
        ];
        let wrong = [
            3.13695090651767,
            1.6566901923011,
            0.983378194208677,
            0.636992240684981,
            0.518656712975306,
            0.0,
        ];
        assert_close(pca.eigenvalues(), &values, 1e-7);
        assert_close(&pca.component(0).unwrap(), &first, 1e-6);
        assert_close(&pca.residual(), &residual, 1e-6);
        assert_close(&pca.residual_of_wrong_basis(), &wrong, 1e-5);
    }

    #[test]
    fn rebuilt_rows_equal_numpy() {
        let rebuilt = pca(40, 5).rebuild(&waves(40, 5), 2).unwrap();
        // tests/reference_values.py, numpy 2.4.6: "pca rebuilt row 7, k=2"
        let expected = [
            -1.27756727652991,
            -0.101177103055219,
            0.129933257846456,
            0.458375869442903,
            2.19986921734534,
        ];
        let row: Vec<f64> = rebuilt[35..40].iter().copied().map(f64::from).collect();
        assert_close(&row, &expected, 1e-6);
    }

    #[test]
    fn measured_residual_is_the_sum_of_the_eigenvalues_left_out() {
        let (rows, units) = (1500, 12);
        let values = waves(rows, units);
        let pca = pca(rows, units);
        let covariance = covariance(&values, units);
        assert!((pca.total_variance() / covariance.total_variance() - 1.0).abs() < 1e-12);
        for (kept, predicted) in pca.residual().into_iter().enumerate() {
            let rebuilt = pca.rebuild(&values, kept).unwrap();
            let measured = mean_squared_distance(&values, &rebuilt, rows);
            assert!(
                (measured - predicted).abs() < 1e-5 * pca.total_variance(),
                "{kept}: {measured} for {predicted}"
            );
        }
    }

    #[test]
    fn the_rank_of_the_input_shows_as_a_cliff() {
        // 20 units over 6 inputs: 6 components carry everything.
        let (inputs, weight) = (waves(400, 6), waves(20, 6));
        let spectrum = covariance(&inputs, 6).of_linear(&weight, &[0.0; 20]).unwrap();
        let pca = Pca::of(&spectrum).unwrap();
        let total = pca.total_variance();
        assert!(pca.eigenvalues()[5] > 1e-6 * total);
        assert!(pca.residual()[6].abs() < 1e-12 * total);
        assert!((total / spectrum.total_variance() - 1.0).abs() < 1e-4);
        assert_eq!(pca.components_for(1.0 - 1e-9), 6);
        assert!((pca.explained_share().iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_rebuilt_layer_gives_the_rebuilt_pre_activations() {
        let (inputs, weight, bias) = (waves(200, 6), waves(9, 6), [0.3f32; 9]);
        let forward = |weight: &[f32], bias: &[f32]| -> Vec<f32> {
            let row = |x: &[f32]| -> Vec<f32> {
                let units = weight.chunks(6).zip(bias);
                units
                    .map(|(w, b)| x.iter().zip(w).map(|(x, w)| x * w).sum::<f32>() + b)
                    .collect()
            };
            inputs.chunks(6).flat_map(row).collect()
        };
        let outputs = forward(&weight, &bias);
        let pca = Pca::of(&covariance(&outputs, 9)).unwrap();
        let (new_weight, new_bias) = pca.rebuild_layer(&weight, &bias, 3).unwrap();
        let distance = mean_squared_distance(
            &forward(&new_weight, &new_bias),
            &pca.rebuild(&outputs, 3).unwrap(),
            200,
        );
        assert!(distance < 1e-9, "{distance}");
        assert!(mean_squared_distance(&forward(&new_weight, &new_bias), &outputs, 200) > 1e-4);
    }

    #[test]
    fn the_wrong_basis_loses_what_its_residual_says() {
        // Each input comes with its negative and the bias is 0, so that centring does not matter.
        let mut inputs = waves(200, 6);
        inputs.extend(waves(200, 6).iter().map(|x| -x));
        let (weight, bias) = (waves(9, 6), [0.0f32; 9]);
        let forward = |weight: &[f32]| -> Vec<f32> {
            let row = |x: &[f32]| -> Vec<f32> {
                weight
                    .chunks(6)
                    .map(|w| x.iter().zip(w).map(|(x, w)| x * w).sum())
                    .collect()
            };
            inputs.chunks(6).flat_map(row).collect()
        };
        let outputs = forward(&weight);
        let pca = Pca::of(&covariance(&outputs, 9)).unwrap();
        for (kept, predicted) in pca.residual_of_wrong_basis().into_iter().enumerate() {
            let (wrong, _) = pca.rebuild_layer_in_wrong_basis(&weight, &bias, kept).unwrap();
            let measured = mean_squared_distance(&outputs, &forward(&wrong), 400);
            assert!(
                (measured - predicted).abs() < 1e-5 * pca.total_variance(),
                "{kept}: {measured} for {predicted}"
            );
        }
        assert!(pca.residual_of_wrong_basis()[4] > 2.0 * pca.residual()[4]);
    }

    #[test]
    fn the_projector_is_idempotent_and_has_its_rank_as_trace() {
        let projector = pca(40, 5).projector(3).unwrap();
        let at = |i: usize, j: usize| projector[i * 5 + j];
        let trace: f64 = (0..5).map(|i| at(i, i)).sum();
        assert!((trace - 3.0).abs() < 1e-12);
        let square: Vec<f64> = (0..25)
            .map(|k| (0..5).map(|m| at(k / 5, m) * at(m, k % 5)).sum())
            .collect();
        assert_close(&square, &projector, 1e-12);
    }

    #[test]
    fn a_layer_without_variance_and_bad_arguments() {
        let pca = Pca::of(&covariance(&[2.0; 6], 2)).unwrap();
        assert_eq!((pca.total_variance(), pca.components_for(0.99)), (0.0, 0));
        assert_eq!(pca.explained_share(), [0.0, 0.0]);
        assert_eq!(pca.rebuild(&[2.0, 2.0], 0).unwrap(), [2.0, 2.0]);
        assert!(matches!(pca.rebuild(&[1.0; 3], 1), Err(Error::Shape { .. })));
        assert!(matches!(pca.rebuild(&[1.0; 2], 3), Err(Error::OutOfRange { .. })));
        assert!(pca.component(2).is_err() && pca.rebuild_layer(&[1.0; 4], &[1.0], 1).is_err());
    }
}
