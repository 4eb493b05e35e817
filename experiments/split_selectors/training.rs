//! One trial: a net under one rule at one learning rate.

use std::sync::Arc;

use anyhow::Context as _;
use espalier_data::{Dataset, Examples, Split as Part};
use espalier_experiment::{Diverged, TrialContext};
use espalier_net::{Initializer, LossKind, Network, NetworkBuilder, OptimizerKind, RateSchedule};
use espalier_random_split::{RandomSplit, RandomSplitSettings};
use espalier_seed::Seed;
use espalier_strategy::{Strategy, UnitRule};
use espalier_train::{Evaluation, Regime, Trainer};

use crate::arm::Variant;
use crate::listening::{Listening, Notes};
use crate::rows::{Epoch, Outcome, Split};

/// The largest pixel.
const WHITE: f64 = 255.0;

/// Trains and records.
pub fn trial(context: &mut TrialContext<'_, Variant>) -> anyhow::Result<()> {
    let variant = *context.variant();
    let data = context.shortened_dataset("train_images")?;
    let (mut trainer, notes) = trainer(&data, context)?;
    record_epoch(&mut trainer, context, (0, f64::NAN))?;
    let (mut train_macs, epochs) = (0, epochs(context)?);
    while let Some(done) = trainer.train_epoch()? {
        train_macs = done.train_macs;
        record_epoch(&mut trainer, context, (done.epoch, done.train_loss))?;
        context.progress(done.epoch, epochs, done.train_loss);
        context.stop_point()?;
    }
    Diverged::check(trainer.diverged())?;
    record_splits(&trainer, &notes, context)?;
    let (validation, test) = (trainer.evaluate(Part::Validation)?, trainer.evaluate(Part::Test)?);
    let (halved_test_loss, halved_test_accuracy) = score(trainer.network(), &halved(&data)?)?;
    Diverged::check_scores(&[validation.loss, test.loss, halved_test_loss])?;
    context.record(&Outcome {
        arm: variant.arm.name.to_owned(),
        learning_rate: variant.rate,
        diverged: false,
        parameters: trainer.network().parameter_count(),
        hidden: hidden(trainer.network())?,
        train_macs,
        decision_macs: trainer.events().map_or(0, |events| events.decision_macs),
        validation_loss: validation.loss,
        validation_accuracy: validation.accuracy.context("a set of classes is needed")?,
        test_loss: test.loss,
        test_accuracy: test.accuracy.context("a set of classes is needed")?,
        halved_test_loss,
        halved_test_accuracy,
    })?;
    Ok(())
}

fn epochs(context: &TrialContext<'_, Variant>) -> anyhow::Result<u64> {
    let settings = context.settings();
    Ok((settings.count("split_epochs")? + settings.count("still_epochs")?) as u64)
}

/// The net at its beginning, with its rule; the control starts with the others' final width.
fn trainer(data: &Arc<Dataset>, context: &TrialContext<'_, Variant>) -> anyhow::Result<(Trainer, Notes)> {
    let (settings, seed, variant) = (context.settings(), context.seed(), *context.variant());
    let splits = settings.count("split_epochs")?;
    let splitting = variant.arm.rule != UnitRule::None;
    let width = settings.count("start")? + if splitting { 0 } else { splits };
    let network = network(data, width, &seed.named("network"))?;
    let regime = Regime {
        epochs: epochs(context)?,
        batch: settings.count("batch")?,
        rate: RateSchedule::constant(variant.rate),
        ..Regime::classification(OptimizerKind::sgd(0.0))
    };
    let (listening, notes) = Listening::new(RandomSplit::new(RandomSplitSettings {
        rule: variant.arm.rule,
        epochs: splits as u64,
        ..RandomSplitSettings::default()
    }));
    let strategies: Vec<Box<dyn Strategy>> = if splitting && splits > 0 {
        vec![Box::new(listening)]
    } else {
        Vec::new()
    };
    let trainer = Trainer::new(network, Arc::clone(data), regime, &seed)?.on(&context.device().parse()?)?;
    Ok((trainer.with_strategies(strategies)?, notes))
}

/// A one-hidden-layer net with Xavier-uniform weights and zero biases.
fn network(data: &Dataset, width: usize, seed: &Seed) -> anyhow::Result<Network<f32>> {
    let mut layers = NetworkBuilder::new();
    layers.initializer(Initializer::GlorotUniform);
    let x = layers.input("x", [1, 1], data.info.features)?;
    let hidden = layers.dense("hidden1", x, width)?;
    let active = layers.activation("relu1", hidden, espalier_net::Activation::Relu)?;
    let logits = layers.dense("logits", active, data.info.targets.outputs())?;
    Ok(layers.build(&[logits], seed)?)
}

fn hidden(network: &Network<f32>) -> anyhow::Result<u64> {
    Ok(network.width(network.find("hidden1")?) as u64)
}

fn record_epoch(
    trainer: &mut Trainer,
    context: &mut TrialContext<'_, Variant>,
    (epoch, train_loss): (u64, f64),
) -> anyhow::Result<()> {
    let validation = trainer.evaluate(Part::Validation)?;
    context.record(&Epoch {
        epoch,
        train_loss,
        validation_loss: validation.loss,
        validation_accuracy: validation.accuracy.context("a set of classes is needed")?,
        parameters: trainer.network().parameter_count(),
        hidden: hidden(trainer.network())?,
    })?;
    Ok(())
}

/// Joins what the strategy noted with what the trainer measured of each applied split.
fn record_splits(trainer: &Trainer, notes: &Notes, context: &mut TrialContext<'_, Variant>) -> anyhow::Result<()> {
    let notes = notes.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let events = trainer.events().map_or(&[][..], |events| events.edits.as_slice());
    let mut rows = Vec::new();
    for choice in notes.iter() {
        let event = events
            .iter()
            .find(|event| event.epoch == choice.epoch && event.outcome == "applied")
            .with_context(|| format!("the split of epoch {} was not applied", choice.epoch))?;
        let extreme = |pick: fn(f64, f64) -> f64| choice.scores.iter().copied().reduce(pick).unwrap_or(f64::NAN);
        rows.push(Split {
            epoch: choice.epoch,
            candidates: choice.candidates,
            unit: choice.unit,
            scored_by: choice.scored_by.to_owned(),
            score: choice.scores.get(choice.unit as usize).copied().unwrap_or(f64::NAN),
            lowest: extreme(f64::min),
            highest: extreme(f64::max),
            deviation: event.deviation.unwrap_or(f64::NAN),
            decision_macs: event.decision_macs,
        });
    }
    Ok(context.record_all(&rows)?)
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

/// Loss and accuracy of a net on examples.
fn score(network: &Network<f32>, examples: &Examples) -> anyhow::Result<(f64, f64)> {
    let scored = Evaluation::of(network, examples, LossKind::CrossEntropy)?;
    Ok((scored.loss, scored.accuracy.context("a set of classes is needed")?))
}
