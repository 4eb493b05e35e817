//! Which channels of a CNN does a penalty weighted by kernel area leave, and what does a gate cost in memory?
//!
//! # Question
//! With a gate on every channel and unit, how many channels does each λ leave, does the net keep its accuracy, and what does the
//! weight of a convolution's penalty by its kernel's area do? What share of a training step's memory are activations, and does a
//! gate double them?
//!
//! # Method
//! Two times conv 3×3, ReLU, gate, 2×2 max pool; flatten; a gated dense layer; the logits. Gates relu(θ), θ uniform in (0, 1] at
//! first; Adam on cross-entropy + λ·Σ a·max(θ, 0), a = 9 for channels and 1 for units. Channels and units of closed gates leave after
//! every epoch; a channel after the flatten takes its columns of every position along. λ is swept.
//! Memory is measured on the study's larger net, 75 channels twice and 500 units, in one training step of a batch of 128: without
//! gates, with gates after the ReLU, whose factors the executor multiplies into the next layer's weights, and with gates
//! before the ReLU as the study has them, where the product is a copy of its own.
//!
//! # Baselines
//! λ = 0: the gated net without a penalty. The same λ without the area's weight. For memory, the net without gates.
//!
//! # Sources
//! Study 003 (fastdeepnets journal, 2017-12-01, CNN version, and 2017-12-09, memory).
//!
//! # Differences from the study
//! Narrower nets on a part of MNIST for the sweep; gates after the ReLU, which for factors of at least 0 is the same function.

mod report;

use std::process::ExitCode;

use anyhow::ensure;
use espalier_net::{Activation, DeviceChoice, GateForm, LossKind, NetworkBuilder, NodeId, Session, Target};
use espalier_report::standard::Outcome;
use espalier_sparsifier::{Initial, Sparsifier, SparsifierSettings};
use espalier_trial::prelude::*;
use espalier_trial::{cnn, cnn_footprint};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bytes of a trained value with its gradient and Adam's two moments.
const BYTES_OF_A_WEIGHT: u64 = 4 * 4;

settings! {
    /// What a run sets.
    struct Shape {
        seeds = [smoke 1, quick 6, full 6];
        lambdas: Vec<f64> = [smoke vec![0.0, 0.1], quick vec![0.0, 1e-4, 1e-3, 1e-2], full vec![0.0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1]]
            "weights λ of the penalty", Range::WEIGHT.distinct(), fewer "weight λ of the penalty";
        plain_lambda: f64 = [smoke 0.1, quick 1e-3, full 1e-3] "weight λ at which the area's weight is left out as well",
            Range::WEIGHT;
        channels: Vec<usize> = [smoke vec![4, 6], quick vec![12, 24], full vec![75, 75]] "channels of both convolutions at first",
            Range::WIDTH.several(2..=2);
        units: usize = [smoke 12, quick 64, full 500] "units of the dense layer at first", Range::WIDTH;
        memory_channels: Vec<usize> = [smoke vec![4, 6], quick vec![75, 75], full vec![75, 75]]
            "channels where memory is measured", Range::WIDTH.several(2..=2);
        memory_units: usize = [smoke 12, quick 500, full 500] "units where memory is measured", Range::WIDTH;
        memory_batch: usize = [smoke 16, quick 128, full 128] "images of the step whose memory is measured", Range::BATCH;
        epochs: u64 = [smoke 2, quick 10, full 60] "passes over the training split", Range::EPOCHS, fewer "epoch";
        batch: usize = [smoke 64, quick 64, full 128] "images per step", Range::BATCH;
        learning_rate: f64 = 1e-3 "Adam's rate, of gates too", Range::RATE;
        train_images: usize = [smoke 1000, quick 20_000, full 0] "training images in use, from the front; 0 is all",
            Range::training_rows();
    }
}

/// Where gates stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gating {
    None,
    BehindRelu,
    BeforeRelu,
}

/// What a trial does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Arm {
    /// Trains under a penalty.
    Swept { lambda: f64, by_area: bool },
    /// Measures the memory of one step.
    Memory(Gating),
}

impl Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Swept { lambda, by_area: true } => write!(f, "λ={lambda}"),
            Self::Swept { lambda, by_area: false } => write!(f, "λ={lambda}, not by area"),
            Self::Memory(Gating::None) => f.write_str("memory without gates"),
            Self::Memory(Gating::BehindRelu) => f.write_str("memory, gates behind ReLU"),
            Self::Memory(Gating::BeforeRelu) => f.write_str("memory, gates before ReLU"),
        }
    }
}

rows! {
    /// The net after an epoch.
    struct Epoch = "epochs" {
        pub epoch: u64,
        pub first_channels: u64,
        pub second_channels: u64,
        pub units: u64,
        pub train_macs: u64,
        pub train_loss: f64,
        pub validation_loss: f64,
        pub validation_accuracy: f64,
    }

    /// Bytes that are alive in a training step.
    struct Memory = "memory" {
        pub activations: u64,
        /// Weights, their gradients and Adam's moments.
        pub weights: u64,
        pub scratch: u64,
    }

    /// What the measured step computed, which shows that it was a real one.
    struct StepLoss = "step" {
        train_loss: f64,
    }
}

/// A step with the bytes that it needs.
struct Step {
    memory: Memory,
    loss: StepLoss,
}

/// The channels and units of a net at first.
struct Widths<'a> {
    channels: &'a [usize],
    units: usize,
}

fn network(widths: &Widths<'_>, gating: Gating, data: &Dataset, seed: &Seed) -> anyhow::Result<Network<f32>> {
    let activated = |layers: &mut NetworkBuilder, name: &str, x| activated(layers, name, x, gating);
    cnn(data, widths.channels, widths.units, seed, activated)
}

/// A ReLU with its gate.
fn activated(layers: &mut NetworkBuilder, name: &str, x: NodeId, gating: Gating) -> espalier_net::Result<NodeId> {
    let (relu, gate) = (format!("{name}.relu"), format!("{name}.gate"));
    Ok(match gating {
        Gating::None => layers.activation(&relu, x, Activation::Relu)?,
        Gating::BehindRelu => {
            let x = layers.activation(&relu, x, Activation::Relu)?;
            layers.gate(&gate, x, GateForm::Rectified)?
        }
        Gating::BeforeRelu => {
            let x = layers.gate(&gate, x, GateForm::Rectified)?;
            layers.activation(&relu, x, Activation::Relu)?
        }
    })
}

fn epoch(moment: &Moment<'_>) -> anyhow::Result<Epoch> {
    let network = moment.network();
    let width = |name: &str| {
        let group = network.groups().iter().find(|group| group.name() == name);
        group.map_or(0, |group| group.width() as u64)
    };
    Ok(Epoch {
        epoch: moment.done.epoch,
        first_channels: width("conv1"),
        second_channels: width("conv2"),
        units: width("hidden"),
        train_macs: moment.done.train_macs,
        train_loss: moment.done.train_loss,
        validation_loss: moment.validation.loss,
        validation_accuracy: moment.accuracy()?,
    })
}

/// A training step with the bytes that a session keeps alive in it.
fn measured_step(network: &mut Network<f32>, data: &Dataset, batch: usize) -> anyhow::Result<Step> {
    ensure!(
        batch <= data.train.len(),
        "a batch of {batch} of {} training rows",
        data.train.len()
    );
    let mut session = Session::new(network, batch, &DeviceChoice::Cpu, &Seed::new(0))?;
    let target = Target::Classes {
        labels: &data.train.classes().unwrap_or_default()[..batch],
        weights: None,
    };
    let features = &data.train.features()[..batch * data.info.features];
    let outcome = session.loss_and_gradients(network, &[features], target, LossKind::CrossEntropy)?;
    let bytes = session.bytes();
    Ok(Step {
        memory: Memory {
            activations: bytes.activations as u64,
            weights: BYTES_OF_A_WEIGHT * network.parameter_count(),
            scratch: bytes.scratch as u64,
        },
        loss: StepLoss {
            train_loss: outcome.loss,
        },
    })
}

struct CompressCnn;

impl CompressCnn {
    fn regime(s: &Shape) -> Regime {
        Regime::adam(s.epochs, s.batch, s.learning_rate)
    }

    fn sweep(ctx: &mut TrialContext<'_, Arm>, lambda: f64, by_area: bool, s: &Shape) -> anyhow::Result<()> {
        let seed = ctx.seed();
        let widths = Widths {
            channels: &s.channels,
            units: s.units,
        };
        let strategy = Sparsifier::new(SparsifierSettings {
            lambda,
            kernel_area: by_area,
            initial: Initial::Uniform,
            ..SparsifierSettings::default()
        });
        let net = Training::new(ctx, Self::regime(s), &seed)
            .network(|data, seed| network(&widths, Gating::BehindRelu, data, seed))
            .strategy(strategy)
            .epochs_as(|moment| epoch(moment))
            .run("net")?;
        Ok(ctx.record(net.outcome())?)
    }
}

impl Design for CompressCnn {
    type Settings = Shape;
    type Variant = Arm;
    const NEEDS_IMAGES: bool = true;

    const ABOUT: About = About {
        name: "compress-cnn",
        title: "Which channels of a CNN does a penalty weighted by kernel area leave, and what does a gate cost in memory?",
        study: "003",
        summary: "Trains a CNN whose channels and units have gates under a sweep of penalties, and measures the bytes of a training \
                  step without gates, with gates that are folded, and with gates that store a copy.",
    };

    fn golden(&self) -> Golden {
        espalier_experiment::golden!("golden/compress-cnn.json").run(
            Preset::Quick,
            "mnist",
            &["train_images=0", "epochs=4", "memory_batch=64"],
            &["λ=0.01", "λ=0.001, not by area", "memory, gates before ReLU"],
        )
    }

    fn variants(&self, s: &Shape) -> anyhow::Result<Vec<Arm>> {
        let swept = |lambda: f64, by_area| Arm::Swept { lambda, by_area };
        let mut arms: Vec<Arm> = s.lambdas.iter().map(|lambda| swept(*lambda, true)).collect();
        arms.push(swept(s.plain_lambda, false));
        arms.extend([Gating::None, Gating::BehindRelu, Gating::BeforeRelu].map(Arm::Memory));
        Ok(arms)
    }

    fn footprint(&self, arm: &Arm, s: &Shape, data: &Dataset, _: usize) -> Footprint {
        let (channels, units, batch) = match arm {
            Arm::Swept { .. } => (&s.channels, s.units, s.batch),
            Arm::Memory(_) => (&s.memory_channels, s.memory_units, s.memory_batch),
        };
        cnn_footprint(data, &[&channels[..], &[units]].concat(), 3, batch)
    }

    fn cost(&self, arm: &Arm, _: &Shape) -> f64 {
        match arm {
            Arm::Swept { lambda, .. } if *lambda == 0.0 => 2.0,
            Arm::Swept { .. } => 1.0,
            Arm::Memory(_) => 0.1,
        }
    }

    fn trial(&self, ctx: &mut TrialContext<'_, Arm>, s: &Shape) -> anyhow::Result<()> {
        match *ctx.variant() {
            Arm::Swept { lambda, by_area } => Self::sweep(ctx, lambda, by_area, s),
            Arm::Memory(gating) => {
                let data = ctx.shortened_dataset("train_images")?;
                let widths = Widths {
                    channels: &s.memory_channels,
                    units: s.memory_units,
                };
                let mut network = network(&widths, gating, &data, &ctx.seed().named("network"))?;
                let step = measured_step(&mut network, &data, s.memory_batch)?;
                ctx.record(&step.loss)?;
                Ok(ctx.record(&step.memory)?)
            }
        }
    }

    fn stand_in(&self, arm: &Arm, missing: Missing, rows: &mut Record) -> anyhow::Result<()> {
        rows.declare::<Epoch>()?;
        rows.declare::<Memory>()?;
        rows.declare::<StepLoss>()?;
        if let Arm::Memory(_) = arm {
            return Ok(());
        }
        Ok(rows.push(&Outcome {
            net: "net".to_owned(),
            diverged: missing.diverged(),
            validation_loss: missing.loss(),
            validation_score: missing.accuracy(),
            test_loss: missing.loss(),
            test_score: missing.accuracy(),
            ..blank()?
        })?)
    }

    fn page(&self, run: &Run<'_, Self>) -> anyhow::Result<Report> {
        report::page(run)
    }
}

fn main() -> ExitCode {
    espalier_trial::main(CompressCnn)
}
