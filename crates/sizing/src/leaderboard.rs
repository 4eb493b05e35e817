//! Sizers over tasks and seeds.

use espalier_report::statistics::{Bootstrap, Estimate, ScoreMatrix, mean};
use espalier_seed::Seed;

use crate::error::{Error, Result};
use crate::score::Score;

/// Scores of every sizer on every task, for every seed.
#[derive(Clone, Debug, Default)]
pub struct Board {
    /// One entry a sizer.
    pub sizers: Vec<(String, Vec<Vec<Score>>)>,
}

/// A sizer's place over all tasks.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The sizer.
    pub sizer: String,
    /// Doublings off, either way: interquartile mean over tasks and seeds.
    pub off: Estimate,
    /// log₂ of the cost over training the needed width once.
    pub cost: Estimate,
    /// The test score less the frontier's at the own size.
    pub over_frontier: Estimate,
    /// What the test score lacks of the best.
    pub shortfall: Estimate,
    /// The mean over tasks of the rank by doublings off, 1 for the best; ties share.
    pub rank: f64,
    /// The probability that it is nearer to the needed width than the reference on a task drawn at random.
    pub nearer: Option<Estimate>,
}

impl Board {
    /// Adds a sizer with its scores: a list of seeds for each task, the tasks in the same order for all.
    pub fn add(&mut self, sizer: impl Into<String>, scores: Vec<Vec<Score>>) {
        self.sizers.push((sizer.into(), scores));
    }

    /// Judges all sizers, nearest first. `reference` names the sizer that the others are compared with.
    ///
    /// # Paper
    /// Agarwal et al. (2021), Deep Reinforcement Learning at the Edge of the Statistical Precipice.
    ///
    /// # Errors
    /// Fails when sizers have other numbers of tasks or fewer than two seeds on one.
    pub fn lines(&self, reference: &str, seed: &Seed) -> Result<Vec<Line>> {
        let tasks = self.sizers.first().map_or(0, |(_, scores)| scores.len());
        if let Some((name, scores)) = self.sizers.iter().find(|(_, scores)| scores.len() != tasks) {
            let found = format!("{} for {name}", scores.len());
            return Err(Error::range("tasks of a sizer", tasks.to_string(), found));
        }
        let against = self.sizers.iter().find(|(name, _)| name == reference);
        let against = against.map(|(_, scores)| closeness(scores)).transpose()?;
        let ranks = self.ranks(tasks);
        let mut lines = Vec::new();
        for ((name, scores), rank) in self.sizers.iter().zip(ranks) {
            let bootstrap = Bootstrap::new(&seed.named(name)).resamples(2000);
            let of = |number: fn(&Score) -> f64| -> Result<Estimate> {
                Ok(bootstrap.stratified_interquartile_mean(&matrix(scores, number)?)?)
            };
            let nearer = match &against {
                Some(other) if name != reference => {
                    Some(bootstrap.probability_of_improvement(&closeness(scores)?, other)?)
                }
                _ => None,
            };
            lines.push(Line {
                sizer: name.clone(),
                off: of(|score| score.regret.abs())?,
                cost: of(|score| score.cost.log2())?,
                over_frontier: of(|score| score.over_frontier)?,
                shortfall: of(|score| score.shortfall)?,
                rank,
                nearer,
            });
        }
        lines.sort_by(|a, b| {
            a.off
                .value
                .total_cmp(&b.off.value)
                .then(a.cost.value.total_cmp(&b.cost.value))
        });
        Ok(lines)
    }

    /// Each sizer's rank by its mean doublings off, averaged over tasks.
    fn ranks(&self, tasks: usize) -> Vec<f64> {
        let off = |scores: &[Score]| scores.iter().map(|s| s.regret.abs()).sum::<f64>() / scores.len() as f64;
        let mut sums = vec![0.0; self.sizers.len()];
        for task in 0..tasks {
            let values: Vec<f64> = self.sizers.iter().map(|(_, scores)| off(&scores[task])).collect();
            for (sum, value) in sums.iter_mut().zip(&values) {
                let below = values.iter().filter(|other| *other < value).count() as f64;
                let equal = values.iter().filter(|other| *other == value).count() as f64;
                *sum += below + (equal + 1.0) / 2.0;
            }
        }
        sums.iter().map(|sum| sum / tasks as f64).collect()
    }
}

fn matrix(scores: &[Vec<Score>], number: fn(&Score) -> f64) -> Result<ScoreMatrix> {
    let tasks = scores.iter().map(|seeds| seeds.iter().map(number).collect()).collect();
    Ok(ScoreMatrix::new(tasks)?)
}

fn closeness(scores: &[Vec<Score>]) -> Result<ScoreMatrix> {
    matrix(scores, |score| -score.regret.abs())
}

/// A performance profile: the share of values at or below each bound, the mean over tasks of each task's share.
///
/// # Paper
/// Dolan & Moré (2002); Agarwal et al. (2021), section 4.2.
///
/// # Errors
/// Fails without a task or with a task without a value.
pub fn profile(tasks: &[Vec<f64>], bounds: &[f64]) -> Result<Vec<f64>> {
    let share = |values: &Vec<f64>, bound: f64| {
        values.iter().filter(|value| **value <= bound).count() as f64 / values.len() as f64
    };
    let at = |bound: &f64| {
        Ok(mean(
            &tasks.iter().map(|values| share(values, *bound)).collect::<Vec<_>>(),
        )?)
    };
    bounds.iter().map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(regrets: &[f64], cost: f64) -> Vec<Score> {
        let of = |regret: &f64| Score {
            regret: *regret,
            over_frontier: 0.0,
            shortfall: 0.0,
            cost,
        };
        regrets.iter().map(of).collect()
    }

    #[test]
    fn sizers_are_ranked_by_how_far_off_they_are_either_way() {
        let mut board = Board::default();
        board.add("wide", vec![scores(&[3.0, 3.0], 4.0), scores(&[2.0, 2.0], 4.0)]);
        board.add("near", vec![scores(&[0.5, -0.5], 2.0), scores(&[0.0, 0.0], 2.0)]);
        board.add("small", vec![scores(&[-1.0, -1.0], 0.5), scores(&[-2.0, -2.0], 0.5)]);
        let lines = board.lines("wide", &Seed::new(1)).unwrap();
        let order: Vec<&str> = lines.iter().map(|line| line.sizer.as_str()).collect();
        assert_eq!(order, ["near", "small", "wide"]);
        assert_eq!((lines[0].rank, lines[1].rank, lines[2].rank), (1.0, 2.25, 2.75));
        assert_eq!((lines[0].cost.value, lines[1].cost.value), (1.0, -1.0));
        assert_eq!(lines[0].nearer.as_ref().unwrap().value, 1.0);
        assert_eq!(
            lines[1].nearer.as_ref().unwrap().value,
            0.75,
            "better on one task, equal on the other"
        );
        assert!(lines[2].nearer.is_none());
        board.add("half", vec![scores(&[1.0, 1.0], 1.0)]);
        assert!(
            board
                .lines("wide", &Seed::new(1))
                .unwrap_err()
                .to_string()
                .contains("half")
        );
    }

    #[test]
    fn a_profile_is_the_mean_over_tasks_of_shares() {
        let tasks = [vec![0.0, 1.0, 2.0, 3.0], vec![1.0, 1.0]];
        assert_eq!(profile(&tasks, &[0.5, 1.0, 3.0]).unwrap(), [0.125, 0.75, 1.0]);
    }
}
