//! The same kernels on every instruction set that the processor has.

use super::{assert_close, double, normal, single};
use crate::kernels::InstructionSet::{Avx2, Avx512, Baseline};
use crate::kernels::activation::Activation;
use crate::kernels::conv::{ConvGradients, ConvShape, ConvWorkspace, backward, forward};
use crate::kernels::loss::softmax_cross_entropy;
use crate::kernels::norm::{Affine, NormState, batch_forward};
use crate::kernels::optimizer::{Adam, Schedule};
use crate::kernels::simd::limited;
use crate::kernels::statistics::{ColumnStatistics, column_sums};
use crate::kernels::{Threads, instruction_set};

/// Runs kernels that hold no product and returns all they write.
fn pointwise() -> Vec<u32> {
    let x = single(&normal(1, 37 * 45));
    let mut written = Vec::new();
    for activation in [
        Activation::Relu,
        Activation::Sigmoid,
        Activation::Tanh,
        Activation::Gelu,
    ] {
        let mut y = x.clone();
        activation.apply(&mut y);
        written.extend_from_slice(&y);
        let mut gradient = single(&normal(2, x.len()));
        activation.backward(&x, &mut gradient);
        written.extend(gradient);
    }
    let mut sums = vec![0.0f32; 45];
    column_sums(&x, &mut sums);
    written.extend(&sums);
    let mut gradient = vec![0.0; x.len()];
    let targets: Vec<u32> = (0..37).collect();
    let outcome = softmax_cross_entropy(&x, 45, &targets, None, &mut gradient);
    written.push(outcome.loss as f32);
    let mut y = vec![0.0; x.len()];
    let affine = Affine {
        scale: &[1.5; 45],
        shift: &[0.5; 45],
    };
    batch_forward(&x, affine, 1e-5, None, &mut NormState::new(), &mut y);
    written.extend(y);
    let (mut p, mut m, mut v) = (x.clone(), vec![0.1; x.len()], vec![0.2; x.len()]);
    let rule = Adam {
        learning_rate: 0.1,
        beta1: 0.9,
        beta2: 0.99,
        epsilon: 1e-8,
        weight_decay: 0.01,
        decoupled: true,
    };
    rule.step(&mut p, &gradient, [&mut m, &mut v], Schedule::uniform(3));
    written.extend(p);
    let mut statistics = ColumnStatistics::new(45);
    statistics.observe(&x);
    written.extend(statistics.deviation.iter().map(|&d| d as f32));
    written.into_iter().map(f32::to_bits).collect()
}

#[test]
fn kernels_without_products_give_the_same_bits_on_every_instruction_set() {
    let plain = limited(Baseline, pointwise);
    assert!(plain == limited(Avx2, pointwise), "AVX2");
    assert!(plain == limited(Avx512, pointwise), "AVX-512");
}

#[test]
fn convolutions_agree_between_instruction_sets() {
    // The second is computed by tiles.
    for out_channels in [9, 20] {
        check_convolution(out_channels);
    }
}

fn check_convolution(out_channels: usize) {
    let shape = ConvShape {
        samples: 5,
        height: 6,
        width: 7,
        in_channels: 20,
        out_channels,
        kernel: (3, 3),
        stride: (1, 1),
        padding: (1, 1),
        groups: 1,
    };
    let x = single(&normal(1, 5 * shape.sample_inputs()));
    let (w, dy) = (
        single(&normal(2, shape.weight_count())),
        single(&normal(3, 5 * shape.sample_outputs())),
    );
    let run = || {
        let mut y = vec![0.0f32; dy.len()];
        let mut workspace = ConvWorkspace::new();
        forward(
            &shape,
            (&x, &w, None),
            Activation::Identity,
            &mut y,
            &mut workspace,
            Threads::One,
        );
        let (mut dw, mut dx) = (w.clone(), x.clone());
        let gradients = ConvGradients {
            weights: &mut dw,
            bias: None,
            input: Some(&mut dx),
        };
        backward(&shape, (&x, &w), &dy, gradients, &mut workspace, Threads::One);
        [y, dw, dx]
    };
    let widest = run();
    for limit in [Baseline, Avx2] {
        assert!(limited(limit, instruction_set) <= limit);
        for (found, expected) in limited(limit, run).iter().zip(&widest) {
            assert_close(&double(found), &double(expected), 1e-4);
        }
    }
}
