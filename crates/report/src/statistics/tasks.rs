//! Runs × tasks: scores of several runs on each of several tasks.

use super::bootstrap::{Bootstrap, half_step};
use super::estimate::Estimate;
use super::sample::{check_finite, raw_iqm};
use crate::{Error, Result};

/// Scores of several runs on each of several tasks (data sets, widths, streams).
///
/// # Shapes
/// One list of runs per task; the lists may differ in length.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreMatrix {
    tasks: Vec<Vec<f64>>,
}

impl ScoreMatrix {
    /// Takes the runs' scores, one list per task.
    ///
    /// # Errors
    /// [`Error::TooFew`] without a task or with fewer than two runs on one,
    /// [`Error::NotFinite`] with a score that is not finite.
    pub fn new(tasks: Vec<Vec<f64>>) -> Result<Self> {
        if tasks.is_empty() {
            return Err(Error::TooFew {
                what: "score matrix, tasks",
                needed: 1,
                found: 0,
            });
        }
        for runs in &tasks {
            check_finite("score matrix, runs of a task", runs, 2)?;
        }
        Ok(Self { tasks })
    }

    /// Lists the runs' scores, one list per task.
    #[must_use]
    pub fn tasks(&self) -> &[Vec<f64>] {
        &self.tasks
    }

    fn sizes(&self) -> Vec<usize> {
        self.tasks.iter().map(Vec::len).collect()
    }

    fn pick(&self, places: &[Vec<usize>]) -> Vec<Vec<f64>> {
        let pairs = self.tasks.iter().zip(places);
        pairs
            .map(|(runs, places)| places.iter().map(|&place| runs[place]).collect())
            .collect()
    }
}

impl Bootstrap {
    /// Estimates the interquartile mean of all runs on all tasks, drawing runs within each task.
    ///
    /// # Paper
    /// Agarwal et al. 2021, section 4.1: stratified bootstrap.
    ///
    /// # Errors
    /// As [`Bootstrap::mean`].
    pub fn stratified_interquartile_mean(&self, scores: &ScoreMatrix) -> Result<Estimate> {
        self.stratified(scores, |tasks| raw_iqm(&tasks.concat()))
    }

    /// Estimates any statistic of runs × tasks, drawing runs within each task.
    ///
    /// The estimate's `n` is the number of all runs.
    ///
    /// # Errors
    /// As [`Bootstrap::mean`].
    pub fn stratified(&self, scores: &ScoreMatrix, statistic: impl Fn(&[Vec<f64>]) -> f64) -> Result<Estimate> {
        let sizes = scores.sizes();
        let n = sizes.iter().sum();
        self.strata("stratified bootstrap", &sizes, n, |places| {
            statistic(&scores.pick(places))
        })
    }

    /// Estimates the probability that a run of `x` beats a run of `y` on a task drawn at
    /// random, ties counting half.
    ///
    /// # Method
    /// Mean over tasks of the Mann–Whitney statistic U / (n·m); runs of `x` and `y` are
    /// drawn apart within each task. When every run of `x` beats every run of `y` the
    /// interval is the single point 1: read it together with the number of runs.
    ///
    /// # Paper
    /// Agarwal et al. 2021, section 4.3, probability of improvement.
    ///
    /// # Errors
    /// [`Error::Unpaired`] when the numbers of tasks differ; as [`Bootstrap::mean`].
    pub fn probability_of_improvement(&self, x: &ScoreMatrix, y: &ScoreMatrix) -> Result<Estimate> {
        let what = "probability of improvement, tasks";
        if x.tasks.len() != y.tasks.len() {
            return Err(Error::Unpaired {
                what,
                left: x.tasks.len(),
                right: y.tasks.len(),
            });
        }
        let mut sizes = x.sizes();
        let n = sizes.iter().sum();
        sizes.extend(y.sizes());
        let tasks = x.tasks.len();
        // Comparing every pair once is cheaper than in each of thousands of resamples.
        let wins: Vec<Vec<Vec<f64>>> = x.tasks.iter().zip(&y.tasks).map(pairwise).collect();
        self.strata(what, &sizes, n, |places| {
            let (left, right) = places.split_at(tasks);
            let per_task = wins.iter().zip(left.iter().zip(right));
            let shares = per_task.map(|(wins, (left, right))| {
                let sum: f64 = left
                    .iter()
                    .map(|&i| right.iter().map(|&j| wins[i][j]).sum::<f64>())
                    .sum();
                sum / (left.len() * right.len()) as f64
            });
            shares.sum::<f64>() / tasks as f64
        })
    }
}

fn pairwise((x, y): (&Vec<f64>, &Vec<f64>)) -> Vec<Vec<f64>> {
    x.iter().map(|x| y.iter().map(|y| half_step(x - y)).collect()).collect()
}
