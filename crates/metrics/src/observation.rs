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
    let (n, total) = (values.len() as f64, values.iter().sum::<f64>());
    if total.is_finite() {
        return total / n;
    }
    values.iter().map(|v| v / n).sum()
}

/// A power of two near the largest magnitude, by which values can be divided without rounding; 1 where all are 0.
///
/// Sums and squares of what is left neither overflow nor vanish, whatever the unit of the values. Below the normal numbers
/// it is their smallest, so that its inverse is a number.
pub(crate) fn unit_of(values: &[f64]) -> f64 {
    let largest = values.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    if largest > 0.0 && largest.is_finite() {
        largest.log2().floor().min(1023.0).exp2().max(f64::MIN_POSITIVE)
    } else {
        1.0
    }
}

/// The values in units of [`unit_of`] them, and that unit.
pub(crate) fn in_own_unit(values: &[f64]) -> (Vec<f64>, f64) {
    let unit = unit_of(values);
    (values.iter().map(|v| v / unit).collect(), unit)
}
