//! Counts the instructions of training steps under callgrind and compares them with the recorded counts.
//!
//! Prints `skipped` where valgrind is missing. Valgrind knows no AVX-512, so that the counts are those of the AVX2
//! kernels, on every machine.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// How far a count may be from the recorded one.
const TOLERANCE: f64 = 0.05;
/// The steps whose difference is counted: the first ones allocate, all later ones do the same work.
const STEPS: [u64; 2] = [2, 3];
/// Plain kinds, each with the kinds that are set beside it: the name, and the largest overhead aimed at.
const KINDS: [(&str, &[(&str, f64)]); 3] = [
    ("mlp-32", &[]),
    ("mlp-128", &[("mlp-128-observed", 0.05), ("mlp-128-gated", 0.08)]),
    ("cnn", &[("cnn-observed", 0.05), ("cnn-gated", 0.08)]),
];

/// Counts instructions of training steps and compares them with the recorded counts.
#[derive(Debug, Parser)]
struct Arguments {
    /// Record the counts instead
    #[arg(long)]
    record: bool,
    /// The recorded counts
    #[arg(long, default_value = "crates/bench/instructions.json")]
    file: PathBuf,
    /// Leave out the convolutional nets, which take longest
    #[arg(long)]
    no_cnn: bool,
    /// Count and show this kind alone, such as `mlp-512-gated`, without comparing
    #[arg(long)]
    kind: Option<String>,
}

/// Counts of instructions per training step.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Recorded {
    /// The compiler whose code was counted.
    rustc: String,
    /// Instructions by kind.
    per_step: BTreeMap<String, u64>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            // Nothing is left to tell a refusal of standard error to.
            let _ = writeln!(io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        say("skipped: valgrind is not installed")?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(kind) = &arguments.kind {
        let [few, many] = [count(&program()?, kind, STEPS[0])?, count(&program()?, kind, STEPS[1])?];
        say(&format!("{kind}: {} instructions per step", (many - few) / (STEPS[1] - STEPS[0])))?;
        return Ok(ExitCode::SUCCESS);
    }
    let counted = count_all(arguments.no_cnn)?;
    overheads(&counted)?;
    if arguments.record {
        let rustc = Command::new("rustc").arg("--version").output()?;
        let rustc = String::from_utf8_lossy(&rustc.stdout).trim().to_owned();
        let text = serde_json::to_string_pretty(&Recorded {
            rustc,
            per_step: counted,
        })? + "\n";
        std::fs::write(&arguments.file, text).with_context(|| format!("writing {}", arguments.file.display()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let text =
        std::fs::read_to_string(&arguments.file).with_context(|| format!("reading {}", arguments.file.display()))?;
    let recorded: Recorded =
        serde_json::from_str(&text).with_context(|| format!("reading {}", arguments.file.display()))?;
    Ok(if compare(&counted, &recorded)? {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The program whose steps are counted.
fn program() -> Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("count_step");
    if !program.exists() {
        bail!(
            "{} is not built: cargo build --release -p espalier-bench --bins",
            program.display()
        );
    }
    Ok(program)
}

fn count_all(no_cnn: bool) -> Result<BTreeMap<String, u64>> {
    let program = program()?;
    let kinds = KINDS.iter().filter(|(plain, _)| !(no_cnn && *plain == "cnn"));
    let kinds: Vec<&str> = kinds
        .flat_map(|(plain, others)| std::iter::once(*plain).chain(others.iter().map(|(name, _)| *name)))
        .collect();
    // Counts do not depend on what else runs, so that all cores may count at once.
    let runs: Vec<(&str, u64)> = kinds
        .iter()
        .flat_map(|kind| STEPS.map(|steps| (*kind, steps)))
        .collect();
    let counts: Vec<u64> = runs
        .par_iter()
        .map(|(kind, steps)| count(&program, kind, *steps))
        .collect::<Result<_>>()?;
    let per_step = |pair: &[u64]| (pair[1] - pair[0]) / (STEPS[1] - STEPS[0]);
    Ok(kinds
        .iter()
        .zip(counts.chunks(2))
        .map(|(kind, pair)| ((*kind).to_owned(), per_step(pair)))
        .collect())
}

/// All instructions of one run, from the line `summary:` of callgrind's output.
fn count(program: &Path, kind: &str, steps: u64) -> Result<u64> {
    let file = std::env::temp_dir().join(format!("espalier-callgrind-{}-{kind}-{steps}", std::process::id()));
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--combine-dumps=yes",
            &format!("--callgrind-out-file={}", file.display()),
        ])
        .arg(program)
        .args([kind, &steps.to_string()])
        .output()
        .context("starting valgrind")?;
    if !output.status.success() {
        bail!("{kind}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let text = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    std::fs::remove_file(&file).with_context(|| format!("removing {}", file.display()))?;
    let total = text
        .lines()
        .find_map(|line| line.strip_prefix("totals: ").or_else(|| line.strip_prefix("summary: ")));
    total
        .and_then(|t| t.trim().parse().ok())
        .with_context(|| format!("{kind}: callgrind wrote no total"))
}

fn say(text: &str) -> Result<()> {
    writeln!(io::stdout(), "{text}").context("writing to standard output")
}

fn overheads(counted: &BTreeMap<String, u64>) -> Result<()> {
    for (plain, others) in KINDS {
        let Some(&base) = counted.get(plain) else { continue };
        say(&format!("{plain}: {base} instructions per step"))?;
        for (kind, goal) in others {
            let Some(&count) = counted.get(*kind) else { continue };
            let overhead = count as f64 / base as f64 - 1.0;
            let verdict = if overhead <= *goal { "reached" } else { "missed" };
            let (percent, goal) = (100.0 * overhead, 100.0 * goal);
            say(&format!("  {kind}: {count}, {percent:+.2} % (goal ≤ {goal:.0} %: {verdict})"))?;
        }
    }
    Ok(())
}

/// Says which counts have left the recorded ones by more than the tolerance.
fn compare(counted: &BTreeMap<String, u64>, recorded: &Recorded) -> Result<bool> {
    let mut good = true;
    for (kind, &count) in counted {
        let Some(&before) = recorded.per_step.get(kind) else {
            say(&format!("{kind}: not recorded; record the counts with --record"))?;
            good = false;
            continue;
        };
        let change = count as f64 / before as f64 - 1.0;
        if change.abs() > TOLERANCE {
            say(&format!(
                "{kind}: {before} instructions were recorded with {}, now {count}: {:+.2} %",
                recorded.rustc,
                100.0 * change
            ))?;
            good = false;
        }
    }
    say(if good {
        "all counts within 5 % of the recorded ones"
    } else {
        "counts have changed"
    })?;
    Ok(good)
}
