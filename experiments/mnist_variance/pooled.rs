//! Mixtures of the spreads of all seeds of a width together, as the journal fitted them.

use std::collections::BTreeMap;

use espalier_metrics::{
    Distribution, EmOptions, JOURNAL_LIFT, Mixture, MixtureFit, fit_mixture, journal_exp_normal, journal_two_gamma,
};

/// The most steps from the fit to all seeds to that of a resample.
const STEPS: usize = 20;

/// Both mixtures of the spreads of all seeds at one width, as the journal fitted them.
#[derive(Clone, Copy)]
pub struct Pooled {
    pub exp_share: f64,
    pub gamma_share: f64,
    /// The shape of the low gamma; above 1 it is a bell of its own.
    pub low_shape: f64,
    /// By how much two gammas are likelier, in nats for each unit.
    pub gain: f64,
}

/// Fits by seeds and place: resamples repeat them.
pub struct Fits {
    /// The spreads of each seed at each place.
    spreads: Vec<BTreeMap<u64, Vec<f64>>>,
    known: BTreeMap<(Vec<u64>, usize), Fit>,
}

type Fit = Option<(ExpNormal, TwoGamma)>;
type ExpNormal = MixtureFit<espalier_metrics::Exponential, espalier_metrics::Normal>;
type TwoGamma = MixtureFit<espalier_metrics::Gamma, espalier_metrics::Gamma>;

impl Fits {
    pub fn new(spreads: Vec<BTreeMap<u64, Vec<f64>>>) -> Self {
        Self {
            spreads,
            known: BTreeMap::new(),
        }
    }

    /// The fits to some seeds, one of which may be there several times.
    pub fn fit(&mut self, seeds: Vec<u64>, place: usize) -> Pooled {
        let values: Vec<f64> = seeds
            .iter()
            .filter_map(|seed| self.spreads[place].get(seed))
            .flatten()
            .copied()
            .collect();
        let fit = match self.known.get(&(seeds.clone(), place)) {
            Some(known) => known.clone(),
            None => self.fresh(&values, &seeds, place),
        };
        let likelihood = |trace: &[f64]| trace.last().map_or(f64::NAN, |nats| nats / values.len() as f64);
        let nan = [f64::NAN; 4];
        let [exp_share, gamma_share, low_shape, gain] = fit.map_or(nan, |(exp, gamma)| {
            let gain = likelihood(&gamma.log_likelihoods) - likelihood(&exp.log_likelihoods);
            [
                exp.mixture.low_share,
                gamma.mixture.low_share,
                gamma.mixture.low.shape,
                gain,
            ]
        });
        Pooled {
            exp_share,
            gamma_share,
            low_shape,
            gain,
        }
    }

    fn fresh(&mut self, values: &[f64], seeds: &[u64], place: usize) -> Fit {
        let all: Vec<u64> = self.spreads[place].keys().copied().collect();
        let fit = if seeds == all {
            journal_exp_normal(values).ok().zip(journal_two_gamma(values).ok())
        } else {
            self.fit(all.clone(), place);
            self.known[&(all, place)].as_ref().and_then(|(exp, gamma)| {
                let lifted: Vec<f64> = values.iter().map(|x| x + JOURNAL_LIFT).collect();
                let exp = onward(values, exp.mixture, EmOptions::exp_normal());
                exp.or_else(|| journal_exp_normal(values).ok()).zip(
                    onward(&lifted, gamma.mixture, EmOptions::two_gamma()).or_else(|| journal_two_gamma(values).ok()),
                )
            })
        };
        self.known.insert((seeds.to_vec(), place), fit.clone());
        fit
    }
}

/// Goes on from the fit to all seeds; nothing where one of its components has vanished.
fn onward<L: Distribution, H: Distribution>(
    values: &[f64],
    start: Mixture<L, H>,
    options: EmOptions,
) -> Option<MixtureFit<L, H>> {
    let options = EmOptions {
        max_iterations: STEPS,
        ..options
    };
    fit_mixture(values, start, &options).ok()
}
