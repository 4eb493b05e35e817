//! Training one net of a given width.

use std::sync::Arc;

use espalier_data::{Dataset, Split};
use espalier_experiment::{Diverged, Settings, TrialContext};
use espalier_net::{OptimizerKind, RateSchedule, models};
use espalier_train::{Regime, Trainer};

use crate::Width;
use crate::rows::{Epoch, Summary};

/// How the nets are trained.
fn regime(settings: &Settings) -> anyhow::Result<Regime> {
    Ok(Regime {
        epochs: settings.count("epochs")? as u64,
        batch: settings.count("batch")?,
        rate: RateSchedule::constant(settings.number("learning_rate")?),
        ..Regime::classification(OptimizerKind::adam())
    })
}

/// A net at its beginning, or where its last checkpoint left it.
pub fn trainer(data: &Arc<Dataset>, context: &mut TrialContext<'_, Width>) -> anyhow::Result<Trainer> {
    let (seed, regime, info) = (context.seed(), regime(context.settings())?, &data.info);
    let trainer = match context.load_checkpoint()? {
        Some(bytes) => Trainer::resume(&bytes, Arc::clone(data), regime, &seed)?,
        None => {
            let widths = [context.variant().0];
            let network = models::mlp(info.features, &widths, info.targets.outputs(), &seed.named("network"))?;
            Trainer::new(network, Arc::clone(data), regime, &seed)?
        }
    };
    Ok(trainer.on(&context.device().parse()?)?)
}

/// Trains to the end and records every epoch.
pub fn train(trainer: &mut Trainer, context: &mut TrialContext<'_, Width>) -> anyhow::Result<Summary> {
    let epochs = context.settings().count("epochs")? as u64;
    while let Some(done) = trainer.train_epoch()? {
        let validation = trainer.evaluate(Split::Validation)?;
        context.record(&Epoch {
            epoch: done.epoch,
            train_macs: done.train_macs,
            train_loss: done.train_loss,
            running_train_accuracy: done.train_accuracy,
            validation_loss: validation.loss,
            validation_accuracy: validation.accuracy,
        })?;
        context.progress(done.epoch, epochs, done.train_loss);
        context.pause_point(|| Ok(trainer.checkpoint()?))?;
    }
    Diverged::check(trainer.diverged())?;
    Ok(Summary {
        width: context.variant().0 as u64,
        parameters: trainer.network().parameter_count(),
        diverged: false,
        ..Summary::unmeasured()
    })
}
