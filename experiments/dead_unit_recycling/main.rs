//! Does recycling dead units keep a network able to learn while its data moves?
//!
//! # Question
//! Where the data's distribution drifts, ever more ReLU units emit zero on everything and learn no
//! more. Study 004 wished to make each dead unit a copy of a living one and to halve the outgoing
//! weights of the two, so that nothing changes at first. Does that leave fewer dead units, and does
//! it pay in accuracy, against starting units over at random?
//!
//! # Method
//! A network is trained on a sequence of tasks and is never told where one ends: pixels in a new order, labels
//! moved on by one class, or a regression of which one input bit flips. At the end of each task its
//! units are counted on the task's own data (dead: zero on every training row wherever the unit is
//! read), the effective rank of its last hidden layer is taken, and it is scored on validation rows.
//! The accuracy online is that of each batch before its step. Arms differ in one strategy.
//!
//! # Baselines
//! No strategy; the whole network started over at each task (it alone is told where tasks end);
//! dead units started over at random; ReDo; continual backprop; growth to the same size. Each arm
//! tries the same learning rates, chosen on validation rows; dead units are compared at one rate.
//!
//! # Sources
//! Study 004 (forum thread on recycling dead units). Sokar et al. 2023 (ReDo). Dohare et al. 2024
//! (continual backprop; permuted pixels and the slowly-changing regression).
//!
//! # Differences from the study
//! The thread has no experiment; the streams are those of the papers, shortened. Its first reply
//! halves the wrong weights; the right edit is the one run here. Its wish for noise gets an arm.

mod arms;
mod bits;
mod measure;
mod nets;
mod report;
mod rows;
mod streams;
mod training;

use espalier_trial::prelude::*;

use crate::arms::{Arm, Model, Place};
use crate::rows::{Summary, Task};
use crate::streams::Stream;

/// One arm on one stream with one model; the learning rate is its configuration.
#[derive(Clone, Copy, Debug)]
struct Variant {
    place: Place,
    arm: Arm,
    rate: f64,
}

impl Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, arm, rate } = self;
        write!(f, "{}/{}/{arm}/{rate}", place.stream, place.model)
    }
}

settings! {
    /// What a run sets.
    struct Sizes {
        seeds = [smoke 1, quick 6, full 10];
        tasks: usize = [smoke 4, quick 25, full 200] "tasks of a stream of images", Range::at_least(1.0).and_at_most(1e6);
        task_images: usize = [smoke 160, quick 3_200, full 12_800] "training images of a task, each seen once", Range::at_least(1.0);
        batch: usize = 32 "images per step", Range::BATCH;
        validation_images: usize = [smoke 100, quick 1_000, full 1_000] "validation images of a task", Range::at_least(1.0);
        width: usize = [smoke 8, quick 64, full 256] "units of each hidden layer of the nets for images", Range::at_least(2.0);
        rates: Vec<f64> = [smoke vec![1e-2], quick vec![3e-3, 1e-2], full vec![1e-4, 3e-4, 1e-3, 3e-3, 1e-2]]
            "Adam's rates that every arm tries on images", Range::RATE.distinct();
        flips: usize = [smoke 4, quick 100, full 300] "tasks of the regression stream: one input bit flips between two",
            Range::at_least(1.0).and_at_most(1e6);
        flip_rows: usize = [smoke 64, quick 2_000, full 10_000] "rows of a task of the regression stream, each seen once",
            Range::at_least(1.0).and_at_most(1e8);
        flip_batch: usize = [smoke 8, quick 4, full 4] "rows per step of the regression stream", Range::BATCH;
        flip_width: usize = 5 "hidden units of the net for the regression stream", Range::at_least(2.0);
        flip_rates: Vec<f64> = [smoke vec![1e-2], quick vec![3e-3, 3e-2], full vec![3e-4, 1e-3, 3e-3, 1e-2, 3e-2]]
            "Adam's rates that every arm tries on the regression stream", Range::RATE.distinct();
        checks_per_task: f64 = 1.5 "times per task that recycling, re-initialising and ReDo look at units", Range::above(0.0);
        noise: f64 = 0.1 "noise on a copy's fan-in weights, times their root mean square", Range::at_least(0.0);
        dormancy: f64 = 0.1 "ReDo's threshold τ", Range::between(0.0, 1.0);
        replacement: f64 = 1e-3 "continual backprop's replacement rate ρ per step", Range::between(0.0, 1.0);
    }
}

struct DeadUnitRecycling;

impl Design for DeadUnitRecycling {
    type Settings = Sizes;
    type Variant = Variant;

    const CLAIMS_SEE_GAPS: bool = true;
    const ABOUT: About = About {
        name: "dead-unit-recycling",
        title: "Does recycling dead units keep a network able to learn while its data moves?",
        study: "004",
        summary: "Trains networks on sequences of tasks and counts their dead units, the rank of what they \
                  represent and their accuracy, with dead units left alone, started over or made copies of living ones.",
    };

    fn golden(&self) -> Golden {
        // Tasks of all drawn images: as many steps as recycling needs to find dead units.
        let short = ["tasks=4", "flips=6", "flip_rows=200"];
        // Units are replaced once they are mature and have filled the account: some 260 steps for the first one.
        let replacing = [
            "permuted pixels/MLP/continual backprop/0.01",
            "rotated labels/MLP/continual backprop/0.003",
        ];
        espalier_experiment::golden!("golden/dead-unit-recycling.json")
            .run(Preset::Quick, "mnist", &short, &[])
            .run(Preset::Quick, "fashion-mnist", &["tasks=40"], &replacing)
    }

    fn variants(&self, sizes: &Sizes) -> anyhow::Result<Vec<Variant>> {
        let mut variants = Vec::new();
        for place in Place::all() {
            for &arm in place.arms() {
                let rates = place.stream.rates(sizes).iter();
                variants.extend(rates.map(|&rate| Variant { place, arm, rate }));
            }
        }
        Ok(variants)
    }

    fn cost(&self, variant: &Variant, _: &Sizes) -> f64 {
        match (variant.place.stream, variant.place.model) {
            (Stream::Bits, _) => 0.5,
            (_, Model::Mlp) => 1.0,
            (_, Model::Residual | Model::Concat) => 2.0,
        }
    }

    fn trial(&self, context: &mut TrialContext<'_, Variant>, sizes: &Sizes) -> anyhow::Result<()> {
        training::trial(context, sizes)
    }

    /// A trial that diverges records the tasks that it did not learn itself; an arm that was not run has no net.
    fn stand_in(&self, variant: &Variant, missing: Missing, rows: &mut Record) -> anyhow::Result<()> {
        rows.declare_all::<(Task, Summary)>()?;
        if missing == Missing::NotRun {
            return Ok(());
        }
        Ok(rows.push(&Summary {
            test_score: training::worst_score(*variant, missing),
            ..absent::<Summary>(missing)?.of(*variant)
        })?)
    }

    fn footprint(&self, variant: &Variant, sizes: &Sizes, data: &Dataset, _: usize) -> Footprint {
        let (inputs, outputs) = (data.info.features, data.info.targets.outputs());
        let size = variant.place.stream.size(sizes);
        Footprint::default().dense(&[inputs, size.width, size.width, size.width, outputs], size.batch)
    }

    fn page(&self, run: &Run<'_, Self>) -> anyhow::Result<Report> {
        report::page(run)
    }
}

espalier_trial::main!(DeadUnitRecycling);
