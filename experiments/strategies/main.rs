//! What does each strategy do to one net?
//!
//! # Question
//! Every strategy of the project trains the same kind of net for the same number of epochs within the
//! same bound on parameters. What curve does each draw, which edits does it make, and what do they cost?
//! It is a showcase and judges nothing: the nets that come out differ in size and computation.
//!
//! # Method
//! Nets 784-a-b-10 (ReLU, Adam, cross-entropy, batches of 128). Growing strategies start from the
//! small net and may reach the large net's parameters; shrinking ones start from the large net; renewing
//! ones keep its size. Initial weights and batches are paired by seed wherever arms share a shape. Every
//! strategy runs in two configurations.
//!
//! # Baselines
//! The small and the large net without any change, and random growth on the growing strategies' schedule.
//!
//! # Sources
//! Studies 000–004 and the papers named in each strategy's README.
//!
//! # Differences from the study
//! None of the studies shows strategies of different kinds; each used its own nets, sets and budgets.
#![allow(
    missing_docs,
    reason = "a binary; its rows and modules are documented where that helps a reader"
)]

mod arms;
mod report;
mod rows;
mod training;

use std::process::ExitCode;

use espalier_data::{Dataset, LoadOptions, TransformChoice};
use espalier_experiment::{
    About, Experiment, Footprint, Golden, Missing, Preset, Range, ReportContext, Settings, TrialContext,
};
use espalier_net::DeviceChoice;
use espalier_report::page::Report;
use espalier_report::rows::{Record, Rows, blank};

use crate::arms::Try;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Images set aside from the training split.
const VALIDATION_IMAGES: usize = 10_000;

struct Strategies;

impl Experiment for Strategies {
    type Variant = Try;

    fn about(&self) -> About {
        About {
            name: "strategies",
            title: "What does each strategy do to one net, with which edits and at what cost?",
            study: "",
            summary: "Trains one kind of net with every strategy, within one bound on parameters and for equally many \
                      epochs, beside fixed nets and random growth, and judges none. `--only NAME` runs one strategy.",
        }
    }

    fn golden(&self) -> Golden {
        espalier_experiment::golden!("golden/strategies.json").run(Preset::Quick, "mnist", &[], &[])
    }

    fn settings(&self, preset: &Preset) -> Settings {
        let (seeds, epochs, small, large) = match preset {
            Preset::Smoke => (1, 2, 4, 8),
            Preset::Full => (10, 40, 32, 64),
            Preset::Quick | Preset::Named(_) => (6, 12, 32, 64),
        };
        Settings::new(seeds)
            .integers("small", &[small, small], "hidden widths of the small net")
            .range(Range::WIDTH.several(1..=16))
            .integers("large", &[large, large], "hidden widths of the large net")
            .range(Range::WIDTH.several(1..=16))
            .integer("epochs", epochs, "passes over the training split")
            .range(Range::EPOCHS)
            .float(
                "learning_rate",
                1e-3,
                "Adam's learning rate, but for the fixed nets' second try",
            )
            .range(Range::RATE)
    }

    fn variants(&self, _: &Settings) -> anyhow::Result<Vec<Try>> {
        Ok(arms::tries())
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

    fn trial(&self, context: &mut TrialContext<'_, Try>) -> anyhow::Result<()> {
        let mut done = training::train(context)?;
        training::conclude(context, &mut done)
    }

    fn stand_in(&self, _: &Self::Variant, _: &Settings, missing: Missing, rows: &mut Record) -> anyhow::Result<()> {
        // Arms that were not run are not shown.
        if missing == Missing::NotRun {
            return Ok(());
        }
        rows.declare::<crate::rows::Epoch>()?;
        rows.declare::<crate::rows::Edit>()?;
        rows.declare::<crate::rows::Unit>()?;
        rows.push(&blank::<crate::rows::DecisionTime>()?)?;
        Ok(rows.push(&crate::rows::Summary {
            diverged: true,
            validation_accuracy: missing.accuracy(),
            test_accuracy: missing.accuracy(),
            ..blank()?
        })?)
    }

    fn footprint(&self, _: &Self::Variant, settings: &Settings, data: Option<&Dataset>) -> anyhow::Result<Footprint> {
        let Some(data) = data else {
            return Ok(Footprint::default());
        };
        let (inputs, outputs) = (data.info.features, data.info.targets.outputs());
        let of = |name: &str| -> anyhow::Result<f64> {
            let hidden = settings.counts(name)?;
            let widths = [&[inputs][..], &hidden, &[outputs]].concat();
            Ok(Footprint::default().dense(&widths, training::BATCH).total())
        };
        Ok(Footprint::default()
            .part("network and optimizer", of("small")?.max(of("large")?))
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
    espalier_experiment::main(Strategies)
}
