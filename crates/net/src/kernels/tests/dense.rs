use proptest::prelude::*;

use super::{assert_close, assert_gradient, double, inner, normal};
use crate::kernels::activation::Activation;
use crate::kernels::dense::{DenseGradients, backward, forward};
use crate::kernels::{Element, ProductShape, Threads};

struct Case<E> {
    shape: ProductShape,
    x: Vec<E>,
    w: Vec<E>,
    bias: Vec<E>,
    dy: Vec<E>,
}

/// Outputs and the gradients of weights, bias and input.
type Found<E> = (Vec<E>, Vec<E>, Vec<E>, Vec<E>);

impl<E: Element> Case<E> {
    fn new(rows: usize, fan_in: usize, fan_out: usize) -> Self {
        let of = |seed, count| normal(seed, count).into_iter().map(E::from_f64).collect::<Vec<E>>();
        Self {
            shape: ProductShape { rows, fan_in, fan_out },
            x: of(1, rows * fan_in),
            w: of(2, fan_in * fan_out),
            bias: of(3, fan_out),
            dy: of(4, rows * fan_out),
        }
    }

    fn run(&self, activation: Activation, threads: Threads) -> Found<E> {
        let mut y = vec![E::ZERO; self.dy.len()];
        let mut kept = vec![E::ZERO; self.dy.len()];
        let needs = activation.needs_preactivation();
        let operands = (&self.x[..], &self.w[..], Some(&self.bias[..]));
        forward(
            self.shape,
            operands,
            activation,
            &mut y,
            needs.then_some(&mut kept[..]),
            threads,
        );
        let saved = if needs { &kept } else { &y };
        let mut gradient = self.dy.clone();
        let (mut dw, mut db, mut dx) = (
            vec![E::ONE; self.w.len()],
            vec![E::ONE; self.bias.len()],
            vec![E::ONE; self.x.len()],
        );
        let gradients = DenseGradients {
            weights: &mut dw,
            bias: Some(&mut db),
            input: Some(&mut dx),
        };
        backward(
            self.shape,
            (&self.x, &self.w),
            (activation, saved),
            &mut gradient,
            gradients,
            threads,
        );
        (y, dw, db, dx)
    }
}

fn wide<E: Element>(values: &[E]) -> Vec<f64> {
    values.iter().map(|v| v.to_f64()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn gradients_agree_with_finite_differences(rows in 1usize..6, fan_in in 1usize..7, fan_out in 1usize..7, kind in 0usize..5) {
        let activation = [
            Activation::Identity,
            Activation::LeakyRelu { slope: 0.3 },
            Activation::Sigmoid,
            Activation::Tanh,
            Activation::Gelu,
        ][kind];
        let case = Case::<f64>::new(rows, fan_in, fan_out);
        let (_, dw, db, dx) = case.run(activation, Threads::One);
        let loss = |x: &[f64], w: &[f64], bias: &[f64]| {
            let mut y = vec![0.0; case.dy.len()];
            forward(case.shape, (x, w, Some(bias)), activation, &mut y, None, Threads::One);
            inner(&y, &case.dy)
        };
        assert_gradient(|w| loss(&case.x, w, &case.bias), &case.w, &dw);
        assert_gradient(|b| loss(&case.x, &case.w, b), &case.bias, &db);
        assert_gradient(|x| loss(x, &case.w, &case.bias), &case.x, &dx);
    }

    #[test]
    fn single_precision_agrees_with_double(rows in 1usize..200, fan_in in 1usize..90, fan_out in 1usize..140, kind in 0usize..3) {
        let activation = [Activation::Relu, Activation::Tanh, Activation::Gelu][kind];
        let narrow = Case::<f32>::new(rows, fan_in, fan_out);
        let exact = Case::<f64> {
            shape: narrow.shape,
            x: wide(&narrow.x),
            w: wide(&narrow.w),
            bias: wide(&narrow.bias),
            dy: wide(&narrow.dy),
        };
        let (found, expected) = (narrow.run(activation, Threads::One), exact.run(activation, Threads::One));
        assert_close(&double(&found.0), &expected.0, 1e-4);
        // A pre-activation next to zero may fall on either side of ReLU's kink.
        if activation != Activation::Relu {
            assert_close(&double(&found.1), &expected.1, 2e-4);
            assert_close(&double(&found.2), &expected.2, 2e-4);
            assert_close(&double(&found.3), &expected.3, 2e-4);
        }
    }
}

#[test]
fn relu_outputs_and_gradients_are_those_worked_out_by_hand() {
    // z = x·w + b = [1·1 + 2·3 − 6, 1·(−2) + 2·1 + 0.5] = [1, 0.5]; second row [−1·1 + 0 − 6, 2 + 0.5] = [−7, 2.5].
    let shape = ProductShape {
        rows: 2,
        fan_in: 2,
        fan_out: 2,
    };
    let (x, w, b) = ([1.0f32, 2.0, -1.0, 0.0], [1.0f32, -2.0, 3.0, 1.0], [-6.0f32, 0.5]);
    let mut y = [9.0f32; 4];
    forward(shape, (&x, &w, Some(&b)), Activation::Relu, &mut y, None, Threads::One);
    assert_eq!(y, [1.0, 0.5, 0.0, 2.5]);
    let mut gradient = [1.0f32, 10.0, 100.0, 1000.0];
    let (mut dw, mut db, mut dx) = ([0.0f32; 4], [0.0f32; 2], [0.0f32; 4]);
    let gradients = DenseGradients {
        weights: &mut dw,
        bias: Some(&mut db),
        input: Some(&mut dx),
    };
    backward(
        shape,
        (&x, &w),
        (Activation::Relu, &y),
        &mut gradient,
        gradients,
        Threads::One,
    );
    assert_eq!(gradient, [1.0, 10.0, 0.0, 1000.0]);
    assert_eq!(db, [1.0, 1010.0]);
    // dw = xᵀ·dz: [1·1, 1·10 − 1·1000; 2·1, 2·10].
    assert_eq!(dw, [1.0, -990.0, 2.0, 20.0]);
    // dx = dz·wᵀ: [1 − 20, 3 + 10; −2000, 1000].
    assert_eq!(dx, [-19.0, 13.0, -2000.0, 1000.0]);
}

#[test]
fn dense_layers_are_equal_bit_by_bit_on_any_number_of_threads() {
    let case = Case::<f32>::new(128, 300, 200);
    let one = case.run(Activation::Relu, Threads::One);
    assert!(one == case.run(Activation::Relu, Threads::Pool(2)));
    assert!(one == case.run(Activation::Relu, Threads::Pool(4)));
}
