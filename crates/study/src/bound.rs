//! A statistic whose arms are looked up.

use std::rc::Rc;

use espalier_metrics::spearman;
use espalier_report::statistics::{Course, interpolated, line_slope};

use crate::arm::Arm;
use crate::contrast::strata;
use crate::factor::Factor;
use crate::quantity::Quantity;
use crate::statistic::Measure;
use crate::study::Nets;

type OfSeed<T> = Rc<dyn Fn(&Nets<T>) -> f64>;
/// A number of all seeds together.
pub(crate) type OfSeeds<T> = Rc<dyn Fn(&[&Nets<T>]) -> f64>;

/// How the number comes from the seeds.
pub(crate) enum Evaluate<T> {
    /// One number of each seed, of which the interquartile mean is taken.
    Seed(OfSeed<T>),
    /// One number of all seeds, and of how many at least.
    Seeds(OfSeeds<T>, usize),
}

/// A statistic with the arms that it looks at, side by side where it compares.
pub(crate) struct Bound<T> {
    pub(crate) of: Evaluate<T>,
    pub(crate) left: Vec<Arm>,
    /// Empty where nothing is compared.
    pub(crate) right: Vec<Arm>,
    pub(crate) quantities: Vec<Quantity<T>>,
    /// Outcomes that are equal on both sides by interpolation.
    pub(crate) matched: Vec<&'static str>,
    /// The groups of arms within which a trend is looked for.
    pub(crate) strata: Vec<Vec<Arm>>,
    /// The factor of the trend.
    pub(crate) along: Option<Factor>,
}

impl<T> Clone for Evaluate<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Seed(of) => Self::Seed(Rc::clone(of)),
            Self::Seeds(of, least) => Self::Seeds(Rc::clone(of), *least),
        }
    }
}

impl<T: 'static> Bound<T> {
    pub(crate) fn new(left: Vec<Arm>, quantities: Vec<Quantity<T>>, of: Evaluate<T>) -> Self {
        Self {
            of,
            left,
            right: Vec::new(),
            quantities,
            matched: Vec::new(),
            strata: Vec::new(),
            along: None,
        }
    }

    /// The mean over arms.
    pub(crate) fn mean(quantity: Quantity<T>, arms: Vec<Arm>) -> Self {
        let names: Vec<String> = arms.iter().map(|arm| arm.name.clone()).collect();
        let of = move |nets: &Nets<T>| {
            let sum: f64 = names.iter().map(|arm| nets.value(arm, &quantity)).sum();
            sum / names.len() as f64
        };
        Self::new(arms, vec![quantity], Evaluate::Seed(Rc::new(of)))
    }

    /// A trend within each stratum that has levels to compare, averaged over strata.
    ///
    /// `x` is what the quantity is set against over the levels of the factor; the level itself where there is none.
    pub(crate) fn trend(
        quantity: Quantity<T>,
        x: Option<Quantity<T>>,
        factor: Factor,
        measure: Measure,
        arms: Vec<Arm>,
    ) -> Self {
        let mut strata = strata(&arms, &factor);
        let level = |arm: &Arm| arm.level(factor.name).cloned();
        strata.retain(|arms| arms.iter().any(|arm| level(arm) != level(&arms[0])));
        let place = |arm: &Arm| (arm.number(&factor), arm.name.clone());
        let places = strata.iter().map(|arms| arms.iter().map(place).collect());
        let places: Vec<Vec<(f64, String)>> = places.collect();
        let of = move |nets: &Nets<T>| {
            let point = |(level, arm): &(f64, String)| {
                let x = x.map_or(*level, |x| nets.value(arm, &x));
                (x, nets.value(arm, &quantity))
            };
            let within = |stratum: &Vec<_>| measure.of(&stratum.iter().map(point).collect::<Vec<_>>());
            places.iter().map(within).sum::<f64>() / places.len() as f64
        };
        let quantities = [Some(quantity), x].into_iter().flatten().collect();
        Self {
            strata,
            along: Some(factor),
            ..Self::new(arms, quantities, Evaluate::Seed(Rc::new(of)))
        }
    }

    /// The quantity of arms, interpolated to where their outcome equals that of another arm.
    pub(crate) fn matched(quantity: Quantity<T>, outcome: Quantity<T>, arms: Vec<Arm>, of: Arm) -> Self {
        let names: Vec<String> = arms.iter().map(|arm| arm.name.clone()).collect();
        let evaluate = move |nets: &Nets<T>| {
            let both = |arm: &String| (nets.value(arm, &outcome), nets.value(arm, &quantity));
            interpolated(names.iter().map(both).collect(), nets.value(&of.name, &outcome))
        };
        Self {
            matched: vec![outcome.key],
            ..Self::new(arms, vec![quantity], Evaluate::Seed(Rc::new(evaluate)))
        }
    }

    /// Set against another; `None` where one is no number of each seed.
    pub(crate) fn against(self, other: Self, join: impl Fn(f64, f64) -> f64 + 'static) -> Option<Self> {
        let (Evaluate::Seed(ours), Evaluate::Seed(theirs)) = (self.of, other.of) else {
            return None;
        };
        Some(Self {
            of: Evaluate::Seed(Rc::new(move |nets| join(ours(nets), theirs(nets)))),
            left: [self.left, self.right].concat(),
            right: [other.left, other.right].concat(),
            quantities: [self.quantities, other.quantities].concat(),
            matched: [self.matched, other.matched].concat(),
            strata: [self.strata, other.strata].concat(),
            along: self.along.or(other.along),
        })
    }

    /// The size that it is, whose unit says below what it is closed.
    pub(crate) fn closed(&self) -> Option<Course> {
        let mut sizes = self.quantities.iter().map(Quantity::followed);
        sizes.find(|course| course.least() > 0.0 && self.along.is_none())
    }

    /// The paired seeds that it takes.
    pub(crate) fn least_seeds(&self) -> usize {
        match self.of {
            Evaluate::Seed(_) => 1,
            Evaluate::Seeds(_, least) => least,
        }
    }

    /// All arms, each once.
    pub(crate) fn arms(&self) -> Vec<&Arm> {
        let mut arms: Vec<&Arm> = self.left.iter().chain(&self.right).collect();
        arms.sort_by(|a, b| a.name.cmp(&b.name));
        arms.dedup_by(|a, b| a.name == b.name);
        arms
    }
}

impl Measure {
    /// The measure of points (level, value).
    fn of(self, points: &[(f64, f64)]) -> f64 {
        let (x, y): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
        match self {
            Self::Slope => line_slope(points),
            Self::Exponent => line_slope(&points.iter().map(|(x, y)| (x.ln(), y.ln())).collect::<Vec<_>>()),
            Self::Rank => spearman(&x, &y).unwrap_or(f64::NAN),
            Self::Argmax if y.iter().any(|y| y.is_nan()) => f64::NAN,
            Self::Argmax => {
                let best = y.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                points.iter().find(|(_, y)| *y == best).map_or(f64::NAN, |(x, _)| *x)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn measures_equal_those_of_scipy() {
        let points = [(1.0, 2.0), (2.0, 3.0), (4.0, 9.0), (8.0, 10.0)];
        // scipy 1.17.1: linregress(x, y).slope, linregress(log x, log y).slope, spearmanr.
        assert!((Measure::Slope.of(&points) - 1.182_608_695_652_174).abs() < 1e-12);
        assert!((Measure::Exponent.of(&points) - 0.855_074_678_538_324_5).abs() < 1e-12);
        assert_eq!(Measure::Rank.of(&points), 1.0);
        assert_eq!(Measure::Argmax.of(&[(1.0, 5.0), (2.0, 7.0), (3.0, 7.0)]), 2.0);
        assert!(Measure::Argmax.of(&[(1.0, 5.0), (2.0, f64::NAN)]).is_nan());
    }
}
