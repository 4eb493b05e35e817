//! Searches that know nothing of nets: they compare validation scores of trained widths.
//!
//! A width counts as enough when its validation score is within `tolerance` of the best that was seen.

use crate::bench::{Bench, Candidate, Trained};
use crate::error::{Error, Result};
use crate::sizer::{Kind, Sizer};
use crate::tuning::Dial;

/// What a search lets a validation score lack of the best.
static TOLERANCE: [Dial; 1] = [Dial::logarithmic("tolerance", 1e-3, 3e-2, 5e-3)];

/// Takes the widest net.
#[derive(Clone, Copy, Debug)]
pub struct Widest;

impl Sizer for Widest {
    fn name(&self) -> &'static str {
        "widest"
    }

    fn kind(&self) -> Kind {
        Kind::Search
    }

    fn find(&self, bench: &mut Bench<'_>) -> Result<Trained> {
        let widest = bench.widest();
        bench.train(widest)
    }
}

/// Trains widths that are drawn evenly in their logarithm, and takes the smallest that is enough.
#[derive(Clone, Copy, Debug)]
pub struct RandomWidths {
    /// Widths that are drawn.
    pub tries: usize,
    /// What a validation score may lack of the best.
    pub tolerance: f64,
}

impl Sizer for RandomWidths {
    fn name(&self) -> &'static str {
        "random-widths"
    }

    fn kind(&self) -> Kind {
        Kind::Search
    }

    fn dials(&self) -> &'static [Dial] {
        &TOLERANCE
    }

    fn turned(&self, values: &[f64]) -> Option<Box<dyn Sizer>> {
        let tolerance = *values.first()?;
        Some(Box::new(Self { tolerance, ..*self }))
    }

    fn find(&self, bench: &mut Bench<'_>) -> Result<Trained> {
        let mut stream = bench.stream("widths");
        let most = (bench.widest() as f64).ln();
        let mut widths: Vec<usize> = (0..self.tries)
            .map(|_| ((stream.uniform() * most).exp().round() as usize).clamp(1, bench.widest()))
            .collect();
        widths.sort_unstable();
        widths.dedup();
        let tried = widths
            .into_iter()
            .map(|width| bench.train(width))
            .collect::<Result<Vec<_>>>()?;
        smallest_enough(tried, self.tolerance)
    }
}

pub(crate) fn smallest_enough(ascending: Vec<Trained>, tolerance: f64) -> Result<Trained> {
    let best = ascending
        .iter()
        .map(Trained::validation)
        .fold(f64::NEG_INFINITY, f64::max);
    let enough = |trained: &Trained| trained.validation() >= best - tolerance;
    let found = ascending.into_iter().find(enough);
    found.ok_or_else(|| Error::range("widths that are tried", "at least 1", 0))
}

/// Trains the widest net and halves the range of widths, in their logarithm, until it is one doubling or less.
#[derive(Clone, Copy, Debug)]
pub struct Bisection {
    /// What a validation score may lack of the widest net's.
    pub tolerance: f64,
}

impl Sizer for Bisection {
    fn name(&self) -> &'static str {
        "bisection"
    }

    fn kind(&self) -> Kind {
        Kind::Search
    }

    fn dials(&self) -> &'static [Dial] {
        &TOLERANCE
    }

    fn turned(&self, values: &[f64]) -> Option<Box<dyn Sizer>> {
        let tolerance = *values.first()?;
        Some(Box::new(Self { tolerance }))
    }

    fn find(&self, bench: &mut Bench<'_>) -> Result<Trained> {
        let widest = bench.widest();
        let mut enough = bench.train(widest)?;
        let goal = enough.validation() - self.tolerance;
        // `low` is too small or 0.5, that is below 1; the loop ends at half a doubling.
        let (mut low, mut high) = (0.5_f64, widest as f64);
        while high / low > std::f64::consts::SQRT_2 {
            let middle = ((low * high).sqrt().round() as usize).max(1);
            if middle as f64 >= high || (middle as f64) <= low {
                break;
            }
            let tried = bench.train(middle)?;
            if tried.validation() >= goal {
                (high, enough) = (middle as f64, tried);
            } else {
                low = middle as f64;
            }
        }
        Ok(enough)
    }
}

/// Begins with every power of two and keeps, each time for twice the epochs, the better half; of those within
/// `tolerance` of the best the smaller ones go first.
///
/// # Paper
/// Jamieson & Talwalkar (2016), Non-stochastic best arm identification; the rungs of ASHA (Li et al. 2020) on one worker.
#[derive(Clone, Copy, Debug)]
pub struct SuccessiveHalving {
    /// Epochs of the first rung.
    pub first_epochs: u64,
    /// What a validation score may lack of the best of its rung.
    pub tolerance: f64,
}

impl Sizer for SuccessiveHalving {
    fn name(&self) -> &'static str {
        "successive-halving"
    }

    fn kind(&self) -> Kind {
        Kind::Search
    }

    fn dials(&self) -> &'static [Dial] {
        &TOLERANCE
    }

    fn turned(&self, values: &[f64]) -> Option<Box<dyn Sizer>> {
        let tolerance = *values.first()?;
        Some(Box::new(Self { tolerance, ..*self }))
    }

    fn find(&self, bench: &mut Bench<'_>) -> Result<Trained> {
        let mut rung = powers(bench.widest())
            .into_iter()
            .map(|width| bench.begin(width))
            .collect::<Result<Vec<_>>>()?;
        let mut epochs = self.first_epochs.max(1);
        while rung.len() > 1 {
            for candidate in &mut rung {
                bench.advance(candidate, epochs)?;
            }
            rung = self.better_half(rung);
            epochs *= 2;
        }
        let last = rung
            .pop()
            .ok_or_else(|| Error::range("rungs", "at least one width", 0))?;
        bench.finish(last)
    }
}

impl SuccessiveHalving {
    fn better_half(&self, mut rung: Vec<Candidate>) -> Vec<Candidate> {
        let best = rung.iter().map(Candidate::score).fold(f64::NEG_INFINITY, f64::max);
        let rank = |candidate: &Candidate| {
            let lack = (best - candidate.score()).max(0.0);
            if lack <= self.tolerance { 0.0 } else { lack }
        };
        rung.sort_by(|a, b| rank(a).total_cmp(&rank(b)).then(a.width().cmp(&b.width())));
        rung.truncate(rung.len().div_ceil(2));
        rung
    }
}

/// 1, 2, 4 … and the widest.
fn powers(widest: usize) -> Vec<usize> {
    let mut widths: Vec<usize> = std::iter::successors(Some(1_usize), |w| w.checked_mul(2))
        .take_while(|width| *width < widest)
        .collect();
    widths.push(widest);
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_end_at_the_widest() {
        assert_eq!(powers(1), [1]);
        assert_eq!(powers(8), [1, 2, 4, 8]);
        assert_eq!(powers(9), [1, 2, 4, 8, 9]);
    }
}
