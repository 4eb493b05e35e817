//! One trial: a net of a given width, and what its hidden layer looks like when it is trained.

use anyhow::Context as _;
use espalier_data::Split;
use espalier_metrics::LowRank;
use espalier_trial::prelude::*;

use crate::measure::{self, Components, Hidden, Inputs};
use crate::rows::{Component, Epoch, Rebuilt, Spectrum, Summary, Unit};
use crate::{Choices, EVERY_SEED_TO, STUDY_COMPONENT_WIDTHS};

/// Trains and records.
pub fn trial(context: &mut TrialContext<'_, usize>, settings: &Choices) -> anyhow::Result<()> {
    let (seed, width) = (context.seed(), *context.variant());
    let data = context.shortened_dataset("train_images")?;
    let regime = Regime::adam(settings.epochs, settings.batch, settings.learning_rate);
    let training = Training::new(context, regime, &seed).data(data.clone()).mlp(&[width]);
    let mut trained = training.epochs_as(|moment| moment.row::<Epoch>()).run("net")?;
    let outcome = trained.outcome();
    Diverged::check_scores(&[outcome.validation_loss, outcome.test_loss])?;
    let known = trained.row()?;
    let train_accuracy = trained.evaluate(Split::Train)?.accuracy;
    let trainer = trained.trainer();
    let moments = measure::moments(trainer, width)?;
    let mut summary = Summary {
        width: width as u64,
        train_accuracy: train_accuracy.context("a set of classes is needed")?,
        ..known
    };
    measure::spreads(&mut summary, &moments, settings.dead_spread, &seed)?;
    let hidden = Hidden::of(trainer.network())?;
    let weight = LowRank::of(&hidden.weight, data.info.features)?;
    measure::ranks(&mut summary, &weight)?;
    context.stop_point()?;

    let (mut spectra, mut components, mut rebuilt) = (Vec::new(), Vec::new(), Vec::new());
    if looks_at_components(&settings.widths, width, context.seed_number()) {
        let inputs = Inputs::of(&data)?;
        let found = Components::of(&hidden, &inputs)?;
        spectra.push(found.spectrum(&inputs, trainer)?);
        components = found.rows();
        rebuilt = measure::rebuilt(trainer, &hidden, &found, &weight)?;
    }
    context.record(&summary)?;
    let (width, spreads) = (width as u32, moments.std().into_iter().map(|spread| spread as f32));
    context.record_all(&spreads.map(|spread| Unit { width, spread }).collect::<Vec<Unit>>())?;
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
    let mut nearest = STUDY_COMPONENT_WIDTHS.iter().filter_map(nearest);
    nearest.any(|nearest| nearest == width) && (width <= EVERY_SEED_TO || seed == 0)
}
