//! `golden`: short trials whose digests say whether the code still computes what it did.

use std::path::Path;
use std::process::ExitCode;

use crate::cli::{GoldenArguments, Options};
use crate::environment::instruction_set;
use crate::golden::{Difference, Digests, train};
use crate::progress::say;
use crate::signals::Leave;
use crate::{AnyExperiment, Error};

/// By how much images are moved.
const NUDGE: f32 = 1.000_001;

pub(super) fn golden(
    experiment: &dyn AnyExperiment,
    options: &Options,
    arguments: &GoldenArguments,
    leave: &Leave,
) -> anyhow::Result<ExitCode> {
    let (golden, name) = (experiment.golden(), experiment.about().name);
    let Some(path) = golden.path().filter(|_| !golden.runs.is_empty()) else {
        say(&format!("{name}: no golden runs are declared"));
        return Ok(ExitCode::SUCCESS);
    };
    if !options.set.is_empty() {
        return Err(Error::flag(
            "--set",
            "nothing: golden runs have their own settings",
            options.set.join(" "),
        )
        .into());
    }
    let (set, recorded) = (instruction_set(), golden.recorded()?);
    if arguments.nudge {
        let nudged = train(experiment, &golden, NUDGE, leave)?;
        // What the runs give unmoved is recorded; only where it is not are they trained as they are as well.
        let still = match recorded.sets.get(&set) {
            Some(known) if tables(known) == tables(&nudged) => known.clone(),
            _ => train(experiment, &golden, 1.0, leave)?,
        };
        return Ok(say_blind(name, &still, &nudged));
    }
    let found = train(experiment, &golden, 1.0, leave)?;
    let (runs, differences) = (found.len(), recorded.differences(&set, &found));
    let differing = differences.as_deref().unwrap_or_default();
    differing
        .iter()
        .for_each(|difference| say(&format!("{name}: {difference}")));
    if arguments.renew {
        let before = recorded.identity.clone();
        let renewed = recorded.renewed(&set, found);
        renewed.write(Path::new(path))?;
        let what = if renewed.identity == before {
            "recorded trials stay valid"
        } else {
            "the experiment's trials have a new identity"
        };
        say(&format!("{path}: {runs} golden runs on {set}; {what}"));
        return Ok(ExitCode::SUCCESS);
    }
    Ok(judge(name, &set, runs, differences.as_deref()))
}

/// The names of all runs and of their tables.
fn tables(digests: &Digests) -> Vec<(&String, Vec<&String>)> {
    digests
        .iter()
        .map(|(run, tables)| (run, tables.keys().collect()))
        .collect()
}

/// Names the runs that give the same rows though their images moved.
fn say_blind(name: &str, found: &Digests, nudged: &Digests) -> ExitCode {
    let blind: Vec<&String> = found.keys().filter(|run| found.get(*run) == nudged.get(*run)).collect();
    for run in &blind {
        say(&format!("{name}: {run}: blind"));
    }
    let notice = found.len() - blind.len();
    say(&format!(
        "{name}: {notice} of {} golden runs notice that training images moved",
        found.len()
    ));
    if blind.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn judge(name: &str, set: &str, runs: usize, differences: Option<&[Difference]>) -> ExitCode {
    let renew = format!("just golden {name} --renew");
    match differences {
        None => say(&format!(
            "{name}: skipped: no digests were recorded on {set}; add them with `{renew}`"
        )),
        Some(differences) if !differences.iter().any(Difference::is_fault) => {
            let held = runs - differences.len();
            say(&format!("{name}: {held} golden runs agree, on {set}"));
        }
        Some(differences) => {
            let meaning = if differences.iter().any(Difference::is_change) {
                "trials compute something else than recorded rows say; if that is meant, renew the digests, which makes those \
                 rows another identity's"
            } else {
                "some golden runs have no digests yet; adding them leaves recorded rows valid"
            };
            say(&format!("{name}: {meaning}: {renew}"));
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
