//! Medians of rounds and intervals that need no assumption about how the noise is distributed.

/// A median with an interval around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The median.
    pub median: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
    /// The probability with which such an interval covers the true median.
    pub coverage: f64,
}

/// The median; NaN without values.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// The median with the narrowest pair of order statistics that covers it with at least 95 %, or with all values
/// where there are too few for that.
///
/// # Method
/// The k-th smallest and k-th largest of n independent values enclose the true median with probability
/// 1 − 2·P(X < k), X binomial with n draws of probability ½.
#[must_use]
pub fn estimate(values: &[f64]) -> Estimate {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    if n == 0 {
        return Estimate {
            median: f64::NAN,
            low: f64::NAN,
            high: f64::NAN,
            coverage: 0.0,
        };
    }
    let mut term = 0.5_f64.powi(i32::try_from(n).unwrap_or(i32::MAX));
    let (mut below, mut k) = (term, 1);
    loop {
        let next = term * (n + 1 - k) as f64 / k as f64;
        if k >= n.div_ceil(2) || 1.0 - 2.0 * (below + next) < 0.95 {
            break;
        }
        below += next;
        term = next;
        k += 1;
    }
    Estimate {
        median: median(&sorted),
        low: sorted[k - 1],
        high: sorted[n - k],
        coverage: 1.0 - 2.0 * below,
    }
}

/// The ratios of paired rounds.
#[must_use]
pub fn ratios(ours: &[f64], theirs: &[f64]) -> Vec<f64> {
    ours.iter().zip(theirs).map(|(a, b)| a / b).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_of_odd_and_even_counts() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn few_rounds_give_their_range() {
        // 1 − 2/2^5 = 0.9375
        let found = estimate(&[5.0, 1.0, 4.0, 2.0, 3.0]);
        assert_eq!(
            (found.low, found.median, found.high, found.coverage),
            (1.0, 3.0, 5.0, 0.9375)
        );
    }

    #[test]
    fn many_rounds_give_inner_order_statistics() {
        // scipy 1.17: for n = 15 binom.cdf(3, 15, 0.5) = 0.01758, cdf(4) = 0.0592: the 4th and 12th values, 96.48 %.
        let values: Vec<f64> = (1..=15).map(f64::from).collect();
        let found = estimate(&values);
        assert_eq!((found.low, found.high), (4.0, 12.0));
        assert!((found.coverage - 0.964_843_75).abs() < 1e-12);
    }
}
