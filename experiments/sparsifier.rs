//! How many units does a penalty on their gates leave, and do data, penalty and start decide it?
//!
//! # Question
//! Every hidden unit is multiplied by a learned gate, and an L1 penalty on the gates closes those
//! that earn less than λ. Does the size that is left fall with λ, is it larger for the harder data
//! set, does the net keep its accuracy, and does the size at which training starts matter?
//!
//! # Method
//! A net 784-N-10 with one ReLU layer and a rectified gate behind it, W₂·(ReLU(W₁x + b₁) ∘ relu(θ)) + b₂,
//! θ = 1 at first, is trained with Adam on cross-entropy + λ·Σ max(θ, 0) (*strict*: a closed unit has no
//! gradient and is taken out after the epoch) or + λ·Σ|θ| (*non-strict*: a closed unit is pushed back
//! towards 0 and may open again, so that units leave only after the last epoch). The size is the number of
//! units with θ > 0, as the study counts; units with θ > 0.01 are counted beside it, as Adam moves a closed gate
//! of a non-strict net to and fro around 0. λ is swept at one N, strict and non-strict; N is swept at one λ. Every variant shares
//! the learning rate: λ and N are the axes, not configurations to choose from.
//!
//! # Baselines
//! λ = 0: the same gated net without a penalty. Static twins: plain nets 784-h-10 with the size h that the
//! strict net of the same seed has reached, trained as long, for λ of 10⁻⁴ and more.
//!
//! # Sources
//! Study 003 (fastdeepnets journal, 2017-11-10 and March 2018, "sparsifier"; SysML 2018 poster).
//!
//! # Differences from the study
//! Closed units really leave the net, so that steps get cheaper; 50 000 training images, as 10 000 are set
//! aside; paired seeds; the twins are trained for the sizes found.
#![allow(
    missing_docs,
    reason = "a binary; its rows and modules are documented where that helps a reader"
)]

#[path = "sparsifier/both.rs"]
mod both;
#[path = "sparsifier/claims.rs"]
mod claims;
#[path = "sparsifier/figures.rs"]
mod figures;
#[path = "sparsifier/page.rs"]
mod page;
#[path = "sparsifier/rows.rs"]
mod rows;
#[path = "sparsifier/runs.rs"]
mod runs;
#[path = "sparsifier/training.rs"]
mod training;

use std::fmt::{self, Display};
use std::process::ExitCode;

use espalier_data::{Dataset, LoadOptions, TransformChoice};
use espalier_experiment::{
    About, Experiment, Fingerprint, Footprint, Missing, Preset, Range, ReportContext, Settings, TrialContext,
};
use espalier_net::DeviceChoice;
use espalier_report::page::Report;
use espalier_report::rows::{Record, Rows, blank};
use espalier_sparsifier::Penalty;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Images set aside from the training split.
const VALIDATION_IMAGES: usize = 10_000;
/// Factor above which a unit counts as clearly open.
const CLEARLY_OPEN: f32 = 0.01;
/// Below this λ nearly all units stay, and a static twin would be the net without a penalty once more.
const LEAST_TWIN_LAMBDA: f64 = 1e-4;

/// What differs between nets: the penalty, its weight, and the units at first.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Arm {
    penalty: Penalty,
    lambda: f64,
    start: usize,
    /// Whether a static twin of the size found is trained behind it.
    twin: bool,
}

impl Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (penalty, lambda) = (named(self.penalty), written(self.lambda));
        write!(f, "{penalty} λ={lambda} from {}", self.start)
    }
}

/// The penalty's name in rows and figures.
fn named(penalty: Penalty) -> &'static str {
    match penalty {
        Penalty::Strict => "strict",
        Penalty::NonStrict => "non-strict",
    }
}

/// λ as figures and tables show it.
fn written(lambda: f64) -> String {
    if lambda == 0.0 || lambda >= 0.01 {
        lambda.to_string()
    } else {
        format!("{lambda:e}")
    }
}

/// The settings of the study's own size, against which pages say what was shortened.
fn study_size() -> Settings {
    Sparsifier.settings(&Preset::Full)
}

struct Sparsifier;

impl Experiment for Sparsifier {
    type Variant = Arm;

    fn about(&self) -> About {
        About {
            name: "sparsifier",
            title: "How many units does a penalty on their gates leave, and do data, penalty and start decide it?",
            study: "003",
            summary: "Multiplies every hidden unit by a learned gate with an L1 penalty, takes closed units out, and sets the \
                      size that is left and its accuracy beside λ, the starting size and static nets of the same size.",
        }
    }

    fn fingerprint(&self) -> Fingerprint {
        espalier_experiment::fingerprint!(
            files: ["sparsifier.rs", "sparsifier/rows.rs", "sparsifier/training.rs"],
            crates: ["espalier-train", "espalier-net", "espalier-metrics", "espalier-data", "espalier-seed",
                     "espalier-strategy", "espalier-sparsifier"],
        )
    }

    fn settings(&self, preset: &Preset) -> Settings {
        let strict = [0.0, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0];
        let (seeds, epochs, train_images) = match preset {
            Preset::Smoke => (1, 2, 1_000),
            Preset::Full => (30, 60, 0),
            Preset::Quick | Preset::Named(_) => (6, 16, 0),
        };
        let (strict, other, starts, start) = match preset {
            Preset::Smoke => (vec![0.0, 1e-3, 0.1], vec![1e-3], vec![16, 32], 32),
            Preset::Full => (
                [&[0.0, 1e-7, 1e-6], &strict[1..]].concat(),
                [&[1e-7, 1e-6], &strict[1..]].concat(),
                vec![250, 500, 1000, 2000],
                500,
            ),
            Preset::Quick | Preset::Named(_) => {
                (strict.to_vec(), vec![1e-3, 1e-2, 0.1], vec![250, 500, 1000, 2000], 500)
            }
        };
        Settings::new(seeds)
            .integer("start", start, "hidden units at first, where λ is swept")
            .range(Range::WIDTH)
            .floats("strict_lambdas", &strict, "weights of the strict penalty")
            .range(Range::WEIGHT.distinct())
            .floats("non_strict_lambdas", &other, "weights of the non-strict penalty")
            .range(Range::WEIGHT.distinct())
            .integers(
                "starts",
                &starts,
                "hidden units at first, where the start is swept (strict)",
            )
            .range(Range::WIDTH.distinct())
            .float("start_lambda", 1e-3, "weight of the penalty where the start is swept")
            .range(Range::WEIGHT)
            .integer("epochs", epochs, "passes over the training split")
            .range(Range::EPOCHS)
            .integer("batch", 128, "images per step")
            .range(Range::BATCH)
            .float("learning_rate", 1e-3, "Adam's rate, of gates too")
            .range(Range::RATE)
            .integer(
                "train_images",
                train_images,
                "training images in use, from the front; 0 is all",
            )
            .range(Range::training_rows())
    }

    fn variants(&self, settings: &Settings) -> anyhow::Result<Vec<Arm>> {
        let start = settings.count("start")?;
        let arm = |penalty, lambda, start, twin| Arm {
            penalty,
            lambda,
            start,
            twin,
        };
        let mut arms: Vec<Arm> = Vec::new();
        for lambda in settings.numbers("strict_lambdas")? {
            arms.push(arm(Penalty::Strict, lambda, start, lambda >= LEAST_TWIN_LAMBDA));
        }
        arms.extend(
            settings
                .numbers("non_strict_lambdas")?
                .iter()
                .map(|l| arm(Penalty::NonStrict, *l, start, false)),
        );
        let lambda = settings.number("start_lambda")?;
        for from in settings.counts("starts")? {
            if !arms
                .iter()
                .any(|a| (a.penalty, a.lambda, a.start) == (Penalty::Strict, lambda, from))
            {
                arms.push(arm(Penalty::Strict, lambda, from, false));
            }
        }
        Ok(arms)
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
        // Strict nets soon are small.
        let shrinks = arm.penalty == Penalty::Strict && arm.lambda > 1e-4;
        arm.start as f64 * if shrinks { 0.4 } else { 1.0 } * if arm.twin { 1.5 } else { 1.0 }
    }

    fn trial(&self, context: &mut TrialContext<'_, Arm>) -> anyhow::Result<()> {
        training::trial(context)
    }

    fn stand_in(&self, arm: &Self::Variant, _: &Settings, missing: Missing, rows: &mut Record) -> anyhow::Result<()> {
        rows.declare::<crate::rows::Epoch>()?;
        rows.declare::<crate::rows::Removal>()?;
        let accuracy = missing.accuracy();
        Ok(rows.push(&crate::rows::Summary {
            penalty: named(arm.penalty).to_owned(),
            lambda: arm.lambda,
            start: arm.start as u64,
            diverged: missing.diverged(),
            train_accuracy: accuracy,
            validation_accuracy: accuracy,
            test_accuracy: accuracy,
            ..blank()?
        })?)
    }

    fn footprint(&self, arm: &Self::Variant, settings: &Settings, data: Option<&Dataset>) -> anyhow::Result<Footprint> {
        let Some(data) = data else {
            return Ok(Footprint::default());
        };
        let (inputs, outputs) = (data.info.features, data.info.targets.outputs());
        Ok(Footprint::default()
            .dense(&[inputs, arm.start, outputs], settings.count("batch")?)
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
    espalier_experiment::main(Sparsifier)
}
