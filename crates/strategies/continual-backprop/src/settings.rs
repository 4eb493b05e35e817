//! The method's settings and their ranges.

use espalier_net::Initializer;
use espalier_strategy::{Groups, Result, check_setting};
use serde::{Deserialize, Serialize};

/// Which statement of the method by its authors is followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Their code: utilities are divided by 1 − η^age, so that a young unit is judged by what it contributes and not by the
    /// 0 that its average started from; what a replaced unit emitted on average moves into its consumers' biases; a
    /// unit is due once the account reaches 1.
    #[default]
    AuthorsCode,
    /// Their code as it runs: it forgets a unit's mean just before it would move it, so that nothing moves.
    AuthorsRun,
    /// Their equations in *Nature*: none of the first two, and a unit is due once the account is above 1.
    Equations,
}

/// The method's settings.
///
/// | field | default | range | in the source |
/// |---|---|---|---|
/// | `groups` | all | editable groups | all hidden layers |
/// | `decay` | 0.99 | 0 ≤ η < 1 | 0.99 in all experiments |
/// | `maturity` | 100 | ≥ 0 steps | by experiment |
/// | `replacement` | 1e-4 | 0 < ρ ≤ 1 | by experiment |
/// | `form` | authors' code | – | the code; the equations leave two of its parts out |
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
    /// Which statement of the method by its authors is followed.
    pub form: Form,
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
            form: Form::default(),
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
