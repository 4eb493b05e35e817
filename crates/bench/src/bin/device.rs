//! Checks training on a device against the CPU kernels, and measures its steps.
#![allow(clippy::print_stderr, reason = "a program that tells its progress")]

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use espalier_bench::cell::Net;
use espalier_bench::device::{Parity, page, parity, speed};
use espalier_bench::results::folder_of_today;
use espalier_bench::server::mnist;
use espalier_net::{DeviceChoice, OptimizerKind};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Checks training on a device against the CPU kernels, and measures its steps.
#[derive(Debug, Parser)]
struct Arguments {
    /// The device: candle-cpu, cuda or cuda:N
    #[arg(long, default_value = "cuda")]
    device: String,
    /// Steps of each comparison with the CPU kernels
    #[arg(long, default_value_t = 40)]
    parity_steps: usize,
    /// Steps of each measurement; as many before it warm the device up
    #[arg(long, default_value_t = 300)]
    steps: usize,
    /// Widths of the measured nets 784-H-10
    #[arg(long, value_delimiter = ',', default_values_t = [32, 128, 512, 2048])]
    widths: Vec<usize>,
    /// How many networks train side by side
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8, 32])]
    networks: Vec<usize>,
    /// The folder of the data sets; else `ESPALIER_DATA`, else `data`
    #[arg(long)]
    data: Option<PathBuf>,
    /// Where results go; `crates/bench/results/<date>-<processor>` if not given
    #[arg(long)]
    out: Option<PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let device: DeviceChoice = arguments.device.parse()?;
    let data = mnist(arguments.data.clone())?;
    let out = arguments.out.clone();
    let out = out.unwrap_or_else(|| folder_of_today(Path::new("crates/bench/results")));
    fs::create_dir_all(&out).with_context(|| format!("making {}", out.display()))?;
    let mut parities = Vec::new();
    for (net, gated) in [(mlp(128), false), (mlp(64), true), (Net::small_cnn(), false)] {
        for kind in [OptimizerKind::sgd(0.0), OptimizerKind::sgd(0.9), OptimizerKind::adam()] {
            let one = parity(&net, (kind, gated), &data.train, &device, arguments.parity_steps)?;
            eprintln!(
                "{}, {}: losses {:.1e} apart, weights {:.1e}",
                one.net, one.rule, one.loss, one.weights
            );
            parities.push(one);
        }
    }
    let mut speeds = Vec::new();
    for (width, networks) in arguments
        .widths
        .iter()
        .flat_map(|w| arguments.networks.iter().map(move |n| (*w, *n)))
    {
        let one = speed(&mlp(width), networks, &data.train, &device, arguments.steps)?;
        eprintln!("{} × {}: {:.0} network-steps/s", one.networks, one.net, one.rate);
        speeds.push(one);
    }
    let path = out.join("device.md");
    let title = format!("Training on the device `{}`", arguments.device);
    fs::write(&path, page(&title, &parities, &speeds)).with_context(|| format!("writing {}", path.display()))?;
    let apart: Vec<&Parity> = parities
        .iter()
        .filter(|one| one.loss.is_nan() || one.loss > 1e-3)
        .collect();
    ensure!(apart.is_empty(), "losses more than 1e-3 apart: {apart:?}");
    Ok(())
}

fn mlp(width: usize) -> Net {
    Net::Mlp { hidden: vec![width] }
}
