//! Recorded rows by place, arm and learning rate, and each arm's chosen rate.

use std::collections::BTreeMap;

use espalier_experiment::ReportContext;
use espalier_report::rows::{Keyed, Rows};
use espalier_report::statistics::{Arms, Bootstrap, Choice, Estimate, Tried, choose};
use espalier_seed::Seed;

use crate::arms::{Arm, Place};
use crate::rows::{Summary, Task};

/// What one trial recorded.
#[derive(Clone, Debug)]
pub struct Trial {
    pub summary: Summary,
    pub tasks: Vec<Task>,
}

/// A number of one trial.
pub type Metric = fn(&Trial) -> f64;

impl Trial {
    fn quarter(&self) -> usize {
        (self.tasks.len() / 4).max(1)
    }

    /// The mean over the last quarter of the tasks.
    pub fn late(&self, of: fn(&Task) -> f64) -> f64 {
        mean(&self.tasks[self.tasks.len() - self.quarter()..], of)
    }

    /// The mean over the first quarter of the tasks.
    pub fn early(&self, of: fn(&Task) -> f64) -> f64 {
        mean(&self.tasks[..self.quarter()], of)
    }
}

fn mean(tasks: &[Task], of: fn(&Task) -> f64) -> f64 {
    tasks.iter().map(of).sum::<f64>() / tasks.len() as f64
}

/// Dead units as a share of all hidden units.
pub fn dead_share(task: &Task) -> f64 {
    task.dead_units as f64 / task.units as f64
}

pub const LATE_DEAD: Metric = |trial| trial.late(dead_share);
pub const LATE_RANK: Metric = |trial| trial.late(|task| task.effective_rank);
pub const LATE_ONLINE: Metric = |trial| trial.late(|task| task.online_score);
pub const LATE_VALIDATION: Metric = |trial| trial.late(|task| task.validation_score);

/// The trials of one arm at one rate, in the order of the seeds.
pub struct Runs {
    pub arm: Arm,
    pub rate: f64,
    pub trials: Vec<Trial>,
}

impl Runs {
    pub fn values(&self, metric: Metric) -> Vec<f64> {
        self.trials.iter().map(metric).collect()
    }

    /// This arm's number less another's, paired by seed.
    pub fn less(&self, other: &Self, metric: Metric) -> Vec<f64> {
        let pairs = self.values(metric).into_iter().zip(other.values(metric));
        pairs.map(|(a, b)| a - b).collect()
    }
}

/// One stream with one model.
pub struct Seen {
    pub place: Place,
    pub runs: Vec<Runs>,
    pub tried: Vec<Tried>,
    pub choices: Vec<Choice>,
}

/// Reads the places of which the rows have the arm `none`.
pub fn read(rows: &Rows, context: &ReportContext) -> anyhow::Result<Vec<Seen>> {
    let summaries = rows.get::<Summary>()?;
    let mut tasks: BTreeMap<String, Vec<Task>> = BTreeMap::new();
    for Keyed { key, row } in rows.get::<Task>()? {
        tasks.entry(key.trial).or_default().push(row);
    }
    tasks.values_mut().for_each(|tasks| tasks.sort_by_key(|task| task.task));
    let mut all = Vec::new();
    for place in Place::all() {
        let mut runs = Vec::new();
        for &arm in place.arms() {
            for rate in context.settings.numbers(place.stream.rates_setting())? {
                let trials = trials(&summaries, &tasks, (place, arm, rate), &context.seeds);
                if !trials.is_empty() {
                    runs.push(Runs { arm, rate, trials });
                }
            }
        }
        if runs.iter().any(|runs| runs.arm == Arm::None) {
            all.push(Seen::new(place, runs)?);
        }
    }
    anyhow::ensure!(!all.is_empty(), "no stream has the arm `none` for any seed yet");
    Ok(all)
}

/// The trials of one variant; none unless every seed has one.
fn trials(
    summaries: &[Keyed<Summary>],
    tasks: &BTreeMap<String, Vec<Task>>,
    (place, arm, rate): (Place, Arm, f64),
    seeds: &[u64],
) -> Vec<Trial> {
    let is = |row: &Summary| {
        row.stream == place.stream.name()
            && row.model == place.model.name()
            && row.arm == arm.name()
            && row.rate == rate
    };
    let of = |seed: &u64| {
        let found = summaries.iter().find(|row| row.key.seed == *seed && is(&row.row))?;
        Some(Trial {
            summary: found.row.clone(),
            tasks: tasks.get(&found.key.trial)?.clone(),
        })
    };
    seeds.iter().map(of).collect::<Option<Vec<Trial>>>().unwrap_or_default()
}

impl Seen {
    fn new(place: Place, runs: Vec<Runs>) -> anyhow::Result<Self> {
        let of = |runs: &Runs| Tried {
            arm: runs.arm.name().to_owned(),
            configuration: configuration(runs.rate),
            validation: runs.values(LATE_VALIDATION),
        };
        let tried: Vec<Tried> = runs.iter().map(of).collect();
        let choices = choose(&tried)?;
        Ok(Self {
            place,
            runs,
            tried,
            choices,
        })
    }

    /// The arm at the rate that was chosen for it.
    pub fn chosen(&self, arm: Arm) -> Option<&Runs> {
        let choice = self.choices.iter().find(|choice| choice.arm == arm.name())?;
        self.runs
            .iter()
            .find(|runs| runs.arm == arm && configuration(runs.rate) == choice.configuration)
    }

    /// The arm at the rate that was chosen for `none`: a difference there is the strategy's alone.
    pub fn at_reference_rate(&self, arm: Arm) -> Option<&Runs> {
        let rate = self.chosen(Arm::None)?.rate;
        self.runs.iter().find(|runs| runs.arm == arm && runs.rate == rate)
    }

    /// The arm at the highest rate that was tried, where most units die.
    pub fn at_highest_rate(&self, arm: Arm) -> Option<&Runs> {
        let of_arm = self.runs.iter().filter(|runs| runs.arm == arm);
        of_arm.max_by(|a, b| a.rate.total_cmp(&b.rate))
    }

    /// The arms that were run, in the order of presentation.
    pub fn arms(&self) -> Vec<Arm> {
        let ran = |arm: &Arm| self.runs.iter().any(|runs| runs.arm == *arm);
        Arm::ALL.into_iter().filter(ran).collect()
    }

    /// Scores of all arms, each as `pick` finds it.
    pub fn scores<'s>(&'s self, pick: impl Fn(Arm) -> Option<&'s Runs>, metric: Metric) -> anyhow::Result<Arms> {
        let of = |arm: Arm| Some((arm.name().to_owned(), pick(arm)?.values(metric)));
        Ok(Arms::new(self.arms().into_iter().filter_map(of).collect())?)
    }

    /// A word for the identifiers of claims.
    pub fn slug(&self) -> String {
        crate::claims::slug(self.place)
    }
}

fn configuration(rate: f64) -> String {
    format!("rate {rate}")
}

/// The interquartile mean over seeds with its interval; a single seed has none.
pub fn middle(name: &str, values: &[f64]) -> anyhow::Result<Estimate> {
    Ok(Bootstrap::new(&report_seed(name))
        .resamples(4_000)
        .interquartile_mean_or_point(values)?)
}

/// The root of the report's own draws.
pub fn report_seed(name: &str) -> Seed {
    Seed::new(0).named("dead-unit-recycling").named(name)
}
