//! The method's settings and their ranges.

use espalier_strategy::{Groups, Result, check_setting};
use serde::{Deserialize, Serialize};

/// The method's settings.
///
/// | field | default | range |
/// |---|---|---|
/// | `groups` | all that the method supports | editable groups |
/// | `every_epochs` | 5 | ≥ 1 |
/// | `new_units` | 4 | ≥ 1 |
/// | `cutoff` | 1e-6 | 0 to 1 |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TinySettings {
    /// Where; a group named here that the method cannot work on is refused, others are passed over.
    pub groups: Groups,
    /// When, unless another trigger is given.
    pub every_epochs: u64,
    /// New units of a decision; fewer where fewer directions are left to express.
    pub new_units: usize,
    /// Directions of the inputs with less than this share of the largest eigenvalue count as not there.
    pub cutoff: f64,
}

impl Default for TinySettings {
    fn default() -> Self {
        Self {
            groups: Groups::Editable,
            every_epochs: 5,
            new_units: 4,
            cutoff: 1e-6,
        }
    }
}

impl TinySettings {
    pub(crate) fn check(&self, name: &str) -> Result<()> {
        check_setting(name, "new_units", self.new_units > 0, "at least 1", self.new_units)?;
        let share = self.cutoff > 0.0 && self.cutoff < 1.0;
        check_setting(name, "cutoff", share, "above 0 and below 1", self.cutoff)
    }
}
