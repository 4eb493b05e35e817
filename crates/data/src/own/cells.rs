//! Columns of numbers or words, and where a cell stands.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::descriptor::Format;
use crate::encoding::Cell;
use crate::error::{Error, Result};

/// What stands for a missing value besides an empty field; case does not matter.
const MISSING: [&str; 8] = ["?", "NA", "N/A", "NaN", "null", "none", "nil", "#N/A"];

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

/// Where the rows of a table stand in their file.
#[derive(Clone, Debug)]
pub(super) struct Places {
    pub path: PathBuf,
    /// The line of each row; empty where rows are not lines.
    pub lines: Vec<u64>,
}

impl Places {
    /// Says that a cell (its row from 0) is not what was expected.
    pub fn wrong(&self, row: usize, column: &str, expected: impl Into<String>, found: impl Into<String>) -> Error {
        let place = self.lines.get(row).map(|line| format!("line {line}"));
        Error::Cell {
            path: self.path.clone(),
            place: place.unwrap_or_else(|| format!("row {}", row + 1)).into(),
            column: column.into(),
            expected: expected.into(),
            found: found.into(),
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
            Self::Numbers(numbers) => Some(numbers[row]).filter(|x| !x.is_nan()).map(|x| x.to_string()),
            Self::Words(words) => words[row].clone(),
        }
    }

    pub fn into_words(self) -> Self {
        Self::Words((0..self.len()).map(|row| self.word(row)).collect())
    }

    /// The distinct words in order: numbers by size, then texts.
    pub fn distinct(&self) -> Vec<String> {
        match self {
            Self::Numbers(numbers) => {
                let mut values: Vec<f64> = numbers.iter().copied().filter(|x| !x.is_nan()).collect();
                values.sort_by(f64::total_cmp);
                values.dedup();
                values.iter().map(f64::to_string).collect()
            }
            Self::Words(words) => {
                let words: BTreeSet<&String> = words.iter().flatten().collect();
                words.into_iter().cloned().collect()
            }
        }
    }

    /// Takes a column of text as numbers where all that is there is one, and as words where none or few are.
    ///
    /// A column that is mostly numbers and has a word in it is a fault, unless it is said to hold words.
    pub fn of_text(texts: Vec<String>, name: &str, words: &[String], places: &Places) -> Result<Self> {
        let texts: Vec<Option<String>> = texts.into_iter().map(present).collect();
        let there = texts.iter().flatten().count();
        let numbers = texts.iter().flatten().filter(|text| number(text).is_some()).count();
        if words.iter().any(|word| word == name) || 2 * numbers < there || there == 0 {
            return Ok(Self::Words(texts));
        }
        let read = |(row, text): (usize, &Option<String>)| {
            match text {
            None => Ok(f64::NAN),
            Some(text) => number(text).ok_or_else(|| {
                let expected = format!(
                    "a finite number of single precision, as in {numbers} other rows (words={name} takes the column as words)"
                );
                places.wrong(row, name, expected, text)
            }),
        }
        };
        texts
            .iter()
            .enumerate()
            .map(read)
            .collect::<Result<_>>()
            .map(Self::Numbers)
    }
}

/// The texts that stand for a missing value in a format, as [`crate::Inputs`] lists them.
pub(super) fn missing_texts(format: Format) -> Vec<String> {
    let more: Vec<String> = match format {
        Format::Csv | Format::Tsv => MISSING.iter().map(|text| text.to_lowercase()).collect(),
        Format::Npz => vec!["nan".to_owned()],
        Format::Parquet | Format::Idx | Format::Images => Vec::new(),
    };
    [vec![String::new()], more].concat()
}

fn present(text: String) -> Option<String> {
    let trimmed = text.trim();
    let missing = trimmed.is_empty() || MISSING.iter().any(|word| word.eq_ignore_ascii_case(trimmed));
    (!missing).then(|| trimmed.to_owned())
}

/// A number that single precision holds, as networks do.
fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| (*number as f32).is_finite())
}

/// Refuses a header without names, with a name twice, or of numbers.
pub(super) fn check_header(names: &[String], path: &Path) -> Result<()> {
    let expected = "a first line of distinct names of columns";
    if names.is_empty() || names.iter().all(|name| number(name).is_some()) {
        return Err(Error::content(path, expected, format!("{names:?}")));
    }
    let mut seen = BTreeSet::new();
    match names.iter().find(|name| !seen.insert(name.as_str())) {
        Some(twin) => Err(Error::content(path, expected, format!("{twin:?} twice"))),
        None => Ok(()),
    }
}
