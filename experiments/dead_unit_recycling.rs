//! Does recycling dead units keep a network able to learn while its data moves?
//!
//! # Question
//! Where the data's distribution drifts, ever more ReLU units emit zero on everything and learn no
//! more. Study 004 wished to make each dead unit a copy of a living one and to halve the outgoing
//! weights of the two, so that nothing changes at first. Does that leave fewer dead units, and does
//! it pay in accuracy, against starting units over at random?
//!
//! # Method
//! A network walks through tasks and is never told where one ends: pixels in a new order, labels
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
#![allow(
    missing_docs,
    reason = "a binary; its rows and modules are documented where that helps a reader"
)]

#[path = "dead_unit_recycling/arms.rs"]
mod arms;
#[path = "dead_unit_recycling/bits.rs"]
mod bits;
#[path = "dead_unit_recycling/measure.rs"]
mod measure;
#[path = "dead_unit_recycling/nets.rs"]
mod nets;
#[path = "dead_unit_recycling/report.rs"]
mod report;
#[path = "dead_unit_recycling/rows.rs"]
mod rows;
#[path = "dead_unit_recycling/streams.rs"]
mod streams;
#[path = "dead_unit_recycling/training.rs"]
mod training;

use std::fmt::{self, Display};
use std::process::ExitCode;

use espalier_data::{Dataset, LoadOptions, TransformChoice};
use espalier_experiment::{
    About, Absent, Experiment, Footprint, Golden, Missing, Preset, Range, ReportContext, Settings, TrialContext,
};
use espalier_net::DeviceChoice;
use espalier_report::page::Report;
use espalier_report::rows::{Record, Rows, blank};

use crate::arms::{Arm, Model, Place};
use crate::streams::Stream;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Images set aside from the training split, from which each task's validation rows are taken.
const VALIDATION_IMAGES: usize = 10_000;

/// One arm on one stream with one model; the learning rate is its configuration.
#[derive(Clone, Copy, Debug)]
struct Variant {
    place: Place,
    arm: Arm,
    rate: f64,
}

impl Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}/{}/{}",
            self.place.stream.name(),
            self.place.model.name(),
            self.arm,
            self.rate
        )
    }
}

struct DeadUnitRecycling;

impl Experiment for DeadUnitRecycling {
    type Variant = Variant;

    fn about(&self) -> About {
        About {
            name: "dead-unit-recycling",
            title: "Does recycling dead units keep a network able to learn while its data moves?",
            study: "004",
            summary: "Walks networks through streams of tasks and counts their dead units, the rank of what they \
                      represent and their accuracy, with dead units left alone, started over or made copies of living ones.",
        }
    }

    fn golden(&self) -> Golden {
        // Tasks of all drawn images: as many steps as recycling needs to find dead units.
        espalier_experiment::golden!("golden/dead-unit-recycling.json").run(
            Preset::Quick,
            "mnist",
            &["tasks=4", "flips=6", "flip_rows=200"],
            &[],
        )
    }

    fn settings(&self, preset: &Preset) -> Settings {
        let (seeds, tasks, images, width) = match preset {
            Preset::Smoke => (1, 4, 160, 8),
            Preset::Full => (10, 200, 12_800, 256),
            Preset::Quick | Preset::Named(_) => (6, 25, 3_200, 64),
        };
        let (flips, rows) = match preset {
            Preset::Smoke => (4, 64),
            Preset::Full => (300, 10_000),
            Preset::Quick | Preset::Named(_) => (100, 2_000),
        };
        let smoke = *preset == Preset::Smoke;
        let (rates, bit_rates): (&[f64], &[f64]) = if smoke {
            (&[1e-2], &[1e-2])
        } else if *preset == Preset::Full {
            (&[1e-4, 3e-4, 1e-3, 3e-3, 1e-2], &[3e-4, 1e-3, 3e-3, 1e-2, 3e-2])
        } else {
            (&[3e-3, 1e-2], &[3e-3, 3e-2])
        };
        Settings::new(seeds)
            .integer("tasks", tasks, "tasks of a stream of images")
            .range(Range::at_least(1.0).and_at_most(1e6))
            .integer("task_images", images, "training images of a task, each seen once")
            .range(Range::at_least(1.0))
            .integer("batch", 32, "images per step")
            .range(Range::BATCH)
            .integer(
                "validation_images",
                if smoke { 100 } else { 1_000 },
                "validation images of a task",
            )
            .range(Range::at_least(1.0))
            .integer("width", width, "units of each hidden layer of the nets for images")
            .range(Range::at_least(2.0))
            .floats("rates", rates, "Adam's rates that every arm tries on images")
            .range(Range::RATE.distinct())
            .integer(
                "flips",
                flips,
                "tasks of the regression stream: one input bit flips between two",
            )
            .range(Range::at_least(1.0).and_at_most(1e6))
            .integer(
                "flip_rows",
                rows,
                "rows of a task of the regression stream, each seen once",
            )
            .range(Range::at_least(1.0).and_at_most(1e8))
            .integer(
                "flip_batch",
                if smoke { 8 } else { 4 },
                "rows per step of the regression stream",
            )
            .range(Range::BATCH)
            .integer("flip_width", 5, "hidden units of the net for the regression stream")
            .range(Range::at_least(2.0))
            .floats(
                "flip_rates",
                bit_rates,
                "Adam's rates that every arm tries on the regression stream",
            )
            .range(Range::RATE.distinct())
            .float(
                "checks_per_task",
                1.5,
                "times per task that recycling, re-initialising and ReDo look at units",
            )
            .range(Range::above(0.0))
            .float(
                "noise",
                0.1,
                "noise on a copy's fan-in weights, times their root mean square",
            )
            .range(Range::at_least(0.0))
            .float("dormancy", 0.1, "ReDo's threshold τ")
            .range(Range::between(0.0, 1.0))
            .float("replacement", 1e-3, "continual backprop's replacement rate ρ per step")
            .range(Range::between(0.0, 1.0))
    }

    fn variants(&self, settings: &Settings) -> anyhow::Result<Vec<Variant>> {
        let mut variants = Vec::new();
        for place in Place::all() {
            for &arm in place.arms() {
                for rate in settings.numbers(place.stream.rates_setting())? {
                    variants.push(Variant { place, arm, rate });
                }
            }
        }
        Ok(variants)
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

    fn cost(&self, variant: &Variant, _: &Settings) -> f64 {
        match (variant.place.stream, variant.place.model) {
            (Stream::Bits, _) => 0.5,
            (_, Model::Mlp) => 1.0,
            (_, Model::Residual | Model::Concat) => 2.0,
        }
    }

    fn trial(&self, context: &mut TrialContext<'_, Variant>) -> anyhow::Result<()> {
        training::trial(context)
    }

    fn stand_in(
        &self,
        variant: &Self::Variant,
        settings: &Settings,
        missing: Missing,
        rows: &mut Record,
    ) -> anyhow::Result<()> {
        rows.declare::<crate::rows::Task>()?;
        rows.declare::<crate::rows::Summary>()?;
        // An arm that was not run has no net.
        if missing == Missing::NotRun {
            return Ok(());
        }
        let tasks = variant.place.stream.size(settings)?.tasks;
        rows.push_all(&training::without_result(*variant, missing, 0..tasks)?)?;
        Ok(rows.push(&crate::rows::Summary {
            stream: variant.place.stream.name().to_owned(),
            model: variant.place.model.name().to_owned(),
            arm: variant.arm.name().to_owned(),
            rate: variant.rate,
            diverged: missing.diverged(),
            test_score: training::worst_score(*variant, missing),
            ..blank()?
        })?)
    }

    /// The study sees for itself which arms a claim looks at.
    fn rests_on(&self, _: &str, _: &Absent<'_, Variant>) -> bool {
        false
    }

    fn footprint(
        &self,
        variant: &Self::Variant,
        settings: &Settings,
        data: Option<&Dataset>,
    ) -> anyhow::Result<Footprint> {
        let Some(data) = data else {
            return Ok(Footprint::default());
        };
        let (inputs, outputs) = (data.info.features, data.info.targets.outputs());
        let size = variant.place.stream.size(settings)?;
        let widths = [inputs, size.width, size.width, size.width, outputs];
        Ok(Footprint::default().dense(&widths, size.batch).data(data))
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
    espalier_experiment::main(DeadUnitRecycling)
}
