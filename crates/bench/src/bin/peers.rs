//! Measures our training beside PyTorch's, JAX's and others', in interleaved rounds.
#![allow(clippy::print_stderr, reason = "a program that tells its progress")]

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use espalier_bench::cell::{Scope, Work, cells};
use espalier_bench::hardware::Hardware;
use espalier_bench::results::{Folder, Row, Run};
use espalier_bench::rounds::{Runners, Settings};
use espalier_bench::way::{Family, Programs, ways};
use espalier_bench::{calendar, chart, server, summary};
use espalier_data::Source;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures our training beside that of peers, in interleaved rounds.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer a driver's requests on standard input.
    #[command(hide = true)]
    Serve {
        #[arg(long)]
        way: String,
        #[arg(long, value_delimiter = ',')]
        cpus: Vec<usize>,
    },
    /// Write summary and chart of a folder's rows anew.
    Summarise {
        /// The folder.
        folder: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
struct Options {
    /// What to measure; everything if not given
    #[arg(long, value_delimiter = ',')]
    work: Vec<Work>,
    /// Rounds; six are the fewest whose range covers a median with 95 %
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// The shortest duration of a measurement
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Warm-up of each set-up
    #[arg(long, default_value_t = 0.5)]
    warm_seconds: f64,
    /// Pause before each measurement
    #[arg(long, default_value_t = 0.3)]
    pause_seconds: f64,
    /// Hidden widths of the one-layer nets
    #[arg(long, value_delimiter = ',', default_values_t = [32, 128, 512, 2048])]
    widths: Vec<usize>,
    /// Models of a sweep
    #[arg(long, default_value_t = 8)]
    models: usize,
    /// Processors to use, all that the system grants if not given
    #[arg(long, value_delimiter = ',')]
    cpus: Vec<usize>,
    /// Measure only ways of these families
    #[arg(long, value_delimiter = ',')]
    only: Vec<Family>,
    /// The interpreter that has the packages of `peers/requirements.txt`
    #[arg(long, env = "ESPALIER_PEERS_PYTHON", default_value = "python3")]
    python: PathBuf,
    /// The folder of the peers' scripts
    #[arg(long, default_value = "crates/bench/peers")]
    peers: PathBuf,
    /// The folder of the data sets; else `ESPALIER_DATA`, else `data`
    #[arg(long)]
    data: Option<PathBuf>,
    /// Where results go; `crates/bench/results/<date>` if not given
    #[arg(long)]
    out: Option<PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.command {
        Some(Command::Serve { way, cpus }) => server::serve(&way, &cpus, &mut std::io::stdout().lock()),
        Some(Command::Summarise { folder }) => summarise(&Folder::open(&folder)?),
        None => measure(&arguments.options),
    }
}

fn measure(options: &Options) -> Result<()> {
    let settings = Settings {
        rounds: options.rounds,
        seconds: options.seconds,
        warm_seconds: options.warm_seconds,
        pause_seconds: options.pause_seconds,
        cpus: if options.cpus.is_empty() {
            granted()?
        } else {
            options.cpus.clone()
        },
    };
    let data = Source::from_environment(options.data.clone());
    let programs = Programs {
        ours: std::env::current_exe()?,
        python: options.python.clone(),
        peers: options
            .peers
            .canonicalize()
            .with_context(|| format!("finding {}", options.peers.display()))?,
        data: data
            .folder()
            .canonicalize()
            .with_context(|| format!("finding {}", data.folder().display()))?,
    };
    let scope = Scope {
        widths: options.widths.clone(),
        models: options.models,
        cores: settings.cpus.len(),
    };
    let out = options
        .out
        .clone()
        .unwrap_or_else(|| Path::new("crates/bench/results").join(calendar::today()));
    let folder = Folder::open(&out)?;
    let works = if options.work.is_empty() {
        Work::ALL.to_vec()
    } else {
        options.work.clone()
    };
    for work in works {
        measure_work(work, &scope, (&programs, &settings), (options, &folder))?;
        summarise(&folder)?;
    }
    Ok(())
}

fn measure_work(
    work: Work,
    scope: &Scope,
    (programs, settings): (&Programs, &Settings),
    (options, folder): (&Options, &Folder),
) -> Result<()> {
    let load_before = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load_before = load_before.split(' ').take(3).collect::<Vec<_>>().join(" ");
    let mut runners = Runners::default();
    let mut rows: Vec<Row> = Vec::new();
    for cell in cells(work, scope) {
        let mut ways = ways(&cell);
        ways.retain(|way| options.only.is_empty() || options.only.contains(&way.family));
        rows.extend(runners.measure(&cell, &ways, (programs, settings), &mut |line| eprintln!("{line}")));
    }
    folder.write_rows(work, &rows)?;
    folder.note(Run {
        works: vec![work],
        command: command_line(),
        rounds: settings.rounds,
        seconds: settings.seconds,
        hardware: Hardware::read(),
        load_before,
        versions: runners.versions.clone(),
        failures: runners.failures.clone(),
    })?;
    Ok(())
}

/// What was typed, without the path of the binary, which differs from machine to machine.
fn command_line() -> String {
    let rest: Vec<String> = std::env::args().skip(1).collect();
    format!("peers {}", rest.join(" ")).trim_end().to_owned()
}

fn granted() -> Result<Vec<usize>> {
    let set = rustix::thread::sched_getaffinity(None)?;
    Ok((0..rustix::thread::CpuSet::MAX_CPU)
        .filter(|&cpu| set.is_set(cpu))
        .collect())
}

fn summarise(folder: &Folder) -> Result<()> {
    let rows = folder.read_rows()?;
    let date = folder
        .path()
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let mut page = summary::page(&date, &rows, &folder.runs()?);
    if let Some(figure) = chart::figure(&date, &rows) {
        figure.write(folder.path())?;
        page.push_str("\n![Training steps per second](steps.svg)\n");
    }
    let path = folder.path().join("summary.md");
    std::fs::write(&path, page).with_context(|| format!("writing {}", path.display()))
}
