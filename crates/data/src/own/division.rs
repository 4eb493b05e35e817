//! Which rows are for training, validation and test.

use super::cells::{Column, Places};
use super::descriptor::Descriptor;
use super::rows::Rows;
use crate::error::{Error, Result};
use crate::info::Split;
use espalier_seed::Seed;

/// Row numbers of each split, ascending, and where the last two come from.
pub(super) struct Division {
    pub train: Vec<usize>,
    pub validation: Vec<usize>,
    pub test: Vec<usize>,
    pub validation_rule: String,
    pub test_rule: String,
}

impl Division {
    /// Takes the splits that the file gives, and draws those that it does not from the training rows, test rows first.
    pub fn of(rows: &Rows, name: &str, descriptor: &Descriptor) -> Result<Self> {
        let given = |split: Split| -> Vec<usize> {
            let splits = rows.splits.iter().flatten().enumerate();
            splits.filter(|(_, of)| **of == split).map(|(row, _)| row).collect()
        };
        let mut train = match &rows.splits {
            Some(_) => given(Split::Train),
            None => (0..rows.len()).collect(),
        };
        let mut given_or_drawn = |split: Split, share: f64, what: &str| {
            let given = given(split);
            if !given.is_empty() {
                return (given, "given by the file".to_owned());
            }
            let seed = Seed::new(descriptor.split_seed).named(what).named(name);
            let count = ((rows.len() as f64 * share).round() as usize).max(1);
            (
                drawn(&mut train, count, &seed),
                format!("drawn with seed {}", descriptor.split_seed),
            )
        };
        let (test, test_rule) = given_or_drawn(Split::Test, descriptor.test_share, "test");
        let (validation, validation_rule) =
            given_or_drawn(Split::Validation, descriptor.validation_share, "validation");
        if train.len() < 2 || validation.is_empty() || test.is_empty() {
            let found = format!("{}, {} and {}", train.len(), validation.len(), test.len());
            let expected = "at least 2 rows for training and 1 each for validation and test";
            return Err(Error::content(&rows.places.path, expected, found));
        }
        Ok(Self {
            train,
            validation,
            test,
            validation_rule,
            test_rule,
        })
    }
}

/// Draws so many of the rows and takes them away from there.
fn drawn(rows: &mut Vec<usize>, count: usize, seed: &Seed) -> Vec<usize> {
    let order = seed.stream().permutation(rows.len());
    let mut drawn: Vec<usize> = order.iter().take(count).map(|&at| rows[at]).collect();
    drawn.sort_unstable();
    rows.retain(|row| drawn.binary_search(row).is_err());
    drawn
}

/// Reads a column that names each row's split.
pub(super) fn given_splits(column: &Column, places: &Places) -> Result<Vec<Split>> {
    let read = |row: usize| {
        let word = column.cells.word(row).unwrap_or_default();
        named(&word).ok_or_else(|| places.wrong(row, &column.name, "train, validation or test", word))
    };
    (0..column.cells.len()).map(read).collect()
}

/// The split that a word names.
pub(super) fn named(word: &str) -> Option<Split> {
    match word.to_lowercase().as_str() {
        "train" | "training" => Some(Split::Train),
        "validation" | "valid" | "val" | "dev" => Some(Split::Validation),
        "test" => Some(Split::Test),
        _ => None,
    }
}
