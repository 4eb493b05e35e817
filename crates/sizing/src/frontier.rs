//! What a static net of any size scores.

use espalier_seed::Seed;

use crate::isotonic::isotonic;
use crate::needed::{Sweep, mean};

/// Test scores of static nets against their parameters, smoothed to rise, with a band.
#[derive(Clone, Debug, PartialEq)]
pub struct Frontier {
    /// Points, by parameters ascending.
    pub points: Vec<Point>,
}

/// The frontier at one size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Trained values.
    pub parameters: f64,
    /// The smoothed mean test score.
    pub score: f64,
    /// The lower end of the 95 % band.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

const RESAMPLES: usize = 1000;

impl Frontier {
    /// Draws the frontier through a sweep; seeds are drawn for all widths together.
    #[must_use]
    pub fn of(sweep: &Sweep, seed: &Seed) -> Self {
        let seeds = sweep.seeds();
        let fit = |drawn: &[usize]| {
            let of = |scores: &Vec<f64>| mean(&drawn.iter().map(|&seed| scores[seed]).collect::<Vec<_>>());
            let means: Vec<f64> = sweep.test.iter().map(of).collect();
            isotonic(&means, &vec![1.0; means.len()])
        };
        let line = fit(&(0..seeds).collect::<Vec<_>>());
        let mut stream = seed.named("frontier").stream();
        let resampled: Vec<Vec<f64>> = (0..RESAMPLES)
            .map(|_| fit(&(0..seeds).map(|_| stream.below(seeds)).collect::<Vec<_>>()))
            .collect();
        let point = |place: usize| {
            let mut levels: Vec<f64> = resampled.iter().map(|fit| fit[place]).collect();
            levels.sort_by(f64::total_cmp);
            let at = |level: f64| levels[((RESAMPLES - 1) as f64 * level).round() as usize];
            Point {
                parameters: sweep.parameters[place],
                score: line[place],
                low: at(0.025),
                high: at(0.975),
            }
        };
        Self {
            points: (0..line.len()).map(point).collect(),
        }
    }

    /// The score of a static net with so many parameters: between points by their logarithm, beyond the ends the ends.
    #[must_use]
    pub fn at(&self, parameters: f64) -> f64 {
        let above = self.points.iter().position(|point| point.parameters >= parameters);
        match above {
            None => self.points.last().map_or(f64::NAN, |point| point.score),
            Some(0) => self.points[0].score,
            Some(place) => {
                let (a, b) = (&self.points[place - 1], &self.points[place]);
                let share = (parameters / a.parameters).ln() / (b.parameters / a.parameters).ln();
                a.score + share * (b.score - a.score)
            }
        }
    }

    /// The best score of the frontier.
    #[must_use]
    pub fn best(&self) -> f64 {
        self.points.last().map_or(f64::NAN, |point| point.score)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::needed::tests::sweep;

    #[test]
    fn the_frontier_goes_through_means_and_between_them_by_the_logarithm() {
        let frontier = Frontier::of(&sweep(), &Seed::new(1));
        let near = |parameters: f64, score: f64| (frontier.at(parameters) - score).abs() < 1e-9;
        assert!(near(20.0, 0.5) && near(40.0, 0.8) && near(160.0, 0.9));
        assert!(near(20.0 * 2.0_f64.sqrt(), 0.65), "halfway in the logarithm");
        assert!(near(5.0, 0.5) && near(1e6, 0.9), "beyond the ends the ends");
        let band = frontier.points[1];
        assert!(band.low >= 0.795 - 1e-12 && band.high <= 0.805 + 1e-12 && band.low < band.high);
    }
}
