//! Typed, named settings of an experiment, and `--set KEY=VALUE`.

use std::fmt::{self, Write as _};

use espalier_data::Dataset;
use serde_json::Value as Json;

use crate::range::RowsOf;
use crate::{Error, Limit, Preset, Range, Result};

/// One setting's value, which also fixes its kind.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// A whole number.
    Integer(i64),
    /// A finite number.
    Float(f64),
    /// `true` or `false`.
    Flag(bool),
    /// One text of a closed list.
    Choice {
        /// The chosen one.
        value: String,
        /// All that may be chosen.
        choices: Vec<String>,
    },
    /// Any text.
    Text(String),
    /// Whole numbers, separated by commas on the command line.
    Integers(Vec<i64>),
    /// Finite numbers, separated by commas on the command line.
    Floats(Vec<f64>),
}

impl Value {
    /// Names the kind as an error message and `--help` show it.
    #[must_use]
    pub fn kind(&self) -> String {
        match self {
            Self::Integer(_) => "a whole number".into(),
            Self::Float(_) => "a number".into(),
            Self::Flag(_) => "true or false".into(),
            Self::Choice { choices, .. } => format!("one of {}", choices.join(", ")),
            Self::Text(_) => "text".into(),
            Self::Integers(_) => "whole numbers separated by commas".into(),
            Self::Floats(_) => "numbers separated by commas".into(),
        }
    }

    /// Parses `text` as a value of this value's kind.
    fn parse(&self, text: &str) -> Option<Self> {
        let text = text.trim();
        Some(match self {
            Self::Integer(_) => Self::Integer(text.parse().ok()?),
            Self::Float(_) => Self::Float(finite(text)?),
            Self::Flag(_) => Self::Flag(text.parse().ok()?),
            Self::Choice { choices, .. } => Self::Choice {
                value: choices.iter().find(|choice| *choice == text)?.clone(),
                choices: choices.clone(),
            },
            Self::Text(_) => Self::Text(text.into()),
            Self::Integers(_) => Self::Integers(list(text, |item| item.parse().ok())?),
            Self::Floats(_) => Self::Floats(list(text, finite)?),
        })
    }

    /// Encodes the value for the manifest and for a trial's identity.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match self {
            Self::Integer(value) => Json::from(*value),
            Self::Float(value) => Json::from(*value),
            Self::Flag(value) => Json::from(*value),
            Self::Choice { value, .. } | Self::Text(value) => Json::from(value.clone()),
            Self::Integers(values) => Json::from(values.clone()),
            Self::Floats(values) => Json::from(values.clone()),
        }
    }
}

fn finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

fn list<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    text.split(',').map(|item| parse(item.trim())).collect()
}

fn joined<T: fmt::Display>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(",")
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Flag(value) => write!(f, "{value}"),
            Self::Choice { value, .. } | Self::Text(value) => write!(f, "{value}"),
            Self::Integers(values) => write!(f, "{}", joined(values)),
            Self::Floats(values) => write!(f, "{}", joined(values)),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    name: String,
    meaning: String,
    value: Value,
    range: Option<Range>,
}

impl Entry {
    /// Says which values the setting takes: the kind, and the range where one was declared.
    fn expectation(&self) -> String {
        let range = self.range.as_ref().map(|range| range.describe(&self.value));
        let range = range.filter(|text| !text.is_empty());
        range.map_or_else(|| self.value.kind(), |range| format!("{}, {range}", self.value.kind()))
    }

    fn allows(&self, value: &Value) -> bool {
        self.range.as_ref().is_none_or(|range| range.allows(value))
    }
}

/// The named settings of an experiment under one preset, in the order of their declaration.
///
/// # Example
/// ```
/// use espalier_experiment::{Range, Settings};
///
/// let mut settings = Settings::new(6)
///     .integer("epochs", 3, "passes over the training split")
///     .range(Range::at_least(1.0))
///     .integers("widths", &[16, 64, 256], "hidden units of the arms")
///     .range(Range::at_least(1.0).distinct());
/// settings.set("widths=8,32").unwrap();
/// assert_eq!(settings.counts("widths").unwrap(), [8, 32]);
/// assert!(settings.set("epochs=many").is_err() && settings.set("epochs=0").is_err());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    seeds: u64,
    entries: Vec<Entry>,
}

impl Settings {
    /// Starts a list of settings for a preset that runs `seeds` paired seeds.
    #[must_use]
    pub fn new(seeds: u64) -> Self {
        Self {
            seeds,
            entries: Vec::new(),
        }
    }

    /// Returns the number of paired seeds; it decides how many trials there are, not what a trial does.
    #[must_use]
    pub fn seeds(&self) -> u64 {
        self.seeds
    }

    pub(crate) fn set_seeds(&mut self, seeds: u64) {
        self.seeds = seeds;
    }

    fn with(mut self, name: &str, value: Value, meaning: &str) -> Self {
        self.entries.retain(|entry| entry.name != name);
        self.entries.push(Entry {
            name: name.into(),
            meaning: meaning.into(),
            value,
            range: None,
        });
        self
    }

    /// Says which values the setting that was declared last may have; `--set` refuses all others.
    ///
    /// The range is no part of a trial's identity: the value is.
    #[must_use]
    pub fn range(mut self, range: Range) -> Self {
        if let Some(entry) = self.entries.last_mut() {
            entry.range = Some(range);
        }
        self
    }

    /// Says which values the setting that was declared last may have: those of a range, or one of several words, which
    /// makes a text a closed choice.
    #[must_use]
    pub fn limit(mut self, limit: impl Into<Limit>) -> Self {
        match (limit.into(), self.entries.last_mut()) {
            (Limit::Range(range), Some(entry)) => entry.range = Some(range),
            (Limit::Words(words), Some(entry)) => {
                if let Value::Choice { value, .. } | Value::Text(value) = &entry.value {
                    let (name, value, meaning) = (entry.name.clone(), value.clone(), entry.meaning.clone());
                    return self.choice(&name, &value, &words, &meaning);
                }
            }
            (_, None) => {}
        }
        self
    }

    /// Declares a whole number.
    #[must_use]
    pub fn integer(self, name: &str, value: i64, meaning: &str) -> Self {
        self.with(name, Value::Integer(value), meaning)
    }

    /// Declares a number.
    #[must_use]
    pub fn float(self, name: &str, value: f64, meaning: &str) -> Self {
        self.with(name, Value::Float(value), meaning)
    }

    /// Declares a yes-or-no setting.
    #[must_use]
    pub fn flag(self, name: &str, value: bool, meaning: &str) -> Self {
        self.with(name, Value::Flag(value), meaning)
    }

    /// Declares a text of a closed list; `value` belongs to the list even where `choices` omits it.
    #[must_use]
    pub fn choice(self, name: &str, value: &str, choices: &[&str], meaning: &str) -> Self {
        let mut choices: Vec<String> = choices.iter().map(ToString::to_string).collect();
        if !choices.iter().any(|choice| choice == value) {
            choices.insert(0, value.into());
        }
        self.with(
            name,
            Value::Choice {
                value: value.into(),
                choices,
            },
            meaning,
        )
    }

    /// Declares a free text.
    #[must_use]
    pub fn text(self, name: &str, value: &str, meaning: &str) -> Self {
        self.with(name, Value::Text(value.into()), meaning)
    }

    /// Declares a list of whole numbers.
    #[must_use]
    pub fn integers(self, name: &str, values: &[i64], meaning: &str) -> Self {
        self.with(name, Value::Integers(values.to_vec()), meaning)
    }

    /// Declares a list of numbers.
    #[must_use]
    pub fn floats(self, name: &str, values: &[f64], meaning: &str) -> Self {
        self.with(name, Value::Floats(values.to_vec()), meaning)
    }

    /// Applies one `KEY=VALUE` of the command line.
    ///
    /// # Errors
    /// Says which settings exist when the key is unknown, and which kind and range the setting has when the
    /// value does not parse as it or lies outside.
    pub fn set(&mut self, assignment: &str) -> Result<()> {
        let (key, text) = assignment
            .split_once('=')
            .ok_or_else(|| Error::flag("--set", "KEY=VALUE", assignment))?;
        let entry = self.entry(key.trim())?;
        let value = entry.value.parse(text).filter(|value| entry.allows(value));
        entry.value = value.ok_or_else(|| wrong(entry, text))?;
        Ok(())
    }

    fn entry(&mut self, key: &str) -> Result<&mut Entry> {
        let unknown = self.unknown(key);
        self.entries.iter_mut().find(|entry| entry.name == key).ok_or(unknown)
    }

    pub(crate) fn unknown(&self, key: &str) -> Error {
        Error::UnknownSetting {
            key: key.into(),
            nearest: nearest(key, self.entries.iter().map(|entry| entry.name.as_str())).unwrap_or_default(),
            valid: self.describe(),
        }
    }

    /// Refuses a number of rows that the data set does not have: one of the settings that were `changed`, or of the preset.
    ///
    /// # Errors
    /// [`Error::WrongSetting`] names setting, split and number of rows; [`Error::TooFewRows`] the preset with both numbers.
    pub(crate) fn check_rows(&self, data: &Dataset, preset: &Preset, changed: &[String]) -> Result<()> {
        let (mut lacks, mut remedy) = (Vec::new(), Vec::new());
        for entry in &self.entries {
            let (split, most) = match entry.range.as_ref().and_then(Range::rows) {
                Some(RowsOf::Training) => ("training", data.train.len()),
                Some(RowsOf::Test) => ("test", data.test.len()),
                None => continue,
            };
            if !matches!(entry.value, Value::Integer(rows) if rows > most as i64) {
                continue;
            }
            if changed.contains(&entry.name) {
                return Err(Error::WrongSetting {
                    key: entry.name.clone(),
                    expected: format!(
                        "at most the {most} {split} rows of {0}, or 0 for all (--set {1}=0)",
                        data.info.name, entry.name
                    ),
                    found: entry.value.to_string(),
                });
            }
            lacks.push(format!("{} {split} rows where it has {most}", entry.value));
            remedy.push(format!("--set {}=0", entry.name));
        }
        if lacks.is_empty() {
            return Ok(());
        }
        Err(Error::TooFewRows {
            set: data.info.name.clone(),
            preset: preset.name().to_owned(),
            lacks: lacks.join(" and "),
            remedy: remedy.join(" "),
        })
    }

    /// Lists the numeric settings without a range and those whose value lies outside theirs; none in a sound experiment.
    #[must_use]
    pub fn unsound(&self) -> Vec<String> {
        let numeric = |value: &Value| !matches!(value, Value::Flag(_) | Value::Choice { .. } | Value::Text(_));
        let entries = self.entries.iter();
        let unsound = entries.filter(|entry| match &entry.range {
            Some(range) => !range.allows(&entry.value),
            None => numeric(&entry.value),
        });
        unsound.map(|entry| format!("{}={}", entry.name, entry.value)).collect()
    }

    /// Lists every setting: name, value, kind, meaning, one line each.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut text = String::new();
        for entry in &self.entries {
            let Entry {
                name, meaning, value, ..
            } = entry;
            // Writing into a String cannot fail.
            let _ = writeln!(text, "  {name}={value}  ({}; {meaning})", entry.expectation());
        }
        text.trim_end().to_owned()
    }

    /// Iterates over names and values in the order of declaration.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.entries.iter().map(|entry| (entry.name.as_str(), &entry.value))
    }

    /// Returns names and values as text, in the order of declaration.
    #[must_use]
    pub fn texts(&self) -> Vec<(String, String)> {
        let text = |(name, value): (&str, &Value)| (name.to_owned(), value.to_string());
        self.iter().map(text).collect()
    }

    /// Returns the names and values in which `self` differs from `other`.
    #[must_use]
    pub fn changes_from(&self, other: &Self) -> Vec<(String, Value)> {
        self.iter()
            .filter(|(name, value)| other.get(name).is_ok_and(|old| old != *value))
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .collect()
    }

    /// Encodes all values by name, as the manifest and a trial's identity hold them.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Map<String, Json> {
        self.iter()
            .map(|(name, value)| (name.to_owned(), value.to_json()))
            .collect()
    }

    /// Applies the values of a manifest onto these settings; what was run once is drawn, whatever the ranges say today.
    ///
    /// # Errors
    /// As [`Settings::set`]: a recorded setting that the experiment no longer has, or of another kind.
    pub fn restore(&mut self, recorded: &serde_json::Map<String, Json>) -> Result<()> {
        self.declare_recorded(recorded);
        for (key, value) in recorded {
            let (entry, text) = (self.entry(key)?, plain(value));
            entry.value = entry.value.parse(&text).ok_or_else(|| wrong(entry, &text))?;
        }
        Ok(())
    }

    fn get(&self, name: &str) -> Result<&Value> {
        self.entries
            .iter()
            .find(|entry| entry.name == name)
            .map(|entry| &entry.value)
            .ok_or_else(|| self.unknown(name))
    }

    fn wrong<T>(&self, name: &str, expected: &str) -> Result<T> {
        let found = self.get(name)?;
        Err(Error::WrongSetting {
            key: name.into(),
            expected: expected.into(),
            found: format!("{found} ({})", found.kind()),
        })
    }

    /// Reads a whole number.
    ///
    /// # Errors
    /// When there is no such setting, or it is of another kind (as for every reader below).
    pub fn get_integer(&self, name: &str) -> Result<i64> {
        match self.get(name)? {
            Value::Integer(value) => Ok(*value),
            _ => self.wrong(name, "a whole number"),
        }
    }

    /// Reads a whole number that counts something, hence is not negative.
    ///
    /// # Errors
    /// As [`Settings::get_integer`], and when the number is negative.
    pub fn count(&self, name: &str) -> Result<usize> {
        usize::try_from(self.get_integer(name)?).or_else(|_| self.wrong(name, "a whole number of at least 0"))
    }

    /// Reads a number.
    ///
    /// # Errors
    /// As [`Settings::get_integer`].
    pub fn number(&self, name: &str) -> Result<f64> {
        match self.get(name)? {
            Value::Float(value) => Ok(*value),
            _ => self.wrong(name, "a number"),
        }
    }

    /// Reads a yes-or-no setting.
    ///
    /// # Errors
    /// As [`Settings::get_integer`].
    pub fn is(&self, name: &str) -> Result<bool> {
        match self.get(name)? {
            Value::Flag(value) => Ok(*value),
            _ => self.wrong(name, "true or false"),
        }
    }

    /// Reads a text, of a closed list or free.
    ///
    /// # Errors
    /// As [`Settings::get_integer`].
    pub fn word(&self, name: &str) -> Result<&str> {
        match self.get(name)? {
            Value::Choice { value, .. } | Value::Text(value) => Ok(value),
            _ => self.wrong(name, "a text"),
        }
    }

    /// Reads a list of whole numbers that count something.
    ///
    /// # Errors
    /// As [`Settings::count`].
    pub fn counts(&self, name: &str) -> Result<Vec<usize>> {
        match self.get(name)? {
            Value::Integers(values) => values
                .iter()
                .map(|&value| usize::try_from(value))
                .collect::<std::result::Result<_, _>>()
                .or_else(|_| self.wrong(name, "whole numbers of at least 0")),
            _ => self.wrong(name, "whole numbers"),
        }
    }

    /// Reads a list of numbers.
    ///
    /// # Errors
    /// As [`Settings::get_integer`].
    pub fn numbers(&self, name: &str) -> Result<Vec<f64>> {
        match self.get(name)? {
            Value::Floats(values) => Ok(values.clone()),
            _ => self.wrong(name, "numbers"),
        }
    }
}

fn wrong(entry: &Entry, found: &str) -> Error {
    Error::WrongSetting {
        key: entry.name.clone(),
        expected: entry.expectation(),
        found: found.into(),
    }
}

/// Finds the name that was probably meant; none where nothing is near.
pub(crate) fn nearest<'a>(asked: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let scored = names.map(|name| (strsim::jaro_winkler(asked, name), name));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= 0.75).then(|| best.1.to_owned())
}

/// The names, the most similar first.
pub(crate) fn by_nearness<'a>(asked: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut scored: Vec<(f64, &str)> = names.map(|name| (strsim::jaro_winkler(asked, name), name)).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().map(|(_, name)| name).collect()
}

fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings::new(3)
            .integer("epochs", 3, "passes")
            .range(Range::at_least(-10.0))
            .float("rate", 0.1, "step")
            .range(Range::above(0.0))
            .flag("bias", true, "with biases")
            .choice("optimizer", "adam", &["adam", "sgd"], "rule")
            .integers("widths", &[16, 64], "units")
            .floats("penalties", &[0.1, 1.0], "λ")
            .text("label", "a", "free text")
    }

    #[test]
    fn every_kind_is_set_from_text() {
        let mut s = settings();
        for assignment in [
            "epochs=10",
            "rate=1e-3",
            "bias=false",
            "optimizer=sgd",
            "widths=16, 64,256",
            "penalties=0.5",
            "label=x=y",
        ] {
            s.set(assignment).unwrap();
        }
        assert_eq!(s.count("epochs").unwrap(), 10);
        assert!((s.number("rate").unwrap() - 0.001).abs() < 1e-15);
        assert!(!s.is("bias").unwrap());
        assert_eq!(s.word("optimizer").unwrap(), "sgd");
        assert_eq!(s.counts("widths").unwrap(), [16, 64, 256]);
        assert_eq!(s.numbers("penalties").unwrap(), [0.5]);
        assert_eq!(s.word("label").unwrap(), "x=y");
    }

    #[test]
    fn a_wrong_key_lists_the_right_ones_with_their_kinds() {
        let message = settings().set("epoch=1").unwrap_err().to_string();
        for part in [
            "epoch=",
            "epochs=3",
            "a whole number",
            "widths=16,64",
            "one of adam, sgd",
        ] {
            assert!(message.contains(part), "{part} in {message}");
        }
    }

    #[test]
    fn a_wrong_value_names_the_kind_and_what_was_found() {
        for (assignment, kind) in [
            ("epochs=1.5", "a whole number"),
            ("rate=fast", "a number"),
            ("rate=NaN", "a number"),
            ("bias=yes", "true or false"),
            ("optimizer=adamw", "one of adam, sgd"),
            ("widths=16,,64", "whole numbers separated by commas"),
        ] {
            let message = settings().set(assignment).unwrap_err().to_string();
            let found = assignment.split_once('=').unwrap().1;
            assert!(message.contains(kind) && message.contains(found), "{message}");
        }
        assert!(settings().set("epochs").unwrap_err().to_string().contains("KEY=VALUE"));
    }

    #[test]
    fn the_manifest_brings_back_equal_settings() {
        let mut changed = settings();
        changed.set("widths=1,2").unwrap();
        changed.set("rate=0.30000000000000004").unwrap();
        let text = serde_json::to_string(&changed.to_json()).unwrap();
        let mut restored = settings();
        restored.restore(&serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(restored, changed);
        assert_eq!(restored.changes_from(&settings()).len(), 2);
    }

    #[test]
    fn a_value_outside_its_range_is_refused_with_the_range_and_leaves_the_old_one() {
        let mut s = settings();
        for (assignment, range) in [
            ("rate=0", "above 0"),
            ("rate=-1e-9", "above 0"),
            ("epochs=-11", "at least -10"),
        ] {
            let message = s.set(assignment).unwrap_err().to_string();
            assert!(message.contains(range), "{message}");
        }
        assert_eq!(s, settings());
        assert!(
            s.describe().contains("rate=0.1  (a number, above 0; step)"),
            "{}",
            s.describe()
        );
    }

    #[test]
    fn a_manifest_from_before_a_range_was_narrowed_is_still_read() {
        let mut restored = settings();
        let recorded = serde_json::from_str(r#"{"rate":"-1"}"#).unwrap();
        restored.restore(&recorded).unwrap();
        assert!((restored.number("rate").unwrap() + 1.0).abs() < 1e-15);
        assert_eq!(restored.unsound(), ["rate=-1", "widths=16,64", "penalties=0.1,1"]);
    }

    #[test]
    fn an_unknown_name_suggests_the_nearest() {
        let message = settings().set("epoch=1").unwrap_err().to_string();
        assert!(message.contains("did you mean `epochs`?"), "{message}");
        let far = settings().set("zzz=1").unwrap_err().to_string();
        assert!(!far.contains("did you mean"), "{far}");
    }

    #[test]
    fn reading_a_setting_as_another_kind_is_an_error() {
        assert!(settings().count("rate").is_err());
        assert!(settings().number("widths").is_err());
        let mut negative = settings();
        negative.set("epochs=-1").unwrap();
        assert!(negative.count("epochs").is_err());
    }
}
