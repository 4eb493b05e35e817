//! How dormant units are, from their mean activity alone.

/// The dormancy score of each unit: its mean absolute activation over the mean of its layer's; 0 where all are silent.
///
/// # Paper
/// Sokar et al. 2023, definition 3.1.
///
/// # Example
/// ```
/// // The layer's mean is 2.
/// assert_eq!(espalier_redo::dormancy(&[0.0, 1.0, 5.0]), [0.0, 0.5, 2.5]);
/// ```
#[must_use]
pub fn dormancy(activity: &[f64]) -> Vec<f64> {
    let mean = activity.iter().sum::<f64>() / activity.len().max(1) as f64;
    activity
        .iter()
        .map(|a| if mean > 0.0 { a / mean } else { 0.0 })
        .collect()
}
