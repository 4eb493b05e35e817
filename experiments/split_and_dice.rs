//! Does splitting units with large gradients, after rolling the dice for the first weights, beat a net of fixed size?
//!
//! # Question
//! Study 000 reports that a net that splits units while it trains, started from the best of several initialisations,
//! reaches .671 where a net of the final size reaches .600 in the same time. How much of that is splitting, how much the
//! dice, how much the shape of the net it was compared with? And does the dice roll help more when the net is small?
//!
//! # Method
//! conv 5×5 – ReLU – pool 2 – conv 5×5 – ReLU – pool 2 – dense – ReLU – dense on CIFAR-10, Adam at 1e-3, batches of 128,
//! pixels scaled to [−1, 1]. Every arm trains until the same number of multiply–accumulates is spent, decisions included:
//! so many epochs of the starting net. At the end of each epoch a unit is split when the mean |∂L/∂b| of its bias lies above
//! (1 + cutoff_add) times its layer's mean, and removed below (1 − cutoff_remove) times it; a copy's bias is moved by a
//! thousandth, as in the study. The arm `split` also measures what that is worth: every unit of the starting net, trained for an
//! epoch, is split in two, and the distance of the copies is followed for 200 steps of Adam, beside copies with uneven shares of
//! the fan-out. The dice keep the initialisation with the lowest loss of all rolls, on the
//! same images for all. Final weights give the equal-compute trial; the best epoch by validation gives the other one.
//! A sweep crosses the number of rolls with the starting size; there the rolls come on top of the budget, so that what
//! they are worth shows apart from what they cost.
//!
//! # Baselines
//! The starting net; for each arm that grows, a net that has its final widths from the start, and one with as many parameters
//! in the starting proportions. Each arm has one configuration, the study's.
//!
//! # Sources
//! Study 000: working example, limited-time trial, best-epoch trial, observations on scores.
//!
//! # Differences from the study
//! The study's dice roll never restored the best roll: it trained on from the last one. Here the best is kept. Its trials
//! compared equal wall time on one GPU, here it is equal compute with wall time beside it; its controls had no preparatory
//! steps, here the dice are charged. Its best epoch was chosen on the test set, here on a validation split.
//! The trials' old rule (signed sums, absolute cut-off) is recorded beside the current one, which decides here.
//! The arms with a borrowed size train the growing arm of their seed first; that is not charged to them, since the
//! question is what their size is worth and not how to find it.
#![allow(
    missing_docs,
    reason = "a binary; its items are documented where that helps a reader"
)]

#[path = "split_and_dice/arm.rs"]
mod arm;
#[path = "split_and_dice/copies.rs"]
mod copies;
#[path = "split_and_dice/nets.rs"]
mod nets;
#[path = "split_and_dice/recording.rs"]
mod recording;
#[path = "split_and_dice/report.rs"]
mod report;
#[path = "split_and_dice/rows.rs"]
mod rows;
#[path = "split_and_dice/training.rs"]
mod training;
#[path = "split_and_dice/watching.rs"]
mod watching;

use std::process::ExitCode;

use espalier_data::{Dataset, LoadOptions, TransformChoice};
use espalier_experiment::{
    About, Absent, Experiment, Footprint, Golden, Missing, Preset, Range, ReportContext, Settings, TrialContext,
};
use espalier_net::DeviceChoice;
use espalier_report::page::Report;
use espalier_report::rows::{Record, Rows, blank};

use crate::arm::Arm;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The study's working example and the start of its trials: channels of both convolutions, units of the dense layer.
const WORKING_EXAMPLE: [i64; 3] = [10, 20, 30];
const TRIAL_START: [i64; 3] = [300, 25, 15];

/// The settings of the study's own size, against which pages say what was shortened.
fn study_size() -> Settings {
    SplitAndDice.settings(&Preset::Full)
}

/// How large a preset is.
struct Size {
    seeds: u64,
    start: [i64; 3],
    images: i64,
    epochs: f64,
    dice_rolls: i64,
    dice_steps: i64,
    scales: Vec<f64>,
    rolls: Vec<i64>,
}

fn size(preset: &Preset) -> Size {
    let quick = Size {
        seeds: 6,
        start: WORKING_EXAMPLE,
        images: 6_000,
        epochs: 8.0,
        dice_rolls: 10,
        dice_steps: 0,
        scales: vec![0.3, 1.0],
        rolls: vec![1, 10, 30, 100],
    };
    match preset {
        Preset::Smoke => Size {
            seeds: 1,
            images: 256,
            epochs: 4.0,
            start: [3, 4, 6],
            dice_rolls: 3,
            scales: vec![0.5, 1.0],
            rolls: vec![1, 3],
            ..quick
        },
        Preset::Full => Size {
            seeds: 10,
            start: TRIAL_START,
            images: 0,
            epochs: 30.0,
            dice_rolls: 30,
            dice_steps: 10,
            scales: vec![0.1, 0.3, 1.0],
            ..quick
        },
        Preset::Named(name) => Size {
            seeds: 10,
            images: 0,
            epochs: if name == "run-on" { 50.0 } else { 15.0 },
            dice_rolls: 30,
            ..quick
        },
        Preset::Quick => quick,
    }
}

struct SplitAndDice;

impl Experiment for SplitAndDice {
    type Variant = Arm;

    fn about(&self) -> About {
        About {
            name: "split-and-dice",
            title: "Does splitting units with large gradients, after rolling the dice for the first weights, beat a net of fixed \
                    size?",
            study: "000",
            summary: "Trains arms on images until the same compute is spent: splitting, the best of several initialisations, both, and \
                      static nets of the starting size and of the sizes that each growing arm ends with; and crosses the number of rolls with the starting size.",
        }
    }

    fn golden(&self) -> Golden {
        let short = ["train_images=0", "budget_epochs=4", "sweep_rolls=1,10"];
        espalier_experiment::golden!("golden/split-and-dice.json").run(Preset::Quick, "cifar10", &short, &[])
    }

    fn presets(&self) -> Vec<(&'static str, &'static str)> {
        vec![
            (
                "example",
                "the working example's net, 10/20/30, on the whole set for 15 epochs of its compute, 10 seeds",
            ),
            (
                "run-on",
                "the same for 50 epochs of its compute, as the best-epoch trial ran on",
            ),
        ]
    }

    fn settings(&self, preset: &Preset) -> Settings {
        let size = size(preset);
        Settings::new(size.seeds)
            .integers(
                "start",
                &size.start,
                "channels of both convolutions and units of the dense layer at the start",
            )
            .range(Range::WIDTH.several(3..=3))
            .float(
                "budget_epochs",
                size.epochs,
                "compute of every arm, in epochs of its starting net",
            )
            .range(Range::above(0.0).and_at_most(1e6))
            .integer("batch", 128, "images per step")
            .range(Range::BATCH)
            .float("learning_rate", 1e-3, "Adam's rate")
            .range(Range::RATE)
            .float(
                "cutoff_add",
                0.3,
                "how far above the layer's mean score a unit is split",
            )
            .range(Range::at_least(0.0))
            .float("cutoff_remove", 0.8, "how far below it a unit is removed")
            .range(Range::at_least(0.0))
            .float("jitter", 1e-3, "by which part of itself a copy's bias is moved")
            .range(Range::at_least(0.0))
            .integer("every_epochs", 1, "epochs from one decision to the next")
            .range(Range::EPOCHS)
            .integer("max_parameters", 12_000_000, "largest number of parameters")
            .range(Range::at_least(1.0))
            .integer(
                "dice_rolls",
                size.dice_rolls,
                "initialisations among which the arms with dice choose",
            )
            .range(Range::at_least(1.0).and_at_most(1e6))
            .integer(
                "dice_steps",
                size.dice_steps,
                "training steps of each roll before it is scored; 0 scores it untrained",
            )
            .range(Range::at_least(0.0).and_at_most(1e9))
            .floats(
                "sweep_scales",
                &size.scales,
                "starting sizes of the sweep over rolls, relative to `start`",
            )
            .range(Range::above(0.0).distinct())
            .integers("sweep_rolls", &size.rolls, "rolls of that sweep")
            .range(Range::at_least(1.0).and_at_most(1e6).distinct())
            .integer(
                "train_images",
                size.images,
                "training images in use, from the front; 0 is all",
            )
            .range(Range::training_rows())
    }

    fn variants(&self, settings: &Settings) -> anyhow::Result<Vec<Arm>> {
        let mut arms = Arm::TRIALS.to_vec();
        let scales = settings.numbers("sweep_scales")?;
        let rolls = settings.counts("sweep_rolls")?;
        let cells = scales
            .iter()
            .flat_map(|&scale| rolls.iter().map(move |&rolls| (scale, rolls as u64)));
        for (scale, rolls) in cells {
            let cell = Arm::cell(scale, rolls);
            if !arms.contains(&cell) {
                arms.push(cell);
            }
        }
        Ok(arms)
    }

    fn datasets(&self) -> Vec<&'static str> {
        vec!["cifar10"]
    }

    fn load_options(&self, _: &Settings) -> anyhow::Result<LoadOptions> {
        Ok(LoadOptions {
            transform: Some(TransformChoice::HALF),
            ..LoadOptions::default()
        })
    }

    fn cost(&self, arm: &Arm, _: &Settings) -> f64 {
        match arm {
            Arm::Rolls { scale, .. } => *scale,
            arm if arm.borrows_shape().is_some() => 2.0,
            _ => 1.0,
        }
    }

    fn trial(&self, context: &mut TrialContext<'_, Arm>) -> anyhow::Result<()> {
        recording::trial(context)
    }

    fn stand_in(
        &self,
        arm: &Self::Variant,
        settings: &Settings,
        missing: Missing,
        rows: &mut Record,
    ) -> anyhow::Result<()> {
        rows.declare::<crate::rows::Point>()?;
        rows.declare::<crate::rows::UnitScore>()?;
        rows.declare::<crate::rows::Change>()?;
        rows.declare::<crate::rows::Dice>()?;
        rows.declare::<crate::rows::Gap>()?;
        // An arm that was not run has no net.
        if missing == Missing::NotRun {
            return Ok(());
        }
        let (accuracy, loss) = (missing.accuracy(), missing.loss());
        Ok(rows.push(&crate::rows::Outcome {
            arm: arm.to_string(),
            scale: if let Arm::Rolls { scale, .. } = arm {
                *scale
            } else {
                1.0
            },
            rolls: arm.rolls(settings)?,
            diverged: missing.diverged(),
            validation_accuracy: accuracy,
            test_loss: loss,
            test_accuracy: accuracy,
            best_validation_accuracy: accuracy,
            best_test_loss: loss,
            best_test_accuracy: accuracy,
            ..blank()?
        })?)
    }

    /// The study sees for itself which arms a claim looks at.
    fn rests_on(&self, _: &str, _: &Absent<'_, Arm>) -> bool {
        false
    }

    fn footprint(&self, arm: &Self::Variant, settings: &Settings, data: Option<&Dataset>) -> anyhow::Result<Footprint> {
        let Some(data) = data else {
            return Ok(Footprint::default());
        };
        let [height, width, inputs] = data.info.shape[..] else {
            return Ok(Footprint::default());
        };
        let (start, batch) = (arm.start(settings)?, settings.count("batch")?);
        let net = training::footprint([height, width, inputs], &start, batch);
        // The arms that split may grow up to the largest number of parameters.
        let most = settings.count("max_parameters")? as f64;
        Ok(if arm.splits() || arm.borrows_shape().is_some() {
            net.parameters(most)
        } else {
            net
        }
        .data(data))
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
    espalier_experiment::main(SplitAndDice)
}
