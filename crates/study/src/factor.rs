//! Factors, their levels, and choices of arms by them.

use std::fmt;

use espalier_report::figure::Axis;
use espalier_report::rows::Cell;
use serde::Serialize;

use crate::arm::Arm;

/// The value to which an arm sets a factor.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Level {
    /// A number.
    Number(f64),
    /// A yes or no.
    Flag(bool),
    /// A name.
    Text(String),
}

impl Level {
    /// The number; NaN of a name or a flag.
    #[must_use]
    pub fn number(&self) -> f64 {
        match self {
            Self::Number(value) => *value,
            Self::Flag(_) | Self::Text(_) => f64::NAN,
        }
    }

    /// The level that a field of a variant sets; none where the field is empty.
    pub(crate) fn of(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Null => None,
            Cell::Bool(value) => Some(Self::Flag(*value)),
            Cell::Int(value) => Some(Self::Number(*value as f64)),
            Cell::Float(value) => Some(Self::Number(*value)),
            Cell::Text(value) => Some(Self::Text(value.clone())),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(value) if *value != 0.0 && !(1e-3..1e6).contains(&value.abs()) => write!(f, "{value:e}"),
            Self::Number(value) => write!(f, "{value}"),
            Self::Flag(value) => f.write_str(if *value { "yes" } else { "no" }),
            Self::Text(value) => f.write_str(value),
        }
    }
}

impl From<f64> for Level {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}
impl From<usize> for Level {
    fn from(value: usize) -> Self {
        Self::Number(value as f64)
    }
}
impl From<bool> for Level {
    fn from(value: bool) -> Self {
        Self::Flag(value)
    }
}
impl From<&str> for Level {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}
impl From<String> for Level {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

/// What a factor is to a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorKind {
    /// It is set, and reaches the trial.
    Setting,
    /// It is set, and brings settings with it that only this method has, such as the penalty of a gate.
    Method,
    /// It only names the arm: a role, the stated but unused value of a setting, the arm of which a net is the twin.
    Label,
}

/// How a factor's axis is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scaling {
    Linear,
    Log2,
    Log10,
}

/// Something by which arms are told apart.
///
/// # Example
/// ```
/// use espalier_study::{Arm, Factor};
///
/// const DECAY: Factor = Factor::setting("weight decay");
/// const ROLE: Factor = Factor::label("role");
/// let arm = Arm::new("start 125").with(&ROLE, "start").with(&DECAY, 1e-3);
/// assert!(ROLE.is("start").and(DECAY.is(1e-3)).holds(&arm));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Factor {
    /// Its name, on axes and in sentences.
    pub name: &'static str,
    /// Its unit; empty where it has none.
    pub unit: &'static str,
    /// What it is to a comparison.
    pub kind: FactorKind,
    scale: Scaling,
}

impl Factor {
    /// Declares a factor of some kind.
    const fn new(name: &'static str, kind: FactorKind) -> Self {
        Self {
            name,
            unit: "",
            kind,
            scale: Scaling::Linear,
        }
    }

    /// Declares something that is set and reaches the trial.
    pub const fn setting(name: &'static str) -> Self {
        Self::new(name, FactorKind::Setting)
    }

    /// Declares the choice of a method, which brings settings that only it has.
    pub const fn method(name: &'static str) -> Self {
        Self::new(name, FactorKind::Method)
    }

    /// Declares a name that reaches no trial.
    pub const fn label(name: &'static str) -> Self {
        Self::new(name, FactorKind::Label)
    }

    /// Adds the unit.
    pub const fn unit(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }

    /// Draws the factor on a logarithmic axis.
    pub const fn log(mut self) -> Self {
        self.scale = Scaling::Log10;
        self
    }

    /// Draws the factor on an axis of powers of two, as widths are.
    pub const fn log2(mut self) -> Self {
        self.scale = Scaling::Log2;
        self
    }

    /// Chooses the arms that set the factor to a level.
    pub fn is(&self, level: impl Into<Level>) -> Where {
        self.any([level])
    }

    /// Chooses the arms that set the factor to one of some levels.
    pub fn any<L: Into<Level>>(&self, levels: impl IntoIterator<Item = L>) -> Where {
        Where {
            conditions: vec![Condition {
                factor: self.name,
                levels: levels.into_iter().map(Into::into).collect(),
            }],
            words: None,
        }
    }

    /// Its axis.
    #[must_use]
    pub fn axis(&self) -> Axis {
        let name = crate::quantity::sentence_case(self.name);
        let axis = match self.scale {
            Scaling::Linear => Axis::linear(name),
            Scaling::Log2 => Axis::log2(name),
            Scaling::Log10 => Axis::log10(name),
        };
        axis.unit(self.unit)
    }

    /// Its axis with one slot for each level.
    #[must_use]
    pub fn categories(&self, levels: &[Level]) -> Axis {
        Axis::category(self.name, levels.iter().map(Level::to_string)).unit(self.unit)
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Condition {
    factor: &'static str,
    levels: Vec<Level>,
}

/// A choice of arms, in words that come from its conditions or are given.
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use]
pub struct Where {
    conditions: Vec<Condition>,
    words: Option<String>,
}

impl Where {
    /// Chooses every arm.
    pub fn all() -> Self {
        Self::default()
    }

    /// Chooses what both choose.
    pub fn and(mut self, other: Self) -> Self {
        let words: Vec<String> = [&self, &other]
            .into_iter()
            .filter(|side| !side.conditions.is_empty())
            .map(Self::to_string)
            .collect();
        if self.words.is_some() || other.words.is_some() {
            self.words = Some(words.join(", "));
        }
        self.conditions.extend(other.conditions);
        self
    }

    /// Chooses what both choose, and leaves both as they are.
    pub fn also(&self, other: &Self) -> Self {
        self.clone().and(other.clone())
    }

    /// Names the choice.
    pub fn named(mut self, words: impl Into<String>) -> Self {
        self.words = Some(words.into());
        self
    }

    /// Says whether an arm is chosen.
    #[must_use]
    pub fn holds(&self, arm: &Arm) -> bool {
        let met = |c: &Condition| arm.level(c.factor).is_some_and(|level| c.levels.contains(level));
        self.conditions.iter().all(met)
    }
}

impl fmt::Display for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(words) = &self.words {
            return f.write_str(words);
        }
        let one = |c: &Condition| match c.levels.as_slice() {
            [Level::Flag(true)] => c.factor.to_owned(),
            [Level::Flag(false)] => format!("not {}", c.factor),
            levels => {
                let levels: Vec<String> = levels.iter().map(Level::to_string).collect();
                format!("{} {}", c.factor, levels.join(" or "))
            }
        };
        let parts: Vec<String> = self.conditions.iter().map(one).collect();
        f.write_str(if parts.is_empty() { "all arms" } else { "" })?;
        f.write_str(&parts.join(", "))
    }
}
