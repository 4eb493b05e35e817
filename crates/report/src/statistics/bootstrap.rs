//! The bootstrap: of one sample, of pairs, of two samples, of anything recorded per seed.

use espalier_seed::{Seed, Stream};

use super::estimate::Estimate;
use super::interval::{IntervalMethod, Resampled, check_level, interval, wilson};
use super::looks::Looks;
use super::sample::{check, difference, holds_nan, raw_iqm, raw_mean, raw_median, raw_sd};
use crate::{Error, Result};

/// Whether the values of two samples belong together one by one, by seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// The values at one place share a seed and are drawn together.
    Paired,
    /// The samples are drawn apart.
    Independent,
}

/// A bootstrap with its number of resamples, level, method and random stream.
///
/// | field | default | range |
/// |---|---|---|
/// | resamples | 10 000 | 100 and more |
/// | level | 0.95 | between 0 and 1 |
/// | method | [`IntervalMethod::Expanded`] | |
///
/// # Example
/// ```
/// use espalier_report::statistics::Bootstrap;
/// use espalier_seed::Seed;
///
/// let bootstrap = Bootstrap::new(&Seed::new(1).named("gain"));
/// let split = [0.91, 0.93, 0.92, 0.95, 0.92, 0.94];
/// let plain = [0.90, 0.90, 0.91, 0.92, 0.91, 0.90];
/// let gain = bootstrap.paired_difference(&split, &plain)?;
/// assert!(gain.low > 0.0 && gain.n == 6);
/// # Ok::<(), espalier_report::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Bootstrap {
    seed: Seed,
    resamples: usize,
    level: f64,
    method: IntervalMethod,
}

impl Bootstrap {
    /// Takes the stream named "bootstrap" under `seed`; name the seed after the claim.
    #[must_use]
    pub fn new(seed: &Seed) -> Self {
        Self {
            seed: seed.named("bootstrap"),
            resamples: 10_000,
            level: 0.95,
            method: IntervalMethod::Expanded,
        }
    }

    /// Sets the number of resamples.
    #[must_use]
    pub fn resamples(mut self, resamples: usize) -> Self {
        self.resamples = resamples;
        self
    }

    /// Sets the nominal coverage.
    #[must_use]
    pub fn level(mut self, level: f64) -> Self {
        self.level = level;
        self
    }

    /// Sets how the interval is read off the resamples.
    #[must_use]
    pub fn method(mut self, method: IntervalMethod) -> Self {
        self.method = method;
        self
    }

    /// Widens intervals for a look at seeds that are added while claims are open, so that those of all looks hold together
    /// at the level that was set; without looks nothing changes.
    ///
    /// # Errors
    /// As [`Looks::level`].
    pub fn at_look(mut self, looks: Option<&Looks>) -> Result<Self> {
        if let Some(looks) = looks {
            self.level = looks.level(self.level)?;
            self.method = IntervalMethod::Guarded;
        }
        Ok(self)
    }

    /// Estimates the mean.
    ///
    /// As in every estimate of this type, a NaN among the values leaves the number undefined ([`Estimate::undefined`]).
    ///
    /// # Errors
    /// [`Error::TooFew`] with fewer than two values, and [`Error::Option`] when an option is out of range.
    pub fn mean(&self, values: &[f64]) -> Result<Estimate> {
        self.of("bootstrap of the mean", values, raw_mean)
    }

    /// Estimates the interquartile mean.
    ///
    /// # Errors
    /// As [`Bootstrap::mean`].
    pub fn interquartile_mean(&self, values: &[f64]) -> Result<Estimate> {
        self.of("bootstrap of the interquartile mean", values, raw_iqm)
    }

    /// Estimates the interquartile mean, and of a single value gives the point without a width.
    ///
    /// # Errors
    /// As [`Bootstrap::mean`]; without values [`Error::TooFew`].
    pub fn interquartile_mean_or_point(&self, values: &[f64]) -> Result<Estimate> {
        if let [value] = *values {
            return Ok(Estimate::point(value, self.level));
        }
        self.interquartile_mean(values)
    }

    /// Estimates as [`Bootstrap::interquartile_mean_or_point`], and nothing where there is no value or one that is
    /// not finite: a seed without the number leaves the statistic undefined.
    ///
    /// # Errors
    /// [`Error::Option`] when an option is out of range.
    pub fn interquartile_mean_if_finite(&self, values: &[f64]) -> Result<Option<Estimate>> {
        if values.is_empty() || values.iter().any(|value| !value.is_finite()) {
            return Ok(None);
        }
        self.interquartile_mean_or_point(values).map(Some)
    }

    /// Estimates the median.
    ///
    /// # Errors
    /// As [`Bootstrap::mean`].
    pub fn median(&self, values: &[f64]) -> Result<Estimate> {
        self.of("bootstrap of the median", values, raw_median)
    }

    /// Estimates any statistic of one sample.
    ///
    /// # Errors
    /// As [`Bootstrap::mean`].
    pub fn statistic(&self, values: &[f64], statistic: impl Fn(&[f64]) -> f64) -> Result<Estimate> {
        self.of("bootstrap", values, statistic)
    }

    fn of(&self, what: &'static str, values: &[f64], statistic: impl Fn(&[f64]) -> f64) -> Result<Estimate> {
        check(what, values, 2)?;
        if holds_nan(values) {
            return self.undefined(values.len());
        }
        let mut picked = Vec::with_capacity(values.len());
        self.strata(what, &[values.len()], values.len(), |places| {
            picked.clear();
            picked.extend(places[0].iter().map(|&place| values[place]));
            statistic(&picked)
        })
    }

    /// The answer where there is none; options outside their range are refused all the same.
    fn undefined(&self, n: usize) -> Result<Estimate> {
        check_level(self.level)?;
        Ok(Estimate::undefined(n, self.level))
    }

    /// Estimates the interquartile mean of the differences a − b, paired by seed.
    ///
    /// # Errors
    /// [`Error::Unpaired`] when the lengths differ; as [`Bootstrap::mean`].
    pub fn paired_difference(&self, a: &[f64], b: &[f64]) -> Result<Estimate> {
        let what = "paired difference";
        self.of(what, &differences(what, a, b)?, raw_iqm)
    }

    /// Estimates the mean of the differences a − b, paired by seed.
    ///
    /// # Errors
    /// As [`Bootstrap::paired_difference`].
    pub fn paired_mean_difference(&self, a: &[f64], b: &[f64]) -> Result<Estimate> {
        let what = "paired difference of means";
        self.of(what, &differences(what, a, b)?, raw_mean)
    }

    /// Estimates the share of seeds on which a exceeds b, ties counting half.
    ///
    /// # Method
    /// Wilson's interval rather than the bootstrap, which would give the single point 1
    /// whenever all of a few seeds agree.
    ///
    /// # Errors
    /// As [`Bootstrap::paired_difference`].
    pub fn paired_improvement(&self, a: &[f64], b: &[f64]) -> Result<Estimate> {
        let what = "paired probability of improvement";
        let differences = differences(what, a, b)?;
        check(what, &differences, 1)?;
        if holds_nan(&differences) {
            return self.undefined(differences.len());
        }
        let hits: f64 = differences.iter().map(|d| half_step(*d)).sum();
        wilson(hits, differences.len(), self.level)
    }

    /// Estimates the ratio of standard deviations, sd(a) / sd(b).
    ///
    /// # Method
    /// A resample in which neither sample varies counts as 1, one in which only `b` does
    /// not vary as infinite. Where `b` itself does not vary the ratio is undefined.
    ///
    /// # Errors
    /// As [`Bootstrap::paired_difference`].
    pub fn spread_ratio(&self, a: &[f64], b: &[f64], pairing: Pairing) -> Result<Estimate> {
        let what = "ratio of spreads";
        if b.len() > 1 && raw_sd(b) == 0.0 {
            return self.undefined(b.len());
        }
        self.two_samples(what, a, b, pairing, |a, b| {
            let (above, below) = (raw_sd(a), raw_sd(b));
            if above == below { 1.0 } else { above / below }
        })
    }

    /// Estimates any statistic of two samples.
    ///
    /// # Errors
    /// As [`Bootstrap::mean`]; [`Error::Unpaired`] for paired samples of different lengths.
    pub fn two_sample_statistic(
        &self,
        a: &[f64],
        b: &[f64],
        pairing: Pairing,
        statistic: impl Fn(&[f64], &[f64]) -> f64,
    ) -> Result<Estimate> {
        self.two_samples("bootstrap of two samples", a, b, pairing, statistic)
    }

    fn two_samples(
        &self,
        what: &'static str,
        a: &[f64],
        b: &[f64],
        pairing: Pairing,
        statistic: impl Fn(&[f64], &[f64]) -> f64,
    ) -> Result<Estimate> {
        check(what, a, 2)?;
        check(what, b, 2)?;
        let sizes = match pairing {
            Pairing::Paired if a.len() != b.len() => return Err(unpaired(what, a, b)),
            Pairing::Paired => vec![a.len()],
            Pairing::Independent => vec![a.len(), b.len()],
        };
        if holds_nan(a) || holds_nan(b) {
            return self.undefined(a.len().min(b.len()));
        }
        let (mut left, mut right) = (Vec::new(), Vec::new());
        self.strata(what, &sizes, a.len().min(b.len()), |places| {
            let last = places.len() - 1;
            left.clear();
            left.extend(places[0].iter().map(|&place| a[place]));
            right.clear();
            right.extend(places[last].iter().map(|&place| b[place]));
            statistic(&left, &right)
        })
    }

    /// Estimates any statistic of what each seed recorded, for instance the knee of a curve:
    /// seeds are drawn with replacement, all that belongs to a seed stays together.
    ///
    /// The statistic may be infinite ("no knee on this grid"), which then shows in the interval.
    ///
    /// # Errors
    /// [`Error::TooFew`] with fewer than two seeds. Where the statistic is NaN for the sample the estimate is undefined, where
    /// it is NaN for a resample the interval is.
    pub fn over_seeds<T>(&self, seeds: &[T], statistic: impl Fn(&[&T]) -> f64) -> Result<Estimate> {
        let what = "bootstrap over seeds";
        let mut picked: Vec<&T> = Vec::with_capacity(seeds.len());
        self.strata(what, &[seeds.len()], seeds.len(), |places| {
            picked.clear();
            picked.extend(places[0].iter().map(|&place| &seeds[place]));
            statistic(&picked)
        })
    }

    /// Estimates as [`Bootstrap::over_seeds`], and of a single seed gives the point without a width:
    /// `n` says that nothing can be concluded from it.
    ///
    /// # Errors
    /// As [`Bootstrap::over_seeds`]; without seeds [`Error::TooFew`].
    pub fn over_seeds_or_point<T>(&self, seeds: &[T], statistic: impl Fn(&[&T]) -> f64) -> Result<Estimate> {
        let [only] = seeds else {
            return self.over_seeds(seeds, statistic);
        };
        Ok(Estimate::point(statistic(&[only]), self.level))
    }

    /// Estimates as [`Bootstrap::over_seeds_or_point`], and nothing where the statistic of all seeds is NaN.
    ///
    /// # Errors
    /// As [`Bootstrap::over_seeds_or_point`].
    pub fn over_seeds_if_defined<T>(&self, seeds: &[T], statistic: impl Fn(&[&T]) -> f64) -> Result<Option<Estimate>> {
        if statistic(&seeds.iter().collect::<Vec<_>>()).is_nan() {
            return Ok(None);
        }
        self.over_seeds_or_point(seeds, statistic).map(Some)
    }

    /// Draws places with replacement within each stratum and reads the interval off.
    pub(crate) fn strata(
        &self,
        what: &'static str,
        sizes: &[usize],
        n: usize,
        mut statistic: impl FnMut(&[Vec<usize>]) -> f64,
    ) -> Result<Estimate> {
        check_level(self.level)?;
        let smallest = sizes.iter().copied().min().unwrap_or(0);
        if smallest < 2 {
            return Err(Error::TooFew {
                what,
                needed: 2,
                found: smallest,
            });
        }
        if self.resamples < 100 {
            return Err(Error::Option {
                what: "resamples",
                expected: "100 and more",
                found: self.resamples.to_string(),
            });
        }
        let mut places: Vec<Vec<usize>> = sizes.iter().map(|&size| (0..size).collect()).collect();
        let value = statistic(&places);
        let jackknife = match self.method {
            IntervalMethod::Bca => jackknife(&places, &mut statistic),
            _ => Vec::new(),
        };
        let mut stream = self.seed.stream();
        let draws = (0..self.resamples)
            .map(|_| {
                redraw(&mut places, &mut stream);
                statistic(&places)
            })
            .collect();
        let resampled = Resampled {
            value,
            draws,
            jackknife,
            smallest,
            n,
        };
        interval(what, &resampled, self.method, self.level)
    }
}

fn redraw(places: &mut [Vec<usize>], stream: &mut Stream) {
    for stratum in places {
        let size = stratum.len();
        stratum.fill_with(|| stream.below(size));
    }
}

fn jackknife(places: &[Vec<usize>], statistic: &mut impl FnMut(&[Vec<usize>]) -> f64) -> Vec<Vec<f64>> {
    let mut reduced = places.to_vec();
    let mut without = Vec::with_capacity(places.len());
    for (stratum, full) in places.iter().enumerate() {
        let mut values = Vec::with_capacity(full.len());
        for left_out in 0..full.len() {
            reduced[stratum].clone_from(full);
            reduced[stratum].remove(left_out);
            values.push(statistic(&reduced));
        }
        reduced[stratum].clone_from(full);
        without.push(values);
    }
    without
}

fn unpaired(what: &'static str, a: &[f64], b: &[f64]) -> Error {
    Error::Unpaired {
        what,
        left: a.len(),
        right: b.len(),
    }
}

fn differences(what: &'static str, a: &[f64], b: &[f64]) -> Result<Vec<f64>> {
    if a.len() != b.len() {
        return Err(unpaired(what, a, b));
    }
    check(what, a, 1)?;
    Ok(a.iter().zip(b).map(|(a, b)| difference(*a, *b)).collect())
}

/// 1 above zero, ½ at zero, 0 below.
pub(crate) fn half_step(difference: f64) -> f64 {
    match difference.partial_cmp(&0.0) {
        Some(std::cmp::Ordering::Greater) => 1.0,
        Some(std::cmp::Ordering::Equal) => 0.5,
        _ => 0.0,
    }
}
