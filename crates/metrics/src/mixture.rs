//! Mixtures of two distributions, fitted by expectation–maximisation in the log domain.

use espalier_seed::Stream;
use serde::{Deserialize, Serialize};

use crate::observation::{expect_sample, expect_spread, in_own_unit, mean_of};
use crate::{Distribution, Error, Exponential, Gamma, Normal, Result};

/// What the two-gamma mixture adds to every value, as a share of their mean, so that a zero has a logarithm.
pub const TWO_GAMMA_OFFSET: f64 = 1e-5;

/// Fewer steps than these are no evidence that anything stands still.
const FEWEST_STEPS: usize = 10;

/// A mixture of a low and a high component.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mixture<L, H> {
    /// The share π of the low component.
    pub low_share: f64,
    /// The low component: units that vary little.
    pub low: L,
    /// The high component: units that carry information.
    pub high: H,
}

/// The journal's first mixture: an exponential near zero and a bell.
pub type ExpNormal = Mixture<Exponential, Normal>;
/// The journal's second mixture: two gamma distributions.
pub type TwoGamma = Mixture<Gamma, Gamma>;

impl<L: Distribution, H: Distribution> Mixture<L, H> {
    /// Gives the logarithm of the density at `x`.
    #[must_use]
    pub fn ln_pdf(&self, x: f64) -> f64 {
        self.parts()(x).0
    }

    /// Gives the probability that `x` comes from the low component.
    #[must_use]
    pub fn low_probability(&self, x: f64) -> f64 {
        self.parts()(x).1
    }

    /// Gives the log-likelihood of a sample.
    #[must_use]
    pub fn log_likelihood(&self, values: &[f64]) -> f64 {
        let parts = self.parts();
        values.iter().map(|&x| parts(x).0).sum()
    }

    /// Draws one value.
    pub fn sample(&self, stream: &mut Stream) -> f64 {
        if stream.bernoulli(self.low_share) {
            self.low.sample(stream)
        } else {
            self.high.sample(stream)
        }
    }

    /// Gives the mixture of `factor` times the variable, for a factor above 0.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        Self {
            low_share: self.low_share,
            low: self.low.scaled(factor),
            high: self.high.scaled(factor),
        }
    }

    /// The log-density and the responsibility of the low component. Where both densities
    /// vanish the prior share stands in for 0/0.
    fn parts(&self) -> impl Fn(f64) -> (f64, f64) {
        let (share, low_density, high_density) = (self.low_share, self.low.ln_density(), self.high.ln_density());
        let (ln_low, ln_high) = (share.ln(), (-share).ln_1p());
        move |x| {
            let (low, high) = (ln_low + low_density(x), ln_high + high_density(x));
            let largest = low.max(high);
            if largest == f64::NEG_INFINITY {
                return (largest, share);
            }
            let total = largest + ((low - largest).exp() + (high - largest).exp()).ln();
            (total, (low - total).exp())
        }
    }
}

/// When the iteration stops.
///
/// # Method
/// Log-likelihood and low share must both have stood still over the second half of all steps taken so far (of at least
/// ten), so that a slow iteration is not taken for one that has arrived; and the components must tell the values apart, for
/// where they coincide the iteration hardly moves although the likelihood has no maximum there.
///
/// | Field | Default | Range |
/// |---|---|---|
/// | `max_iterations` | 5000 | ≥ 1 |
/// | `tolerance` | 1e-4 | ≥ 0, a change of π |
/// | `gain` | 1e-6 | ≥ 0, a gain of log-likelihood in nats |
/// | `floor` | 1e-6 (exponential + normal), 1e-5 (two gammas) | (0, 0.5) |
///
/// # Differences from the study
/// The journal stops after 100 steps or once π moves by less than the floor in one step, and its likelihood may be far from
/// its maximum then.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmOptions {
    /// The most iterations.
    pub max_iterations: usize,
    /// How far the low share may move while it is said to stand still.
    pub tolerance: f64,
    /// How much log-likelihood may be gained while it is said to stand still, in nats.
    pub gain: f64,
    /// The share below which a component has vanished, and the spread, as a fraction of the
    /// sample's own, below which it has collapsed to a point.
    pub floor: f64,
}

impl EmOptions {
    /// Gives the settings for the exponential and the normal, the floor as in the journal.
    #[must_use]
    pub fn exp_normal() -> Self {
        Self {
            max_iterations: 5000,
            tolerance: 1e-4,
            gain: 1e-6,
            floor: 1e-6,
        }
    }

    /// Gives the settings for two gammas, the floor as in the journal.
    #[must_use]
    pub fn two_gamma() -> Self {
        Self {
            floor: 1e-5,
            ..Self::exp_normal()
        }
    }

    fn check(&self) -> Result<()> {
        let refuse = |what, expected, found| Err(Error::OutOfRange { what, expected, found });
        if self.max_iterations == 0 {
            return refuse("mixture fit: iterations", "at least 1", 0.0);
        }
        for (what, value) in [
            ("mixture fit: tolerance", self.tolerance),
            ("mixture fit: gain", self.gain),
        ] {
            if value.is_nan() || value < 0.0 {
                return refuse(what, "at least 0", value);
            }
        }
        if !(self.floor > 0.0 && self.floor < 0.5) {
            return refuse("mixture fit: floor", "between 0 and 0.5", self.floor);
        }
        Ok(())
    }
}

/// How a mixture fit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum EmOutcome {
    /// The log-likelihood and the low share stand still.
    Converged,
    /// The iterations ran out.
    IterationLimit,
    /// The iterations ran out with both components as good as one, so that π says nothing.
    Coincident,
    /// The high component vanished; the low one was fitted to everything (π = 1).
    OnlyLow,
    /// The low component vanished; the high one was fitted to everything (π = 0).
    OnlyHigh,
    /// A component was about to collapse onto repeated values, where the likelihood has no
    /// bound; the parameters before that step are given.
    PointMass,
    /// All values are equal: the journal's guards call that all low (π = 1), but it says
    /// nothing about the shares; the parameters are the starting values.
    ConstantSample,
}

/// A fitted mixture with the record of its iteration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MixtureFit<L, H> {
    /// The fitted mixture.
    pub mixture: Mixture<L, H>,
    /// How the fit ended.
    pub outcome: EmOutcome,
    /// The number of maximisation steps taken.
    pub iterations: usize,
    /// The log-likelihood at the start and after every step; never decreasing but for rounding.
    pub log_likelihoods: Vec<f64>,
}

/// Fits an exponential and a normal to spreads of units.
///
/// # Method
/// Starts at the sample's mean for the exponential, its moments for the normal and π = ½. Each
/// step takes responsibilities through log-sum-exp and refits both by weighted maximum
/// likelihood, so the likelihood cannot fall. Nothing depends on the unit of the values: those of
/// c·x have the same share, and parameters c times as large. The journal fits non-zero spreads only.
///
/// # Differences from the study
/// The journal starts the exponential at mean 1, whatever the unit. The floor for a collapsing
/// component is relative to the sample's spread, not absolute, and such a fit keeps its last sound
/// parameters instead of declaring the sample pure. It stops as [`EmOptions`] says.
///
/// # Errors
/// [`Error::TooFew`] for no values, [`Error::NotFinite`], [`Error::OutOfRange`] for a value
/// below zero or unusable options.
///
/// # Example
/// ```
/// use espalier_metrics::{EmOptions, Exponential, Mixture, Normal, fit_exp_normal};
/// use espalier_seed::Seed;
///
/// let planted = Mixture {
///     low_share: 0.3,
///     low: Exponential { mean: 0.2 },
///     high: Normal { mean: 4.0, std: 0.5 },
/// };
/// let mut stream = Seed::new(1).named("spreads").stream();
/// let spreads: Vec<f64> = (0..2000).map(|_| planted.sample(&mut stream)).collect();
/// let fit = fit_exp_normal(&spreads, &EmOptions::exp_normal())?;
/// assert!((fit.mixture.low_share - 0.3).abs() < 0.03);
/// # Ok::<(), espalier_metrics::Error>(())
/// ```
pub fn fit_exp_normal(values: &[f64], options: &EmOptions) -> Result<MixtureFit<Exponential, Normal>> {
    expect_spreads("exponential + normal mixture", values)?;
    let mean = mean_or_one(values);
    let start = Mixture {
        low_share: 0.5,
        low: Exponential { mean },
        high: Normal::fit(values).unwrap_or(Normal { mean, std: mean }),
    };
    fit_mixture(values, start, options)
}

/// Fits two gammas to spreads of units.
///
/// # Method
/// Adds [`TWO_GAMMA_OFFSET`] times the mean to every value and starts at shapes ½ and 10, scales of
/// the mean and a tenth of it, π = ½; else as [`fit_exp_normal`], each shape solved exactly. At the
/// end the component with the smaller mean is the low one, unless they coincide. The mixture is that of the lifted values.
///
/// # Differences from the study
/// The journal adds 1e-5 and starts the low scale at 1, whatever the unit; else as [`fit_exp_normal`].
///
/// # Errors
/// As [`fit_exp_normal`].
pub fn fit_two_gamma(values: &[f64], options: &EmOptions) -> Result<MixtureFit<Gamma, Gamma>> {
    expect_spreads("two-gamma mixture", values)?;
    let mean = mean_or_one(values);
    let lifted: Vec<f64> = values.iter().map(|x| x + TWO_GAMMA_OFFSET * mean).collect();
    let start = Mixture {
        low_share: 0.5,
        low: Gamma {
            shape: 0.5,
            scale: mean,
        },
        high: Gamma {
            shape: 10.0,
            scale: mean / 10.0,
        },
    };
    let mut fit = fit_mixture(&lifted, start, options)?;
    let both = !matches!(
        fit.outcome,
        EmOutcome::OnlyLow | EmOutcome::OnlyHigh | EmOutcome::ConstantSample | EmOutcome::Coincident
    );
    let mixture = &mut fit.mixture;
    if both && mixture.low.mean() > mixture.high.mean() {
        std::mem::swap(&mut mixture.low, &mut mixture.high);
        mixture.low_share = 1.0 - mixture.low_share;
    }
    Ok(fit)
}

/// Fits a mixture of any two distributions from the given start.
///
/// # Method
/// As [`fit_exp_normal`], without that function's start and checks of the range.
///
/// # Errors
/// [`Error::TooFew`] for no values, [`Error::NotFinite`], [`Error::OutOfRange`] for unusable
/// options, a starting share outside (0, 1) or a value that one of the components cannot take.
pub fn fit_mixture<L: Distribution, H: Distribution>(
    values: &[f64],
    start: Mixture<L, H>,
    options: &EmOptions,
) -> Result<MixtureFit<L, H>> {
    const WHAT: &str = "mixture fit";
    expect_sample(WHAT, values, 1)?;
    options.check()?;
    if !(start.low_share > 0.0 && start.low_share < 1.0) {
        return Err(Error::OutOfRange {
            what: "mixture fit: share at the start",
            expected: "between 0 and 1",
            found: start.low_share,
        });
    }
    let (relative, unit) = in_own_unit(values);
    let mut fit = iterate(&relative, start.scaled(1.0 / unit), options)?;
    fit.mixture = fit.mixture.scaled(unit);
    let shift = values.len() as f64 * unit.ln();
    fit.log_likelihoods.iter_mut().for_each(|l| *l -= shift);
    Ok(fit)
}

fn iterate<L: Distribution, H: Distribution>(
    values: &[f64],
    start: Mixture<L, H>,
    options: &EmOptions,
) -> Result<MixtureFit<L, H>> {
    let (mut state, mut low_weights) = Em::start(values, start);
    if expect_spread("mixture fit", values).is_err() {
        state.fit.mixture.low_share = 1.0;
        state.fit.outcome = EmOutcome::ConstantSample;
        state.fit.log_likelihoods.clear();
        return Ok(state.fit);
    }
    while state.fit.iterations < options.max_iterations {
        if !state.step(&low_weights, options)? {
            return Ok(state.fit);
        }
        state.expectation(&mut low_weights);
        if state.stands_still(options) && !coincide(&low_weights) {
            state.fit.outcome = EmOutcome::Converged;
            return Ok(state.fit);
        }
    }
    if coincide(&low_weights) {
        state.fit.outcome = EmOutcome::Coincident;
    }
    Ok(state.fit)
}

/// Whether the components are as good as one: no value is much more likely to come from the low one than another.
fn coincide(low_weights: &[f64]) -> bool {
    let largest = low_weights.iter().copied().fold(0.0, f64::max);
    let smallest = low_weights.iter().copied().fold(1.0, f64::min);
    largest - smallest < 0.1
}

/// The mean, or 1 where all values are 0 and have no unit.
fn mean_or_one(values: &[f64]) -> f64 {
    match mean_of(values) {
        mean if mean > 0.0 => mean,
        _ => 1.0,
    }
}

pub(crate) fn expect_spreads(what: &'static str, values: &[f64]) -> Result<()> {
    expect_sample(what, values, 1)?;
    match values.iter().find(|&&x| x < 0.0) {
        Some(&found) => Err(Error::OutOfRange {
            what,
            expected: "values of at least 0",
            found,
        }),
        None => Ok(()),
    }
}

struct Em<'a, L, H> {
    values: &'a [f64],
    /// The sample's own standard deviation, against which a collapse is judged.
    spread: f64,
    fit: MixtureFit<L, H>,
    /// The low share at the start and after every step.
    shares: Vec<f64>,
}

impl<'a, L: Distribution, H: Distribution> Em<'a, L, H> {
    fn start(values: &'a [f64], mixture: Mixture<L, H>) -> (Self, Vec<f64>) {
        let mean = mean_of(values);
        let squares: Vec<f64> = values.iter().map(|x| (x - mean).powi(2)).collect();
        let fit = MixtureFit {
            mixture,
            outcome: EmOutcome::IterationLimit,
            iterations: 0,
            log_likelihoods: Vec::new(),
        };
        let spread = mean_of(&squares).sqrt();
        let shares = vec![fit.mixture.low_share];
        let mut state = Self {
            values,
            spread,
            fit,
            shares,
        };
        let mut low_weights = vec![0.0; values.len()];
        state.expectation(&mut low_weights);
        (state, low_weights)
    }

    /// Fills the responsibilities of the low component and records the log-likelihood.
    fn expectation(&mut self, low_weights: &mut [f64]) {
        let (mut total, parts) = (0.0, self.fit.mixture.parts());
        for (weight, &x) in low_weights.iter_mut().zip(self.values) {
            let (density, low) = parts(x);
            total += density;
            *weight = low;
        }
        self.fit.log_likelihoods.push(total);
    }

    /// Whether log-likelihood and low share have stood still over the second half of the steps.
    fn stands_still(&self, options: &EmOptions) -> bool {
        let (now, middle) = (self.fit.iterations, self.fit.iterations / 2);
        let likelihoods = &self.fit.log_likelihoods;
        // What a sum over the sample loses to rounding.
        let rounding = 8.0 * f64::EPSILON * (likelihoods[now].abs() + self.values.len() as f64);
        now >= FEWEST_STEPS
            && likelihoods[now] - likelihoods[middle] <= options.gain + rounding
            && (self.shares[now] - self.shares[middle]).abs() <= options.tolerance
    }

    /// Refits shares and components; says false where a component vanishes or collapses, which ends the fit.
    fn step(&mut self, low_weights: &[f64], options: &EmOptions) -> Result<bool> {
        let share = mean_of(low_weights);
        if share < options.floor {
            self.fit.mixture.low_share = 0.0;
            self.fit.outcome = EmOutcome::OnlyHigh;
            self.fit.mixture.high = pure(self.values, self.fit.mixture.high)?;
            return Ok(false);
        }
        if 1.0 - share < options.floor {
            self.fit.mixture.low_share = 1.0;
            self.fit.outcome = EmOutcome::OnlyLow;
            self.fit.mixture.low = pure(self.values, self.fit.mixture.low)?;
            return Ok(false);
        }
        let high_weights: Vec<f64> = low_weights.iter().map(|w| 1.0 - w).collect();
        let narrowest = options.floor * self.spread;
        let low = component::<L>(self.values, low_weights, narrowest)?;
        let high = component::<H>(self.values, &high_weights, narrowest)?;
        let (Some(low), Some(high)) = (low, high) else {
            self.fit.outcome = EmOutcome::PointMass;
            return Ok(false);
        };
        self.fit.mixture = Mixture {
            low_share: share,
            low,
            high,
        };
        self.shares.push(share);
        self.fit.iterations += 1;
        Ok(true)
    }
}

/// Refits one component, or `None` when its values are as good as one point.
fn component<D: Distribution>(values: &[f64], weights: &[f64], narrowest: f64) -> Result<Option<D>> {
    let total: f64 = weights.iter().sum();
    let pairs = || values.iter().zip(weights);
    let mean = pairs().map(|(x, w)| w * x).sum::<f64>() / total;
    let variance = pairs().map(|(x, w)| w * (x - mean).powi(2)).sum::<f64>() / total;
    if variance.sqrt() < narrowest {
        return Ok(None);
    }
    match D::fit_weighted(values, weights) {
        Ok(fit) => Ok(Some(fit)),
        Err(Error::Constant { .. }) => Ok(None),
        Err(other) => Err(other),
    }
}

/// Fits one component to everything; a sample without spread keeps the last parameters.
fn pure<D: Distribution>(values: &[f64], last: D) -> Result<D> {
    match D::fit(values) {
        Err(Error::Constant { .. }) => Ok(last),
        other => other,
    }
}

#[cfg(test)]
#[path = "mixture_tests.rs"]
mod tests;
