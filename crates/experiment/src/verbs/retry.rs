//! `retry`: failed trials again, and only these.

use std::process::ExitCode;

use crate::AnyExperiment;
use crate::cli::Options;
use crate::progress::say;
use crate::signals::Leave;
use crate::worker::{Worker, WorkerOptions};

pub(super) fn retry(experiment: &dyn AnyExperiment, options: &Options, leave: &Leave) -> anyhow::Result<ExitCode> {
    let plan = options.plan(experiment)?;
    let mut numbers = options.select(&plan)?;
    let failed = plan
        .sets
        .iter()
        .map(|set| set.store.failed())
        .collect::<crate::Result<Vec<_>>>()?;
    numbers.retain(|&number| failed[plan.trials[number].set].contains(&plan.trials[number].id));
    if numbers.is_empty() {
        say("no trial has failed");
        return Ok(ExitCode::SUCCESS);
    }
    let worker = Worker {
        experiment,
        plan: &plan,
        options: WorkerOptions {
            retry: true,
            ..options.worker()
        },
        leave: leave.clone(),
    };
    let outcome = worker.run(&numbers, &mut |_| ())?;
    say(&format!(
        "{} of {} failed trials are recorded now",
        outcome.finished,
        numbers.len()
    ));
    Ok(super::run::conclude(&outcome, leave))
}
