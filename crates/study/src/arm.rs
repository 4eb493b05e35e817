//! What is trained: an arm with everything that is set for it.

use std::collections::BTreeMap;
use std::fmt::Display;

use espalier_report::rows::{Row, fields};

use crate::factor::{Factor, FactorKind, Level};
use crate::{Error, Result};

/// An arm: one choice of all factors, trained once for every seed.
///
/// Everything that reaches its trials belongs in here, also what only some arms change: a learning rate, a number of
/// epochs, an optimizer. What all arms share comes in by [`Study::common`](crate::Study::common).
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use]
pub struct Arm {
    /// Its name, as in the rows.
    pub name: String,
    levels: BTreeMap<String, (FactorKind, Level)>,
}

impl Arm {
    /// Makes an arm that sets nothing yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Makes the arm of a variant that is a flat struct: its name is the variant's text, and each field that is not empty is
    /// set under the field's name, as the harness records it in the table `variants`.
    ///
    /// # Errors
    /// When a field is neither a number nor a flag nor text.
    pub fn of<V: Row + Display>(variant: &V) -> Result<Self> {
        let mut arm = Self::new(variant.to_string());
        for (field, cell) in fields(variant)? {
            let level = Level::of(&cell).map(|level| (FactorKind::Setting, level));
            arm.levels.extend(level.map(|level| (field.to_owned(), level)));
        }
        Ok(arm)
    }

    /// Sets a factor.
    pub fn with(mut self, factor: &Factor, level: impl Into<Level>) -> Self {
        self.levels.insert(factor.name.to_owned(), (factor.kind, level.into()));
        self
    }

    /// The level of a factor; `None` where the arm does not have it.
    #[must_use]
    pub fn level(&self, factor: &str) -> Option<&Level> {
        self.levels.get(factor).map(|(_, level)| level)
    }

    /// The level of a factor in words; empty where there is none.
    #[must_use]
    pub fn text(&self, factor: &Factor) -> String {
        self.level(factor.name).map_or_else(String::new, Level::to_string)
    }

    /// The level of a factor as a number; NaN where there is none.
    #[must_use]
    pub fn number(&self, factor: &Factor) -> f64 {
        self.level(factor.name).map_or(f64::NAN, Level::number)
    }

    /// All that is set, without labels.
    pub fn settings(&self) -> impl Iterator<Item = (&str, &Level)> {
        let set = self.levels.iter().filter(|(_, (kind, _))| *kind != FactorKind::Label);
        set.map(|(name, (_, level))| (name.as_str(), level))
    }

    /// The level of something that is set; `None` for a label and for what the arm does not have.
    #[must_use]
    pub fn setting(&self, factor: &str) -> Option<&Level> {
        let (kind, level) = self.levels.get(factor)?;
        (*kind != FactorKind::Label).then_some(level)
    }

    /// Sets a factor that the arm does not set itself.
    pub(crate) fn or_set(&mut self, factor: &str, level: &Level) {
        self.levels
            .entry(factor.to_owned())
            .or_insert_with(|| (FactorKind::Setting, level.clone()));
    }

    /// Takes over what a trial recorded of itself; a second trial must have recorded the same.
    pub(crate) fn record(&mut self, known: &mut BTreeMap<String, Level>, factor: &str, level: Level) -> Result<()> {
        let first = known.entry(factor.to_owned()).or_insert_with(|| level.clone());
        if *first != level {
            return Err(Error::TwoLevels {
                arm: self.name.clone(),
                factor: factor.to_owned(),
                first: first.to_string(),
                second: level.to_string(),
            });
        }
        let kind = self.levels.get(factor).map_or(FactorKind::Setting, |(kind, _)| *kind);
        self.levels.insert(factor.to_owned(), (kind, level));
        Ok(())
    }
}
