//! The scores of all rolls, and how far they spread.

use serde::{Deserialize, Serialize};

/// The scores of all rolls and the one that won.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rolls {
    /// The score of each roll, in the order of rolling; the first is that of the network as it stood.
    pub scores: Vec<f64>,
    /// The index of the lowest score, of equals the first.
    pub winner: usize,
}

/// How far finite scores spread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreSpread {
    /// The arithmetic mean.
    pub mean: f64,
    /// The standard deviation with n − 1 in the denominator; 0 for one score.
    pub standard_deviation: f64,
    /// The lowest.
    pub minimum: f64,
    /// The highest.
    pub maximum: f64,
    /// The scores that are not finite and in none of the other numbers.
    pub diverged: usize,
}

impl Rolls {
    /// How far the finite scores spread; none where no score is finite.
    ///
    /// # Example
    /// ```
    /// use espalier_dice_roll::Rolls;
    ///
    /// let spread = Rolls { scores: vec![3.0, 1.0, 2.0], winner: 1 }.spread().unwrap();
    /// assert_eq!((spread.mean, spread.standard_deviation), (2.0, 1.0));
    /// ```
    #[must_use]
    pub fn spread(&self) -> Option<ScoreSpread> {
        let finite: Vec<f64> = self.scores.iter().copied().filter(|s| s.is_finite()).collect();
        if finite.is_empty() {
            return None;
        }
        let count = finite.len() as f64;
        let mean = finite.iter().sum::<f64>() / count;
        let squares: f64 = finite.iter().map(|s| (s - mean) * (s - mean)).sum();
        Some(ScoreSpread {
            mean,
            standard_deviation: (squares / (count - 1.0).max(1.0)).sqrt(),
            minimum: finite.iter().copied().fold(f64::INFINITY, f64::min),
            maximum: finite.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            diverged: self.scores.len() - finite.len(),
        })
    }

    /// The rolls in one line, for a plan's reason.
    #[must_use]
    pub fn describe(&self) -> String {
        let (number, of) = (self.winner + 1, self.scores.len());
        match self.spread() {
            None => format!("none of {of} rolls has a finite score"),
            Some(s) => format!(
                "roll {number} of {of} kept: scores {:.6} ± {:.6}, {:.6} to {:.6}, {} diverged",
                s.mean, s.standard_deviation, s.minimum, s.maximum, s.diverged
            ),
        }
    }
}
