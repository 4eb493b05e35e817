//! NumPy's archives of arrays.

use std::path::Path;

use super::archive;
use super::cells::{Cells, Column, Places, SINGLE, counted};
use super::npy::Array;
use super::rows::{Features, Rows};
use crate::error::{Error, Result};
use crate::info::Split;

/// The arrays of each split; their targets are named alike with a `y`.
const PARTS: [(Split, &[&str]); 3] = [
    (Split::Train, &["x", "x_train"]),
    (Split::Validation, &["x_val", "x_valid", "x_validation"]),
    (Split::Test, &["x_test"]),
];

/// Reads `x` and `y` or `x_train` and `y_train`, and where they are there `x_val`, `y_val`, `x_test` and `y_test`.
pub(super) fn read(bytes: &[u8], path: &Path) -> Result<Rows> {
    let names = archive::names(bytes, path)?;
    let names: Vec<String> = names
        .iter()
        .map(|name| name.trim_end_matches(".npy").to_owned())
        .collect();
    let mut read: Option<Array> = None;
    let (mut targets, mut splits, mut used) = (Vec::new(), Vec::new(), Vec::new());
    for (split, of_split) in PARTS {
        let Some(x) = only(split, of_split, &names, path)? else {
            continue;
        };
        let y = x.replacen('x', "y", 1);
        let (rows, labels) = (array(bytes, x, &names, path)?, array(bytes, &y, &names, path)?);
        let count = rows.shape[0];
        if labels.numbers.len() != count {
            return Err(Error::Count {
                path: path.to_owned(),
                what: format!("targets {y}, one for each row of {x}"),
                expected: count,
                found: labels.numbers.len(),
            });
        }
        targets.extend(labels.numbers);
        splits.extend(vec![split; count]);
        used.extend([x.to_owned(), y]);
        read = Some(match read {
            None => rows,
            Some(first) => first.with(rows, x, path)?,
        });
    }
    let read = read.ok_or_else(|| Error::content(path, "arrays", "none"))?;
    let rows = targets.len();
    Ok(Rows {
        features: read.features(),
        target: Column {
            name: "y".to_owned(),
            cells: Cells::Numbers(targets),
        },
        splits: splits.iter().any(|split| *split != Split::Train).then_some(splits),
        places: Places::rows(path, rows),
        notes: unread(&names, &used),
    })
}

/// The array of a split, of which there may be one, and for training there must be.
fn only<'n>(split: Split, of_split: &[&'n str], names: &[String], path: &Path) -> Result<Option<&'n str>> {
    let there: Vec<&str> = of_split
        .iter()
        .copied()
        .filter(|x| names.iter().any(|name| name == x))
        .collect();
    match there.as_slice() {
        [first, second, ..] => {
            let expected = format!("one of the arrays {}", of_split.join(", "));
            Err(Error::content(path, expected, format!("{first} and {second}")))
        }
        [one] => Ok(Some(one)),
        [] if split == Split::Train => {
            let expected = "an array x or x_train (and its targets y or y_train; x_val, y_val, x_test and y_test are read beside them)";
            Err(Error::content(path, expected, names.join(", ")))
        }
        [] => match of_split
            .iter()
            .map(|x| x.replacen('x', "y", 1))
            .find(|y| names.contains(y))
        {
            Some(y) => Err(Error::content(
                path,
                format!("an array {} beside {y}", of_split[0]),
                names.join(", "),
            )),
            None => Ok(None),
        },
    }
}

/// What is to be said of arrays that are not read.
fn unread(names: &[String], used: &[String]) -> Vec<String> {
    let others: Vec<&str> = names
        .iter()
        .filter(|name| !used.contains(name))
        .map(String::as_str)
        .collect();
    let note = format!("{} not read: {}", counted(others.len(), "array"), others.join(", "));
    if others.is_empty() { Vec::new() } else { vec![note] }
}

impl Array {
    fn with(mut self, other: Self, name: &str, path: &Path) -> Result<Self> {
        if self.shape[1..] != other.shape[1..] || self.bytes != other.bytes {
            let (expected, found) = (&self.shape[1..], &other.shape[1..]);
            return Err(Error::content(
                path,
                format!("rows of shape {expected:?} in {name}, of the same type as those for training"),
                format!("{found:?}"),
            ));
        }
        self.shape[0] += other.shape[0];
        self.numbers.extend(other.numbers);
        Ok(self)
    }

    /// Bytes of two or three dimensions a row are images, everything else is columns.
    fn features(self) -> Features {
        let row = &self.shape[1..];
        if self.bytes && matches!(row.len(), 2 | 3) {
            let shape = if row.len() == 2 {
                [row, &[1]].concat()
            } else {
                row.to_vec()
            };
            let bytes = self.numbers.iter().map(|x| *x as u8).collect();
            return Features::Pixels { bytes, shape };
        }
        let width: usize = row.iter().product();
        let column = |at: usize| Column {
            name: format!("x[{at}]"),
            cells: Cells::Numbers(self.numbers.iter().skip(at).step_by(width.max(1)).copied().collect()),
        };
        Features::Columns((0..width).map(column).collect())
    }
}

fn array(bytes: &[u8], name: &str, names: &[String], path: &Path) -> Result<Array> {
    let content = archive::file(bytes, &format!("{name}.npy"), path)?.ok_or_else(|| {
        let expected =
            format!("an array {name} (x and y or x_train and y_train; for other splits x_val, y_val, x_test, y_test)");
        Error::content(path, expected, names.join(", "))
    })?;
    let array =
        Array::read(&content).map_err(|error| Error::content(path, format!("an array {name} of numbers"), error))?;
    let wide = |x: &f64| !x.is_nan() && !(*x as f32).is_finite();
    match array.numbers.iter().position(wide) {
        Some(at) => {
            let width = array.shape[1..].iter().product::<usize>().max(1);
            let column = format!("{name}[{}]", at % width);
            Err(Places::rows(path, array.shape[0]).wrong(at / width, &column, SINGLE, array.numbers[at].to_string()))
        }
        None => Ok(array),
    }
}
