//! Training one net, and the static net of the size that it found.

use std::sync::Arc;

use anyhow::Context as _;
use espalier_data::{Dataset, Split};
use espalier_experiment::{Diverged, Settings, TrialContext};
use espalier_net::{Activation, AdamSettings, GateForm, Network, NetworkBuilder, OptimizerKind, RateSchedule, models};
use espalier_seed::Seed;
use espalier_size_gate::{Compaction, SizeGate, SizeGateSettings, Slope, sigmoid};
use espalier_train::{EpochSummary, Regime, Trainer};

use crate::rows::{Epoch, Summary, Unit};
use crate::variants::{Arm, Role};
use crate::watched::{Reading, Watched, Window};

/// The name of the gate layer.
const GATE: &str = "gate1";
/// Where the study's x₀ always started.
const IGNORED_START: f64 = 1.0;
/// Gates below it are closed when training ends.
pub const EPSILON: f64 = 0.01;

/// Trains the arm's net and, on the frontier, its twin, and records both.
pub fn trial(context: &mut TrialContext<'_, Arm>) -> anyhow::Result<()> {
    let arm = *context.variant();
    let data = context.shortened_dataset("train_images")?;
    let mut summary = Summary::of(arm);
    if arm.role == Role::Wide {
        let trainer = plain(context, &data, arm.start as usize)?;
        (summary.x0, summary.size, summary.open_units) = (arm.start, arm.start, arm.start as u64);
        let scores = train_plain(trainer, context, "wide", arm.start)?;
        (summary.validation_accuracy, summary.test_accuracy) = (scores.validation, scores.test);
        (summary.train_macs, summary.diverged) = (scores.train_macs, scores.diverged);
        summary.epochs = scores.epochs;
        return Ok(context.record(&summary)?);
    }
    gated(context, &data, &mut summary)?;
    if arm.role == Role::Frontier {
        let units = summary.size.round().max(1.0);
        let trainer = plain(context, &data, units as usize)?;
        let scores = train_plain(trainer, context, "twin", units)?;
        (summary.twin_units, summary.twin_diverged) = (units as u64, scores.diverged);
        (summary.twin_validation_accuracy, summary.twin_test_accuracy) = (scores.validation, scores.test);
        summary.twin_train_macs = scores.train_macs;
    }
    Ok(context.record(&summary)?)
}

/// How all nets are trained; L2 reaches weights and biases, not x₀.
fn regime(settings: &Settings, decay: f64) -> anyhow::Result<Regime> {
    let adam = AdamSettings {
        weight_decay: decay,
        ..AdamSettings::default()
    };
    Ok(Regime {
        epochs: settings.count("epochs")? as u64,
        batch: settings.count("batch")?,
        rate: RateSchedule::constant(settings.number("learning_rate")?),
        // As the recorded rows were trained: skipping the background would change their rounding.
        skips_background: false,
        ..Regime::classification(OptimizerKind::Adam(adam))
    })
}

/// The seed of weights and batches: shared by all arms of a seed, but one of its own for each start that is ignored,
/// since nothing else would tell those nets apart.
fn seed_of(context: &TrialContext<'_, Arm>) -> Seed {
    let (arm, seed) = (context.variant(), context.seed());
    match arm.role {
        Role::Ignored => seed.named("ignored").index(arm.start as u64),
        _ => seed,
    }
}

/// A net 784-N-10 with a gate behind each hidden unit.
fn network(data: &Dataset, units: usize, seed: &Seed) -> anyhow::Result<Network<f32>> {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], data.info.features)?;
    let top = layers.dense("hidden1", x, units)?;
    let top = layers.activation("relu1", top, Activation::Relu)?;
    let top = layers.gate(GATE, top, GateForm::Linear)?;
    let logits = layers.dense("logits", top, data.info.targets.outputs())?;
    Ok(layers.build(&[logits], seed)?)
}

fn strategy(arm: Arm, settings: &Settings) -> anyhow::Result<(Watched, Window)> {
    let start = if arm.role == Role::Ignored {
        IGNORED_START
    } else {
        arm.start
    };
    let cause = arm.role == Role::Cause;
    let gate = SizeGate::new(SizeGateSettings {
        start,
        lambda: arm.lambda(),
        slope: Slope::Fixed {
            k: settings.number("slope")?,
        },
        size_rate: settings.number("size_rate")?,
        epsilon: EPSILON,
        // The cause is looked for in units that would be taken out.
        compaction: if cause { Compaction::Never } else { Compaction::AtEnd },
        fold_at_end: !cause,
        ..SizeGateSettings::default()
    });
    Ok(Watched::new(gate, GATE, start))
}

fn gated(context: &mut TrialContext<'_, Arm>, data: &Arc<Dataset>, summary: &mut Summary) -> anyhow::Result<()> {
    let (arm, settings, seed) = (*context.variant(), context.settings(), seed_of(context));
    let (strategy, window) = strategy(arm, settings)?;
    let network = network(data, settings.count("units")?, &seed.named("network"))?;
    let mut trainer = Trainer::new(network, Arc::clone(data), regime(settings, arm.decay)?, &seed)?
        .on(&context.device().parse()?)?
        .with_strategies(vec![Box::new(strategy)])?;
    summary.train_macs = epochs(&mut trainer, context, "gated", &|| window.read())?;
    let Reading { x0, size } = window.read();
    (summary.x0, summary.size, summary.epochs) = (x0, size, trainer.epoch());
    Diverged::check_scores(&[x0, size])?;
    let units = units(trainer.network(), x0, settings.number("slope")?, arm.decay)?;
    summary.open_units = match arm.role {
        Role::Cause => units.iter().filter(|unit| f64::from(unit.gate) >= EPSILON).count() as u64,
        _ => trainer.network().width(trainer.network().find("hidden1")?) as u64,
    };
    if arm.role == Role::Cause {
        context.record_all(&units)?;
    } else {
        context.record_all::<Unit>(&[])?;
    }
    summary.validation_accuracy = accuracy(&mut trainer, Split::Validation)?;
    summary.test_accuracy = accuracy(&mut trainer, Split::Test)?;
    Ok(())
}

/// Gates and outgoing weights of the hidden units.
fn units(network: &Network<f32>, x0: f64, k: f64, decay: f64) -> anyhow::Result<Vec<Unit>> {
    let weight = network.parameter(network.find_parameter("logits.weight")?);
    let consumers = weight.shape()[1];
    let unit = |(unit, weights): (usize, &[f32])| Unit {
        decay,
        unit: unit as u32,
        gate: sigmoid::gate(unit as f64, x0, k) as f32,
        outgoing: weights.iter().map(|w| w.abs()).sum(),
        consumers: consumers as u32,
    };
    Ok(weight.values().chunks_exact(consumers).enumerate().map(unit).collect())
}

fn plain(context: &TrialContext<'_, Arm>, data: &Arc<Dataset>, units: usize) -> anyhow::Result<Trainer> {
    let (seed, info) = (seed_of(context), &data.info);
    let network = models::mlp(info.features, &[units], info.targets.outputs(), &seed.named("network"))?;
    let regime = regime(context.settings(), context.variant().decay)?;
    Ok(Trainer::new(network, Arc::clone(data), regime, &seed)?.on(&context.device().parse()?)?)
}

/// What a static net has reached.
struct Scores {
    epochs: u64,
    train_macs: u64,
    diverged: bool,
    validation: f64,
    test: f64,
}

fn train_plain(
    mut trainer: Trainer,
    context: &mut TrialContext<'_, Arm>,
    net: &str,
    units: f64,
) -> anyhow::Result<Scores> {
    let width = Reading { x0: units, size: units };
    let train_macs = epochs(&mut trainer, context, net, &|| width)?;
    Ok(Scores {
        epochs: trainer.epoch(),
        train_macs,
        diverged: false,
        validation: accuracy(&mut trainer, Split::Validation)?,
        test: accuracy(&mut trainer, Split::Test)?,
    })
}

/// Trains to the end, records every epoch and gives the cost.
fn epochs(
    trainer: &mut Trainer,
    context: &mut TrialContext<'_, Arm>,
    net: &str,
    size: &dyn Fn() -> Reading,
) -> anyhow::Result<u64> {
    let all = context.settings().count("epochs")? as u64;
    let mut train_macs = 0;
    while let Some(done) = trainer.train_epoch()? {
        let row = epoch_row(trainer, &done, net, size())?;
        context.record(&row)?;
        context.progress(done.epoch, all, done.train_loss);
        context.stop_point()?;
        train_macs = done.train_macs;
    }
    Diverged::check(trainer.diverged())?;
    Ok(train_macs)
}

fn epoch_row(trainer: &mut Trainer, done: &EpochSummary, net: &str, size: Reading) -> anyhow::Result<Epoch> {
    let validation = trainer.evaluate(Split::Validation)?;
    Ok(Epoch {
        net: net.to_owned(),
        epoch: done.epoch,
        train_macs: done.train_macs,
        train_loss: done.train_loss,
        validation_loss: validation.loss,
        validation_accuracy: validation.accuracy.context("a set of classes is needed")?,
        x0: size.x0,
        size: size.size,
    })
}

fn accuracy(trainer: &mut Trainer, split: Split) -> anyhow::Result<f64> {
    trainer.evaluate(split)?.accuracy.context("a set of classes is needed")
}
