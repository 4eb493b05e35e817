use espalier_seed::Seed;
use proptest::prelude::*;

use super::{assert_close, normal};
use crate::kernels::InstructionSet::{Avx2, Avx512, Baseline};
use crate::kernels::simd::limited;
use crate::kernels::sparse::{Foreground, forward, weight_gradient};
use crate::kernels::{Element, InstructionSet, Threads, instruction_set};

/// A layer, a batch of which a share is background, and a gradient of the layer's output.
struct Case<E> {
    rows: usize,
    fan_in: usize,
    fan_out: usize,
    background: E,
    x: Vec<E>,
    w: Vec<E>,
    bias: Vec<E>,
    dy: Vec<E>,
}

impl<E: Element> Case<E> {
    fn new([rows, fan_in, fan_out]: [usize; 3], background: f64, share: f64) -> Self {
        let of = |values: Vec<f64>| values.into_iter().map(E::from_f64).collect::<Vec<E>>();
        let mut stream = Seed::new(5).named("background").stream();
        let mut x = of(normal(1, rows * fan_in));
        for x in &mut x {
            if stream.uniform() < share {
                *x = E::from_f64(background);
            }
        }
        Self {
            rows,
            fan_in,
            fan_out,
            background: E::from_f64(background),
            x,
            w: of(normal(2, fan_in * fan_out)),
            bias: of(normal(3, fan_out)),
            dy: of(normal(4, rows * fan_out)),
        }
    }

    /// Outputs and gradients of the weights.
    fn run(&self, relu: bool, threads: Threads) -> (Vec<E>, Vec<E>) {
        let (mut y, mut dw) = (
            vec![E::NEG_INFINITY; self.dy.len()],
            vec![E::NEG_INFINITY; self.w.len()],
        );
        let mut foreground = Foreground::default();
        foreground.read(&self.x, self.fan_in, self.background);
        forward(&foreground, (&self.w, Some(&self.bias)), relu, &mut y, threads);
        weight_gradient(&mut foreground, &self.dy, &mut dw, threads);
        (y, dw)
    }

    /// The same by definition, in double precision.
    fn expected(&self) -> (Vec<f64>, Vec<f64>) {
        let (rows, fan_in, fan_out) = (self.rows, self.fan_in, self.fan_out);
        let product = |a: E, b: E| a.to_f64() * b.to_f64();
        let output = |at: usize| {
            let (i, j) = (at / fan_out, at % fan_out);
            let terms = (0..fan_in).map(|k| product(self.x[i * fan_in + k], self.w[k * fan_out + j]));
            terms.sum::<f64>() + self.bias[j].to_f64()
        };
        let gradient = |at: usize| {
            let (k, j) = (at / fan_out, at % fan_out);
            (0..rows)
                .map(|i| product(self.x[i * fan_in + k], self.dy[i * fan_out + j]))
                .sum::<f64>()
        };
        (
            (0..rows * fan_out).map(output).collect(),
            (0..fan_in * fan_out).map(gradient).collect(),
        )
    }

    fn check(&self, tolerance: f64, threads: Threads) {
        let wide = |values: &[E]| values.iter().map(|v| v.to_f64()).collect::<Vec<f64>>();
        let (y, dw) = self.run(false, Threads::One);
        let (expected_y, expected_dw) = self.expected();
        assert_close(&wide(&y), &expected_y, tolerance);
        assert_close(&wide(&dw), &expected_dw, tolerance);
        let (rectified, again) = self.run(true, threads);
        assert!(rectified.iter().zip(&y).all(|(r, y)| *r == y.greater(E::ZERO)));
        assert_eq!(again, dw, "gradients on several threads");
    }
}

fn shapes() -> impl Strategy<Value = [usize; 3]> {
    let sizes = |edges: &'static [usize], most: usize| prop_oneof![proptest::sample::select(edges), 1..most];
    (
        sizes(&[127, 128, 129, 256], 300),
        sizes(&[95, 96, 97, 192], 210),
        sizes(&[15, 16, 17, 32, 48, 63, 64, 65, 128], 150),
    )
        .prop_map(|(rows, fan_in, fan_out)| [rows, fan_in, fan_out])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn products_agree_with_their_definition(
        shape in shapes(),
        background in prop_oneof![Just(0.0), Just(-0.4242), -2.0..2.0],
        share in prop_oneof![Just(0.0), Just(1.0), 0.0..1.0],
    ) {
        Case::<f32>::new(shape, background, share).check(2e-4, Threads::Pool(3));
        Case::<f64>::new(shape, background, share).check(1e-11, Threads::Pool(3));
        // The pool's threads know of no limit.
        for limit in [Avx2, Baseline] {
            limited(limit, || Case::<f32>::new(shape, background, share).check(2e-4, Threads::One));
        }
    }

    #[test]
    fn a_row_has_the_same_bits_in_any_batch(shape in shapes(), row in 0usize..300) {
        let whole = Case::<f32>::new(shape, -0.4, 0.8);
        let row = row % whole.rows;
        let (y, _) = whole.run(true, Threads::One);
        let alone = Case {
            rows: 1,
            x: whole.x[row * whole.fan_in..(row + 1) * whole.fan_in].to_vec(),
            dy: whole.dy[..whole.fan_out].to_vec(),
            ..Case::<f32>::new(shape, -0.4, 0.8)
        };
        prop_assert_eq!(&y[row * whole.fan_out..(row + 1) * whole.fan_out], &alone.run(true, Threads::One).0);
    }
}

#[test]
fn the_portable_kernels_have_the_same_bits_on_every_instruction_set() {
    let bits = |limit: InstructionSet| {
        limited(limit, || {
            let (y, dw) = Case::<f64>::new([130, 100, 70], -0.4, 0.8).run(true, Threads::One);
            y.into_iter().chain(dw).map(f64::to_bits).collect::<Vec<u64>>()
        })
    };
    assert_eq!(bits(Avx512), bits(Baseline));
    assert_eq!(bits(Avx2), bits(Baseline));
}

#[test]
fn what_is_no_number_passes_and_is_no_background() {
    for limit in [instruction_set(), Baseline] {
        limited(limit, || {
            let mut case = Case::<f32>::new([3, 40, 20], 0.5, 0.9);
            case.x[40 + 7] = f32::NAN;
            let (y, dw) = case.run(true, Threads::One);
            assert!(y[20..40].iter().all(|y| y.is_nan()), "the row");
            assert!(y[..20].iter().chain(&y[40..]).all(|y| !y.is_nan()), "other rows");
            assert!(dw[7 * 20..8 * 20].iter().all(|g| g.is_nan()), "the column");
            assert_eq!(dw.iter().filter(|g| g.is_nan()).count(), 20, "other columns");
        });
    }
}

#[test]
fn lists_of_the_batch_before_do_not_show() {
    let (large, small) = (
        Case::<f32>::new([200, 150, 70], -0.4, 0.3),
        Case::<f32>::new([5, 40, 70], 0.0, 0.9),
    );
    let mut foreground = Foreground::default();
    let mut run = |case: &Case<f32>| {
        let (mut y, mut dw) = (case.dy.clone(), case.w.clone());
        foreground.read(&case.x, case.fan_in, case.background);
        forward(&foreground, (&case.w, Some(&case.bias)), true, &mut y, Threads::One);
        weight_gradient(&mut foreground, &case.dy, &mut dw, Threads::One);
        (y, dw)
    };
    run(&large);
    assert_eq!(run(&small), small.run(true, Threads::One));
}
