//! One network's way through one stream.

use std::sync::Arc;

use anyhow::Context as _;
use espalier_data::Split;
use espalier_report::standard::Outcome;
use espalier_train::EditEvent;
use espalier_trial::prelude::*;

use crate::arms::Arm;
use crate::rows::{Summary, Task};
use crate::streams::{Stream, Tasks};
use crate::{Sizes, Variant, measure};

type Ctx<'a> = TrialContext<'a, Variant>;
/// What the last network scores, and the edits on the way.
type Walked = anyhow::Result<(Outcome, Vec<EditEvent>)>;

/// Walks through the stream, records every task, and reads the test rows of the last once.
pub fn trial(context: &mut Ctx<'_>, sizes: &Sizes) -> anyhow::Result<()> {
    let (variant, seed, images) = (*context.variant(), context.seed(), Arc::clone(context.dataset()?));
    let tasks = Tasks::new(variant.place.stream, &images, sizes, &seed);
    let walked = match variant.arm {
        Arm::StartOver => start_over(context, &tasks),
        _ => walk(context, &tasks),
    };
    if matches!(&walked, Err(error) if error.is::<Diverged>()) {
        // What was not learned any more counts as the worst, task by task.
        let any = context.rows().tables.contains_key(Task::TABLE);
        let learned = if any { context.rows().get::<Task>()?.len() } else { 0 };
        let rest = (learned..tasks.size.tasks).map(|task| unlearned(variant, task));
        context.record_all(&rest.collect::<anyhow::Result<Vec<Task>>>()?)?;
    }
    let (outcome, edits) = walked?;
    Diverged::check_scores(&[outcome.test_loss])?;
    let accuracy = Some(outcome.test_score).filter(|score| score.is_finite());
    let last = tasks.task(tasks.size.tasks - 1)?;
    let test_score = score(accuracy, outcome.test_loss, &last, Split::Test);
    Ok(context.record(&summary(variant, &edits, test_score)?)?)
}

/// Trains one network on all tasks.
fn walk(context: &mut Ctx<'_>, tasks: &Tasks<'_>) -> Walked {
    let (seed, none) = (context.seed(), blank::<Task>()?);
    let mut net = training(context, tasks, 0, &seed)
        .tasks(tasks.size.tasks as u64, |task| tasks.task(task as usize))
        .epochs_as(|moment| measured(moment, &none))
        .run("net")?;
    let events = net.trainer().events();
    let edits = events.map_or_else(Vec::new, |events| events.edits.clone());
    Ok((net.outcome().clone(), edits))
}

/// Trains a network of its own on each task; the first is the same in all arms of a place that begin with the same shape.
fn start_over(context: &mut Ctx<'_>, tasks: &Tasks<'_>) -> Walked {
    let (seed, count) = (context.seed(), tasks.size.tasks);
    let (mut earlier, mut last) = (blank::<Task>()?, None);
    for task in 0..count {
        let net = training(context, tasks, task, &numbered(&seed, task)).data(tasks.task(task)?);
        let net = net.epochs_as(|moment| measured(moment, &earlier));
        let net = if task + 1 < count { net.untested() } else { net };
        let outcome = net.outcome(&format!("task {}", task + 1))?;
        earlier.task += 1;
        earlier.steps += outcome.steps;
        earlier.train_macs += outcome.train_macs;
        last = Some(outcome);
    }
    Ok((last.context("expected at least one task, found none")?, Vec::new()))
}

/// A stream of a task's own; the first task has that of all arms.
fn numbered(seed: &Seed, task: usize) -> Seed {
    match task {
        0 => seed.clone(),
        _ => seed.index(task as u64),
    }
}

/// The row of a task that a network has diverged before.
fn unlearned(variant: Variant, task: usize) -> anyhow::Result<Task> {
    let score = worst_score(variant, Missing::Diverged);
    Ok(Task {
        task: task as u64 + 1,
        online_loss: Missing::Diverged.loss(),
        online_score: score,
        validation_score: score,
        ..absent(Missing::Diverged)?
    })
}

/// The score of a network without a result: accuracy 0, or all of the targets' variance lost once more.
pub fn worst_score(variant: Variant, missing: Missing) -> f64 {
    match variant.place.stream {
        Stream::Bits => missing.score(-1.0),
        _ => missing.accuracy(),
    }
}

/// A training from a task on.
fn training<'c, 'a>(context: &'c mut Ctx<'a>, tasks: &Tasks<'_>, task: usize, seed: &Seed) -> Training<'c, 'a> {
    let (Variant { place, arm, rate }, size) = (*context.variant(), tasks.size);
    let weights = numbered(&context.seed().named("network"), task);
    let regime = Regime {
        loss: place.stream.loss(),
        ..Regime::adam(1, size.batch, rate)
    };
    let strategies = arm.strategies(tasks.sizes, &size);
    let training = Training::new(context, regime, seed).network(move |data, _| {
        let (inputs, outputs) = (data.info.features, data.info.targets.outputs());
        place.network(inputs, outputs, arm.first_width(&size), &weights)
    });
    strategies.into_iter().fold(training, Training::strategy)
}

/// The row of a task, behind those that earlier networks of an arm that starts over have seen.
fn measured(moment: &mut Moment<'_>, earlier: &Task) -> anyhow::Result<Task> {
    Diverged::check(moment.trainer().diverged())?;
    let (done, validation) = (moment.done, moment.validation);
    let trainer = moment.trainer();
    let validation_score = score(validation.accuracy, validation.loss, trainer.data(), Split::Validation);
    let online_score = score(done.train_accuracy, done.train_loss, trainer.data(), Split::Train);
    let (units, dead_units) = measure::dead_units(trainer)?;
    let effective_rank = measure::representation_rank(trainer)?;
    let parameters = trainer.network().parameter_count();
    Ok(Task {
        task: earlier.task + done.epoch,
        steps: earlier.steps + done.steps,
        train_macs: earlier.train_macs + done.train_macs,
        parameters,
        online_loss: done.train_loss,
        online_score,
        validation_score,
        units,
        dead_units,
        effective_rank,
        newborns: moment.events().map_or(0, |events| newborns(&events.edits)),
        ..moment.row()?
    })
}

fn newborns(edits: &[EditEvent]) -> u64 {
    edits.iter().map(|edit| edit.newborns).sum()
}

/// The accuracy, or the share of the targets' variance that is explained, at least −1: weights that have run away
/// would otherwise hide all others in a mean.
fn score(accuracy: Option<f64>, loss: f64, data: &Dataset, split: Split) -> f64 {
    let variance = || data.split(split).targets().constant_loss();
    accuracy.unwrap_or_else(|| (1.0 - loss / variance()).max(-1.0))
}

fn summary(variant: Variant, edits: &[EditEvent], test_score: f64) -> anyhow::Result<Summary> {
    let count = |outcome: &str| edits.iter().filter(|edit| edit.outcome == outcome).count() as u64;
    let applied = edits.iter().filter(|edit| edit.outcome == "applied");
    Ok(Summary {
        test_score,
        edits_applied: count("applied"),
        edits_refused: count("refused"),
        edits_rolled_back: count("rolled_back"),
        largest_deviation: applied.filter_map(|edit| edit.deviation).fold(f64::NAN, f64::max),
        newborns: newborns(edits),
        ..blank::<Summary>()?.of(variant)
    })
}
