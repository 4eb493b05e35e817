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

mod arm;
mod copies;
mod nets;
mod report;
mod rows;
mod scores;
mod training;

use espalier_trial::cnn_footprint;
use espalier_trial::prelude::*;

use crate::arm::{Arm, SMALL, TRIALS};
use crate::rows::{Change, Dice, Gap, Outcome, Point, UnitScore};

settings! {
    /// What a run sets.
    struct Sizes {
        seeds = [smoke 1, quick 6, full 10, example 10, unlimited 10];
        start: Vec<usize> = [smoke vec![3, 4, 6], quick vec![10, 20, 30], full vec![300, 25, 15]]
            "channels of both convolutions and units of the dense layer at the start", Range::WIDTH.several(3..=3);
        budget_epochs: f64 = [smoke 4.0, quick 8.0, full 30.0, example 15.0, unlimited 50.0]
            "compute of every arm, in epochs of its starting net", Range::above(0.0).and_at_most(1e6);
        batch: usize = 128 "images per step", Range::BATCH;
        learning_rate: f64 = 1e-3 "Adam's rate", Range::RATE;
        cutoff_add: f64 = 0.3 "how far above the layer's mean score a unit is split", Range::at_least(0.0);
        cutoff_remove: f64 = 0.8 "how far below it a unit is removed", Range::at_least(0.0);
        jitter: f64 = 1e-3 "by which part of itself a copy's bias is moved", Range::at_least(0.0);
        every_epochs: u64 = 1 "epochs from one decision to the next", Range::EPOCHS;
        max_parameters: u64 = 12_000_000 "largest number of parameters", Range::at_least(1.0);
        dice_rolls: u64 = [smoke 3, quick 10, full 30, example 30, unlimited 30]
            "initialisations among which the arms with dice choose", Range::at_least(1.0).and_at_most(1e6);
        dice_steps: u64 = [smoke 0, quick 0, full 10]
            "training steps of each roll before it is scored; 0 scores it untrained", Range::at_least(0.0).and_at_most(1e9);
        sweep_scales: Vec<f64> = [smoke vec![0.5, 1.0], quick vec![0.3, 1.0], full vec![0.1, 0.3, 1.0]]
            "starting sizes of the sweep over rolls, relative to `start`", Range::above(0.0).distinct();
        sweep_rolls: Vec<usize> = [smoke vec![1, 3], quick vec![1, 10, 30, 100], full vec![1, 10, 30, 100]]
            "rolls of that sweep", Range::at_least(1.0).and_at_most(1e6).distinct();
        train_images: usize = [smoke 256, quick 6_000, full 0, example 0, unlimited 0]
            "training images in use, from the front; 0 is all", Range::training_rows();
    }
}

struct SplitAndDice;

impl Design for SplitAndDice {
    type Settings = Sizes;
    type Variant = Arm;
    const NEEDS_IMAGES: bool = true;
    const CUTS_BATCHES: bool = false;
    const DATASETS: &'static [&'static str] = &["cifar10"];
    const TRANSFORM: TransformChoice = TransformChoice::HALF;
    const VALIDATION: Option<usize> = None;
    const PRESETS: &'static [(&'static str, &'static str)] = &[
        (
            "example",
            "the working example's net, 10/20/30, on the whole set for 15 epochs of its compute, 10 seeds",
        ),
        (
            "unlimited",
            "the same for 50 epochs of its compute, as the study's best-epoch trial ran on",
        ),
    ];

    const CLAIMS_SEE_GAPS: bool = true;
    const ABOUT: About = About {
        name: "split-and-dice",
        title: "Does splitting units with large gradients, after rolling the dice for the first weights, beat a net of fixed \
                size?",
        study: "000",
        summary: "Trains arms on images until the same compute is spent: splitting, the best of several initialisations, both, and \
                  static nets of the starting size and of the sizes that each growing arm ends with; and crosses the number of \
                  rolls with the starting size.",
    };

    fn golden(&self) -> Golden {
        let short = ["train_images=0", "budget_epochs=4", "sweep_rolls=1,10"];
        espalier_experiment::golden!("golden/split-and-dice.json").run(Preset::Quick, "cifar10", &short, &[])
    }

    fn variants(&self, sizes: &Sizes) -> anyhow::Result<Vec<Arm>> {
        let rolls = sizes.sweep_rolls.iter();
        let scales = sizes.sweep_scales.iter();
        let cells = scales.flat_map(|scale| rolls.clone().map(|rolls| Arm::cell(*scale, *rolls as u64)));
        let cells = cells.filter(|cell| *cell != SMALL);
        Ok(TRIALS.into_iter().chain(cells).collect())
    }

    fn cost(&self, arm: &Arm, _: &Sizes) -> f64 {
        arm.lender().map_or(arm.scale(), |_| 2.0)
    }

    fn trial(&self, context: &mut TrialContext<'_, Arm>, sizes: &Sizes) -> anyhow::Result<()> {
        training::trial(context, sizes)
    }

    /// An arm that was not run has no net.
    fn stand_in(&self, arm: &Arm, missing: Missing, rows: &mut Record) -> anyhow::Result<()> {
        rows.declare_all::<(Point, UnitScore)>()?;
        rows.declare_all::<(Change, Dice, Gap)>()?;
        if missing == Missing::NotRun {
            return Ok(());
        }
        let (accuracy, loss) = (missing.accuracy(), missing.loss());
        Ok(rows.push(&Outcome {
            arm: arm.to_string(),
            best_validation_accuracy: accuracy,
            best_test_loss: loss,
            best_test_accuracy: accuracy,
            ..absent(missing)?
        })?)
    }

    fn footprint(&self, arm: &Arm, sizes: &Sizes, data: &Dataset, batch: usize) -> Footprint {
        let net = cnn_footprint(data, &arm.start(sizes), training::KERNEL, batch);
        // The arms that split may grow up to the largest number of parameters.
        if arm.splits || arm.lender().is_some() {
            net.parameters(sizes.max_parameters as f64)
        } else {
            net
        }
    }

    fn page(&self, run: &Run<'_, Self>) -> anyhow::Result<Report> {
        report::page(run)
    }
}

espalier_trial::main!(SplitAndDice);
