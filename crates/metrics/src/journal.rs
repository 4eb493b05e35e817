//! The mixtures as the journal fitted them: from its starts, and for no longer than it did.

use crate::mixture::{ExpNormal, TwoGamma, expect_spreads};
use crate::{Distribution, EmOptions, Exponential, Gamma, MixtureFit, Normal, Result, fit_mixture};

/// The most steps that the journal took.
const STEPS: usize = 100;
/// What the journal adds to every value before it fits gammas, whatever the unit.
pub const JOURNAL_LIFT: f64 = 1e-5;

/// Fits an exponential and a normal from the journal's start.
///
/// # Method
/// As [`fit_exp_normal`](crate::fit_exp_normal), but the exponential starts at mean 1, whatever the unit of the values, and
/// there are at most a hundred steps. Repeated values of a small sample end it as they end that.
///
/// # Errors
/// As [`fit_exp_normal`](crate::fit_exp_normal).
pub fn journal_exp_normal(values: &[f64]) -> Result<MixtureFit<Exponential, Normal>> {
    expect_spreads("exponential + normal mixture", values)?;
    let start = ExpNormal {
        low_share: 0.5,
        low: Exponential { mean: 1.0 },
        high: Normal::fit(values).unwrap_or(Normal { mean: 1.0, std: 1.0 }),
    };
    fit_mixture(values, start, &hundred(EmOptions::exp_normal()))
}

/// Fits two gammas from the journal's start.
///
/// # Method
/// As [`fit_two_gamma`](crate::fit_two_gamma), but the low scale starts at 1, whatever the unit of the values, to each of
/// which 1e-5 is added, and there are at most a hundred steps. The low component is the one that began as it.
///
/// # Errors
/// As [`fit_two_gamma`](crate::fit_two_gamma).
pub fn journal_two_gamma(values: &[f64]) -> Result<MixtureFit<Gamma, Gamma>> {
    expect_spreads("two-gamma mixture", values)?;
    let lifted: Vec<f64> = values.iter().map(|x| x + JOURNAL_LIFT).collect();
    let mean = lifted.iter().sum::<f64>() / lifted.len() as f64;
    let start = TwoGamma {
        low_share: 0.5,
        low: Gamma { shape: 0.5, scale: 1.0 },
        high: Gamma {
            shape: 10.0,
            scale: mean / 10.0,
        },
    };
    fit_mixture(&lifted, start, &hundred(EmOptions::two_gamma()))
}

fn hundred(options: EmOptions) -> EmOptions {
    EmOptions {
        max_iterations: STEPS,
        ..options
    }
}
