//! The method's settings and their ranges.

use espalier_net::{Scales, Transplant};
use espalier_strategy::{GradientForm, Groups, Result, UnevenCopies, check_setting};
use serde::{Deserialize, Serialize};

use crate::rule::Centre;

/// What sets the copies of a unit apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parting {
    /// Uneven shares of the fan-out, which preserve the function exactly; see [`espalier_strategy::UnevenCopies`].
    #[default]
    Uneven,
    /// As in the source: equal shares, and the bias of every copy but the original moved by a part of itself. The copies
    /// hardly part, and where a bias is 0 or missing they are equal; at `jitter` 0 all of them are, and the split is exact.
    Legacy {
        /// By which part of itself a copy's bias is moved, at least 0: `splits` / 1000 in the source, 1e-4 before.
        jitter: f64,
    },
}

impl Parting {
    pub(crate) fn scales(self, copies: usize) -> Vec<Scales> {
        match self {
            Self::Uneven => UnevenCopies::scales(copies),
            Self::Legacy { .. } => Scales::equal(copies),
        }
    }

    pub(crate) fn jitter(self) -> f64 {
        match self {
            Self::Uneven => 0.0,
            Self::Legacy { jitter } => jitter,
        }
    }
}

/// The method's settings.
///
/// | field | default | range | in the source |
/// |---|---|---|---|
/// | `groups` | all | editable groups | all but the last layer |
/// | `centre` | mean | – | mean |
/// | `cutoff_add` | 1.5 | > 0 | 1.5; its example 0.3 |
/// | `cutoff_remove` | 1 | 0..=1, off at 0 and 1 | 1; its example 0.8 |
/// | `bias_cutoff` | none | < 0 | `cutoffrem` < 0 |
/// | `extra` | 1 | ≥ 1 | `splits` |
/// | `parting` | uneven | – | legacy, a jitter of `splits` / 1000 |
/// | `every_epochs` | 2 | ≥ 1 | advice: ≥ 2 |
/// | `rest_epochs` | 2 | ≥ 0 | – |
/// | `max_parameters` | 12 000 000 | at least the present size | the same |
/// | `form` | absolute | absolute or signed | absolute; signed before |
/// | `transplant` | exact | – | rebuild |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GradientSplitSettings {
    /// Where.
    pub groups: Groups,
    /// The middle of a layer's scores.
    pub centre: Centre,
    /// How far above the middle a unit is split.
    pub cutoff_add: f64,
    /// How far below the middle a unit is removed.
    pub cutoff_remove: f64,
    /// The bias below which a unit is removed.
    pub bias_cutoff: Option<f64>,
    /// Additional copies of a split unit.
    pub extra: usize,
    /// What sets the copies apart.
    pub parting: Parting,
    /// Every so many epochs.
    pub every_epochs: u64,
    /// Epochs before a split or new unit may be changed again.
    pub rest_epochs: u64,
    /// The largest number of trained values.
    pub max_parameters: Option<u64>,
    /// How gradients of batches add up.
    pub form: GradientForm,
    /// What happens to the optimizer's state.
    pub transplant: Transplant,
}

impl Default for GradientSplitSettings {
    fn default() -> Self {
        Self {
            groups: Groups::Editable,
            centre: Centre::Mean,
            cutoff_add: 1.5,
            cutoff_remove: 1.0,
            bias_cutoff: None,
            extra: 1,
            parting: Parting::Uneven,
            every_epochs: 2,
            rest_epochs: 2,
            max_parameters: Some(12_000_000),
            form: GradientForm::Absolute,
            transplant: Transplant::Exact,
        }
    }
}

impl GradientSplitSettings {
    pub(crate) fn check(&self, name: &str) -> Result<()> {
        let positive = |x: f64| x > 0.0 && x.is_finite();
        check_setting(
            name,
            "cutoff_add",
            positive(self.cutoff_add),
            "above 0",
            self.cutoff_add,
        )?;
        check_setting(
            name,
            "cutoff_remove",
            (0.0..=1.0).contains(&self.cutoff_remove),
            "0..=1",
            self.cutoff_remove,
        )?;
        if let Some(cut) = self.bias_cutoff {
            check_setting(name, "bias_cutoff", cut < 0.0 && cut.is_finite(), "below 0", cut)?;
        }
        check_setting(name, "extra", self.extra > 0, "at least 1", self.extra)?;
        check_setting(
            name,
            "jitter",
            self.parting.jitter() >= 0.0 && self.parting.jitter().is_finite(),
            "at least 0",
            self.parting.jitter(),
        )?;
        let form = matches!(self.form, GradientForm::Absolute | GradientForm::Signed);
        check_setting(name, "form", form, "absolute or signed", format!("{:?}", self.form))?;
        check_setting(
            name,
            "every_epochs",
            self.every_epochs > 0,
            "at least 1",
            self.every_epochs,
        )
    }
}
