//! How much of a trained net can be pruned away, and does training for it help?
//!
//! # Question
//! A net 784-1000-1000-500-200-10 loses k % of its weights or of its units, k from 0 to 99, after
//! training; the logits stay. How fast does accuracy fall, with short and long training, with biases and
//! without? Do longer training's dead ReLUs make pruning cheaper? Does a net that was trained with
//! targeted dropout fall later, and does it survive 99 % with the ramp, which the study left open? Do
//! units depend on each other after training without dropout, as the study guesses? And is a net without
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

mod arms;
mod claims;
mod figures;
mod latency;
mod page;
mod pruning;
mod rows;
mod runs;
mod training;
mod units;

use espalier_trial::prelude::*;

use crate::arms::{METHODS, Variant};
use crate::rows::*;

/// The shares that are pruned, in per cent.
const PERCENTS: [u64; 10] = [0, 25, 50, 60, 70, 80, 90, 95, 97, 99];
/// The study's hidden layers.
const STUDY_WIDTHS: [usize; 4] = [1000, 1000, 500, 200];

settings! {
    /// What a run sets.
    struct Setup {
        seeds = [smoke 1, quick 6, full 6];
        widths: Vec<usize> = [smoke vec![48, 48, 32, 16], quick STUDY_WIDTHS.to_vec(), full STUDY_WIDTHS.to_vec()]
            "units of the hidden layers", Range::WIDTH.several(1..=16);
        train_images: usize = [smoke 1000, quick 10_000, full 0, hours 0]
            "training images in use, from the front; 0 is all", Range::training_rows();
        validation_images: usize = [smoke 300, quick 1000, full 10_000, hours 5000]
            "images set aside, by which choices are made", Range::at_least(1.0);
        curve_images: usize = [smoke 300, quick 2000, full 0, hours 5000] "test images in use, from the front; 0 is all",
            Range::test_rows();
        batch: usize = [smoke 128, quick 128, full 32] "images per step", Range::BATCH;
        short_epochs: u64 = [smoke 1, quick 2, full 10] "passes of short training", Range::EPOCHS,
            fewer "epoch of short training";
        short_rate: f64 = 3e-4 "Adam's rate in short training", Range::RATE;
        long_epochs: u64 = [smoke 2, quick 8, full 100, hours 20] "passes of long training", Range::EPOCHS,
            fewer "epoch of long training";
        long_rate: f64 = 1e-3 "Adam's rate in long training", Range::RATE;
        method_epochs: u64 = [smoke 1, quick 2, full 10, hours 10] "passes of training with each method", Range::EPOCHS;
        method_rates: Vec<f64> = [smoke vec![1e-3], quick vec![1e-3], full vec![1e-3, 3e-4]]
            "Adam's rates that every method tries", Range::RATE.distinct();
        l1_penalty: f64 = 100.0 "λ of λ·mean|w|, per layer", Range::WEIGHT;
        smallify_penalty: f64 = 1e-3 "λ of smallify's λ·Σ|switch|", Range::WEIGHT;
        gate_penalty: f64 = 2e-6 "λ of hard concrete's λ·E[open gates]", Range::WEIGHT;
        noise_penalty: f64 = 2e-5 "λ of the variational method's λ·divergence", Range::WEIGHT;
        ramp_share: f64 = 0.4 "part of the training over which the ramp grows", Range::between(0.0, 1.0);
        all_methods: bool = [smoke true, quick false, full true, hours true]
            "whether hard concrete gates and variational noise are run too";
        latency_batch: usize = 128 "images per timed pass", Range::BATCH;
        latency_gmacs: f64 = [smoke 0.01, quick 10.0, full 50.0, hours 50.0]
            "10⁹ multiply–accumulates of each timed trial", Range::above(0.0);
    }
}

struct PruningCurves;

impl Design for PruningCurves {
    type Settings = Setup;
    type Variant = Variant;
    const DATASETS: &'static [&'static str] = &["fashion-mnist", "mnist"];
    const PRESETS: &'static [(&'static str, &'static str)] =
        &[("hours", "all training images, batches of 128, 2, 20 and 10 epochs")];

    const CLAIMS_SEE_GAPS: bool = true;
    const ABOUT: About = About {
        name: "pruning-curves",
        title: "How much of a trained net can be pruned away, and does training for it help?",
        study: "002",
        summary: "Trains a four-layer net for short and long, with and without biases, and with methods that \
                  prepare it for pruning; then prunes 0 to 99 % of its weights and of its units.",
    };

    fn golden(&self) -> Golden {
        let all = ["train_images=0", "curve_images=0"];
        let short = [&all[..], &["short_epochs=1", "long_epochs=1", "method_epochs=1"]].concat();
        let smaller = ["widths=120,100,60,40", "all_methods=true", "latency_gmacs=0.001"];
        // Switches waver around 0, and go off, after a hundred steps.
        let wavering = [&short[..], &smaller, &["method_epochs=100"]].concat();
        // Pruning takes seconds at the recorded widths: some arms there, every other one on a small net.
        let wide = ["short", "targeted .5/.5, rate 0.001", "smallify, rate 0.001"];
        let methods = METHODS.map(|method| format!("{}, rate 0.001", method.name));
        let others = ["long", "short, no biases", "timed, 90 % of units gone"];
        let rest = methods.iter().map(String::as_str).chain(others);
        let rest: Vec<&str> = rest.filter(|variant| !wide.contains(variant)).collect();
        espalier_experiment::golden!("golden/pruning-curves.json")
            .images(128 + 80, 40, 40)
            .run(Preset::Quick, "fashion-mnist", &short, &wide)
            .run(Preset::Quick, "fashion-mnist", &[&short[..], &smaller].concat(), &rest)
            .run(Preset::Quick, "mnist", &wavering, &["smallify, rate 0.001"])
    }

    fn load_options(&self, setup: &Setup) -> LoadOptions {
        LoadOptions {
            transform: Some(TransformChoice::Unit),
            validation: Some(setup.validation_images),
            ..LoadOptions::default()
        }
    }

    fn variants(&self, setup: &Setup) -> anyhow::Result<Vec<Variant>> {
        Ok(Variant::all(setup))
    }

    fn footprint(&self, _: &Variant, setup: &Setup, data: &Dataset, batch: usize) -> Footprint {
        let (inputs, outputs) = (data.info.features, data.info.targets.outputs());
        let widths = [vec![inputs], setup.widths.clone(), vec![outputs]].concat();
        // Pruned copies stand beside the net.
        Footprint::default()
            .dense(&widths, batch.max(setup.latency_batch))
            .dense(&widths, 0)
    }

    fn cost(&self, variant: &Variant, _: &Setup) -> f64 {
        variant.cost()
    }

    fn trial(&self, context: &mut TrialContext<'_, Variant>, setup: &Setup) -> anyhow::Result<()> {
        match context.variant() {
            Variant::Timed { percent } => latency::run(*percent, context, setup),
            Variant::Trained(arm) => training::trial(*arm, context, setup),
        }
    }

    fn stand_in(&self, variant: &Variant, missing: Missing, rows: &mut Record) -> anyhow::Result<()> {
        rows.declare_all::<(Epoch, Activity, Probe)>()?;
        rows.declare_all::<(Pruned, Importance, Magnitude)>()?;
        rows.declare_all::<(Likeness, Timed)>()?;
        let Variant::Trained(arm) = variant else { return Ok(()) };
        Ok(rows.push(&Summary {
            curve_validation: missing.accuracy(),
            ..absent::<Summary>(missing)?.of(arm)
        })?)
    }

    fn page(&self, run: &Run<'_, Self>) -> anyhow::Result<Report> {
        page::of(run)
    }
}

espalier_trial::main!(PruningCurves);
