//! `run`: all trials that are not recorded yet, then the report.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::cli::Options;
use crate::committed::Committed;
use crate::page::{Places, Written, gather, publish, publish_combined};
use crate::plan::Plan;
use crate::progress::{Display, chain, notice, say};
use crate::signals::Leave;
use crate::store::{Finished, Store};
use crate::worker::{Outcome, Worker, WorkerOptions};
use crate::{AnyExperiment, Error, Preset, Result, counted};

/// Between two redrawings of the page while trials run.
const REDRAW_EVERY: Duration = Duration::from_secs(10);

pub(super) fn run(experiment: &dyn AnyExperiment, options: &Options, leave: &Leave) -> anyhow::Result<ExitCode> {
    let plan = options.plan(experiment)?;
    let numbers = options.select(&plan)?;
    prepare(&plan)?;
    for set in 0..plan.sets.len() {
        plan.write(set)?;
    }
    let places = options.places();
    let committed = committed(&plan, &places, options)?;
    let command = options.command(&plan.experiment);
    let worker = Worker {
        experiment,
        plan: &plan,
        options: WorkerOptions {
            retry: true,
            ..options.worker()
        },
        leave: leave.clone(),
    };
    let mut painter = Painter::new(experiment, &plan, &places, &command);
    let outcome = worker.run(&numbers, &mut |display| painter.settled(display))?;
    let hurried = outcome.left && leave.by_scheduler();
    if !hurried {
        finish(experiment, &plan, &places, &command)?;
        if outcome.finished > 0 {
            set_beside(&plan, &committed)?;
        }
    }
    Ok(conclude(&outcome, leave))
}

/// Where no report lies, and the flags by which it may lie elsewhere.
fn nothing_to_continue(plan: &Plan, places: &Places, set: usize, options: &Options) -> Error {
    let mut apart = Vec::new();
    if !plan.changed.is_empty() {
        apart.push(format!(
            "or leave out what makes it a report of its own (--set {})",
            plan.changed.join(", ")
        ));
    }
    if options.out != Path::new("reports") {
        apart.push(format!("or leave out --out {}", options.out.display()));
    }
    Error::NothingToContinue {
        path: places.report(
            &plan.experiment,
            &plan.sets[set].loaded.name,
            &plan.preset,
            &plan.folder,
        ),
        apart: apart.iter().map(|part| format!("; {part}")).collect(),
    }
}

/// Reads the reports that lie there already, and takes their trials up if asked to.
pub(super) fn committed(plan: &Plan, places: &Places, options: &Options) -> Result<Vec<Option<Committed>>> {
    let mut reports = Vec::new();
    for set in 0..plan.sets.len() {
        let report = match Committed::of(plan, places, set) {
            // Nobody keeps the page of a smoke run.
            _ if plan.preset == Preset::Smoke => None,
            Err(error) if !options.take_up => {
                notice(&format!("the report that lies there is not compared: {error}"));
                None
            }
            report => report?,
        };
        if options.take_up {
            if let Some(notice) = &plan.sets[set].loaded.notice {
                return Err(Error::flag("--continue", "the data set that was asked for", &**notice));
            }
            let Some(report) = &report else {
                return Err(nothing_to_continue(plan, places, set, options));
            };
            let said = report.take_up(plan, set)?;
            say(&format!("{}: {said}", plan.sets[set].loaded.name));
        }
        reports.push(report);
    }
    Ok(reports)
}

/// Says whether the rows equal those that lay in the reports before.
pub(super) fn set_beside(plan: &Plan, committed: &[Option<Committed>]) -> Result<()> {
    for (set, report) in committed.iter().enumerate() {
        for line in report
            .iter()
            .map(|report| report.compared(plan, set))
            .collect::<Result<Vec<_>>>()?
            .concat()
        {
            say(&line);
        }
    }
    Ok(())
}

/// Opens the stores and sets damaged records aside.
pub(super) fn prepare(plan: &Plan) -> Result<()> {
    for (set, planned) in plan.sets.iter().enumerate() {
        let store = Store::open(planned.store.root())?;
        if let Some(text) = &planned.loaded.notice {
            notice(&format!("notice: {text}"));
        }
        gather(plan, set, &mut |text| notice(&text))?;
        store.tidy()?;
        others(plan, set, &store)?;
    }
    Ok(())
}

/// Says how many records of another identity lie in the store: they are neither shown nor pooled.
fn others(plan: &Plan, set: usize, store: &Store) -> Result<()> {
    let mut recorded = store.recorded()?;
    let before = recorded.len();
    for trial in plan.of_set(set) {
        recorded.remove(&trial.id);
    }
    if !recorded.is_empty() {
        notice(&format!(
            "{}: {} of {before} records are of another identity (code, data, seeds or variants have changed); \
             they stay on disk and are not shown",
            store.root().display(),
            recorded.len()
        ));
    }
    Ok(())
}

/// Draws the final pages and prints the verdicts.
pub(super) fn finish(
    experiment: &dyn AnyExperiment,
    plan: &Plan,
    places: &Places,
    command: &str,
) -> anyhow::Result<()> {
    for set in 0..plan.sets.len() {
        // A worker killed while it wrote a record left a file that only now, with the record there, is known to be waste.
        plan.sets[set].store.tidy()?;
        let records = gather(plan, set, &mut |text| notice(&text))?;
        if records.is_empty() {
            say(&format!("{}: nothing is recorded yet", plan.sets[set].loaded.name));
            continue;
        }
        let (found, planned) = (records.len(), plan.of_set(set).count());
        let written = publish(experiment, plan, set, records, places, command)?;
        announce(&written);
        if found < planned {
            let planned = counted(planned as u64, "trial");
            say(&format!("  from {found} of {planned}; run again for the rest"));
        }
    }
    let combined = publish_combined(experiment, &plan.preset, &plan.folder, places, &mut |text| {
        notice(&text)
    })?;
    if let Some(written) = combined {
        announce(&written);
    }
    Ok(())
}

/// Prints the verdicts in a few lines, and where the page lies.
pub(super) fn announce(written: &Written) {
    if let Some(reason) = &written.kept_back {
        notice(reason);
    }
    for line in written.report.verdict_lines() {
        say(&format!("  {line}"));
    }
    say(&format!("{}", written.folder.join("README.md").display()));
}

/// Turns what happened into an exit code and a last line.
pub(super) fn conclude(outcome: &Outcome, leave: &Leave) -> ExitCode {
    if outcome.failed > 0 {
        notice(&format!(
            "{} failed; `status` shows why, `retry` runs them again",
            counted(outcome.failed as u64, "trial")
        ));
    }
    if outcome.left {
        notice(&format!(
            "left early: {} recorded, {} paused; run again for the rest",
            counted(outcome.finished as u64, "trial"),
            outcome.paused
        ));
        return ExitCode::from(leave.exit_code());
    }
    if outcome.failed > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// Redraws pages while trials run, from seeds that every variant has.
struct Painter<'a> {
    experiment: &'a dyn AnyExperiment,
    plan: &'a Plan,
    places: &'a Places,
    command: &'a str,
    /// How many seeds each data set's page was last drawn from.
    drawn: BTreeMap<usize, usize>,
    last: Instant,
    pause: Duration,
    complained: bool,
}

impl<'a> Painter<'a> {
    fn new(experiment: &'a dyn AnyExperiment, plan: &'a Plan, places: &'a Places, command: &'a str) -> Self {
        let last = Instant::now();
        Self {
            experiment,
            plan,
            places,
            command,
            drawn: BTreeMap::new(),
            last,
            pause: REDRAW_EVERY,
            complained: false,
        }
    }

    /// Redraws if a seed has become complete and the last drawing is long enough ago.
    fn settled(&mut self, display: &Display) {
        if self.last.elapsed() < self.pause {
            return;
        }
        let begun = Instant::now();
        for set in 0..self.plan.sets.len() {
            if let Err(error) = self.redraw(set)
                && !self.complained
            {
                self.complained = true;
                display.note(&format!("the page cannot be drawn yet: {}", chain(&error)));
            }
        }
        self.last = Instant::now();
        // Drawing should cost little beside training, however long it takes.
        self.pause = REDRAW_EVERY.max(begun.elapsed() * 20);
    }

    fn redraw(&mut self, set: usize) -> anyhow::Result<()> {
        let recorded = self.plan.sets[set].store.recorded()?;
        let mut missing: BTreeMap<u64, usize> = BTreeMap::new();
        for trial in self.plan.of_set(set) {
            *missing.entry(trial.seed).or_default() += usize::from(!recorded.contains(&trial.id));
        }
        let complete = missing.values().filter(|&&count| count == 0).count();
        if complete == 0 || complete == missing.len() || self.drawn.get(&set) == Some(&complete) {
            return Ok(());
        }
        let records: Vec<Finished> = gather(self.plan, set, &mut |_| ())?
            .into_iter()
            .filter(|finished| missing.get(&finished.record.key.seed) == Some(&0))
            .collect();
        publish(self.experiment, self.plan, set, records, self.places, self.command)?;
        self.drawn.insert(set, complete);
        Ok(())
    }
}
