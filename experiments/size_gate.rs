//! Can gradient descent learn how many units a layer needs, or does it only keep what it was given?
//!
//! # Question
//! Unit i of a hidden layer is multiplied by σ(−k(i − x₀)), so that x₀ is the layer's size and can be
//! trained. Does the size converge to the same number from every start, is the net as good as a static one
//! of that size, does a penalty set the size, and what stops the size where it stops?
//!
//! # Method
//! A net 784-500-10 with one ReLU layer and the gates behind it is trained with Adam on cross-entropy +
//! λ·∫gate; x₀ has an Adam of its own with rate 1 and no decay, k = 0.4. The size is ∫₀ᴺ gate after training.
//! Four sweeps: the start of x₀ with weight decay (L2) 10⁻³ and without; the same with the study's mistake, in
//! which x₀ always starts at 1 and the stated start only names the run; λ from one start (the frontier); and
//! λ = 0 with and without L2, for the gates beside the units' outgoing weights. Starts, λ and L2 are the axes;
//! one configuration, the study's, serves all of them.
//!
//! # Baselines
//! Static twins: plain nets of the width that the gated net of the same seed and λ has found. A wide net of
//! 1 000 units. Both with the same L2, trained as long.
//!
//! # Sources
//! Study 003 (fastdeepnets journal, 2017-10-23 to 2017-11-04: metric-less sizes, integral, plateau
//! hypothesis, benchmarks without L2, erratum).
//!
//! # Differences from the study
//! x₀ starts where it is told; the mistake is kept as a variant of its own. Closed gates are taken out and
//! the others multiplied into the weights after training, so that sizes are those of real nets. 10 000
//! training images are set aside; no net is trained on test images; seeds are paired.
#![allow(
    missing_docs,
    reason = "a binary; its rows and modules are documented where that helps a reader"
)]

#[path = "size_gate/claims.rs"]
mod claims;
#[path = "size_gate/figures.rs"]
mod figures;
#[path = "size_gate/page.rs"]
mod page;
#[path = "size_gate/rows.rs"]
mod rows;
#[path = "size_gate/runs.rs"]
mod runs;
#[path = "size_gate/training.rs"]
mod training;
#[path = "size_gate/variants.rs"]
mod variants;
#[path = "size_gate/watched.rs"]
mod watched;

use std::process::ExitCode;

use espalier_data::{Dataset, LoadOptions, TransformChoice};
use espalier_experiment::{
    About, Experiment, Fingerprint, Footprint, Missing, Preset, Range, ReportContext, Settings, TrialContext,
};
use espalier_net::DeviceChoice;
use espalier_report::page::Report;
use espalier_report::rows::{Record, Rows};

use crate::variants::{Arm, Role};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Images set aside from the training split.
const VALIDATION_IMAGES: usize = 10_000;

/// The settings of the study's own size, against which pages say what was shortened.
fn study_size() -> Settings {
    SizeGates.settings(&Preset::Full)
}

struct SizeGates;

impl Experiment for SizeGates {
    type Variant = Arm;

    fn about(&self) -> About {
        About {
            name: "size-gate",
            title: "Can gradient descent learn how many units a layer needs, or does it only keep what it was given?",
            study: "003",
            summary: "Trains the size of a hidden layer through a sigmoid over its units, from many starts, with and without \
                      weight decay, over the weight of a penalty, and beside static nets of the sizes found.",
        }
    }

    fn fingerprint(&self) -> Fingerprint {
        espalier_experiment::fingerprint!(
            files: ["size_gate.rs", "size_gate/rows.rs", "size_gate/training.rs", "size_gate/variants.rs",
                    "size_gate/watched.rs"],
            crates: ["espalier-train", "espalier-net", "espalier-metrics", "espalier-data", "espalier-seed",
                     "espalier-strategy", "espalier-size-gate"],
        )
    }

    fn settings(&self, preset: &Preset) -> Settings {
        let every = |step: usize| (0..500).step_by(step).map(|s| s as f64).collect::<Vec<f64>>();
        let exponents = |step: f64, count: i32| (0..count).map(|i| -2.5 - step * f64::from(i)).collect::<Vec<f64>>();
        let (seeds, epochs, units, wide) = match preset {
            Preset::Smoke => (1, 2, 40, 80),
            Preset::Full => (7, 15, 500, 1000),
            Preset::Quick | Preset::Named(_) => (6, 6, 500, 1000),
        };
        let (starts, labels, exponents, frontier_start) = match preset {
            Preset::Smoke => (vec![0.0, 30.0], vec![0.0, 30.0], exponents(2.0, 2), 20.0),
            Preset::Full => (every(25), every(25), exponents(0.5, 11), 250.0),
            Preset::Quick | Preset::Named(_) => (
                vec![0.0, 125.0, 250.0, 375.0, 475.0],
                vec![0.0, 250.0, 475.0],
                exponents(1.0, 6),
                250.0,
            ),
        };
        let frontier_decays: &[f64] = if *preset == Preset::Full { &[1e-3, 0.0] } else { &[1e-3] };
        let train_images = if *preset == Preset::Smoke { 1_000 } else { 0 };
        Settings::new(seeds)
            .integer("units", units, "hidden units that the gates multiply")
            .range(Range::WIDTH)
            .floats("starts", &starts, "starts of x₀ in units")
            .range(Range::at_least(0.0).distinct())
            .floats(
                "ignored_starts",
                &labels,
                "starts that are stated but ignored, as in the study before its erratum",
            )
            .range(Range::at_least(0.0).distinct())
            .float("start_lambda", 1e-5, "weight of the penalty where starts are swept")
            .range(Range::WEIGHT)
            .floats(
                "frontier_exponents",
                &exponents,
                "log₁₀ of the weights λ of the frontier",
            )
            .range(Range::between(-300.0, 300.0).distinct())
            .floats("frontier_decays", frontier_decays, "L2 of the frontier")
            .range(Range::WEIGHT.distinct())
            .float(
                "frontier_start",
                frontier_start,
                "start of x₀ on the frontier and for the plateau's cause",
            )
            .range(Range::at_least(0.0))
            .integer("wide", wide, "units of the wide static net")
            .range(Range::WIDTH)
            .float("decay", 1e-3, "L2 of the arms that have any")
            .range(Range::above(0.0))
            .float("slope", 0.4, "k of the gates, per unit")
            .range(Range::above(0.0))
            .float("size_rate", 1.0, "rate of the Adam that trains x₀, in units")
            .range(Range::RATE)
            .integer("epochs", epochs, "passes over the training split")
            .range(Range::EPOCHS)
            .integer("batch", 128, "images per step")
            .range(Range::BATCH)
            .float("learning_rate", 1e-3, "Adam's rate for the weights")
            .range(Range::RATE)
            .integer(
                "train_images",
                train_images,
                "training images in use, from the front; 0 is all",
            )
            .range(Range::training_rows())
    }

    fn variants(&self, settings: &Settings) -> anyhow::Result<Vec<Arm>> {
        variants::all(settings)
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

    fn cost(&self, arm: &Arm, _: &Settings) -> f64 {
        match arm.role {
            Role::Wide => 2.0,
            Role::Frontier => 1.5,
            Role::Start | Role::Ignored | Role::Cause => 1.0,
        }
    }

    fn trial(&self, context: &mut TrialContext<'_, Arm>) -> anyhow::Result<()> {
        training::trial(context)
    }

    fn stand_in(&self, arm: &Self::Variant, _: &Settings, missing: Missing, rows: &mut Record) -> anyhow::Result<()> {
        rows.declare::<crate::rows::Epoch>()?;
        rows.declare::<crate::rows::Unit>()?;
        let accuracy = missing.accuracy();
        Ok(rows.push(&crate::rows::Summary {
            diverged: missing.diverged(),
            validation_accuracy: accuracy,
            test_accuracy: accuracy,
            ..crate::rows::Summary::of(*arm)
        })?)
    }

    fn footprint(&self, arm: &Self::Variant, settings: &Settings, data: Option<&Dataset>) -> anyhow::Result<Footprint> {
        let Some(data) = data else {
            return Ok(Footprint::default());
        };
        let (inputs, outputs) = (data.info.features, data.info.targets.outputs());
        let units = match arm.role {
            Role::Wide => settings.count("wide")?,
            _ => settings.count("units")?,
        };
        Ok(Footprint::default()
            .dense(&[inputs, units, outputs], settings.count("batch")?)
            .data(data))
    }

    fn report(&self, rows: &Rows, context: &ReportContext) -> anyhow::Result<Report> {
        page::single(&self.about(), rows, context)
    }

    fn combined(&self, rows: &[(String, Rows)], context: &ReportContext) -> anyhow::Result<Option<Report>> {
        page::combined(&self.about(), rows, context).map(Some)
    }

    fn check_device(&self, device: &str) -> anyhow::Result<()> {
        let _: DeviceChoice = device.parse()?;
        Ok(())
    }
}

fn main() -> ExitCode {
    espalier_experiment::main(SizeGates)
}
