//! One trial that trains a net and prunes it.

use std::sync::Arc;

use espalier_data::Examples;
use espalier_net::Initializer;
use espalier_targeted_dropout::{Method, TargetedDropout};
use espalier_trial::prelude::*;

use crate::arms::{Arm, Variant};
use crate::rows::{Epoch, Summary};
use crate::{Setup, pruning, units};

/// Weights as Keras draws them.
pub const KERAS: Initializer = Initializer::GlorotUniform;

/// The first images of the training and test splits; all of them where a setting is 0.
fn front(context: &TrialContext<'_, Variant>, setup: &Setup) -> anyhow::Result<Arc<Dataset>> {
    let mut data = Dataset::clone(&*context.shortened_dataset("train_images")?);
    let (images, most) = (setup.curve_images, data.test.len());
    anyhow::ensure!(images <= most, "curve_images: expected at most {most}, found {images}");
    if images > 0 {
        data.test = Examples::select(&data.test, &(0..images).collect::<Vec<usize>>());
    }
    Ok(Arc::new(data))
}

/// Trains, measures, prunes and records.
pub fn trial(arm: Arm, context: &mut TrialContext<'_, Variant>, setup: &Setup) -> anyhow::Result<()> {
    let mut trained = train(arm, context, setup)?;
    let (outcome, epochs) = (trained.outcome(), context.rows().get::<Epoch>()?);
    let mut summary = Summary {
        parameters: outcome.parameters,
        train_macs: outcome.train_macs,
        train_loss: epochs.last().map_or(f64::NAN, |epoch| epoch.train_loss),
        ..Summary::default().of(&arm)
    };
    units::measure(trained.trainer(), arm, &mut summary, context)?;
    pruning::curves(&arm, trained.trainer(), &mut summary, context)?;
    Ok(context.record(&summary)?)
}

fn train(arm: Arm, context: &mut TrialContext<'_, Variant>, setup: &Setup) -> anyhow::Result<Trained> {
    let (seed, data) = (context.seed(), front(context, setup)?);
    let batches = data.train.len().div_ceil(setup.batch.max(1));
    let dropout = arm.method.settings(setup, batches * arm.epochs as usize);
    let net = Perceptron {
        initializer: KERAS,
        biases: arm.biases,
        masks: dropout.method.masks(),
        ..Perceptron::PLAIN
    };
    let net = move |data: &Dataset, seed: &Seed| net.build(data, &setup.widths, seed);
    let regime = Regime::adam(arm.epochs, setup.batch, arm.rate);
    // The test split is read by what is left after pruning.
    let mut training = Training::new(context, regime, &seed).data(data).network(net).untested();
    training = training.epochs_as(|moment| moment.row::<Epoch>());
    if arm.is_plain() {
        training = training.each_epoch(move |moment| units::follow(moment, arm.epochs));
    }
    if arm.method.method != Method::None {
        training = training.strategy(TargetedDropout::new(dropout));
    }
    training.run("net")
}
