//! Distributions with weighted maximum-likelihood fits, densities and samplers.

use std::cmp::Ordering;
use std::f64::consts::{PI, SQRT_2};

use espalier_seed::Stream;
use serde::{Deserialize, Serialize};
use statrs::function::erf::erfc;
use statrs::function::gamma::{checked_gamma_lr, digamma, ln_gamma};

use crate::observation::{expect_len, expect_sample, in_own_unit};
use crate::{Error, Result};

/// A continuous distribution of one variable.
pub trait Distribution: Copy {
    /// Gives the logarithm of the density, with all that does not depend on the value computed once.
    fn ln_density(&self) -> impl Fn(f64) -> f64;
    /// Gives the logarithm of the density at `x`; negative infinity outside the support.
    fn ln_pdf(&self, x: f64) -> f64 {
        self.ln_density()(x)
    }
    /// Gives the probability of a value of at most `x`.
    fn cdf(&self, x: f64) -> f64;
    /// Gives the expected value.
    fn mean(&self) -> f64;
    /// Draws one value.
    fn sample(&self, stream: &mut Stream) -> f64;
    /// Gives the distribution of `factor` times the variable, for a factor above 0.
    #[must_use]
    fn scaled(&self, factor: f64) -> Self;
    /// Fits the distribution to weighted values by maximum likelihood.
    ///
    /// # Errors
    /// [`Error::Shape`] when the lengths differ, [`Error::TooFew`] for no values,
    /// [`Error::NotFinite`], [`Error::OutOfRange`] for a value outside the support, a negative
    /// weight or weights that are all zero, and [`Error::Constant`] where the weighted values
    /// have no spread and the likelihood therefore no maximum.
    fn fit_weighted(values: &[f64], weights: &[f64]) -> Result<Self>;
    /// Fits the distribution to values of equal weight by maximum likelihood.
    ///
    /// # Errors
    /// As [`Distribution::fit_weighted`].
    fn fit(values: &[f64]) -> Result<Self> {
        Self::fit_weighted(values, &vec![1.0; values.len()])
    }
}

/// The exponential distribution.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exponential {
    /// The mean, the inverse of the rate.
    pub mean: f64,
}

/// The normal distribution.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Normal {
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub std: f64,
}

/// The gamma distribution; its mean is shape × scale.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gamma {
    /// The shape k.
    pub shape: f64,
    /// The scale θ.
    pub scale: f64,
}

/// The log-normal distribution: ln x is normal.
///
/// # Example
/// ```
/// use espalier_metrics::{Distribution, LogNormal};
///
/// let fit = LogNormal::fit(&[1.0, std::f64::consts::E])?;
/// assert_eq!((fit.mu, fit.sigma), (0.5, 0.5));
/// assert!(fit.mode() < fit.median() && fit.median() < fit.mean());
/// # Ok::<(), espalier_metrics::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogNormal {
    /// The mean of ln x.
    pub mu: f64,
    /// The standard deviation of ln x.
    pub sigma: f64,
}

impl LogNormal {
    /// Gives the median, e^μ.
    #[must_use]
    pub fn median(&self) -> f64 {
        self.mu.exp()
    }

    /// Gives the peak of the density on a linear axis, e^(μ − σ²).
    #[must_use]
    pub fn mode(&self) -> f64 {
        (self.mu - self.sigma * self.sigma).exp()
    }

    fn log(&self) -> Normal {
        Normal {
            mean: self.mu,
            std: self.sigma,
        }
    }
}

impl Distribution for Exponential {
    fn ln_density(&self) -> impl Fn(f64) -> f64 {
        let (mean, ln_mean) = (self.mean, self.mean.ln());
        move |x| {
            if x < 0.0 {
                f64::NEG_INFINITY
            } else {
                -ln_mean - x / mean
            }
        }
    }

    fn cdf(&self, x: f64) -> f64 {
        -(-x.max(0.0) / self.mean).exp_m1()
    }

    fn mean(&self) -> f64 {
        self.mean
    }

    fn sample(&self, stream: &mut Stream) -> f64 {
        -self.mean * (-stream.uniform()).ln_1p()
    }

    fn scaled(&self, factor: f64) -> Self {
        Self {
            mean: self.mean * factor,
        }
    }

    fn fit_weighted(values: &[f64], weights: &[f64]) -> Result<Self> {
        const WHAT: &str = "exponential fit";
        let total = check(WHAT, values, weights)?;
        expect_at_least_zero(WHAT, values)?;
        let (values, unit) = in_own_unit(values);
        let mean = weighted_mean(&values, weights, total);
        if mean <= 0.0 {
            return Err(constant(WHAT, mean));
        }
        Ok(Self { mean }.scaled(unit))
    }
}

impl Distribution for Normal {
    fn ln_density(&self) -> impl Fn(f64) -> f64 {
        let (own, turn, ln_std) = (*self, (2.0 * PI).ln(), self.std.ln());
        move |x| {
            let score = (x - own.mean) / own.std;
            -0.5 * (score * score + turn) - ln_std
        }
    }

    fn cdf(&self, x: f64) -> f64 {
        0.5 * erfc((self.mean - x) / self.std / SQRT_2)
    }

    fn mean(&self) -> f64 {
        self.mean
    }

    fn sample(&self, stream: &mut Stream) -> f64 {
        self.mean + self.std * stream.normal()
    }

    fn scaled(&self, factor: f64) -> Self {
        Self {
            mean: self.mean * factor,
            std: self.std * factor,
        }
    }

    fn fit_weighted(values: &[f64], weights: &[f64]) -> Result<Self> {
        const WHAT: &str = "normal fit";
        let total = check(WHAT, values, weights)?;
        let (values, unit) = in_own_unit(values);
        let mean = weighted_mean(&values, weights, total);
        let squares = values.iter().zip(weights);
        let scatter: f64 = squares.map(|(x, w)| w * (x - mean) * (x - mean)).sum();
        let std = (scatter / total).sqrt();
        // A spread below the rounding of the values themselves is no spread.
        if std <= 4.0 * f64::EPSILON * mean.abs() {
            return Err(constant(WHAT, mean * unit));
        }
        Ok(Self { mean, std }.scaled(unit))
    }
}

impl Distribution for Gamma {
    /// Gives the logarithm of the density, around the mean μ = kθ: with d = x/μ − 1 it is
    /// k(ln(1 + d) − d) + (k ln k − k − ln Γ(k)) − ln x, whose parts stay small where those of the
    /// textbook form cancel, for a shape in the millions.
    fn ln_density(&self) -> impl Fn(f64) -> f64 {
        let (own, mean, rest) = (*self, self.mean(), stirling_rest(self.shape));
        move |x| {
            if x <= 0.0 {
                return match own.shape.total_cmp(&1.0) {
                    _ if x < 0.0 => f64::NEG_INFINITY,
                    Ordering::Less => f64::INFINITY,
                    Ordering::Equal => -own.scale.ln(),
                    Ordering::Greater => f64::NEG_INFINITY,
                };
            }
            let excess = (x - mean) / mean;
            own.shape * (ln_ratio(x, mean) - excess) + rest - x.ln()
        }
    }

    fn cdf(&self, x: f64) -> f64 {
        if x <= 0.0 {
            return 0.0;
        }
        checked_gamma_lr(self.shape, x / self.scale).unwrap_or(f64::NAN)
    }

    fn mean(&self) -> f64 {
        self.shape * self.scale
    }

    /// Draws by Marsaglia and Tsang's squeeze (2000), with the power of a uniform below shape 1.
    fn sample(&self, stream: &mut Stream) -> f64 {
        if self.shape < 1.0 {
            let boost = Self {
                shape: self.shape + 1.0,
                scale: self.scale,
            };
            let uniform = 1.0 - stream.uniform();
            return boost.sample(stream) * uniform.powf(1.0 / self.shape);
        }
        let d = self.shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let normal = stream.normal();
            let v = (1.0 + c * normal).powi(3);
            let uniform = 1.0 - stream.uniform();
            if v > 0.0 && uniform.ln() < 0.5 * normal * normal + d * (1.0 - v + v.ln()) {
                return d * v * self.scale;
            }
        }
    }

    fn scaled(&self, factor: f64) -> Self {
        Self {
            scale: self.scale * factor,
            ..*self
        }
    }

    /// Fits shape and scale.
    ///
    /// # Method
    /// The shape is the root of ln k − ψ(k) = ln x̄ − mean(ln x). Because 1/(2k) < ln k − ψ(k) < 1/k
    /// the root lies between half the inverse of the right side and that inverse, so bisection
    /// cannot miss it; θ = x̄ / k.
    fn fit_weighted(values: &[f64], weights: &[f64]) -> Result<Self> {
        const WHAT: &str = "gamma fit";
        let total = check(WHAT, values, weights)?;
        if let Some(&found) = values.iter().find(|&&x| x <= 0.0) {
            return Err(Error::OutOfRange {
                what: WHAT,
                expected: "values above 0",
                found,
            });
        }
        let (relative, unit) = in_own_unit(values);
        let mean = unit * weighted_mean(&relative, weights, total);
        // −ln(x / x̄), through ln(1 + …) near 1, where the difference of logarithms cancels.
        let logs = values.iter().zip(weights);
        let gap: f64 = logs.map(|(x, w)| -w * ln_ratio(*x, mean)).sum::<f64>() / total;
        if gap <= 1e-13 {
            return Err(constant(WHAT, mean));
        }
        let shape = gamma_shape(gap);
        Ok(Self {
            shape,
            scale: mean / shape,
        })
    }
}

impl Distribution for LogNormal {
    fn ln_density(&self) -> impl Fn(f64) -> f64 {
        let log = self.log();
        move |x| {
            if x <= 0.0 {
                f64::NEG_INFINITY
            } else {
                log.ln_pdf(x.ln()) - x.ln()
            }
        }
    }

    fn cdf(&self, x: f64) -> f64 {
        if x <= 0.0 {
            return 0.0;
        }
        self.log().cdf(x.ln())
    }

    fn mean(&self) -> f64 {
        (self.mu + 0.5 * self.sigma * self.sigma).exp()
    }

    fn sample(&self, stream: &mut Stream) -> f64 {
        self.log().sample(stream).exp()
    }

    fn scaled(&self, factor: f64) -> Self {
        Self {
            mu: self.mu + factor.ln(),
            ..*self
        }
    }

    fn fit_weighted(values: &[f64], weights: &[f64]) -> Result<Self> {
        const WHAT: &str = "log-normal fit";
        check(WHAT, values, weights)?;
        if let Some(&found) = values.iter().find(|&&x| x <= 0.0) {
            return Err(Error::OutOfRange {
                what: WHAT,
                expected: "values above 0",
                found,
            });
        }
        let logs: Vec<f64> = values.iter().map(|x| x.ln()).collect();
        let normal = Normal::fit_weighted(&logs, weights)?;
        Ok(Self {
            mu: normal.mean,
            sigma: normal.std,
        })
    }
}

/// Checks values and weights and gives the sum of the weights.
fn check(what: &'static str, values: &[f64], weights: &[f64]) -> Result<f64> {
    expect_sample(what, values, 1)?;
    expect_len(what, values.len(), weights.len())?;
    let bad = weights.iter().find(|w| !(w.is_finite() && **w >= 0.0));
    let total: f64 = weights.iter().sum();
    if bad.is_some() || total <= 0.0 {
        return Err(Error::OutOfRange {
            what,
            expected: "finite weights of at least 0, not all 0",
            found: bad.copied().unwrap_or(total),
        });
    }
    Ok(total)
}

fn expect_at_least_zero(what: &'static str, values: &[f64]) -> Result<()> {
    match values.iter().find(|&&x| x < 0.0) {
        Some(&found) => Err(Error::OutOfRange {
            what,
            expected: "values of at least 0",
            found,
        }),
        None => Ok(()),
    }
}

fn constant(what: &'static str, value: f64) -> Error {
    Error::Constant { what, value }
}

fn weighted_mean(values: &[f64], weights: &[f64], total: f64) -> f64 {
    let products = values.iter().zip(weights).map(|(x, w)| w * x);
    products.sum::<f64>() / total
}

fn ln_ratio(x: f64, mean: f64) -> f64 {
    let excess = (x - mean) / mean;
    let ratio = x / mean;
    if excess.abs() < 0.5 {
        excess.ln_1p()
    } else if ratio >= f64::MIN_POSITIVE {
        ratio.ln()
    } else {
        x.ln() - mean.ln()
    }
}

/// ln k − ψ(k), by its asymptotic series where the difference would cancel.
fn ln_minus_digamma(k: f64) -> f64 {
    if k < 50.0 {
        return k.ln() - digamma(k);
    }
    let inverse = 1.0 / k;
    let square = inverse * inverse;
    0.5 * inverse + square * (1.0 / 12.0 - square * (1.0 / 120.0 - square / 252.0))
}

/// k ln k − k − ln Γ(k), by Stirling's series where the difference would cancel.
fn stirling_rest(k: f64) -> f64 {
    if k < 50.0 {
        return k * k.ln() - k - ln_gamma(k);
    }
    let inverse = 1.0 / k;
    let square = inverse * inverse;
    let series = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square / 1260.0));
    0.5 * (k / (2.0 * PI)).ln() - series
}

/// Solves ln k − ψ(k) = `gap` for k.
fn gamma_shape(gap: f64) -> f64 {
    let (mut low, mut high) = (0.5 / gap, 1.0 / gap);
    // The bracket is within a factor of two: 53 halvings exhaust the mantissa.
    for _ in 0..54 {
        let middle = 0.5 * (low + high);
        // The left side decreases in k.
        if ln_minus_digamma(middle) > gap {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
#[path = "fits_tests.rs"]
mod tests;
