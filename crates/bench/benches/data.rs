//! Times loading MNIST from its packed files, and gathering batches.

use divan::Bencher;
use divan::counter::BytesCount;
use espalier_bench::cell::BATCH;
use espalier_data::{Batches, Dataset, LoadOptions, Source, TargetsMut, load_uncached};
use espalier_seed::Seed;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
}

fn mnist() -> espalier_data::Result<Dataset> {
    let source = Source {
        fallback: false,
        download: false,
        ..Source::from_environment(None)
    };
    load_uncached("mnist", &source, &LoadOptions::default())
}

/// Reads, checks, splits and normalises MNIST; the goal is 0.5 s. Needs the files in `ESPALIER_DATA`.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn load_mnist() -> Dataset {
    mnist().expect("MNIST in the folder that ESPALIER_DATA names")
}

/// Gathers one batch of a shuffled epoch.
#[divan::bench]
fn gather(bencher: Bencher<'_, '_>) {
    let data = mnist().expect("MNIST in the folder that ESPALIER_DATA names");
    let mut order = Batches::shuffled(data.train.len(), BATCH, &mut Seed::new(1).stream()).dropping_last(true);
    let mut number = 0;
    let (mut features, mut labels) = (vec![0.0; BATCH * 784], vec![0; BATCH]);
    bencher
        .counter(BytesCount::of_many::<f32>(BATCH * 784))
        .bench_local(|| {
            number = (number + 1) % order.len();
            order.seek(number);
            let rows = order.next_batch().unwrap_or_default();
            data.train.gather(rows, &mut features, TargetsMut::Classes(&mut labels))
        });
}
