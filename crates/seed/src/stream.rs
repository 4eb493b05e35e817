//! A stream of random numbers whose position can be saved and restored.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

/// A ChaCha8 stream of random numbers.
#[derive(Clone, Debug)]
pub struct Stream {
    key: [u8; 32],
    rng: ChaCha8Rng,
}

/// Where a [`Stream`] stands, for checkpoints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamState {
    key: [u8; 32],
    /// Position in 32-bit words from the beginning; a stream would take centuries to pass 2^64 of them.
    word: u64,
}

impl Stream {
    pub(crate) fn from_key(key: [u8; 32]) -> Self {
        Self {
            key,
            rng: ChaCha8Rng::from_seed(key),
        }
    }

    /// Says where the stream stands.
    #[must_use]
    pub fn state(&self) -> StreamState {
        StreamState {
            key: self.key,
            word: u64::try_from(self.rng.get_word_pos()).unwrap_or(u64::MAX),
        }
    }

    /// Opens a stream where another one stood.
    #[must_use]
    pub fn restore(state: &StreamState) -> Self {
        let mut stream = Self::from_key(state.key);
        stream.rng.set_word_pos(u128::from(state.word));
        stream
    }

    /// Draws 64 uniform bits.
    pub fn next_u64(&mut self) -> u64 {
        self.rng.next_u64()
    }

    /// Draws a uniform number from [0, 1), a multiple of 2⁻⁵³.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Draws a uniform number from [`low`, `high`).
    pub fn uniform_in(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Draws from the standard normal distribution.
    pub fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.rng)
    }

    /// Draws a uniform integer below `bound`, without bias; 0 when `bound` is 0 or 1.
    ///
    /// # Method
    /// Lemire's multiply-shift with rejection.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = bound as u64;
        if bound <= 1 {
            return 0;
        }
        let threshold = bound.wrapping_neg() % bound;
        loop {
            let wide = u128::from(self.next_u64()) * u128::from(bound);
            if wide as u64 >= threshold {
                return (wide >> 64) as usize;
            }
        }
    }

    /// Draws `true` with the given probability.
    pub fn bernoulli(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// Shuffles a slice in place (Fisher–Yates, from the end).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// Draws a uniform permutation of 0..`n`.
    #[must_use]
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        self.shuffle(&mut order);
        order
    }

    /// Draws an index with probability proportional to its weight, or `None` when no
    /// weight is positive and finite. Negative and non-finite weights count as zero.
    pub fn choose_weighted(&mut self, weights: &[f64]) -> Option<usize> {
        let usable = |w: f64| if w.is_finite() && w > 0.0 { w } else { 0.0 };
        let total: f64 = weights.iter().map(|&w| usable(w)).sum();
        if total <= 0.0 {
            return None;
        }
        let mut rest = self.uniform() * total;
        let mut last = None;
        for (index, &weight) in weights.iter().enumerate() {
            if usable(weight) > 0.0 {
                last = Some(index);
                rest -= weight;
                if rest < 0.0 {
                    break;
                }
            }
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use crate::Seed;

    use super::*;

    #[test]
    fn a_restored_stream_goes_on_where_it_stood() {
        let mut stream = Seed::new(3).stream();
        for _ in 0..17 {
            stream.normal();
        }
        let mut twin = Stream::restore(&stream.state());
        for _ in 0..100 {
            assert_eq!(stream.next_u64(), twin.next_u64());
        }
    }

    #[test]
    fn moments_of_uniform_and_normal_are_right() {
        let mut stream = Seed::new(11).stream();
        let n = 200_000;
        let (mut u, mut z, mut zz) = (0.0, 0.0, 0.0);
        for _ in 0..n {
            u += stream.uniform();
            let draw = stream.normal();
            z += draw;
            zz += draw * draw;
        }
        let n = f64::from(n);
        // Five standard errors: sqrt(1/12/n), sqrt(1/n), sqrt(2/n).
        assert!((u / n - 0.5).abs() < 5.0 * (1.0 / 12.0 / n).sqrt());
        assert!((z / n).abs() < 5.0 * (1.0 / n).sqrt());
        assert!((zz / n - 1.0).abs() < 5.0 * (2.0 / n).sqrt());
    }

    #[test]
    fn below_is_uniform_and_in_range() {
        let mut stream = Seed::new(5).stream();
        let mut counts = [0_u32; 7];
        for _ in 0..70_000 {
            counts[stream.below(7)] += 1;
        }
        // Binomial(70000, 1/7): sd = 92.6; five of them.
        assert!(counts.iter().all(|&c| c.abs_diff(10_000) < 463));
        assert_eq!(stream.below(0), 0);
        assert_eq!(stream.below(1), 0);
    }

    #[test]
    fn a_permutation_holds_every_index_once() {
        let mut order = Seed::new(9).stream().permutation(1000);
        assert_ne!(order, (0..1000).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn weighted_choice_never_takes_a_weightless_index() {
        let mut stream = Seed::new(2).stream();
        let weights = [0.0, 1.0, f64::NAN, 3.0, -1.0];
        let mut counts = [0_u32; 5];
        for _ in 0..40_000 {
            counts[stream.choose_weighted(&weights).unwrap()] += 1;
        }
        assert_eq!((counts[0], counts[2], counts[4]), (0, 0, 0));
        // Binomial(40000, 1/4): sd = 86.6; five of them.
        assert!(counts[1].abs_diff(10_000) < 433);
        assert_eq!(stream.choose_weighted(&[0.0, f64::NAN]), None);
    }
}
