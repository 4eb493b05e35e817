//! How many units join and leave, and when samples are reviewed: pure numbers.

use std::f64::consts::PI;

use crate::settings::NeuroplasticExpansionSettings;

/// How many units of a group join and leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Units that may join before those that leave make room.
    pub join: usize,
    /// Units that may leave at most.
    pub leave: usize,
}

/// The numbers for a group `first` units wide at first, at epoch `now` of `horizon`.
///
/// # Paper
/// Liu et al. 2025: growth falls as ζ/2 · (1 + cos(π t/T)) of the units between first and full width, and at most the share ω
/// of what joins may leave.
///
/// # Example
/// ```
/// use espalier_neuroplastic_expansion::{NeuroplasticExpansionSettings, quota};
///
/// let settings = NeuroplasticExpansionSettings { expansion: 5.0, growth: 0.5, ..Default::default() };
/// // Half of 80 at the start, half of that midway, nothing at the end; of each at most 40 % leave.
/// let at = |epoch| quota(&settings, 20, epoch, 10);
/// assert_eq!([at(0), at(5), at(10)].map(|quota| (quota.join, quota.leave)), [(40, 16), (20, 8), (0, 0)]);
/// ```
#[must_use]
pub fn quota(settings: &NeuroplasticExpansionSettings, first: usize, now: u64, horizon: u64) -> Quota {
    if now >= horizon {
        return Quota { join: 0, leave: 0 };
    }
    let room = settings.full_width(first).saturating_sub(first) as f64;
    let share = settings.growth / 2.0 * (1.0 + (PI * now as f64 / horizon as f64).cos());
    let join = whole(share * room);
    Quota {
        join,
        leave: whole(settings.prune_share * join as f64),
    }
}

/// The whole part, where a product that is whole but for rounding counts as whole.
fn whole(number: f64) -> usize {
    (number + 1e-9).floor() as usize
}

/// The units that leave: those whose dormancy score is at most τ, the lowest first, at most `most`.
#[must_use]
pub fn dormant(scores: &[f64], threshold: f64, most: usize) -> Vec<usize> {
    let mut found: Vec<usize> = (0..scores.len()).filter(|unit| scores[*unit] <= threshold).collect();
    found.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    found.truncate(most);
    found
}

/// The places of the `most` largest potentials above 0, the largest first; the first of equals.
#[must_use]
pub fn promising(potentials: &[f64], most: usize) -> Vec<usize> {
    let mut found: Vec<usize> = (0..potentials.len()).filter(|k| potentials[*k] > 0.0).collect();
    found.sort_by(|a, b| potentials[*b].total_cmp(&potentials[*a]));
    found.truncate(most);
    found
}

/// The probability of a review after the share of dormant units has gone from `before` to `now`.
#[must_use]
pub fn review_probability(floor: f64, before: f64, now: f64) -> f64 {
    (1.0 - floor - (now - before).abs()).max(0.0)
}
