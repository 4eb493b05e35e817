//! Building and training one net.

use std::sync::Arc;

use anyhow::Context as _;
use espalier_data::{Dataset, Examples, Split};
use espalier_experiment::{Diverged, Settings, TrialContext};
use espalier_net::{Activation, Initializer, Layer, Network, NetworkBuilder, OptimizerKind, RateSchedule};
use espalier_seed::Seed;
use espalier_targeted_dropout::TargetedDropout;
use espalier_train::{Regime, Trainer};

use crate::arms::{Arm, Preparation, Variant};
use crate::rows::{Epoch, Summary};
use crate::units;

/// What a net looks like.
pub struct Shape<'a> {
    pub inputs: usize,
    pub widths: &'a [usize],
    pub classes: usize,
    pub biases: bool,
    /// Whether its hidden layers have weight masks.
    pub masks: bool,
}

/// A ReLU net with Glorot-uniform weights and zero biases, as Keras makes it; layers are called `hiddenK`, `reluK`, `logits`.
pub fn network(shape: &Shape<'_>, seed: &Seed) -> anyhow::Result<Network<f32>> {
    let mut layers = NetworkBuilder::new();
    layers.initializer(Initializer::GlorotUniform);
    let dense = || Layer::Dense { bias: shape.biases };
    let mut top = layers.input("x", [1, 1], shape.inputs)?;
    for (k, &width) in shape.widths.iter().enumerate() {
        top = layers.layer(&format!("hidden{}", k + 1), dense(), &[top], width)?;
        if shape.masks {
            layers.mask(top)?;
        }
        top = layers.activation(&format!("relu{}", k + 1), top, Activation::Relu)?;
    }
    let logits = layers.layer("logits", dense(), &[top], shape.classes)?;
    Ok(layers.build(&[logits], seed)?)
}

/// The first images of the training and test splits; all of them where a setting is 0.
pub fn front(data: &Arc<Dataset>, settings: &Settings) -> anyhow::Result<Arc<Dataset>> {
    let part = |examples: &Examples, name: &str| -> anyhow::Result<Examples> {
        let images = match settings.count(name)? {
            0 => examples.len(),
            images => images,
        };
        let most = examples.len();
        anyhow::ensure!(images <= most, "{name}: expected at most {most}, found {images}");
        Ok(examples.select(&(0..images).collect::<Vec<usize>>()))
    };
    Ok(Arc::new(Dataset {
        train: part(&data.train, "train_images")?,
        test: part(&data.test, "curve_images")?,
        validation: data.validation.clone(),
        info: data.info.clone(),
        transform: data.transform.clone(),
    }))
}

fn trainer(arm: &Arm, context: &mut TrialContext<'_, Variant>) -> anyhow::Result<Trainer> {
    let (settings, seed) = (context.settings(), context.seed());
    let data = front(context.dataset()?, settings)?;
    let batches = data.train.len().div_ceil(settings.count("batch")?.max(1));
    let dropout = arm
        .method()
        .settings(settings, batches * arm.epochs(settings)? as usize)?;
    let regime = Regime {
        epochs: arm.epochs(settings)?,
        batch: settings.count("batch")?,
        rate: RateSchedule::constant(arm.rate(settings)?),
        ..Regime::classification(OptimizerKind::adam())
    };
    let trainer = match context.load_checkpoint()? {
        Some(bytes) => Trainer::resume(&bytes, data, regime, &seed)?,
        None => {
            let shape = Shape {
                inputs: data.info.features,
                widths: &settings.counts("widths")?,
                classes: data.info.targets.outputs(),
                biases: arm.biases(),
                masks: dropout.method.masks(),
            };
            // Arms of one seed start from the same weights and see the same batches.
            Trainer::new(network(&shape, &seed.named("network"))?, data, regime, &seed)?
        }
    };
    let trainer = trainer.on(&context.device().parse()?)?;
    Ok(match arm.method() {
        Preparation::Nothing => trainer,
        _ => trainer.with_strategies(vec![Box::new(TargetedDropout::new(dropout))])?,
    })
}

/// Trains to the end and records every epoch.
pub fn train(arm: &Arm, context: &mut TrialContext<'_, Variant>) -> anyhow::Result<(Trainer, Summary)> {
    let mut trainer = trainer(arm, context)?;
    let epochs = arm.epochs(context.settings())?;
    let (mut train_macs, mut train_loss) = (0, f64::NAN);
    while let Some(done) = trainer.train_epoch()? {
        let validation = trainer.evaluate(Split::Validation)?;
        let validation_accuracy = validation.accuracy.context("a set of classes is needed")?;
        context.record(&Epoch {
            epoch: done.epoch,
            train_macs: done.train_macs,
            train_loss: done.train_loss,
            running_train_accuracy: done.train_accuracy,
            validation_accuracy,
        })?;
        (train_macs, train_loss) = (done.train_macs, done.train_loss);
        if matches!(arm, Arm::Plain { .. }) {
            units::follow(&mut trainer, &done, validation_accuracy, context)?;
        }
        context.progress(done.epoch, epochs, done.train_loss);
        context.pause_point(|| Ok(trainer.checkpoint()?))?;
    }
    Diverged::check(trainer.diverged())?;
    let summary = Summary {
        arm: arm.name(),
        configuration: format!("rate {}", arm.rate(context.settings())?),
        biases: arm.biases(),
        epochs,
        parameters: trainer.network().parameter_count(),
        train_macs,
        train_loss,
        diverged: false,
        ..Summary::default()
    };
    Ok((trainer, summary))
}
