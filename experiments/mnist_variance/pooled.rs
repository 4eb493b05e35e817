//! Mixtures of the spreads of all seeds of a width together, as the journal fitted them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use espalier_metrics::{
    Distribution, EmOptions, Exponential, Gamma, JOURNAL_LIFT, Mixture, MixtureFit, Normal, fit_mixture,
    journal_exp_normal, journal_two_gamma,
};

/// So many ordered spreads stand for all of a net's in a resample.
const THINNED: usize = 40;
/// Its multiples fill an interval evenly, however many there are.
const GOLDEN_RATIO: f64 = 1.618_033_988_749_895;
/// The most steps from the fit to all seeds to that of a resample.
const STEPS: usize = 20;

/// Both mixtures of the spreads of all seeds at one width, as the journal fitted them.
#[derive(Clone)]
pub struct Pooled {
    exp: MixtureFit<Exponential, Normal>,
    gamma: MixtureFit<Gamma, Gamma>,
    units: usize,
}

impl Pooled {
    pub fn exp_share(&self) -> f64 {
        self.exp.mixture.low_share
    }

    pub fn gamma_share(&self) -> f64 {
        self.gamma.mixture.low_share
    }

    /// The shape of the low gamma; above 1 it is a bell of its own.
    pub fn low_shape(&self) -> f64 {
        self.gamma.mixture.low.shape
    }

    /// By how much two gammas are likelier, in nats for each unit.
    pub fn gain(&self) -> f64 {
        let per_unit = |trace: &[f64]| trace.last().map_or(f64::NAN, |nats| nats / self.units as f64);
        per_unit(&self.gamma.log_likelihoods) - per_unit(&self.exp.log_likelihoods)
    }
}

/// The spreads of each seed at each place, of units that are not dead, ascending.
type Spreads = Vec<BTreeMap<u64, Vec<f64>>>;

/// By seeds and place.
type Known = BTreeMap<(Vec<u64>, usize), Option<Pooled>>;

/// Fits by seeds and place: resamples repeat them.
pub struct Fits {
    spreads: Spreads,
    known: Mutex<Known>,
}

/// All fits of this process: the page of two data sets repeats those of the pages of each.
static ALL: Mutex<Vec<Arc<Fits>>> = Mutex::new(Vec::new());

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fits {
    /// The fits to these spreads, with all that are known of them.
    pub fn of(spreads: Spreads) -> Arc<Self> {
        let mut all = locked(&ALL);
        let known = all.iter().find(|fits| fits.spreads == spreads).cloned();
        known.unwrap_or_else(|| {
            let known = Mutex::default();
            all.push(Arc::new(Self { spreads, known }));
            Arc::clone(&all[all.len() - 1])
        })
    }

    /// The fits to some seeds, one of which may be there several times; `None` where a mixture has none.
    pub fn fit(&self, seeds: Vec<u64>, place: usize) -> Option<Pooled> {
        let key = (seeds, place);
        let found = locked(&self.known).get(&key).cloned();
        found.unwrap_or_else(|| {
            let fit = self.fitted(&key.0, place);
            locked(&self.known).insert(key, fit.clone());
            fit
        })
    }

    fn fitted(&self, seeds: &[u64], place: usize) -> Option<Pooled> {
        let all: Vec<u64> = self.spreads[place].keys().copied().collect();
        if seeds != all {
            return resampled(&self.thinned(seeds, place), &self.fit(all, place)?);
        }
        let values: Vec<f64> = self.spreads[place].values().flatten().copied().collect();
        Some(Pooled {
            exp: journal_exp_normal(&values).ok()?,
            gamma: journal_two_gamma(&values).ok()?,
            units: values.len(),
        })
    }

    /// The spreads of a resample, of each net a few, evenly from a place of the seed's own: nets share the tails.
    fn thinned(&self, seeds: &[u64], place: usize) -> Vec<f64> {
        let mut values = Vec::new();
        for seed in seeds {
            let alive = self.spreads[place].get(seed).map_or(&[][..], Vec::as_slice);
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
fn resampled(values: &[f64], from: &Pooled) -> Option<Pooled> {
    let lifted: Vec<f64> = values.iter().map(|x| x + JOURNAL_LIFT).collect();
    let exp = onward(values, from.exp.mixture, EmOptions::exp_normal());
    let gamma = onward(&lifted, from.gamma.mixture, EmOptions::two_gamma());
    Some(Pooled {
        exp: exp.or_else(|| journal_exp_normal(values).ok())?,
        gamma: gamma.or_else(|| journal_two_gamma(values).ok())?,
        units: values.len(),
    })
}

/// Goes on from the fit to all seeds; nothing where one of its components has vanished.
fn onward<L: Distribution, H: Distribution>(
    values: &[f64],
    start: Mixture<L, H>,
    mut options: EmOptions,
) -> Option<MixtureFit<L, H>> {
    options.max_iterations = STEPS;
    fit_mixture(values, start, &options).ok()
}
