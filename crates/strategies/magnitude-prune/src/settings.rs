//! The method's settings and their ranges.

use espalier_strategy::{Groups, Result, check_setting};
use serde::{Deserialize, Serialize};

/// What ranks the weights of a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightScore {
    /// |w|
    #[default]
    Magnitude,
    /// A random number.
    Random,
    /// |w·∂L/∂w|: how far the loss moves, to first order, when the weight becomes 0.
    Taylor,
    /// w with its sign: the source's fault, which deletes the most negative weights.
    LegacySigned,
}

/// What ranks the units of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitScore {
    /// Σ|w| over the fan-in weights.
    L1,
    /// √Σw² over the fan-in weights.
    #[default]
    L2,
    /// A random number.
    Random,
    /// |Σ w·∂L/∂w| over fan-in weights and biases: how far the loss moves, to first order, when all become 0.
    Taylor,
}

/// What is pruned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Single weights, the same share of each column.
    Weights(WeightScore),
    /// Whole units, the same share of each group.
    Units(UnitScore),
}

/// How it is pruned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// By zeros in the layers' masks, which stay.
    #[default]
    Mask,
    /// By zeros in the weights, which training may change again.
    Zero,
    /// By cutting units out.
    Remove,
}

/// The method's settings.
///
/// | field | default | range | in the source |
/// |---|---|---|---|
/// | `scope` | weights by magnitude | – | weights (signed), units by L1 |
/// | `form` | mask | `remove` for units only | zero |
/// | `fraction` | 0.5 | [0, 1) | 0, 0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.97, 0.99 |
/// | `bias` | true | – | false |
/// | `groups` | all | editable groups, for units | all but the logits |
/// | `skip` | none | layers with weights | the logits |
/// | `first_epoch` | 1 | ≥ 0 | after training |
/// | `every_epochs` | 1 | ≥ 1 | – |
/// | `rounds` | 1 | ≥ 1 | 1 |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MagnitudePruneSettings {
    /// What is pruned, and by which score.
    pub scope: Scope,
    /// How it is pruned.
    pub form: Form,
    /// The share k that is gone after the last round.
    pub fraction: f64,
    /// Whether a pruned unit's biases, norm shifts and running means become 0 too.
    pub bias: bool,
    /// Where units are pruned.
    pub groups: Groups,
    /// Layers whose weights and units stay, by name; output layers always do.
    pub skip: Vec<String>,
    /// The epoch at whose end the first round comes; 0 is before training.
    pub first_epoch: u64,
    /// Epochs from one round to the next.
    pub every_epochs: u64,
    /// The number of rounds; 1 is one-shot pruning.
    pub rounds: u64,
}

impl Default for MagnitudePruneSettings {
    fn default() -> Self {
        Self {
            scope: Scope::Weights(WeightScore::Magnitude),
            form: Form::Mask,
            fraction: 0.5,
            bias: true,
            groups: Groups::Editable,
            skip: Vec::new(),
            first_epoch: 1,
            every_epochs: 1,
            rounds: 1,
        }
    }
}

impl MagnitudePruneSettings {
    pub(crate) fn check(&self, name: &str) -> Result<()> {
        check_setting(
            name,
            "fraction",
            (0.0..1.0).contains(&self.fraction),
            "at least 0 and below 1",
            self.fraction,
        )?;
        check_setting(
            name,
            "every_epochs",
            self.every_epochs > 0,
            "at least 1",
            self.every_epochs,
        )?;
        check_setting(name, "rounds", self.rounds > 0, "at least 1", self.rounds)?;
        let cuts_weights = self.form == Form::Remove && matches!(self.scope, Scope::Weights(_));
        check_setting(
            name,
            "form",
            !cuts_weights,
            "mask or zero where single weights are pruned",
            "remove",
        )
    }

    /// The share that is gone after a round: 1 − (1 − k)^{r/R}.
    #[must_use]
    pub fn fraction_after(&self, round: u64) -> f64 {
        let done = round.min(self.rounds) as f64 / self.rounds as f64;
        // The last round takes exactly k, whatever the powers round to.
        if done < 1.0 {
            1.0 - (1.0 - self.fraction).powf(done)
        } else {
            self.fraction
        }
    }

    /// The round that is due at the end of an epoch, counted from 1.
    pub(crate) fn round_at(&self, epoch: u64) -> Option<u64> {
        let since = epoch.checked_sub(self.first_epoch)?;
        let round = since / self.every_epochs + 1;
        (since.is_multiple_of(self.every_epochs) && round <= self.rounds).then_some(round)
    }
}
