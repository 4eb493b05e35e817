use proptest::prelude::*;

use super::{assert_close, assert_gradient, double, inner, normal, single};
use crate::kernels::norm::{
    Affine, GroupShape, NormGradients, NormState, Running, batch_backward, batch_forward, batch_inference,
    group_backward, group_forward, rms_backward, rms_forward,
};

const EPSILON: f64 = 1e-3;

/// Normalises the sets that `set` assigns elements to, with the affine map of each element's channel.
fn naive(x: &[f64], channels: usize, scale: &[f64], shift: &[f64], set: impl Fn(usize) -> usize) -> Vec<f64> {
    let sets = (0..x.len()).map(&set).max().unwrap() + 1;
    let mut members = vec![Vec::new(); sets];
    for i in 0..x.len() {
        members[set(i)].push(x[i]);
    }
    let moments: Vec<(f64, f64)> = members
        .iter()
        .map(|m| {
            let mean = m.iter().sum::<f64>() / m.len() as f64;
            (mean, m.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / m.len() as f64)
        })
        .collect();
    (0..x.len())
        .map(|i| {
            let (mean, variance) = moments[set(i)];
            (x[i] - mean) / (variance + EPSILON).sqrt() * scale[i % channels] + shift[i % channels]
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn batch_normalisation_is_its_definition(rows in 2usize..12, channels in 1usize..20) {
        let (x, dy) = (normal(1, rows * channels), normal(2, rows * channels));
        let (scale, shift) = (normal(3, channels), normal(4, channels));
        let affine = Affine { scale: &scale, shift: &shift };
        let mut state = NormState::new();
        let mut y = vec![0.0; x.len()];
        batch_forward(&x, affine, EPSILON, None, &mut state, &mut y);
        assert_close(&y, &naive(&x, channels, &scale, &shift, |i| i % channels), 1e-11);
        let [mut ds, mut db, mut dx] = [vec![9.0; channels], vec![9.0; channels], vec![9.0; x.len()]];
        for _ in 0..2 {
            let gradients = NormGradients { scale: &mut ds, shift: &mut db, input: &mut dx };
            batch_backward(&x, &scale, &mut state, &dy, gradients);
        }
        let loss = |x: &[f64], scale: &[f64], shift: &[f64]| inner(&naive(x, channels, scale, shift, |i| i % channels), &dy);
        assert_gradient(|x| loss(x, &scale, &shift), &x, &dx);
        assert_gradient(|scale| loss(&x, scale, &shift), &scale, &ds);
        assert_gradient(|shift| loss(&x, &scale, shift), &shift, &db);
    }

    #[test]
    fn group_normalisation_is_its_definition(samples in 1usize..4, positions in 1usize..5, width in 1usize..20, groups in 1usize..4) {
        prop_assume!(positions * width > 1);
        let channels = width * groups;
        let shape = GroupShape { positions, channels, groups };
        let count = samples * positions * channels;
        let (x, dy, scale, shift) = (normal(1, count), normal(2, count), normal(3, channels), normal(4, channels));
        let set = |i: usize| i / (positions * channels) * groups + i % channels / width;
        let mut state = NormState::new();
        let mut y = vec![0.0; count];
        group_forward(shape, &x, Affine { scale: &scale, shift: &shift }, EPSILON, &mut state, &mut y);
        assert_close(&y, &naive(&x, channels, &scale, &shift, set), 1e-11);
        let [mut ds, mut db, mut dx] = [vec![9.0; channels], vec![9.0; channels], vec![9.0; count]];
        let gradients = NormGradients { scale: &mut ds, shift: &mut db, input: &mut dx };
        group_backward(shape, &x, &scale, &mut state, &dy, gradients);
        let loss = |x: &[f64], scale: &[f64], shift: &[f64]| inner(&naive(x, channels, scale, shift, set), &dy);
        assert_gradient(|x| loss(x, &scale, &shift), &x, &dx);
        assert_gradient(|scale| loss(&x, scale, &shift), &scale, &ds);
        assert_gradient(|shift| loss(&x, &scale, shift), &shift, &db);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn rms_normalisation_is_its_definition(rows in 1usize..9, channels in 1usize..40) {
        let (x, dy, scale) = (normal(1, rows * channels), normal(2, rows * channels), normal(3, channels));
        let by_definition = |x: &[f64], scale: &[f64]| -> Vec<f64> {
            let row = |row: &[f64]| {
                let rms = (row.iter().map(|v| v * v).sum::<f64>() / channels as f64 + EPSILON).sqrt();
                row.iter().zip(scale).map(|(v, g)| v / rms * g).collect::<Vec<_>>()
            };
            x.chunks(channels).flat_map(row).collect()
        };
        let mut state = NormState::new();
        let mut y = vec![0.0; x.len()];
        rms_forward(&x, &scale, EPSILON, &mut state, &mut y);
        assert_close(&y, &by_definition(&x, &scale), 1e-11);
        let [mut ds, mut dx] = [vec![9.0; channels], vec![9.0; x.len()]];
        rms_backward(&x, &scale, &mut state, &dy, &mut ds, &mut dx);
        assert_gradient(|x| inner(&by_definition(x, &scale), &dy), &x, &dx);
        assert_gradient(|scale| inner(&by_definition(&x, scale), &dy), &scale, &ds);
    }
}

#[test]
fn running_statistics_take_the_unbiased_variance() {
    // By hand: column 1 2 3 6 has mean 3, squared deviations 4 + 1 + 0 + 9 = 14, unbiased variance 14 / 3.
    let x = [1.0f64, 2.0, 3.0, 6.0];
    let (mut mean, mut variance) = ([10.0], [1.0]);
    let running = Running {
        mean: &mut mean,
        variance: &mut variance,
        momentum: 0.1,
    };
    let affine = Affine {
        scale: &[1.0],
        shift: &[0.0],
    };
    batch_forward(&x, affine, 0.0, Some(running), &mut NormState::new(), &mut [0.0; 4]);
    assert_close(&mean, &[9.3], 1e-15);
    assert_close(&variance, &[0.9 + 1.4 / 3.0], 1e-15);
}

#[test]
fn evaluation_uses_the_given_statistics() {
    // (x − 2) / √(3 + 1) · 4 + 1 = 2x − 3.
    let mut y = [0.0f32; 3];
    let affine = Affine {
        scale: &[4.0],
        shift: &[1.0],
    };
    batch_inference(
        &[0.0, 2.0, 5.0],
        affine,
        1.0,
        (&[2.0], &[3.0]),
        &mut NormState::new(),
        &mut y,
    );
    assert_eq!(y, [-3.0, 1.0, 7.0]);
}

#[test]
fn a_large_mean_does_not_drown_the_variance_in_single_precision() {
    let (rows, channels) = (20_000, 3);
    let x: Vec<f64> = normal(5, rows * channels).iter().map(|v| 1000.0 + v).collect();
    let x = single(&x);
    let ones = vec![1.0f32; channels];
    let affine = Affine {
        scale: &ones,
        shift: &[0.0; 3],
    };
    let mut y = vec![0.0; x.len()];
    batch_forward(&x, affine, EPSILON, None, &mut NormState::new(), &mut y);
    let expected = naive(&double(&x), channels, &[1.0; 3], &[0.0; 3], |i| i % channels);
    assert_close(&double(&y), &expected, 2e-3);
}
