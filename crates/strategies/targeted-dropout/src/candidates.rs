//! Which weights or columns a later pruning would take.

/// The threshold below which scores are candidates: sorted[⌊γ·n⌋], or infinity where that lies behind the end.
fn threshold(scores: &[f64], gamma: f64) -> f64 {
    let mut sorted = scores.to_vec();
    // Products such as 0.7·10 may round to just below a whole number.
    let at = (gamma * sorted.len() as f64 + 1e-9).floor() as usize;
    if at >= sorted.len() {
        return f64::INFINITY;
    }
    *sorted.select_nth_unstable_by(at, f64::total_cmp).1
}

/// The candidates among the weights of each column of a row-major matrix.
///
/// # Shapes
/// `scores` and the result (rows, `columns`).
///
/// # Paper
/// Gomez et al. 2019, section 3: magnitude-based weight pruning.
#[must_use]
pub fn weight_candidates(scores: &[f64], columns: usize, gamma: f64) -> Vec<bool> {
    let mut found = vec![false; scores.len()];
    for column in 0..columns {
        let of: Vec<f64> = scores.iter().skip(column).step_by(columns).copied().collect();
        let cut = threshold(&of, gamma);
        for (row, score) in of.iter().enumerate() {
            found[row * columns + column] = *score < cut;
        }
    }
    found
}

/// The candidates among the columns.
#[must_use]
pub fn unit_candidates(scores: &[f64], gamma: f64) -> Vec<bool> {
    let cut = threshold(scores, gamma);
    scores.iter().map(|s| *s < cut).collect()
}

/// The L2 norm of each column of a row-major matrix.
///
/// # Shapes
/// `weights` (rows, `columns`).
#[must_use]
pub fn column_norms(weights: &[f32], columns: usize) -> Vec<f64> {
    let mut squares = vec![0.0; columns];
    for row in weights.chunks_exact(columns.max(1)) {
        row.iter()
            .zip(&mut squares)
            .for_each(|(w, s)| *s += f64::from(*w) * f64::from(*w));
    }
    squares.into_iter().map(f64::sqrt).collect()
}
