//! `worker`: trials of a plan under a scheduler, or beside other workers.

use std::process::ExitCode;

use crate::cli::{Options, WorkerArguments};
use crate::plan::Plan;
use crate::progress::{notice, say};
use crate::signals::Leave;
use crate::worker::Worker;
use crate::{AnyExperiment, Error, Result, counted};

/// The variables in which schedulers say which element of an array this process is.
const ELEMENTS: [&str; 3] = ["SLURM_ARRAY_TASK_ID", "HQ_TASK_ID", "JOB_COMPLETION_INDEX"];

pub(super) fn worker(
    experiment: &dyn AnyExperiment,
    options: &Options,
    arguments: &WorkerArguments,
    leave: &Leave,
) -> anyhow::Result<ExitCode> {
    let plan = options.plan(experiment)?;
    for set in 0..plan.sets.len() {
        plan.check(set)?;
    }
    let selected = options.select(&plan)?;
    let numbers = match arguments.chunk {
        None => selected,
        Some(chunk) => chunk_of(&selected, chunk, element(|name| std::env::var(name).ok())?)?,
    };
    set_damaged_aside(&plan, &numbers)?;
    let worker = Worker {
        experiment,
        plan: &plan,
        options: arguments
            .cpus
            .map_or_else(|| options.worker(), |cpus| options.worker_on(cpus)),
        leave: leave.clone(),
    };
    let outcome = worker.run(&numbers, &mut |_| ())?;
    if !outcome.left {
        say(&format!(
            "{}: {} of this worker settled",
            plan.experiment,
            counted(numbers.len() as u64, "trial")
        ));
    }
    Ok(super::run::conclude(&outcome, leave))
}

/// Checks the records of these trials, so that a damaged one is run again rather than taken for done.
fn set_damaged_aside(plan: &Plan, numbers: &[usize]) -> Result<()> {
    for &number in numbers {
        let trial = &plan.trials[number];
        plan.sets[trial.set]
            .store
            .read_or_set_aside(&trial.id, &mut |text| notice(&text))?;
    }
    Ok(())
}

/// Reads the number of this array element.
fn element(read: impl Fn(&str) -> Option<String>) -> Result<usize> {
    let found = ELEMENTS.iter().find_map(|name| read(name).map(|value| (*name, value)));
    let expected = || format!("a whole number in one of {}", ELEMENTS.join(", "));
    match found {
        Some((name, value)) => value.trim().parse().map_err(|_| Error::flag(name, expected(), value)),
        None => Err(Error::flag("--chunk", expected(), "none of them")),
    }
}

fn chunk_of(numbers: &[usize], chunk: usize, element: usize) -> Result<Vec<usize>> {
    let part = (chunk > 0).then(|| numbers.chunks(chunk).nth(element)).flatten();
    part.map(<[usize]>::to_vec).ok_or_else(|| {
        let elements = if chunk == 0 { 0 } else { numbers.len().div_ceil(chunk) };
        Error::flag(
            "--chunk",
            format!("an array element below {elements} and a chunk above 0"),
            element.to_string(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheduler_names_its_element() {
        for name in ELEMENTS {
            assert_eq!(element(|asked| (asked == name).then(|| "7".to_owned())).unwrap(), 7);
        }
        assert!(
            element(|_| None)
                .unwrap_err()
                .to_string()
                .contains("SLURM_ARRAY_TASK_ID")
        );
        assert!(
            element(|_| Some("x".to_owned()))
                .unwrap_err()
                .to_string()
                .contains("found `x`")
        );
    }

    #[test]
    fn chunks_cover_the_plan_once() {
        let numbers: Vec<usize> = (0..10).collect();
        let parts: Vec<usize> = (0..4)
            .flat_map(|element| chunk_of(&numbers, 3, element).unwrap())
            .collect();
        assert_eq!(parts, numbers);
        assert!(chunk_of(&numbers, 3, 4).is_err() && chunk_of(&numbers, 0, 0).is_err());
    }
}
