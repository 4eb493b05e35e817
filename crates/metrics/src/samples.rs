//! The fixed samples that the tests share with `tests/reference_values.py`.

/// The van der Corput sequence in the given base.
pub(crate) fn halton(mut index: usize, base: usize) -> f64 {
    let (mut value, mut digit) = (0.0, 1.0 / base as f64);
    while index > 0 {
        value += digit * (index % base) as f64;
        index /= base;
        digit /= base as f64;
    }
    value
}

/// Sums of two nearly uniform values: a symmetric, light-tailed sample.
pub(crate) fn triangle(n: usize) -> Vec<f64> {
    (1..=n).map(|i| halton(i, 2) + halton(i, 3)).collect()
}

/// Quantiles of the unit exponential: a skewed sample.
pub(crate) fn skewed(n: usize) -> Vec<f64> {
    (1..=n).map(|i| -(1.0 - halton(i, 2)).ln()).collect()
}

/// A full-rank matrix of waves, row-major `[rows, units]`.
pub(crate) fn waves(rows: usize, units: usize) -> Vec<f32> {
    let at = |r: f64, c: f64| (0.7 * r + 1.3 * c * c).sin() + 0.4 * (0.37 * r * (c + 1.0)).sin() + 0.5 * c - 0.3;
    (0..rows * units)
        .map(|i| at((i / units) as f64, (i % units) as f64) as f32)
        .collect()
}

/// Points of a plane or a higher box, stretched linearly into more units; row-major `[rows, units]`.
pub(crate) fn cloud(rows: usize, dimensions: usize, units: usize) -> Vec<f32> {
    let weight = |a: usize, b: usize| (1.0 + 0.7 * a as f64 + 1.3 * (b * b) as f64).sin();
    let entry = |row: usize, unit: usize| -> f64 {
        let bases = [2, 3, 5, 7].into_iter().take(dimensions).enumerate();
        bases.map(|(a, base)| halton(row, base) * weight(a, unit)).sum()
    };
    (1..=rows)
        .flat_map(|row| (0..units).map(move |unit| entry(row, unit) as f32))
        .collect()
}

/// Fails unless both slices agree within an absolute tolerance; NaN agrees with nothing.
#[track_caller]
pub(crate) fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "lengths of {found:?}");
    for (index, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!(
            (f - e).abs() <= tolerance,
            "at {index}: found {f}, expected {e} in {found:?}"
        );
    }
}
