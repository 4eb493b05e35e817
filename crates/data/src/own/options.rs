//! What a caller says about a table or folder of their own.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What the caller says about a file or folder of their own; what is left out is found out or has a default.
///
/// Once a descriptor is written, whatever is said again must agree with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OwnData {
    /// The column to be predicted; needed for tables.
    pub target: Option<String>,
    /// Whether classes or values are predicted.
    pub task: Option<Task>,
    /// What becomes of rows that lack a feature.
    pub missing: Option<MissingRule>,
    /// Columns that hold words though they look like numbers, such as codes.
    pub words: Option<Vec<String>>,
    /// Columns that are not read, such as names of rows.
    pub ignore: Option<Vec<String>>,
    /// The column that says `train`, `validation` or `test`.
    pub split_column: Option<String>,
    /// The seed of the drawn split.
    pub split_seed: Option<u64>,
    /// Whether images lie transposed, as EMNIST's do.
    pub transpose: Option<bool>,
}

/// What is predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// One class a row.
    Classes,
    /// One value a row.
    Regression,
}

/// What becomes of missing features. Rows without a target are always left out, and counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MissingRule {
    /// A missing number becomes the mean of the training rows, and a flag says that it was missing; a missing word is a
    /// word of its own.
    #[default]
    Flag,
    /// Rows that lack a feature are left out.
    Drop,
    /// A missing feature is an error.
    Refuse,
}

impl OwnData {
    /// The keys that [`OwnData::set`] knows.
    pub const KEYS: [&str; 8] = [
        "target",
        "task",
        "missing",
        "words",
        "ignore",
        "split_column",
        "split_seed",
        "transpose",
    ];

    /// Takes one value by its name, lists separated by commas.
    ///
    /// # Errors
    /// Fails when the key is none of [`OwnData::KEYS`] or the value does not fit.
    pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
        let wrong = |expected: &str| Error::Option {
            set: "of one's own".to_owned(),
            option: Self::KEYS.iter().find(|known| **known == key).unwrap_or(&"--set"),
            expected: expected.to_owned(),
            found: format!("{key}={value}"),
        };
        let list = || Some(value.split(',').map(|item| item.trim().to_owned()).collect());
        match key {
            "target" => self.target = Some(value.to_owned()),
            "split_column" => self.split_column = Some(value.to_owned()),
            "words" => self.words = list(),
            "ignore" => self.ignore = list(),
            "task" => self.task = Some(parse(value).ok_or_else(|| wrong("classes or regression"))?),
            "missing" => self.missing = Some(parse(value).ok_or_else(|| wrong("flag, drop or refuse"))?),
            "split_seed" => self.split_seed = Some(value.parse().map_err(|_| wrong("a whole number"))?),
            "transpose" => self.transpose = Some(value.parse().map_err(|_| wrong("true or false"))?),
            _ => return Err(wrong(&Self::KEYS.join(", "))),
        }
        Ok(())
    }
}

/// Reads a word as serde names it.
fn parse<T: serde::de::DeserializeOwned>(word: &str) -> Option<T> {
    let word: serde::de::value::StrDeserializer<'_, serde::de::value::Error> =
        serde::de::IntoDeserializer::into_deserializer(word);
    T::deserialize(word).ok()
}
