//! Trains nets with our kernels and with Candle's plain operations, and compares their test accuracies.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Parser;
use espalier_bench::agreement::{Pair, page};
use espalier_bench::cell::Net;
use espalier_bench::results::{self, Folder};
use espalier_bench::server::mnist;
use rayon::prelude::*;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Trains nets with our kernels and with Candle's plain operations, and compares their test accuracies.
#[derive(Debug, Parser)]
struct Arguments {
    /// Seeds
    #[arg(long, default_value_t = 6)]
    seeds: u64,
    /// Training steps of the MLP 784-128-10: two epochs if not given
    #[arg(long, default_value_t = 936)]
    mlp_steps: usize,
    /// Training steps of the small CNN
    #[arg(long, default_value_t = 200)]
    cnn_steps: usize,
    /// The folder of the data sets; else `ESPALIER_DATA`, else `data`
    #[arg(long)]
    data: Option<PathBuf>,
    /// Where results go; `crates/bench/results/<date>-<processor>` if not given
    #[arg(long)]
    out: Option<PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let data = mnist(arguments.data.clone())?;
    let nets = [
        (Net::Mlp { hidden: vec![128] }, arguments.mlp_steps),
        (Net::small_cnn(), arguments.cnn_steps),
    ];
    let jobs: Vec<(&Net, usize, u64)> = nets
        .iter()
        .flat_map(|(net, steps)| (0..arguments.seeds).map(move |seed| (net, *steps, seed)))
        .collect();
    let pairs = jobs
        .into_par_iter()
        .map(|(net, steps, seed)| {
            let pair = Pair::measure(net, &data, (seed, steps))?;
            // A measurement does not stop because nobody can read how far it is.
            let _ = writeln!(
                io::stderr(),
                "{} · seed {seed}: kernels {:.4}, candle {:.4}",
                pair.net,
                pair.kernels,
                pair.candle
            );
            Ok(pair)
        })
        .collect::<Result<Vec<_>>>()?;
    let out = arguments
        .out
        .unwrap_or_else(|| results::folder_of_today(Path::new("crates/bench/results")));
    write(&Folder::open(&out)?, &pairs)
}

fn write(folder: &Folder, pairs: &[Pair]) -> Result<()> {
    let rows = folder.path().join("agreement.csv");
    let mut writer = csv::Writer::from_path(&rows).with_context(|| format!("writing {}", rows.display()))?;
    pairs.iter().try_for_each(|pair| writer.serialize(pair))?;
    writer.flush()?;
    let text = folder.path().join("agreement.md");
    std::fs::write(&text, page(pairs, "The real MNIST")).with_context(|| format!("writing {}", text.display()))
}
