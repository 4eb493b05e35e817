//! How dormant units are.

use espalier_net::{GroupId, Network};

use crate::error::{Result, check_scores};
use crate::oracle::{Oracle, Sample};
use crate::sites::emission_sites;

/// The dormancy score of each unit: its mean absolute activation over the mean of its layer's; 0 where all are silent.
///
/// # Paper
/// Sokar et al. 2023, definition 3.1.
///
/// # Example
/// ```
/// // The layer's mean is 2.
/// assert_eq!(espalier_strategy::dormancy(&[0.0, 1.0, 5.0]), [0.0, 0.5, 2.5]);
/// ```
#[must_use]
pub fn dormancy(activity: &[f64]) -> Vec<f64> {
    let mean = activity.iter().sum::<f64>() / activity.len().max(1) as f64;
    activity
        .iter()
        .map(|a| if mean > 0.0 { a / mean } else { 0.0 })
        .collect()
}

/// The dormancy scores of a group's units on the growth batch; a unit's activity is the mean over the places where it is read.
///
/// # Errors
/// As [`Oracle::activations`]; refuses activations that are not finite.
pub fn dormancy_scores(network: &Network<f32>, group: GroupId, oracle: &mut dyn Oracle) -> Result<Vec<f64>> {
    let sites = emission_sites(network, group);
    let nodes: Vec<_> = sites.iter().map(|s| s.node).collect();
    let width = network.group(group).width();
    let mut sums = vec![vec![0.0_f64; width]; sites.len()];
    let mut rows = vec![0_usize; sites.len()];
    oracle.activations(network, &nodes, Sample::Growth, &mut |k, values| {
        let (channels, offset) = (network.width(nodes[k]), sites[k].offset);
        for row in values.chunks_exact(channels) {
            rows[k] += 1;
            let units = sums[k].iter_mut().zip(&row[offset..]);
            units.for_each(|(sum, x)| *sum += f64::from(x.abs()));
        }
    })?;
    let mean_at = |k: usize, unit: usize| sums[k][unit] / rows[k].max(1) as f64;
    let of_unit = |unit| (0..sites.len()).map(|k| mean_at(k, unit)).sum::<f64>() / sites.len().max(1) as f64;
    let activity: Vec<f64> = (0..width).map(of_unit).collect();
    check_scores(network.group(group).name(), &activity)?;
    Ok(dormancy(&activity))
}
