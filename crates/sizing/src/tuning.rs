//! Equal tuning: every sizer gets the same few quasi-random tries in the space that it declares, all of them charged.

use crate::bench::{Bench, Trained};
use crate::error::Result;
use crate::searches::smallest_enough;
use crate::sizer::{Kind, Sizer};

/// A number of a sizer that may be tuned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dial {
    /// Its name.
    pub name: &'static str,
    /// The least value.
    pub low: f64,
    /// The largest.
    pub high: f64,
    /// The value of the sizer's source, or of the project where there is none.
    pub default: f64,
    /// Whether tries lie evenly in the logarithm.
    pub logarithmic: bool,
}

/// The most numbers that a sizer may declare.
pub const MOST_DIALS: usize = 2;

impl Dial {
    /// A number whose tries lie evenly.
    #[must_use]
    pub const fn even(name: &'static str, low: f64, high: f64, default: f64) -> Self {
        Self {
            name,
            low,
            high,
            default,
            logarithmic: false,
        }
    }

    /// A number whose tries lie evenly in their logarithm; both ends above 0.
    #[must_use]
    pub const fn logarithmic(name: &'static str, low: f64, high: f64, default: f64) -> Self {
        Self {
            logarithmic: true,
            ..Self::even(name, low, high, default)
        }
    }

    /// The value at a share of the way from the least to the largest.
    #[must_use]
    pub fn at(&self, share: f64) -> f64 {
        if self.logarithmic {
            self.low * (self.high / self.low).powf(share)
        } else {
            self.low + share * (self.high - self.low)
        }
    }
}

/// The points of the tries: the first of the scrambled Sobol sequence, the same for every sizer with as many dials.
///
/// # Paper
/// Sobol' (1967), scrambled as Owen (1995) and Burley (2020) do, by the crate `sobol_burley`.
#[must_use]
pub fn points(dials: &[Dial], tries: usize) -> Vec<Vec<f64>> {
    let share = |index: usize, dimension: usize| f64::from(sobol_burley::sample(index as u32, dimension as u32, 0));
    let point = |index: usize| {
        let numbered = dials.iter().enumerate();
        numbered
            .map(|(dimension, dial)| dial.at(share(index, dimension)))
            .collect()
    };
    (0..tries).map(point).collect()
}

/// A sizer that is tuned: it seeks once for each try, and of the nets found the smallest counts whose validation score is
/// within `tolerance` of the best.
pub struct Tuned {
    /// Its name.
    pub name: &'static str,
    /// What is tuned.
    pub sizer: Box<dyn Sizer>,
    /// How often it seeks.
    pub tries: usize,
    /// What a validation score may lack of the best.
    pub tolerance: f64,
}

impl Sizer for Tuned {
    fn name(&self) -> &'static str {
        self.name
    }

    fn kind(&self) -> Kind {
        self.sizer.kind()
    }

    fn find(&self, bench: &mut Bench<'_>) -> Result<Trained> {
        let mut found = Vec::new();
        for values in points(self.sizer.dials(), self.tries) {
            let turned = self.sizer.turned(&values);
            found.push(turned.as_deref().unwrap_or(&*self.sizer).find(bench)?);
        }
        found.sort_by(|a, b| a.width().total_cmp(&b.width()));
        smallest_enough(found, self.tolerance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIALS: [Dial; 2] = [Dial::even("a", 0.0, 10.0, 5.0), Dial::logarithmic("b", 1e-4, 1.0, 1e-3)];

    #[test]
    fn a_dial_goes_from_its_least_to_its_largest_value() {
        assert_eq!([0.0, 0.5, 1.0].map(|share| DIALS[0].at(share)), [0.0, 5.0, 10.0]);
        let logarithmic = [0.0, 0.5, 1.0].map(|share| DIALS[1].at(share));
        assert!((logarithmic[1] - 1e-2).abs() < 1e-12 && (logarithmic[2] - 1.0).abs() < 1e-12);
    }

    #[test]
    fn each_quarter_of_each_dial_is_tried_once_in_four_tries() {
        let points = points(&DIALS, 4);
        for (dimension, share) in [
            (0, Box::new(|x: f64| x / 10.0) as Box<dyn Fn(f64) -> f64>),
            (1, Box::new(|x: f64| 1.0 + x.log10() / 4.0)),
        ] {
            let mut quarters: Vec<usize> = points.iter().map(|p| (share(p[dimension]) * 4.0) as usize).collect();
            quarters.sort_unstable();
            assert_eq!(quarters, [0, 1, 2, 3], "dial {dimension}");
        }
    }
}
