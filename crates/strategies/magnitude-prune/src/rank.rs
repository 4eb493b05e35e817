//! The lowest of scores, exactly as many as asked for.

/// The number of things that a share is of `of`, to the nearest.
///
/// ```
/// assert_eq!(espalier_magnitude_prune::share(0.29, 100), 29);
/// ```
#[must_use]
pub fn share(fraction: f64, of: usize) -> usize {
    ((fraction * of as f64).round() as usize).min(of)
}

/// The positions of the `count` lowest scores in ascending order; of equals the first.
///
/// ```
/// assert_eq!(espalier_magnitude_prune::lowest(&[3.0, 1.0, 2.0, 1.0], 2), [1, 3]);
/// ```
#[must_use]
pub fn lowest(scores: &[f64], count: usize) -> Vec<usize> {
    let mut order = ascending(scores);
    order.truncate(count);
    order.sort_unstable();
    order
}

/// The positions of all scores, the lowest first; of equals the first.
pub(crate) fn ascending(scores: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    // The sort is stable, so that equals keep their order.
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    order
}

/// The positions of the `count` lowest scores of each column of a row-major matrix, in ascending order.
///
/// # Shapes
/// `scores` (rows, `columns`).
#[must_use]
pub fn lowest_of_columns(scores: &[f64], columns: usize, count: usize) -> Vec<usize> {
    let mut found = Vec::with_capacity(columns * count);
    for column in 0..columns {
        let of: Vec<f64> = scores.iter().skip(column).step_by(columns).copied().collect();
        found.extend(lowest(&of, count).into_iter().map(|row| row * columns + column));
    }
    found.sort_unstable();
    found
}
