//! Numbers over the widths of a data set, from a sample of its seeds.

use std::sync::Arc;

use espalier_metrics::{LineFit, Plateau, knee};
use espalier_study::prelude::*;

use crate::pooled::{Fits, Pooled};
use crate::runs::{DATA, Net, VALIDATION, WIDTH, on};

/// How far below its best an accuracy may lie at the knee, as a fraction.
pub const KNEE_MARGIN: f64 = 0.0025;
/// The share of idle units from which a layer counts as too wide: the study's line, as it was labelled.
pub const IDLE_SHARE: f64 = 0.05;

/// A sample of seeds.
pub type Sample<'a> = &'a [&'a Nets<Net>];

/// The widths of a data set, ascending.
#[derive(Clone)]
pub struct Grid {
    pub set: String,
    pub widths: Vec<f64>,
    arms: Vec<String>,
    fits: Arc<Fits>,
}

impl Grid {
    /// The nets of one data set that are chosen.
    pub fn of(study: &Study<Net>, chosen: &Where) -> Self {
        let mut arms = study.chosen(chosen);
        arms.sort_by(|a, b| a.number(&WIDTH).total_cmp(&b.number(&WIDTH)));
        let nets = study.sets.iter().flat_map(|set| &set.seeds);
        let of = |arm: &Arm| {
            let found = nets.clone().filter_map(|seed| Some((seed.seed, seed.get(&arm.name)?)));
            found.map(|(seed, net)| (seed, net.alive())).collect()
        };
        Self {
            set: arms.first().map_or_else(String::new, |arm| arm.text(&DATA)),
            widths: arms.iter().map(|arm| arm.number(&WIDTH)).collect(),
            fits: Fits::of(arms.iter().map(of).collect()),
            arms: arms.into_iter().map(|arm| arm.name).collect(),
        }
    }

    /// The nets of one width.
    pub fn nets<'a>(&self, sample: Sample<'a>, place: usize) -> impl Iterator<Item = &'a Net> {
        sample.iter().filter_map(move |nets| nets.get(&self.arms[place]))
    }

    /// Mean and standard deviation over seeds at each width, over the values that are defined.
    pub fn moments(&self, sample: Sample<'_>, quantity: &Quantity<Net>) -> Vec<(f64, f64)> {
        let at = |place| {
            let values = self.nets(sample, place).map(|net| quantity.value(net));
            moments(&values.filter(|value| value.is_finite()).collect::<Vec<_>>())
        };
        (0..self.arms.len()).map(at).collect()
    }

    /// The mean over seeds at each width; NaN where no value is defined.
    pub fn means(&self, sample: Sample<'_>, quantity: &Quantity<Net>) -> Vec<f64> {
        let moments = self.moments(sample, quantity).into_iter();
        moments.map(|(mean, _)| mean).collect()
    }

    /// Each width with a number.
    pub fn at<T: Clone>(&self, numbers: &[T]) -> Vec<(f64, T)> {
        self.widths.iter().copied().zip(numbers.iter().cloned()).collect()
    }

    /// The width with the largest mean; NaN where no mean is defined.
    pub fn argmax(&self, sample: Sample<'_>, quantity: &Quantity<Net>) -> f64 {
        self.largest(&self.means(sample, quantity))
    }

    /// The width at which a number is largest, the first of equals; NaN where it is never defined.
    pub fn largest(&self, values: &[f64]) -> f64 {
        let best = |best: (f64, f64), now: (f64, f64)| if now.1 > best.1 || best.1.is_nan() { now } else { best };
        self.at(values).into_iter().fold((f64::NAN, f64::NAN), best).0
    }

    /// The smallest width whose mean validation accuracy is as good as the best.
    pub fn knee(&self, sample: Sample<'_>) -> f64 {
        let means = self.means(sample, &VALIDATION);
        knee(&self.widths, &means, KNEE_MARGIN, Plateau::Best).map_or(f64::NAN, |knee| knee.width)
    }

    /// The widest width before a number first reaches a limit; the narrowest where it starts above.
    pub fn before(&self, values: &[f64], limit: f64) -> f64 {
        let crossing = values.iter().position(|value| *value >= limit);
        let crossing = crossing.unwrap_or(self.widths.len());
        self.widths.get(crossing.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    }

    /// The widest width before the share of idle units reaches [`IDLE_SHARE`], by the mean of a mixture's fits to each net.
    pub fn first_idle(&self, sample: Sample<'_>, share: &Quantity<Net>) -> f64 {
        self.before(&self.means(sample, share), IDLE_SHARE)
    }

    /// The widest width at which fewer than [`IDLE_SHARE`] of the pooled units are idle; the narrowest where there is none.
    pub fn last_busy(&self, sample: Sample<'_>, share: fn(&Pooled) -> f64) -> f64 {
        let busy = |place: &usize| self.pooled(sample, *place, share) < IDLE_SHARE;
        let place = (0..self.widths.len()).rev().find(busy).unwrap_or(0);
        self.widths.get(place).copied().unwrap_or(f64::NAN)
    }

    /// A number of the pooled fits at each width that is chosen; NaN where there is no fit.
    pub fn each_pooled(&self, sample: Sample<'_>, chosen: impl Fn(f64) -> bool, of: fn(&Pooled) -> f64) -> Vec<f64> {
        let places = (0..self.widths.len()).filter(|&place| chosen(self.widths[place]));
        places.map(|place| self.pooled(sample, place, of)).collect()
    }

    fn pooled(&self, sample: Sample<'_>, place: usize, of: fn(&Pooled) -> f64) -> f64 {
        let mut seeds: Vec<u64> = sample.iter().map(|nets| nets.seed).collect();
        seeds.sort_unstable();
        self.fits.fit(seeds, place).map_or(f64::NAN, |fit| of(&fit))
    }

    /// A statistic of all seeds, in words.
    pub fn statistic(&self, words: &str, of: impl Fn(&Self, Sample<'_>) -> f64 + 'static) -> Statistic<Net> {
        let grid = self.clone();
        Statistic::custom(words, &on(&self.set), move |sample| of(&grid, sample))
    }

    /// How many doublings one width lies above another, in words.
    pub fn doublings(
        &self,
        words: &str,
        width: impl Fn(&Self, Sample<'_>) -> f64 + 'static,
        from: impl Fn(&Self, Sample<'_>) -> f64 + 'static,
    ) -> Statistic<Net> {
        let apart = self.statistic(words, move |grid, sample| {
            (width(grid, sample) / from(grid, sample)).log2()
        });
        apart.in_unit("doublings")
    }
}

/// Mean and sample standard deviation; 0 for one value, NaN for none.
pub fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0).max(1.0)).sqrt())
}

/// The exponent with which positive values follow places: the slope of their logarithms; NaN where one is not positive.
pub fn exponent(points: &[(f64, f64)]) -> f64 {
    let (x, y): (Vec<f64>, Vec<f64>) = points.iter().map(|(x, y)| (x.ln(), y.ln())).unzip();
    LineFit::of(&x, &y).map_or(f64::NAN, |line| line.slope)
}
