//! Trainings that a stream of data sets or a budget carries on, wherever they are interrupted.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use espalier_data::{Dataset, LoadOptions, Source, SplitSizes, stand_in};
use espalier_experiment::{About, Experiment, Golden, Loaded, Preset, ReportContext, Settings, TrialContext};
use espalier_net::OptimizerKind;
use espalier_report::page::Report;
use espalier_report::rows::Rows;
use espalier_report::standard::{Epoch, Outcome};
use espalier_train::Regime;
use espalier_trial::{Moment, Training};

/// Multiply–accumulates of a step of 20 images on 784-4-10.
const STEP: u64 = 3 * 20 * (784 * 4 + 4 * 10);

/// Trains one net on three tasks, one on each task, and one within a budget; fails at an epoch, counted over all.
struct Courses {
    fails_at: u64,
    budget: u64,
    epochs: AtomicU64,
}

impl Courses {
    fn new(fails_at: u64, budget: u64) -> Self {
        let epochs = AtomicU64::new(0);
        Self {
            fails_at,
            budget,
            epochs,
        }
    }

    fn run(&self, folder: &Path, verb: &str) -> ExitCode {
        let (out, runs) = (folder.join("reports"), folder.join("runs"));
        let places = ["--out", out.to_str().unwrap(), "--runs", runs.to_str().unwrap()];
        let fast = ["--checkpoint-seconds", "0.05", "--jobs", "1"];
        let words = ["courses", verb].into_iter().chain(places).chain(fast);
        espalier_experiment::run(self, words)
    }

    fn look(&self, _: &mut Moment<'_>) -> anyhow::Result<()> {
        // Long enough for a checkpoint to be due after every epoch.
        std::thread::sleep(Duration::from_millis(60));
        let epoch = self.epochs.fetch_add(1, Ordering::SeqCst) + 1;
        anyhow::ensure!(epoch != self.fails_at, "the power is gone");
        Ok(())
    }
}

/// The labels moved on by a class with each task; 100 images in 5 steps.
fn task(data: &Dataset, task: u64) -> anyhow::Result<Arc<Dataset>> {
    let mut own = data.clone();
    let rows: Vec<usize> = (0..100).map(|row| row + 20 * task as usize).collect();
    own.train = data.train.select(&rows);
    Ok(Arc::new(own))
}

impl Experiment for Courses {
    type Variant = &'static str;

    fn about(&self) -> About {
        About {
            name: "courses",
            title: "Does a training go on where it was?",
            study: "",
            summary: "Nets on streams and within budgets.",
        }
    }

    fn golden(&self) -> Golden {
        Golden::word("courses")
    }

    fn settings(&self, _: &Preset) -> Settings {
        Settings::new(1)
    }

    fn variants(&self, _: &Settings) -> anyhow::Result<Vec<&'static str>> {
        Ok(vec!["only"])
    }

    fn datasets(&self) -> Vec<&'static str> {
        vec!["digits"]
    }

    fn load(&self, _: &str, _: &Source, _: &Settings) -> anyhow::Result<Loaded> {
        let sizes = SplitSizes {
            train: 140,
            validation: 40,
            test: 40,
        };
        let mut data = stand_in("mnist", sizes, &LoadOptions::default())?;
        data.info.name = "digits".to_owned();
        Ok(Loaded::from(Arc::new(data)))
    }

    fn trial(&self, ctx: &mut TrialContext<'_, &'static str>) -> anyhow::Result<()> {
        let (seed, data) = (ctx.seed(), Arc::clone(ctx.dataset()?));
        let regime = Regime {
            epochs: 1,
            batch: 20,
            ..Regime::classification(OptimizerKind::adam())
        };
        let stream = Training::new(ctx, regime.clone(), &seed)
            .mlp(&[4])
            .tasks(3, |k| task(&data, k))
            .each_epoch(|moment| self.look(moment))
            .run("stream")?;
        stream.record(ctx)?;
        for k in 0..2 {
            let own = Training::new(ctx, regime.clone(), &seed.index(k))
                .data(task(&data, k)?)
                .mlp(&[4])
                .each_epoch(|moment| self.look(moment))
                .outcome(&format!("task {k}"))?;
            ctx.record(&own)?;
        }
        let endless = Regime { epochs: 1000, ..regime };
        let paid = Training::new(ctx, endless, &seed)
            .data(task(&data, 0)?)
            .mlp(&[4])
            .within(self.budget, true)
            .choose("best", 0.0)
            .each_epoch(|moment| self.look(moment))
            .run("paid")?;
        paid.record(ctx)
    }

    fn report(&self, _: &Rows, _: &ReportContext) -> anyhow::Result<Report> {
        Ok(Report::default())
    }
}

fn rows(folder: &Path) -> Rows {
    Rows::read(&folder.join("reports/courses/digits/quick/rows")).unwrap()
}

fn unbroken(budget: u64) -> Rows {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Courses::new(0, budget).run(folder.path(), "run"), ExitCode::SUCCESS);
    rows(folder.path())
}

fn outcome(rows: &Rows, net: &str) -> Outcome {
    let mut all = rows.get::<Outcome>().unwrap().into_iter().map(|keyed| keyed.row);
    all.find(|row| row.net == net).unwrap()
}

fn epochs(rows: &Rows, net: &str) -> Vec<Epoch> {
    let all = rows.get::<Epoch>().unwrap().into_iter().map(|keyed| keyed.row);
    all.filter(|row| row.net == net).collect()
}

#[test]
fn a_stream_is_an_epoch_on_each_task() {
    let rows = unbroken(STEP);
    let all = epochs(&rows, "stream");
    // 100 images are five steps of 20.
    assert_eq!(
        all.iter().map(|row| (row.epoch, row.steps)).collect::<Vec<_>>(),
        [(1, 5), (2, 10), (3, 15)]
    );
    assert_eq!(outcome(&rows, "stream").epochs, 3);
    assert_eq!(outcome(&rows, "task 1").train_macs, 5 * STEP);
}

#[test]
fn a_budget_pays_for_whole_epochs_and_then_for_the_steps_that_are_left() {
    // Two epochs of five steps, and three steps and a half.
    let rows = unbroken(13 * STEP + STEP / 2);
    let all = epochs(&rows, "paid");
    assert_eq!(
        all.iter().map(|row| (row.epoch, row.steps)).collect::<Vec<_>>(),
        [(1, 5), (2, 10), (2, 13)]
    );
    assert!(all[1].train_loss.is_finite() && all[2].train_loss.is_nan());
    let end = outcome(&rows, "paid");
    assert_eq!((end.train_macs, end.steps), (13 * STEP, 13));
    // A whole number of epochs leaves no part.
    assert_eq!(epochs(&unbroken(10 * STEP), "paid").len(), 2);
    // What pays for less than an epoch is spent as well.
    for steps in [1, 4] {
        let rows = unbroken(steps * STEP);
        let all = epochs(&rows, "paid");
        assert_eq!(
            all.iter().map(|row| (row.epoch, row.steps)).collect::<Vec<_>>(),
            [(0, steps)]
        );
    }
}

#[test]
fn wherever_they_are_interrupted_they_end_as_unbroken_ones() {
    let budget = 13 * STEP;
    let expected = unbroken(budget).result_hash();
    // Three epochs of the stream, one of each task, three of the budget's net.
    for fails_at in 1..=8 {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(
            Courses::new(fails_at, budget).run(folder.path(), "run"),
            ExitCode::FAILURE
        );
        let again = Courses::new(0, budget);
        assert_eq!(again.run(folder.path(), "retry"), ExitCode::SUCCESS);
        assert_eq!(
            again.epochs.load(Ordering::SeqCst),
            9 - fails_at,
            "interrupted at epoch {fails_at}"
        );
        assert_eq!(again.run(folder.path(), "collect"), ExitCode::SUCCESS);
        assert_eq!(
            rows(folder.path()).result_hash(),
            expected,
            "interrupted at epoch {fails_at}"
        );
    }
}
