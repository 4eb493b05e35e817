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

mod arm;
mod claims;
mod figures;
mod page;
mod rows;
mod runs;
mod training;

use espalier_trial::prelude::*;

use crate::arm::{ABLATION, ARMS, Variant};
use crate::rows::{Epoch, Outcome, Split};

/// The study's learning rate.
const STUDY_RATE: f64 = 1e-3;
/// A rate that trains well: of 0.01, 0.03 and 0.1 the smallest within .001 of the best validation accuracy of a net of 20
/// units after 20 epochs.
const SENSIBLE_RATE: f64 = 0.03;

settings! {
    /// What a run sets.
    struct Choices {
        seeds = [smoke 1, quick 6, full 10, sensible 6];
        start: usize = 10 "hidden units at the start of the arms that split", Range::WIDTH;
        split_epochs: usize = [smoke 2, quick 25, full 50, sensible 50] "epochs with one split at the end of each",
            Range::at_least(0.0).and_at_most(1e6), fewer "epoch with a split";
        still_epochs: usize = [smoke 1, quick 25, full 50, sensible 50] "epochs without splits after them", Range::EPOCHS,
            fewer "still epoch";
        batch: usize = 32 "images per step", Range::BATCH;
        learning_rates: Vec<f64> = [smoke both(), quick both(), full vec![STUDY_RATE], sensible both()]
            "rates of plain SGD; the first is the one for the study's claims", Range::RATE.distinct();
        train_images: usize = [smoke 1_000, quick 0, full 0] "training images in use, from the front; 0 is all",
            Range::training_rows();
    }
}

fn both() -> Vec<f64> {
    vec![STUDY_RATE, SENSIBLE_RATE]
}

struct SplitSelectors;

impl Design for SplitSelectors {
    type Settings = Choices;
    type Variant = Variant;
    const DATASETS: &'static [&'static str] = &["fashion-mnist"];
    const TRANSFORM: TransformChoice = TransformChoice::Centre;
    const PRESETS: &'static [(&'static str, &'static str)] = &[(
        "sensible",
        "the study's sizes and epochs at its learning rate and at one that trains well, 6 seeds",
    )];

    const CLAIMS_SEE_GAPS: bool = true;
    const ABOUT: About = About {
        name: "split-selectors",
        title: "Does it matter which hidden unit is split when a net grows one unit at a time?",
        study: "001",
        summary: "Grows nets from 10 to 60 hidden units by one function-preserving split per epoch under seven rules of \
                  choice, beside a net that has 60 units from the start.",
    };

    fn golden(&self) -> Golden {
        let short = ["split_epochs=4", "still_epochs=1"];
        espalier_experiment::golden!("golden/split-selectors.json").run(Preset::Quick, "fashion-mnist", &short, &[])
    }

    fn variants(&self, settings: &Choices) -> anyhow::Result<Vec<Variant>> {
        let rates = settings.learning_rates.iter();
        Ok(rates.flat_map(|&rate| ARMS.map(|arm| Variant { arm, rate })).collect())
    }

    fn widths(&self, _: &Variant, settings: &Choices) -> Vec<usize> {
        vec![settings.start.saturating_add(settings.split_epochs)]
    }

    fn cost(&self, variant: &Variant, _: &Choices) -> f64 {
        if variant.arm.scored_by() == ABLATION { 2.0 } else { 1.0 }
    }

    fn trial(&self, context: &mut TrialContext<'_, Variant>, settings: &Choices) -> anyhow::Result<()> {
        training::trial(context, settings)
    }

    fn stand_in(&self, variant: &Variant, missing: Missing, rows: &mut Record) -> anyhow::Result<()> {
        rows.declare_all::<(Epoch, Split)>()?;
        Ok(rows.push(&Outcome {
            arm: variant.arm.name.to_owned(),
            learning_rate: variant.rate,
            halved_test_loss: missing.loss(),
            halved_test_accuracy: missing.accuracy(),
            ..absent(missing)?
        })?)
    }

    fn page(&self, run: &Run<'_, Self>) -> anyhow::Result<Report> {
        page::page(run)
    }
}

espalier_trial::main!(SplitSelectors);
