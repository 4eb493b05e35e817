//! Times the metrics at the sizes at which the experiments use them.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use espalier_metrics::{
    CovarianceAccumulator, DeadDetector, EmOptions, Pca, UnitMoments, fit_exp_normal, shapiro_wilk, singular_values,
};
use espalier_seed::Seed;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROWS: usize = 128;
const WIDTHS: [usize; 3] = [32, 128, 512];

fn main() {
    divan::main();
}

fn activations(units: usize) -> Vec<f32> {
    let mut stream = Seed::new(1).named("activations").stream();
    (0..ROWS * units).map(|_| stream.normal().max(0.0) as f32).collect()
}

/// Welford's moments of one batch; items are activations.
#[divan::bench(args = WIDTHS)]
fn unit_moments(bencher: Bencher<'_, '_>, units: usize) {
    let batch = activations(units);
    let mut moments = UnitMoments::new(units).expect("at least one unit");
    bencher
        .counter(ItemsCount::new(batch.len()))
        .bench_local(|| moments.observe(black_box(&batch), units));
}

/// Dead units over a window, one batch; items are activations.
#[divan::bench(args = WIDTHS)]
fn dead_detector(bencher: Bencher<'_, '_>, units: usize) {
    let batch = activations(units);
    let mut detector = DeadDetector::new(units, 8, 1e-6).expect("at least one unit and batch");
    bencher
        .counter(ItemsCount::new(batch.len()))
        .bench_local(|| detector.observe(black_box(&batch), units));
}

/// The covariance of one batch; items are activations.
#[divan::bench(args = WIDTHS)]
fn covariance(bencher: Bencher<'_, '_>, units: usize) {
    let batch = activations(units);
    let mut covariance = CovarianceAccumulator::new(units).expect("at least one unit");
    bencher
        .counter(ItemsCount::new(batch.len()))
        .bench_local(|| covariance.observe(black_box(&batch), units));
}

/// Principal components of a layer.
#[divan::bench(args = WIDTHS, sample_count = 10)]
fn principal_components(bencher: Bencher<'_, '_>, units: usize) {
    let mut covariance = CovarianceAccumulator::new(units).expect("at least one unit");
    covariance.observe(&activations(units), units).expect("whole rows");
    let covariance = covariance.finish().expect("more than one row");
    bencher.bench_local(|| Pca::of(black_box(&covariance)));
}

/// Singular values of a weight matrix (784, units).
#[divan::bench(args = [32, 128], sample_count = 10)]
fn singular_values_of_weights(bencher: Bencher<'_, '_>, units: usize) {
    let mut stream = Seed::new(1).named("weights").stream();
    let weights: Vec<f32> = (0..784 * units).map(|_| stream.normal() as f32).collect();
    bencher.bench_local(|| singular_values(black_box(&weights), units));
}

/// The test of normality on the spreads of a layer.
#[divan::bench(args = WIDTHS)]
fn shapiro_wilk_of_spreads(bencher: Bencher<'_, '_>, units: usize) {
    let spreads = spreads(units);
    bencher.bench_local(|| shapiro_wilk(black_box(&spreads)));
}

/// The mixture that gives the share of idle units.
#[divan::bench(args = WIDTHS, sample_count = 20)]
fn mixture_of_spreads(bencher: Bencher<'_, '_>, units: usize) {
    let spreads = spreads(units);
    bencher.bench_local(|| fit_exp_normal(black_box(&spreads), &EmOptions::exp_normal()));
}

/// A third of the units idle, the others around 1.
fn spreads(units: usize) -> Vec<f64> {
    let mut stream = Seed::new(1).named("spreads").stream();
    let spread = |unit: usize| {
        if unit.is_multiple_of(3) {
            -0.05 * (1.0 - stream.uniform()).ln()
        } else {
            1.0 + 0.2 * stream.normal()
        }
    };
    (0..units).map(spread).map(|s| s.max(1e-6)).collect()
}
