//! Recorded rows as curves over the width, one per seed, and statistics of them.

use espalier_metrics::{Bandwidth, Error as Undefined, Knee, LineFit, LogFit, Plateau, kernel_density, knee};
use espalier_report::figure::Mark;
use espalier_report::rows::{Keyed, Row, Rows};
use espalier_report::statistics::{Bootstrap, Estimate};
use espalier_seed::Seed;

use crate::rows::{Component, Rebuilt, Spectrum, Summary, Unit};

/// What one trial recorded.
pub struct Net {
    pub summary: Summary,
    pub spreads: Vec<f64>,
    pub spectrum: Option<Spectrum>,
    pub components: Vec<Component>,
    pub rebuilt: Vec<Rebuilt>,
}

/// The nets of one seed by ascending width.
pub type Run = Vec<Net>;

/// A number of one net.
pub type Metric = fn(&Net) -> f64;

/// All nets of a data set: every seed has every width.
pub struct Curves {
    pub widths: Vec<f64>,
    pub runs: Vec<Run>,
}

impl Curves {
    /// Reads the rows of the seeds that every width has.
    pub fn read(rows: &Rows, seeds: &[u64]) -> anyhow::Result<Self> {
        let mut widths: Vec<u64> = rows.get::<Summary>()?.iter().map(|row| row.row.width).collect();
        widths.sort_unstable();
        widths.dedup();
        let mut runs = Vec::new();
        for &seed in seeds {
            let of_seed = rows.filtered(|key| key.seed == seed);
            let (units, components) = (of_seed.get::<Unit>()?, of_seed.get::<Component>()?);
            let (spectra, rebuilt) = (of_seed.get::<Spectrum>()?, of_seed.get::<Rebuilt>()?);
            let mut run: Run = Vec::new();
            for Keyed { key, row } in of_seed.get::<Summary>()? {
                run.push(Net {
                    spreads: own(&units, &key.trial).map(|unit| f64::from(unit.spread)).collect(),
                    spectrum: own(&spectra, &key.trial).next(),
                    components: own(&components, &key.trial).collect(),
                    rebuilt: own(&rebuilt, &key.trial).collect(),
                    summary: row,
                });
            }
            run.sort_by_key(|net| net.summary.width);
            anyhow::ensure!(
                run.len() == widths.len(),
                "seed {seed}: expected {} widths, found {}",
                widths.len(),
                run.len()
            );
            runs.push(run);
        }
        anyhow::ensure!(
            !runs.is_empty(),
            "no seed has every width yet: expected at least one, found none"
        );
        Ok(Self {
            widths: widths.into_iter().map(|w| w as f64).collect(),
            runs,
        })
    }

    pub fn all(&self) -> Vec<&Run> {
        self.runs.iter().collect()
    }

    /// The mean over seeds at each width.
    pub fn mean(&self, metric: Metric) -> Vec<(f64, f64)> {
        self.widths.iter().copied().zip(means(&self.all(), metric)).collect()
    }

    /// Mean ± one standard deviation over seeds at each width; not below 0 where the metric never is.
    pub fn spread(&self, metric: Metric) -> Vec<(f64, f64, f64)> {
        let signed = self.runs.iter().flatten().any(|net| metric(net) < 0.0);
        let floor = if signed { f64::NEG_INFINITY } else { 0.0 };
        let at = |i: usize| {
            let values = finite(&self.all(), i, metric);
            let (mean, sd) = mean_and_deviation(&values);
            (self.widths[i], (mean - sd).max(floor), mean + sd)
        };
        (0..self.widths.len())
            .map(at)
            .filter(|band| band.1.is_finite())
            .collect()
    }

    /// A line of means with its band.
    pub fn marks(&self, label: &str, metric: Metric) -> [Mark; 2] {
        [
            Mark::band(self.spread(metric)).of(label),
            Mark::line(self.mean(metric)).label(label).with_points(),
        ]
    }

    /// A statistic of all nets with a bootstrap interval over seeds; a single seed has no interval.
    pub fn estimate(&self, name: &str, statistic: impl Fn(&[&Run]) -> f64) -> anyhow::Result<Estimate> {
        if self.runs.len() < 2 {
            let value = statistic(&self.all());
            return Ok(Estimate {
                value,
                low: value,
                high: value,
                n: self.runs.len(),
                level: 0.95,
            });
        }
        let bootstrap = Bootstrap::new(&Seed::new(0).named("mnist-variance").named(name)).resamples(4000);
        Ok(bootstrap.over_seeds(&self.runs, statistic)?)
    }

    /// The net's place in a run.
    pub fn place(&self, width: f64) -> Option<usize> {
        self.widths.iter().position(|&w| w == width)
    }

    /// Mean density of the spreads of nets of one width, and the band of one standard deviation over seeds.
    pub fn density(&self, place: usize, grid: &[f64]) -> anyhow::Result<Density> {
        let mut curves = Vec::new();
        for run in &self.runs {
            match kernel_density(&run[place].spreads, grid, Bandwidth::Scott) {
                Ok(density) => curves.push(density.density),
                // Spreads that are all equal, as of a layer that died whole, have no density, and a net without a result has none.
                Err(Undefined::Constant { .. } | Undefined::TooFew { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let at = |i: usize| mean_and_deviation(&curves.iter().map(|c| c[i]).collect::<Vec<_>>());
        let points = grid.iter().enumerate();
        Ok(Density {
            mean: points.clone().map(|(i, &x)| (x, at(i).0)).collect(),
            band: points
                .map(|(i, &x)| (x, (at(i).0 - at(i).1).max(0.0), at(i).0 + at(i).1))
                .collect(),
        })
    }
}

/// A density over seeds.
pub struct Density {
    pub mean: Vec<(f64, f64)>,
    pub band: Vec<(f64, f64, f64)>,
}

fn own<'a, R: Row + Clone>(rows: &'a [Keyed<R>], trial: &'a str) -> impl Iterator<Item = R> + 'a {
    rows.iter()
        .filter(move |keyed| keyed.key.trial == trial)
        .map(|keyed| keyed.row.clone())
}

fn finite(runs: &[&Run], place: usize, metric: Metric) -> Vec<f64> {
    runs.iter()
        .map(|run| metric(&run[place]))
        .filter(|value| value.is_finite())
        .collect()
}

/// Mean and sample standard deviation; 0 for one value, NaN for none.
pub fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (
        mean,
        if values.len() < 2 {
            0.0
        } else {
            (squares / (n - 1.0)).sqrt()
        },
    )
}

/// The mean over runs at each width, over the values that are defined; NaN where none is.
pub fn means(runs: &[&Run], metric: Metric) -> Vec<f64> {
    let widths = runs.first().map_or(0, |run| run.len());
    (0..widths)
        .map(|i| mean_and_deviation(&finite(runs, i, metric)).0)
        .collect()
}

/// The widths of a run.
pub fn widths(runs: &[&Run]) -> Vec<f64> {
    runs.first()
        .map_or_else(Vec::new, |run| run.iter().map(|net| net.summary.width as f64).collect())
}

/// The width with the largest mean; NaN where no mean is defined.
pub fn argmax(runs: &[&Run], metric: Metric) -> f64 {
    let best = |best: (f64, f64), now: (f64, f64)| if now.1 > best.1 || best.1.is_nan() { now } else { best };
    widths(runs)
        .into_iter()
        .zip(means(runs, metric))
        .fold((f64::NAN, f64::NAN), best)
        .0
}

/// The smallest width whose mean reaches the best mean less a margin; NaN where that is not defined.
pub fn knee_width(runs: &[&Run], metric: Metric, margin: f64) -> f64 {
    knee(&widths(runs), &means(runs, metric), margin, Plateau::Best).map_or(f64::NAN, |knee: Knee| knee.width)
}

/// R² of the mean's least-squares line over ln(width); NaN where that is not defined.
pub fn log_r_squared(runs: &[&Run], metric: Metric) -> f64 {
    LogFit::of(&widths(runs), &means(runs, metric)).map_or(f64::NAN, |fit| fit.r_squared)
}

/// R² of a straight line; 0 where y does not vary, as nothing then grows.
pub fn line_r_squared(points: &[(f64, f64)]) -> f64 {
    let (x, y): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
    let varies = y.iter().any(|value| *value != y[0]);
    LineFit::of(&x, &y).map_or(0.0, |fit| if varies { fit.r_squared } else { 0.0 })
}
