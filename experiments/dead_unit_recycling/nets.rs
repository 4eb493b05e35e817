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

recorded!(Net { summary: row, tasks: rows } diverged summary, edits Net::applied);

impl Net {
    /// The edits of a strategy; none where there is no strategy.
    fn applied(&self) -> Option<u64> {
        let alone = [Arm::None, Arm::StartOver].map(Arm::name);
        (!alone.contains(&self.summary.arm.as_str())).then_some(self.summary.edits_applied)
    }

    fn quarter(&self) -> usize {
        (self.tasks.len() / 4).max(1).min(self.tasks.len())
    }

    fn late(&self, of: fn(&Task) -> f64) -> f64 {
        mean(&self.tasks[self.tasks.len() - self.quarter()..], of)
    }

    fn dying(&self) -> f64 {
        self.late(dead) - mean(&self.tasks[..self.quarter()], dead)
    }

    fn end(&self, of: fn(&Task) -> f64) -> f64 {
        self.tasks.last().map_or(f64::NAN, of)
    }

    /// Running means over the tasks: checks fall near the end of every other task, and flips differ in difficulty.
    fn course(&self, of: fn(&Task) -> f64) -> Vec<f64> {
        let bits = self.summary.stream == Stream::Bits.name();
        let window = if bits {
            (self.tasks.len() / 10).max(1)
        } else {
            2.min(self.tasks.len())
        };
        let over = |task: usize| (task + 1).checked_sub(window).map(|from| &self.tasks[from..=task]);
        let places = 0..self.tasks.len();
        places
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

fn percent(task: &Task) -> f64 {
    100.0 * dead(task)
}

fn rank(task: &Task) -> f64 {
    task.effective_rank
}

fn online(task: &Task) -> f64 {
    task.online_score
}

quantities! { Net;
    pub DEAD = "dead", "dead share, last quarter of the tasks", "fraction" 3 lower_is_better, |n| n.late(dead);
    pub DYING = "dying", "dead share, last quarter of the tasks less the first", "fraction" 3, Net::dying;
    pub RANK = "rank", "effective rank, last quarter of the tasks", "dimensions" 1, |n| n.late(rank);
    pub ONLINE = "online", "online score, last quarter of the tasks", "fraction" 3 higher_is_better, |n| n.late(online);
    pub VALIDATION = "validation", "validation score, last quarter of the tasks", "fraction" 3 higher_is_better,
        |n| n.late(|t| t.validation_score);
    pub TEST = "test", "test score, last task", "fraction" 3, |n| n.summary.test_score;
    pub RENEWED = "renewed", "units renewed", "" 0, |n| n.summary.newborns as f64;
    pub PARAMETERS = "parameters", "parameters at the end", "" 0, |n| n.end(|t| t.parameters as f64);
    pub MACS = "macs", "training", "10⁹ MACs" 2, |n| n.end(|t| t.train_macs as f64 / 1e9);
    pub DECISIONS = "decisions", "decisions", "10⁹ MACs" 3, |n| n.end(|t| t.decision_macs as f64 / 1e9);
    /// Courses over the tasks, which are looked at and not judged.
    pub DEAD_COURSE = "dead-course", "dead units", "%" 0, |n| n.end(percent), over_epochs(|n| n.course(percent));
    pub RANK_COURSE = "rank-course", "effective rank", "dimensions" 1, |n| n.end(rank), over_epochs(|n| n.course(rank));
    pub ONLINE_COURSE = "online-course", "online score", "fraction" 3, |n| n.end(online), over_epochs(|n| n.course(online));
}

/// The net of a method in a place, at one of the rates that labels name.
pub fn net(place: Place, arm: Arm, at: &Factor) -> Where {
    let chosen = METHOD.is(arm.name()).and(PLACE.is(place.to_string())).and(at.is(true));
    chosen.named(format!("{arm} on {place}, {}", at.name))
}

/// The rows of one data set, with an arm for each method at the rate that its validation score chooses.
pub fn study(run: &Run<'_, DeadUnitRecycling>, subtitle: String) -> anyhow::Result<Study<Net>> {
    let sizes = &run.settings;
    let arm = |variant: &Variant| {
        let size = variant.place.stream.size(sizes);
        let made = espalier_study::Arm::new(variant.to_string())
            .with(&PLACE, variant.place.to_string())
            .with(&METHOD, variant.arm.name())
            .with(&RATE, variant.rate)
            .with(&TASKS, size.tasks)
            .with(&ROWS, size.rows)
            .with(&BATCH, size.batch);
        match variant.arm {
            Arm::RecycleNoise => made.with(&NOISE, sizes.noise),
            Arm::StartOver => made.with(&TOLD, true),
            _ => made,
        }
    };
    let study = Study::new("dead-unit-recycling", run.variants.iter().map(arm).collect())?
        .outcome(PARAMETERS)
        .outcome(MACS)
        .words(include_str!("figures.md"))
        .subtitle(subtitle)
        .read_all(run.sets, &run.context.seeds)?;
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
            let kind = if rate.is_nan() { OWN } else { TRIED };
            let labels = [(kind, true), (REFERENCE, rate == reference), (HIGHEST, rate == highest)];
            for (label, _) in labels.iter().filter(|(_, holds)| *holds) {
                *arm = arm.clone().with(label, true);
            }
        }
    }
    study
}
