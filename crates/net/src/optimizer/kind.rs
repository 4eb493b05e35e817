//! The optimizers there are, with their settings.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Settings of stochastic gradient descent.
///
/// | Field | Default | Range |
/// |---|---|---|
/// | `momentum` | 0 | [0, 1) |
/// | `nesterov` | false | needs momentum > 0 and dampening 0 |
/// | `dampening` | 0 | [0, 1] |
/// | `weight_decay` | 0 | ≥ 0, added to the gradient |
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SgdSettings {
    /// The share of the last direction that stays in the next one.
    pub momentum: f64,
    /// Whether the step looks ahead along the momentum.
    pub nesterov: bool,
    /// The share of the new gradient that is left out of the momentum.
    pub dampening: f64,
    /// The L2 penalty of parameters in no group of their own.
    pub weight_decay: f64,
}

/// Settings of Adam and AdamW.
///
/// | Field | Default | Range |
/// |---|---|---|
/// | `beta1` | 0.9 | [0, 1) |
/// | `beta2` | 0.999 | [0, 1) |
/// | `epsilon` | 1e-8 | > 0 |
/// | `weight_decay` | 0 | ≥ 0; Adam adds it to the gradient, AdamW shrinks the parameter |
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamSettings {
    /// The decay of the first moment.
    pub beta1: f64,
    /// The decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// The weight decay of parameters in no group of their own.
    pub weight_decay: f64,
}

impl Default for AdamSettings {
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
        }
    }
}

/// Settings of AdaMax.
///
/// | Field | Default | Range |
/// |---|---|---|
/// | `beta1` | 0.9 | [0, 1) |
/// | `beta2` | 0.999 | [0, 1) |
/// | `epsilon` | 1e-8 | > 0 |
/// | `weight_decay` | 0 | ≥ 0, added to the gradient |
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdaMaxSettings {
    /// The decay of the first moment.
    pub beta1: f64,
    /// The decay of the infinity norm.
    pub beta2: f64,
    /// Added to the gradient's magnitude.
    pub epsilon: f64,
    /// The L2 penalty of parameters in no group of their own.
    pub weight_decay: f64,
}

impl Default for AdaMaxSettings {
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
        }
    }
}

/// Settings of Adagrad.
///
/// | Field | Default | Range |
/// |---|---|---|
/// | `rate_decay` | 0 | ≥ 0; the rate is divided by 1 + (t − 1)·`rate_decay` |
/// | `initial_sum` | 0 | ≥ 0 |
/// | `epsilon` | 1e-10 | > 0 |
/// | `weight_decay` | 0 | ≥ 0, added to the gradient |
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdagradSettings {
    /// How fast the learning rate falls.
    pub rate_decay: f64,
    /// The sum of squared gradients before the first step.
    pub initial_sum: f64,
    /// Added to the root of the sum.
    pub epsilon: f64,
    /// The L2 penalty of parameters in no group of their own.
    pub weight_decay: f64,
}

impl Default for AdagradSettings {
    fn default() -> Self {
        Self {
            rate_decay: 0.0,
            initial_sum: 0.0,
            epsilon: 1e-10,
            weight_decay: 0.0,
        }
    }
}

/// Settings of RMSprop.
///
/// | Field | Default | Range |
/// |---|---|---|
/// | `alpha` | 0.99 | [0, 1) |
/// | `momentum` | 0 | [0, 1) |
/// | `centered` | false | |
/// | `epsilon` | 1e-8 | > 0 |
/// | `weight_decay` | 0 | ≥ 0, added to the gradient |
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RmsPropSettings {
    /// The decay of the averages.
    pub alpha: f64,
    /// The share of the last direction that stays in the next one.
    pub momentum: f64,
    /// Whether the variance is taken around the gradient's mean.
    pub centered: bool,
    /// Added to the root.
    pub epsilon: f64,
    /// The L2 penalty of parameters in no group of their own.
    pub weight_decay: f64,
}

impl Default for RmsPropSettings {
    fn default() -> Self {
        Self {
            alpha: 0.99,
            momentum: 0.0,
            centered: false,
            epsilon: 1e-8,
            weight_decay: 0.0,
        }
    }
}

/// An update rule with its settings.
///
/// # Method
/// The rules are those of PyTorch's `torch.optim`, from their published pseudo-code.
///
/// # Example
/// ```
/// use espalier_net::OptimizerKind;
///
/// let kind: OptimizerKind = serde_json::from_str(r#"{"rule": "adam", "beta1": 0.8}"#)?;
/// assert_eq!(kind.weight_decay(), 0.0);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "rule")]
#[non_exhaustive]
pub enum OptimizerKind {
    /// Stochastic gradient descent, with momentum if asked for.
    Sgd(SgdSettings),
    /// Adam; weight decay is a penalty on the loss.
    Adam(AdamSettings),
    /// Adam with decoupled weight decay.
    #[serde(rename = "adamw")]
    AdamW(AdamSettings),
    /// Adam with the infinity norm.
    #[serde(rename = "adamax")]
    AdaMax(AdaMaxSettings),
    /// Adagrad.
    Adagrad(AdagradSettings),
    /// RMSprop.
    #[serde(rename = "rmsprop")]
    RmsProp(RmsPropSettings),
}

/// How a state array follows a gradient that is multiplied by f.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Power {
    /// By f: averages of gradients.
    Linear,
    /// By f²: averages and sums of squared gradients.
    Square,
    /// By |f|: norms.
    Magnitude,
    /// By the sign of f: averages of gradients divided by their own size.
    Sign,
}

impl Power {
    /// The factor that the state takes where the gradient takes `factor`.
    pub(crate) fn of(self, factor: f64) -> f64 {
        match self {
            Self::Linear => factor,
            Self::Square => factor * factor,
            Self::Magnitude => factor.abs(),
            Self::Sign if factor == 0.0 => 0.0,
            Self::Sign => factor.signum(),
        }
    }
}

/// One state array of a rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct StateSpec {
    pub(crate) name: &'static str,
    pub(crate) power: Power,
    pub(crate) initial: f64,
}

const fn spec(name: &'static str, power: Power) -> StateSpec {
    StateSpec {
        name,
        power,
        initial: 0.0,
    }
}

impl OptimizerKind {
    /// Plain stochastic gradient descent with the given momentum.
    #[must_use]
    pub fn sgd(momentum: f64) -> Self {
        Self::Sgd(SgdSettings {
            momentum,
            ..SgdSettings::default()
        })
    }

    /// Adam with its usual settings.
    #[must_use]
    pub fn adam() -> Self {
        Self::Adam(AdamSettings::default())
    }

    /// AdamW with its usual settings and the given weight decay.
    #[must_use]
    pub fn adamw(weight_decay: f64) -> Self {
        Self::AdamW(AdamSettings {
            weight_decay,
            ..AdamSettings::default()
        })
    }

    /// The weight decay of parameters in no group of their own.
    #[must_use]
    pub fn weight_decay(&self) -> f64 {
        match self {
            Self::Sgd(s) => s.weight_decay,
            Self::Adam(s) | Self::AdamW(s) => s.weight_decay,
            Self::AdaMax(s) => s.weight_decay,
            Self::Adagrad(s) => s.weight_decay,
            Self::RmsProp(s) => s.weight_decay,
        }
    }

    /// The rule's name as configurations spell it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sgd(_) => "sgd",
            Self::Adam(_) => "adam",
            Self::AdamW(_) => "adamw",
            Self::AdaMax(_) => "adamax",
            Self::Adagrad(_) => "adagrad",
            Self::RmsProp(_) => "rmsprop",
        }
    }

    /// The state arrays that the rule keeps for each parameter, in the order in which its kernel takes them.
    pub(crate) fn states(&self) -> Vec<StateSpec> {
        match self {
            Self::Sgd(s) if s.momentum == 0.0 => Vec::new(),
            Self::Sgd(_) => vec![spec("momentum", Power::Linear)],
            Self::Adam(_) | Self::AdamW(_) => {
                vec![
                    spec("first_moment", Power::Linear),
                    spec("second_moment", Power::Square),
                ]
            }
            Self::AdaMax(_) => vec![
                spec("first_moment", Power::Linear),
                spec("infinity_norm", Power::Magnitude),
            ],
            Self::Adagrad(s) => {
                vec![StateSpec {
                    name: "square_sum",
                    power: Power::Square,
                    initial: s.initial_sum,
                }]
            }
            Self::RmsProp(_) => vec![
                spec("square_average", Power::Square),
                spec("gradient_average", Power::Linear),
                spec("momentum", Power::Sign),
            ],
        }
    }

    /// Checks every setting against its range.
    ///
    /// # Errors
    /// Names the setting, its range and its value.
    pub fn validate(&self) -> Result<()> {
        at_least_zero("weight_decay", self.weight_decay())?;
        match self {
            Self::Sgd(s) => {
                fraction("momentum", s.momentum)?;
                let whole = (0.0..=1.0).contains(&s.dampening);
                check("dampening", whole, "within [0, 1]", s.dampening)?;
                let possible = !s.nesterov || (s.momentum > 0.0 && s.dampening == 0.0);
                check(
                    "nesterov",
                    possible,
                    "a momentum above 0 and a dampening of 0 with it",
                    s.dampening,
                )
            }
            Self::Adam(s) | Self::AdamW(s) => {
                fraction("beta1", s.beta1)?;
                fraction("beta2", s.beta2)?;
                positive("epsilon", s.epsilon)
            }
            Self::AdaMax(s) => {
                fraction("beta1", s.beta1)?;
                fraction("beta2", s.beta2)?;
                positive("epsilon", s.epsilon)
            }
            Self::Adagrad(s) => {
                at_least_zero("rate_decay", s.rate_decay)?;
                at_least_zero("initial_sum", s.initial_sum)?;
                positive("epsilon", s.epsilon)
            }
            Self::RmsProp(s) => {
                fraction("alpha", s.alpha)?;
                fraction("momentum", s.momentum)?;
                positive("epsilon", s.epsilon)
            }
        }
    }
}

pub(super) fn check(field: &'static str, holds: bool, expected: &str, found: f64) -> Result<()> {
    if holds {
        return Ok(());
    }
    Err(Error::Setting {
        field,
        expected: expected.to_owned(),
        found: found.to_string(),
    })
}

fn fraction(field: &'static str, value: f64) -> Result<()> {
    check(field, (0.0..1.0).contains(&value), "within [0, 1)", value)
}

fn positive(field: &'static str, value: f64) -> Result<()> {
    check(
        field,
        value.is_finite() && value > 0.0,
        "a finite number above 0",
        value,
    )
}

pub(super) fn at_least_zero(field: &'static str, value: f64) -> Result<()> {
    check(
        field,
        value.is_finite() && value >= 0.0,
        "a finite number of at least 0",
        value,
    )
}
