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
//! Study 003 (fastdeepnets journal, memory, 2017-12-09): most of a gated CNN's memory is stored activations; the batch could grow as channels
//! shrink. An idea there, never run.
//!
//! # Differences from the study
//! There is nothing to compare with: the study has no run. Gates are folded into weights and store no activations of their own.

mod report;

use espalier_net::{Activation, GateForm, NetworkBuilder, NodeId};
use espalier_sparsifier::{Gates, Sparsifier, SparsifierSettings};
use espalier_train::MemoryBudget;
use espalier_trial::prelude::*;
use espalier_trial::{cnn, cnn_footprint};

settings! {
    /// What a run sets.
    struct Shape {
        seeds = [smoke 1, quick 6, full 11];
        epochs: u64 = [smoke 2, quick 12, full 30] "passes over the training split", Range::EPOCHS;
        channels: Vec<usize> = (vec![32, 64]) "channels of the two convolutions at the beginning", Range::WIDTH.several(2..=2);
        units: usize = 128 "units of the dense layer at the beginning", Range::WIDTH;
        first_batch: usize = 32 "images per step at the beginning, whose activations are the budget", Range::BATCH;
        most: usize = 512 "the most images per step", Range::BATCH;
        learning_rate: f64 = 1e-3 "Adam's rate", Range::RATE;
        lambda: f64 = 3e-3 "weight of the penalty on the gates of units; on those of channels it is nine times as much",
            Range::WEIGHT;
        train_images: usize = [smoke 1000, quick 20_000, full 0] "training images in use, from the front; 0 is all",
            Range::training_rows();
    }
}

named! {
    /// What becomes of the images per step: the only thing that differs between variants.
    enum Arm {
        Fixed = "fixed batch",
        Growing = "growing batch",
    }
}

rows! {
    /// The net during an epoch, and how good it was after it.
    struct Epoch = "epochs" {
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

    /// How long the steps of an epoch took.
    struct Pace = "timings-epochs" {
        epoch: u64,
        images: u64,
        seconds: f64,
    }

    /// The trained net.
    struct Summary = "summary" {
        arm: String,
        diverged: bool,
        parameters: u64,
        train_macs: u64,
        test_accuracy: f64,
    }
}

struct BatchBudget;

impl Design for BatchBudget {
    type Settings = Shape;
    type Variant = Arm;
    const NEEDS_IMAGES: bool = true;
    // The budget counts the activations of a batch in one piece.
    const CUTS_BATCHES: bool = false;

    const ABOUT: About = About {
        name: "batch-budget",
        title: "Does a batch that grows as channels shrink make training faster within the same memory?",
        study: "003",
        summary: "Trains a CNN that loses channels, once with as many images per step as fitted its memory at first and once with \
                  as many as fit now, and compares pace, memory and accuracy.",
    };

    fn golden(&self) -> Golden {
        espalier_experiment::golden!("golden/batch-budget.json")
            .run(Preset::Quick, "mnist", &["train_images=0"], &[])
            .run(Preset::Quick, "fashion-mnist", &["train_images=0", "epochs=6"], &[])
    }

    fn variants(&self, _: &Shape) -> anyhow::Result<Vec<Arm>> {
        Ok(Arm::ALL.to_vec())
    }

    fn footprint(&self, _: &Arm, s: &Shape, data: &Dataset, _: usize) -> Footprint {
        cnn_footprint(data, &[&s.channels[..], &[s.units]].concat(), 3, s.first_batch)
    }

    fn trial(&self, ctx: &mut TrialContext<'_, Arm>, s: &Shape) -> anyhow::Result<()> {
        let (arm, seed, data) = (*ctx.variant(), ctx.seed(), ctx.shortened_dataset("train_images")?);
        let network = cnn(&data, &s.channels, s.units, &seed.named("network"), gated)?;
        let budget = budget(&network, arm, s)?;
        let regime = Regime {
            memory: Some(budget),
            ..Regime::adam(s.epochs, s.first_batch, s.learning_rate)
        };
        let strategy = Sparsifier::new(SparsifierSettings {
            gates: Gates::All,
            lambda: s.lambda,
            ..SparsifierSettings::default()
        });
        let images = data.train.len() as u64;
        let net = Training::new(ctx, regime, &seed)
            .data(data)
            .network(|_, _| Ok(network))
            .strategy(strategy)
            .epochs_as(|moment| epoch(moment, arm, budget))
            .each_epoch(|moment| pace(moment, images))
            .run("net")?;
        Ok(ctx.record(&Summary {
            arm: arm.to_string(),
            ..net.row()?
        })?)
    }

    fn stand_in(&self, arm: &Arm, missing: Missing, rows: &mut Record) -> anyhow::Result<()> {
        rows.declare_all::<(Epoch, Pace)>()?;
        Ok(rows.push(&Summary {
            arm: arm.to_string(),
            ..absent(missing)?
        })?)
    }

    fn page(&self, run: &Run<'_, Self>) -> anyhow::Result<Report> {
        report::page(run)
    }
}

fn epoch(moment: &Moment<'_>, arm: Arm, budget: MemoryBudget) -> anyhow::Result<Epoch> {
    let during = moment.during;
    let width = |group| during.width(group).map(|width| width as u64);
    Ok(Epoch {
        arm: arm.to_string(),
        batch: during.batch as u64,
        first_channels: width("conv1")?,
        second_channels: width("conv2")?,
        units: width("hidden")?,
        activation_bytes: during.activation_bytes as u64,
        budget_bytes: budget.bytes as u64,
        image_macs: during.macs,
        ..moment.row()?
    })
}

fn pace(moment: &mut Moment<'_>, images: u64) -> anyhow::Result<()> {
    let (epoch, seconds) = (moment.done.epoch, moment.during.seconds);
    moment.record(&Pace { epoch, images, seconds })
}

/// What the first batch needs. The fixed arm may not take more images than that, whatever would fit.
fn budget(network: &Network<f32>, arm: Arm, s: &Shape) -> anyhow::Result<MemoryBudget> {
    let first = s.first_batch;
    let most = match arm {
        Arm::Fixed => first,
        Arm::Growing => s.most,
    };
    let bytes = network.activation_bytes(first)?;
    Ok(MemoryBudget { bytes, most })
}

/// A ReLU with its gate.
fn gated(layers: &mut NetworkBuilder, name: &str, x: NodeId) -> espalier_net::Result<NodeId> {
    let x = layers.activation(&format!("{name}.relu"), x, Activation::Relu)?;
    layers.gate(&format!("{name}.gate"), x, GateForm::Rectified)
}

espalier_trial::main!(BatchBudget);
