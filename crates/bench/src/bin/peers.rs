//! Measures our training beside PyTorch's, JAX's and others', in interleaved rounds.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use espalier_bench::cell::{Scope, Work, cells};
use espalier_bench::hardware::Hardware;
use espalier_bench::results::{Folder, Row, Run};
use espalier_bench::rounds::{Runners, Settings};
use espalier_bench::way::{BURN_PEER, Family, Programs, ways};
use espalier_bench::{chart, command, results, server, summary};
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
    /// Rounds; six are the fewest whose range covers a median with 95 % [default: 7, of whole commands 3]
    #[arg(long)]
    rounds: Option<usize>,
    /// Shorten whole commands to three widths and one seed, to try whether all works
    #[arg(long)]
    short: bool,
    /// The shortest duration of a measurement
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Warm-up of each set-up
    #[arg(long, default_value_t = 0.5)]
    warm_seconds: f64,
    /// Pause before each measurement
    #[arg(long, default_value_t = 0.3)]
    pause_seconds: f64,
    /// Ways of each peer in the rounds: the fastest in one measurement that goes before
    #[arg(long, default_value_t = 3)]
    keep: usize,
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
    /// The binary of the folder `burn` of the peers; found where cargo builds it if not given
    #[arg(long, env = "ESPALIER_BURN_PEER")]
    burn: Option<PathBuf>,
    /// The binary of the experiment `mnist-variance`; beside this one if not given
    #[arg(long)]
    mnist_variance: Option<PathBuf>,
    /// The folder of the data sets; else `ESPALIER_DATA`, else `data`
    #[arg(long)]
    data: Option<PathBuf>,
    /// Where results go; `crates/bench/results/<date>-<processor>` if not given
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
        rounds: options.rounds.unwrap_or(7),
        seconds: options.seconds,
        warm_seconds: options.warm_seconds,
        pause_seconds: options.pause_seconds,
        keep: options.keep.max(1),
        cpus: if options.cpus.is_empty() {
            granted()?
        } else {
            options.cpus.clone()
        },
    };
    let programs = programs(options)?;
    let scope = Scope {
        widths: options.widths.clone(),
        models: options.models,
        cores: settings.cpus.len(),
    };
    let out = options
        .out
        .clone()
        .unwrap_or_else(|| results::folder_of_today(Path::new("crates/bench/results")));
    let folder = Folder::open(&out)?;
    let works = if options.work.is_empty() {
        Work::ALL.to_vec()
    } else {
        options.work.clone()
    };
    for work in works {
        if work == Work::MnistVariance {
            measure_command((&programs, &settings), (options, &folder))?;
        } else {
            measure_work(work, &scope, (&programs, &settings), (options, &folder))?;
        }
        summarise(&folder)?;
    }
    Ok(())
}

fn programs(options: &Options) -> Result<Programs> {
    let found = |path: &Path| {
        path.canonicalize()
            .with_context(|| format!("finding {}", path.display()))
    };
    let ours = std::env::current_exe()?;
    let experiment = options.mnist_variance.clone();
    let burn = options.burn.as_deref().map(found).transpose()?;
    let built = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| options.peers.join("burn/target"), PathBuf::from);
    Ok(Programs {
        python: options.python.clone(),
        peers: found(&options.peers)?,
        burn: burn.or_else(|| built.join("release").join(BURN_PEER).canonicalize().ok()),
        experiment: experiment.unwrap_or_else(|| ours.with_file_name("mnist-variance")),
        data: found(Source::from_environment(options.data.clone()).folder())?,
        ours,
    })
}

/// A measurement does not stop because nobody can read how far it is.
fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// Measures whole commands of `mnist-variance`.
fn measure_command((programs, settings): (&Programs, &Settings), (options, folder): (&Options, &Folder)) -> Result<()> {
    let (load_before, study) = (load(), command::Study::new(options.short));
    let settings = Settings {
        rounds: options.rounds.unwrap_or(3),
        seconds: 0.0,
        ..settings.clone()
    };
    let mut ways = command::ways(settings.cpus.len());
    ways.retain(|way| options.only.is_empty() || options.only.contains(&way.family));
    let mut left_out = Vec::new();
    if !programs.experiment.exists() {
        ways.retain(|way| way.family != Family::Ours);
        left_out.push(format!(
            "Espalier, mnist-variance: no binary {}; `cargo build --release -p espalier-experiments --bin mnist-variance` makes it",
            programs.experiment.file_name().unwrap_or_default().display()
        ));
    }
    let measured = command::measure(&study, &ways, (programs, &settings), &mut tell)?;
    folder.write_rows(Work::MnistVariance, &measured.rows)?;
    folder.note(Run {
        works: vec![Work::MnistVariance],
        command: command_line(),
        rounds: settings.rounds,
        seconds: settings.seconds,
        hardware: Hardware::read(),
        load_before,
        versions: measured.versions,
        failures: measured.failures,
        screened: Vec::new(),
        left_out,
    })?;
    Ok(())
}

fn measure_work(
    work: Work,
    scope: &Scope,
    (programs, settings): (&Programs, &Settings),
    (options, folder): (&Options, &Folder),
) -> Result<()> {
    let (load_before, mut left_out) = (load(), Vec::new());
    let mut runners = Runners::default();
    let mut rows: Vec<Row> = Vec::new();
    for cell in cells(work, scope) {
        let mut ways = ways(&cell);
        ways.retain(|way| options.only.is_empty() || options.only.contains(&way.family));
        if programs.burn.is_none() && ways.iter().any(|way| way.family == Family::Burn) {
            ways.retain(|way| way.family != Family::Burn);
            left_out = vec![
                "Burn: no binary; `cargo build --release --manifest-path crates/bench/peers/burn/Cargo.toml` makes it"
                    .to_owned(),
            ];
        }
        rows.extend(runners.measure(&cell, &ways, (programs, settings), &mut tell));
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
        screened: runners.screened.clone(),
        left_out,
    })?;
    Ok(())
}

/// What was typed; of absolute paths, which differ from machine to machine, only the last part.
fn command_line() -> String {
    let shortened = |word: String| match Path::new(&word).file_name() {
        Some(name) if Path::new(&word).is_absolute() => name.to_string_lossy().into_owned(),
        _ => word,
    };
    let rest: Vec<String> = std::env::args().skip(1).map(shortened).collect();
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
