//! Times the kernels of one training step; products and convolutions as operations per second, to be set beside `peak`.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use espalier_bench::cell::BATCH;
use espalier_bench::peak::Peak;
use espalier_net::kernels::Threads;
use espalier_net::kernels::loss::softmax_cross_entropy;
use espalier_net::kernels::product::{self, ProductShape};
use espalier_net::kernels::statistics::column_sums;
use espalier_net::{Optimizer, OptimizerKind, models};
use espalier_seed::Seed;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const WIDTHS: [usize; 4] = [32, 128, 512, 2048];

fn main() {
    let gflops = Peak::default().measure(1.0) / 1e9;
    #[allow(clippy::print_stdout)]
    {
        println!("product peak of one thread: {gflops:.0} G operations/s");
    }
    divan::main();
}

fn data(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i * 7919 % 1013) as f32 / 1013.0 - 0.5).collect()
}

fn shape(width: usize) -> (ProductShape, ItemsCount) {
    let shape = ProductShape {
        rows: BATCH,
        fan_in: 784,
        fan_out: width,
    };
    (shape, ItemsCount::new(2 * BATCH * 784 * width))
}

/// y = x · w of the first layer; items are floating-point operations.
#[divan::bench(args = WIDTHS)]
fn forward(bencher: Bencher<'_, '_>, width: usize) {
    let (shape, operations) = shape(width);
    let (x, w, mut y) = (data(BATCH * 784), data(784 * width), data(BATCH * width));
    bencher
        .counter(operations)
        .bench_local(|| product::forward(shape, black_box(&x), &w, &mut y, false, Threads::One));
}

/// dw = xᵀ · dy of the first layer; items are floating-point operations.
#[divan::bench(args = WIDTHS)]
fn weight_gradient(bencher: Bencher<'_, '_>, width: usize) {
    let (shape, operations) = shape(width);
    let (x, dy, mut dw) = (data(BATCH * 784), data(BATCH * width), data(784 * width));
    bencher
        .counter(operations)
        .bench_local(|| product::weight_gradient(shape, black_box(&x), &dy, &mut dw, false, Threads::One));
}

/// dx = dy · wᵀ; items are floating-point operations.
#[divan::bench(args = WIDTHS)]
fn input_gradient(bencher: Bencher<'_, '_>, width: usize) {
    let (shape, operations) = shape(width);
    let (dy, w, mut dx) = (data(BATCH * width), data(784 * width), data(BATCH * 784));
    bencher
        .counter(operations)
        .bench_local(|| product::input_gradient(shape, black_box(&dy), &w, &mut dx, false, Threads::One));
}

/// Adam on all parameters of 784-H-10; items are parameters.
#[divan::bench(args = WIDTHS)]
fn adam(bencher: Bencher<'_, '_>, width: usize) {
    let mut network = models::mlp::<f32>(784, &[width], 10, &Seed::new(1)).expect("a valid MLP");
    let mut optimizer = Optimizer::new(OptimizerKind::adam(), &network).expect("Adam's defaults are valid");
    let gradients: Vec<Vec<f32>> = network.parameters().iter().map(|p| data(p.values().len())).collect();
    let items = ItemsCount::new(network.parameter_count() as usize);
    bencher
        .counter(items)
        .bench_local(|| optimizer.step(&mut network, |id| &gradients[id.index()], 1e-3));
}

/// Softmax, cross-entropy and their gradient on 128 × 10 logits.
#[divan::bench]
fn cross_entropy(bencher: Bencher<'_, '_>) {
    let (logits, mut gradient) = (data(BATCH * 10), data(BATCH * 10));
    let labels: Vec<u32> = (0..BATCH as u32).map(|row| row % 10).collect();
    bencher.bench_local(|| softmax_cross_entropy(black_box(&logits), 10, &labels, None, &mut gradient).loss);
}

/// The gradient of a bias: column sums of 128 rows.
#[divan::bench(args = WIDTHS)]
fn bias_gradient(bencher: Bencher<'_, '_>, width: usize) {
    let (values, mut sums) = (data(BATCH * width), data(width));
    bencher
        .counter(BytesCount::of_many::<f32>(values.len()))
        .bench_local(|| column_sums(black_box(&values), &mut sums));
}
