//! `verify`: recorded trials trained again, the largest and random ones, their rows compared.

use std::process::ExitCode;

use espalier_report::rows::{Rows, TrialKey};
use espalier_seed::Seed;

use crate::agreement::{Comparison, compare};
use crate::cli::{Options, VerifyArguments};
use crate::committed::Committed;
use crate::environment::instruction_set;
use crate::manifest::EARLIER_CODE;
use crate::page::{draw, publish_combined};
use crate::plan::Plan;
use crate::progress::{duration, notice, say};
use crate::signals::Leave;
use crate::store::{Timing, unix_seconds};
use crate::worker::Worker;
use crate::{AnyExperiment, Error, Manifest, Result, counted};

pub(super) fn verify(
    experiment: &dyn AnyExperiment,
    options: &Options,
    arguments: &VerifyArguments,
    leave: &Leave,
) -> anyhow::Result<ExitCode> {
    let plan = options.plan(experiment)?;
    let worker = Worker {
        experiment,
        plan: &plan,
        options: options.worker(),
        leave: leave.clone(),
    };
    let mut agree = true;
    for set in 0..plan.sets.len() {
        let report = report_of(&plan, set, options)?;
        let numbers = sample(&plan, set, &report, options, arguments)?;
        let verified = verify_set(&worker, set, &report, &numbers)?;
        agree &= verified;
        if arguments.take_over {
            take_over(experiment, &plan, set, report, verified)?;
        }
    }
    if arguments.take_over {
        publish_combined(experiment, &plan.preset, &plan.folder, &options.places(), &mut |text| {
            notice(&text)
        })?;
    }
    Ok(if agree { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn report_of(plan: &Plan, set: usize, options: &Options) -> Result<Committed> {
    let (places, name) = (options.places(), &plan.sets[set].loaded.name);
    Committed::of(plan, &places, set)?.ok_or_else(|| Error::NothingRecorded {
        path: places.report(&plan.experiment, name, &plan.preset, &plan.folder),
        needed: "no report to verify; run the experiment first".into(),
    })
}

/// Picks the recorded trial that took longest, and random others, among those that the plan still has.
fn sample(
    plan: &Plan,
    set: usize,
    report: &Committed,
    options: &Options,
    arguments: &VerifyArguments,
) -> anyhow::Result<Vec<usize>> {
    let selected = options.select(plan)?;
    let planned = |key: &TrialKey| {
        selected.iter().copied().find(|&number| {
            let trial = &plan.trials[number];
            trial.set == set && trial.seed == key.seed && plan.names[trial.variant] == key.variant
        })
    };
    let mut timings = report.rows.get::<Timing>().map_err(Error::from)?;
    timings.retain(|timing| arguments.under.is_none_or(|most| timing.row.wall_seconds <= most));
    timings.sort_by(|a, b| b.row.wall_seconds.total_cmp(&a.row.wall_seconds));
    let mut numbers: Vec<usize> = timings.iter().filter_map(|timing| planned(&timing.key)).collect();
    if numbers.is_empty() {
        let path = report.folder.clone();
        let needed = "no recorded trial belongs to this plan (and took as little time as asked for)".into();
        return Err(Error::NothingRecorded { path, needed }.into());
    }
    let draw = arguments.sample.unwrap_or_else(unix_seconds);
    let mut stream = Seed::new(draw)
        .named("verify")
        .named(&plan.sets[set].loaded.name)
        .stream();
    stream.shuffle(&mut numbers[1..]);
    numbers.truncate(arguments.trials.max(1));
    say(&format!(
        "{}: the longest and {} random of {} (again with --sample {draw})",
        report.folder.display(),
        numbers.len() - 1,
        counted(report.manifest.trials as u64, "trial")
    ));
    Ok(numbers)
}

fn verify_set(worker: &Worker<'_>, set: usize, report: &Committed, numbers: &[usize]) -> anyhow::Result<bool> {
    if let Some(difference) = report.manifest.other_identity(worker.plan, set) {
        notice(&format!("{difference}; the rows are compared nevertheless"));
    }
    let mut agree = true;
    for &number in numbers {
        agree &= verify_one(worker, number, &report.manifest, &report.rows)?;
    }
    Ok(agree)
}

fn verify_one(worker: &Worker<'_>, number: usize, manifest: &Manifest, rows: &Rows) -> anyhow::Result<bool> {
    let (plan, trial) = (worker.plan, &worker.plan.trials[number]);
    let label = plan.label(trial);
    let mine = |key: &TrialKey| key.seed == trial.seed && key.variant == plan.names[trial.variant];
    let machine = instruction_set();
    let exact = repeats(manifest, &machine, &plan.device);
    let allowed = if exact { 0.0 } else { worker.experiment.tolerance() };
    let (record, wall_seconds) = worker.rehearse(number)?;
    let fresh = Rows::from_records(&[record]).map_err(Error::from)?;
    let comparison = compare(&rows.filtered(mine), &fresh, allowed)?;
    let terms = if exact {
        format!("exactly, on {machine}")
    } else {
        let recorded = &manifest.provenance.instruction_set;
        format!("within {allowed} relative ({machine}, recorded on {recorded})")
    };
    Ok(judge(&label, &comparison, &terms, wall_seconds))
}

/// Whether the bytes of a report repeat here.
fn repeats(manifest: &Manifest, machine: &str, device: &str) -> bool {
    manifest.provenance.instruction_set == machine && manifest.provenance.device == device
}

fn judge(label: &str, comparison: &Comparison, terms: &str, wall_seconds: f64) -> bool {
    let Comparison {
        tables,
        cells,
        differences,
    } = comparison;
    let trained = format!("{label}: trained again in {}", duration(wall_seconds));
    if differences.is_empty() {
        say(&format!("{trained}; {cells} values of {tables} tables agree {terms}"));
        return true;
    }
    say(&format!(
        "{trained}; {} values do not agree {terms}:",
        differences.len()
    ));
    differences
        .iter()
        .take(10)
        .for_each(|difference| say(&format!("  {difference}")));
    false
}

/// Gives a report whose sample agreed exactly the plan's identity, and marks one whose sample did not.
fn take_over(
    experiment: &dyn AnyExperiment,
    plan: &Plan,
    set: usize,
    mut report: Committed,
    agreed: bool,
) -> anyhow::Result<()> {
    let (folder, manifest) = (&report.folder, &mut report.manifest);
    if !repeats(manifest, &instruction_set(), &plan.device) {
        let found = &manifest.provenance.instruction_set;
        anyhow::bail!(
            "{}: expected rows of this instruction set and device, found {found}",
            folder.display()
        );
    }
    let notices = &mut manifest.provenance.notices;
    notices.retain(|notice| notice != EARLIER_CODE);
    if agreed {
        manifest.adopt_identity(plan, set)?;
        say(&format!("{}: its trials have today's identity", folder.display()));
    } else {
        notices.push(EARLIER_CODE.to_owned());
        say(&format!("{}: marked as {EARLIER_CODE}", folder.display()));
    }
    manifest.write(folder)?;
    draw(experiment, folder)?;
    Ok(())
}
