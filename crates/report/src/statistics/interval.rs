//! Intervals from resampled values.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use super::estimate::Estimate;
use super::sample::{raw_mean, raw_quantile, sorted};
use crate::{Error, Result};

/// How a bootstrap interval is read off the resampled values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntervalMethod {
    /// The plain percentile interval; too narrow for the few seeds that experiments have.
    Percentile,
    /// The percentile interval at wider levels, which make up for the narrowness of small
    /// samples: α/2 becomes Φ(−√(n/(n−1)) · t_{1−α/2, n−1}). The default.
    ///
    /// # Paper
    /// Hesterberg 2015, "What Teachers Should Know About the Bootstrap", section 5.3.
    Expanded,
    /// The wider, at each end, of [`IntervalMethod::Expanded`] and the value ± t_{1−α/2, n−1} standard errors, which are those
    /// of the resamples times √(n/(n−1)): no resample goes beyond the values themselves, so that at levels near 1 a few
    /// seeds' percentiles are too narrow. For intervals at several looks ([`Looks`](super::Looks)).
    ///
    /// # Paper
    /// Hesterberg 2015, as above; Efron and Tibshirani 1993, "An Introduction to the Bootstrap", section 12.4, for the t.
    Guarded,
    /// Bias-corrected and accelerated, with the jackknife's acceleration.
    ///
    /// # Paper
    /// Efron 1987, "Better Bootstrap Confidence Intervals", equations 2.3 and 6.6.
    Bca,
}

/// What an interval is made from.
pub(crate) struct Resampled {
    /// The statistic of the sample.
    pub value: f64,
    /// The statistic of each resample.
    pub draws: Vec<f64>,
    /// For BCa, per stratum the statistic without each observation.
    pub jackknife: Vec<Vec<f64>>,
    /// Observations in the smallest stratum.
    pub smallest: usize,
    /// Independent observations to report.
    pub n: usize,
}

pub(crate) fn interval(
    what: &'static str,
    resampled: &Resampled,
    method: IntervalMethod,
    level: f64,
) -> Result<Estimate> {
    let draws = sorted(&resampled.draws);
    if resampled.value.is_nan() || draws.iter().any(|draw| draw.is_nan()) {
        // A number whose interval is not known settles nothing.
        return Ok(Estimate {
            value: resampled.value,
            ..Estimate::undefined(resampled.n, level)
        });
    }
    let tail = (1.0 - level) / 2.0;
    let (low, high) = match method {
        IntervalMethod::Percentile => (tail, 1.0 - tail),
        IntervalMethod::Expanded | IntervalMethod::Guarded => {
            let tail = expanded_tail(what, tail, resampled.smallest)?;
            (tail, 1.0 - tail)
        }
        IntervalMethod::Bca => bca_levels(what, resampled, &draws, tail)?,
    };
    let (mut low, mut high) = (raw_quantile(&draws, low), raw_quantile(&draws, high));
    if method == IntervalMethod::Guarded {
        let reach = student_reach(what, resampled, tail)?;
        (low, high) = (low.min(resampled.value - reach), high.max(resampled.value + reach));
    }
    Ok(Estimate {
        value: resampled.value,
        low,
        high,
        n: resampled.n,
        level,
    })
}

fn expanded_tail(what: &'static str, tail: f64, n: usize) -> Result<f64> {
    Ok(Normal::standard().cdf(-expanded_quantile(what, tail, n)?))
}

/// How many standard deviations of the resamples Student's t reaches: √(n/(n−1)) · t_{1−tail, n−1}.
fn expanded_quantile(what: &'static str, tail: f64, n: usize) -> Result<f64> {
    let freedom = n as f64 - 1.0;
    let student = StudentsT::new(0.0, 1.0, freedom).map_err(|_| Error::TooFew {
        what,
        needed: 2,
        found: n,
    })?;
    Ok((n as f64 / freedom).sqrt() * student.inverse_cdf(1.0 - tail))
}

/// How far Student's t reaches from the value; infinite where resamples are.
fn student_reach(what: &'static str, resampled: &Resampled, tail: f64) -> Result<f64> {
    let draws = &resampled.draws;
    if draws.iter().any(|draw| draw.is_infinite()) {
        return Ok(f64::INFINITY);
    }
    let centre = raw_mean(draws);
    let variance = draws.iter().map(|draw| (draw - centre).powi(2)).sum::<f64>() / draws.len() as f64;
    Ok(expanded_quantile(what, tail, resampled.smallest)? * variance.sqrt())
}

fn bca_levels(what: &'static str, resampled: &Resampled, draws: &[f64], tail: f64) -> Result<(f64, f64)> {
    if draws[0] == draws[draws.len() - 1] {
        return Ok((tail, 1.0 - tail));
    }
    let normal = Normal::standard();
    // Ties count half, as a discrete statistic has many.
    let below = draws.iter().filter(|draw| **draw < resampled.value).count();
    let at_most = draws.iter().filter(|draw| **draw <= resampled.value).count();
    let bias = normal.inverse_cdf((below + at_most) as f64 / (2 * draws.len()) as f64);
    let acceleration = acceleration(&resampled.jackknife);
    if !bias.is_finite() || !acceleration.is_finite() {
        return Err(Error::Undefined {
            what,
            reason: format!(
                "no BCa interval: bias correction {bias}, acceleration {acceleration}; \
                 every resample lies on one side, or leaving one value out has no value"
            ),
        });
    }
    let adjusted = |z: f64| {
        let shifted = bias + z;
        normal.cdf(bias + shifted / (1.0 - acceleration * shifted))
    };
    let z = normal.inverse_cdf(tail);
    Ok((adjusted(z), adjusted(-z)))
}

/// The skewness of the empirical influence, over one or several strata.
fn acceleration(jackknife: &[Vec<f64>]) -> f64 {
    let (mut cubes, mut squares) = (0.0, 0.0);
    for stratum in jackknife {
        let n = stratum.len() as f64;
        let centre = raw_mean(stratum);
        for left_out in stratum {
            let influence = (n - 1.0) * (centre - left_out);
            cubes += influence.powi(3) / n.powi(3);
            squares += influence.powi(2) / n.powi(2);
        }
    }
    if squares == 0.0 {
        0.0
    } else {
        cubes / (6.0 * squares.powf(1.5))
    }
}

/// Computes Wilson's interval for a share, which stays wide when all of a few agree.
///
/// # Paper
/// Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference".
///
/// # Errors
/// [`Error::TooFew`] without observations, [`Error::Option`] when `hits` lies outside
/// 0 to `n` or `level` outside 0 to 1.
pub fn wilson(hits: f64, n: usize, level: f64) -> Result<Estimate> {
    if n == 0 {
        return Err(Error::TooFew {
            what: "share",
            needed: 1,
            found: 0,
        });
    }
    check_level(level)?;
    let count = n as f64;
    if !(0.0..=count).contains(&hits) {
        return Err(Error::Option {
            what: "hits",
            expected: "0 to the number of observations",
            found: hits.to_string(),
        });
    }
    let z = Normal::standard().inverse_cdf(0.5 + level / 2.0);
    let share = hits / count;
    let scale = 1.0 + z * z / count;
    let centre = (share + z * z / (2.0 * count)) / scale;
    let reach = z / scale * (share * (1.0 - share) / count + z * z / (4.0 * count * count)).sqrt();
    Ok(Estimate {
        value: share,
        low: (centre - reach).max(0.0),
        high: (centre + reach).min(1.0),
        n,
        level,
    })
}

pub(crate) fn check_level(level: f64) -> Result<()> {
    if level > 0.0 && level < 1.0 {
        return Ok(());
    }
    Err(Error::Option {
        what: "interval level",
        expected: "between 0 and 1, both excluded",
        found: level.to_string(),
    })
}
