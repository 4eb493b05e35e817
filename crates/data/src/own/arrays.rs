//! NumPy's archives of arrays.

use std::panic::catch_unwind;
use std::path::Path;

use npyz::{DType, NpyFile, Order, TypeChar};

use super::archive;
use super::cells::{Cells, Column, Places};
use super::rows::{Features, Rows};
use crate::error::{Error, Result};
use crate::info::Split;

/// Deeper brackets than those of any type of numbers, whose time to read doubles with each.
const DEEPEST: usize = 4;

/// One array, read.
struct Array {
    shape: Vec<usize>,
    numbers: Vec<f64>,
    bytes: bool,
}

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
    Ok(Rows {
        features: read.features(),
        target: Column {
            name: "y".to_owned(),
            cells: Cells::Numbers(targets),
        },
        splits: (!whole).then_some(splits),
        places: Places {
            path: path.to_owned(),
            lines: Vec::new(),
        },
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
    let wrong = |error: &dyn std::fmt::Display| Error::content(path, format!("an array {name} of numbers"), error);
    let content = archive::file(bytes, &format!("{name}.npy"), path)?.ok_or_else(|| {
        let expected = format!("an array {name} (x and y, or x_train, y_train, x_test and y_test)");
        Error::content(path, expected, names.join(", "))
    })?;
    let file = open(&content).map_err(|error| wrong(&error))?;
    let shape: Vec<usize> = file
        .shape()
        .iter()
        .map(|&n| usize::try_from(n).unwrap_or(usize::MAX))
        .collect();
    if shape.is_empty() || file.order() == Order::Fortran && shape.len() > 1 {
        return Err(wrong(&format!("shape {shape:?} in the order {:?}", file.order())));
    }
    let count = shape.iter().try_fold(1_usize, |count, &n| count.checked_mul(n));
    if matches!(count, None | Some(0)) {
        return Err(wrong(&format!(
            "shape {shape:?}, of no number or of more than can be counted"
        )));
    }
    let DType::Plain(kind) = file.dtype() else {
        return Err(wrong(&"records"));
    };
    let bytes = kind.type_char() == TypeChar::Uint && kind.size_field() == 1;
    let kind = (kind.type_char(), kind.size_field());
    let numbers = numbers(file, kind).map_err(|error| wrong(&error))?;
    match numbers.iter().position(|x| !x.is_nan() && !(*x as f32).is_finite()) {
        Some(at) => Err(wrong(&format!("{} at place {at}", numbers[at]))),
        None => Ok(Array { shape, numbers, bytes }),
    }
}

/// Reads the header; where overflow is checked, the reader panics on a shape whose product is beyond 64 bits.
fn open(content: &[u8]) -> std::io::Result<NpyFile<&[u8]>> {
    if nesting(header(content)) > DEEPEST {
        let error = format!("a header of brackets more than {DEEPEST} deep");
        return Err(std::io::Error::other(error));
    }
    catch_unwind(|| NpyFile::new(content))
        .unwrap_or_else(|_| Err(std::io::Error::other("a header that the reader cannot make sense of")))
}

/// The header's text: magic and version take 8 bytes, its length 2 in version 1 and 4 in later ones.
fn header(content: &[u8]) -> &[u8] {
    let text = match content {
        [_, _, _, _, _, _, 1, _, a, b, text @ ..] => Some((u32::from_le_bytes([*a, *b, 0, 0]), text)),
        [_, _, _, _, _, _, _, _, a, b, c, d, text @ ..] => Some((u32::from_le_bytes([*a, *b, *c, *d]), text)),
        _ => None,
    };
    text.map_or(&[], |(length, text)| &text[..text.len().min(length as usize)])
}

/// How many brackets are open at most.
fn nesting(text: &[u8]) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    for byte in text {
        match byte {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}

fn numbers(file: NpyFile<&[u8]>, kind: (TypeChar, u64)) -> std::io::Result<Vec<f64>> {
    macro_rules! read {
        ($type:ty) => {
            Ok(file.into_vec::<$type>()?.into_iter().map(|x| x as f64).collect())
        };
    }
    match kind {
        (TypeChar::Bool, _) => Ok(file
            .into_vec::<bool>()?
            .into_iter()
            .map(|x| f64::from(u8::from(x)))
            .collect()),
        (TypeChar::Uint, 1) => read!(u8),
        (TypeChar::Uint, 2) => read!(u16),
        (TypeChar::Uint, 4) => read!(u32),
        (TypeChar::Uint, 8) => read!(u64),
        (TypeChar::Int, 1) => read!(i8),
        (TypeChar::Int, 2) => read!(i16),
        (TypeChar::Int, 4) => read!(i32),
        (TypeChar::Int, 8) => read!(i64),
        (TypeChar::Float, 4) => read!(f32),
        (TypeChar::Float, 8) => read!(f64),
        other => Err(std::io::Error::other(format!("the type {other:?}"))),
    }
}
