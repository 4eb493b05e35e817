//! Tests of the kernels against naive references in double precision and finite differences.

mod activation;
mod conv;
mod dense;
mod gate;
mod gated;
mod instructions;
mod loss;
mod norm;
mod optimizer;
mod pool;
mod product;
mod rows;
mod sparse;

use espalier_seed::Seed;

/// Normal numbers from a named stream.
fn normal(seed: u64, count: usize) -> Vec<f64> {
    let mut stream = Seed::new(seed).named("kernel-tests").stream();
    (0..count).map(|_| stream.normal()).collect()
}

fn single(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}

fn double(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

fn inner(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Asserts |found − expected| ≤ tolerance · (1 + |expected|) everywhere.
#[track_caller]
fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "lengths");
    for (i, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let error = (found - expected).abs();
        assert!(
            error <= tolerance * (1.0 + expected.abs()),
            "element {i}: found {found}, expected {expected}"
        );
    }
}

/// Asserts that `gradient` is that of `f` at `x`, by central differences.
#[track_caller]
fn assert_gradient(f: impl Fn(&[f64]) -> f64, x: &[f64], gradient: &[f64]) {
    const STEP: f64 = 1e-5;
    let mut moved = x.to_vec();
    let differences: Vec<f64> = (0..x.len())
        .map(|i| {
            moved[i] = x[i] + STEP;
            let above = f(&moved);
            moved[i] = x[i] - STEP;
            let below = f(&moved);
            moved[i] = x[i];
            (above - below) / (2.0 * STEP)
        })
        .collect();
    assert_close(gradient, &differences, 2e-6);
}
