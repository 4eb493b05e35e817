use super::{assert_close, assert_gradient, double, inner, normal, single};
use crate::kernels::Element;
use crate::kernels::activation::{Activation, prelu, prelu_backward};

const ALL: [Activation; 7] = [
    Activation::Identity,
    Activation::Relu,
    Activation::LeakyRelu { slope: 0.1 },
    Activation::Sigmoid,
    Activation::Tanh,
    Activation::Gelu,
    Activation::Silu,
];

fn by_definition(activation: Activation, z: f64) -> f64 {
    match activation {
        Activation::Identity => z,
        Activation::Relu => z.max(0.0),
        Activation::LeakyRelu { slope } => z.max(slope * z),
        Activation::Sigmoid => 1.0 / (1.0 + (-z).exp()),
        Activation::Tanh => z.tanh(),
        Activation::Gelu => 0.5 * z * libm::erfc(-z / 2f64.sqrt()),
        Activation::Silu => z / (1.0 + (-z).exp()),
    }
}

#[test]
fn activations_are_their_definitions_in_both_precisions() {
    let z: Vec<f64> = (-4000..=4000).map(|i| f64::from(i) * 0.005).collect();
    for activation in ALL {
        let expected: Vec<f64> = z.iter().map(|&z| by_definition(activation, z)).collect();
        let mut wide = z.clone();
        activation.apply(&mut wide);
        assert_close(&wide, &expected, 1e-14);
        let mut narrow = single(&z);
        activation.apply(&mut narrow);
        assert_close(&double(&narrow), &expected, 1.5e-6);
    }
}

#[test]
fn derivatives_agree_with_finite_differences() {
    let z = normal(1, 37);
    let r = normal(2, 37);
    for activation in [&ALL[..], &[Activation::LeakyRelu { slope: -0.2 }]].concat() {
        let loss = |z: &[f64]| {
            let mut y = z.to_vec();
            activation.apply(&mut y);
            inner(&y, &r)
        };
        let mut y = z.clone();
        activation.apply(&mut y);
        let saved = if activation.needs_preactivation() { &z } else { &y };
        let mut gradient = r.clone();
        activation.backward(saved, &mut gradient);
        assert_gradient(loss, &z, &gradient);
    }
}

#[test]
fn values_and_derivatives_at_a_point_are_those_of_whole_slices() {
    let z = normal(3, 29);
    for activation in ALL {
        for &z in &z {
            let step = 1e-6;
            let value = |z: f64| by_definition(activation, z);
            assert!((activation.value(z) - value(z)).abs() < 1e-12, "{activation:?}");
            let difference = (value(z + step) - value(z - step)) / (2.0 * step);
            assert!(
                (activation.derivative(z) - difference).abs() < 1e-7,
                "{activation:?} at {z}"
            );
        }
    }
}

#[test]
fn relu_has_derivative_zero_at_zero() {
    let mut gradient = [3.0f32, 3.0, 3.0];
    Activation::Relu.backward(&[0.0, -0.0, 1e-30], &mut gradient);
    assert_eq!(gradient, [0.0, 0.0, 3.0]);
}

#[test]
fn nan_and_infinity_pass_through() {
    for activation in ALL {
        let mut values = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
        activation.apply(&mut values);
        assert!(values[0].is_nan(), "{activation:?}");
        if !matches!(activation, Activation::Gelu | Activation::Silu) {
            let limit = by_definition(activation, f64::INFINITY) as f32;
            assert_eq!(values[1], limit, "{activation:?}");
        }
    }
}

#[test]
fn single_precision_exp_is_within_two_units_in_the_last_place() {
    for i in -10_300..=8_870 {
        let x = i as f32 * 0.01;
        let exact = f64::from(x).exp();
        let found = f64::from(Element::exp(x));
        let unit = f64::from(f32::EPSILON) * exact.max(f64::from(f32::MIN_POSITIVE));
        assert!(
            (found - exact).abs() <= 1.5 * unit,
            "exp({x}) = {found}, expected {exact}"
        );
    }
    assert_eq!(Element::exp(200f32), f32::INFINITY);
    assert_eq!(Element::exp(-200f32), 0.0);
}

#[test]
fn single_precision_tanh_and_erf_are_close() {
    for i in -4_000..=4_000 {
        let x = i as f32 * 0.002;
        let tanh = f64::from(Element::tanh(x));
        assert!(
            (tanh - f64::from(x).tanh()).abs() <= 2e-7 * f64::from(x).tanh().abs(),
            "tanh({x})"
        );
        let erf = f64::from(Element::erf(x));
        assert!((erf - libm::erf(f64::from(x))).abs() <= 3e-7, "erf({x})");
    }
}

#[test]
fn prelu_and_its_gradients_agree_with_finite_differences() {
    let (z, slopes, r) = (normal(1, 5 * 7), normal(2, 7), normal(3, 5 * 7));
    let loss = |z: &[f64], slopes: &[f64]| {
        let mut y = z.to_vec();
        prelu(&mut y, slopes);
        inner(&y, &r)
    };
    let expected: Vec<f64> = z
        .iter()
        .enumerate()
        .map(|(i, &z)| if z > 0.0 { z } else { slopes[i % 7] * z })
        .collect();
    let mut y = z.clone();
    prelu(&mut y, &slopes);
    assert_close(&y, &expected, 1e-15);
    let (mut gradient, mut slope_gradient) = (r.clone(), vec![9.0; 7]);
    prelu_backward(&z, &slopes, &mut gradient, &mut slope_gradient);
    assert_gradient(|z| loss(z, &slopes), &z, &gradient);
    assert_gradient(|slopes| loss(&z, slopes), &slopes, &slope_gradient);
}
