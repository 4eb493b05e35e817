//! The oracle: a sweep of static nets, and the width that is needed.

use espalier_report::statistics::{Bootstrap, Estimate};
use espalier_seed::Seed;

use crate::error::{Error, Result};
use crate::isotonic::isotonic;

/// Scores of static nets over widths, the same seeds at each width.
///
/// # Shapes
/// `validation` and `test` hold one list of seeds for each width.
///
/// # Units
/// Scores are fractions (accuracy or R²), `macs` those of training one net to its end, the mean over seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    /// Widths, ascending.
    pub widths: Vec<f64>,
    /// Validation scores.
    pub validation: Vec<Vec<f64>>,
    /// Test scores.
    pub test: Vec<Vec<f64>>,
    /// Trained values of the nets.
    pub parameters: Vec<f64>,
    /// Multiply–accumulates of one training.
    pub macs: Vec<f64>,
}

/// The smallest width that is not worse than the best by more than δ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Needed {
    /// The width.
    pub width: f64,
    /// The lower end of the 95 % interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// What a mean validation score may lack of the best.
    pub delta: f64,
    /// Whether the smallest width that was swept is enough, so that less might do.
    pub at_least: bool,
    /// Whether only the widest is enough, so that more might do better.
    pub at_most: bool,
}

/// The width with the best mean validation score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Best {
    /// The width; the first of equals.
    pub width: f64,
    /// Its mean validation score, with an interval at the level 1 − 0.05/k, since it was chosen among k widths.
    pub score: Estimate,
}

impl Best {
    /// Says whether nets have learned more than an answer that ignores the inputs and scores so much
    /// ([`espalier_data::Targets::constant_score`]): the whole interval lies above it.
    #[must_use]
    pub fn is_better_than(&self, constant: f64) -> bool {
        self.score.low > constant
    }
}

/// The place of the first width that is enough: the first whose mean score, smoothed to rise with the width ([`isotonic`]), is
/// at most δ below the last.
///
/// # Example
/// ```
/// use espalier_sizing::first_enough;
/// assert_eq!(first_enough(&[0.5, 0.8, 0.9, 0.9], 0.02), 2);
/// assert_eq!(first_enough(&[0.5, 0.8, 0.9, 0.9], 0.11), 1);
/// ```
///
/// # Panics
/// Panics without a mean.
#[must_use]
pub fn first_enough(means: &[f64], delta: f64) -> usize {
    let fit = isotonic(means, &vec![1.0; means.len()]);
    let goal = fit[fit.len() - 1] - delta;
    // Rounding must not make a block of equal levels miss its own goal.
    let enough = fit.iter().position(|level| *level >= goal - 1e-12);
    enough.unwrap_or(fit.len() - 1)
}

/// Resamples of seeds behind an interval.
const RESAMPLES: usize = 2000;

impl Sweep {
    /// Checks that lists agree.
    ///
    /// # Errors
    /// Fails with fewer than two widths or seeds, widths that do not ascend, or lists of different length.
    pub fn checked(self) -> Result<Self> {
        let (widths, seeds) = (self.widths.len(), self.seeds());
        if widths < 2 || seeds < 2 {
            let found = format!("{widths} widths, {seeds} seeds");
            return Err(Error::range("a sweep", "two widths and two seeds, or more", found));
        }
        let ascending = self.widths.windows(2).all(|pair| pair[0] < pair[1]);
        let lists = self.validation.iter().chain(&self.test).all(|list| list.len() == seeds);
        let lengths = [
            self.validation.len(),
            self.test.len(),
            self.parameters.len(),
            self.macs.len(),
        ];
        if !(ascending && lists && lengths.iter().all(|length| *length == widths)) {
            let found = format!("widths {:?} with lists of {lengths:?}", self.widths);
            return Err(Error::range(
                "a sweep",
                "ascending widths with the same seeds at each",
                found,
            ));
        }
        Ok(self)
    }

    /// Seeds at each width.
    #[must_use]
    pub fn seeds(&self) -> usize {
        self.validation.first().map_or(0, Vec::len)
    }

    /// δ: the standard deviation over seeds of the validation score, pooled over the upper half of the widths. So much two
    /// equal nets differ by their seed alone.
    #[must_use]
    pub fn delta(&self) -> f64 {
        let (mut squares, mut freedom) = (0.0, 0.0);
        for scores in &self.validation[self.widths.len() / 2..] {
            let centre = mean(scores);
            squares += scores.iter().map(|score| (score - centre).powi(2)).sum::<f64>();
            freedom += scores.len() as f64 - 1.0;
        }
        (squares / freedom).sqrt()
    }

    /// The needed width at a given δ, with a 95 % bootstrap interval over seeds, which are drawn for all widths together.
    ///
    /// # Method
    /// The needed width is the [`first_enough`] by mean validation scores. Percentile interval of 2000 resamples, δ held fixed.
    /// Who compares a sizer with the width must draw both with the same seeds, so that the width's uncertainty enters.
    #[must_use]
    pub fn needed(&self, delta: f64, seed: &Seed) -> Needed {
        let seeds = self.seeds();
        let every: Vec<usize> = (0..seeds).collect();
        let place = self.first_enough(&every, delta);
        let mut stream = seed.named("needed").stream();
        let mut found: Vec<f64> = (0..RESAMPLES)
            .map(|_| {
                let drawn: Vec<usize> = (0..seeds).map(|_| stream.below(seeds)).collect();
                self.widths[self.first_enough(&drawn, delta)]
            })
            .collect();
        found.sort_by(f64::total_cmp);
        let at = |level: f64| found[((RESAMPLES - 1) as f64 * level).round() as usize];
        Needed {
            width: self.widths[place],
            low: at(0.025),
            high: at(0.975),
            delta,
            at_least: place == 0,
            at_most: place + 1 == self.widths.len(),
        }
    }

    fn first_enough(&self, seeds: &[usize], delta: f64) -> usize {
        let of = |scores: &Vec<f64>| seeds.iter().map(|&seed| scores[seed]).sum::<f64>() / seeds.len() as f64;
        let means: Vec<f64> = self.validation.iter().map(of).collect();
        first_enough(&means, delta)
    }

    /// The width with the best mean validation score, with a bootstrap interval over seeds.
    ///
    /// # Errors
    /// As [`Bootstrap::mean`].
    pub fn best(&self, seed: &Seed) -> Result<Best> {
        let means: Vec<f64> = self.validation.iter().map(|scores| mean(scores)).collect();
        let better = |best: usize, place: usize| if means[place] > means[best] { place } else { best };
        let place = (1..means.len()).fold(0, better);
        let level = 1.0 - 0.05 / means.len() as f64;
        let bootstrap = Bootstrap::new(&seed.named("best")).level(level);
        Ok(Best {
            width: self.widths[place],
            score: bootstrap.mean(&self.validation[place])?,
        })
    }
}

pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Four widths and two seeds: 0.5, 0.8, 0.9 and 0.9, with seeds 0.01 apart.
    pub(crate) fn sweep() -> Sweep {
        let scores = [0.5, 0.8, 0.9, 0.9].map(|mean: f64| vec![mean - 0.005, mean + 0.005]);
        Sweep {
            widths: vec![2.0, 4.0, 8.0, 16.0],
            validation: scores.to_vec(),
            test: scores.to_vec(),
            parameters: vec![20.0, 40.0, 80.0, 160.0],
            macs: vec![1.0, 2.0, 4.0, 8.0],
        }
    }

    #[test]
    fn the_needed_width_is_the_first_within_delta_of_the_best() {
        let sweep = sweep().checked().unwrap();
        // Both upper widths have two seeds 0.01 apart: variance 2·0.005² / 1 each.
        assert!((sweep.delta() - 0.005 * 2.0_f64.sqrt()).abs() < 1e-12);
        let at = |delta| sweep.needed(delta, &Seed::new(1));
        assert_eq!(at(0.02).width, 8.0);
        assert_eq!(at(0.11).width, 4.0);
        assert_eq!((at(0.02).low, at(0.02).high), (8.0, 8.0), "all seeds agree");
        assert!(at(0.5).at_least && !at(0.5).at_most);
    }

    #[test]
    fn a_best_that_is_luck_at_one_width_does_not_move_the_goal_alone() {
        let mut sweep = sweep();
        // 8 units are lucky, 16 are not: smoothed, both are 0.9, and 8 stay enough.
        sweep.validation[2] = vec![0.915, 0.925];
        sweep.validation[3] = vec![0.875, 0.885];
        assert_eq!(sweep.needed(0.001, &Seed::new(1)).width, 8.0);
    }

    #[test]
    fn the_best_width_is_better_than_a_constant_where_its_whole_interval_is() {
        let mut sweep = sweep();
        sweep.validation[2] = vec![0.92, 0.90];
        let best = sweep.best(&Seed::new(1)).unwrap();
        assert_eq!((best.width, best.score.level), (8.0, 1.0 - 0.05 / 4.0));
        assert!((best.score.value - 0.91).abs() < 1e-12);
        assert!(best.is_better_than(0.89) && !best.is_better_than(0.905) && !best.is_better_than(0.95));
    }

    #[test]
    fn sweeps_that_do_not_fit_together_are_refused() {
        let mut short = sweep();
        short.test[1].pop();
        assert!(short.checked().is_err());
        let mut falling = sweep();
        falling.widths.reverse();
        assert!(falling.checked().is_err());
    }
}
