//! Which method finds the size that a layer needs, and what does it cost?
//!
//! # Question
//! How many units does a hidden layer need on a data set, and which way of finding that out comes nearest to the answer,
//! for which computation?
//!
//! # Method
//! A sweep of static nets over widths, paired seeds, says what is needed: the smallest width whose validation score is not
//! worse than the best by more than δ, the seeds' own spread. Sizers (metrics read off a wide net, strategies that change the
//! net while it trains, searches that try widths) get the same task, and are scored by log₂ of their size over the needed
//! one, by their test score against static nets of their own size, and by their bill.
//!
//! # Baselines
//! The widest net; widths at random; bisection; successive halving; and the sweep itself.
//!
//! # Sources
//! Those of the strategies' READMEs and of the metrics; Agarwal et al. (2021) and Dolan & Moré (2002) for the aggregation.
//!
//! # Differences from the sources
//! Every method gets the same nets, the same optimizer and the same rule for when training ends.
#![allow(
    missing_docs,
    reason = "a binary; its rows and modules are documented where that helps a reader"
)]

#[path = "sizing/board.rs"]
mod board;
#[path = "sizing/figures.rs"]
mod figures;
#[path = "sizing/handed.rs"]
mod handed;
#[path = "sizing/oracle.rs"]
mod oracle;
#[path = "sizing/page.rs"]
mod page;
#[path = "sizing/rows.rs"]
mod rows;
#[path = "sizing/sizers.rs"]
mod sizers;
#[path = "sizing/study.rs"]
mod study;
#[path = "sizing/training.rs"]
mod training;

use std::fmt::{self, Display};
use std::process::ExitCode;

use espalier_data::Dataset;
use espalier_experiment::{
    About, Absent, Experiment, Footprint, Golden, Kept, Missing, Preset, Range, ReportContext, Settings, TrialContext,
};
use espalier_report::page::Report;
use espalier_report::rows::{Record, Rows, blank};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What differs between trials: a static net of one width, or a sizer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arm {
    Static(usize),
    Sizer(String),
}

impl Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Static(width) => write!(f, "static/{width}"),
            Self::Sizer(name) => f.write_str(name),
        }
    }
}

/// The widths of the sweep: `steps` to a doubling, from 1 to the widest.
fn widths(settings: &Settings) -> anyhow::Result<Vec<usize>> {
    let (widest, steps) = (settings.count("widest")?, settings.count("steps_per_doubling")?);
    let at = |step: usize| (step as f64 / steps as f64).exp2().round() as usize;
    let mut widths: Vec<usize> = (0..).map(at).take_while(|width| *width < widest).collect();
    widths.push(widest);
    widths.dedup();
    Ok(widths)
}

struct Sizing;

impl Experiment for Sizing {
    type Variant = Arm;

    fn about(&self) -> About {
        About {
            name: "sizing",
            title: "Which method finds the size that a layer needs, and what does it cost?",
            study: "",
            summary: "Sweeps static nets over widths, which says what is needed, and lets metrics, strategies and searches \
                      look for it: how far off do they end, how good is their net for its size, what do they spend? \
                      `--only NAME` runs one sizer or static net, `--dataset all` all data sets.",
        }
    }

    fn golden(&self) -> Golden {
        espalier_experiment::golden!("golden/sizing.json").run(
            Preset::Quick,
            "mnist",
            &[
                "most_epochs=4",
                "train_images=0",
                "validation_rows=200",
                "test_rows=200",
            ],
            &[],
        )
    }

    fn settings(&self, preset: &Preset) -> Settings {
        let tries = if *preset == Preset::Full { 4 } else { 0 };
        let (seeds, widest, epochs, train, validation, test) = match preset {
            Preset::Smoke => (2, 8, 2, 400, 200, 200),
            Preset::Full => (10, 1024, 200, 0, 0, 0),
            Preset::Quick | Preset::Named(_) => (6, 128, 150, 2_000, 1_000, 10_000),
        };
        Settings::new(seeds)
            .integer("hidden_layers", 1, "hidden layers, all of one width")
            .range(Range::at_least(1.0).and_at_most(8.0))
            .integer(
                "widest",
                widest,
                "the widest net of the sweep, and the widest that a sizer may train",
            )
            .range(Range::at_least(2.0))
            .integer("steps_per_doubling", 1, "widths of the sweep to a doubling")
            .range(Range::at_least(1.0).and_at_most(8.0))
            .integer(
                "most_epochs",
                epochs,
                "an upper bound on passes over the training split",
            )
            .range(Range::EPOCHS)
            .integer(
                "patience",
                3,
                "epochs without a lower validation loss that end training",
            )
            .range(Range::at_least(1.0))
            .integer("batch", 32, "samples per step")
            .range(Range::BATCH)
            .float("learning_rate", 2e-3, "Adam's rate")
            .range(Range::RATE)
            .float(
                "tolerance",
                0.005,
                "what a search lets a validation score lack of the best",
            )
            .range(Range::at_least(0.0))
            .integer(
                "tries",
                tries,
                "tries for each sizer that is tuned, beside the untuned ones; 0 for none",
            )
            .range(Range::at_least(0.0).and_at_most(64.0))
            .integer(
                "train_images",
                train,
                "training rows in use at most, from the front; 0 is all",
            )
            .range(Range::at_least(0.0))
            .integer(
                "validation_rows",
                validation,
                "validation rows in use at most; 0 is all",
            )
            .range(Range::at_least(0.0))
            .integer("test_rows", test, "test rows in use at most; 0 is all")
            .range(Range::at_least(0.0))
    }

    fn variants(&self, settings: &Settings) -> anyhow::Result<Vec<Arm>> {
        let sweep = widths(settings)?.into_iter().map(Arm::Static);
        Ok(sweep
            .chain(sizers::names(settings)?.into_iter().map(Arm::Sizer))
            .collect())
    }

    fn datasets(&self) -> Vec<&'static str> {
        vec![
            "mnist",
            "fashion-mnist",
            "cifar10",
            "optdigits",
            "adult",
            "covtype",
            "poker-hand",
            "airfoil",
            "add10",
        ]
    }

    fn cost(&self, arm: &Arm, settings: &Settings) -> f64 {
        let widest = settings.count("widest").unwrap_or(1) as f64;
        match arm {
            Arm::Static(width) => *width as f64,
            Arm::Sizer(name) => 2.0 * widest * if name.contains("tuned") { 4.0 } else { 1.0 },
        }
    }

    fn trial(&self, context: &mut TrialContext<'_, Arm>) -> anyhow::Result<()> {
        training::trial(context)
    }

    fn stand_in(&self, arm: &Arm, _: &Settings, missing: Missing, rows: &mut Record) -> anyhow::Result<()> {
        // Arms that were not run are not shown.
        if missing == Missing::NotRun {
            return Ok(());
        }
        Ok(rows.push(&crate::rows::Sized {
            arm: arm.to_string(),
            diverged: true,
            width: 1.0,
            validation: missing.score(0.0),
            test: missing.score(0.0),
            ..blank()?
        })?)
    }

    fn rests_on(&self, claim: &str, absent: &Absent<'_, Arm>) -> bool {
        match absent.variant {
            Arm::Static(_) => true,
            Arm::Sizer(name) => claim == study::claim_of(name),
        }
    }

    fn footprint(&self, _: &Arm, settings: &Settings, data: Option<&Dataset>) -> anyhow::Result<Footprint> {
        let Some(data) = data else {
            return Ok(Footprint::default());
        };
        let hidden = vec![settings.count("widest")?; settings.count("hidden_layers")?];
        let widths = [&[data.info.features][..], &hidden, &[data.info.targets.outputs()]].concat();
        // A net under training and its best epoch.
        let nets = 2.0 * Footprint::default().dense(&widths, settings.count("batch")?).total();
        Ok(Footprint::default().part("nets and optimizer", nets).data(data))
    }

    fn check_device(&self, device: &str) -> anyhow::Result<()> {
        let _: espalier_net::DeviceChoice = device.parse()?;
        Ok(())
    }

    fn report(&self, rows: &Rows, context: &ReportContext) -> anyhow::Result<Report> {
        page::single(&self.about(), rows, context)
    }

    fn kept(&self, rows: &Rows, context: &ReportContext) -> anyhow::Result<Vec<Kept>> {
        handed::kept(rows, context)
    }

    fn combined(&self, rows: &[(String, Rows)], context: &ReportContext) -> anyhow::Result<Option<Report>> {
        page::combined(&self.about(), rows, context).map(Some)
    }
}

fn main() -> ExitCode {
    espalier_experiment::main(Sizing)
}
