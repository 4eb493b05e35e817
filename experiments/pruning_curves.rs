//! How much of a trained net can be pruned away, and does training for it help?
//!
//! # Question
//! A net 784-1000-1000-500-200-10 loses k % of its weights or of its units, k from 0 to 99, after
//! training; the logits stay. How fast does accuracy fall, with short and long training, with biases and
//! without? Do longer training's dead ReLUs make pruning cheaper? Does a net that was trained with
//! targeted dropout fall later, and does it survive 99 % with the ramp, which the study left open? Do
//! units lean on each other after training without dropout, as the study guesses? And is a net without
//! its pruned units faster?
//!
//! # Method
//! Pruning comes after training and changes nothing else: of each unit's fan-in weights the smallest
//! k % become 0; or the k % of the units with the smallest fan-in norm go, with their biases. Every
//! trained net gives both whole curves. Validation images choose, test images are read once per k.
//!
//! # Baselines
//! Training with nothing added; dropout of weights and of units without a target; an L1 penalty;
//! smallify. Pruning as the study did it (signed weights; biases left behind) beside sound pruning.
//! Units removed at random.
//!
//! # Sources
//! Study 002; Gomez et al. 2019, "Learning sparse networks using targeted dropout".
//!
//! # Differences from the study
//! The study ranked signed weights, removed one weight of each unit even at 0 %, kept the biases of
//! pruned units, and drew its two curves from two different nets. Unit norms are L2, as in the paper.
#![allow(
    missing_docs,
    reason = "a binary; its items are documented where that helps a reader"
)]

#[path = "pruning_curves/arms.rs"]
mod arms;
#[path = "pruning_curves/claims.rs"]
mod claims;
#[path = "pruning_curves/figures.rs"]
mod figures;
#[path = "pruning_curves/figures_inside.rs"]
mod figures_inside;
#[path = "pruning_curves/latency.rs"]
mod latency;
#[path = "pruning_curves/page.rs"]
mod page;
#[path = "pruning_curves/pruning.rs"]
mod pruning;
#[path = "pruning_curves/recorded.rs"]
mod recorded;
#[path = "pruning_curves/rows.rs"]
mod rows;
#[path = "pruning_curves/training.rs"]
mod training;
#[path = "pruning_curves/units.rs"]
mod units;

use std::process::ExitCode;

use espalier_data::{Dataset, LoadOptions, TransformChoice};
use espalier_experiment::{
    About, Absent, Experiment, Footprint, Golden, Missing, Preset, Range, ReportContext, Settings, TrialContext,
};
use espalier_net::DeviceChoice;
use espalier_report::page::Report;
use espalier_report::rows::{Record, Rows, blank};

use crate::arms::{Preparation, Variant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The shares that are pruned, in per cent.
const PERCENTS: [u64; 10] = [0, 25, 50, 60, 70, 80, 90, 95, 97, 99];
/// The study's hidden layers.
const STUDY_WIDTHS: [i64; 4] = [1000, 1000, 500, 200];

/// What a preset decides.
struct Size {
    seeds: u64,
    widths: [i64; 4],
    train_images: i64,
    curve_images: i64,
    validation_images: i64,
    batch: i64,
    /// Short, long, methods.
    epochs: [i64; 3],
    rates: &'static [f64],
    latency_gmacs: f64,
    all_methods: bool,
}

impl Size {
    fn of(preset: &Preset) -> Self {
        let quick = Self {
            seeds: 6,
            widths: STUDY_WIDTHS,
            train_images: 10_000,
            curve_images: 2000,
            validation_images: 1000,
            batch: 128,
            epochs: [2, 8, 2],
            rates: &[1e-3],
            latency_gmacs: 10.0,
            all_methods: false,
        };
        match preset {
            Preset::Smoke => Self {
                seeds: 1,
                widths: [48, 48, 32, 16],
                train_images: 1000,
                curve_images: 300,
                validation_images: 300,
                epochs: [1, 2, 1],
                latency_gmacs: 0.01,
                all_methods: true,
                ..quick
            },
            Preset::Full => Self {
                train_images: 0,
                curve_images: 0,
                validation_images: 10_000,
                batch: 32,
                epochs: [10, 100, 10],
                rates: &[1e-3, 3e-4],
                latency_gmacs: 50.0,
                all_methods: true,
                ..quick
            },
            Preset::Named(_) => Self {
                train_images: 0,
                curve_images: 5000,
                validation_images: 5000,
                epochs: [2, 20, 10],
                latency_gmacs: 50.0,
                all_methods: true,
                ..quick
            },
            Preset::Quick => quick,
        }
    }
}

/// The settings of the study's own size, against which pages say what was shortened.
fn study_size() -> Settings {
    PruningCurves.settings(&Preset::Full)
}

struct PruningCurves;

impl Experiment for PruningCurves {
    type Variant = Variant;

    fn about(&self) -> About {
        About {
            name: "pruning-curves",
            title: "How much of a trained net can be pruned away, and does training for it help?",
            study: "002",
            summary: "Trains a four-layer net for short and long, with and without biases, and with methods that \
                      prepare it for pruning; then prunes 0 to 99 % of its weights and of its units.",
        }
    }

    fn golden(&self) -> Golden {
        let short = [
            "train_images=0",
            "curve_images=0",
            "short_epochs=1",
            "long_epochs=1",
            "method_epochs=1",
        ];
        let small = [
            &short[..],
            &["widths=120,100,60,40", "all_methods=true", "latency_gmacs=0.001"],
        ]
        .concat();
        // Pruning takes seconds at the recorded widths: some arms there, every other one on a small net.
        let wide = ["short", "targeted .5/.5, rate 0.001", "smallify, rate 0.001"];
        let methods = Preparation::ALL.map(|method| format!("{}, rate 0.001", method.name()));
        let others = ["long", "short, no biases", "timed, 90 % of units gone"];
        let rest = methods.iter().map(String::as_str).chain(others);
        let rest: Vec<&str> = rest.filter(|variant| !wide.contains(variant)).collect();
        espalier_experiment::golden!("golden/pruning-curves.json")
            .images(128 + 80, 40, 40)
            .run(Preset::Quick, "fashion-mnist", &short, &wide)
            .run(Preset::Quick, "fashion-mnist", &small, &rest)
    }

    fn presets(&self) -> Vec<(&'static str, &'static str)> {
        vec![("hours", "all training images, batches of 128, 2, 20 and 10 epochs")]
    }

    fn settings(&self, preset: &Preset) -> Settings {
        let size = Size::of(preset);
        Settings::new(size.seeds)
            .integers("widths", &size.widths, "units of the hidden layers")
            .range(Range::WIDTH.several(1..=16))
            .integer(
                "train_images",
                size.train_images,
                "training images in use, from the front; 0 is all",
            )
            .range(Range::training_rows())
            .integer(
                "validation_images",
                size.validation_images,
                "images set aside, by which choices are made",
            )
            .range(Range::at_least(1.0))
            .integer(
                "curve_images",
                size.curve_images,
                "test images in use, from the front; 0 is all",
            )
            .range(Range::test_rows())
            .integer("batch", size.batch, "images per step")
            .range(Range::BATCH)
            .integer("short_epochs", size.epochs[0], "passes of short training")
            .range(Range::EPOCHS)
            .float("short_rate", 3e-4, "Adam's rate in short training")
            .range(Range::RATE)
            .integer("long_epochs", size.epochs[1], "passes of long training")
            .range(Range::EPOCHS)
            .float("long_rate", 1e-3, "Adam's rate in long training")
            .range(Range::RATE)
            .integer("method_epochs", size.epochs[2], "passes of training with each method")
            .range(Range::EPOCHS)
            .floats("method_rates", size.rates, "Adam's rates that every method tries")
            .range(Range::RATE.distinct())
            .float("l1_penalty", 100.0, "λ of λ·mean|w|, per layer")
            .range(Range::WEIGHT)
            .float("smallify_penalty", 1e-3, "λ of smallify's λ·Σ|switch|")
            .range(Range::WEIGHT)
            .float("gate_penalty", 2e-6, "λ of hard concrete's λ·E[open gates]")
            .range(Range::WEIGHT)
            .float("noise_penalty", 2e-5, "λ of the variational method's λ·divergence")
            .range(Range::WEIGHT)
            .float("ramp_share", 0.4, "part of the training over which the ramp grows")
            .range(Range::between(0.0, 1.0))
            .flag(
                "all_methods",
                size.all_methods,
                "whether hard concrete gates and variational noise are run too",
            )
            .integer("latency_batch", 128, "images per timed pass")
            .range(Range::BATCH)
            .float(
                "latency_gmacs",
                size.latency_gmacs,
                "10⁹ multiply–accumulates of each timed trial",
            )
            .range(Range::above(0.0))
    }

    fn variants(&self, settings: &Settings) -> anyhow::Result<Vec<Variant>> {
        Variant::all(settings)
    }

    fn datasets(&self) -> Vec<&'static str> {
        vec!["fashion-mnist", "mnist"]
    }

    fn load_options(&self, settings: &Settings) -> anyhow::Result<LoadOptions> {
        Ok(LoadOptions {
            transform: Some(TransformChoice::Unit),
            validation: Some(settings.count("validation_images")?),
            ..LoadOptions::default()
        })
    }

    fn cost(&self, variant: &Variant, settings: &Settings) -> f64 {
        variant.cost(settings)
    }

    fn trial(&self, context: &mut TrialContext<'_, Variant>) -> anyhow::Result<()> {
        match context.variant().clone() {
            Variant::Timed { percent } => latency::run(percent, context),
            Variant::Trained(arm) => {
                let (mut trainer, mut summary) = training::train(&arm, context)?;
                units::measure(&mut trainer, &mut summary, context)?;
                pruning::curves(&arm, &trainer, &mut summary, context)?;
                Ok(context.record(&summary)?)
            }
        }
    }

    fn stand_in(
        &self,
        variant: &Self::Variant,
        settings: &Settings,
        missing: Missing,
        rows: &mut Record,
    ) -> anyhow::Result<()> {
        let Variant::Trained(arm) = variant else { return Ok(()) };
        rows.declare::<crate::rows::Epoch>()?;
        Ok(rows.push(&crate::rows::Summary {
            arm: arm.name(),
            configuration: format!("rate {}", arm.rate(settings)?),
            biases: arm.biases(),
            epochs: arm.epochs(settings)?,
            diverged: missing.diverged(),
            validation_accuracy: missing.accuracy(),
            test_accuracy: missing.accuracy(),
            curve_validation: missing.accuracy(),
            ..blank()?
        })?)
    }

    fn rests_on(&self, claim: &str, absent: &Absent<'_, Variant>) -> bool {
        claims::rests_on(claim, absent)
    }

    fn footprint(&self, _: &Self::Variant, settings: &Settings, data: Option<&Dataset>) -> anyhow::Result<Footprint> {
        let Some(data) = data else {
            return Ok(Footprint::default());
        };
        let (inputs, outputs) = (data.info.features, data.info.targets.outputs());
        let mut widths = vec![inputs];
        widths.extend(settings.counts("widths")?);
        widths.push(outputs);
        let batch = settings.count("batch")?.max(settings.count("latency_batch")?);
        // Pruned copies stand beside the net.
        Ok(Footprint::default().dense(&widths, batch).dense(&widths, 0).data(data))
    }

    fn report(&self, rows: &Rows, context: &ReportContext) -> anyhow::Result<Report> {
        page::of(&self.about(), rows, context)
    }

    fn check_device(&self, device: &str) -> anyhow::Result<()> {
        let _: DeviceChoice = device.parse()?;
        Ok(())
    }
}

fn main() -> ExitCode {
    espalier_experiment::main(PruningCurves)
}
