//! The recorded nets as a study: their factors, their numbers, and each arm at the rate that was chosen for it.

use espalier_study::prelude::*;
use espalier_trial::Run;

use crate::arms::{Arm, Place};
use crate::rows::{Summary, Task};
use crate::streams::Stream;
use crate::{DeadUnitRecycling, Variant};

pub const METHOD: Factor = Factor::method("method");
pub const PLACE: Factor = Factor::setting("stream and model");
pub const RATE: Factor = Factor::setting("learning rate").log();
const TASKS: Factor = Factor::setting("tasks");
const ROWS: Factor = Factor::setting("rows of a task");
const BATCH: Factor = Factor::setting("rows per step");
const NOISE: Factor = Factor::setting("noise on copies");
const TOLD: Factor = Factor::setting("told where tasks end");

/// One of the rates that were tried.
pub const TRIED: Factor = Factor::label("tried");
/// The best of the rates by validation.
pub const OWN: Factor = Factor::label("at its own chosen rate");
/// The rate that was chosen for no strategy: a difference there is the strategy's alone.
pub const REFERENCE: Factor = Factor::label("at the rate chosen for none");
/// The highest rate that was tried, where most units die.
pub const HIGHEST: Factor = Factor::label("at the highest rate tried");

/// A net that went through a stream.
#[derive(Clone)]
pub struct Net {
    pub summary: Summary,
    tasks: Vec<Task>,
}

impl Recorded for Net {
    fn nets(trial: &Trial<'_>) -> espalier_study::Result<Vec<(String, Self)>> {
        let (summary, tasks) = (trial.row()?, trial.rows()?);
        Ok(vec![(trial.key.variant.clone(), Self { summary, tasks })])
    }

    fn diverged(&self) -> bool {
        self.summary.diverged
    }

    fn edits(&self) -> Option<u64> {
        let alone = [Arm::None, Arm::StartOver].map(Arm::name);
        (!alone.contains(&self.summary.arm.as_str())).then_some(self.summary.edits_applied)
    }
}

impl Net {
    fn quarter(&self) -> usize {
        (self.tasks.len() / 4).max(1)
    }

    fn late(&self, of: fn(&Task) -> f64) -> f64 {
        mean(&self.tasks[self.tasks.len().saturating_sub(self.quarter())..], of)
    }

    fn early(&self, of: fn(&Task) -> f64) -> f64 {
        mean(&self.tasks[..self.quarter().min(self.tasks.len())], of)
    }

    fn end(&self, of: fn(&Task) -> f64) -> f64 {
        self.tasks.last().map_or(f64::NAN, of)
    }

    /// Running means over the tasks: checks fall near the end of every other task, and flips differ in difficulty.
    fn course(&self, of: fn(&Task) -> f64) -> Vec<f64> {
        let tasks = self.tasks.len();
        let window = if self.summary.stream == Stream::Bits.name() {
            (tasks / 10).max(1)
        } else {
            2.min(tasks)
        };
        let over = |task: usize| (task + 1).checked_sub(window).map(|from| &self.tasks[from..=task]);
        (0..tasks)
            .map(|task| over(task).map_or(f64::NAN, |tasks| mean(tasks, of)))
            .collect()
    }
}

fn mean(tasks: &[Task], of: fn(&Task) -> f64) -> f64 {
    tasks.iter().map(of).sum::<f64>() / tasks.len() as f64
}

/// Dead units as a share of all hidden units.
fn dead(task: &Task) -> f64 {
    task.dead_units as f64 / task.units as f64
}

type Q = Quantity<Net>;
pub const DEAD: Q = Q::new("dead", "dead share, last quarter of the tasks", |n| n.late(dead))
    .unit("fraction", 3)
    .lower_is_better();
pub const DYING: Q = Q::new("dying", "dead share, last quarter of the tasks less the first", |n| {
    n.late(dead) - n.early(dead)
})
.unit("fraction", 3);
pub const RANK: Q = Q::new("rank", "effective rank, last quarter of the tasks", |n| {
    n.late(|t| t.effective_rank)
})
.unit("dimensions", 1);
pub const ONLINE: Q = Q::new("online", "online score, last quarter of the tasks", |n| {
    n.late(|t| t.online_score)
})
.unit("fraction", 3)
.higher_is_better();
pub const VALIDATION: Q = Q::new("validation", "validation score, last quarter of the tasks", |n| {
    n.late(|t| t.validation_score)
})
.unit("fraction", 3)
.higher_is_better();
pub const TEST: Q = Q::new("test", "test score, last task", |n| n.summary.test_score).unit("fraction", 3);
pub const RENEWED: Q = Q::count("renewed", "units renewed", |n| n.summary.newborns as f64);
pub const PARAMETERS: Q = Q::count("parameters", "parameters at the end", |n| {
    n.end(|t| t.parameters as f64)
});
pub const MACS: Q = Q::new("macs", "training", |n| n.end(|t| t.train_macs as f64 / 1e9)).unit("10⁹ MACs", 2);
pub const DECISIONS: Q =
    Q::new("decisions", "decisions", |n| n.end(|t| t.decision_macs as f64 / 1e9)).unit("10⁹ MACs", 3);

/// Courses over the tasks, which are looked at and not judged.
pub const DEAD_COURSE: Q = Q::new("dead-course", "dead units", |n| 100.0 * n.end(dead))
    .unit("%", 0)
    .over_epochs(|n| n.course(|t| 100.0 * dead(t)));
pub const RANK_COURSE: Q = Q::new("rank-course", "effective rank", |n| n.end(|t| t.effective_rank))
    .unit("dimensions", 1)
    .over_epochs(|n| n.course(|t| t.effective_rank));
pub const ONLINE_COURSE: Q = Q::new("online-course", "online score", |n| n.end(|t| t.online_score))
    .unit("fraction", 3)
    .over_epochs(|n| n.course(|t| t.online_score));

/// The net of a method in a place, at one of the rates that labels name.
pub fn net(place: Place, arm: Arm, at: &Factor) -> Where {
    let chosen = METHOD.is(arm.name()).and(PLACE.is(place.to_string())).and(at.is(true));
    chosen.named(format!("{arm} on {place}, {}", at.name))
}

/// The rows of one data set, with an arm for each method at the rate that its validation score chooses.
pub fn study(run: &Run<'_, DeadUnitRecycling>, subtitle: String) -> anyhow::Result<Study<Net>> {
    let (sizes, context) = (&run.settings, run.context);
    let mut arms = Vec::new();
    for variant in &run.variants {
        let Variant { place, arm, rate } = *variant;
        let size = place.stream.size(sizes);
        let made = espalier_study::Arm::new(variant.to_string())
            .with(&PLACE, place.to_string())
            .with(&METHOD, arm.name())
            .with(&RATE, rate)
            .with(&TASKS, size.tasks)
            .with(&ROWS, size.rows)
            .with(&BATCH, size.batch);
        arms.push(match arm {
            Arm::RecycleNoise => made.with(&NOISE, sizes.noise),
            Arm::StartOver => made.with(&TOLD, true),
            _ => made,
        });
    }
    let study = Study::new("dead-unit-recycling", arms)?
        .outcome(PARAMETERS)
        .outcome(MACS)
        .subtitle(subtitle)
        .read_all(run.sets, &context.seeds)?;
    let name = |arm: &espalier_study::Arm| format!("{}: {}", arm.text(&PLACE), arm.text(&METHOD));
    Ok(labelled(study.tuned(&RATE, &VALIDATION, &Where::all(), name)?))
}

/// Says of each arm at which of the rates it is that claims compare; a chosen arm stands for one of those that were tried.
fn labelled(mut study: Study<Net>) -> Study<Net> {
    for place in Place::all() {
        let reference = study.choice(&study.sets[0].name, &format!("{place}: {}", Arm::None));
        let reference = reference.map_or(f64::NAN, |tuned| tuned.chosen.number());
        let here = PLACE.is(place.to_string());
        let rates = study.chosen(&here).into_iter().map(|arm| arm.number(&RATE));
        let highest = rates.fold(f64::NAN, f64::max);
        for arm in study.arms.iter_mut().filter(|arm| here.holds(arm)) {
            let rate = arm.number(&RATE);
            let labels = [
                (OWN, rate.is_nan()),
                (TRIED, !rate.is_nan()),
                (REFERENCE, rate == reference),
                (HIGHEST, rate == highest),
            ];
            for (label, _) in labels.iter().filter(|(_, holds)| *holds) {
                *arm = arm.clone().with(label, true);
            }
        }
    }
    study
}
