//! Does a random search find better or smaller nets when they shrink while they train?
//!
//! # Question
//! The SysML poster of study 003 draws configurations at random, trains each once as it is, once with weight decay and once with
//! gates that shrink it, and reports that shrinking nets are the most accurate and by far the smallest. Is it so, of a
//! configuration as it comes and of the best of a few?
//!
//! # Method
//! Nets with three hidden layers and ReLU; the widths are drawn as 2^U(4, 9) each. A seed is a configuration: its three arms begin with
//! the same widths. *Fixed* keeps them; *fixed + L2* adds weight decay of 10^−U(2, 6); *shrink* has a rectified gate after every hidden layer with the
//! penalty λ = 10^−U(2, 5) and loses the units that it closes. All have the same epochs, batch and rate. The best of t
//! configurations is the one that the validation split chooses among t; what counts is its accuracy on the test split.
//!
//! # Baselines
//! The fixed net of the same configuration.
//!
//! # Sources
//! Study 003 (SysML 2018 poster: 50 configurations each, median accuracies and sizes; `max_expectation`).
//!
//! # Differences from the study
//! Widths up to 512 rather than 4 096; paired configurations; 10 000 training images are set aside and choose; closed units really
//! leave. The poster does not say how L2 was drawn.

mod report;

use std::process::ExitCode;

use espalier_net::{Activation, AdamSettings, GateForm, NetworkBuilder};
use espalier_sparsifier::{Sparsifier, SparsifierSettings};
use espalier_trial::prelude::*;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

settings! {
    /// What a run sets; its seeds are the configurations.
    struct Space {
        seeds = [smoke 3, quick 32, full 50];
        layers: usize = 3 "hidden layers", Range::at_least(1.0).and_at_most(6.0);
        least_width: f64 = [smoke 2.0, quick 4.0, full 4.0] "log₂ of the narrowest layer", Range::between(1.0, 14.0);
        most_width: f64 = [smoke 5.0, quick 9.0, full 12.0] "log₂ of the widest layer", Range::between(1.0, 14.0);
        epochs: u64 = [smoke 2, quick 10, full 100] "passes over the training split", Range::EPOCHS, fewer "epoch";
        batch: usize = 256 "images per step", Range::BATCH;
        learning_rate: f64 = 1e-3 "Adam's rate", Range::RATE;
        train_images: usize = [smoke 1_000, quick 10_000, full 0] "training images in use, from the front; 0 is all",
            Range::training_rows();
    }
}

/// What is done to a net of drawn widths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arm {
    Fixed,
    Decayed,
    Shrinking,
}

impl Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fixed => "fixed",
            Self::Decayed => "fixed + L2",
            Self::Shrinking => "shrink",
        })
    }
}

/// A configuration: what its seed draws.
struct Drawn {
    widths: Vec<usize>,
    decay: f64,
    lambda: f64,
}

impl Drawn {
    fn of(s: &Space, seed: &Seed) -> Self {
        let mut stream = seed.named("configuration").stream();
        let widths = (0..s.layers).map(|_| stream.uniform_in(s.least_width, s.most_width).exp2().round() as usize);
        Self {
            widths: widths.collect(),
            decay: 10_f64.powf(-stream.uniform_in(2.0, 6.0)),
            lambda: 10_f64.powf(-stream.uniform_in(2.0, 5.0)),
        }
    }
}

struct RandomSearch;

impl Design for RandomSearch {
    type Settings = Space;
    type Variant = Arm;

    const ABOUT: About = About {
        name: "random-search",
        title: "Does a random search find better or smaller nets when they shrink while they train?",
        study: "003",
        summary: "Draws configurations at random and trains each as it is, with weight decay, and with gates that take units out; \
                  compares accuracy and size of a configuration as it comes, and of the best of t.",
    };

    fn golden(&self) -> Golden {
        espalier_experiment::golden!("golden/random-search.json")
            .run(Preset::Quick, "mnist", &["epochs=3", "train_images=0"], &[])
            .run(
                Preset::Quick,
                "fashion-mnist",
                &["epochs=2", "train_images=0"],
                &["shrink"],
            )
    }

    fn variants(&self, s: &Space) -> anyhow::Result<Vec<Arm>> {
        anyhow::ensure!(
            s.least_width <= s.most_width,
            "least_width: expected at most most_width {}, found {}",
            s.most_width,
            s.least_width
        );
        Ok(vec![Arm::Fixed, Arm::Decayed, Arm::Shrinking])
    }

    fn widths(&self, _: &Arm, s: &Space) -> Vec<usize> {
        vec![s.most_width.exp2().round() as usize; s.layers]
    }

    fn trial(&self, ctx: &mut TrialContext<'_, Arm>, s: &Space) -> anyhow::Result<()> {
        let (arm, seed) = (*ctx.variant(), ctx.seed());
        let drawn = Drawn::of(s, &seed);
        let adam = AdamSettings {
            weight_decay: if arm == Arm::Decayed { drawn.decay } else { 0.0 },
            ..AdamSettings::default()
        };
        let regime = Regime {
            epochs: s.epochs,
            batch: s.batch,
            rate: RateSchedule::constant(s.learning_rate),
            ..Regime::classification(OptimizerKind::Adam(adam))
        };
        let training = Training::new(ctx, regime, &seed);
        let net = if arm == Arm::Shrinking {
            let strategy = Sparsifier::new(SparsifierSettings {
                lambda: drawn.lambda,
                ..SparsifierSettings::default()
            });
            training
                .network(|data, seed| gated(data, &drawn.widths, seed))
                .strategy(strategy)
                .run("net")?
        } else {
            training.mlp(&drawn.widths).run("net")?
        };
        net.record(ctx)
    }

    fn page(&self, run: &Run<'_, Self>) -> anyhow::Result<Report> {
        report::page(run)
    }
}

/// A net with a rectified gate after every hidden layer, with the weights that [`espalier_net::models::mlp`] would have.
fn gated(data: &Dataset, widths: &[usize], seed: &Seed) -> anyhow::Result<Network<f32>> {
    let mut layers = NetworkBuilder::new();
    let mut top = layers.input("x", [1, 1], data.info.features)?;
    for (k, width) in (1..).zip(widths) {
        top = layers.dense(&format!("hidden{k}"), top, *width)?;
        top = layers.activation(&format!("relu{k}"), top, Activation::Relu)?;
        top = layers.gate(&format!("gate{k}"), top, GateForm::Rectified)?;
    }
    let logits = layers.dense("logits", top, data.info.targets.outputs())?;
    Ok(layers.build(&[logits], seed)?)
}

fn main() -> ExitCode {
    espalier_trial::main(RandomSearch)
}
