//! Permutation tests, exact for small samples.

use espalier_seed::Seed;

use super::sample::{check, difference, raw_mean};
use crate::{Error, Result};

/// The direction of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alternative {
    /// Either direction: twice the smaller of the one-sided p-values, at most 1.
    TwoSided,
    /// The first sample is greater.
    Greater,
    /// The first sample is less.
    Less,
}

/// A permutation test's outcome.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PermutationResult {
    /// The mean difference.
    pub difference: f64,
    /// The p-value; NaN where a value is not finite.
    pub p_value: f64,
    /// How many arrangements were looked at.
    pub arrangements: u64,
    /// Whether these were all there are.
    pub exact: bool,
}

impl PermutationResult {
    /// No arrangement can be looked at where a value is not finite.
    fn impossible(difference: f64) -> Self {
        Self {
            difference,
            p_value: f64::NAN,
            arrangements: 0,
            exact: false,
        }
    }
}

/// A permutation test with its direction, number of draws and random stream.
///
/// # Method
/// All arrangements are looked at when there are at most `draws` of them; else `draws` are
/// drawn and p = (k + 1) / (draws + 1), which is never zero (Phipson and Smyth 2010).
#[derive(Clone, Debug)]
pub struct Permutation {
    seed: Seed,
    draws: u64,
    alternative: Alternative,
}

impl Permutation {
    /// Takes the stream named "permutation" under `seed`; 100 000 draws, two-sided.
    #[must_use]
    pub fn new(seed: &Seed) -> Self {
        Self {
            seed: seed.named("permutation"),
            draws: 100_000,
            alternative: Alternative::TwoSided,
        }
    }

    /// Sets the direction.
    #[must_use]
    pub fn alternative(mut self, alternative: Alternative) -> Self {
        self.alternative = alternative;
        self
    }

    /// Sets how many arrangements are drawn, and up to how many all are looked at.
    #[must_use]
    pub fn draws(mut self, draws: u64) -> Self {
        self.draws = draws.max(1);
        self
    }

    /// Tests whether paired differences a − b centre on zero, by flipping their signs; without a p-value (NaN) where a
    /// difference is not finite.
    ///
    /// # Errors
    /// [`Error::Unpaired`], [`Error::TooFew`] without a pair.
    pub fn paired(&self, a: &[f64], b: &[f64]) -> Result<PermutationResult> {
        let what = "sign-flip test";
        if a.len() != b.len() {
            return Err(Error::Unpaired {
                what,
                left: a.len(),
                right: b.len(),
            });
        }
        let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| difference(*a, *b)).collect();
        check(what, &differences, 1)?;
        if differences.iter().any(|difference| !difference.is_finite()) {
            return Ok(PermutationResult::impossible(raw_mean(&differences)));
        }
        let n = differences.len();
        let mut tally = Tally::new(raw_mean(&differences), &differences);
        let flipped = |sign: &dyn Fn(usize) -> bool| {
            let signed = differences.iter().enumerate();
            let sum: f64 = signed.map(|(i, d)| if sign(i) { -d } else { *d }).sum();
            sum / n as f64
        };
        let all = 1_u64.checked_shl(u32::try_from(n).unwrap_or(64));
        if let Some(all) = all.filter(|all| *all <= self.draws) {
            for pattern in 0..all {
                tally.count(flipped(&|i| pattern >> i & 1 == 1));
            }
            return Ok(tally.exact(self.alternative));
        }
        let mut stream = self.seed.stream();
        let mut signs = vec![false; n];
        for _ in 0..self.draws {
            signs.fill_with(|| stream.bernoulli(0.5));
            tally.count(flipped(&|i| signs[i]));
        }
        Ok(tally.drawn(self.alternative))
    }

    /// Tests whether two independent samples have one mean, by exchanging their values; without a p-value (NaN) where a
    /// value is not finite.
    ///
    /// # Errors
    /// [`Error::TooFew`] when a sample is empty.
    pub fn two_sample(&self, a: &[f64], b: &[f64]) -> Result<PermutationResult> {
        let what = "two-sample permutation test";
        check(what, a, 1)?;
        check(what, b, 1)?;
        let mut pool = [a, b].concat();
        if pool.iter().any(|value| !value.is_finite()) {
            return Ok(PermutationResult::impossible(raw_mean(a) - raw_mean(b)));
        }
        let total: f64 = pool.iter().sum();
        let (n, m) = (a.len(), b.len());
        let difference = |sum: f64| sum / n as f64 - (total - sum) / m as f64;
        let mut tally = Tally::new(raw_mean(a) - raw_mean(b), &pool);
        if choices(pool.len(), n).is_some_and(|all| all <= self.draws) {
            let mut places: Vec<usize> = (0..n).collect();
            loop {
                tally.count(difference(places.iter().map(|&place| pool[place]).sum()));
                if !advance(&mut places, pool.len()) {
                    return Ok(tally.exact(self.alternative));
                }
            }
        }
        let mut stream = self.seed.stream();
        for _ in 0..self.draws {
            stream.shuffle(&mut pool);
            tally.count(difference(pool[..n].iter().sum()));
        }
        Ok(tally.drawn(self.alternative))
    }
}

/// Counts arrangements at least as far out as the observed one, on either side.
struct Tally {
    observed: f64,
    /// Sums in another order differ by rounding; within this they are equal.
    slack: f64,
    above: u64,
    below: u64,
    all: u64,
}

impl Tally {
    fn new(observed: f64, values: &[f64]) -> Self {
        let scale = values.iter().fold(0.0_f64, |scale, value| scale.max(value.abs()));
        Self {
            observed,
            slack: 1e-12 * scale,
            above: 0,
            below: 0,
            all: 0,
        }
    }

    fn count(&mut self, statistic: f64) {
        self.above += u64::from(statistic >= self.observed - self.slack);
        self.below += u64::from(statistic <= self.observed + self.slack);
        self.all += 1;
    }

    fn exact(&self, alternative: Alternative) -> PermutationResult {
        self.result(alternative, 0, true)
    }

    fn drawn(&self, alternative: Alternative) -> PermutationResult {
        self.result(alternative, 1, false)
    }

    fn result(&self, alternative: Alternative, own: u64, exact: bool) -> PermutationResult {
        let share = |count: u64| (count + own) as f64 / (self.all + own) as f64;
        let p_value = match alternative {
            Alternative::Greater => share(self.above),
            Alternative::Less => share(self.below),
            Alternative::TwoSided => (2.0 * share(self.above.min(self.below))).min(1.0),
        };
        PermutationResult {
            difference: self.observed,
            p_value,
            arrangements: self.all,
            exact,
        }
    }
}

/// The number of ways to choose `k` of `n`, or `None` when it overflows.
fn choices(n: usize, k: usize) -> Option<u64> {
    let mut ways = 1_u64;
    for i in 0..k.min(n - k) as u64 {
        ways = ways.checked_mul(n as u64 - i)? / (i + 1);
    }
    Some(ways)
}

/// Moves to the next ascending choice of places below `n`; false after the last.
fn advance(places: &mut [usize], n: usize) -> bool {
    let k = places.len();
    let Some(last) = (0..k).rev().find(|&i| places[i] < n - k + i) else {
        return false;
    };
    places[last] += 1;
    for i in last + 1..k {
        places[i] = places[i - 1] + 1;
    }
    true
}
