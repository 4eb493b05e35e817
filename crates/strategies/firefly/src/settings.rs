//! The method's settings and their ranges.

use espalier_net::Initializer;
use espalier_strategy::{Groups, Result, check_setting};
use serde::{Deserialize, Serialize};

/// The method's settings.
///
/// | field | default | range |
/// |---|---|---|
/// | `groups` | all | editable groups |
/// | `every_epochs` | 5 | ≥ 1 |
/// | `new_units` | 4 | ≥ 1 |
/// | `candidates` | 16 | at least `new_units`, in each group |
/// | `steps` | 10 | ≥ 1 |
/// | `rate` | 0.01 | > 0 |
/// | `distribution` | PyTorch's | – |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FireflySettings {
    /// Where.
    pub groups: Groups,
    /// When, unless another trigger is given.
    pub every_epochs: u64,
    /// New units of a decision, at most.
    pub new_units: usize,
    /// Candidates in each group.
    pub candidates: usize,
    /// Steps for which candidates are trained.
    pub steps: u64,
    /// The rate of these steps.
    pub rate: f64,
    /// How the fan-in of candidates is drawn.
    pub distribution: Initializer,
}

impl Default for FireflySettings {
    fn default() -> Self {
        Self {
            groups: Groups::Editable,
            every_epochs: 5,
            new_units: 4,
            candidates: 16,
            steps: 10,
            rate: 0.01,
            distribution: Initializer::default(),
        }
    }
}

impl FireflySettings {
    pub(crate) fn check(&self, name: &str) -> Result<()> {
        let (units, candidates) = (self.new_units, self.candidates);
        check_setting(name, "new_units", units > 0, "at least 1", units)?;
        check_setting(
            name,
            "candidates",
            candidates >= units,
            "at least new_units",
            candidates,
        )?;
        check_setting(name, "steps", self.steps > 0, "at least 1", self.steps)?;
        let positive = self.rate > 0.0 && self.rate.is_finite();
        check_setting(name, "rate", positive, "above 0", self.rate)
    }
}
