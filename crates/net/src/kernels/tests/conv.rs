use proptest::prelude::*;

use super::{assert_close, assert_gradient, inner, normal};
use crate::kernels::activation::Activation;
use crate::kernels::conv::{ConvGradients, ConvShape, ConvWorkspace, backward, forward};
use crate::kernels::{Element, Threads};

/// Convolution by its definition: seven nested sums.
fn naive(s: &ConvShape, x: &[f64], w: &[f64], bias: &[f64]) -> Vec<f64> {
    let (inputs, outputs) = (s.in_channels / s.groups, s.out_channels / s.groups);
    let mut y = Vec::new();
    for n in 0..s.samples {
        for oy in 0..s.out_height() {
            for ox in 0..s.out_width() {
                for (co, &bias) in bias.iter().enumerate() {
                    let mut sum = bias;
                    for ky in 0..s.kernel.0 {
                        for kx in 0..s.kernel.1 {
                            let (row, column) = (oy * s.stride.0 + ky, ox * s.stride.1 + kx);
                            let inside = row >= s.padding.0
                                && column >= s.padding.1
                                && row < s.height + s.padding.0
                                && column < s.width + s.padding.1;
                            if !inside {
                                continue;
                            }
                            let (row, column) = (row - s.padding.0, column - s.padding.1);
                            for ci in 0..inputs {
                                let channel = co / outputs * inputs + ci;
                                let at = ((n * s.height + row) * s.width + column) * s.in_channels + channel;
                                let weight = ((ky * s.kernel.1 + kx) * inputs + ci) * s.out_channels + co;
                                sum += x[at] * w[weight];
                            }
                        }
                    }
                    y.push(sum);
                }
            }
        }
    }
    y
}

struct Case<E> {
    x: Vec<E>,
    w: Vec<E>,
    bias: Vec<E>,
    dy: Vec<E>,
}

impl<E: Element> Case<E> {
    fn new(shape: &ConvShape) -> Self {
        let of = |seed, count| {
            normal(seed, count)
                .into_iter()
                .map(|v| E::from_f64((v * 256.0).round() / 256.0))
                .collect()
        };
        Self {
            x: of(1, shape.samples * shape.sample_inputs()),
            w: of(2, shape.weight_count()),
            bias: of(3, shape.out_channels),
            dy: of(4, shape.samples * shape.sample_outputs()),
        }
    }

    fn forward(&self, shape: &ConvShape, activation: Activation, threads: Threads) -> Vec<E> {
        let mut y = vec![E::from_f64(f64::NAN); self.dy.len()];
        let operands = (&self.x[..], &self.w[..], Some(&self.bias[..]));
        forward(shape, operands, activation, &mut y, &mut ConvWorkspace::new(), threads);
        y
    }

    /// Gradients of weights, bias and input.
    fn backward(&self, shape: &ConvShape, threads: Threads, workspace: &mut ConvWorkspace<E>) -> [Vec<E>; 3] {
        let nan = E::from_f64(f64::NAN);
        let [mut dw, mut db, mut dx] = [&self.w, &self.bias, &self.x].map(|v| vec![nan; v.len()]);
        let gradients = ConvGradients {
            weights: &mut dw,
            bias: Some(&mut db),
            input: Some(&mut dx),
        };
        backward(shape, (&self.x, &self.w), &self.dy, gradients, workspace, threads);
        [dw, db, dx]
    }
}

fn wide<E: Element>(values: &[E]) -> Vec<f64> {
    values.iter().map(|v| v.to_f64()).collect()
}

/// Checks values against the definition and gradients against the adjoint identities
/// ⟨dy, conv(x, w)⟩ = ⟨dx, x⟩ = ⟨dw, w⟩ that bilinearity asks for, direction by direction.
fn check<E: Element>(shape: &ConvShape, tolerance: f64) {
    let case = Case::<E>::new(shape);
    let (x, w, bias, dy) = (wide(&case.x), wide(&case.w), wide(&case.bias), wide(&case.dy));
    let expected = naive(shape, &x, &w, &bias);
    assert_close(
        &wide(&case.forward(shape, Activation::Identity, Threads::One)),
        &expected,
        tolerance,
    );
    let clipped: Vec<f64> = expected.iter().map(|y| y.max(0.0)).collect();
    assert_close(
        &wide(&case.forward(shape, Activation::Relu, Threads::One)),
        &clipped,
        tolerance,
    );
    let mut workspace = ConvWorkspace::new();
    // A workspace full of another layer's leftovers must not matter.
    let other = ConvShape {
        samples: shape.samples + 1,
        ..*shape
    };
    Case::<E>::new(&other).backward(&other, Threads::One, &mut workspace);
    let [dw, db, dx] = case.backward(shape, Threads::One, &mut workspace).map(|g| wide(&g));
    let zero = vec![0.0; bias.len()];
    // conv is linear in w and in x, so that each partial derivative is a convolution with a unit vector.
    for i in (0..w.len()).step_by(w.len() / 12 + 1) {
        let mut unit = vec![0.0; w.len()];
        unit[i] = 1.0;
        assert_close(&[dw[i]], &[inner(&naive(shape, &x, &unit, &zero), &dy)], tolerance);
    }
    for i in (0..x.len()).step_by(x.len() / 12 + 1) {
        let mut unit = vec![0.0; x.len()];
        unit[i] = 1.0;
        assert_close(&[dx[i]], &[inner(&naive(shape, &unit, &w, &zero), &dy)], tolerance);
    }
    let plain = naive(shape, &x, &w, &zero);
    let scale = 1.0 + plain.len() as f64;
    assert!(
        (inner(&dw, &w) - inner(&plain, &dy)).abs() <= tolerance * scale,
        "⟨dw, w⟩"
    );
    assert!(
        (inner(&dx, &x) - inner(&plain, &dy)).abs() <= tolerance * scale,
        "⟨dx, x⟩"
    );
    for (c, db) in db.iter().enumerate() {
        let sum: f64 = dy.iter().skip(c).step_by(shape.out_channels).sum();
        assert_close(&[*db], &[sum], tolerance);
    }
}

fn shape_from(
    samples: usize,
    (height, width): (usize, usize),
    (inputs, outputs, groups): (usize, usize, usize),
    kernel: (usize, usize),
    stride: (usize, usize),
    padding: (usize, usize),
) -> ConvShape {
    ConvShape {
        samples,
        height: height.max(kernel.0.saturating_sub(2 * padding.0)),
        width: width.max(kernel.1.saturating_sub(2 * padding.1)),
        in_channels: inputs * groups,
        out_channels: outputs * groups,
        kernel,
        stride,
        padding,
        groups,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn convolutions_are_their_definition(
        samples in 1usize..7,
        size in (1usize..9, 1usize..9),
        channels in (1usize..4, 1usize..5, 1usize..4),
        kernel in (1usize..5, 1usize..5),
        stride in (1usize..4, 1usize..4),
        padding in (0usize..4, 0usize..4),
    ) {
        let shape = shape_from(samples, size, channels, kernel, stride, padding);
        check::<f64>(&shape, 1e-11);
        check::<f32>(&shape, 1e-4);
    }

    #[test]
    fn convolutions_read_in_place_are_their_definition(
        samples in 1usize..6,
        size in (1usize..9, 1usize..9),
        channels in (16usize..40, 1usize..80),
        kernel in (1usize..5, 2usize..5),
        padding in (0usize..4, 0usize..4),
    ) {
        let shape = shape_from(samples, size, (channels.0, channels.1, 1), kernel, (1, 1), padding);
        check::<f32>(&shape, 2e-4);
    }

    #[test]
    fn convolutions_by_tiles_are_their_definition(
        samples in 1usize..6,
        size in (2usize..12, 2usize..12),
        channels in (16usize..40, 16usize..70),
        padding in (0usize..3, 0usize..3),
    ) {
        let shape = shape_from(samples, size, (channels.0, channels.1, 1), (3, 3), (1, 1), padding);
        check::<f32>(&shape, 2e-4);
        check::<f64>(&shape, 1e-10);
    }

    #[test]
    fn depthwise_convolutions_are_their_definition(
        samples in 1usize..5,
        size in (1usize..9, 1usize..9),
        channels in 2usize..20,
        kernel in (1usize..4, 1usize..4),
        stride in (1usize..3, 1usize..3),
        padding in (0usize..2, 0usize..2),
    ) {
        let shape = shape_from(samples, size, (1, 1, channels), kernel, stride, padding);
        check::<f64>(&shape, 1e-11);
        check::<f32>(&shape, 1e-4);
    }
}

#[test]
fn weight_gradients_agree_with_finite_differences() {
    let shape = shape_from(3, (5, 4), (2, 3, 2), (3, 2), (2, 1), (1, 1));
    let case = Case::<f64>::new(&shape);
    let [dw, _, dx] = case.backward(&shape, Threads::One, &mut ConvWorkspace::new());
    let loss = |x: &[f64], w: &[f64]| {
        let mut y = vec![0.0; case.dy.len()];
        forward(
            &shape,
            (x, w, None),
            Activation::Identity,
            &mut y,
            &mut ConvWorkspace::new(),
            Threads::One,
        );
        inner(&y, &case.dy)
    };
    assert_gradient(|w| loss(&case.x, w), &case.w, &dw);
    assert_gradient(|x| loss(x, &case.w), &case.x, &dx);
}

#[test]
fn convolutions_are_equal_bit_by_bit_on_any_number_of_threads() {
    let shapes = [
        shape_from(13, (8, 8), (1, 8, 1), (3, 3), (1, 1), (1, 1)),
        shape_from(13, (8, 8), (16, 24, 1), (3, 3), (1, 1), (1, 1)),
        shape_from(13, (8, 8), (16, 24, 1), (3, 2), (1, 1), (1, 1)),
        shape_from(13, (8, 8), (3, 4, 2), (3, 3), (2, 2), (1, 1)),
        shape_from(13, (8, 8), (1, 1, 6), (3, 3), (1, 1), (1, 1)),
    ];
    for shape in shapes {
        let case = Case::<f32>::new(&shape);
        let one = case.backward(&shape, Threads::One, &mut ConvWorkspace::new());
        let y = case.forward(&shape, Activation::Tanh, Threads::One);
        for count in [2, 4] {
            assert!(
                one == case.backward(&shape, Threads::Pool(count), &mut ConvWorkspace::new()),
                "{shape:?}"
            );
            assert!(
                y == case.forward(&shape, Activation::Tanh, Threads::Pool(count)),
                "{shape:?}"
            );
        }
    }
}

#[test]
fn a_sample_has_the_same_bits_in_any_batch() {
    // Blocks of tiles run across samples: that must not show.
    let shape = shape_from(5, (7, 5), (16, 20, 1), (3, 3), (1, 1), (1, 1));
    let case = Case::<f32>::new(&shape);
    let all = case.forward(&shape, Activation::Relu, Threads::One);
    let single = ConvShape { samples: 1, ..shape };
    for (x, y) in case
        .x
        .chunks(shape.sample_inputs())
        .zip(all.chunks(shape.sample_outputs()))
    {
        let mut own = vec![0.0; y.len()];
        let operands = (x, &case.w[..], Some(&case.bias[..]));
        forward(
            &single,
            operands,
            Activation::Relu,
            &mut own,
            &mut ConvWorkspace::new(),
            Threads::One,
        );
        assert!(own == y);
    }
}

#[test]
fn one_dimensional_convolution_is_a_convolution_of_height_one() {
    // By hand: x = 1 2 3 4, kernel 1 0 −1, padding 1: y = [0−2, 1−3, 2−4, 3−0].
    let shape = shape_from(1, (1, 4), (1, 1, 1), (1, 3), (1, 1), (0, 1));
    let mut y = [0.0f32; 4];
    let operands = (&[1.0f32, 2.0, 3.0, 4.0][..], &[1.0f32, 0.0, -1.0][..], None);
    forward(
        &shape,
        operands,
        Activation::Identity,
        &mut y,
        &mut ConvWorkspace::new(),
        Threads::One,
    );
    assert_eq!(y, [-2.0, -2.0, -2.0, 3.0]);
}
