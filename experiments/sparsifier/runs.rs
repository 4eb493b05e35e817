//! Recorded rows as nets, one set per seed, and statistics of them.

use espalier_experiment::Settings;
use espalier_metrics::spearman;
use espalier_report::rows::Rows;
use espalier_report::statistics::{Bootstrap, Estimate};
use espalier_seed::Seed;
use espalier_sparsifier::Penalty;

use crate::named;
use crate::rows::{Epoch, Summary};

/// What one trial recorded of its gated net.
pub struct Net {
    pub summary: Summary,
    pub epochs: Vec<Epoch>,
}

/// A number of one net.
pub type Metric = fn(&Net) -> f64;

impl Net {
    /// Units with θ > 0 after the last epoch; 1 where none was left, for logarithms.
    pub fn units(&self) -> f64 {
        self.summary.units.max(1) as f64
    }

    /// Units with θ > 0.01; 1 where none was left.
    pub fn clear_units(&self) -> f64 {
        self.summary.clearly_open_units.max(1) as f64
    }

    pub fn test(&self) -> f64 {
        self.summary.test_accuracy
    }

    /// Test accuracy less that of the static twin.
    pub fn over_twin(&self) -> f64 {
        self.summary.test_accuracy - self.summary.twin_test_accuracy
    }

    /// The relative change of the size over the last quarter of the epochs.
    pub fn drift(&self) -> f64 {
        let (Some(last), Some(early)) = (
            self.epochs.last(),
            self.epochs.get((self.epochs.len() * 3).div_ceil(4).saturating_sub(1)),
        ) else {
            return f64::NAN;
        };
        last.open_units as f64 / early.open_units.max(1) as f64 - 1.0
    }

    /// The epoch over which most units closed and what it did to the validation accuracy.
    pub fn mass_removal(&self) -> Option<(u64, f64)> {
        let pairs = self.epochs.iter().zip(self.epochs.iter().skip(1));
        let most = pairs.max_by_key(|(before, after)| {
            let lost = before.open_units.saturating_sub(after.open_units);
            // Of equal losses the earliest.
            (lost, std::cmp::Reverse(after.epoch))
        });
        most.filter(|(before, after)| before.open_units > after.open_units)
            .map(|(before, after)| (after.epoch, after.validation_accuracy - before.validation_accuracy))
    }
}

/// The nets of one seed.
pub struct Run(pub Vec<Net>);

impl Run {
    /// The net of an arm.
    pub fn net(&self, penalty: Penalty, lambda: f64, start: usize) -> Option<&Net> {
        self.0.iter().find(|net| {
            let s = &net.summary;
            s.penalty == named(penalty) && s.lambda == lambda && s.start == start as u64
        })
    }

    /// A number of an arm's net; NaN without one.
    pub fn number(&self, (penalty, lambda, start): Key, metric: Metric) -> f64 {
        self.net(penalty, lambda, start).map_or(f64::NAN, metric)
    }
}

/// What names a net within a seed.
pub type Key = (Penalty, f64, usize);

/// All nets of a data set: every seed has every arm.
pub struct Runs {
    pub dataset: String,
    pub runs: Vec<Run>,
    pub strict: Vec<f64>,
    pub non_strict: Vec<f64>,
    pub start: usize,
    pub starts: Vec<usize>,
    pub start_lambda: f64,
}

impl Runs {
    /// Reads the rows of the seeds that every arm has.
    pub fn read(dataset: &str, rows: &Rows, seeds: &[u64], settings: &Settings) -> anyhow::Result<Self> {
        let mut runs = Vec::new();
        for &seed in seeds {
            let of_seed = rows.filtered(|key| key.seed == seed);
            let epochs = of_seed.get::<Epoch>()?;
            let mut nets = Vec::new();
            for keyed in of_seed.get::<Summary>()? {
                let own = epochs
                    .iter()
                    .filter(|row| row.key.trial == keyed.key.trial && row.row.net == "gated");
                nets.push(Net {
                    summary: keyed.row,
                    epochs: own.map(|row| row.row.clone()).collect(),
                });
            }
            runs.push(Run(nets));
        }
        anyhow::ensure!(
            !runs.is_empty(),
            "no seed has every variant yet: expected at least one, found none"
        );
        let sorted = |name: &str| -> anyhow::Result<Vec<f64>> {
            let mut lambdas = settings.numbers(name)?;
            lambdas.sort_by(f64::total_cmp);
            Ok(lambdas)
        };
        Ok(Self {
            dataset: dataset.to_owned(),
            runs,
            strict: sorted("strict_lambdas")?,
            non_strict: sorted("non_strict_lambdas")?,
            start: settings.count("start")?,
            starts: settings.counts("starts")?,
            start_lambda: settings.number("start_lambda")?,
        })
    }

    /// The swept λ of a penalty.
    pub fn lambdas(&self, penalty: Penalty) -> &[f64] {
        match penalty {
            Penalty::Strict => &self.strict,
            Penalty::NonStrict => &self.non_strict,
        }
    }

    /// The interquartile mean over seeds with its interval; `None` where a seed has no number.
    pub fn estimate(&self, name: &str, number: impl Fn(&Run) -> f64) -> anyhow::Result<Option<Estimate>> {
        let values: Vec<f64> = self.runs.iter().map(number).collect();
        interquartile(&format!("{}/{name}", self.dataset), &values)
    }

    /// The same of one arm.
    pub fn of_arm(&self, what: &str, key: Key, metric: Metric) -> anyhow::Result<Option<Estimate>> {
        let (penalty, lambda, start) = key;
        let name = format!("{what}/{}/{lambda}/{start}", named(penalty));
        self.estimate(&name, |run| run.number(key, metric))
    }

    /// Spearman's correlation of λ with the mean size over seeds.
    pub fn monotone(&self, penalty: Penalty) -> anyhow::Result<Option<Estimate>> {
        let lambdas = self.lambdas(penalty);
        let of = |runs: &[&Run]| {
            let mean = |lambda: &f64| {
                let sizes = runs
                    .iter()
                    .map(|run| run.number((penalty, *lambda, self.start), |net| net.summary.units as f64));
                sizes.sum::<f64>() / runs.len() as f64
            };
            let sizes: Vec<f64> = lambdas.iter().map(mean).collect();
            spearman(lambdas, &sizes).unwrap_or(f64::NAN)
        };
        let name = format!("{}/monotone/{}", self.dataset, named(penalty));
        Ok(bootstrap(&name).over_seeds_if_defined(&self.runs, of)?)
    }
}

/// The interquartile mean with a bootstrap interval; one value has none, and NaN gives nothing.
pub fn interquartile(name: &str, values: &[f64]) -> anyhow::Result<Option<Estimate>> {
    Ok(bootstrap(name).interquartile_mean_if_finite(values)?)
}

/// The stream and the resamples of an estimate.
pub fn bootstrap(name: &str) -> Bootstrap {
    Bootstrap::new(&Seed::new(0).named("sparsifier").named(name)).resamples(4000)
}
