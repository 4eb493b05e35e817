//! Times edits with the optimizer's state, the group table of a deep residual net, and a training step beside them.

use divan::Bencher;
use espalier_bench::cell::{BATCH, Net};
use espalier_bench::model::{Model, network};
use espalier_data::{Examples, Targets};
use espalier_net::{Network, models};
use espalier_seed::Seed;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
}

fn subject() -> (Model, Examples) {
    let rows = 2 * BATCH;
    let pixels = (0..rows * 784).map(|i| (i % 251) as f32 / 251.0).collect();
    let labels = (0..rows as u32).map(|row| row % 10).collect();
    let examples = Examples::new(pixels, 784, Targets::Classes(labels)).expect("whole rows with labels below 10");
    let net = Net::Mlp {
        hidden: vec![2048, 2048],
    };
    let seed = Seed::new(1);
    let mut model = network(&net, false, &seed)
        .and_then(|network| Model::new(network, &examples, BATCH, &seed))
        .expect("a valid MLP");
    model.train(&examples).expect("a step on valid examples");
    (model, examples)
}

/// One training step of 784-2048-2048-10: what an edit is measured in.
#[divan::bench(sample_count = 30)]
fn training_step(bencher: Bencher<'_, '_>) {
    let (mut model, examples) = subject();
    bencher.bench_local(|| model.train(&examples));
}

/// One unit of the first hidden layer split, Adam's state included.
#[divan::bench(sample_count = 30, sample_size = 1)]
fn split_one_unit(bencher: Bencher<'_, '_>) {
    let (mut model, _) = subject();
    bencher.bench_local(|| model.edit(true));
}

/// One unit of the first hidden layer pruned, Adam's state included.
#[divan::bench(sample_count = 30, sample_size = 1)]
fn prune_one_unit(bencher: Bencher<'_, '_>) {
    let (mut model, _) = subject();
    bencher.bench_local(|| model.edit(false));
}

/// A residual net of 100 layers built with its group table; the goal for the table is 5 ms.
#[divan::bench(sample_count = 30)]
fn groups_of_100_residual_layers() -> Network<f32> {
    models::residual_mlp(16, 8, 8, 49, 10, &Seed::new(1)).expect("a valid residual net")
}
