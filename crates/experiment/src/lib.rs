//! Everything between an experiment's command line and its report.
//!
//! An [`Experiment`] says what it asks, which variants differ in one thing, what one trial does and
//! how recorded rows are read. [`main`] does the rest: flags and typed [`Settings`], a plan of trials
//! whose ids are hashes of all that decides a result, workers that meet in a folder and lose nothing
//! when one of them dies, progress, rows, manifest and page.
//!
//! ```no_run
//! use espalier_experiment::{About, Experiment, Golden, Preset, ReportContext, Settings, TrialContext};
//! use espalier_report::page::Report;
//! use espalier_report::rows::{Row, Rows};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Distance {
//!     distance: f64,
//! }
//! impl Row for Distance {
//!     const TABLE: &'static str = "distances";
//! }
//!
//! struct Walk;
//! impl Experiment for Walk {
//!     type Variant = &'static str;
//!
//!     fn about(&self) -> About {
//!         About { name: "walk", title: "How far does a walk lead?", study: "", summary: "Random walks." }
//!     }
//!     fn golden(&self) -> Golden {
//!         Golden::word("first")
//!     }
//!     fn settings(&self, _: &Preset) -> Settings {
//!         Settings::new(6).integer("steps", 100, "steps of a walk")
//!     }
//!     fn variants(&self, _: &Settings) -> anyhow::Result<Vec<&'static str>> {
//!         Ok(vec!["free", "damped"])
//!     }
//!     fn datasets(&self) -> Vec<&'static str> {
//!         Vec::new()
//!     }
//!     fn trial(&self, context: &mut TrialContext<'_, &'static str>) -> anyhow::Result<()> {
//!         let mut steps = context.seed().named("steps").stream();
//!         let damping = if *context.variant() == "damped" { 0.9 } else { 1.0 };
//!         let distance = (0..context.settings().count("steps")?).fold(0.0, |at, _| at * damping + steps.normal());
//!         Ok(context.record(&Distance { distance })?)
//!     }
//!     fn report(&self, rows: &Rows, context: &ReportContext) -> anyhow::Result<Report> {
//!         let walks = rows.get::<Distance>()?.len();
//!         Ok(Report { title: format!("{walks} walks, {}", context.subtitle()), ..Report::default() })
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     espalier_experiment::main(Walk)
//! }
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod agreement;
mod cli;
mod columns;
mod committed;
pub mod environment;
mod erased;
mod error;
mod examples;
mod experiment;
mod footprint;
mod golden;
mod identity;
mod keeper;
mod kept;
mod lacking;
mod manifest;
mod meeting;
mod own;
mod page;
mod parts;
mod plan;
mod progress;
mod queue;
mod range;
#[cfg(test)]
mod scale;
mod schedulers;
mod sets;
mod settings;
mod shortened;
mod signals;
pub mod store;
mod trial;
mod verbs;
mod worker;

use std::ffi::OsString;
use std::process::ExitCode;

pub use columns::{Columns, Limit, SettingType};
pub use erased::{AnyExperiment, AnyVariant, Erased};
pub use error::{Error, Result};
pub use experiment::{About, Experiment, Loaded, Preset, ReportContext};
pub use footprint::Footprint;
pub use golden::Golden;
pub use identity::Identity;
pub use kept::{Kept, KeptFiles};
pub use lacking::{Absent, Diverged, Divergence, Missing};
pub use manifest::Manifest;
pub use plan::{Plan, PlanOptions, Planned, PlannedSet};
pub use range::Range;
pub use sets::Sets;
pub use settings::{Settings, Value};
pub use shortened::{Shortened, counted};
pub use signals::Leave;
pub use trial::{RunningTrial, Stopped, TrialContext};

/// Runs an experiment as its command line asks; the whole body of an experiment's `main`.
///
/// The exit code is 0 when all went well, 1 when a trial, the run or standard output failed, 2 when the
/// command line was wrong, 130 after Ctrl-C, and 75 when a scheduler or a closing terminal asked the
/// worker to leave. A standard output that is closed (`>&-`) is as good as `> /dev/null`, which
/// Rust's runtime opens in its place: nobody wants the answer, and that is no failure.
pub fn main<E: Experiment>(experiment: E) -> ExitCode {
    run(&experiment, std::env::args_os())
}

/// Runs an experiment with the given arguments, the program's name first.
pub fn run<E: Experiment, S: Into<OsString>>(experiment: &E, arguments: impl IntoIterator<Item = S>) -> ExitCode {
    answer(&Erased(experiment), arguments.into_iter().map(Into::into).collect())
}

fn answer(experiment: &dyn AnyExperiment, arguments: Vec<OsString>) -> ExitCode {
    let code = match cli::parse(experiment, arguments) {
        Ok(arguments) => act(experiment, &arguments),
        // `--help` is an answer, not a mistake: clap knows the stream and the code.
        Err(answer) => {
            progress::answer(&answer);
            ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(2))
        }
    };
    match progress::refused() {
        Some(error) => {
            progress::notice(&format!("error: writing to standard output: {error}"));
            if code == ExitCode::SUCCESS {
                ExitCode::FAILURE
            } else {
                code
            }
        }
        None => code,
    }
}

fn act(experiment: &dyn AnyExperiment, arguments: &cli::Arguments) -> ExitCode {
    verbs::act(experiment, arguments).unwrap_or_else(|error| {
        progress::notice(&format!("error: {}", progress::chain(&error)));
        let unknown_set = matches!(error.downcast_ref(), Some(espalier_data::Error::UnknownSet { .. }));
        let usage = unknown_set || error.downcast_ref::<Error>().is_some_and(Error::is_usage);
        ExitCode::from(if usage { 2 } else { 1 })
    })
}
