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
        let weight = network.parameter(network.find_parameter("hidden1.weight")?);
        let (inputs, units) = (weight.shape()[0], weight.shape()[1]);
        let weight = transposed(weight.values(), inputs, units);
        let bias = network
            .parameter(network.find_parameter("hidden1.bias")?)
            .values()
            .to_vec();
        Ok(Self { weight, bias })
    }

    /// Puts other values in the layer's place.
    fn put(network: &Network<f32>, weight: &[f32], bias: &[f32]) -> anyhow::Result<Network<f32>> {
        let mut network = network.clone();
        let (at, bias_at) = (
            network.find_parameter("hidden1.weight")?,
            network.find_parameter("hidden1.bias")?,
        );
        network.parameter_mut(at).values_mut().copy_from_slice(&transposed(
            weight,
            bias.len(),
            weight.len() / bias.len(),
        ));
        network.parameter_mut(bias_at).values_mut().copy_from_slice(bias);
        Ok(network)
    }
}

fn transposed(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..columns)
        .flat_map(|c| (0..rows).map(move |r| values[r * columns + c]))
        .collect()
}

/// Per-unit moments after the ReLU over the training split, and the accuracy there, in one pass.
pub fn observe(trainer: &mut Trainer, width: usize) -> anyhow::Result<(UnitMoments, f64)> {
    let nodes = [trainer.network().find("relu1")?, trainer.network().find("logits")?];
    let labels = trainer
        .data()
        .train
        .classes()
        .context("a set of classes is needed")?
        .to_vec();
    let mut moments = UnitMoments::new(width)?;
    let (mut row, mut right, mut fault) = (0, 0usize, None);
    let classes = trainer.data().info.targets.outputs();
    trainer.observe(Split::Train, &nodes, &mut |node, values| {
        if node == 0 {
            fault = fault.take().or(moments.observe(values, width).err());
            return;
        }
        for logits in values.chunks_exact(classes) {
            right += usize::from(largest(logits) == labels[row] as usize);
            row += 1;
        }
    })?;
    fault.map_or(Ok((moments, right as f64 / row as f64)), |fault| Err(fault.into()))
}

/// The first of the largest values.
fn largest(values: &[f32]) -> usize {
    (1..values.len()).fold(0, |best, i| if values[i] > values[best] { i } else { best })
}

/// A metric that is not defined for a sample is NaN; any other failure stays one.
fn or_nan<T>(result: espalier_metrics::Result<T>) -> anyhow::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Undefined::TooFew { .. } | Undefined::Constant { .. } | Undefined::NotFinite { .. }) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

/// Fills the metrics of the spreads and of the weight into a summary.
pub fn spreads(
    summary: &mut Summary,
    spreads: &[f64],
    moments: &UnitMoments,
    dead_spread: f64,
    seed: &Seed,
) -> anyhow::Result<()> {
    let dead = DeadUnits::of(moments, DeadRule::Spread(dead_spread));
    let alive: Vec<f64> = spreads
        .iter()
        .zip(&dead.dead)
        .filter(|(_, dead)| !**dead)
        .map(|(s, _)| *s)
        .collect();
    let mut ascending = spreads.to_vec();
    ascending.sort_by(f64::total_cmp);
    summary.total_spread = spreads.iter().sum();
    summary.median_spread = (ascending[(ascending.len() - 1) / 2] + ascending[ascending.len() / 2]) / 2.0;
    summary.dead_units = dead.count() as u64;
    if let Some(all) = or_nan(shapiro_wilk_subsampled(spreads, &mut seed.named("shapiro").stream()))? {
        (summary.shapiro_w, summary.shapiro_p) = (all.test.w, all.test.p_value);
        summary.shapiro_units = all.test.sample_size as u64;
    }
    if let Some(some) = or_nan(shapiro_wilk_subsampled(
        &alive,
        &mut seed.named("shapiro-alive").stream(),
    ))? {
        summary.shapiro_w_alive = some.test.w;
    }
    if let Some(shape) = or_nan(sample_shape(spreads))? {
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

/// The principal components of the pre-activations over the training split.
pub fn components(hidden: &Hidden, inputs: &Inputs) -> anyhow::Result<(Pca, Spectrum, Vec<Component>)> {
    let covariance = inputs.covariance.of_linear(&hidden.weight, &hidden.bias)?;
    let pca = Pca::of(&covariance)?;
    let (right, wrong, total) = (pca.residual(), pca.residual_of_wrong_basis(), pca.total_variance());
    let width = pca.units();
    let share = pca.explained_share();
    let rows = grid(width).into_iter().map(|k| Component {
        width: width as u32,
        component: k as u32,
        share: share[k - 1].max(0.0) as f32,
        residual: (right[k] / total).max(0.0) as f32,
        residual_wrong_basis: (wrong[k] / total).max(0.0) as f32,
    });
    let checked_at = width.div_ceil(4);
    let spectrum = Spectrum {
        width: width as u64,
        total_variance: covariance.total_variance(),
        eigenvalue_sum: total,
        input_rank: inputs.rank as u64,
        layer_rank: varying(pca.eigenvalues())? as u64,
        components_95: pca.components_for(0.95) as u64,
        left_at_half: right[width / 2] / total,
        left_at_half_wrong_basis: wrong[width / 2] / total,
        checked_at: checked_at as u64,
        checked_residual: f64::NAN,
        expected_residual: right[checked_at],
    };
    let rows = rows.collect();
    Ok((pca, spectrum, rows))
}

/// Measures the mean squared distance of the pre-activations from their rebuilding, row by row.
pub fn check_residual(trainer: &mut Trainer, pca: &Pca, spectrum: &mut Spectrum) -> anyhow::Result<()> {
    if pca.units() > CHECKED_WIDTH {
        return Ok(());
    }
    let nodes = [trainer.network().find("hidden1")?];
    let (kept, mut sum, mut fault) = (spectrum.checked_at as usize, 0.0, None);
    trainer.observe(Split::Train, &nodes, &mut |_, rows| match pca.rebuild(rows, kept) {
        Ok(rebuilt) => {
            sum += rows
                .iter()
                .zip(&rebuilt)
                .map(|(a, b)| f64::from(a - b).powi(2))
                .sum::<f64>()
        }
        Err(error) => fault = fault.take().or(Some(error)),
    })?;
    spectrum.checked_residual = sum / trainer.data().train.len() as f64;
    fault.map_or(Ok(()), |fault| Err(fault.into()))
}

/// Components to record: about eight in an octave, and every fifth near the inputs' rank.
fn grid(width: usize) -> Vec<usize> {
    let octaves = (0..=128).map(|i| 2f64.powf(f64::from(i) / 8.0).round() as usize);
    let mut places: Vec<usize> = octaves
        .chain((690..=800).step_by(5))
        .chain([width])
        .filter(|&k| k <= width)
        .collect();
    places.sort_unstable();
    places.dedup();
    places
}

/// Scores the net with its hidden layer rebuilt from 1, 2, 4, … dimensions.
pub fn rebuilt(trainer: &Trainer, hidden: &Hidden, pca: &Pca, weight: &LowRank) -> anyhow::Result<Vec<Rebuilt>> {
    let (network, examples) = (trainer.network(), &trainer.data().validation);
    let mut session = Session::new(network, PASS_ROWS, &DeviceChoice::Cpu, &Seed::new(0))?;
    session.set_background(0, trainer.background());
    let width = hidden.bias.len();
    let (right, wrong, total) = (pca.residual(), pca.residual_of_wrong_basis(), pca.total_variance());
    let mut rows = Vec::new();
    let mut row = |way: &str, kept: usize, lost: f64, weight: &[f32], bias: &[f32]| -> anyhow::Result<()> {
        let validation_accuracy = score(&mut session, &Hidden::put(network, weight, bias)?, examples)?;
        rows.push(Rebuilt {
            width: width as u64,
            way: way.to_owned(),
            kept: kept as u64,
            lost,
            validation_accuracy,
        });
        Ok(())
    };
    for kept in doublings(width) {
        let (w, b) = pca.rebuild_layer(&hidden.weight, &hidden.bias, kept)?;
        row("components", kept, right[kept] / total, &w, &b)?;
        let (w, b) = pca.rebuild_layer_in_wrong_basis(&hidden.weight, &hidden.bias, kept)?;
        row("wrong basis", kept, wrong[kept] / total, &w, &b)?;
    }
    for kept in doublings(weight.largest_rank()) {
        row(
            "low rank",
            kept,
            weight.relative_error(kept)?.powi(2),
            &weight.rebuild(kept)?,
            &hidden.bias,
        )?;
    }
    Ok(rows)
}

fn doublings(width: usize) -> Vec<usize> {
    let mut kept: Vec<usize> = (0..).map(|i| 1 << i).take_while(|&k| k < width).collect();
    kept.push(width);
    kept
}

/// Accuracy on the first images of a split.
fn score(session: &mut Session<f32>, network: &Network<f32>, examples: &Examples) -> anyhow::Result<f64> {
    let labels = examples.classes().context("a set of classes is needed")?;
    let rows = examples.len().min(REBUILT_IMAGES);
    let mut right = 0;
    for from in (0..rows).step_by(PASS_ROWS) {
        let to = (from + PASS_ROWS).min(rows);
        let features = &examples.features()[from * examples.width()..to * examples.width()];
        let target = Target::Classes {
            labels: &labels[from..to],
            weights: None,
        };
        right += session
            .score(network, &[features], target, LossKind::CrossEntropy)?
            .correct;
    }
    Ok(right as f64 / rows as f64)
}
