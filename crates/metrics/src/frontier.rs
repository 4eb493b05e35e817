//! Choosing among many trials: Pareto front, cheapest good one, expected best of a few.

use crate::Result;
use crate::observation::{expect_len, expect_sample};

/// Gives the indices of the trials on the Pareto front, by ascending cost.
///
/// # Method
/// A trial is on the front when no other has a lower or equal cost and a higher or equal score,
/// one of them strictly; of trials equal in both the first is kept.
///
/// # Errors
/// [`crate::Error::Shape`] when the lengths differ, [`crate::Error::NotFinite`].
///
/// # Example
/// ```
/// let front = espalier_metrics::pareto_front(&[10.0, 20.0, 30.0], &[0.9, 0.8, 0.95])?;
/// assert_eq!(front, [0, 2]);
/// # Ok::<(), espalier_metrics::Error>(())
/// ```
pub fn pareto_front(costs: &[f64], scores: &[f64]) -> Result<Vec<usize>> {
    expect_trials("Pareto front", costs, scores)?;
    let mut order: Vec<usize> = (0..costs.len()).collect();
    // Stable: equal trials keep their order.
    order.sort_by(|&a, &b| {
        let by_score = || scores[b].total_cmp(&scores[a]);
        costs[a].total_cmp(&costs[b]).then_with(by_score)
    });
    let mut best = f64::NEG_INFINITY;
    order.retain(|&trial| {
        let better = scores[trial] > best;
        best = best.max(scores[trial]);
        better
    });
    Ok(order)
}

/// Gives the index of the cheapest trial whose score is at least `score`, if there is one.
///
/// The ratio of two such costs is the compression factor at equal score.
///
/// # Errors
/// As [`pareto_front`].
pub fn cheapest_reaching(costs: &[f64], scores: &[f64], score: f64) -> Result<Option<usize>> {
    expect_trials("cheapest trial", costs, scores)?;
    let good = (0..costs.len()).filter(|&trial| scores[trial] >= score);
    Ok(good.min_by(|&a, &b| costs[a].total_cmp(&costs[b])))
}

/// Gives the expected best score among t trials drawn without replacement, for t = 1 … n.
///
/// # Method
/// The i-th smallest of n scores is the best of t with probability C(i−1, t−1) / C(n, t),
/// taken by ratios from the largest down so that no factor exceeds 1.
///
/// # Errors
/// [`crate::Error::TooFew`] for no scores, [`crate::Error::NotFinite`].
///
/// # Example
/// ```
/// let best = espalier_metrics::expected_best_of(&[1.0, 3.0])?;
/// assert_eq!(best, [2.0, 3.0]);
/// # Ok::<(), espalier_metrics::Error>(())
/// ```
pub fn expected_best_of(scores: &[f64]) -> Result<Vec<f64>> {
    expected_of_chosen(scores, scores)
}

/// Gives the expected score of the trial that is best by another number, among t trials drawn without replacement, for
/// t = 1 … n: what a random search has on the test split when the validation split chooses.
///
/// # Method
/// As [`expected_best_of`]; of trials that are equal by that number the last one is chosen.
///
/// # Errors
/// As [`expected_best_of`], and [`crate::Error::Shape`] when the lengths differ.
///
/// # Example
/// ```
/// // The second trial looks best and is not.
/// let scores = espalier_metrics::expected_of_chosen(&[1.0, 3.0], &[0.9, 0.8])?;
/// assert!((scores[0] - 0.85).abs() < 1e-12 && (scores[1] - 0.8).abs() < 1e-12);
/// # Ok::<(), espalier_metrics::Error>(())
/// ```
pub fn expected_of_chosen(by: &[f64], scores: &[f64]) -> Result<Vec<f64>> {
    expect_len("expected score of the chosen", by.len(), scores.len())?;
    expect_sample("expected score of the chosen", by, 1)?;
    expect_sample("expected score of the chosen", scores, 1)?;
    let mut order: Vec<usize> = (0..by.len()).collect();
    order.sort_by(|&a, &b| by[a].total_cmp(&by[b]));
    let n = order.len();
    let of = |t: usize| -> f64 {
        let mut probability = t as f64 / n as f64;
        let mut expected = 0.0;
        for i in (t..=n).rev() {
            expected += probability * scores[order[i - 1]];
            if i > t {
                probability *= (i - t) as f64 / (i - 1) as f64;
            }
        }
        expected
    };
    Ok((1..=n).map(of).collect())
}

fn expect_trials(what: &'static str, costs: &[f64], scores: &[f64]) -> Result<()> {
    expect_len(what, costs.len(), scores.len())?;
    expect_sample(what, costs, 0)?;
    expect_sample(what, scores, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use crate::samples::{assert_close, halton};
    use proptest::prelude::*;

    #[test]
    fn the_front_by_hand() {
        //            0     1     2     3     4     5 (equal to 1)
        let costs = [30.0, 10.0, 20.0, 10.0, 40.0, 10.0];
        let scores = [0.90, 0.80, 0.80, 0.70, 0.90, 0.80];
        assert_eq!(pareto_front(&costs, &scores).unwrap(), [1, 0]);
        assert_eq!(cheapest_reaching(&costs, &scores, 0.75).unwrap(), Some(1));
        assert_eq!(cheapest_reaching(&costs, &scores, 0.85).unwrap(), Some(0));
        assert_eq!(cheapest_reaching(&costs, &scores, 0.99).unwrap(), None);
        assert!(pareto_front(&[], &[]).unwrap().is_empty());
        assert!(matches!(
            pareto_front(&[1.0], &[f64::NAN]),
            Err(Error::NotFinite { .. })
        ));
        assert!(matches!(pareto_front(&[1.0], &[]), Err(Error::Shape { .. })));
    }

    #[test]
    fn expected_best_equals_all_subsets() {
        let scores: Vec<f64> = (1..=9).map(|i| halton(i, 3) - 0.3).collect();
        let mut totals = [(0.0, 0u32); 10];
        for subset in 1u32..1 << 9 {
            let members = (0..9).filter(|i| subset >> i & 1 == 1);
            let best = members.map(|i| scores[i]).fold(f64::NEG_INFINITY, f64::max);
            let (sum, count) = &mut totals[subset.count_ones() as usize];
            *sum += best;
            *count += 1;
        }
        let brute: Vec<f64> = totals[1..].iter().map(|(sum, count)| sum / f64::from(*count)).collect();
        assert_close(&expected_best_of(&scores).unwrap(), &brute, 1e-12);
    }

    #[test]
    fn expected_score_of_the_chosen_equals_all_subsets() {
        let by: Vec<f64> = (1..=8).map(|i| halton(i, 2)).collect();
        let scores: Vec<f64> = (1..=8).map(|i| halton(i, 3)).collect();
        let mut totals = [(0.0, 0u32); 9];
        for subset in 1u32..1 << 8 {
            let members = (0..8).filter(|i| subset >> i & 1 == 1);
            let chosen = members.max_by(|a, b| by[*a].total_cmp(&by[*b])).unwrap();
            let (sum, count) = &mut totals[subset.count_ones() as usize];
            *sum += scores[chosen];
            *count += 1;
        }
        let brute: Vec<f64> = totals[1..].iter().map(|(sum, count)| sum / f64::from(*count)).collect();
        assert_close(&expected_of_chosen(&by, &scores).unwrap(), &brute, 1e-12);
        assert!(matches!(
            expected_of_chosen(&by, &scores[1..]),
            Err(Error::Shape { .. })
        ));
    }

    #[test]
    fn thousands_of_trials_neither_overflow_nor_lose_mass() {
        let best = expected_best_of(&[1.0; 3000]).unwrap();
        assert!(best.iter().all(|b| (b - 1.0).abs() < 1e-9));
        assert!(matches!(expected_best_of(&[]), Err(Error::TooFew { .. })));
    }

    proptest! {
        #[test]
        fn the_front_equals_pairwise_domination(trials in proptest::collection::vec((0u8..6, 0u8..6), 0..12)) {
            let costs: Vec<f64> = trials.iter().map(|t| f64::from(t.0)).collect();
            let scores: Vec<f64> = trials.iter().map(|t| f64::from(t.1)).collect();
            let beaten = |i: usize| trials.iter().enumerate().any(|(j, t)| {
                let no_worse = t.0 <= trials[i].0 && t.1 >= trials[i].1;
                no_worse && (*t != trials[i] || j < i)
            });
            let mut front = pareto_front(&costs, &scores).unwrap();
            front.sort_unstable();
            let brute: Vec<usize> = (0..trials.len()).filter(|&i| !beaten(i)).collect();
            prop_assert_eq!(front, brute);
        }
    }
}
