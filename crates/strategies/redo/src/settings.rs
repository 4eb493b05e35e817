//! The method's settings and their ranges.

use espalier_net::Initializer;
use espalier_strategy::{Groups, Result, check_setting};
use serde::{Deserialize, Serialize};

/// The method's settings.
///
/// | field | default | range | in the source |
/// |---|---|---|---|
/// | `groups` | all | editable groups | all hidden layers |
/// | `every_steps` | 1000 | ≥ 1 | F = 1000 |
/// | `threshold` | 0.1 | ≥ 0 | τ = 0.1 |
/// | `distribution` | PyTorch's | – | the layer's original one |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RedoSettings {
    /// Where.
    pub groups: Groups,
    /// Every so many steps.
    pub every_steps: u64,
    /// The largest score τ of a dormant unit.
    pub threshold: f64,
    /// How new fan-in weights and biases are drawn.
    pub distribution: Initializer,
}

impl Default for RedoSettings {
    fn default() -> Self {
        Self {
            groups: Groups::Editable,
            every_steps: 1000,
            threshold: 0.1,
            distribution: Initializer::default(),
        }
    }
}

impl RedoSettings {
    pub(crate) fn check(&self, name: &str) -> Result<()> {
        check_setting(
            name,
            "every_steps",
            self.every_steps > 0,
            "at least 1",
            self.every_steps,
        )?;
        let threshold = self.threshold >= 0.0 && self.threshold.is_finite();
        check_setting(name, "threshold", threshold, "at least 0", self.threshold)
    }
}
