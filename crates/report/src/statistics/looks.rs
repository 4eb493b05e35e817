//! Looks at seeds that are added while claims are open, and intervals that hold whatever look is the last.

use serde::{Deserialize, Serialize};
use statrs::distribution::{Continuous, ContinuousCDF, Normal};

use super::interval::check_level;
use crate::{Error, Result};

/// The most looks of a schedule.
const MOST_LOOKS: u64 = 20;
/// The power of the spending function: a quarter of the seeds spends a sixteenth of the error.
const POWER: i32 = 2;
/// Intervals between the nodes of Simpson's rule; more change no edge by 1e-6.
const NODES: usize = 160;

/// The numbers of paired seeds at which claims are judged, declared before the first look, and how far it went.
///
/// # Method
/// At each look an interval is wider than its level says, so that the intervals of all looks hold the truth together at that
/// level, whenever the last look is. An interval's error is spent as αt² by the share t of the seeds that are there
/// ([`Looks::level`]). Other than the rule that O'Brien and Fleming inspired, this one leaves a quarter of the seeds an error
/// that so few can show at all: 0.003 of 0.05 instead of 0.000015.
///
/// # Paper
/// Lan and DeMets 1983, "Discrete Sequential Boundaries for Clinical Trials"; the power family is that of Kim and DeMets 1987,
/// "Design and Analysis of Group Sequential Tests Based on the Type I Error Spending Rate Function". Intervals at every look:
/// Jennison and Turnbull 1989, "Interim Analyses: The Repeated Confidence Interval Approach".
///
/// # Example
/// ```
/// use espalier_report::statistics::Looks;
///
/// let mut looks = Looks::planned(6, 24);
/// assert_eq!(looks.seeds, [6, 9, 12, 15, 18, 21, 24]);
/// looks.made = 1;
/// assert!((1.0 - looks.level(0.95)? - 0.05 / 16.0).abs() < 1e-9);
/// # Ok::<(), espalier_report::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looks {
    /// The paired seeds at each look, ascending; the last is the bound.
    pub seeds: Vec<u64>,
    /// How many looks were made.
    pub made: usize,
    /// The trials of each seed on one data set; 0 for a page over several.
    pub trials_of_a_seed: usize,
}

impl Looks {
    /// Declares looks at the first seeds, at each half as many more, and at the most: 20 looks at most.
    #[must_use]
    pub fn planned(first: u64, most: u64) -> Self {
        let most = most.max(first);
        let step = first.div_ceil(2).max((most - first).div_ceil(MOST_LOOKS - 1)).max(1);
        let mut seeds: Vec<u64> = (first..most)
            .step_by(usize::try_from(step).unwrap_or(usize::MAX))
            .collect();
        seeds.push(most);
        Self {
            seeds,
            ..Self::default()
        }
    }

    /// The seeds of the last look that was made; 0 before the first.
    #[must_use]
    pub fn reached(&self) -> u64 {
        self.made
            .checked_sub(1)
            .and_then(|last| self.seeds.get(last))
            .copied()
            .unwrap_or_default()
    }

    /// The most seeds.
    #[must_use]
    pub fn bound(&self) -> u64 {
        self.seeds.last().copied().unwrap_or_default()
    }

    /// The level of an interval of this look, for those of all looks to hold together at `level`.
    ///
    /// # Errors
    /// [`Error::Option`] where looks do not ascend, more were made than declared or none, or the level is out of range.
    pub fn level(&self, level: f64) -> Result<f64> {
        check_level(level)?;
        let declared = self.seeds.windows(2).all(|pair| pair[0] < pair[1]) && self.seeds.first() > Some(&0);
        if !declared || !(1..=self.seeds.len()).contains(&self.made) {
            return Err(Error::Option {
                what: "looks",
                expected: "ascending numbers of seeds, of which one or more were looked at",
                found: format!("{} looks at {:?}", self.made, self.seeds),
            });
        }
        let bound = self.bound() as f64;
        let shares: Vec<f64> = self.seeds[..self.made]
            .iter()
            .map(|seeds| *seeds as f64 / bound)
            .collect();
        let edge = last_edge(&shares, 1.0 - level);
        Ok(1.0 - 2.0 * Normal::standard().sf(edge))
    }
}

/// How much of the error is spent when a share of the seeds is there.
fn spent(alpha: f64, share: f64) -> f64 {
    alpha * share.powi(POWER)
}

/// The edge, in standard errors, beyond which the last of some looks spends what it may, if the earlier ones stayed within theirs.
fn last_edge(shares: &[f64], alpha: f64) -> f64 {
    let mut walk = Walk::start();
    let mut edge = 0.0;
    let mut before = 0.0;
    for (place, &share) in shares.iter().enumerate() {
        let spend = spent(alpha, share) - spent(alpha, before);
        edge = walk.edge(share, spend);
        if place + 1 < shares.len() {
            walk = walk.within(share, edge);
        }
        before = share;
    }
    edge
}

/// Where a Brownian motion stands that has stayed within all edges so far: nodes with their probabilities.
///
/// # Method
/// The recursive integration of Armitage, McPherson and Rowe 1969, "Repeated Significance Tests on Accumulating Data".
struct Walk {
    share: f64,
    /// Place and probability.
    nodes: Vec<(f64, f64)>,
}

impl Walk {
    fn start() -> Self {
        Self {
            share: 0.0,
            nodes: vec![(0.0, 1.0)],
        }
    }

    /// The standard deviation of the steps until a share of the seeds is there.
    fn spread(&self, share: f64) -> f64 {
        (share - self.share).sqrt()
    }

    /// The probability to be beyond an edge when a share of the seeds is there.
    fn beyond(&self, share: f64, edge: f64) -> f64 {
        let (spread, place) = (self.spread(share), edge * share.sqrt());
        let normal = Normal::standard();
        let tails = |at: f64| normal.sf((place - at) / spread) + normal.cdf((-place - at) / spread);
        self.nodes.iter().map(|(at, mass)| mass * tails(*at)).sum()
    }

    /// The edge beyond which it is with a probability, found by bisection.
    fn edge(&self, share: f64, probability: f64) -> f64 {
        let (mut low, mut high) = (0.0, 40.0);
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if self.beyond(share, middle) > probability {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }

    /// The walk that has stayed within an edge there, too.
    fn within(&self, share: f64, edge: f64) -> Self {
        let (spread, reach) = (self.spread(share), edge * share.sqrt());
        let width = 2.0 * reach / NODES as f64;
        let normal = Normal::standard();
        let node = |number: usize| {
            let at = width * number as f64 - reach;
            let weight = match number {
                0 | NODES => 1.0,
                odd if odd % 2 == 1 => 4.0,
                _ => 2.0,
            };
            let density: f64 = self
                .nodes
                .iter()
                .map(|(from, mass)| mass * normal.pdf((at - from) / spread))
                .sum();
            (at, density / spread * weight * width / 3.0)
        };
        Self {
            share,
            nodes: (0..=NODES).map(node).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use espalier_seed::Seed;

    /// The edges of all looks.
    fn edges(looks: &Looks, level: f64) -> Vec<f64> {
        let normal = Normal::standard();
        let edge = |made: usize| {
            let level = Looks { made, ..looks.clone() }.level(level).unwrap();
            -normal.inverse_cdf((1.0 - level) / 2.0)
        };
        (1..=looks.seeds.len()).map(edge).collect()
    }

    #[test]
    fn edges_equal_those_of_a_recursive_integration_in_numpy() {
        // numpy 2.3, 801 nodes of Simpson's rule: α t², looks at a quarter, a half, three quarters and all of the seeds.
        let looks = Looks {
            seeds: vec![6, 12, 18, 24],
            ..Looks::default()
        };
        for (ours, reference) in
            edges(&looks, 0.95)
                .iter()
                .zip([2.955_166_85, 2.559_350_16, 2.300_855_30, 2.091_966_39])
        {
            assert!((ours - reference).abs() < 1e-5, "{ours} for {reference}");
        }
    }

    #[test]
    fn one_look_leaves_the_level_as_it_is() {
        let looks = Looks {
            made: 1,
            ..Looks::planned(6, 6)
        };
        assert!((looks.level(0.95).unwrap() - 0.95).abs() < 1e-9);
    }

    #[test]
    fn a_random_walk_leaves_its_edges_as_often_as_the_level_says() {
        let looks = Looks::planned(6, 24);
        let edges = edges(&looks, 0.9);
        let mut stream = Seed::new(3).named("walk").stream();
        let left = (0..20_000).filter(|_| {
            let (mut sum, mut seeds) = (0.0, 0);
            looks.seeds.iter().zip(&edges).fold(false, |left, (&until, edge)| {
                (seeds..until).for_each(|_| sum += stream.normal());
                seeds = until;
                left || sum.abs() > edge * (until as f64).sqrt()
            })
        });
        // 0.1 of 20 000: the standard error of the share is 0.002.
        let share = left.count() as f64 / 20_000.0;
        assert!((0.0935..=0.1065).contains(&share), "{share}");
    }

    #[test]
    fn looks_are_declared_up_to_the_bound_and_not_more_than_twenty() {
        assert_eq!(Looks::planned(6, 20).seeds, [6, 9, 12, 15, 18, 20]);
        assert_eq!(Looks::planned(8, 8).seeds, [8]);
        let many = Looks::planned(6, 1000);
        assert!(many.seeds.len() <= 20 && many.bound() == 1000, "{many:?}");
    }

    #[test]
    fn looks_that_contradict_themselves_are_refused() {
        for (seeds, made) in [
            (vec![6, 6], 1),
            (vec![], 0),
            (vec![6, 9], 3),
            (vec![6, 9], 0),
            (vec![0, 6], 1),
        ] {
            let looks = Looks {
                seeds,
                made,
                ..Looks::default()
            };
            let error = looks.level(0.95).unwrap_err().to_string();
            assert!(error.contains("looks") && error.contains("ascending"), "{error}");
        }
    }
}
