//! The one command line of every experiment.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use espalier_data::Source;

use crate::error::suggestion;
use crate::footprint::Memory;
use crate::manifest::preset_of;
use crate::page::Places;
use crate::plan::{Plan, PlanOptions};
use crate::schedulers::quote;
use crate::settings::{by_nearness, nearest};
use crate::worker::{WorkerOptions, cores};
use crate::{AnyExperiment, Error, Preset, Result};

/// What the command line says.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) verb: Option<Verb>,
}

/// What an experiment can be asked to do.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run all trials that are not recorded yet, then draw the report (the default)
    Run,
    /// Redraw the recorded reports from their rows: no training
    Figures,
    /// Train recorded trials again, the longest and random ones, and compare their rows
    Verify(VerifyArguments),
    /// Train the golden runs and say whether the code still computes what it did
    Golden(GoldenArguments),
    /// Print name and question on one line
    About,
    /// Write the list of trials
    Plan,
    /// Run trials of the plan until all are recorded; for schedulers
    Worker(WorkerArguments),
    /// Count trials done, running, failed and left
    Status,
    /// Run failed trials again, and only these
    Retry,
    /// Check all records and merge them into the report
    Collect,
    /// Write a Slurm batch script and submit it
    Slurm(SlurmArguments),
    /// Write a HyperQueue submit script and run it
    Hyperqueue(ArrayArguments),
    /// Write a Kubernetes manifest of an indexed Job
    Kubernetes(KubernetesArguments),
    /// Set two recorded reports side by side
    Compare(CompareArguments),
    /// Write the front page of all reports, of this and every other experiment
    Gallery,
    /// Describe a file or folder of one's own, for --dataset: write its descriptor into ./data, which git keeps
    DescribeData(DescribeArguments),
}

/// What a worker takes.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct WorkerArguments {
    /// Trials for each array element; the element's number is read from SLURM_ARRAY_TASK_ID,
    /// HQ_TASK_ID or JOB_COMPLETION_INDEX [default: all trials]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub(crate) chunk: Option<usize>,
    /// Cores that this worker may use [default: all that it sees]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub(crate) cpus: Option<usize>,
}

/// How a plan becomes an array of tasks.
#[derive(Clone, Debug, Args)]
pub(crate) struct ArrayArguments {
    /// Largest number of array elements; trials are put together in chunks to stay below it
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = positive)]
    pub(crate) array_limit: usize,
    /// Cores for each element
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = positive)]
    pub(crate) cpus: usize,
    /// Only write the script
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What a Slurm job takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct SlurmArguments {
    #[command(flatten)]
    pub(crate) array: ArrayArguments,
    /// Partition [default: the site's]
    #[arg(long, value_name = "P")]
    pub(crate) partition: Option<String>,
    /// Time limit of an element, as Slurm writes it
    #[arg(long, value_name = "T", default_value = "04:00:00")]
    pub(crate) time: String,
    /// GPUs for each element [default: 1 on cuda, else 0]
    #[arg(long, value_name = "N")]
    pub(crate) gpus: Option<usize>,
}

/// What a Kubernetes Job takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct KubernetesArguments {
    #[command(flatten)]
    pub(crate) array: ArrayArguments,
    /// Container image that holds the experiments' binaries in its PATH
    #[arg(long, value_name = "IMAGE", default_value = "espalier:latest")]
    pub(crate) image: String,
    /// Persistent volume claim, writable by many, that holds `runs` and `data`
    #[arg(long, value_name = "CLAIM", default_value = "espalier")]
    pub(crate) claim: String,
    /// Elements side by side
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = positive)]
    pub(crate) parallelism: usize,
}

/// Which trials are verified, and what follows.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct VerifyArguments {
    /// How many trials: the one that took longest, and random others
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) trials: usize,
    /// Leave out trials that took longer when they were recorded
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) under: Option<f64>,
    /// Draw the random trials as an earlier run did [default: anew]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) sample: Option<u64>,
    /// Where all agree exactly, give the report's trials the identity that today's code would give them, so that runs
    /// go on with them; where they do not, mark the report
    #[arg(long)]
    pub(crate) take_over: bool,
}

/// What becomes of golden digests.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct GoldenArguments {
    /// Write the digests into the file that the program is built with; where they have changed, all trials of the
    /// experiment have a new identity from then on
    #[arg(long)]
    pub(crate) renew: bool,
    /// Train every golden run once more with all training images moved by a millionth, and name those that do not notice
    #[arg(long, conflicts_with = "renew")]
    pub(crate) nudge: bool,
}

/// What is compared.
#[derive(Clone, Debug, Args)]
pub(crate) struct CompareArguments {
    /// A report's folder, for instance reports/NAME/mnist/quick; with @ARM only that arm
    #[arg(value_name = "FOLDER[@VARIANT]")]
    pub(crate) first: String,
    /// Another one, or the same with another arm
    #[arg(value_name = "FOLDER[@VARIANT]")]
    pub(crate) second: String,
}

/// Which data are described; `--set target=COLUMN` and the like say what cannot be found out.
#[derive(Clone, Debug, Args)]
pub(crate) struct DescribeArguments {
    /// A file .csv, .tsv, .parquet or .npz, or a folder of idx files or of images by class
    #[arg(value_name = "FILE")]
    pub(crate) file: String,
    /// Where the descriptor is written [default: data/NAME.toml in the working folder]
    #[arg(long, value_name = "FILE.toml")]
    pub(crate) descriptor: Option<PathBuf>,
}

/// The flags that every verb takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// How much work: smoke (seconds, never writes into the reports), quick (minutes) or full (the study's size)
    #[arg(long, global = true, default_value = "quick", value_name = "PRESET")]
    pub(crate) preset: String,
    /// Change a setting, for instance epochs=10 or widths=16,64,256; may be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Data set, `all` of the experiment's, or a file or folder of one's own (.csv, .tsv, .parquet or .npz, idx files, images
    /// by class; with --set target=COLUMN for tables); may be repeated [default: the experiment's first]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) dataset: Vec<String>,
    /// Number of paired seeds [default: the preset's]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seeds: Option<u64>,
    /// Run only this arm, or with NAME all arms NAME/…; may be repeated [default: all]
    #[arg(long, global = true, value_name = "VARIANT")]
    pub(crate) only: Vec<String>,
    /// Device: cpu, cuda or cuda:N; candle-cpu runs the operations of cuda on the CPU
    #[arg(long, global = true, default_value = "cpu", value_name = "DEVICE", value_parser = device)]
    pub(crate) device: String,
    /// Trials side by side; results do not depend on it. Off the CPU those of one arm train as one stack, which gives the
    /// same within rounding, and what cannot be stacked runs by itself [default: the number of cores, 1 on cuda]
    #[arg(long, global = true, value_name = "N", value_parser = positive)]
    pub(crate) jobs: Option<usize>,
    /// Bytes that trials may take together, for instance 8GB or 7.5GiB; a trial that needs more is refused
    /// [default: four fifths of the machine's or the control group's memory]
    #[arg(long, global = true, value_name = "BYTES", value_parser = crate::footprint::parse)]
    pub(crate) memory: Option<u64>,
    /// Folder of the data sets [default: $ESPALIER_DATA, else data]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Folder of the reports
    #[arg(long, global = true, default_value = "reports", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Folder of trials under way
    #[arg(long, global = true, default_value = "runs", value_name = "DIR")]
    pub(crate) runs: PathBuf,
    /// Run recorded trials again [default: take up where the last run ended]
    #[arg(long, global = true)]
    pub(crate) fresh: bool,
    /// Go on from the recorded report: its trials of the same identity count as recorded, for instance with more --seeds
    /// [default: train them]
    #[arg(long = "continue", global = true, conflicts_with = "fresh")]
    pub(crate) take_up: bool,
    /// Add paired seeds while a claim of the page is inconclusive, look by look, and stop where none is or at --max-seeds; the
    /// claims' intervals are wider for the looks, so that they hold whichever is the last. The first look has the seeds that
    /// are asked for, at least 6, each later one half as many more
    #[arg(long, global = true)]
    pub(crate) until_decided: bool,
    /// The most paired seeds of --until-decided [default: four times those of the first look]
    #[arg(long, global = true, value_name = "N", requires = "until_decided")]
    pub(crate) max_seeds: Option<u64>,
    /// Run only the I-th of N parts of the plan, counted from 1 [default: all]
    #[arg(long, global = true, value_name = "I/N", value_parser = shard)]
    pub(crate) shard: Option<Shard>,
    /// Fail when the data set cannot be had [default: run on the set `glyphs`, and say so]
    #[arg(long, global = true)]
    pub(crate) no_fallback: bool,
    /// Seconds without a sign of life after which another worker takes a trial over
    #[arg(long, global = true, default_value_t = 60.0, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) lease_seconds: f64,
    /// Seconds between checkpoints of a long trial
    #[arg(long, global = true, default_value_t = 120.0, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) checkpoint_seconds: f64,
}

/// One of several parts of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    part: usize,
    of: usize,
}

fn shard(text: &str) -> std::result::Result<Shard, String> {
    let parse = || {
        let (part, of) = text.split_once('/')?;
        let (part, of) = (part.parse().ok()?, of.parse().ok()?);
        (1 <= part && part <= of).then_some(Shard { part, of })
    };
    parse().ok_or_else(|| "expected I/N with 1 ≤ I ≤ N, for instance 2/8".to_owned())
}

fn positive(text: &str) -> std::result::Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "expected a whole number of at least 1".to_owned())
}

fn device(text: &str) -> std::result::Result<String, String> {
    let number = text.strip_prefix("cuda:");
    let known = matches!(text, "cpu" | "candle-cpu" | "cuda") || number.is_some_and(|n| n.parse::<usize>().is_ok());
    if known {
        Ok(text.to_owned())
    } else {
        Err("expected cpu, candle-cpu, cuda or cuda:N".to_owned())
    }
}

fn seconds(text: &str) -> std::result::Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "expected a number of seconds".to_owned())?;
    if (0.05..1e7).contains(&value) {
        Ok(value)
    } else {
        Err("expected 0.05 to 10000000 seconds".to_owned())
    }
}

/// Reads the command line of an experiment; on `--help` and on mistakes clap answers.
pub(crate) fn parse(
    experiment: &dyn AnyExperiment,
    arguments: Vec<std::ffi::OsString>,
) -> std::result::Result<Arguments, clap::Error> {
    let about = experiment.about();
    let command = Arguments::command()
        .name(about.name)
        .bin_name(about.name)
        .about(about.title)
        .long_about(format!("{}\n\n{}", about.title, about.summary))
        .after_long_help(after_help(experiment));
    Arguments::from_arg_matches(&command.try_get_matches_from(arguments)?)
}

fn after_help(experiment: &dyn AnyExperiment) -> String {
    let mut text = String::from("Settings, for --set, with their values under the preset quick:\n");
    let quick = experiment.settings(&Preset::Quick);
    // Writing into a String cannot fail.
    let _ = writeln!(text, "{}", quick.describe());
    if experiment.cuts_batches() {
        let _ = writeln!(text, "{}", crate::parts::help());
    }
    let _ = writeln!(text);
    let _ = writeln!(text, "Seeds under smoke, quick, full: {}", seeds(experiment));
    for (name, meaning) in experiment.presets() {
        let _ = writeln!(text, "Preset {name}: {meaning}");
    }
    let sets = experiment.datasets();
    let _ = match sets.is_empty() {
        true => writeln!(text, "Data: made by the experiment"),
        false => writeln!(text, "Data sets: {}", sets.join(", ")),
    };
    text
}

fn seeds(experiment: &dyn AnyExperiment) -> String {
    let counts =
        [Preset::Smoke, Preset::Quick, Preset::Full].map(|preset| experiment.settings(&preset).seeds().to_string());
    counts.join(", ")
}

/// The most names that an error lists.
const MOST_NAMED: usize = 12;

/// Says what `--only` may name: the arms, which are the names up to the slash, the nearest first.
fn unknown_variant(names: &[String], asked: &str) -> Error {
    let mut arms: Vec<&str> = Vec::new();
    for arm in names.iter().map(|name| name.split('/').next().unwrap_or(name)) {
        if !arms.contains(&arm) {
            arms.push(arm);
        }
    }
    let near = nearest(asked, names.iter().map(String::as_str).chain(arms.iter().copied()));
    let near = suggestion(&near.unwrap_or_default());
    let listed: Vec<String> = (by_nearness(asked, arms.iter().copied()).into_iter())
        .take(MOST_NAMED)
        .map(|arm| format!("`{arm}`"))
        .collect();
    let more = match arms.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let variants = if arms.len() < names.len() {
        ", or one of their variants"
    } else {
        ""
    };
    Error::flag(
        "--only",
        format!("one of {}{more}{variants}{near}", listed.join(", ")),
        asked,
    )
}

impl Options {
    /// Finds the preset.
    pub(crate) fn preset(&self, experiment: &dyn AnyExperiment) -> Result<Preset> {
        preset_of(experiment, &self.preset)
    }

    /// Returns where reports and trials lie.
    pub(crate) fn places(&self) -> Places {
        Places {
            out: self.out.clone(),
            runs: self.runs.clone(),
        }
    }

    /// Makes the plan that the flags describe.
    pub(crate) fn plan(&self, experiment: &dyn AnyExperiment) -> anyhow::Result<Plan> {
        Ok(self.outline(experiment)?.with_trials())
    }

    /// Makes the plan that the flags describe without listing its trials.
    pub(crate) fn outline(&self, experiment: &dyn AnyExperiment) -> anyhow::Result<Plan> {
        let mut source = Source::from_environment(self.data.clone());
        source.fallback = !self.no_fallback;
        let options = PlanOptions {
            preset: self.preset(experiment)?,
            changes: &self.set,
            seeds: self.seeds,
            datasets: &self.dataset,
            device: &self.device,
            source: &source,
            runs: &self.runs,
        };
        experiment.check_device(&self.device)?;
        Plan::outline(experiment, &options)
    }

    /// Returns the numbers of the trials that `--only` and `--shard` leave.
    pub(crate) fn select(&self, plan: &Plan) -> Result<Vec<usize>> {
        let names = |only: &String, name: &String| {
            name == only
                || name
                    .strip_prefix(only.as_str())
                    .is_some_and(|rest| rest.starts_with('/'))
        };
        if let Some(unknown) = self.only.iter().find(|only| !plan.names.iter().any(|n| names(only, n))) {
            return Err(unknown_variant(&plan.names, unknown));
        }
        let wanted = |number: &usize| {
            let trial = &plan.trials[*number];
            self.only.is_empty() || self.only.iter().any(|only| names(only, &plan.names[trial.variant]))
        };
        let numbers = (0..plan.trials.len()).filter(wanted);
        Ok(match self.shard {
            Some(Shard { part, of }) => numbers.skip(part - 1).step_by(of).collect(),
            None => numbers.collect(),
        })
    }

    /// Returns how a worker of this process runs.
    pub(crate) fn worker(&self) -> WorkerOptions {
        self.worker_on(cores())
    }

    /// Returns how a worker runs that may use so many cores.
    pub(crate) fn worker_on(&self, cores: usize) -> WorkerOptions {
        let default = if self.gpus() == 0 { cores } else { 1 };
        WorkerOptions {
            cores: cores.max(1),
            memory: Arc::new(Memory::new(self.memory.unwrap_or_else(crate::footprint::of_machine))),
            jobs: self.jobs.unwrap_or(default).max(1),
            stale: Duration::from_secs_f64(self.lease_seconds),
            checkpoint_every: Duration::from_secs_f64(self.checkpoint_seconds),
            fresh: self.fresh,
            retry: false,
        }
    }

    /// Returns how many GPUs a worker needs.
    pub(crate) fn gpus(&self) -> usize {
        usize::from(self.device.starts_with("cuda"))
    }

    /// Writes the flags that a worker elsewhere needs to make the same plan, with folders as it sees them.
    pub(crate) fn for_worker(&self, data: &str, runs: &str) -> Vec<String> {
        let mut words = self.plan_flags();
        for only in &self.only {
            words.extend(["--only".to_owned(), only.clone()]);
        }
        words.extend(["--data", data, "--runs", runs].map(str::to_owned));
        if let Some(jobs) = self.jobs {
            words.extend(["--jobs".to_owned(), jobs.to_string()]);
        }
        if let Some(memory) = self.memory {
            words.extend(["--memory".to_owned(), memory.to_string()]);
        }
        words.extend(["--lease-seconds".to_owned(), self.lease_seconds.to_string()]);
        words.extend(["--checkpoint-seconds".to_owned(), self.checkpoint_seconds.to_string()]);
        words
    }

    /// Writes the flags that decide which trials there are.
    fn plan_flags(&self) -> Vec<String> {
        let mut words = vec!["--preset".to_owned(), self.preset.clone()];
        for (flag, values) in [("--set", &self.set), ("--dataset", &self.dataset)] {
            for value in values {
                words.extend([flag.to_owned(), value.clone()]);
            }
        }
        if let Some(seeds) = self.seeds {
            words.extend(["--seeds".to_owned(), seeds.to_string()]);
        }
        if self.until_decided {
            words.push("--until-decided".to_owned());
        }
        if let Some(most) = self.max_seeds {
            words.extend(["--max-seeds".to_owned(), most.to_string()]);
        }
        if self.device != "cpu" {
            words.extend(["--device".to_owned(), self.device.clone()]);
        }
        if self.no_fallback {
            words.push("--no-fallback".to_owned());
        }
        words
    }

    /// Writes the command that records the same rows anywhere: folders, threads and memory stay out.
    pub(crate) fn command(&self, name: &str) -> String {
        let only = self.only.iter().flat_map(|only| ["--only".to_owned(), only.clone()]);
        let words: Vec<String> = self
            .plan_flags()
            .into_iter()
            .chain(only)
            .map(|word| quote(&word))
            .collect();
        format!("just run-experiment {name} {}", words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_count_from_one_and_partition_the_plan() {
        assert_eq!(shard("2/3"), Ok(Shard { part: 2, of: 3 }));
        for wrong in ["0/3", "4/3", "2", "a/b", "1/0"] {
            assert!(shard(wrong).unwrap_err().contains("I/N"));
        }
    }

    #[test]
    fn the_recorded_command_says_which_variants_were_asked_for_and_survives_a_shell() {
        let words = [
            "toy",
            "--preset",
            "smoke",
            "--only",
            "no split/rate 0.001",
            "--only",
            "redo",
            "--jobs",
            "2",
        ];
        let options = Arguments::try_parse_from(words).unwrap().options;
        let expected = "just run-experiment toy --preset smoke --only 'no split/rate 0.001' --only redo";
        assert_eq!(options.command("toy"), expected);
        assert_eq!(quote("it's"), "'it'\\''s'");
    }

    #[test]
    fn numbers_of_jobs_and_cores_are_at_least_one() {
        for words in [
            ["toy", "--jobs", "0"],
            ["toy", "--jobs", "-1"],
            ["toy", "--memory", "0"],
        ] {
            assert!(Arguments::try_parse_from(words).is_err(), "{words:?}");
        }
        assert!(positive("0").is_err() && positive("1e3").is_err() && positive("3") == Ok(3));
    }

    #[test]
    fn a_variant_that_does_not_exist_gets_the_nearest_and_the_arms() {
        let names = ["redo/τ 0.1", "redo/τ 0.025", "size-gate/λ 1e-2"].map(str::to_owned);
        let text = unknown_variant(&names, "rdo").to_string();
        assert!(
            text.contains("one of `redo`, `size-gate`, or one of their variants (did you mean `redo`?)"),
            "{text}"
        );
    }

    #[test]
    fn names_with_commas_are_told_apart_and_the_nearest_dozen_is_listed() {
        let names: Vec<String> = (1..=20).map(|n| format!("net {n}, {} times as wide", 21 - n)).collect();
        let text = unknown_variant(&names, "net 17, 4 times as wid").to_string();
        assert!(
            text.contains("one of `net 17, 4 times as wide`, `") && text.contains("` and 8 more (did you mean"),
            "{text}"
        );
        assert_eq!(text.matches("times as wide`").count(), 12 + 1, "{text}");
    }

    #[test]
    fn devices_are_cpu_cuda_and_numbered_cuda() {
        assert!(
            ["cpu", "candle-cpu", "cuda", "cuda:3"]
                .iter()
                .all(|text| device(text).is_ok())
        );
        assert!(
            ["gpu", "cuda:", "cuda:x", "CPU"]
                .iter()
                .all(|text| device(text).is_err())
        );
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
