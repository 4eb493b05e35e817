//! Trials side by side on a device: the seeds of one arm as one stack, and what cannot be stacked by itself.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use espalier_data::{LoadOptions, Source, SplitSizes, stand_in};
use espalier_experiment::{About, Experiment, Golden, Loaded, Preset, ReportContext, Settings, TrialContext};
use espalier_net::OptimizerKind;
use espalier_report::page::Report;
use espalier_report::rows::Rows;
use espalier_report::standard::{Epoch, Outcome};
use espalier_strategy::Fixed;
use espalier_train::Regime;
use espalier_trial::Training;

/// Arms of two widths, one of them watched by a strategy; fails after so many epochs, counted over all trials.
struct Arms {
    fails_after: usize,
    epochs: AtomicUsize,
}

impl Arms {
    fn run(fails_after: usize, folder: &Path, words: &[&str]) -> ExitCode {
        let (out, runs) = (folder.join("reports"), folder.join("runs"));
        let places = ["--out", out.to_str().unwrap(), "--runs", runs.to_str().unwrap()];
        let fast = ["--checkpoint-seconds", "0.05", "--device", "candle-cpu"];
        let arms = Self {
            fails_after,
            epochs: AtomicUsize::new(0),
        };
        let words = ["arms"].iter().chain(words).chain(&places).chain(&fast);
        espalier_experiment::run(&arms, words)
    }

    fn rows(folder: &Path) -> Rows {
        let presets = std::fs::read_dir(folder.join("reports/arms/digits")).unwrap();
        let [preset] = <[_; 1]>::try_from(presets.collect::<Vec<_>>()).unwrap();
        Rows::read(&preset.unwrap().path().join("rows")).unwrap()
    }
}

impl Experiment for Arms {
    type Variant = &'static str;

    fn about(&self) -> About {
        About {
            name: "arms",
            title: "Do trials side by side come to the same?",
            study: "",
            summary: "Nets of two widths.",
        }
    }

    fn golden(&self) -> Golden {
        Golden::word("arms")
    }

    fn settings(&self, _: &Preset) -> Settings {
        Settings::new(3)
    }

    fn variants(&self, _: &Settings) -> anyhow::Result<Vec<&'static str>> {
        Ok(vec!["narrow", "wide", "watched"])
    }

    fn datasets(&self) -> Vec<&'static str> {
        vec!["digits"]
    }

    fn load(&self, _: &str, _: &Source, _: &Settings) -> anyhow::Result<Loaded> {
        let sizes = SplitSizes {
            train: 130,
            validation: 40,
            test: 40,
        };
        let mut data = stand_in("mnist", sizes, &LoadOptions::default())?;
        data.info.name = "digits".to_owned();
        Ok(Loaded::from(Arc::new(data)))
    }

    fn trial(&self, ctx: &mut TrialContext<'_, &'static str>) -> anyhow::Result<()> {
        let (seed, arm) = (ctx.seed(), *ctx.variant());
        let regime = Regime {
            epochs: 3,
            batch: 20,
            ..Regime::classification(OptimizerKind::adam())
        };
        let width = if arm == "narrow" { 4 } else { 9 };
        let mut training = Training::new(ctx, regime, &seed).mlp(&[width]).each_epoch(|_| {
            // Long enough for a checkpoint to be due after every epoch.
            std::thread::sleep(Duration::from_millis(60));
            let epoch = self.epochs.fetch_add(1, Ordering::SeqCst) + 1;
            anyhow::ensure!(epoch <= self.fails_after, "the power is gone");
            Ok(())
        });
        if arm == "watched" {
            training = training.strategy(Fixed);
        }
        training.run("net")?.record(ctx)
    }

    fn report(&self, _: &Rows, _: &ReportContext) -> anyhow::Result<Report> {
        Ok(Report::default())
    }
}

/// Losses by variant, seed and epoch, 0 for the end.
fn losses(folder: &Path) -> Vec<(String, u64, u64, f64)> {
    let rows = Arms::rows(folder);
    let epochs = rows.get::<Epoch>().unwrap().into_iter().map(|row| {
        let key = row.key.clone();
        (key.variant.clone(), key.seed, row.row.epoch, row.row.train_loss)
    });
    let ends = rows.get::<Outcome>().unwrap().into_iter().map(|row| {
        let key = row.key.clone();
        (key.variant.clone(), key.seed, 0, row.row.test_loss)
    });
    let mut all: Vec<_> = epochs.chain(ends).collect();
    all.sort_by(|a, b| (&a.0, a.1, a.2).cmp(&(&b.0, b.1, b.2)));
    all
}

/// Checks that two runs have the same rows within rounding.
fn agree(one: &Path, other: &Path) {
    let (one, other) = (losses(one), losses(other));
    assert_eq!(one.len(), 3 * 3 * 4);
    assert_eq!(one.len(), other.len());
    for (left, right) in one.iter().zip(&other) {
        assert_eq!((&left.0, left.1, left.2), (&right.0, right.1, right.2));
        assert!((left.3 - right.3).abs() <= 1e-4 * left.3.abs(), "{left:?} {right:?}");
    }
}

#[test]
fn trials_side_by_side_on_a_device_come_to_what_each_does_by_itself() {
    let (one, three, two) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    for (folder, jobs) in [(&one, "1"), (&three, "3"), (&two, "2")] {
        assert_eq!(
            Arms::run(usize::MAX, folder.path(), &["run", "--jobs", jobs]),
            ExitCode::SUCCESS
        );
    }
    agree(one.path(), three.path());
    agree(one.path(), two.path());
}

#[test]
fn trials_that_fail_in_the_middle_are_taken_up_where_they_were() {
    let (one, broken) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    assert_eq!(
        Arms::run(usize::MAX, one.path(), &["run", "--jobs", "1"]),
        ExitCode::SUCCESS
    );
    // Five epochs of three trials: they fail at different ones, and stand at different epochs when they are taken up.
    assert_ne!(Arms::run(5, broken.path(), &["run", "--jobs", "3"]), ExitCode::SUCCESS);
    assert_eq!(
        Arms::run(usize::MAX, broken.path(), &["retry", "--jobs", "3"]),
        ExitCode::SUCCESS
    );
    assert_eq!(
        Arms::run(usize::MAX, broken.path(), &["run", "--jobs", "3"]),
        ExitCode::SUCCESS
    );
    agree(one.path(), broken.path());
}
