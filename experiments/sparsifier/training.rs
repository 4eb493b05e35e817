//! Training one gated net, and the static net of the size that it found.

use std::sync::Arc;

use anyhow::Context as _;
use espalier_data::{Dataset, Split};
use espalier_experiment::{Diverged, Settings, TrialContext};
use espalier_net::{Activation, GateForm, Network, NetworkBuilder, OptimizerKind, RateSchedule, models};
use espalier_seed::Seed;
use espalier_sparsifier::{Gates, Initial, Penalty, Removal as Rule, Sparsifier, SparsifierSettings};
use espalier_train::{EpochSummary, Regime, Trainer};

use crate::rows::{Epoch, Removal, Summary};
use crate::{Arm, CLEARLY_OPEN, named};

/// Trains the arm's net and, where one is asked for, its twin, and records both.
pub fn trial(context: &mut TrialContext<'_, Arm>) -> anyhow::Result<()> {
    let (arm, seed, settings) = (*context.variant(), context.seed(), context.settings());
    let data = context.shortened_dataset("train_images")?;
    let network = gated(&data, arm.start, &seed.named("network"))?;
    let mut trainer = Trainer::new(network, Arc::clone(&data), regime(settings)?, &seed)?
        .on(&context.device().parse()?)?
        .with_strategies(vec![Box::new(strategy(arm, settings)?)])?;
    let mut summary = train_gated(&mut trainer, context)?;
    if arm.twin {
        let units = summary.units.max(1) as usize;
        let (features, outputs) = (data.info.features, data.info.targets.outputs());
        let network = models::mlp(features, &[units], outputs, &seed.named("network"))?;
        let twin = Trainer::new(network, data, regime(settings)?, &seed)?.on(&context.device().parse()?)?;
        train_twin(twin, context, &mut summary)?;
    }
    Ok(context.record(&summary)?)
}

/// How all nets are trained.
fn regime(settings: &Settings) -> anyhow::Result<Regime> {
    Ok(Regime {
        epochs: settings.count("epochs")? as u64,
        batch: settings.count("batch")?,
        rate: RateSchedule::constant(settings.number("learning_rate")?),
        // As the recorded rows were trained: skipping the background would change their rounding.
        skips_background: false,
        ..Regime::classification(OptimizerKind::adam())
    })
}

/// W₂·(ReLU(W₁x + b₁) ∘ relu(θ)) + b₂ with one θ for each of `units`.
fn gated(data: &Dataset, units: usize, seed: &Seed) -> anyhow::Result<Network<f32>> {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], data.info.features)?;
    let top = layers.dense("hidden1", x, units)?;
    let top = layers.activation("relu1", top, Activation::Relu)?;
    let top = layers.gate("gate1", top, GateForm::Rectified)?;
    let logits = layers.dense("logits", top, data.info.targets.outputs())?;
    Ok(layers.build(&[logits], seed)?)
}

fn strategy(arm: Arm, settings: &Settings) -> anyhow::Result<Sparsifier> {
    let epochs = settings.count("epochs")? as u64;
    Ok(Sparsifier::new(SparsifierSettings {
        gates: Gates::All,
        lambda: arm.lambda,
        penalty: arm.penalty,
        initial: Initial::One,
        removal: Rule::Threshold { at: 0.0 },
        // What may open again must not be taken out before the end.
        collect_every_epochs: match arm.penalty {
            Penalty::Strict => 1,
            Penalty::NonStrict => epochs.max(1),
        },
        // The gates stay, so that their values can be counted.
        fold_at_end: false,
        ..SparsifierSettings::default()
    }))
}

/// Units whose factor is above a limit.
fn open_units(network: &Network<f32>, above: f32) -> u64 {
    let factors = Gates::All
        .of(network)
        .into_iter()
        .flat_map(|gate| gate.factors(network));
    factors.filter(|factor| *factor > above).count() as u64
}

fn train_gated(trainer: &mut Trainer, context: &mut TrialContext<'_, Arm>) -> anyhow::Result<Summary> {
    let epochs = context.settings().count("epochs")? as u64;
    let mut train_macs = 0;
    while let Some(done) = trainer.train_epoch()? {
        let open = open_units(trainer.network(), 0.0);
        let row = epoch_row("gated", trainer, &done, open)?;
        context.record(&row)?;
        context.progress(done.epoch, epochs, done.train_loss);
        context.stop_point()?;
        train_macs = done.train_macs;
    }
    Diverged::check(trainer.diverged())?;
    let events = trainer.events().context("the sparsifier's edits are recorded")?;
    let removal = |edit: &espalier_train::EditEvent| Removal {
        epoch: edit.epoch,
        step: edit.step,
        outcome: edit.outcome.clone(),
        parameters_before: edit.parameters_before,
        parameters_after: edit.parameters_after,
        loss_before: edit.loss_before,
        loss_after: edit.loss_after,
        deviation: edit.deviation,
    };
    let recording_macs = events.recording_macs;
    // The gates' first values are no removal.
    let removals: Vec<Removal> = events.edits.iter().filter(|e| e.epoch > 0).map(removal).collect();
    context.record_all(&removals)?;
    let arm = context.variant();
    let (train, validation) = (accuracy(trainer, Split::Train)?, accuracy(trainer, Split::Validation)?);
    Ok(Summary {
        penalty: named(arm.penalty).to_owned(),
        lambda: arm.lambda,
        start: arm.start as u64,
        epochs: trainer.epoch(),
        diverged: false,
        units: open_units(trainer.network(), 0.0),
        clearly_open_units: open_units(trainer.network(), CLEARLY_OPEN),
        train_accuracy: train,
        validation_accuracy: validation,
        test_accuracy: accuracy(trainer, Split::Test)?,
        train_macs,
        recording_macs,
        twin_diverged: false,
        twin_validation_accuracy: f64::NAN,
        twin_test_accuracy: f64::NAN,
        twin_train_macs: 0,
    })
}

fn train_twin(mut twin: Trainer, context: &mut TrialContext<'_, Arm>, summary: &mut Summary) -> anyhow::Result<()> {
    let epochs = context.settings().count("epochs")? as u64;
    let units = summary.units.max(1);
    while let Some(done) = twin.train_epoch()? {
        let row = epoch_row("twin", &mut twin, &done, units)?;
        context.record(&row)?;
        context.progress(done.epoch, epochs, done.train_loss);
        context.stop_point()?;
        summary.twin_train_macs = done.train_macs;
    }
    Diverged::check(twin.diverged())?;
    summary.twin_validation_accuracy = accuracy(&mut twin, Split::Validation)?;
    summary.twin_test_accuracy = accuracy(&mut twin, Split::Test)?;
    Ok(())
}

fn epoch_row(net: &str, trainer: &mut Trainer, done: &EpochSummary, open_units: u64) -> anyhow::Result<Epoch> {
    let validation = trainer.evaluate(Split::Validation)?;
    Ok(Epoch {
        net: net.to_owned(),
        epoch: done.epoch,
        train_macs: done.train_macs,
        train_loss: done.train_loss,
        validation_loss: validation.loss,
        validation_accuracy: validation.accuracy.context("a set of classes is needed")?,
        open_units,
    })
}

fn accuracy(trainer: &mut Trainer, split: Split) -> anyhow::Result<f64> {
    trainer.evaluate(split)?.accuracy.context("a set of classes is needed")
}
