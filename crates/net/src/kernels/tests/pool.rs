use proptest::prelude::*;

use super::{assert_close, assert_gradient, inner, normal};
use crate::kernels::pool::{
    Divisor, PoolShape, Windows, average_backward, average_forward, max_backward, max_forward, max_inference,
};

/// The input positions of each output position, by testing every one, and the count with padding.
fn windows(shape: &PoolShape, oy: usize, ox: usize) -> (Vec<usize>, usize) {
    let mut covered = Vec::new();
    let mut with_padding = 0;
    match shape.windows {
        Windows::Regular {
            kernel,
            stride,
            padding,
        } => {
            for ky in 0..kernel.0 {
                for kx in 0..kernel.1 {
                    let (row, column) = (oy * stride.0 + ky, ox * stride.1 + kx);
                    if row < shape.height + 2 * padding.0 && column < shape.width + 2 * padding.1 {
                        with_padding += 1;
                    }
                    let inside = row >= padding.0
                        && column >= padding.1
                        && row - padding.0 < shape.height
                        && column - padding.1 < shape.width;
                    if inside {
                        covered.push((row - padding.0) * shape.width + column - padding.1);
                    }
                }
            }
        }
        Windows::Adaptive { output } => {
            let bounds = |o: usize, size: usize, n: usize| {
                let start = (o as f64 * size as f64 / n as f64 + 1e-9).floor() as usize;
                let end = ((o + 1) as f64 * size as f64 / n as f64 - 1e-9).ceil() as usize;
                start..end
            };
            for row in bounds(oy, shape.height, output.0) {
                for column in bounds(ox, shape.width, output.1) {
                    covered.push(row * shape.width + column);
                }
            }
            with_padding = covered.len();
        }
    }
    (covered, with_padding)
}

fn naive_average(shape: &PoolShape, divisor: Divisor, x: &[f64]) -> Vec<f64> {
    let mut y = Vec::new();
    for n in 0..shape.samples {
        for cell in 0..shape.out_height() * shape.out_width() {
            let (covered, with_padding) = windows(shape, cell / shape.out_width(), cell % shape.out_width());
            let count = if divisor == Divisor::Kernel {
                with_padding
            } else {
                covered.len()
            };
            for c in 0..shape.channels {
                let at = |p: usize| x[n * shape.sample_inputs() + p * shape.channels + c];
                y.push(covered.iter().map(|&p| at(p)).sum::<f64>() / count as f64);
            }
        }
    }
    y
}

/// Maxima and the gradient sent to the first of the largest values.
fn naive_max(shape: &PoolShape, x: &[f64], dy: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let (mut y, mut dx) = (Vec::new(), vec![0.0; x.len()]);
    for n in 0..shape.samples {
        for cell in 0..shape.out_height() * shape.out_width() {
            let (covered, _) = windows(shape, cell / shape.out_width(), cell % shape.out_width());
            for c in 0..shape.channels {
                let at = |p: usize| n * shape.sample_inputs() + p * shape.channels + c;
                let mut best = at(covered[0]);
                for &p in &covered {
                    if x[at(p)] > x[best] {
                        best = at(p);
                    }
                }
                dx[best] += dy[y.len()];
                y.push(x[best]);
            }
        }
    }
    (y, dx)
}

fn check(shape: &PoolShape) {
    let count = shape.samples * shape.sample_inputs();
    // Rounded so that ties are frequent.
    let x: Vec<f64> = normal(1, count).into_iter().map(|v| (v * 2.0).round() / 2.0).collect();
    let outputs = shape.samples * shape.sample_outputs();
    let dy = normal(2, outputs);
    let (mut y, mut places, mut dx) = (vec![0.0; outputs], vec![9u16; outputs], vec![9.0; count]);
    max_forward(shape, &x, &mut y, &mut places);
    max_backward(shape, &dy, &places, &mut dx);
    let (expected, expected_gradient) = naive_max(shape, &x, &dy);
    assert_close(&y, &expected, 0.0);
    assert_close(&dx, &expected_gradient, 1e-14);
    max_inference(shape, &x, &mut y);
    assert_close(&y, &expected, 0.0);
    for divisor in [Divisor::Covered, Divisor::Kernel] {
        average_forward(shape, divisor, &x, &mut y);
        assert_close(&y, &naive_average(shape, divisor, &x), 1e-13);
        average_backward(shape, divisor, &dy, &mut dx);
        assert_gradient(|x| inner(&naive_average(shape, divisor, x), &dy), &x, &dx);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn pooling_is_its_definition(
        samples in 1usize..3,
        size in (1usize..8, 1usize..8),
        // Beyond 16 channels, whole lanes and a rest.
        channels in prop_oneof![1usize..6, 16usize..35],
        kernel in (1usize..4, 1usize..4),
        stride in (1usize..4, 1usize..4),
        padding in (0usize..2, 0usize..2),
    ) {
        let padding = (padding.0.min(kernel.0 / 2), padding.1.min(kernel.1 / 2));
        check(&PoolShape {
            samples,
            height: size.0.max(kernel.0),
            width: size.1.max(kernel.1),
            channels,
            windows: Windows::Regular { kernel, stride, padding },
        });
    }

    #[test]
    fn adaptive_pooling_is_its_definition(
        samples in 1usize..3,
        size in (1usize..8, 1usize..8),
        channels in 1usize..6,
        output in (1usize..9, 1usize..9),
    ) {
        check(&PoolShape { samples, height: size.0, width: size.1, channels, windows: Windows::Adaptive { output } });
    }
}

#[test]
fn ties_send_the_whole_gradient_to_the_first_place() {
    // Two windows of 2 × 2 over a row of four columns, one channel: 4 4 / 3 4 and 1 2 / 2 2.
    let windows = Windows::Regular {
        kernel: (2, 2),
        stride: (2, 2),
        padding: (0, 0),
    };
    let shape = PoolShape {
        samples: 1,
        height: 2,
        width: 4,
        channels: 1,
        windows,
    };
    let x = [4.0f32, 4.0, 1.0, 2.0, 3.0, 4.0, 2.0, 2.0];
    let (mut y, mut places, mut dx) = ([0.0f32; 2], [0u16; 2], [9.0f32; 8]);
    max_forward(&shape, &x, &mut y, &mut places);
    max_backward(&shape, &[1.0, 10.0], &places, &mut dx);
    assert_eq!(y, [4.0, 2.0]);
    assert_eq!(dx, [1.0, 0.0, 0.0, 10.0, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn a_window_with_nan_has_maximum_nan() {
    let windows = Windows::Regular {
        kernel: (1, 2),
        stride: (1, 2),
        padding: (0, 0),
    };
    let shape = PoolShape {
        samples: 1,
        height: 1,
        width: 4,
        channels: 1,
        windows,
    };
    let (mut y, mut places) = ([0.0f32; 2], [0u16; 2]);
    max_forward(&shape, &[f32::NAN, 1.0, 1.0, f32::NAN], &mut y, &mut places);
    assert!(y[1].is_nan());
    // After NaN nothing compares as larger, as in PyTorch.
    assert!(y[0].is_nan());
}
