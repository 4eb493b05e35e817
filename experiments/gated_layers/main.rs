//! Do several gated layers find their sizes together?
//!
//! # Question
//! When every hidden layer has a size of its own, learned at the same time, which shape comes out: does each size follow the
//! penalty, is one layer left wider than the others, does the start decide, and is the shape worth more than a static net of it?
//!
//! # Method
//! Nets 784-N-N-10 and 784-N-N-N-10, ReLU, with gates σ(−k(i − x₀)) after each layer's units and an x₀ for each layer. All
//! sizes start at 25 with k = 1 and are trained by Adams of their own on cross-entropy + λ·Σ over layers of ∫gate, λ swept.
//! At the largest and the smallest λ other nets start at three times as many units. The size of each layer is ∫gate before units are taken out at the end.
//!
//! # Baselines
//! Static twins: plain nets whose layers are as wide as the gated net of the same seed and λ has found them, trained as long.
//!
//! # Sources
//! Study 003 (fastdeepnets journal, 2017-11-13: the multi-layer version, start 25 and k = 1).
//!
//! # Differences from the study
//! It logged the sizes of one run; λ is swept here, the start is varied, and twins are trained. Closed units leave at the end. 10 000
//! training images are set aside; seeds are paired.

mod report;

use espalier_net::GateForm;
use espalier_size_gate::{SizeGate, SizeGateSettings, Slope};
use espalier_trial::prelude::*;
use espalier_trial::stand_in;

settings! {
    /// What a run sets.
    struct Setup {
        seeds = [smoke 1, quick 6, full 6];
        units: usize = [smoke 40, quick 200, full 500] "units of every hidden layer", Range::WIDTH, fewer "unit of a layer";
        depths: Vec<usize> = [smoke vec![2], quick vec![2, 3], full vec![2, 3]] "hidden layers",
            Range::at_least(2.0).and_at_most(8.0).distinct();
        exponents: Vec<f64> = [smoke vec![-2.5, -3.5], quick vec![-2.5, -3.0, -3.5, -4.5],
            full vec![-2.5, -3.0, -3.5, -4.5, -5.5, -6.5, -7.5]]
            "log₁₀ of the weights λ", Range::between(-300.0, 300.0).distinct(), fewer "weight λ";
        start: f64 = [smoke 10.0, quick 25.0, full 25.0] "x₀ of every layer at the beginning", Range::at_least(0.0);
        slope: f64 = 1.0 "k of the gates, per unit", Range::above(0.0);
        epochs: u64 = [smoke 2, quick 12, full 60] "passes over the training split", Range::EPOCHS, fewer "epoch";
        batch: usize = 128 "images per step", Range::BATCH;
        learning_rate: f64 = 1e-3 "Adam's rate for the weights", Range::RATE;
        train_images: usize = [smoke 1_000, quick 20_000, full 0] "training images in use, from the front; 0 is all",
            Range::training_rows();
    }
}

/// How many times the start the other arms begin at.
const WIDER: f64 = 3.0;

/// What differs between nets.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Arm {
    pub depth: usize,
    /// log₁₀ λ.
    pub exponent: f64,
    pub start: f64,
}

impl Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} layers, λ=1e{}, from {}", self.depth, self.exponent, self.start)
    }
}

impl Arm {
    /// λ.
    pub fn lambda(&self) -> f64 {
        10_f64.powf(self.exponent)
    }
}

/// The name of a layer's gate, the first one's being 1.
fn gate_name(layer: usize) -> String {
    format!("gate{layer}")
}

struct GatedLayers;

impl Design for GatedLayers {
    type Settings = Setup;
    type Variant = Arm;

    const ABOUT: About = About {
        name: "gated-layers",
        title: "Do several gated layers find their sizes together?",
        study: "003",
        summary: "Learns a size for each of two or three hidden layers at once, over the weight of the penalty and from two \
                  starts, beside static nets of the shapes found.",
    };

    fn golden(&self) -> Golden {
        let short = ["train_images=0", "epochs=3"];
        let few = ["2 layers, λ=1e-2.5, from 25", "3 layers, λ=1e-2.5, from 75"];
        espalier_experiment::golden!("golden/gated-layers.json")
            .run(Preset::Quick, "mnist", &short, &[])
            .run(Preset::Quick, "fashion-mnist", &short, &few)
    }

    fn variants(&self, s: &Setup) -> anyhow::Result<Vec<Arm>> {
        let arm = |depth, exponent, start| Arm { depth, exponent, start };
        let sweep = |depth| s.exponents.iter().map(move |&exponent| arm(depth, exponent, s.start));
        let mut arms: Vec<Arm> = s.depths.iter().flat_map(|&depth| sweep(depth)).collect();
        let weights = s.exponents.iter().copied();
        let (least, most) = (
            weights.clone().fold(f64::INFINITY, f64::min),
            weights.fold(f64::NEG_INFINITY, f64::max),
        );
        arms.extend(
            s.depths
                .iter()
                .flat_map(|&depth| [most, least].map(|exponent| arm(depth, exponent, WIDER * s.start))),
        );
        Ok(arms)
    }

    fn widths(&self, arm: &Arm, s: &Setup) -> Vec<usize> {
        vec![s.units; arm.depth]
    }

    fn cost(&self, arm: &Arm, _: &Setup) -> f64 {
        arm.depth as f64
    }

    fn trial(&self, ctx: &mut TrialContext<'_, Arm>, s: &Setup) -> anyhow::Result<()> {
        let (arm, seed) = (*ctx.variant(), ctx.seed());
        let regime = Regime::adam(s.epochs, s.batch, s.learning_rate);
        let strategy = SizeGate::new(SizeGateSettings {
            start: arm.start,
            lambda: arm.lambda(),
            slope: Slope::Fixed { k: s.slope },
            ..SizeGateSettings::default()
        });
        let gated = Training::new(ctx, regime.clone(), &seed)
            .gated_mlp(&vec![s.units; arm.depth], GateForm::Linear)
            .strategy(strategy)
            .run("gated")?;
        let size = |layer| gated.reading_of(&gate_name(layer), "size");
        let sizes = (1..=arm.depth).map(size).collect::<anyhow::Result<Vec<_>>>()?;
        gated.record(ctx)?;
        let widths: Vec<usize> = sizes.iter().map(|size| size.round().max(1.0) as usize).collect();
        Training::new(ctx, regime, &seed).mlp(&widths).run("twin")?.record(ctx)
    }

    fn stand_in(&self, _: &Arm, missing: Missing, rows: &mut Record) -> anyhow::Result<()> {
        stand_in(&["gated", "twin"], missing, rows)
    }

    fn page(&self, run: &Run<'_, Self>) -> anyhow::Result<Report> {
        report::page(run)
    }
}

espalier_trial::main!(GatedLayers);
