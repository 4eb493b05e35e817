//! The covariance of a layer's units, accumulated online.

use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, MatRef, Par};

use crate::observation::{expect_len, rows_in};
use crate::{Error, Result};

/// Rows gathered before one matrix product: enough for its speed, few enough for the cache.
const BLOCK_ROWS: usize = 256;

/// Accumulates the covariance of all pairs of units over any number of batches.
///
/// # Shapes
/// Batches are row-major `[rows, units]`. The state takes units² × 8 bytes.
///
/// # Method
/// Rows are gathered into blocks of fixed size, each block is centred on its own mean, and its
/// scatter is added in f64 with Chan's correction between means; the blocks, and so the bits of
/// the result, do not depend on how the rows were cut into batches.
///
/// # Example
/// ```
/// use espalier_metrics::CovarianceAccumulator;
///
/// let mut accumulator = CovarianceAccumulator::new(2)?;
/// accumulator.observe(&[1.0, 2.0, 3.0, 6.0], 2)?;
/// let covariance = accumulator.finish()?;
/// assert_eq!(covariance.row(0)?, [1.0, 2.0]);
/// assert_eq!(covariance.total_variance(), 5.0);
/// # Ok::<(), espalier_metrics::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CovarianceAccumulator {
    /// Rows folded into `mean` and `scatter`.
    folded: u64,
    mean: Vec<f64>,
    /// Sum of products of deviations; only the lower triangle is kept up.
    scatter: Mat<f64>,
    /// Row-major rows that wait for a full block.
    waiting: Vec<f64>,
}

/// The covariance matrix and mean of a layer's units, dividing by the number of rows.
#[derive(Clone, Debug)]
pub struct Covariance {
    pub(crate) count: u64,
    pub(crate) mean: Vec<f64>,
    /// Symmetric, both triangles filled.
    pub(crate) matrix: Mat<f64>,
}

impl CovarianceAccumulator {
    /// Makes an accumulator for a layer of `units` units.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a layer without units.
    pub fn new(units: usize) -> Result<Self> {
        if units == 0 {
            return Err(Error::OutOfRange {
                what: "covariance: number of units",
                expected: "at least 1",
                found: 0.0,
            });
        }
        Ok(Self {
            folded: 0,
            mean: vec![0.0; units],
            scatter: Mat::zeros(units, units),
            waiting: Vec::new(),
        })
    }

    /// Gives the number of units.
    #[must_use]
    pub fn units(&self) -> usize {
        self.mean.len()
    }

    /// Gives the number of rows seen so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.folded + (self.waiting.len() / self.units()) as u64
    }

    /// Takes in a batch.
    ///
    /// # Shapes
    /// `values` is row-major `[rows, units]`.
    ///
    /// # Errors
    /// [`Error::Shape`] when `units` is not this layer's width or the length is not whole rows.
    pub fn observe(&mut self, values: &[f32], units: usize) -> Result<()> {
        expect_len("covariance: width of the batch", self.units(), units)?;
        rows_in("covariance: batch", values.len(), units)?;
        let full = BLOCK_ROWS * units;
        let mut rest = values;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(full - self.waiting.len()));
            self.waiting.extend(now.iter().copied().map(f64::from));
            rest = later;
            if self.waiting.len() == full {
                self.fold();
            }
        }
        Ok(())
    }

    /// Joins the observations of another accumulator of the same layer.
    ///
    /// # Errors
    /// [`Error::Shape`] when the widths differ.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        expect_len("covariance: merge", self.units(), other.units())?;
        self.fold();
        let mut other = other.clone();
        other.fold();
        self.scatter += &other.scatter;
        let gap = self.join_means(&other.mean, other.folded);
        self.add_scatter(&gap, 1);
        Ok(())
    }

    /// Gives the covariance of everything seen.
    ///
    /// # Errors
    /// [`Error::TooFew`] before the first row, [`Error::NotFinite`] when a value seen was not
    /// finite (the index is the unit's).
    pub fn finish(mut self) -> Result<Covariance> {
        const WHAT: &str = "covariance";
        self.fold();
        if self.folded == 0 {
            return Err(Error::TooFew {
                what: WHAT,
                needed: 1,
                found: 0,
            });
        }
        let n = self.folded as f64;
        let units = self.units();
        if let Some(index) = (0..units).find(|&u| !self.scatter[(u, u)].is_finite()) {
            return Err(Error::NotFinite {
                what: WHAT,
                index,
                value: self.scatter[(index, index)],
            });
        }
        let lower = self.scatter;
        let matrix = Mat::from_fn(units, units, |i, j| lower[(i.max(j), i.min(j))] / n);
        Ok(Covariance {
            count: self.folded,
            mean: self.mean,
            matrix,
        })
    }

    /// Adds the waiting rows to the mean and the scatter.
    fn fold(&mut self) {
        let units = self.units();
        let rows = self.waiting.len() / units;
        if rows == 0 {
            return;
        }
        let mut block = std::mem::take(&mut self.waiting);
        let mut mean = vec![0.0; units];
        for row in block.chunks_exact(units) {
            mean.iter_mut().zip(row).for_each(|(m, x)| *m += x);
        }
        mean.iter_mut().for_each(|m| *m /= rows as f64);
        for row in block.chunks_exact_mut(units) {
            row.iter_mut().zip(&mean).for_each(|(x, m)| *x -= m);
        }
        // Chan's correction is an outer product: it rides along as one more row.
        let gap = self.join_means(&mean, rows as u64);
        block.extend(gap);
        self.add_scatter(&block, rows + 1);
        block.clear();
        self.waiting = block;
    }

    /// Moves the mean to include `rows` rows of another mean; gives the row whose outer product
    /// accounts for the distance of the two means.
    fn join_means(&mut self, mean: &[f64], rows: u64) -> Vec<f64> {
        if rows == 0 {
            return vec![0.0; mean.len()];
        }
        let (here, there) = (self.folded as f64, rows as f64);
        let share = there / (here + there);
        let scale = (here * share).sqrt();
        self.folded += rows;
        let pairs = self.mean.iter_mut().zip(mean);
        let gaps = pairs.map(|(own, other)| {
            let gap = other - *own;
            *own += gap * share;
            gap * scale
        });
        gaps.collect()
    }

    fn add_scatter(&mut self, block: &[f64], rows: usize) {
        let block = MatRef::from_row_major_slice(block, rows, self.mean.len());
        triangular::matmul(
            self.scatter.as_mut(),
            BlockStructure::TriangularLower,
            Accum::Add,
            block.transpose(),
            BlockStructure::Rectangular,
            block,
            BlockStructure::Rectangular,
            1.0,
            Par::Seq,
        );
    }
}

impl Covariance {
    /// Gives the number of units.
    #[must_use]
    pub fn units(&self) -> usize {
        self.mean.len()
    }

    /// Gives the number of rows behind it.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Gives each unit's mean.
    #[must_use]
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Gives the covariance of one unit with every unit.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when there is no such unit.
    pub fn row(&self, unit: usize) -> Result<Vec<f64>> {
        if unit >= self.units() {
            return Err(Error::OutOfRange {
                what: "covariance: unit",
                expected: "an index below the layer's width",
                found: unit as f64,
            });
        }
        // The matrix is symmetric and stored by columns.
        Ok(self.matrix.col(unit).iter().copied().collect())
    }

    /// Gives the sum of the units' variances.
    #[must_use]
    pub fn total_variance(&self) -> f64 {
        (0..self.units()).map(|u| self.matrix[(u, u)]).sum()
    }

    /// Gives the covariance of a linear layer's outputs from that of its inputs: W Σ Wᵀ.
    ///
    /// Pre-activations of a first layer at many widths then need one pass over the data.
    ///
    /// # Shapes
    /// `weight` is row-major `[outputs, units]`, `bias` has one value per output.
    ///
    /// # Errors
    /// [`Error::Shape`] when weight or bias do not fit.
    pub fn of_linear(&self, weight: &[f32], bias: &[f32]) -> Result<Self> {
        let outputs = rows_in("covariance: weight of a linear layer", weight.len(), self.units())?;
        expect_len("covariance: bias of a linear layer", outputs, bias.len())?;
        let weight = MatRef::from_row_major_slice(weight, outputs, self.units());
        let weight = Mat::from_fn(outputs, self.units(), |i, j| f64::from(weight[(i, j)]));
        let half = &weight * &self.matrix;
        let product = &half * weight.transpose();
        // The two triangles differ in rounding; their mean is symmetric.
        let matrix = Mat::from_fn(outputs, outputs, |i, j| 0.5 * (product[(i, j)] + product[(j, i)]));
        let mean = (0..outputs).map(|o| {
            let terms = self.mean.iter().enumerate().map(|(i, m)| weight[(o, i)] * m);
            terms.sum::<f64>() + f64::from(bias[o])
        });
        Ok(Self {
            count: self.count,
            mean: mean.collect(),
            matrix,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{assert_close, waves};
    use proptest::prelude::*;

    fn observed(values: &[f32], units: usize) -> CovarianceAccumulator {
        let mut accumulator = CovarianceAccumulator::new(units).unwrap();
        accumulator.observe(values, units).unwrap();
        accumulator
    }

    fn rows(covariance: &Covariance) -> Vec<f64> {
        (0..covariance.units())
            .flat_map(|u| covariance.row(u).unwrap())
            .collect()
    }

    #[test]
    fn covariance_equals_numpy() {
        let covariance = observed(&waves(40, 5), 5).finish().unwrap();
        // tests/reference_values.py, numpy 2.4.6: "cov first row"
        let expected = [
            0.597045175547237,
            0.266829145472592,
            0.222737804955739,
            0.324515832527279,
            -0.179318143604461,
        ];
        assert_close(&covariance.row(0).unwrap(), &expected, 1e-7);
        assert_eq!((covariance.count(), covariance.units()), (40, 5));
    }

    #[test]
    fn many_blocks_equal_the_two_pass_covariance() {
        let (n, units) = (3 * BLOCK_ROWS + 17, 6);
        let values = waves(n, units);
        let at = |r: usize, u: usize| f64::from(values[r * units + u]);
        let mean: Vec<f64> = (0..units)
            .map(|u| (0..n).map(|r| at(r, u)).sum::<f64>() / n as f64)
            .collect();
        let expected: Vec<f64> = (0..units * units)
            .map(|k| {
                let (i, j) = (k / units, k % units);
                (0..n).map(|r| (at(r, i) - mean[i]) * (at(r, j) - mean[j])).sum::<f64>() / n as f64
            })
            .collect();
        let covariance = observed(&values, units).finish().unwrap();
        assert_close(covariance.mean(), &mean, 1e-12);
        assert_close(&rows(&covariance), &expected, 1e-12);
    }

    #[test]
    fn a_linear_layer_maps_the_covariance() {
        let (inputs, weight, bias) = (waves(300, 4), waves(7, 4), [0.5f32, -1.0, 0.0, 2.0, 0.1, 0.2, 0.3]);
        let mut outputs = Vec::new();
        for x in inputs.chunks(4) {
            for (w, b) in weight.chunks(4).zip(bias) {
                outputs.push(x.iter().zip(w).map(|(x, w)| x * w).sum::<f32>() + b);
            }
        }
        let direct = observed(&outputs, 7).finish().unwrap();
        let mapped = observed(&inputs, 4)
            .finish()
            .unwrap()
            .of_linear(&weight, &bias)
            .unwrap();
        assert_close(&rows(&mapped), &rows(&direct), 1e-5);
        assert_close(mapped.mean(), direct.mean(), 1e-6);
    }

    #[test]
    fn unusable_input_is_refused() {
        assert!(matches!(CovarianceAccumulator::new(0), Err(Error::OutOfRange { .. })));
        assert!(matches!(
            CovarianceAccumulator::new(2).unwrap().finish(),
            Err(Error::TooFew { .. })
        ));
        let mut accumulator = observed(&[1.0, 2.0], 2);
        assert!(matches!(accumulator.observe(&[1.0; 3], 2), Err(Error::Shape { .. })));
        assert!(matches!(accumulator.observe(&[1.0; 3], 3), Err(Error::Shape { .. })));
        accumulator.observe(&[0.0, f32::NAN], 2).unwrap();
        assert!(matches!(accumulator.finish(), Err(Error::NotFinite { index: 1, .. })));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn splits_keep_the_bits_and_merges_the_value(cut in 0usize..=600) {
            let values = waves(600, 3);
            let (head, tail) = values.split_at(cut * 3);
            let whole = observed(&values, 3).finish().unwrap();
            let mut split = observed(head, 3);
            split.observe(tail, 3).unwrap();
            let mut merged = observed(head, 3);
            merged.merge(&observed(tail, 3)).unwrap();
            prop_assert_eq!(rows(&split.finish().unwrap()), rows(&whole));
            prop_assert_eq!(merged.count(), 600);
            assert_close(&rows(&merged.finish().unwrap()), &rows(&whole), 1e-12);
        }
    }
}
