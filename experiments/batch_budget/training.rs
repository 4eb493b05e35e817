//! Training one gated CNN within a budget of memory.

use std::time::Instant;

use anyhow::Context as _;
use espalier_data::{Dataset, Split};
use espalier_experiment::{Diverged, Footprint, Settings, TrialContext};
use espalier_net::{Activation, GateForm, Network, NetworkBuilder, OptimizerKind, RateSchedule, Window};
use espalier_seed::Seed;
use espalier_sparsifier::{Gates, Sparsifier, SparsifierSettings};
use espalier_train::{EpochSummary, MemoryBudget, Regime, Trainer};

use crate::{Arm, Epoch, Pace, Summary};

/// Channel groups, in the order of the rows' columns.
const GROUPS: [&str; 3] = ["conv1", "conv2", "hidden"];

/// Trains the arm's net and records every epoch.
pub fn trial(context: &mut TrialContext<'_, Arm>) -> anyhow::Result<()> {
    let (arm, seed, settings) = (*context.variant(), context.seed(), context.settings());
    let data = context.shortened_dataset("train_images")?;
    let network = gated(&data, settings, &seed.named("network"))?;
    let budget = budget(&network, arm, settings)?;
    let regime = Regime {
        epochs: settings.count("epochs")? as u64,
        batch: settings.count("first_batch")?,
        rate: RateSchedule::constant(settings.number("learning_rate")?),
        memory: Some(budget),
        ..Regime::classification(OptimizerKind::adam())
    };
    let strategy = Sparsifier::new(SparsifierSettings {
        gates: Gates::All,
        lambda: settings.number("lambda")?,
        ..SparsifierSettings::default()
    });
    let mut trainer = Trainer::new(network, data, regime, &seed)?
        .on(&context.device().parse()?)?
        .with_strategies(vec![Box::new(strategy)])?;
    let train_macs = train(&mut trainer, budget, context)?;
    Diverged::check(trainer.diverged())?;
    Ok(context.record(&Summary {
        arm: arm.to_string(),
        diverged: false,
        parameters: trainer.network().parameter_count(),
        train_macs,
        test_accuracy: accuracy(&mut trainer, Split::Test)?,
    })?)
}

/// The bytes of the net at its beginning, which are its largest: later it shrinks within them.
pub fn footprint([height, width, inputs]: [usize; 3], channels: &[usize], units: usize, batch: usize) -> Footprint {
    let (first, second) = (channels[0] as f64, channels[channels.len() - 1] as f64);
    let (positions, flat) = ((height * width) as f64, second * ((height / 4) * (width / 4)) as f64);
    let parameters = 9.0 * (inputs as f64 * first + first * second) + (flat + 10.0) * units as f64;
    // Gathered rows of a 3×3 window, values before and behind ReLU, gate and pool.
    let values = positions * (9.0 * inputs as f64 + 3.0 * first) + positions / 4.0 * (9.0 * first + 3.0 * second);
    Footprint::default()
        .parameters(parameters)
        .activations(batch, values + flat + 3.0 * units as f64)
}

/// Trains all epochs; gives the multiply–accumulates spent.
fn train(trainer: &mut Trainer, budget: MemoryBudget, context: &mut TrialContext<'_, Arm>) -> anyhow::Result<u64> {
    let (arm, epochs) = (*context.variant(), context.settings().count("epochs")? as u64);
    let mut train_macs = 0;
    loop {
        // The strategy edits the network when an epoch ends: its widths during the epoch are those before it.
        let (widths, image_macs) = (widths(trainer.network())?, trainer.network().cost().macs);
        let start = Instant::now();
        let Some(done) = trainer.train_epoch()? else {
            return Ok(train_macs);
        };
        let seconds = start.elapsed().as_secs_f64();
        let row = epoch(trainer, &done, (arm, widths, image_macs, budget))?;
        context.record(&row)?;
        context.record(&Pace {
            epoch: done.epoch,
            images: trainer.data().train.len() as u64,
            seconds,
        })?;
        context.progress(done.epoch, epochs, done.train_loss);
        context.stop_point()?;
        train_macs = done.train_macs;
    }
}

fn epoch(
    trainer: &mut Trainer,
    done: &EpochSummary,
    (arm, [first_channels, second_channels, units], image_macs, budget): (Arm, [u64; 3], u64, MemoryBudget),
) -> anyhow::Result<Epoch> {
    // Both before the evaluation, which fits them to the network as it has become.
    let (batch, activation_bytes) = (trainer.batch() as u64, trainer.bytes().activations as u64);
    Ok(Epoch {
        arm: arm.to_string(),
        epoch: done.epoch,
        steps: done.steps,
        batch,
        first_channels,
        second_channels,
        units,
        activation_bytes,
        budget_bytes: budget.bytes as u64,
        image_macs,
        train_loss: done.train_loss,
        validation_accuracy: accuracy(trainer, Split::Validation)?,
    })
}

fn widths(network: &Network<f32>) -> anyhow::Result<[u64; 3]> {
    let mut widths = [0; 3];
    for (width, name) in widths.iter_mut().zip(GROUPS) {
        *width = network.group(network.find_group(name)?).width() as u64;
    }
    Ok(widths)
}

/// What the first batch needs. The fixed arm may not take more images than that, whatever would fit.
fn budget(network: &Network<f32>, arm: Arm, settings: &Settings) -> anyhow::Result<MemoryBudget> {
    let first = settings.count("first_batch")?;
    let most = match arm {
        Arm::Fixed => first,
        Arm::Growing => settings.count("most")?,
    };
    let bytes = network.activation_bytes(first)?;
    Ok(MemoryBudget { bytes, most })
}

/// Two 3×3 convolutions with ReLU, gate and 2×2 max pool, then a gated dense layer and the logits.
fn gated(data: &Dataset, settings: &Settings, seed: &Seed) -> anyhow::Result<Network<f32>> {
    let [height, width, inputs] = data.info.shape[..] else {
        anyhow::bail!(
            "{}: expected images, found rows of shape {:?}",
            data.info.name,
            data.info.shape
        );
    };
    let channels = settings.counts("channels")?;
    let [first, second] = channels[..] else {
        anyhow::bail!("channels: expected two numbers, found {channels:?}");
    };
    let mut layers = NetworkBuilder::new();
    let mut top = layers.input("x", [height, width], inputs)?;
    for (name, channels) in [(GROUPS[0], first), (GROUPS[1], second)] {
        top = layers.conv(name, top, channels, Window::same(3))?;
        top = layers.activation(&format!("{name}.relu"), top, Activation::Relu)?;
        top = layers.gate(&format!("{name}.gate"), top, GateForm::Rectified)?;
        top = layers.max_pool(&format!("{name}.pool"), top, 2)?;
    }
    top = layers.flatten("flatten", top)?;
    top = layers.dense(GROUPS[2], top, settings.count("units")?)?;
    top = layers.activation("hidden.relu", top, Activation::Relu)?;
    top = layers.gate("hidden.gate", top, GateForm::Rectified)?;
    let logits = layers.dense("logits", top, data.info.targets.outputs())?;
    Ok(layers.build(&[logits], seed)?)
}

fn accuracy(trainer: &mut Trainer, split: Split) -> anyhow::Result<f64> {
    trainer.evaluate(split)?.accuracy.context("a set of classes is needed")
}
