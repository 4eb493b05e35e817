//! Does a batch that grows as channels shrink make training faster within the same memory?
//!
//! # Question
//! A net that loses channels while it trains needs less and less memory for its activations. If each step takes as many images
//! as fit the bytes that the net needed at its beginning, is training faster, and is the net as good?
//!
//! # Method
//! A small CNN with a gate on every channel and unit trains under the sparsifier, which takes closed ones out after each epoch.
//! In one arm the images per step stay as many as fitted at first; in the other they are counted anew after every edit. Budget,
//! initialisation, penalty, rate and epochs are the same; seeds are paired.
//!
//! # Baselines
//! The fixed batch within the same budget.
//!
//! # Sources
//! Study 004 (fastdeepnets journal, 2017-12-09): most of a gated CNN's memory is stored activations; the batch could grow as channels
//! shrink. An idea there, never run.
//!
//! # Differences from the study
//! There is nothing to compare with: the study has no run. Gates are folded into weights and store no activations of their own.
#![allow(
    missing_docs,
    reason = "a binary; its items are documented where that helps a reader"
)]

#[path = "batch_budget/report.rs"]
mod report;
#[path = "batch_budget/training.rs"]
mod training;

use std::fmt::{self, Display};
use std::process::ExitCode;

use espalier_data::{Dataset, LoadOptions, TransformChoice};
use espalier_experiment::{
    About, Experiment, Footprint, Golden, Missing, Preset, Range, ReportContext, Settings, TrialContext,
};
use espalier_net::DeviceChoice;
use espalier_report::page::Report;
use espalier_report::rows::{Record, Row, Rows, blank};
use serde::{Deserialize, Serialize};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Images set aside from the training split, for curves.
const VALIDATION_IMAGES: usize = 10_000;

/// What becomes of the images per step: the only thing that differs between variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arm {
    Fixed,
    Growing,
}

impl Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fixed => "fixed batch",
            Self::Growing => "growing batch",
        })
    }
}

/// The net during an epoch, and how good it was after it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Epoch {
    arm: String,
    epoch: u64,
    /// Steps so far.
    steps: u64,
    /// Images per step.
    batch: u64,
    first_channels: u64,
    second_channels: u64,
    units: u64,
    /// Bytes of activations that the session had allocated when the epoch ended.
    activation_bytes: u64,
    budget_bytes: u64,
    /// Multiply–accumulates of one image's forward pass.
    image_macs: u64,
    train_loss: f64,
    validation_accuracy: f64,
}
impl Row for Epoch {
    const TABLE: &'static str = "epochs";
}

/// How long the steps of an epoch took.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Pace {
    epoch: u64,
    images: u64,
    seconds: f64,
}
impl Row for Pace {
    const TABLE: &'static str = "timings-epochs";
}

/// The trained net.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Summary {
    arm: String,
    diverged: bool,
    parameters: u64,
    train_macs: u64,
    test_accuracy: f64,
}
impl Row for Summary {
    const TABLE: &'static str = "summary";
}

struct BatchBudget;

impl Experiment for BatchBudget {
    type Variant = Arm;

    fn about(&self) -> About {
        About {
            name: "batch-budget",
            title: "Does a batch that grows as channels shrink make training faster within the same memory?",
            study: "004",
            summary: "Trains a CNN that loses channels, once with as many images per step as fitted its memory at first and once with \
                      as many as fit now, and compares pace, memory and accuracy.",
        }
    }

    fn golden(&self) -> Golden {
        espalier_experiment::golden!("golden/batch-budget.json")
            .run(Preset::Quick, "mnist", &["train_images=0"], &[])
            .run(Preset::Quick, "fashion-mnist", &["train_images=0", "epochs=6"], &[])
    }

    fn settings(&self, preset: &Preset) -> Settings {
        let (seeds, epochs, train_images) = match preset {
            Preset::Smoke => (1, 2, 1000),
            Preset::Full => (11, 30, 0),
            Preset::Quick | Preset::Named(_) => (6, 12, 20_000),
        };
        Settings::new(seeds)
            .integer("epochs", epochs, "passes over the training split")
            .range(Range::EPOCHS)
            .integers(
                "channels",
                &[32, 64],
                "channels of the two convolutions at the beginning",
            )
            .range(Range::WIDTH.several(2..=2))
            .integer("units", 128, "units of the dense layer at the beginning")
            .range(Range::WIDTH)
            .integer(
                "first_batch",
                32,
                "images per step at the beginning, whose activations are the budget",
            )
            .range(Range::BATCH)
            .integer("most", 512, "the most images per step")
            .range(Range::BATCH)
            .float("learning_rate", 1e-3, "Adam's rate")
            .range(Range::RATE)
            .float(
                "lambda",
                3e-3,
                "weight of the penalty on the gates of units; on those of channels it is nine times as much",
            )
            .range(Range::WEIGHT)
            .integer(
                "train_images",
                train_images,
                "training images in use, from the front; 0 is all",
            )
            .range(Range::training_rows())
    }

    fn variants(&self, _: &Settings) -> anyhow::Result<Vec<Arm>> {
        Ok(vec![Arm::Fixed, Arm::Growing])
    }

    fn datasets(&self) -> Vec<&'static str> {
        vec!["mnist", "fashion-mnist"]
    }

    fn load_options(&self, _: &Settings) -> anyhow::Result<LoadOptions> {
        Ok(LoadOptions {
            transform: Some(TransformChoice::MNIST),
            validation: Some(VALIDATION_IMAGES),
            ..LoadOptions::default()
        })
    }

    fn trial(&self, context: &mut TrialContext<'_, Arm>) -> anyhow::Result<()> {
        training::trial(context)
    }

    fn stand_in(&self, arm: &Self::Variant, _: &Settings, missing: Missing, rows: &mut Record) -> anyhow::Result<()> {
        rows.declare::<Epoch>()?;
        rows.declare::<Pace>()?;
        Ok(rows.push(&Summary {
            arm: arm.to_string(),
            diverged: missing.diverged(),
            test_accuracy: missing.accuracy(),
            ..blank()?
        })?)
    }

    fn footprint(&self, _: &Self::Variant, settings: &Settings, data: Option<&Dataset>) -> anyhow::Result<Footprint> {
        let Some(data) = data else {
            return Ok(Footprint::default());
        };
        let channels = settings.counts("channels")?;
        let [height, width, inputs] = data.info.shape[..] else {
            return Ok(Footprint::default());
        };
        let (units, batch) = (settings.count("units")?, settings.count("first_batch")?);
        Ok(training::footprint([height, width, inputs], &channels, units, batch).data(data))
    }

    fn report(&self, rows: &Rows, context: &ReportContext) -> anyhow::Result<Report> {
        report::page(&self.about(), rows, context)
    }

    fn check_device(&self, device: &str) -> anyhow::Result<()> {
        let _: DeviceChoice = device.parse()?;
        Ok(())
    }
}

fn main() -> ExitCode {
    espalier_experiment::main(BatchBudget)
}
