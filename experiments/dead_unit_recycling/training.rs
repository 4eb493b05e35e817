//! One network's way through one stream.

use std::ops::Range;
use std::sync::Arc;

use espalier_data::Split;
use espalier_report::standard::Outcome;
use espalier_train::EditEvent;
use espalier_trial::prelude::*;

use crate::arms::Arm;
use crate::rows::{Summary, Task};
use crate::streams::{Stream, Tasks};
use crate::{Sizes, Variant, bits, measure};

/// Walks through the stream, records every task, and reads the test rows of the last once.
pub fn trial(context: &mut TrialContext<'_, Variant>, sizes: &Sizes) -> anyhow::Result<()> {
    let (variant, seed, images) = (*context.variant(), context.seed(), Arc::clone(context.dataset()?));
    let tasks = Tasks::new(variant.place.stream, &images, sizes, &seed);
    let walked = match variant.arm {
        Arm::StartOver => start_over(context, sizes, &tasks),
        _ => walk(context, sizes, &tasks),
    };
    if matches!(&walked, Err(error) if error.is::<Diverged>()) {
        // What was not learned any more counts as the worst, task by task.
        let learned = seen(context)?.len();
        context.record_all(&without_result(
            variant,
            Missing::Diverged,
            learned..tasks.size().tasks,
        )?)?;
    }
    let (outcome, edits) = walked?;
    Diverged::check_scores(&[outcome.test_loss])?;
    let accuracy = Some(outcome.test_score).filter(|score| score.is_finite());
    let last = tasks.task(tasks.size().tasks - 1)?;
    let test_score = score(accuracy, outcome.test_loss, &last, Split::Test);
    Ok(context.record(&summary(&variant, &edits, test_score))?)
}

/// The rows of the tasks so far.
fn seen(context: &TrialContext<'_, Variant>) -> anyhow::Result<Vec<Task>> {
    if context.rows().tables.contains_key(Task::TABLE) {
        return Ok(context.rows().get()?);
    }
    Ok(Vec::new())
}

/// Trains one network on all tasks.
fn walk(
    context: &mut TrialContext<'_, Variant>,
    sizes: &Sizes,
    tasks: &Tasks<'_>,
) -> anyhow::Result<(Outcome, Vec<EditEvent>)> {
    let seed = context.seed();
    let mut net = training(context, sizes, tasks, 0, &seed)
        .tasks(tasks.size().tasks as u64, |task| tasks.task(task as usize))
        .epochs_as(|moment| measured(moment, Earlier::default()))
        .run("net")?;
    let edits = net
        .trainer()
        .events()
        .map_or_else(Vec::new, |events| events.edits.clone());
    Ok((net.outcome().clone(), edits))
}

/// Trains a network of its own on each task; the first is the same in all arms of a place that begin with the same shape.
fn start_over(
    context: &mut TrialContext<'_, Variant>,
    sizes: &Sizes,
    tasks: &Tasks<'_>,
) -> anyhow::Result<(Outcome, Vec<EditEvent>)> {
    let (seed, count) = (context.seed(), tasks.size().tasks);
    let mut earlier = Earlier::default();
    for task in 0..count {
        let own = if task == 0 {
            seed.clone()
        } else {
            seed.index(task as u64)
        };
        let net = training(context, sizes, tasks, task, &own)
            .data(tasks.task(task)?)
            .epochs_as(move |moment| measured(moment, earlier));
        let net = if task + 1 < count { net.untested() } else { net };
        let outcome = net.outcome(&format!("task {}", task + 1))?;
        earlier = Earlier {
            tasks: earlier.tasks + 1,
            steps: earlier.steps + outcome.steps,
            train_macs: earlier.train_macs + outcome.train_macs,
        };
        if task + 1 == count {
            return Ok((outcome, Vec::new()));
        }
    }
    anyhow::bail!("expected at least one task, found none")
}

/// The rows of tasks on which a network has no result.
fn without_result(variant: Variant, missing: Missing, tasks: Range<usize>) -> anyhow::Result<Vec<Task>> {
    let score = worst_score(variant, missing);
    let row = |task: usize| {
        Ok(Task {
            task: task as u64 + 1,
            online_loss: missing.loss(),
            online_score: score,
            validation_loss: missing.loss(),
            validation_score: score,
            ..blank()?
        })
    };
    tasks.map(row).collect()
}

/// The score of a network without a result: accuracy 0, or all of the targets' variance lost once more.
pub fn worst_score(variant: Variant, missing: Missing) -> f64 {
    match variant.place.stream {
        Stream::Bits => missing.score(-1.0),
        _ => missing.accuracy(),
    }
}

/// A training from a task on.
fn training<'c, 'a>(
    context: &'c mut TrialContext<'a, Variant>,
    sizes: &Sizes,
    tasks: &Tasks<'_>,
    task: usize,
    seed: &Seed,
) -> Training<'c, 'a> {
    let (variant, size, weights) = (*context.variant(), tasks.size(), context.seed().named("network"));
    let weights = if task == 0 { weights } else { weights.index(task as u64) };
    let regime = Regime {
        loss: variant.place.stream.loss(),
        ..Regime::adam(1, size.batch, variant.rate)
    };
    let (steps, count) = (size.rows.div_ceil(size.batch) as u64, size.tasks as u64);
    let strategies = variant.arm.strategies(sizes, steps, count, size.width);
    let training = Training::new(context, regime, seed).network(move |data, _| {
        let info = &data.info;
        let width = variant.arm.first_width(size.width, count);
        variant
            .place
            .network(info.features, info.targets.outputs(), width, &weights)
    });
    strategies.into_iter().fold(training, Training::strategy)
}

/// What earlier networks of an arm that starts over have seen and cost.
#[derive(Clone, Copy, Debug, Default)]
struct Earlier {
    tasks: u64,
    steps: u64,
    train_macs: u64,
}

/// The row of a task.
fn measured(moment: &mut Moment<'_>, earlier: Earlier) -> anyhow::Result<Task> {
    Diverged::check(moment.trainer().diverged())?;
    let (done, validation) = (moment.done.clone(), moment.validation);
    let trainer = moment.trainer();
    let validation_score = score(validation.accuracy, validation.loss, trainer.data(), Split::Validation);
    let online_score = score(done.train_accuracy, done.train_loss, trainer.data(), Split::Train);
    let (units, dead_units) = measure::dead_units(trainer)?;
    let effective_rank = measure::representation_rank(trainer)?;
    let events = trainer.events();
    Ok(Task {
        task: earlier.tasks + done.epoch,
        steps: earlier.steps + done.steps,
        train_macs: earlier.train_macs + done.train_macs,
        decision_macs: events.map_or(0, |events| events.decision_macs),
        parameters: trainer.network().parameter_count(),
        online_loss: done.train_loss,
        online_score,
        validation_loss: validation.loss,
        validation_score,
        units,
        dead_units,
        effective_rank,
        newborns: events.map_or(0, |events| events.edits.iter().map(|edit| edit.newborns).sum()),
    })
}

/// The accuracy, or the share of the targets' variance that is explained, at least −1: weights that have run away
/// would otherwise hide all others in a mean.
fn score(accuracy: Option<f64>, loss: f64, data: &Dataset, split: Split) -> f64 {
    accuracy.unwrap_or_else(|| (1.0 - loss / bits::variance(data.split(split))).max(-1.0))
}

fn summary(variant: &Variant, edits: &[EditEvent], test_score: f64) -> Summary {
    let count = |outcome: &str| edits.iter().filter(|edit| edit.outcome == outcome).count() as u64;
    let deviations = edits
        .iter()
        .filter_map(|edit| edit.deviation.filter(|_| edit.outcome == "applied"));
    Summary {
        stream: variant.place.stream.name().to_owned(),
        model: variant.place.model.name().to_owned(),
        arm: variant.arm.name().to_owned(),
        rate: variant.rate,
        diverged: false,
        test_score,
        edits_applied: count("applied"),
        edits_refused: count("refused"),
        edits_rolled_back: count("rolled_back"),
        largest_deviation: deviations.fold(f64::NAN, f64::max),
        newborns: edits.iter().map(|edit| edit.newborns).sum(),
    }
}
