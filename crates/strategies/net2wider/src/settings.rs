//! The method's settings and their ranges.

use espalier_strategy::{Groups, Result, Schedule, check_setting};
use serde::{Deserialize, Serialize};

/// The method's settings.
///
/// | field | default | range | in the source |
/// |---|---|---|---|
/// | `groups` | all | editable groups | layers by choice |
/// | `when` | after epoch 10 | – | when the small network is trained |
/// | `factor` | 1.5 | > 1 | – (several) |
/// | `noise` | 0.01 | ≥ 0, times the fan-in's root mean square | "a small amount" |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Net2WiderSettings {
    /// Where.
    pub groups: Groups,
    /// At which moments.
    pub when: Schedule,
    /// The new width over the old one.
    pub factor: f64,
    /// The noise σ on copied fan-in weights, relative to their root mean square.
    pub noise: f64,
}

impl Default for Net2WiderSettings {
    fn default() -> Self {
        Self {
            groups: Groups::Editable,
            when: Schedule::Epochs(vec![10]),
            factor: 1.5,
            noise: 0.01,
        }
    }
}

impl Net2WiderSettings {
    pub(crate) fn check(&self, name: &str) -> Result<()> {
        let factor = self.factor > 1.0 && self.factor.is_finite();
        check_setting(name, "factor", factor, "above 1", self.factor)?;
        let noise = self.noise >= 0.0 && self.noise.is_finite();
        check_setting(name, "noise", noise, "at least 0", self.noise)
    }
}
