//! One trial: a net of a given width, and what its hidden layer looks like when it is trained.

use espalier_metrics::LowRank;
use espalier_trial::prelude::*;

use crate::measure::{self, Hidden, Inputs};
use crate::rows::{Component, Epoch, Rebuilt, Spectrum, Summary, Unit};
use crate::{Choices, EVERY_SEED_TO, STUDY_COMPONENT_WIDTHS};

/// Trains and records.
pub fn trial(context: &mut TrialContext<'_, usize>, settings: &Choices) -> anyhow::Result<()> {
    let (seed, width) = (context.seed(), *context.variant());
    let data = context.shortened_dataset("train_images")?;
    let regime = Regime::adam(settings.epochs, settings.batch, settings.learning_rate);
    let training = Training::new(context, regime, &seed).data(data.clone()).mlp(&[width]);
    let mut trained = training
        .epochs_as(|moment| {
            Ok(Epoch {
                epoch: moment.done.epoch,
                train_macs: moment.done.train_macs,
                train_loss: moment.done.train_loss,
                running_train_accuracy: moment.done.train_accuracy,
                validation_loss: moment.validation.loss,
                validation_accuracy: moment.validation.accuracy,
            })
        })
        .run("net")?;
    let outcome = trained.outcome().clone();
    Diverged::check_scores(&[outcome.validation_loss, outcome.test_loss])?;
    let trainer = trained.trainer();
    let (moments, train_accuracy) = measure::observe(trainer, width)?;
    let mut summary = Summary {
        width: width as u64,
        parameters: outcome.parameters,
        train_accuracy,
        validation_accuracy: outcome.validation_score,
        test_accuracy: outcome.test_score,
        test_loss: outcome.test_loss,
        ..blank()?
    };
    let spreads = moments.std();
    measure::spreads(&mut summary, &spreads, &moments, settings.dead_spread, &seed)?;
    let hidden = Hidden::of(trainer.network())?;
    let weight = LowRank::of(&hidden.weight, data.info.features)?;
    measure::ranks(&mut summary, &weight)?;
    context.stop_point()?;

    let (mut spectra, mut components, mut rebuilt) = (Vec::new(), Vec::new(), Vec::new());
    if looks_at_components(&settings.widths, width, context.seed_number()) {
        let (pca, mut spectrum, shares) = measure::components(&hidden, &Inputs::of(&data)?)?;
        measure::check_residual(trainer, &pca, &mut spectrum)?;
        rebuilt = measure::rebuilt(trainer, &hidden, &pca, &weight)?;
        (spectra, components) = (vec![spectrum], shares);
    }
    context.record(&summary)?;
    let unit = |&spread: &f64| Unit {
        width: width as u32,
        spread: spread as f32,
    };
    context.record_all(&spreads.iter().map(unit).collect::<Vec<Unit>>())?;
    context.record_all::<Spectrum>(&spectra)?;
    context.record_all::<Component>(&components)?;
    Ok(context.record_all::<Rebuilt>(&rebuilt)?)
}

/// Whether a trial's principal components are computed.
fn looks_at_components(widths: &[usize], width: usize, seed: u64) -> bool {
    let far = |a: usize, b: usize| (a as f64 / b as f64).ln().abs();
    let nearest = |target: &usize| {
        let widths = widths.iter().copied();
        widths.min_by(|a, b| far(*a, *target).total_cmp(&far(*b, *target)))
    };
    let chosen = STUDY_COMPONENT_WIDTHS
        .iter()
        .filter_map(nearest)
        .any(|chosen| chosen == width);
    chosen && (width <= EVERY_SEED_TO || seed == 0)
}
