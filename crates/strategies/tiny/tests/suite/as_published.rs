//! The closed form by NumPy gives what ours gives: `vectors/numpy.json` says where it comes from.

use espalier_tiny::solve;
use faer::Mat;
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    samples: usize,
    inputs: Vec<f64>,
    emitted: Vec<f64>,
    desired: Vec<f64>,
    strengths: Vec<f64>,
    fan_in: Vec<Vec<f64>>,
    fan_out: Vec<Vec<f64>>,
}

fn matrix(rows: usize, values: &[f64]) -> Mat<f64> {
    let columns = values.len() / rows;
    Mat::from_fn(rows, columns, |i, j| values[i * columns + j])
}

#[test]
fn as_published() {
    let vectors: Vectors = serde_json::from_str(include_str!("../vectors/numpy.json")).unwrap();
    let of = |values: &[f64]| matrix(vectors.samples, values);
    let (inputs, emitted, desired) = (of(&vectors.inputs), of(&vectors.emitted), of(&vectors.desired));
    let found = solve(inputs.as_ref(), emitted.as_ref(), desired.as_ref(), 3, 1e-12).unwrap();
    assert_eq!(found.strengths.len(), 3);
    for (k, expected) in vectors.strengths.iter().enumerate() {
        assert!(
            (found.strengths[k] - expected).abs() < 1e-9 * expected,
            "{:?}",
            found.strengths
        );
        // A singular pair has no sign of its own, but one that both sides share.
        let (fan_in, fan_out) = (found.fan_in.col(k), found.fan_out.col(k));
        let sign = (fan_in[0] * vectors.fan_in[k][0]).signum();
        for (value, expected) in fan_in.iter().zip(&vectors.fan_in[k]) {
            assert!((sign * value - expected).abs() < 1e-8, "unit {k}: {value} {expected}");
        }
        for (value, expected) in fan_out.iter().zip(&vectors.fan_out[k]) {
            assert!((sign * value - expected).abs() < 1e-8, "unit {k}: {value} {expected}");
        }
    }
}
