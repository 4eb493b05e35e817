//! Columns of numbers or words, and where a cell stands.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::descriptor::Format;
use crate::encoding::Cell;
use crate::error::{Error, Result};

/// What stands for a missing value besides an empty field; case does not matter.
const MISSING: [&str; 8] = ["?", "NA", "N/A", "NaN", "null", "none", "nil", "#N/A"];

/// What networks compute with.
pub(super) const SINGLE: &str = "a finite number of single precision";

/// Says a number of things, whose name is given in the singular: `1 row`, `3 rows`.
pub(super) fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// A named column.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Column {
    pub name: String,
    pub cells: Cells,
}

/// A column's values; a missing number is NaN.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cells {
    Numbers(Vec<f64>),
    Words(Vec<Option<String>>),
}

/// A table as read: the names of all its columns, and those columns that are not ignored.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub names: Vec<String>,
    pub columns: Vec<Column>,
    pub places: Places,
    /// What is to be said of how it was read.
    pub notes: Vec<String>,
}

/// Where the rows of a table stand in their file.
#[derive(Clone, Debug)]
pub(super) struct Places {
    pub path: PathBuf,
    /// What the numbers count.
    unit: &'static str,
    /// The line in which each row begins, or its number among the rows, from 1.
    numbers: Vec<u64>,
}

impl Places {
    /// Rows of a text, by the lines in which they begin.
    pub fn lines(path: &Path, lines: Vec<u64>) -> Self {
        Self {
            path: path.to_owned(),
            unit: "line",
            numbers: lines,
        }
    }

    /// The first rows of what has no lines.
    pub fn rows(path: &Path, count: usize) -> Self {
        Self {
            path: path.to_owned(),
            unit: "row",
            numbers: (1..).take(count).collect(),
        }
    }

    /// The places of some of the rows.
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            path: self.path.clone(),
            unit: self.unit,
            numbers: pick(&self.numbers, rows),
        }
    }

    /// Says that a cell (its row from 0) is not what was expected.
    pub fn wrong(&self, row: usize, column: &str, expected: impl Into<String>, found: impl Into<String>) -> Error {
        let number = self.numbers.get(row).copied().unwrap_or_default();
        Error::Cell {
            path: self.path.clone(),
            place: format!("{} {number}", self.unit).into(),
            column: column.into(),
            expected: expected.into(),
            found: found.into(),
        }
    }
}

/// Some items of a list, in the order of `places`.
fn pick<T: Clone>(all: &[T], places: &[usize]) -> Vec<T> {
    places.iter().map(|&place| all[place].clone()).collect()
}

/// A number as a word: without a point where it is whole, and 0 without a sign.
fn whole(number: f64) -> String {
    (number + 0.0).to_string()
}

impl Column {
    /// Some of the column's cells.
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            name: self.name.clone(),
            cells: match &self.cells {
                Cells::Numbers(numbers) => Cells::Numbers(pick(numbers, rows)),
                Cells::Words(words) => Cells::Words(pick(words, rows)),
            },
        }
    }
}

impl Cells {
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Words(words) => words.len(),
        }
    }

    pub fn is_missing(&self, row: usize) -> bool {
        match self {
            Self::Numbers(numbers) => numbers[row].is_nan(),
            Self::Words(words) => words[row].is_none(),
        }
    }

    /// The cell as inputs are made of it.
    pub fn cell(&self, row: usize) -> Cell<'_> {
        match self {
            Self::Numbers(numbers) if numbers[row].is_nan() => Cell::Missing,
            Self::Numbers(numbers) => Cell::Number(numbers[row]),
            Self::Words(words) => words[row].as_deref().map_or(Cell::Missing, Cell::Word),
        }
    }

    /// The cell as a word, `None` where it is missing; whole numbers without a point.
    pub fn word(&self, row: usize) -> Option<String> {
        match self {
            Self::Numbers(numbers) => Some(numbers[row]).filter(|x| !x.is_nan()).map(whole),
            Self::Words(words) => words[row].clone(),
        }
    }

    /// The distinct words in order: numbers by size, then texts.
    pub fn distinct(&self) -> Vec<String> {
        match self {
            Self::Numbers(numbers) => {
                let mut values: Vec<f64> = numbers.iter().copied().filter(|x| !x.is_nan()).collect();
                values.sort_by(f64::total_cmp);
                values.dedup();
                values.into_iter().map(whole).collect()
            }
            Self::Words(words) => {
                let words: BTreeSet<&String> = words.iter().flatten().collect();
                words.into_iter().cloned().collect()
            }
        }
    }

    /// Takes a column of text as numbers where at least half of what is there is one, and as words where fewer are.
    ///
    /// A column that is mostly numbers and has a word in it, or a number that single precision does not hold, is a fault,
    /// unless it is said to hold words.
    pub fn of_text(texts: Vec<Option<String>>, name: &str, words: &[String], places: &Places) -> Result<Self> {
        let there = texts.iter().flatten().count();
        let numbers = texts.iter().flatten().filter(|text| is_number(text)).count();
        if words.iter().any(|word| word == name) || 2 * numbers < there || there == 0 {
            return Ok(Self::Words(texts));
        }
        let expected = || match texts.iter().flatten().filter(|text| finite(text).is_some()).count() {
            0 => format!("{SINGLE} (words={name} takes the column as words)"),
            good => {
                let others = counted(good, "other row");
                format!("{SINGLE}, as in {others} (words={name} takes the column as words)")
            }
        };
        let read = |(row, text): (usize, &Option<String>)| match text {
            None => Ok(f64::NAN),
            Some(text) => finite(text).ok_or_else(|| places.wrong(row, name, expected(), text)),
        };
        let numbers: Result<Vec<f64>> = texts.iter().enumerate().map(read).collect();
        numbers.map(Self::Numbers)
    }
}

/// The texts that stand for a missing value in a format, as [`crate::Inputs`] lists them.
pub(super) fn missing_texts(format: Format) -> Vec<String> {
    let more: Vec<String> = match format {
        Format::Csv | Format::Tsv => (MISSING.iter().chain(&["+nan", "-nan"]))
            .map(|text| text.to_lowercase())
            .collect(),
        Format::Npz => vec!["nan".to_owned()],
        Format::Parquet | Format::Idx | Format::Images => Vec::new(),
    };
    [vec![String::new()], more].concat()
}

/// The text of a cell; none where it is missing, also as a number that is none.
pub(super) fn present(text: &str) -> Option<String> {
    let trimmed = text.trim();
    let missing = trimmed.is_empty() || MISSING.iter().any(|word| word.eq_ignore_ascii_case(trimmed));
    let nan = || trimmed.parse::<f64>().is_ok_and(f64::is_nan);
    (!missing && !nan()).then(|| trimmed.to_owned())
}

/// Says whether a text writes a number, be it one that no network can take, such as `inf` or `1e300`.
pub(super) fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok()
}

/// A number that single precision holds, as networks do.
fn finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| (*number as f32).is_finite())
}

/// Refuses a header without names, with a name twice, or of numbers.
pub(super) fn check_header(names: &[String], path: &Path) -> Result<()> {
    if names.iter().all(|name| is_number(name)) {
        return Err(Error::content(
            path,
            "a first line of distinct names of columns",
            format!("{names:?}"),
        ));
    }
    check_distinct(names, path)
}

/// Refuses columns of the same name.
pub(super) fn check_distinct(names: &[String], path: &Path) -> Result<()> {
    let mut seen = BTreeSet::new();
    match names.iter().find(|name| !seen.insert(name.as_str())) {
        Some(twin) => Err(Error::content(
            path,
            "columns of distinct names",
            format!("{twin:?} twice"),
        )),
        None => Ok(()),
    }
}
