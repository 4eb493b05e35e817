//! One network's way through one stream.

use std::ops::Range;
use std::sync::Arc;

use anyhow::Context as _;
use espalier_data::{Dataset, Split};
use espalier_experiment::{Diverged, Missing, TrialContext};
use espalier_net::{OptimizerKind, RateSchedule};
use espalier_report::rows::blank;
use espalier_seed::Seed;
use espalier_train::{EpochSummary, Regime, Trainer};

use crate::arms::Arm;
use crate::rows::{Summary, Task};
use crate::streams::{Size, Stream, Tasks};
use crate::{Sizes, Variant, bits, measure};

/// Walks through the stream, records every task, and reads the test rows of the last once.
pub fn trial(context: &mut TrialContext<'_, Variant>, sizes: &Sizes) -> anyhow::Result<()> {
    let (variant, seed, images) = (*context.variant(), context.seed(), Arc::clone(context.dataset()?));
    let tasks = Tasks::new(variant.place.stream, &images, sizes, &seed);
    let count = tasks.size().tasks;
    let mut spent = Spent::default();
    let mut trainer = begin(context, sizes, &tasks.task(0)?, tasks.size(), 0)?;
    for task in 0..count {
        if task > 0 {
            let data = tasks.task(task)?;
            if variant.arm == Arm::StartOver {
                spent.start_over();
                trainer = begin(context, sizes, &data, tasks.size(), task)?;
            } else {
                trainer.continue_on(data, 1)?;
            }
        }
        let done = trainer.train_epoch()?;
        if let Err(diverged) = Diverged::check(trainer.diverged()) {
            // What was not learned any more counts as the worst, task by task.
            context.record_all(&without_result(variant, Missing::Diverged, task..count)?)?;
            return Err(diverged.into());
        }
        let done = done.context("a task is an epoch, which was not trained")?;
        let row = measured(&mut trainer, &done, task, &mut spent)?;
        context.progress(row.task, count as u64, row.online_loss);
        context.record(&row)?;
        context.stop_point()?;
    }
    let test = trainer.evaluate(Split::Test)?;
    Diverged::check_scores(&[test.loss])?;
    let test_score = score(test.accuracy, test.loss, trainer.data(), Split::Test);
    context.record(&summary(&variant, &trainer, test_score))?;
    Ok(())
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

/// What earlier networks of an arm that starts over have cost.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    steps: u64,
    train_macs: u64,
    /// Of the present network, as of its last task.
    present: (u64, u64),
}

impl Spent {
    fn start_over(&mut self) {
        self.steps += self.present.0;
        self.train_macs += self.present.1;
        self.present = (0, 0);
    }
}

/// A network at its beginning; the first is the same in all arms of a place that begin with the same shape.
fn begin(
    context: &TrialContext<'_, Variant>,
    sizes: &Sizes,
    data: &Arc<Dataset>,
    size: Size,
    task: usize,
) -> anyhow::Result<Trainer> {
    let (variant, seed, info) = (context.variant(), context.seed(), &data.info);
    let tasks = size.tasks as u64;
    let network_seed = match task {
        0 => seed.named("network"),
        _ => seed.named("network").index(task as u64),
    };
    let network = variant.place.network(
        info.features,
        info.targets.outputs(),
        variant.arm.first_width(size.width, tasks),
        &network_seed,
    )?;
    let regime = Regime {
        epochs: 1,
        batch: size.batch,
        rate: RateSchedule::constant(variant.rate),
        loss: variant.place.stream.loss(),
        ..Regime::classification(OptimizerKind::adam())
    };
    let steps = data.train.len().div_ceil(size.batch) as u64;
    let strategies = variant.arm.strategies(sizes, steps, tasks, size.width);
    let trainer_seed: Seed = if task == 0 { seed } else { seed.index(task as u64) };
    let trainer = Trainer::new(network, Arc::clone(data), regime, &trainer_seed)?;
    Ok(trainer.on(&context.device().parse()?)?.with_strategies(strategies)?)
}

/// The row of a task.
fn measured(trainer: &mut Trainer, done: &EpochSummary, task: usize, spent: &mut Spent) -> anyhow::Result<Task> {
    let validation = trainer.evaluate(Split::Validation)?;
    let validation_score = score(validation.accuracy, validation.loss, trainer.data(), Split::Validation);
    let online_score = score(done.train_accuracy, done.train_loss, trainer.data(), Split::Train);
    spent.present = (done.steps, done.train_macs);
    let (units, dead_units) = measure::dead_units(trainer)?;
    let effective_rank = measure::representation_rank(trainer)?;
    let events = trainer.events();
    Ok(Task {
        task: task as u64 + 1,
        steps: spent.steps + spent.present.0,
        train_macs: spent.train_macs + spent.present.1,
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

fn summary(variant: &Variant, trainer: &Trainer, test_score: f64) -> Summary {
    let edits = trainer.events().map_or(&[][..], |events| &events.edits);
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
