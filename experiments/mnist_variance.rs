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
//! training images, as 10 000 are set aside; mixtures fitted per net, in the log domain.
#![allow(
    missing_docs,
    reason = "a binary; its rows and modules are documented where that helps a reader"
)]

#[path = "mnist_variance/choices.rs"]
mod choices;
#[path = "mnist_variance/claims.rs"]
mod claims;
#[path = "mnist_variance/components.rs"]
mod components;
#[path = "mnist_variance/figures.rs"]
mod figures;
#[path = "mnist_variance/grid.rs"]
mod grid;
#[path = "mnist_variance/measure.rs"]
mod measure;
#[path = "mnist_variance/page.rs"]
mod page;
#[path = "mnist_variance/pooled.rs"]
mod pooled;
#[path = "mnist_variance/rows.rs"]
mod rows;
#[path = "mnist_variance/runs.rs"]
mod runs;
#[path = "mnist_variance/training.rs"]
mod training;

use std::fmt::{self, Display};
use std::process::ExitCode;

use anyhow::Context as _;
use espalier_data::{Dataset, LoadOptions, Split, TransformChoice};
use espalier_experiment::{
    About, Diverged, Experiment, Footprint, Golden, Missing, Preset, Range, ReportContext, Settings, TrialContext,
};
use espalier_metrics::LowRank;
use espalier_net::DeviceChoice;
use espalier_report::page::Report;
use espalier_report::rows::{Record, Rows};

use crate::measure::{Hidden, Inputs};
use crate::rows::{Component, Rebuilt, Spectrum, Unit};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Images set aside from the training split, by which choices are made.
const VALIDATION_IMAGES: usize = 10_000;
/// Widths at which the study looked at principal components; ours are the nearest that are trained.
const STUDY_COMPONENT_WIDTHS: [usize; 8] = [32, 64, 128, 200, 350, 568, 1024, 2048];
/// Up to this width every seed's components are computed, beyond it only seed 0's: the cost is cubic.
const EVERY_SEED_TO: usize = 1024;

/// The number of hidden units: the only thing that differs between variants.
#[derive(Clone, Copy, Debug)]
struct Width(usize);

impl Display for Width {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The study's widths, ⌊2^(i/2)⌋.
fn half_octaves(exponents: std::ops::RangeInclusive<u32>) -> Vec<i64> {
    exponents.map(|i| (f64::from(i) / 2.0).exp2().floor() as i64).collect()
}

/// The settings of the study's own size, against which pages say what was shortened.
fn study_size() -> Settings {
    MnistVariance.settings(&Preset::Full)
}

struct MnistVariance;

impl Experiment for MnistVariance {
    type Variant = Width;

    fn about(&self) -> About {
        About {
            name: "mnist-variance",
            title: "Does the spread of a hidden layer's activations tell whether the layer is too wide?",
            study: "003",
            summary: "Trains one-hidden-layer nets of many widths and asks which statistic of the layer alone, \
                      from the spread of its units to its principal components, finds the width that was enough.",
        }
    }

    fn golden(&self) -> Golden {
        espalier_experiment::golden!("golden/mnist-variance.json")
            .run(Preset::Quick, "mnist", &["epochs=2"], &["16", "362", "2048"])
            .run(Preset::Quick, "fashion-mnist", &["epochs=2"], &["16", "512"])
            .run(Preset::Named("wide".into()), "mnist", &["epochs=1"], &["4096"])
    }

    fn presets(&self) -> Vec<(&'static str, &'static str)> {
        vec![("wide", "all 20 widths of the study, 6 seeds, 4 epochs")]
    }

    fn settings(&self, preset: &Preset) -> Settings {
        let (seeds, epochs, widths) = match preset {
            Preset::Smoke => (1, 1, vec![16, 64, 256]),
            Preset::Full => (11, 30, half_octaves(8..=27)),
            Preset::Named(_) => (6, 4, half_octaves(8..=27)),
            Preset::Quick => (6, 3, half_octaves(8..=22)),
        };
        let train_images = if *preset == Preset::Smoke { 10_000 } else { 0 };
        Settings::new(seeds)
            .integers("widths", &widths, "hidden units of the nets")
            .range(Range::at_least(4.0).ascending())
            .integer("epochs", epochs, "passes over the training split")
            .range(Range::EPOCHS)
            .integer("batch", 128, "images per step")
            .range(Range::BATCH)
            .float("learning_rate", 1e-3, "Adam's rate")
            .range(Range::RATE)
            .float("dead_spread", 0.0, "largest spread of a unit that counts as dead")
            .range(Range::at_least(0.0))
            .integer(
                "train_images",
                train_images,
                "training images in use, from the front; 0 is all",
            )
            .range(Range::training_rows())
    }

    fn variants(&self, settings: &Settings) -> anyhow::Result<Vec<Width>> {
        Ok(settings.counts("widths")?.into_iter().map(Width).collect())
    }

    fn datasets(&self) -> Vec<&'static str> {
        vec!["mnist", "fashion-mnist"]
    }

    fn load_options(&self, _: &Settings) -> anyhow::Result<LoadOptions> {
        let transform = Some(TransformChoice::MNIST);
        Ok(LoadOptions {
            transform,
            validation: Some(VALIDATION_IMAGES),
            ..LoadOptions::default()
        })
    }

    fn cost(&self, width: &Width, _: &Settings) -> f64 {
        width.0 as f64
    }

    fn trial(&self, context: &mut TrialContext<'_, Width>) -> anyhow::Result<()> {
        let (seed, settings, width) = (context.seed(), context.settings(), context.variant().0);
        let data = context.shortened_dataset("train_images")?;
        let mut trainer = training::trainer(&data, context)?;
        let mut summary = training::train(&mut trainer, context)?;

        let (validation, test) = (trainer.evaluate(Split::Validation)?, trainer.evaluate(Split::Test)?);
        Diverged::check_scores(&[validation.loss, test.loss])?;
        let (moments, train_accuracy) = measure::observe(&mut trainer, width)?;
        let spreads = moments.std();
        measure::spreads(&mut summary, &spreads, &moments, settings.number("dead_spread")?, &seed)?;
        let hidden = Hidden::of(trainer.network())?;
        let weight = LowRank::of(&hidden.weight, data.info.features)?;
        measure::ranks(&mut summary, &weight)?;
        context.stop_point()?;

        let (mut spectra, mut components, mut rebuilt) = (Vec::new(), Vec::new(), Vec::new());
        if looks_at_components(settings, width, context.seed_number())? {
            let (pca, mut spectrum, shares) = measure::components(&hidden, &Inputs::of(&data)?)?;
            measure::check_residual(&mut trainer, &pca, &mut spectrum)?;
            rebuilt = measure::rebuilt(&trainer, &hidden, &pca, &weight)?;
            (spectra, components) = (vec![spectrum], shares);
        }
        (summary.train_accuracy, summary.test_loss) = (train_accuracy, test.loss);
        summary.validation_accuracy = validation.accuracy.context("a set of classes is needed")?;
        summary.test_accuracy = test.accuracy.context("a set of classes is needed")?;
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

    fn stand_in(&self, width: &Self::Variant, _: &Settings, missing: Missing, rows: &mut Record) -> anyhow::Result<()> {
        rows.declare::<crate::rows::Epoch>()?;
        rows.declare::<Unit>()?;
        rows.declare::<Spectrum>()?;
        rows.declare::<Component>()?;
        rows.declare::<Rebuilt>()?;
        let accuracy = missing.accuracy();
        Ok(rows.push(&crate::rows::Summary {
            width: width.0 as u64,
            diverged: missing.diverged(),
            train_accuracy: accuracy,
            validation_accuracy: accuracy,
            test_accuracy: accuracy,
            test_loss: missing.loss(),
            ..crate::rows::Summary::unmeasured()
        })?)
    }

    fn footprint(
        &self,
        width: &Self::Variant,
        settings: &Settings,
        data: Option<&Dataset>,
    ) -> anyhow::Result<Footprint> {
        let Some(data) = data else {
            return Ok(Footprint::default());
        };
        let (inputs, outputs) = (data.info.features, data.info.targets.outputs());
        let width = width.0;
        let net = Footprint::default().dense(&[inputs, width, outputs], settings.count("batch")?);
        // Whether components are computed is the seed's question too; the ranks of the weights are always.
        let components = if width <= EVERY_SEED_TO { width } else { 0 };
        Ok(net
            .matrix("ranks of the weights", 2 * inputs.max(width), inputs.min(width))
            .matrix("covariance and components", 3 * components, components)
            .data(data))
    }

    fn report(&self, rows: &Rows, context: &ReportContext) -> anyhow::Result<Report> {
        page::page(&self.about(), &[(context.dataset.clone(), rows)], context)
    }

    fn combined(&self, rows: &[(String, Rows)], context: &ReportContext) -> anyhow::Result<Option<Report>> {
        let sets: Vec<(String, &Rows)> = rows.iter().map(|(set, rows)| (set.clone(), rows)).collect();
        page::page(&self.about(), &sets, context).map(Some)
    }

    fn check_device(&self, device: &str) -> anyhow::Result<()> {
        let _: DeviceChoice = device.parse()?;
        Ok(())
    }
}

/// Whether a trial's principal components are computed.
fn looks_at_components(settings: &Settings, width: usize, seed: u64) -> anyhow::Result<bool> {
    let widths = settings.counts("widths")?;
    let far = |a: usize, b: usize| (a as f64 / b as f64).ln().abs();
    let nearest = |target: &usize| {
        widths
            .iter()
            .copied()
            .min_by(|a, b| far(*a, *target).total_cmp(&far(*b, *target)))
    };
    let chosen = STUDY_COMPONENT_WIDTHS
        .iter()
        .filter_map(nearest)
        .any(|chosen| chosen == width);
    Ok(chosen && (width <= EVERY_SEED_TO || seed == 0))
}

fn main() -> ExitCode {
    espalier_experiment::main(MnistVariance)
}
