//! The method's settings and their ranges.

use espalier_net::Initializer;
use espalier_strategy::{Groups, Result, check_setting};
use serde::{Deserialize, Serialize};

/// The method's settings.
///
/// | field | default | range | in the source |
/// |---|---|---|---|
/// | `groups` | all | editable groups | all hidden layers |
/// | `decay` | 0.99 | 0 ≤ η < 1 | 0.99 in all experiments |
/// | `maturity` | 100 | ≥ 0 steps | by experiment |
/// | `replacement` | 1e-4 | 0 < ρ ≤ 1 | by experiment |
/// | `distribution` | PyTorch's | – | the layer's original one |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContinualBackpropSettings {
    /// Where.
    pub groups: Groups,
    /// The decay rate η of the utility.
    pub decay: f64,
    /// The maturity threshold m: a unit may be replaced when it is older than this many steps.
    pub maturity: u64,
    /// The replacement rate ρ: the share of the mature units that is replaced per step.
    pub replacement: f64,
    /// How new fan-in weights and biases are drawn.
    pub distribution: Initializer,
}

impl Default for ContinualBackpropSettings {
    fn default() -> Self {
        Self {
            groups: Groups::Editable,
            decay: 0.99,
            maturity: 100,
            replacement: 1e-4,
            distribution: Initializer::default(),
        }
    }
}

impl ContinualBackpropSettings {
    pub(crate) fn check(&self, name: &str) -> Result<()> {
        check_setting(
            name,
            "decay",
            (0.0..1.0).contains(&self.decay),
            "at least 0 and below 1",
            self.decay,
        )?;
        let replacement = self.replacement > 0.0 && self.replacement <= 1.0;
        check_setting(name, "replacement", replacement, "above 0, at most 1", self.replacement)
    }
}
