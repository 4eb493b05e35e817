//! Distances to the nearest rows, which dimensions are read from.

use std::collections::BTreeSet;

use crate::observation::rows_in;
use crate::{Error, Result};

/// The distances of each distinct row to its nearest others.
pub(crate) struct Neighbours {
    /// For each distinct row, its `count` smallest distances to others, rising, none of them 0.
    pub distances: Vec<Vec<f64>>,
    /// The rows that repeat an earlier one.
    pub repeated: usize,
}

impl Neighbours {
    /// Compares all pairs of rows of a row-major `[rows, units]` matrix.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::NotFinite`], [`Error::TooFew`] for `count` or fewer distinct rows.
    pub fn of(what: &'static str, matrix: &[f32], units: usize, count: usize) -> Result<Self> {
        let rows = rows_in(what, matrix.len(), units)?;
        if let Some(index) = matrix.iter().position(|x| !x.is_finite()) {
            let value = f64::from(matrix[index]);
            return Err(Error::NotFinite { what, index, value });
        }
        let distinct = distinct_rows(matrix, units);
        if distinct.len() <= count {
            return Err(Error::TooFew {
                what,
                needed: count + 1,
                found: distinct.len(),
            });
        }
        let nearest = |own: usize| nearest(&distinct, own, count);
        Ok(Self {
            distances: (0..distinct.len()).map(nearest).collect(),
            repeated: rows - distinct.len(),
        })
    }
}

/// Each row that repeats none before it; 0 and −0 are the same.
fn distinct_rows(matrix: &[f32], units: usize) -> Vec<&[f32]> {
    let mut seen: BTreeSet<Vec<u32>> = BTreeSet::new();
    let bits = |row: &[f32]| row.iter().map(|x| (x + 0.0).to_bits()).collect();
    matrix
        .chunks_exact(units)
        .filter(|row| seen.insert(bits(row)))
        .collect()
}

fn nearest(rows: &[&[f32]], own: usize, count: usize) -> Vec<f64> {
    let others = rows.iter().enumerate().filter(|(index, _)| *index != own);
    let mut distances: Vec<f64> = others.map(|(_, row)| distance(rows[own], row)).collect();
    if count < distances.len() {
        distances.select_nth_unstable_by(count - 1, f64::total_cmp);
        distances.truncate(count);
    }
    distances.sort_by(f64::total_cmp);
    distances
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    let squares = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
    squares.sum::<f64>().sqrt()
}
