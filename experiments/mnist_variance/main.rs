//! Does the spread of a hidden layer's activations tell whether the layer is too wide?
//!
//! # Question
//! One layer is trained at many widths. Can any statistic of that layer alone (how much its units
//! vary, how normal those spreads are, how many units are dead, how many directions are used) say
//! which width was enough, without a look at the accuracy?
//!
//! # Method
//! Nets 784-H-10 with one ReLU layer, trained with Adam and cross-entropy, differ in H alone; seeds
//! are paired across widths. After training, each unit's spread (its standard deviation over the
//! training split) gives W, its moments, two mixtures and the dead units; the pre-activations give
//! principal components, the weight matrix its ranks. Each metric then chooses a width by a rule
//! fixed beforehand, and the choice is set beside the knee of the validation accuracy.
//!
//! # Baselines
//! The knee of the accuracy curve, which needs every net to be trained: a metric that is worth
//! having finds it from single nets. Principal components are shown beside the wrong basis of the
//! study, accuracy on test images beside accuracy on training images.
//!
//! # Sources
//! Study 003 (fastdeepnets journal, 2017-10-06 to 10-20): variance of activations, relation with
//! accuracy, mixtures, Fashion-MNIST, PCA. Low rank: its third candidate, never run.
//!
//! # Differences from the study
//! Spreads by Welford's recurrence; values per net with bands over seeds, not sums over replicas;
//! accuracy on validation images for choices and on test images, read once, for claims; 50 000
//! training images, as 10 000 are set aside; mixtures fitted per net in the log domain, beside the
//! study's, which pool the replicas of a width.

mod choices;
mod claims;
mod components;
mod figures;
mod grid;
mod measure;
mod page;
mod pooled;
mod rows;
mod runs;
mod training;

use espalier_trial::prelude::*;

use crate::rows::{Component, Epoch, Rebuilt, Spectrum, Summary, Unit};

/// Widths at which the study looked at principal components; ours are the nearest that are trained.
const STUDY_COMPONENT_WIDTHS: [usize; 8] = [32, 64, 128, 200, 350, 568, 1024, 2048];
/// Up to this width every seed's components are computed, beyond it only seed 0's: the cost is cubic.
const EVERY_SEED_TO: usize = 1024;

/// The study's widths, ⌊2^(i/2)⌋.
fn half_octaves(exponents: std::ops::RangeInclusive<u32>) -> Vec<usize> {
    let width = |i| (f64::from(i) / 2.0).exp2().floor() as usize;
    exponents.map(width).collect()
}

settings! {
    /// What a run sets.
    struct Choices {
        seeds = [smoke 1, quick 6, full 11, wide 6];
        widths: Vec<usize> = [smoke vec![16, 64, 256], quick half_octaves(8..=22), full half_octaves(8..=27),
            wide half_octaves(8..=27)] "hidden units of the nets", Range::at_least(4.0).ascending(), fewer "width";
        epochs: u64 = [smoke 1, quick 3, full 30, wide 4] "passes over the training split", Range::EPOCHS, fewer "epoch";
        batch: usize = 128 "images per step", Range::BATCH;
        learning_rate: f64 = 1e-3 "Adam's rate", Range::RATE;
        dead_spread: f64 = 0.0 "largest spread of a unit that counts as dead", Range::at_least(0.0);
        train_images: usize = [smoke 10_000, quick 0, full 0, wide 0] "training images in use, from the front; 0 is all",
            Range::training_rows();
    }
}

struct MnistVariance;

impl Design for MnistVariance {
    type Settings = Choices;
    /// The number of hidden units: the only thing that differs between variants.
    type Variant = usize;

    const PRESETS: &'static [(&'static str, &'static str)] =
        &[("wide", "all 20 widths of the study, 6 seeds, 4 epochs")];

    const ABOUT: About = About {
        name: "mnist-variance",
        title: "Does the spread of a hidden layer's activations tell whether the layer is too wide?",
        study: "003",
        summary: "Trains one-hidden-layer nets of many widths and asks which statistic of the layer alone, \
                  from the spread of its units to its principal components, finds the width that was enough.",
    };

    fn golden(&self) -> Golden {
        espalier_experiment::golden!("golden/mnist-variance.json")
            .run(Preset::Quick, "mnist", &["epochs=2"], &["16", "362", "2048"])
            .run(Preset::Quick, "fashion-mnist", &["epochs=2"], &["16", "512"])
            .run(Preset::Named("wide".into()), "mnist", &["epochs=1"], &["4096"])
    }

    fn variants(&self, settings: &Choices) -> anyhow::Result<Vec<usize>> {
        Ok(settings.widths.clone())
    }

    fn cost(&self, width: &usize, _: &Choices) -> f64 {
        *width as f64
    }

    fn trial(&self, context: &mut TrialContext<'_, usize>, settings: &Choices) -> anyhow::Result<()> {
        training::trial(context, settings)
    }

    fn stand_in(&self, width: &usize, missing: Missing, rows: &mut Record) -> anyhow::Result<()> {
        rows.declare_all::<(Epoch, Unit)>()?;
        rows.declare_all::<(Spectrum, Component, Rebuilt)>()?;
        Ok(rows.push(&Summary {
            width: *width as u64,
            exp_normal_outcome: measure::NOT_FITTED.to_owned(),
            two_gamma_outcome: measure::NOT_FITTED.to_owned(),
            ..absent(missing)?
        })?)
    }

    fn footprint(&self, width: &usize, _: &Choices, data: &Dataset, batch: usize) -> Footprint {
        let (inputs, outputs, width) = (data.info.features, data.info.targets.outputs(), *width);
        // Whether components are computed is the seed's question too; the ranks of the weights are always.
        let components = if width <= EVERY_SEED_TO { width } else { 0 };
        Footprint::default()
            .dense(&[inputs, width, outputs], batch)
            .matrix("ranks of the weights", 2 * inputs.max(width), inputs.min(width))
            .matrix("covariance and components", 3 * components, components)
    }

    fn page(&self, run: &Run<'_, Self>) -> anyhow::Result<Report> {
        page::page(run)
    }

    fn combined(&self, run: &Run<'_, Self>) -> anyhow::Result<Option<Report>> {
        self.page(run).map(Some)
    }
}

espalier_trial::main!(MnistVariance);
