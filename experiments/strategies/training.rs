//! One trial: an arm's network, its strategy, and what is recorded of them.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use espalier_data::Split;
use espalier_experiment::{Diverged, TrialContext};
use espalier_net::{Network, OptimizerKind, RateSchedule, Role};
use espalier_train::{Events, Regime, Trainer};

use crate::arms::{self, Body, Common, Try};
use crate::rows::{DecisionTime, Edit, Epoch, Summary, Unit};

/// Samples per step.
pub const BATCH: usize = 128;

/// What all arms have in common under these settings.
pub fn common(context: &TrialContext<'_, Try>) -> anyhow::Result<Common> {
    let (settings, info) = (context.settings(), &context.dataset()?.info);
    let large = settings.counts("large")?;
    let bound = arms::build(
        Body::Plain,
        info.features,
        &large,
        info.targets.outputs(),
        &context.seed().named("network"),
    )?;
    Ok(Common {
        small: settings.counts("small")?,
        large,
        epochs: settings.count("epochs")? as u64,
        rate: settings.number("learning_rate")?,
        most_parameters: bound.parameter_count(),
    })
}

/// A trainer at its end.
pub struct Trained {
    pub trainer: Trainer,
    pub train_macs: u64,
    /// The time of its epochs, evaluations of the validation split excluded.
    pub spent: Duration,
}

/// Trains one arm and records its epochs.
pub fn train(context: &mut TrialContext<'_, Try>) -> anyhow::Result<Trained> {
    let (common, attempt, data) = (common(context)?, *context.variant(), context.dataset()?.clone());
    let made = (attempt.arm().tries[attempt.configuration].1)(&common);
    let seed = context.seed();
    let network = attempt.arm().network(
        &common,
        data.info.features,
        data.info.targets.outputs(),
        &seed.named("network"),
    )?;
    let regime = Regime {
        epochs: common.epochs,
        batch: BATCH,
        rate: RateSchedule::constant(made.rate),
        ..Regime::classification(OptimizerKind::adam())
    };
    let mut trainer = Trainer::new(network, data, regime, &seed)?
        .on(&context.device().parse()?)?
        .with_strategies(vec![made.strategy])?;
    let (mut spent, mut train_macs) = (Duration::ZERO, 0);
    loop {
        let start = Instant::now();
        let Some(done) = trainer.train_epoch()? else { break };
        spent += start.elapsed();
        train_macs = done.train_macs;
        let validation = trainer.evaluate(Split::Validation)?;
        let network = trainer.network();
        context.record(&Epoch {
            epoch: done.epoch,
            train_macs: done.train_macs,
            decision_macs: events(&trainer)?.decision_macs,
            parameters: live_parameters(network),
            units: units(network),
            train_loss: done.train_loss,
            validation_loss: validation.loss,
            validation_accuracy: validation.accuracy.context("a set of classes is needed")?,
        })?;
        context.progress(done.epoch, common.epochs, done.train_loss);
        context.stop_point()?;
    }
    Diverged::check(trainer.diverged())?;
    Ok(Trained {
        trainer,
        train_macs,
        spent,
    })
}

fn events(trainer: &Trainer) -> anyhow::Result<&Events> {
    trainer.events().context("a trainer with a strategy keeps events")
}

/// Records the end of a trial, its edits and, for the first seed, its units.
pub fn conclude(context: &mut TrialContext<'_, Try>, done: &mut Trained) -> anyhow::Result<()> {
    let trainer = &mut done.trainer;
    let accuracy = |trainer: &mut Trainer, split| -> anyhow::Result<f64> {
        trainer.evaluate(split)?.accuracy.context("a set of classes is needed")
    };
    let (validation_accuracy, test_accuracy) = (accuracy(trainer, Split::Validation)?, accuracy(trainer, Split::Test)?);
    let (network, events) = (trainer.network(), events(trainer)?);
    let ended = |how: &str| events.edits.iter().filter(|edit| edit.outcome == how).count() as u64;
    context.record(&Summary {
        parameters: live_parameters(network),
        units: units(network),
        macs_per_sample: network.cost().macs,
        train_macs: done.train_macs,
        decision_macs: events.decision_macs,
        recording_macs: events.recording_macs,
        applied: ended("applied"),
        refused: events.edits.len() as u64 - ended("applied"),
        diverged: false,
        validation_accuracy,
        test_accuracy,
    })?;
    context.record_all(&edits(events))?;
    let lives = if context.seed_number() == 0 {
        lives(network)
    } else {
        Vec::new()
    };
    context.record_all(&lives)?;
    Ok(context.record(&DecisionTime {
        decision_seconds: events.decision_seconds,
        training_seconds: done.spent.as_secs_f64(),
    })?)
}

/// Hidden units of all layers.
fn units(network: &Network<f32>) -> u64 {
    let groups = network.editable_groups();
    groups.iter().map(|group| network.group(*group).width() as u64).sum()
}

/// Trained values without the weights that a mask holds at 0.
fn live_parameters(network: &Network<f32>) -> u64 {
    let masks = network.parameters().iter().filter(|p| p.role() == Role::Mask);
    let zeros: usize = masks.map(|p| p.values().iter().filter(|v| **v == 0.0).count()).sum();
    network.parameter_count() - zeros as u64
}

fn edits(events: &Events) -> Vec<Edit> {
    let follow = |edit: u64, steps: u64| {
        let mut all = events.follow_ups.iter();
        all.find(|f| f.edit == edit && f.steps_after == steps)
    };
    let row = |event: &espalier_train::EditEvent| {
        let (now, loss) = (follow(event.edit, 0), |steps| follow(event.edit, steps).map(|f| f.loss));
        Edit {
            edit: event.edit,
            step: event.step,
            epoch: event.epoch,
            outcome: event.outcome.clone(),
            parameters_before: event.parameters_before,
            parameters_after: event.parameters_after,
            newborns: event.newborns,
            predicted_decrease: event.predicted_decrease,
            predicted_effect: event.predicted_effect.clone(),
            measured_decrease: event.measured_decrease,
            loss_before: event.loss_before,
            loss_after: event.loss_after,
            loss_after_1: loss(1),
            loss_after_10: loss(10),
            loss_after_100: loss(100),
            newborn_gradient_share: now.and_then(|f| f.newborn_gradient_share),
            newborn_firing_rate: now.and_then(|f| f.newborn_firing_rate),
            claimed_deviation: event.claimed_deviation,
            deviation: event.deviation,
            decision_macs: event.decision_macs,
        }
    };
    events.edits.iter().map(row).collect()
}

fn lives(network: &Network<f32>) -> Vec<Unit> {
    let hidden: Vec<&str> = network
        .editable_groups()
        .iter()
        .map(|g| network.group(*g).name())
        .collect();
    let units = network.genealogy().units();
    units
        .filter(|(_, record)| hidden.contains(&record.group.as_str()))
        .map(|(id, record)| Unit {
            unit: id.number() as u32,
            layer: record.group.clone(),
            born: record.birth_step as u32,
            died: record.death.as_ref().map(|(step, _)| *step as u32),
            parent: record.parents.first().map(|parent| parent.number() as u32),
            cause_of_death: record.death.as_ref().map(|(_, cause)| cause.clone()),
            last_step: network.step() as u32,
        })
        .collect()
}
