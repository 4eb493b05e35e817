use proptest::prelude::*;

use super::{assert_close, assert_gradient, inner, normal};
use crate::kernels::activation::Activation;
use crate::kernels::gated;

const FUNCTIONS: [Activation; 4] = [
    Activation::Silu,
    Activation::Gelu,
    Activation::Sigmoid,
    Activation::Identity,
];

fn by_definition(function: Activation, units: usize, z: &[f64]) -> Vec<f64> {
    let gate = |z: f64| match function {
        Activation::Silu => z / (1.0 + (-z).exp()),
        Activation::Gelu => 0.5 * z * libm::erfc(-z / 2f64.sqrt()),
        Activation::Sigmoid => 1.0 / (1.0 + (-z).exp()),
        _ => z,
    };
    let row = |row: &[f64]| (0..units).map(|u| gate(row[u]) * row[units + u]).collect::<Vec<_>>();
    z.chunks(2 * units).flat_map(row).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn gated_units_are_their_definition(rows in 1usize..7, units in 1usize..30, which in 0usize..4) {
        let function = FUNCTIONS[which];
        let (z, dy) = (normal(1, 2 * rows * units), normal(2, rows * units));
        let mut y = vec![9.0; rows * units];
        gated::forward(function, units, &z, &mut y);
        assert_close(&y, &by_definition(function, units, &z), 1e-12);
        let (mut dz, mut taken) = (z.clone(), dy.clone());
        gated::backward(function, units, &mut dz, &mut taken, &mut y);
        assert_gradient(|z| inner(&by_definition(function, units, z), &dy), &z, &dz);
    }
}
