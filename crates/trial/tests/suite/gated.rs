//! A small experiment: a gated net, rows of its own, and a static twin of the size found.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use espalier_data::{LoadOptions, Source, SplitSizes, stand_in};
use espalier_experiment::{About, Experiment, Golden, Loaded, Preset, ReportContext, Settings, TrialContext};
use espalier_net::{Activation, GateForm, Network, NetworkBuilder, OptimizerKind, RateSchedule};
use espalier_report::page::Report;
use espalier_report::rows::{Record, Row, Rows, VARIANTS};
use espalier_seed::Seed;
use espalier_sparsifier::{Initial, Sparsifier, SparsifierSettings};
use espalier_train::Regime;
use espalier_trial::{Moment, Training};
use serde::{Deserialize, Serialize};

/// What the experiment records between its two nets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Between {
    pub open: f64,
}
impl Row for Between {
    const TABLE: &'static str = "between";
}

/// What is set for the only variant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Set {
    pub units: u64,
}
impl Row for Set {
    const TABLE: &'static str = VARIANTS;
}

/// Fails at the given epoch, counted over all nets of all trials; 0 is never.
pub struct Gated {
    pub fails_at: u64,
    pub rate: f64,
    /// Ends the twin's training after so many epochs.
    pub until: u64,
    pub epochs: AtomicU64,
}

impl Gated {
    pub fn new(fails_at: u64) -> Self {
        Self {
            fails_at,
            rate: 0.04,
            until: u64::MAX,
            epochs: AtomicU64::new(0),
        }
    }

    /// Runs it in a folder and reads the rows that it recorded there.
    pub fn run(&self, folder: &Path, verb: &[&str]) -> ExitCode {
        let (out, runs) = (folder.join("reports"), folder.join("runs"));
        let places = ["--out", out.to_str().unwrap(), "--runs", runs.to_str().unwrap()];
        let fast = ["--checkpoint-seconds", "0.05", "--jobs", "1"];
        let words = ["gated"].iter().chain(verb).chain(&places).chain(&fast);
        espalier_experiment::run(self, words)
    }

    pub fn rows(folder: &Path) -> Rows {
        Rows::read(&folder.join("reports/gated/digits/quick/rows")).unwrap()
    }

    fn look(&self, _: &mut Moment<'_>) -> anyhow::Result<()> {
        // Long enough for a checkpoint to be due after every epoch.
        std::thread::sleep(Duration::from_millis(60));
        let epoch = self.epochs.fetch_add(1, Ordering::SeqCst) + 1;
        anyhow::ensure!(epoch != self.fails_at, "the power is gone");
        Ok(())
    }
}

fn network(data: &espalier_data::Dataset, seed: &Seed) -> anyhow::Result<Network<f32>> {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], data.info.features)?;
    let top = layers.dense("hidden1", x, 12)?;
    let top = layers.activation("relu1", top, Activation::Relu)?;
    let top = layers.gate("gate1", top, GateForm::Rectified)?;
    let logits = layers.dense("logits", top, data.info.targets.outputs())?;
    Ok(layers.build(&[logits], seed)?)
}

impl Experiment for Gated {
    type Variant = &'static str;

    fn about(&self) -> About {
        About {
            name: "gated",
            title: "Is a trial that was interrupted the same?",
            study: "",
            summary: "Two nets.",
        }
    }

    fn golden(&self) -> Golden {
        Golden::word("gated")
    }

    fn settings(&self, _: &Preset) -> Settings {
        Settings::new(1)
            .integer("epochs", 3, "passes")
            .integer("train_images", 200, "images in use")
    }

    fn variants(&self, _: &Settings) -> anyhow::Result<Vec<&'static str>> {
        Ok(vec!["only"])
    }

    fn record_variant(&self, _: &&'static str, rows: &mut Record) -> anyhow::Result<()> {
        Ok(rows.push(&Set { units: 12 })?)
    }

    fn datasets(&self) -> Vec<&'static str> {
        vec!["digits"]
    }

    fn load(&self, _: &str, _: &Source, _: &Settings) -> anyhow::Result<Loaded> {
        let sizes = SplitSizes {
            train: 300,
            validation: 80,
            test: 80,
        };
        let mut data = stand_in("mnist", sizes, &LoadOptions::default())?;
        data.info.name = "digits".to_owned();
        Ok(Loaded::from(Arc::new(data)))
    }

    fn trial(&self, ctx: &mut TrialContext<'_, &'static str>) -> anyhow::Result<()> {
        let seed = ctx.seed();
        let regime = Regime {
            epochs: ctx.settings().count("epochs")? as u64,
            batch: 20,
            rate: RateSchedule::constant(self.rate),
            ..Regime::classification(OptimizerKind::adam())
        };
        let gate = Sparsifier::new(SparsifierSettings {
            lambda: 0.5,
            initial: Initial::One,
            ..SparsifierSettings::default()
        });
        let gated = Training::new(ctx, regime.clone(), &seed)
            .network(network)
            .strategy(gate)
            .choose("any", 0.0)
            .choose("late", 0.5)
            .each_epoch(|moment| self.look(moment))
            .run("gated")?;
        let open = gated.reading("open")?;
        ctx.record(&Between { open })?;
        gated.record(ctx)?;
        let twin = Training::new(ctx, regime, &seed)
            .mlp(&[(open as usize).max(1)])
            .until(|trainer| trainer.epoch() >= self.until)
            .each_epoch(|moment| self.look(moment))
            .run("twin")?;
        twin.record(ctx)
    }

    fn cuts_batches(&self) -> bool {
        true
    }

    fn report(&self, _: &Rows, _: &ReportContext) -> anyhow::Result<Report> {
        Ok(Report::default())
    }
}
