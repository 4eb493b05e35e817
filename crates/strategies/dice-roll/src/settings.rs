//! The method's settings and their ranges.

use espalier_net::{Initializer, OptimizerKind};
use espalier_strategy::{Result, check_setting};
use serde::{Deserialize, Serialize};

/// Which loss scores a roll that is trained for a few steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepScore {
    /// The loss on the growth batch after the last step, in evaluation mode.
    #[default]
    After,
    /// The mean loss of the steps, each measured just before it, in training mode.
    During,
}

/// How a roll is scored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// By its loss on the growth batch, untrained.
    #[default]
    ForwardOnly,
    /// After a few training steps; the winner is returned as trained.
    FewSteps {
        /// The optimizer of these steps.
        optimizer: OptimizerKind,
        /// Its learning rate.
        rate: f64,
        /// The number of steps.
        steps: u64,
        /// Which loss counts.
        score: StepScore,
    },
}

impl Mode {
    /// Ten steps of Adam with a rate of 1e-3, scored by the losses during them: the trials of the source.
    #[must_use]
    pub fn source_trials() -> Self {
        Self::FewSteps {
            optimizer: OptimizerKind::adam(),
            rate: 1e-3,
            steps: 10,
            score: StepScore::During,
        }
    }
}

/// The method's settings.
///
/// | field | default | range | in the source |
/// |---|---|---|---|
/// | `rolls` | 10 | ≥ 1, off at 1 | 10; its example 30 |
/// | `mode` | forward only | – | forward only; 10 steps of Adam before |
/// | `mode.rate` | – | > 0 | 1e-3 |
/// | `mode.steps` | – | ≥ 1 | 10 |
/// | `initializer` | PyTorch's | – | PyTorch's |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DiceRollSettings {
    /// The number of candidates, the network as it stands among them.
    pub rolls: u64,
    /// How a roll is scored.
    pub mode: Mode,
    /// How further rolls draw their weights.
    pub initializer: Initializer,
}

impl Default for DiceRollSettings {
    fn default() -> Self {
        Self {
            rolls: 10,
            mode: Mode::ForwardOnly,
            initializer: Initializer::TorchDefault,
        }
    }
}

impl DiceRollSettings {
    pub(crate) fn check(&self, name: &str) -> Result<()> {
        check_setting(name, "rolls", self.rolls > 0, "at least 1", self.rolls)?;
        let Mode::FewSteps {
            optimizer, rate, steps, ..
        } = &self.mode
        else {
            return Ok(());
        };
        check_setting(name, "mode.rate", *rate > 0.0 && rate.is_finite(), "above 0", rate)?;
        check_setting(name, "mode.steps", *steps > 0, "at least 1", steps)?;
        Ok(optimizer.validate()?)
    }
}
