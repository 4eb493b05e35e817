//! One trial: a net under one rule at one learning rate.

use std::sync::Arc;

use anyhow::Context as _;
use espalier_data::{Examples, Split as Part};
use espalier_net::{Initializer, LossKind};
use espalier_random_split::{RandomSplit, RandomSplitSettings};
use espalier_strategy::UnitRule;
use espalier_train::Evaluation;
use espalier_trial::prelude::*;

use crate::Choices;
use crate::arm::{NOTHING, Variant};
use crate::rows::{Epoch, Outcome, Split};

/// The largest pixel.
const WHITE: f64 = 255.0;

/// Trains and records.
pub fn trial(context: &mut TrialContext<'_, Variant>, settings: &Choices) -> anyhow::Result<()> {
    let (variant, seed) = (*context.variant(), context.seed());
    let data = context.shortened_dataset("train_images")?;
    let splits = variant.arm.rule != UnitRule::None && settings.split_epochs > 0;
    // The control starts with the others' final width.
    let width = settings.start + if splits { 0 } else { settings.split_epochs };
    let xavier = Perceptron {
        initializer: Initializer::GlorotUniform,
        ..Perceptron::PLAIN
    };
    let network = xavier.build(&data, &[width], &seed.named("network"))?;
    let start = Evaluation::of(&network, &data.validation, LossKind::CrossEntropy)?;
    context.record(&epoch(0, f64::NAN, start, &network)?)?;
    context.record_all::<Split>(&[])?;
    let regime = Regime {
        epochs: (settings.split_epochs + settings.still_epochs) as u64,
        batch: settings.batch,
        rate: RateSchedule::constant(variant.rate),
        ..Regime::classification(OptimizerKind::sgd(0.0))
    };
    let mut training = Training::new(context, regime, &seed)
        .data(Arc::clone(&data))
        .network(move |_, _| Ok(network))
        .epochs_as(|moment| {
            let done = moment.done;
            epoch(done.epoch, done.train_loss, moment.validation, moment.network())
        });
    if splits {
        let rule = RandomSplitSettings {
            rule: variant.arm.rule,
            epochs: settings.split_epochs as u64,
            ..RandomSplitSettings::default()
        };
        let told = move |moment: &mut Moment<'_>| record_split(moment, variant.arm.scored_by());
        training = training.strategy(RandomSplit::new(rule)).each_epoch(told);
    }
    let trained = training.run("net")?;
    let halved = Evaluation::of(trained.network(), &halved(&data)?, LossKind::CrossEntropy)?;
    Diverged::check_scores(&[halved.loss])?;
    Ok(context.record(&Outcome {
        arm: variant.arm.name.to_owned(),
        learning_rate: variant.rate,
        hidden: hidden(trained.network())?,
        halved_test_loss: halved.loss,
        halved_test_accuracy: halved.accuracy.context("a set of classes is needed")?,
        ..trained.row()?
    })?)
}

fn hidden(network: &Network<f32>) -> anyhow::Result<u64> {
    Ok(network.width(network.find("hidden1")?) as u64)
}

fn epoch(epoch: u64, train_loss: f64, validation: Evaluation, network: &Network<f32>) -> anyhow::Result<Epoch> {
    Ok(Epoch {
        epoch,
        train_loss,
        validation_loss: validation.loss,
        validation_accuracy: validation.accuracy.context("a set of classes is needed")?,
        parameters: network.parameter_count(),
        hidden: hidden(network)?,
    })
}

/// Records the split at the end of the epoch before: what the strategy tells of it, with what was measured of it.
fn record_split(moment: &mut Moment<'_>, scored_by: &str) -> anyhow::Result<()> {
    let edits = moment.events().map_or(&[][..], |events| events.edits.as_slice());
    let mut before = edits.iter().filter(|event| event.epoch + 1 == moment.done.epoch);
    let Some(event) = before.find(|event| event.outcome == "applied") else {
        return Ok(());
    };
    // Nothing is scored where units are drawn.
    let score = |name: &str| match scored_by {
        NOTHING => Ok(f64::NAN),
        _ => moment.reading(name),
    };
    let split = Split {
        epoch: event.epoch,
        candidates: moment.reading("candidates")? as u64,
        unit: moment.reading("chosen")? as u64,
        scored_by: scored_by.to_owned(),
        score: score("score")?,
        lowest: score("least score")?,
        highest: score("largest score")?,
        deviation: event.deviation.unwrap_or(f64::NAN),
        decision_macs: event.decision_macs,
    };
    moment.record(&split)
}

/// The test images as the study scaled them: u × 0.5 for the pixel u in [0, 1].
fn halved(data: &Dataset) -> anyhow::Result<Examples> {
    let test = data.split(Part::Test);
    let wrong = |(place, &value): (usize, &f32)| {
        let pixel = data.transform.restore(Part::Test, place % test.width(), value);
        (pixel / WHITE * 0.5) as f32
    };
    let features = test.features().iter().enumerate().map(wrong).collect();
    Ok(Examples::new(features, test.width(), test.targets().clone())?)
}
