//! Correction for many tests.

use crate::{Error, Result};

/// Adjusts p-values so that the chance of even one false rejection stays below the level.
///
/// The answer keeps the order of the input. A NaN, of a test that was not possible, stays NaN and counts as a test.
///
/// # Method
/// With the p-values sorted, the i-th smallest of m (from 0) becomes the largest of
/// min(1, (m − j)·p_j) over j ≤ i.
///
/// # Paper
/// Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure".
///
/// # Errors
/// [`Error::Option`] when a p-value lies outside [0, 1].
///
/// # Example
/// ```
/// let adjusted = espalier_report::statistics::holm(&[0.01, 0.04, 0.03])?;
/// assert_eq!(adjusted, [0.03, 0.06, 0.06]);
/// # Ok::<(), espalier_report::Error>(())
/// ```
pub fn holm(p_values: &[f64]) -> Result<Vec<f64>> {
    if let Some(bad) = p_values.iter().find(|p| !p.is_nan() && !(0.0..=1.0).contains(*p)) {
        return Err(Error::Option {
            what: "p-value",
            expected: "0 to 1",
            found: bad.to_string(),
        });
    }
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut floor = 0.0_f64;
    for (rank, &place) in order.iter().enumerate() {
        let factor = (p_values.len() - rank) as f64;
        if p_values[place].is_nan() {
            adjusted[place] = f64::NAN;
            continue;
        }
        floor = floor.max((factor * p_values[place]).min(1.0));
        adjusted[place] = floor;
    }
    Ok(adjusted)
}
