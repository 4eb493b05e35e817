//! Recorded trials by arm, in the order of the seeds.

use std::collections::BTreeMap;

use anyhow::Context as _;
use espalier_experiment::Settings;
use espalier_report::rows::{Keyed, Row, Rows};
use espalier_report::statistics::{Arms, Bootstrap, Estimate};
use espalier_seed::Seed;

use crate::arm::{Arm, TRIAL_ARMS};
use crate::copies::Means;
use crate::rows::{Change, Dice, Gap, Outcome, Point, UnitScore};

/// One trial's rows.
pub struct Run {
    pub outcome: Outcome,
    pub points: Vec<Point>,
    pub scores: Vec<UnitScore>,
    pub changes: Vec<Change>,
    pub dice: Vec<Dice>,
    pub gaps: Vec<Gap>,
    /// Seconds by the wall, as the harness measured them; NaN where it did not.
    pub wall_seconds: f64,
}

/// A number of a trial.
pub type Number = fn(&Outcome) -> f64;

pub const LAST: Number = |o| o.test_accuracy;
pub const BEST: Number = |o| o.best_test_accuracy;

/// All trials.
pub struct Runs {
    arms: Vec<(Arm, Vec<Run>)>,
    /// The sweep over starting sizes and rolls, by these two.
    cells: Vec<((f64, u64), Arm)>,
    pub seeds: usize,
    pub scales: Vec<f64>,
    pub rolls: Vec<u64>,
}

/// The harness's timings of a trial, of which only the seconds are read here.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
struct Timing {
    wall_seconds: f64,
}
impl Row for Timing {
    const TABLE: &'static str = "timings";
}

impl Runs {
    /// Reads the trials of all arms under these settings.
    pub fn read(rows: &Rows, settings: &Settings, seeds: &[u64]) -> anyhow::Result<Self> {
        anyhow::ensure!(!seeds.is_empty(), "no seed has run all arms yet");
        let outcomes = by_trial(rows.get::<Outcome>()?);
        let mut points = by_trial(rows.get::<Point>()?);
        let mut scores = by_trial(rows.get::<UnitScore>()?);
        let mut changes = by_trial(rows.get::<Change>()?);
        let mut dice = by_trial(rows.get::<Dice>()?);
        // Reports of before the copies were followed have no such table, and their claims about it stay open.
        let followed = rows.table_names().contains(&Gap::TABLE);
        let mut gaps = by_trial(if followed { rows.get::<Gap>()? } else { Vec::new() });
        let timings = by_trial(rows.get::<Timing>()?);
        let scales = settings.numbers("sweep_scales")?;
        let rolls: Vec<u64> = settings.counts("sweep_rolls")?.into_iter().map(|r| r as u64).collect();
        let mut wanted = TRIAL_ARMS.to_vec();
        let mut cells = Vec::new();
        for &scale in &scales {
            for &rolls in &rolls {
                let arm = Arm::cell(scale, rolls);
                cells.push(((scale, rolls), arm));
                if !wanted.contains(&arm) {
                    wanted.push(arm);
                }
            }
        }
        let mut arms = Vec::new();
        for arm in wanted {
            let mut runs = Vec::new();
            for &seed in seeds {
                let key = (arm.to_string(), seed);
                let outcome = outcomes.get(&key).and_then(|rows| rows.first());
                runs.push(Run {
                    outcome: outcome
                        .with_context(|| format!("{arm}, seed {seed}: no outcome is recorded"))?
                        .clone(),
                    points: points.remove(&key).unwrap_or_default(),
                    scores: scores.remove(&key).unwrap_or_default(),
                    changes: changes.remove(&key).unwrap_or_default(),
                    dice: dice.remove(&key).unwrap_or_default(),
                    gaps: gaps.remove(&key).unwrap_or_default(),
                    wall_seconds: timings
                        .get(&key)
                        .and_then(|t| t.first())
                        .map_or(f64::NAN, |t| t.wall_seconds),
                });
            }
            arms.push((arm, runs));
        }
        Ok(Self {
            arms,
            cells,
            seeds: seeds.len(),
            scales,
            rolls,
        })
    }

    /// The trials of an arm, by seed.
    pub fn of(&self, arm: Arm) -> &[Run] {
        let runs = self.arms.iter().find(|(known, _)| *known == arm);
        runs.map_or(&[], |(_, runs)| runs)
    }

    /// The arm in a cell of the sweep over starting sizes and rolls.
    ///
    /// # Errors
    /// When the cell is not part of the sweep.
    pub fn cell(&self, scale: f64, rolls: u64) -> anyhow::Result<Arm> {
        let cell = self.cells.iter().find(|(cell, _)| *cell == (scale, rolls));
        cell.map(|(_, arm)| *arm)
            .with_context(|| format!("{rolls} rolls at {scale} of the start were not swept"))
    }

    /// A number of every trial of an arm, by seed.
    pub fn numbers(&self, arm: Arm, number: Number) -> Vec<f64> {
        self.of(arm).iter().map(|run| number(&run.outcome)).collect()
    }

    /// The median distance of copies some steps behind a split, by seed.
    pub fn gaps(&self, means: Means, steps: u64) -> Vec<f64> {
        let of = |run: &Run| {
            run.gaps
                .iter()
                .find(|g| g.means == means.name() && g.steps == steps)
                .map(|g| g.median)
        };
        self.of(Arm::Split).iter().filter_map(of).collect()
    }

    /// The number as scores of the six arms.
    pub fn scores(&self, number: Number) -> anyhow::Result<Arms> {
        let scores = TRIAL_ARMS.map(|arm| (arm.to_string(), self.numbers(arm, number)));
        Ok(Arms::new(scores.to_vec())?)
    }

    /// Trials whose loss became infinite or no number.
    pub fn diverged(&self) -> usize {
        let all = self.arms.iter().flat_map(|(_, runs)| runs);
        all.filter(|run| run.outcome.diverged).count()
    }
}

fn by_trial<R: Row>(rows: Vec<Keyed<R>>) -> BTreeMap<(String, u64), Vec<R>> {
    let mut trials: BTreeMap<(String, u64), Vec<R>> = BTreeMap::new();
    for Keyed { key, row } in rows {
        trials.entry((key.variant, key.seed)).or_default().push(row);
    }
    trials
}

/// The stream that an estimate's interval draws from.
pub fn seed(name: &str) -> Seed {
    Seed::new(0).named("split-and-dice").named(name)
}

/// The interquartile mean over seeds with its interval; of one seed the point.
pub fn middle(name: &str, values: &[f64]) -> anyhow::Result<Estimate> {
    Ok(Bootstrap::new(&seed(name)).interquartile_mean_or_point(values)?)
}

/// The paired difference a − b.
pub fn paired(name: &str, a: &[f64], b: &[f64]) -> anyhow::Result<Estimate> {
    middle(name, &a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<f64>>())
}
