//! Does it matter which hidden unit is split when a net grows one unit at a time?
//!
//! # Question
//! A net starts with 10 hidden units and one of them is split at the end of each of 50 epochs. Seven rules say which.
//! Does a rule beat choosing at random, do split nets come out worse or more scattered than a net that had all units
//! from the start, and does what is seen at the study's learning rate survive at one that trains to the end?
//!
//! # Method
//! 784-10→60-10, ReLU, Xavier-uniform weights and zero biases, pixels as u − 0.5 for the pixel u in [0, 1], plain SGD
//! without momentum, cross-entropy, batches of 32; 50 epochs with one split at the end of each, then 50 still ones. The
//! chosen unit's fan-in is scaled by α and β, its fan-out by γ and δ, four draws from [0.5, 1) divided by √(αγ + βδ), so
//! that the outputs stay as they were. Ablation losses (the other units times H/(H−1)) and firing rates are taken on the
//! 10 000 validation images. Arms that split share initial weights, scales and batches with each other under a seed, and
//! the batches with the net that never splits. Validation is scored after every epoch, the test split once at the end.
//!
//! # Baselines
//! A net of the final width that never splits, and splits of a unit drawn at random. Every arm has one configuration,
//! the same for all: the learning rate is the axis of comparison and not tuned per arm.
//!
//! # Sources
//! Study 001, notebook "random function-preserving split of one neuron" (2021), experiment E001.
//!
//! # Differences from the study
//! The study read test images scaled as u × 0.5 instead of u − 0.5: here the same trained nets are read both ways. Its
//! three firing-rate arms ran the rule of softmax ablation losses; here every rule is the one that its name says, and the
//! softmax rule is an eighth arm. Its training curves are those of the last mini-batch and its test curves are read every
//! epoch; ours are epoch means and validation. Seeds were not fixed there.
#![allow(
    missing_docs,
    reason = "a binary; its items are documented where that helps a reader"
)]

#[path = "split_selectors/arm.rs"]
mod arm;
#[path = "split_selectors/claims.rs"]
mod claims;
#[path = "split_selectors/figures.rs"]
mod figures;
#[path = "split_selectors/listening.rs"]
mod listening;
#[path = "split_selectors/page.rs"]
mod page;
#[path = "split_selectors/rows.rs"]
mod rows;
#[path = "split_selectors/runs.rs"]
mod runs;
#[path = "split_selectors/training.rs"]
mod training;

use std::process::ExitCode;

use espalier_data::{Dataset, LoadOptions, TransformChoice};
use espalier_experiment::{
    About, Experiment, Footprint, Golden, Missing, Preset, Range, ReportContext, Settings, TrialContext,
};
use espalier_net::DeviceChoice;
use espalier_report::page::Report;
use espalier_report::rows::{Record, Rows, blank};

use crate::arm::{ARMS, Variant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Images set aside from the training split, on which units are scored.
const VALIDATION_IMAGES: usize = 10_000;
/// The study's learning rate.
const STUDY_RATE: f64 = 1e-3;
/// A rate that trains well: of 0.01, 0.03 and 0.1 the smallest within .001 of the best validation accuracy of a net of 20
/// units after 20 epochs.
const SENSIBLE_RATE: f64 = 0.03;

/// The settings of the study's own size, against which pages say what was shortened.
fn study_size() -> Settings {
    SplitSelectors.settings(&Preset::Full)
}

struct SplitSelectors;

impl Experiment for SplitSelectors {
    type Variant = Variant;

    fn about(&self) -> About {
        About {
            name: "split-selectors",
            title: "Does it matter which hidden unit is split when a net grows one unit at a time?",
            study: "001",
            summary: "Grows nets from 10 to 60 hidden units by one function-preserving split per epoch under seven rules of \
                      choice, beside a net that has 60 units from the start.",
        }
    }

    fn golden(&self) -> Golden {
        let short = ["split_epochs=4", "still_epochs=1"];
        espalier_experiment::golden!("golden/split-selectors.json").run(Preset::Quick, "fashion-mnist", &short, &[])
    }

    fn presets(&self) -> Vec<(&'static str, &'static str)> {
        vec![(
            "sensible",
            "the study's sizes and epochs at its learning rate and at one that trains well, 6 seeds",
        )]
    }

    fn settings(&self, preset: &Preset) -> Settings {
        let both = vec![STUDY_RATE, SENSIBLE_RATE];
        let (seeds, split_epochs, still_epochs, rates) = match preset {
            Preset::Smoke => (1, 2, 1, both),
            Preset::Full => (10, 50, 50, vec![STUDY_RATE]),
            Preset::Named(_) => (6, 50, 50, both),
            Preset::Quick => (6, 25, 25, both),
        };
        let train_images = if *preset == Preset::Smoke { 1_000 } else { 0 };
        Settings::new(seeds)
            .integer("start", 10, "hidden units at the start of the arms that split")
            .range(Range::WIDTH)
            .integer("split_epochs", split_epochs, "epochs with one split at the end of each")
            .range(Range::at_least(0.0).and_at_most(1e6))
            .integer("still_epochs", still_epochs, "epochs without splits behind them")
            .range(Range::EPOCHS)
            .integer("batch", 32, "images per step")
            .range(Range::BATCH)
            .floats(
                "learning_rates",
                &rates,
                "rates of plain SGD; the first is the one for the study's claims",
            )
            .range(Range::RATE.distinct())
            .integer(
                "train_images",
                train_images,
                "training images in use, from the front; 0 is all",
            )
            .range(Range::training_rows())
    }

    fn variants(&self, settings: &Settings) -> anyhow::Result<Vec<Variant>> {
        let rates = settings.numbers("learning_rates")?;
        let of_rate = |rate: f64| ARMS.map(|arm| Variant { arm, rate });
        Ok(rates.into_iter().flat_map(of_rate).collect())
    }

    fn datasets(&self) -> Vec<&'static str> {
        vec!["fashion-mnist"]
    }

    fn load_options(&self, _: &Settings) -> anyhow::Result<LoadOptions> {
        Ok(LoadOptions {
            transform: Some(TransformChoice::Centre),
            validation: Some(VALIDATION_IMAGES),
            ..LoadOptions::default()
        })
    }

    fn cost(&self, variant: &Variant, _: &Settings) -> f64 {
        if variant.arm.ablates() { 2.0 } else { 1.0 }
    }

    fn trial(&self, context: &mut TrialContext<'_, Variant>) -> anyhow::Result<()> {
        training::trial(context)
    }

    fn stand_in(
        &self,
        variant: &Self::Variant,
        _: &Settings,
        missing: Missing,
        rows: &mut Record,
    ) -> anyhow::Result<()> {
        rows.declare::<crate::rows::Epoch>()?;
        rows.declare::<crate::rows::Split>()?;
        let (accuracy, loss) = (missing.accuracy(), missing.loss());
        Ok(rows.push(&crate::rows::Outcome {
            arm: variant.arm.name.to_owned(),
            learning_rate: variant.rate,
            diverged: missing.diverged(),
            validation_loss: loss,
            validation_accuracy: accuracy,
            test_loss: loss,
            test_accuracy: accuracy,
            halved_test_loss: loss,
            halved_test_accuracy: accuracy,
            ..blank()?
        })?)
    }

    fn footprint(&self, _: &Self::Variant, settings: &Settings, data: Option<&Dataset>) -> anyhow::Result<Footprint> {
        let Some(data) = data else {
            return Ok(Footprint::default());
        };
        let (inputs, outputs) = (data.info.features, data.info.targets.outputs());
        let units = settings.count("start")?.saturating_add(settings.count("split_epochs")?);
        Ok(Footprint::default()
            .dense(&[inputs, units, outputs], settings.count("batch")?)
            .data(data))
    }

    fn report(&self, rows: &Rows, context: &ReportContext) -> anyhow::Result<Report> {
        page::page(&self.about(), rows, context)
    }

    fn check_device(&self, device: &str) -> anyhow::Result<()> {
        let _: DeviceChoice = device.parse()?;
        Ok(())
    }
}

fn main() -> ExitCode {
    espalier_experiment::main(SplitSelectors)
}
