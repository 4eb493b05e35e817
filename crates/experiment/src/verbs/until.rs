//! `run --until-decided`: paired seeds are added while a claim is open that more of them could decide.

use std::process::ExitCode;

use espalier_report::page::{Claim, Report};
use espalier_report::statistics::Looks;

use super::looks::{declare, declared, next_looks, same_looks};
use super::run::{announce, committed, conclude, prepare, set_beside};
use crate::cli::{Options, Verb};
use crate::page::{Places, Written, gather, publish, publish_combined};
use crate::plan::Plan;
use crate::progress::{notice, say};
use crate::signals::Leave;
use crate::worker::{Outcome, Worker, WorkerOptions};
use crate::{AnyExperiment, Error, Manifest, Result};

/// What is said where trials failed: they have been tried again, so that the same command may fail for ever.
const FAILING: &str = "no seeds are added while trials fail. One that fails each time it is tried keeps its claims open whatever the \
    number of seeds: `status` shows its error; mend what that names (a setting, the data, the code) and give the command again. \
    The page is drawn from the other trials";
pub(super) fn run(experiment: &dyn AnyExperiment, options: &Options, leave: &Leave) -> anyhow::Result<ExitCode> {
    let outline = options.outline(experiment)?;
    let looks = declared(options, outline.settings.seeds(), outline.variants.len())?;
    let most = outline.with_seeds(looks.bound())?.with_trials();
    prepare(&most)?;
    let places = options.places();
    let committed = committed(&most, &places, options)?;
    same_looks(&looks, &committed, &most, &places)?;
    declare(&looks, &most)?;
    let mut course = Course {
        experiment,
        options,
        leave,
        places,
        command: options.command(&most.experiment),
        next: next_looks(&most, &looks, options)?.into_iter().map(Some).collect(),
        most,
        looks,
    };
    let outcome = course.run()?;
    if outcome.finished > 0 && !leave.by_scheduler() {
        set_beside(&course.most, &committed)?;
    }
    Ok(conclude(&outcome, leave))
}

/// Refuses what looks cannot go with.
pub(super) fn check(options: &Options, verb: &Verb) -> Result<()> {
    let refuse = |expected: &str, found: &str| Err(Error::flag("--until-decided", expected, found));
    if !matches!(verb, Verb::Run) {
        let expected = "the verb run: which trials there are is known look by look, so that no plan can be written, shared with \
                        workers or handed to a scheduler beforehand";
        return refuse(expected, "another verb");
    }
    if options.shard.is_some() {
        return refuse("no --shard beside it: a look needs all trials of its seeds", "--shard");
    }
    if !options.only.is_empty() {
        return refuse("no --only beside it: claims need every arm of a seed", "--only");
    }
    Ok(())
}

/// Seeds on their way from look to look.
struct Course<'a> {
    experiment: &'a dyn AnyExperiment,
    options: &'a Options,
    leave: &'a Leave,
    places: Places,
    command: String,
    /// All trials up to the bound.
    most: Plan,
    looks: Looks,
    /// For each data set the place of its next look; `None` when it needs none.
    next: Vec<Option<usize>>,
}

impl Course<'_> {
    /// Goes from look to look until no data set needs one.
    fn run(&mut self) -> anyhow::Result<Outcome> {
        let mut total = Outcome::default();
        while let Some(look) = self.next.iter().flatten().min().copied() {
            let outcome = self.train(look)?;
            total.add(&outcome);
            if outcome.left {
                say("no page is drawn between two looks");
                break;
            }
            self.look(look)?;
            if outcome.failed > 0 {
                notice(FAILING);
                break;
            }
        }
        Ok(total)
    }

    fn takes_part(&self, set: usize, look: usize) -> bool {
        self.next[set] == Some(look)
    }

    /// The plan of all seeds up to a look.
    fn plan(&self, look: usize) -> Result<Plan> {
        let mut plan = self.most.with_seeds(self.looks.seeds[look])?.with_trials();
        plan.looks = Some(Looks {
            made: look + 1,
            ..self.looks.clone()
        });
        Ok(plan)
    }

    /// Trains what a look needs and no earlier one of this run has trained.
    fn train(&self, look: usize) -> anyhow::Result<Outcome> {
        let plan = self.plan(look)?;
        for set in (0..plan.sets.len()).filter(|set| self.takes_part(*set, look)) {
            plan.write(set)?;
        }
        let before = look.checked_sub(1).map_or(0, |before| self.looks.seeds[before]);
        let wanted = |number: &usize| {
            let trial = &plan.trials[*number];
            self.takes_part(trial.set, look) && !(self.options.fresh && trial.seed < before)
        };
        let numbers: Vec<usize> = (0..plan.trials.len()).filter(wanted).collect();
        let worker = Worker {
            experiment: self.experiment,
            plan: &plan,
            options: WorkerOptions {
                retry: true,
                ..self.options.worker()
            },
            leave: self.leave.clone(),
        };
        Ok(worker.run(&numbers, &mut |_| ())?)
    }

    /// Judges the claims of a look's pages, and settles which data sets go on to the next.
    fn look(&mut self, look: usize) -> anyhow::Result<()> {
        let plan = self.plan(look)?;
        let after = Some(look + 1).filter(|next| *next < self.looks.seeds.len());
        let part: Vec<usize> = (0..plan.sets.len()).filter(|set| self.takes_part(*set, look)).collect();
        for &set in &part {
            plan.sets[set].store.tidy()?;
            let records = gather(&plan, set, &mut |text| notice(&text))?;
            if records.is_empty() {
                self.next[set] = None;
                continue;
            }
            let written = publish(self.experiment, &plan, set, records, &self.places, &self.command)?;
            announce(&written);
            self.tell(look, &plan.sets[set].loaded.name, &written.report);
            self.next[set] = after.filter(|_| open(&written.report) > 0);
            if self.next[set].is_none() {
                self.tell_the_end(&plan.sets[set].loaded.name, &written.report);
            }
        }
        let combined = publish_combined(self.experiment, &plan.preset, &plan.folder, &self.places, &mut |text| {
            notice(&text)
        })?;
        if let Some(written) = combined {
            announce(&written);
            self.tell(look, "all data sets", &written.report);
            // A claim over data sets is decided by seeds of all of them, which only a plan of all can add.
            if open(&written.report) > 0 && all_of(&plan, &written)? {
                part.iter().for_each(|set| self.next[*set] = after);
            }
            if self.next.iter().all(Option::is_none) {
                self.tell_the_end("all data sets", &written.report);
            }
        }
        Ok(())
    }

    /// Says why a data set gets no more seeds though claims have no verdict.
    fn tell_the_end(&self, name: &str, report: &Report) {
        for line in ending(name, self.looks.bound(), report) {
            say(&line);
        }
    }

    fn tell(&self, look: usize, name: &str, report: &Report) {
        let (seeds, bound, open) = (self.looks.seeds[look], self.looks.bound(), open(report));
        say(&format!(
            "{name}: {seeds} of at most {bound} seeds, open claims: {open}"
        ));
    }
}

/// Says of each claim without a verdict why no further seed is added for it, and what would help.
fn ending(name: &str, bound: u64, report: &Report) -> Vec<String> {
    let named = |claims: Vec<&Claim>| {
        claims
            .iter()
            .map(|claim| claim.id.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let at_bound: Vec<&Claim> = report.claims.iter().filter(|claim| claim.awaits_seeds()).collect();
    let mut lines = Vec::new();
    if !at_bound.is_empty() {
        lines.push(format!(
            "{name}: still open at the bound of {bound} seeds: {}. Looks cannot be moved once they were made: a larger --max-seeds \
             takes a report of its own (--out and --runs)",
            named(at_bound)
        ));
    }
    let beyond = report.claims.iter().filter(|claim| claim.is_beyond_seeds());
    lines.extend(beyond.map(|claim| {
        let (id, verdict) = (&claim.id, &claim.verdict);
        if claim.declared.as_ref().is_some_and(|declared| declared.built_in) {
            format!("{name}: no seed is added for {id}, which can only come out so by the way its arms are built; it is {verdict}")
        } else {
            format!("{name}: no number of seeds decides {id}, which is {verdict}")
        }
    }));
    lines
}

/// Whether a page over several data sets is drawn from those of a plan alone.
fn all_of(plan: &Plan, written: &Written) -> Result<bool> {
    let parts = Manifest::read(&written.folder)?.map_or_else(Vec::new, |manifest| manifest.parts);
    Ok(parts
        .iter()
        .all(|part| plan.sets.iter().any(|set| set.loaded.name == *part)))
}

/// How many claims of a page more seeds could decide.
fn open(report: &Report) -> usize {
    report.claims.iter().filter(|claim| claim.awaits_seeds()).count()
}
