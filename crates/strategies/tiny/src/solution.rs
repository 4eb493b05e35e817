//! The closed form: units that come nearest to a desired move which the present ones cannot make.

use espalier_strategy::{Error, Result};
use faer::{Mat, MatRef, Side};

/// New units, the strongest first.
#[derive(Clone, Debug)]
pub struct Solution {
    /// Fan-in weights, (inputs, new units).
    pub fan_in: Mat<f64>,
    /// Fan-out weights at amplitude 1, (outputs, new units).
    pub fan_out: Mat<f64>,
    /// σₖ, falling.
    pub strengths: Vec<f64>,
}

/// Strengths below this share of the largest are rounding.
const SMALLEST: f64 = 1e-6;

/// Finds up to `count` units for what is left of the desired move.
///
/// # Shapes
/// `inputs` is B, (samples, inputs), `emitted` the present units' values, (samples, units), `desired` V,
/// (samples, outputs). Where layers have biases, the first two end in a column of ones.
///
/// # Method
/// V′ = V − H·(HᵀH)⁺·HᵀV with H = `emitted`; S = BᵀB/n, N = BᵀV′/n; S^(−½)N = Σ σₖuₖwₖᵀ; fan-in √σₖ·S^(−½)uₖ, fan-out √σₖ·wₖ.
/// Of all units with linear emission these lower E‖V′ − Σ ω·α·B‖² most, by Σ σₖ².
///
/// # Paper
/// Verbockhaven et al. 2024, proposition 3.2 and section 3.
///
/// # Errors
/// Refuses values that are not finite, and decompositions that do not converge.
pub fn solve(
    inputs: MatRef<'_, f64>,
    emitted: MatRef<'_, f64>,
    desired: MatRef<'_, f64>,
    count: usize,
    cutoff: f64,
) -> Result<Solution> {
    for (name, values) in [
        ("inputs", inputs),
        ("values of the group", emitted),
        ("desired move", desired),
    ] {
        let bad = values
            .col_iter()
            .find_map(|column| column.iter().copied().find(|x| !x.is_finite()));
        if let Some(bad) = bad {
            return Err(Error::observation(name, "finite values", bad.to_string()));
        }
    }
    let n = inputs.nrows().max(1) as f64;
    let left = left_over(emitted, desired, cutoff)?;
    let root = power(scaled(inputs.transpose() * inputs, 1.0 / n).as_ref(), -0.5, cutoff)?;
    let whitened = &root * scaled(inputs.transpose() * &left, 1.0 / n);
    let failed = |_| Error::observation("desired move", "a decomposition that converges", "none");
    let svd = whitened.thin_svd().map_err(failed)?;
    let all: Vec<f64> = svd.S().column_vector().iter().copied().collect();
    let top = all.first().copied().unwrap_or(0.0);
    let strengths: Vec<f64> = all
        .into_iter()
        .take(count)
        .filter(|s| *s > 0.0 && *s > SMALLEST * top)
        .collect();
    let kept = strengths.len();
    let fan_in = &root * svd.U().subcols(0, kept);
    let stretch =
        |matrix: MatRef<'_, f64>| Mat::from_fn(matrix.nrows(), kept, |i, k| strengths[k].sqrt() * matrix[(i, k)]);
    Ok(Solution {
        fan_in: stretch(fan_in.as_ref()),
        fan_out: stretch(svd.V().subcols(0, kept)),
        strengths,
    })
}

/// What least squares on the present units leave of the desired move.
fn left_over(emitted: MatRef<'_, f64>, desired: MatRef<'_, f64>, cutoff: f64) -> Result<Mat<f64>> {
    let inverse = power((emitted.transpose() * emitted).as_ref(), -1.0, cutoff)?;
    let weights = inverse * (emitted.transpose() * desired);
    let expressed = emitted * weights;
    Ok(Mat::from_fn(desired.nrows(), desired.ncols(), |i, j| {
        desired[(i, j)] - expressed[(i, j)]
    }))
}

fn scaled(mut matrix: Mat<f64>, factor: f64) -> Mat<f64> {
    for column in matrix.col_iter_mut() {
        column.iter_mut().for_each(|value| *value *= factor);
    }
    matrix
}

/// A power of a symmetric matrix on the directions whose eigenvalue is above a share of the largest.
fn power(matrix: MatRef<'_, f64>, exponent: f64, cutoff: f64) -> Result<Mat<f64>> {
    let failed = |_| Error::observation("covariance", "a decomposition that converges", "none");
    let eigen = matrix.self_adjoint_eigen(Side::Lower).map_err(failed)?;
    let (vectors, values) = (eigen.U(), eigen.S().column_vector());
    let top = values.iter().copied().fold(0.0, f64::max);
    let raised = |value: f64| {
        if value > cutoff * top {
            value.powf(exponent)
        } else {
            0.0
        }
    };
    // A power is dear: one a direction, not one an entry.
    let mut stretched = vectors.to_owned();
    for (column, value) in stretched.col_iter_mut().zip(values.iter()) {
        let factor = raised(*value);
        column.iter_mut().for_each(|entry| *entry *= factor);
    }
    Ok(stretched * vectors.transpose())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(rows: usize, values: &[f64]) -> Mat<f64> {
        let columns = values.len() / rows;
        Mat::from_fn(rows, columns, |i, j| values[i * columns + j])
    }

    #[test]
    fn a_move_that_one_input_makes_alone_gets_one_unit_that_makes_it() {
        // Two whitened inputs over four samples; the move is 2·x₀ on the only output, and there is no unit yet.
        let inputs = matrix(4, &[1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0, -1.0]);
        let desired = matrix(4, &[2.0, 2.0, -2.0, -2.0]);
        let none = Mat::zeros(4, 1);
        let found = solve(inputs.as_ref(), none.as_ref(), desired.as_ref(), 3, 1e-6).unwrap();
        // S = I, N = (2, 0)ᵀ: σ = 2, so that fan-in · fan-out is 2 for the first input and 0 for the second.
        assert_eq!(found.strengths.len(), 1);
        assert!((found.strengths[0] - 2.0).abs() < 1e-12);
        let through = |input: usize| found.fan_in[(input, 0)] * found.fan_out[(0, 0)];
        assert!((through(0) - 2.0).abs() < 1e-12 && through(1).abs() < 1e-12);
    }

    #[test]
    fn what_present_units_express_is_left_to_them() {
        let inputs = matrix(4, &[1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0, -1.0]);
        let desired = matrix(4, &[3.0, 1.0, -1.0, -3.0]);
        // The move is 2·x₀ + x₁, and the present unit emits x₀: only x₁ is left, with σ = 1.
        let emitted = matrix(4, &[1.0, 1.0, -1.0, -1.0]);
        let found = solve(inputs.as_ref(), emitted.as_ref(), desired.as_ref(), 3, 1e-6).unwrap();
        assert_eq!(found.strengths.len(), 1);
        assert!((found.strengths[0] - 1.0).abs() < 1e-9);
        let through = |input: usize| found.fan_in[(input, 0)] * found.fan_out[(0, 0)];
        assert!(through(0).abs() < 1e-9 && (through(1) - 1.0).abs() < 1e-9);
        let whole = matrix(4, &[1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0, -1.0]);
        let nothing = solve(inputs.as_ref(), whole.as_ref(), desired.as_ref(), 3, 1e-6).unwrap();
        assert!(nothing.strengths.iter().all(|s| *s < 1e-9), "{:?}", nothing.strengths);
    }

    #[test]
    fn values_that_are_not_finite_are_refused_by_name() {
        let inputs = matrix(2, &[1.0, f64::NAN]);
        let other = matrix(2, &[1.0, 2.0]);
        let error = solve(inputs.as_ref(), other.as_ref(), other.as_ref(), 1, 1e-6)
            .unwrap_err()
            .to_string();
        assert!(error.contains("inputs") && error.contains("NaN"), "{error}");
    }
}
