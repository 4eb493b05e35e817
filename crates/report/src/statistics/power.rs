//! What so few seeds could have shown.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// The power at which an effect counts as one that would have been seen.
pub const POWER: f64 = 0.8;

/// The smallest effect that paired differences with this spread could have shown, two-sided at `level`.
///
/// # Method
/// (t₁₋α/₂ + t_power) · s / √n with n − 1 degrees of freedom, the usual approximation of the noncentral t;
/// `None` with fewer than two values.
///
/// # Source
/// Bloom 1995, "Minimum Detectable Effects", equation 1.
#[must_use]
pub fn smallest_effect(values: &[f64], level: f64) -> Option<f64> {
    let n = values.len() as f64;
    let student = StudentsT::new(0.0, 1.0, n - 1.0).ok()?;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let reach = student.inverse_cdf(0.5 + level / 2.0) + student.inverse_cdf(POWER);
    let effect = reach * (variance / n).sqrt();
    effect.is_finite().then_some(effect)
}

/// The least two-sided p-value of a sign-flip test of so many pairs.
#[must_use]
pub fn least_p(seeds: usize) -> f64 {
    (2.0 * 0.5_f64.powi(i32::try_from(seeds).unwrap_or(i32::MAX))).min(1.0)
}

/// How many paired seeds a family of so many claims needs before its least corrected p-value is below α.
#[must_use]
pub fn seeds_needed(claims: usize, alpha: f64) -> usize {
    (1..=64)
        .find(|seeds| claims as f64 * least_p(*seeds) <= alpha)
        .unwrap_or(64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_effect_uses_students_quantiles() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        // scipy 1.17.1: (t.ppf(.975, 5) + t.ppf(.8, 5)) * std(ddof=1) / sqrt(6) = (2.57058 + 0.91954) · 1.87083 / 2.44949
        assert!((smallest_effect(&values, 0.95).unwrap() - 2.665_627_469).abs() < 1e-8);
        assert_eq!(smallest_effect(&[1.0], 0.95), None);
    }

    #[test]
    fn six_seeds_cannot_carry_a_family_of_two() {
        assert_eq!(least_p(6), 0.031_25);
        assert_eq!(
            (seeds_needed(1, 0.05), seeds_needed(2, 0.05), seeds_needed(15, 0.05)),
            (6, 7, 10)
        );
    }
}
