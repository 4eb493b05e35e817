//! Measuring a trained hidden layer: spreads, mixtures, ranks, principal components.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use espalier_data::{Dataset, Examples, Split};
use espalier_metrics::{
    Covariance, CovarianceAccumulator, DeadRule, DeadUnits, EmOptions, Error as Undefined, LowRank, Pca, UnitMoments,
    effective_rank, fit_exp_normal, fit_two_gamma, numerical_rank, sample_shape, shapiro_wilk_subsampled, stable_rank,
};
use espalier_net::{DeviceChoice, LossKind, Network, Session, Target};
use espalier_seed::Seed;
use espalier_train::Trainer;
use espalier_trial::observe;

use crate::rows::{Component, Rebuilt, Spectrum, Summary};

/// How a mixture ended that was not begun.
pub const NOT_FITTED: &str = "not fitted";
/// Rows per pass where the network is read.
const PASS_ROWS: usize = 500;
/// Validation images on which rebuilt layers are scored.
pub const REBUILT_IMAGES: usize = 2000;
/// Directions with less than this share of the largest variance do not vary.
const NO_VARIANCE: f64 = 1e-11;
/// The widest layer whose residual is also measured row by row.
const CHECKED_WIDTH: usize = 128;

/// The hidden layer's weight `[units, inputs]`, row-major, and bias.
pub struct Hidden {
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
}

impl Hidden {
    pub fn of(network: &Network<f32>) -> anyhow::Result<Self> {
        let [weight, bias] = ["hidden1.weight", "hidden1.bias"].map(|name| network.find_parameter(name));
        let (weight, bias) = (network.parameter(weight?), network.parameter(bias?));
        Ok(Self {
            weight: transposed(weight.values(), weight.shape()[0]),
            bias: bias.values().to_vec(),
        })
    }

    /// Puts the layer in the place of a network's own.
    fn put(&self, network: &Network<f32>) -> anyhow::Result<Network<f32>> {
        let mut network = network.clone();
        let weight = transposed(&self.weight, self.bias.len());
        for (name, values) in [("hidden1.weight", &weight), ("hidden1.bias", &self.bias)] {
            let at = network.find_parameter(name)?;
            network.parameter_mut(at).values_mut().copy_from_slice(values);
        }
        Ok(network)
    }
}

fn transposed(values: &[f32], rows: usize) -> Vec<f32> {
    let columns = values.len() / rows;
    let column = |c: usize| (0..rows).map(move |r| values[r * columns + c]);
    (0..columns).flat_map(column).collect()
}

/// Per-unit moments after the ReLU over the training split.
pub fn moments(trainer: &mut Trainer, width: usize) -> anyhow::Result<UnitMoments> {
    let (nodes, mut moments) = ([trainer.network().find("relu1")?], UnitMoments::new(width)?);
    observe(trainer, Split::Train, &nodes, |_, values| {
        moments.observe(values, width)
    })?;
    Ok(moments)
}

/// A metric that is not defined for a sample is NaN; any other failure stays one.
fn or_nan<T>(result: espalier_metrics::Result<T>) -> anyhow::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Undefined::TooFew { .. } | Undefined::Constant { .. } | Undefined::NotFinite { .. }) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

/// Fills the metrics of the spreads into a summary.
pub fn spreads(summary: &mut Summary, moments: &UnitMoments, dead_spread: f64, seed: &Seed) -> anyhow::Result<()> {
    let (spreads, dead) = (moments.std(), DeadUnits::of(moments, DeadRule::Spread(dead_spread)));
    let alive = spreads.iter().zip(&dead.dead).filter(|(_, dead)| !**dead);
    let alive: Vec<f64> = alive.map(|(spread, _)| *spread).collect();
    let mut ascending = spreads.clone();
    ascending.sort_by(f64::total_cmp);
    summary.total_spread = spreads.iter().sum();
    summary.median_spread = (ascending[(ascending.len() - 1) / 2] + ascending[ascending.len() / 2]) / 2.0;
    summary.dead_units = dead.count() as u64;
    let shapiro = |values, name| or_nan(shapiro_wilk_subsampled(values, &mut seed.named(name).stream()));
    if let Some(all) = shapiro(&spreads, "shapiro")? {
        (summary.shapiro_w, summary.shapiro_p) = (all.test.w, all.test.p_value);
        summary.shapiro_units = all.test.sample_size as u64;
    }
    if let Some(some) = shapiro(&alive, "shapiro-alive")? {
        summary.shapiro_w_alive = some.test.w;
    }
    if let Some(shape) = or_nan(sample_shape(&spreads))? {
        (summary.skewness, summary.excess_kurtosis) = (shape.skewness, shape.excess_kurtosis);
    }
    (summary.exp_normal_outcome, summary.two_gamma_outcome) = (NOT_FITTED.to_owned(), NOT_FITTED.to_owned());
    if let Some(fit) = or_nan(fit_exp_normal(&alive, &EmOptions::exp_normal()))? {
        summary.exp_normal_share = fit.mixture.low_share;
        summary.exp_normal_outcome = format!("{:?}", fit.outcome);
    }
    if let Some(fit) = or_nan(fit_two_gamma(&alive, &EmOptions::two_gamma()))? {
        summary.two_gamma_share = fit.mixture.low_share;
        summary.two_gamma_outcome = format!("{:?}", fit.outcome);
    }
    Ok(())
}

/// Fills effective and stable rank of the weight into a summary.
pub fn ranks(summary: &mut Summary, weight: &LowRank) -> anyhow::Result<()> {
    summary.effective_rank = effective_rank(weight.singular_values())?;
    summary.stable_rank = stable_rank(weight.singular_values())?;
    Ok(())
}

/// The covariance of the inputs and the number of directions in which they vary.
#[derive(Clone)]
pub struct Inputs {
    covariance: Arc<Covariance>,
    rank: usize,
}

/// Inputs by content and number of rows: one pass over a data set serves all widths and seeds.
static INPUTS: Mutex<BTreeMap<(String, usize), Inputs>> = Mutex::new(BTreeMap::new());

impl Inputs {
    pub fn of(data: &Dataset) -> anyhow::Result<Self> {
        let key = (data.info.content_sha256.clone(), data.train.len());
        let mut known = INPUTS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(inputs) = known.get(&key) {
            return Ok(inputs.clone());
        }
        let mut sums = CovarianceAccumulator::new(data.info.features)?;
        sums.observe(data.train.features(), data.info.features)?;
        let covariance = Arc::new(sums.finish()?);
        let rank = varying(Pca::of(&covariance)?.eigenvalues())?;
        let inputs = Self { covariance, rank };
        known.insert(key, inputs.clone());
        Ok(inputs)
    }
}

fn varying(eigenvalues: &[f64]) -> anyhow::Result<usize> {
    let floored: Vec<f64> = eigenvalues.iter().map(|v| v.max(0.0)).collect();
    Ok(numerical_rank(&floored, NO_VARIANCE)?)
}

/// The principal components of a layer's pre-activations over the training split, with what k of them leave of the variance.
pub struct Components {
    pca: Pca,
    covariance: Covariance,
    right: Vec<f64>,
    wrong: Vec<f64>,
    total: f64,
}

impl Components {
    pub fn of(hidden: &Hidden, inputs: &Inputs) -> anyhow::Result<Self> {
        let covariance = inputs.covariance.of_linear(&hidden.weight, &hidden.bias)?;
        let pca = Pca::of(&covariance)?;
        Ok(Self {
            right: pca.residual(),
            wrong: pca.residual_of_wrong_basis(),
            total: pca.total_variance(),
            covariance,
            pca,
        })
    }

    /// Each component that is recorded.
    pub fn rows(&self) -> Vec<Component> {
        let (width, share) = (self.pca.units(), self.pca.explained_share());
        let row = |k: usize| Component {
            width: width as u32,
            component: k as u32,
            share: share[k - 1].max(0.0) as f32,
            residual: (self.right[k] / self.total).max(0.0) as f32,
            residual_wrong_basis: (self.wrong[k] / self.total).max(0.0) as f32,
        };
        grid(width).into_iter().map(row).collect()
    }

    /// What they say in short.
    pub fn spectrum(&self, inputs: &Inputs, trainer: &mut Trainer) -> anyhow::Result<Spectrum> {
        let width = self.pca.units();
        let checked_at = width.div_ceil(4);
        Ok(Spectrum {
            width: width as u64,
            total_variance: self.covariance.total_variance(),
            eigenvalue_sum: self.total,
            input_rank: inputs.rank as u64,
            layer_rank: varying(self.pca.eigenvalues())? as u64,
            components_95: self.pca.components_for(0.95) as u64,
            left_at_half: self.right[width / 2] / self.total,
            left_at_half_wrong_basis: self.wrong[width / 2] / self.total,
            checked_at: checked_at as u64,
            checked_residual: self.measured(trainer, checked_at)?,
            expected_residual: self.right[checked_at],
        })
    }

    /// The mean squared distance of the pre-activations from their rebuilding, row by row; NaN for a wide layer.
    fn measured(&self, trainer: &mut Trainer, kept: usize) -> anyhow::Result<f64> {
        if self.pca.units() > CHECKED_WIDTH {
            return Ok(f64::NAN);
        }
        let (nodes, mut sum) = ([trainer.network().find("hidden1")?], 0.0);
        let squares = |(a, b): (&f32, &f32)| f64::from(a - b).powi(2);
        observe(trainer, Split::Train, &nodes, |_, rows| {
            let rebuilt = self.pca.rebuild(rows, kept)?;
            sum += rows.iter().zip(&rebuilt).map(squares).sum::<f64>();
            espalier_metrics::Result::Ok(())
        })?;
        Ok(sum / trainer.data().train.len() as f64)
    }
}

/// Components to record: about eight in an octave, and every fifth near the inputs' rank.
fn grid(width: usize) -> Vec<usize> {
    let octaves = (0..=128).map(|i| 2f64.powf(f64::from(i) / 8.0).round() as usize);
    let all = octaves.chain((690..=800).step_by(5)).chain([width]);
    let mut places: Vec<usize> = all.filter(|&k| k <= width).collect();
    places.sort_unstable();
    places.dedup();
    places
}

/// Scores a net with its hidden layer rebuilt from 1, 2, 4, … dimensions.
pub fn rebuilt(trainer: &Trainer, hidden: &Hidden, of: &Components, weight: &LowRank) -> anyhow::Result<Vec<Rebuilt>> {
    let (network, examples) = (trainer.network(), &trainer.data().validation);
    let mut session = Session::new(network, PASS_ROWS, &DeviceChoice::Cpu, &Seed::new(0))?;
    session.set_background(0, trainer.background());
    let mut rows = Vec::new();
    let mut row = |way: &str, kept: usize, lost: f64, (weight, bias): (Vec<f32>, Vec<f32>)| -> anyhow::Result<()> {
        rows.push(Rebuilt {
            width: hidden.bias.len() as u64,
            way: way.to_owned(),
            kept: kept as u64,
            lost,
            validation_accuracy: score(&mut session, &Hidden { weight, bias }.put(network)?, examples)?,
        });
        Ok(())
    };
    let (pca, w, b) = (&of.pca, &hidden.weight, &hidden.bias);
    for kept in doublings(b.len()) {
        let layer = pca.rebuild_layer(w, b, kept)?;
        row("components", kept, of.right[kept] / of.total, layer)?;
        let layer = pca.rebuild_layer_in_wrong_basis(w, b, kept)?;
        row("wrong basis", kept, of.wrong[kept] / of.total, layer)?;
    }
    for kept in doublings(weight.largest_rank()) {
        let layer = (weight.rebuild(kept)?, b.clone());
        row("low rank", kept, weight.relative_error(kept)?.powi(2), layer)?;
    }
    Ok(rows)
}

fn doublings(width: usize) -> Vec<usize> {
    let below = (0..).map(|i| 1 << i).take_while(|&k| k < width);
    below.chain([width]).collect()
}

/// Accuracy on the first images of a split.
fn score(session: &mut Session<f32>, network: &Network<f32>, examples: &Examples) -> anyhow::Result<f64> {
    let labels = examples.classes().context("a set of classes is needed")?;
    let rows = examples.len().min(REBUILT_IMAGES);
    let (mut right, width) = (0, examples.width());
    for from in (0..rows).step_by(PASS_ROWS) {
        let to = (from + PASS_ROWS).min(rows);
        let features = &examples.features()[from * width..to * width];
        let (labels, weights) = (&labels[from..to], None);
        let target = Target::Classes { labels, weights };
        let scored = session.score(network, &[features], target, LossKind::CrossEntropy)?;
        right += scored.correct;
    }
    Ok(right as f64 / rows as f64)
}
