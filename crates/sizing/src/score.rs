//! How near a sizer came, and at what cost.

use crate::frontier::Frontier;
use crate::needed::{Needed, Sweep};

/// What a sizer's net is worth on a task, for one seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// log₂(w / w*): doublings beyond the needed width, negative below it. The width is taken at its value, whatever its interval.
    pub regret: f64,
    /// The test score less that of a static net with as many parameters: was the way worth it?
    pub over_frontier: f64,
    /// What the test score lacks of the best static net's.
    pub shortfall: f64,
    /// MACs over those of training the needed width once.
    pub cost: f64,
}

impl Score {
    /// Scores a net of a width with so many parameters, test score and bill.
    #[must_use]
    pub fn of(net: &Net, needed: &Needed, frontier: &Frontier, sweep: &Sweep) -> Self {
        let place = sweep.widths.iter().position(|width| *width >= needed.width);
        let once = sweep.macs[place.unwrap_or(sweep.macs.len() - 1)];
        Self {
            regret: (net.width.max(1.0) / needed.width).log2(),
            over_frontier: net.test - frontier.at(net.parameters),
            shortfall: frontier.best() - net.test,
            cost: net.macs / once,
        }
    }

    /// Says whether the needed size was found: within so many doublings, and not by keeping what was too much.
    #[must_use]
    pub fn found(&self, doublings: f64) -> bool {
        self.regret.abs() <= doublings
    }
}

/// What a sizer ended with, for one seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Net {
    /// Units of a hidden layer.
    pub width: f64,
    /// Trained values.
    pub parameters: f64,
    /// The test score.
    pub test: f64,
    /// All MACs of the bill.
    pub macs: f64,
}

#[cfg(test)]
mod tests {
    use espalier_seed::Seed;

    use super::*;
    use crate::needed::tests::sweep;

    #[test]
    fn a_net_that_was_kept_too_wide_has_regret_however_good_it_is() {
        let sweep = sweep();
        let (needed, frontier) = (sweep.needed(0.02, &Seed::new(1)), Frontier::of(&sweep, &Seed::new(1)));
        let score = |width, parameters, test, macs| {
            let net = Net {
                width,
                parameters,
                test,
                macs,
            };
            Score::of(&net, &needed, &frontier, &sweep)
        };
        let kept = score(16.0, 160.0, 0.9, 8.0);
        assert_eq!((kept.regret, kept.cost), (1.0, 2.0));
        assert!(kept.shortfall.abs() < 1e-9 && !kept.found(0.5));
        let exact = score(8.0, 80.0, 0.92, 40.0);
        assert_eq!((exact.regret, exact.cost, exact.found(0.0)), (0.0, 10.0, true));
        assert!((exact.over_frontier - 0.02).abs() < 1e-9);
        let small = score(2.0, 20.0, 0.5, 1.0);
        assert_eq!(small.regret, -2.0);
        assert!((small.shortfall - 0.4).abs() < 1e-9);
    }
}
