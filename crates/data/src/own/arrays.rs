//! NumPy's archives of arrays.

use std::path::Path;

use super::archive;
use super::cells::{Cells, Column, Places, SINGLE};
use super::npy::Array;
use super::rows::{Features, Rows};
use crate::error::{Error, Result};
use crate::info::Split;

/// Reads `x` and `y`, or `x_train`, `y_train`, `x_test` and `y_test`.
pub(super) fn read(bytes: &[u8], path: &Path) -> Result<Rows> {
    let names = archive::names(bytes, path)?;
    let names: Vec<String> = names
        .iter()
        .map(|name| name.trim_end_matches(".npy").to_owned())
        .collect();
    let whole = names.iter().any(|name| name == "x");
    let parts: &[(&str, &str, Split)] = if whole {
        &[("x", "y", Split::Train)]
    } else {
        &[("x_train", "y_train", Split::Train), ("x_test", "y_test", Split::Test)]
    };
    let mut read: Option<Array> = None;
    let (mut targets, mut splits) = (Vec::new(), Vec::new());
    for &(x, y, split) in parts {
        let (x, y) = (array(bytes, x, &names, path)?, array(bytes, y, &names, path)?);
        let rows = x.shape[0];
        if y.numbers.len() != rows {
            return Err(Error::Count {
                path: path.to_owned(),
                what: "targets, one a row".to_owned(),
                expected: rows,
                found: y.numbers.len(),
            });
        }
        targets.extend(y.numbers);
        splits.extend(vec![split; rows]);
        read = Some(match read {
            None => x,
            Some(first) => first.with(x, path)?,
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
        splits: (!whole).then_some(splits),
        places: Places::rows(path, rows),
    })
}

impl Array {
    fn with(mut self, other: Self, path: &Path) -> Result<Self> {
        if self.shape[1..] != other.shape[1..] || self.bytes != other.bytes {
            let (expected, found) = (&self.shape[1..], &other.shape[1..]);
            return Err(Error::content(
                path,
                format!("test rows of shape {expected:?}"),
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
        let expected = format!("an array {name} (x and y, or x_train, y_train, x_test and y_test)");
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
