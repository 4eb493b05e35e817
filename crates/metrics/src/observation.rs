//! The checks that every metric makes on the slices it is given.

use crate::{Error, Result};

/// Counts the rows of a row-major `[rows, units]` slice, or refuses a slice that is none.
pub(crate) fn rows_in(what: &'static str, len: usize, units: usize) -> Result<usize> {
    if units == 0 || !len.is_multiple_of(units) {
        return Err(Error::Shape {
            what,
            expected: format!("whole rows of {units} units, units ≥ 1"),
            found: len,
        });
    }
    Ok(len / units)
}

/// Refuses a length other than the expected one.
pub(crate) fn expect_len(what: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::Shape {
        what,
        expected: format!("{expected} values"),
        found,
    })
}

/// Refuses a sample with fewer than `needed` values or with a value that is not finite.
pub(crate) fn expect_sample(what: &'static str, values: &[f64], needed: usize) -> Result<()> {
    if values.len() < needed {
        return Err(Error::TooFew {
            what,
            needed,
            found: values.len(),
        });
    }
    match values.iter().position(|v| !v.is_finite()) {
        Some(index) => Err(Error::NotFinite {
            what,
            index,
            value: values[index],
        }),
        None => Ok(()),
    }
}

/// Refuses a finite sample whose values are all the same.
pub(crate) fn expect_spread(what: &'static str, values: &[f64]) -> Result<()> {
    match values.split_first() {
        Some((first, rest)) if rest.iter().all(|v| v == first) => Err(Error::Constant { what, value: *first }),
        _ => Ok(()),
    }
}

/// The arithmetic mean; NaN for an empty slice.
pub(crate) fn mean_of(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
