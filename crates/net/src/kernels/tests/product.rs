use proptest::prelude::*;

use super::{assert_close, double, normal, single};
use crate::kernels::product::{
    Epilogue, Operands, ProductShape, Strided, Threads, forward, input_gradient, product_by_crate, weight_gradient,
};
use crate::kernels::{Element, InstructionSet, instruction_set};

/// Sums by definition, in double precision.
fn naive(
    m: usize,
    n: usize,
    k: usize,
    left: impl Fn(usize, usize) -> f64,
    right: impl Fn(usize, usize) -> f64,
) -> Vec<f64> {
    (0..m * n)
        .map(|at| (0..k).map(|p| left(at / n, p) * right(p, at % n)).sum())
        .collect()
}

fn check_three<E: Element>(shape: ProductShape, tolerance: f64) {
    let ProductShape { rows, fan_in, fan_out } = shape;
    let of = |values: Vec<f64>| -> (Vec<E>, Vec<f64>) {
        let rounded: Vec<E> = values.iter().map(|&v| E::from_f64(v)).collect();
        let exact = rounded.iter().map(|v| v.to_f64()).collect();
        (rounded, exact)
    };
    let (x, xd) = of(normal(1, rows * fan_in));
    let (w, wd) = of(normal(2, fan_in * fan_out));
    let (dy, dyd) = of(normal(3, rows * fan_out));
    let wide = |values: &[E]| values.iter().map(|v| v.to_f64()).collect::<Vec<_>>();
    for accumulate in [false, true] {
        let start = if accumulate {
            E::from_f64(0.5)
        } else {
            E::from_f64(f64::NAN)
        };
        let add = |values: Vec<f64>| -> Vec<f64> {
            values
                .into_iter()
                .map(|v| if accumulate { v + 0.5 } else { v })
                .collect()
        };
        let mut y = vec![start; rows * fan_out];
        forward(shape, &x, &w, &mut y, accumulate, Threads::One);
        let expected = naive(
            rows,
            fan_out,
            fan_in,
            |i, p| xd[i * fan_in + p],
            |p, j| wd[p * fan_out + j],
        );
        assert_close(&wide(&y), &add(expected), tolerance);
        let mut dw = vec![start; fan_in * fan_out];
        weight_gradient(shape, &x, &dy, &mut dw, accumulate, Threads::One);
        let expected = naive(
            fan_in,
            fan_out,
            rows,
            |i, p| xd[p * fan_in + i],
            |p, j| dyd[p * fan_out + j],
        );
        assert_close(&wide(&dw), &add(expected), tolerance);
        let mut dx = vec![start; rows * fan_in];
        input_gradient(shape, &dy, &w, &mut dx, accumulate, Threads::One);
        let expected = naive(
            rows,
            fan_in,
            fan_out,
            |i, p| dyd[i * fan_out + p],
            |p, j| wd[j * fan_out + p],
        );
        assert_close(&wide(&dx), &add(expected), tolerance);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_three_products_are_their_definitions(rows in 1usize..40, fan_in in 1usize..150, fan_out in 1usize..150) {
        let shape = ProductShape { rows, fan_in, fan_out };
        check_three::<f32>(shape, 2e-5);
        check_three::<f64>(shape, 1e-13);
    }

    #[test]
    fn micro_kernels_agree_with_the_gemm_crate(
        (m, n, k) in (1usize..70, 1usize..150, 0usize..40),
        transposed in (any::<bool>(), any::<bool>()),
        (accumulate, biased, relu, gap) in (any::<bool>(), any::<bool>(), any::<bool>(), 0usize..5),
    ) {
        if instruction_set() != InstructionSet::Avx512 {
            return Ok(());
        }
        let (a, b, bias) = (single(&normal(4, m * k)), single(&normal(5, k * n)), single(&normal(6, n)));
        let left = if transposed.0 { Strided::transposed(&a, m) } else { Strided::row_major(&a, k) };
        let right = if transposed.1 { Strided::transposed(&b, k) } else { Strided::row_major(&b, n) };
        let epilogue = Epilogue { bias: biased.then_some(&bias[..]), relu };
        let start = single(&normal(7, m * (n + gap)));
        let (mut own, mut other) = (start.clone(), start.clone());
        let operands = |out| Operands { rows: m, columns: n, inner: k, left, right, out, out_stride: n + gap, accumulate };
        crate::kernels::tile::product(operands(&mut own), epilogue, Threads::One);
        product_by_crate(operands(&mut other), epilogue, Threads::One);
        assert_close(&double(&own), &double(&other), 1e-5);
        for row in 0..m {
            let gap = row * (n + gap) + n..(row + 1) * (n + gap);
            prop_assert_eq!(&own[gap.clone()], &start[gap], "what lies between rows stays");
        }
    }
}

#[test]
fn long_sums_and_tall_blocks_are_right() {
    check_three::<f32>(
        ProductShape {
            rows: 1100,
            fan_in: 70,
            fan_out: 65,
        },
        1e-4,
    );
    check_three::<f32>(
        ProductShape {
            rows: 30,
            fan_in: 1030,
            fan_out: 10,
        },
        1e-4,
    );
    check_three::<f32>(
        ProductShape {
            rows: 16,
            fan_in: 40,
            fan_out: 600,
        },
        1e-4,
    );
}

#[test]
fn products_are_equal_bit_by_bit_on_any_number_of_threads() {
    for (rows, fan_in, fan_out) in [(128, 784, 40), (128, 300, 300), (700, 130, 150), (40, 1500, 64)] {
        let shape = ProductShape { rows, fan_in, fan_out };
        let (x, w, dy) = (
            normal(1, rows * fan_in),
            normal(2, fan_in * fan_out),
            normal(3, rows * fan_out),
        );
        let (x, w, dy) = (single(&x), single(&w), single(&dy));
        let run = |threads| {
            let (mut y, mut dw, mut dx) = (vec![0f32; dy.len()], vec![0f32; w.len()], vec![0f32; x.len()]);
            forward(shape, &x, &w, &mut y, false, threads);
            weight_gradient(shape, &x, &dy, &mut dw, false, threads);
            input_gradient(shape, &dy, &w, &mut dx, false, threads);
            (y, dw, dx)
        };
        let one = run(Threads::One);
        for count in [2, 3, 4] {
            assert!(one == run(Threads::Pool(count)), "{shape:?} with {count} threads");
        }
    }
}

#[test]
fn relu_in_the_epilogue_lets_nan_pass() {
    let mut y = [0.0f32; 2];
    let operands = Operands {
        rows: 1,
        columns: 2,
        inner: 1,
        left: Strided::row_major(&[1.0f32], 1),
        right: Strided::row_major(&[f32::NAN, -3.0], 2),
        out: &mut y,
        out_stride: 2,
        accumulate: false,
    };
    f32::product(operands, Epilogue { bias: None, relu: true }, Threads::One);
    assert!(y[0].is_nan());
    assert_eq!(y[1], 0.0);
}

#[test]
#[should_panic(expected = "left operand")]
fn a_short_operand_is_refused() {
    let shape = ProductShape {
        rows: 4,
        fan_in: 4,
        fan_out: 4,
    };
    forward(shape, &[0.0f32; 15], &[0.0; 16], &mut [0.0; 16], false, Threads::One);
}
