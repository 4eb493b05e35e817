//! When a gate counts as closed for good.

use serde::{Deserialize, Serialize};

/// How dead units are told from living ones.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Removal {
    /// The factor is at most `at` in size when dead units are collected; until then a unit may return.
    Threshold {
        /// The largest factor of a dead unit.
        at: f64,
    },
    /// θ has reached or crossed 0 once.
    FirstSignChange,
    /// The running variance of the sign of θ has passed a threshold once.
    ///
    /// # Method
    /// v ← γv + (1−γ)(s−m)², then m ← γm + (1−γ)s, with s the sign of θ after each step; m starts at the first sign,
    /// v at 0.
    SignVariance {
        /// γ, the weight of the past.
        gamma: f64,
        /// The variance above which a unit is dead.
        threshold: f64,
    },
}

impl Default for Removal {
    fn default() -> Self {
        Self::Threshold { at: 0.0 }
    }
}

/// What is remembered of one unit's gate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Track {
    /// The first sign that was seen.
    pub first: f64,
    /// The running mean m of the sign.
    pub mean: f64,
    /// The running variance v of the sign.
    pub variance: f64,
    /// Whether the unit is dead for good.
    pub dead: bool,
}

impl Track {
    /// Starts with the gate's first value.
    ///
    /// # Example
    /// ```
    /// use espalier_sparsifier::{Removal, Track};
    ///
    /// let mut track = Track::start(0.3);
    /// track.observe(-0.1, Removal::SignVariance { gamma: 0.0, threshold: 0.5 });
    /// assert!(track.dead && track.variance == 4.0);
    /// ```
    #[must_use]
    pub fn start(theta: f64) -> Self {
        Self {
            first: sign(theta),
            mean: sign(theta),
            variance: 0.0,
            dead: false,
        }
    }

    /// Takes the gate's value after a step.
    pub fn observe(&mut self, theta: f64, removal: Removal) {
        let s = sign(theta);
        match removal {
            Removal::Threshold { .. } => {}
            Removal::FirstSignChange => {
                if self.first == 0.0 {
                    self.first = s;
                }
                self.dead |= s != self.first;
            }
            Removal::SignVariance { gamma, threshold } => {
                self.variance = gamma * self.variance + (1.0 - gamma) * (s - self.mean) * (s - self.mean);
                self.mean = gamma * self.mean + (1.0 - gamma) * s;
                self.dead |= self.variance > threshold;
            }
        }
    }
}

fn sign(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x.signum() }
}
