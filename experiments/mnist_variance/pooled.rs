//! Mixtures of the spreads of all seeds of a width together, as the journal fitted them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use espalier_metrics::{
    Distribution, EmOptions, JOURNAL_LIFT, Mixture, MixtureFit, fit_mixture, journal_exp_normal, journal_two_gamma,
};

/// So many ordered spreads stand for all of a net's in a resample.
const THINNED: usize = 40;
/// Its multiples fill an interval evenly, however many there are.
const GOLDEN_RATIO: f64 = 1.618_033_988_749_895;
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

/// The spreads of each seed at each place, of units that are not dead, ascending.
type Spreads = Vec<BTreeMap<u64, Vec<f64>>>;

/// Fits by seeds and place: resamples repeat them.
pub struct Fits {
    spreads: Spreads,
    known: Mutex<BTreeMap<(Vec<u64>, usize), Fit>>,
}

/// All fits of this process: the page of two data sets repeats those of the pages of each.
static ALL: Mutex<Vec<Arc<Fits>>> = Mutex::new(Vec::new());

/// Both mixtures, and the number of units that they were fitted to.
type Fit = Option<(ExpNormal, TwoGamma, usize)>;
type ExpNormal = MixtureFit<espalier_metrics::Exponential, espalier_metrics::Normal>;
type TwoGamma = MixtureFit<espalier_metrics::Gamma, espalier_metrics::Gamma>;

impl Fits {
    /// The fits to these spreads, with all that are known of them.
    pub fn of(spreads: Spreads) -> Arc<Self> {
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.iter().find(|fits| fits.spreads == spreads) {
            return Arc::clone(known);
        }
        let known = Mutex::default();
        all.push(Arc::new(Self { spreads, known }));
        Arc::clone(&all[all.len() - 1])
    }

    /// The fits to some seeds, one of which may be there several times.
    pub fn fit(&self, seeds: Vec<u64>, place: usize) -> Pooled {
        let nan = f64::NAN;
        let none = Pooled {
            exp_share: nan,
            gamma_share: nan,
            low_shape: nan,
            gain: nan,
        };
        self.known(seeds, place).map_or(none, |(exp, gamma, units)| {
            let likelihood = |trace: &[f64]| trace.last().map_or(nan, |nats| nats / units as f64);
            Pooled {
                exp_share: exp.mixture.low_share,
                gamma_share: gamma.mixture.low_share,
                low_shape: gamma.mixture.low.shape,
                gain: likelihood(&gamma.log_likelihoods) - likelihood(&exp.log_likelihoods),
            }
        })
    }

    fn known(&self, seeds: Vec<u64>, place: usize) -> Fit {
        let key = (seeds, place);
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known().get(&key).cloned();
        if let Some(fit) = found {
            return fit;
        }
        let all: Vec<u64> = self.spreads[place].keys().copied().collect();
        let fit = if key.0 == all {
            let values: Vec<f64> = self.spreads[place].values().flatten().copied().collect();
            let fits = journal_exp_normal(&values).ok().zip(journal_two_gamma(&values).ok());
            fits.map(|(exp, gamma)| (exp, gamma, values.len()))
        } else {
            let from = self.known(all, place);
            from.and_then(|from| resampled(&self.thinned(&key.0, place), &from))
        };
        known().insert(key, fit.clone());
        fit
    }

    /// The spreads of a resample, of each net a few, evenly from a place of the seed's own: nets share the tails.
    fn thinned(&self, seeds: &[u64], place: usize) -> Vec<f64> {
        let mut values = Vec::new();
        for seed in seeds {
            let Some(alive) = self.spreads[place].get(seed) else {
                continue;
            };
            if alive.len() <= THINNED {
                values.extend(alive);
                continue;
            }
            let from = ((*seed as f64 + 0.5) * GOLDEN_RATIO).fract();
            let step = alive.len() as f64 / THINNED as f64;
            values.extend((0..THINNED).map(|i| alive[((i as f64 + from) * step) as usize]));
        }
        values
    }
}

/// The fits to a resample, begun where those to all seeds ended.
fn resampled(values: &[f64], (exp, gamma, _): &(ExpNormal, TwoGamma, usize)) -> Fit {
    let lifted: Vec<f64> = values.iter().map(|x| x + JOURNAL_LIFT).collect();
    let exp = onward(values, exp.mixture, EmOptions::exp_normal()).or_else(|| journal_exp_normal(values).ok())?;
    let gamma = onward(&lifted, gamma.mixture, EmOptions::two_gamma()).or_else(|| journal_two_gamma(values).ok())?;
    Some((exp, gamma, values.len()))
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
