//! Pruning a trained net, and what is left of it.

use anyhow::Context as _;
use espalier_data::Examples;
use espalier_experiment::TrialContext;
use espalier_magnitude_prune::{
    Evidence, Form, UnitScore, WeightScore, compaction, output_layers, prunable_layers, prune_units, prune_weights,
    share,
};
use espalier_net::{ApplyOptions, DeviceChoice, Network, NodeId, Role, Session};
use espalier_seed::Seed;
use espalier_train::Trainer;
use espalier_trial::accuracy;

use crate::PERCENTS;
use crate::arms::{Arm, Variant};
use crate::rows::{Importance, Magnitude, Pruned, Summary};

/// The smallest weights of each unit.
pub const WEIGHTS: &str = "weights";
/// The lowest weights of each unit with their signs: the study's fault.
pub const SIGNED: &str = "weights, signed";
/// The units with the smallest norms, with their biases.
pub const UNITS: &str = "units";
/// The same units without their biases, which go on speaking: the study's other fault.
pub const KEPT: &str = "units, biases kept";
/// Any units, with their biases.
pub const RANDOM: &str = "units at random";

/// Images on which a compacted net is set against the net it came from.
const COMPARED: usize = 100;
/// Shares at which units are removed at random, in per cent; the curve needs no more.
pub const RANDOM_PERCENTS: [u64; 3] = [25, 50, 80];
/// Draws of random units that are averaged.
const RANDOM_DRAWS: u64 = 3;
/// Bins of the histogram of |w|, from a thousandth of the mean to a thousandfold.
const BINS: usize = 60;
pub const BINS_OF_A_DECADE: f64 = 10.0;
pub const LOWEST_BIN: f64 = -3.0;

/// A copy of the net without a share of its weights or units.
pub fn pruned(network: &Network<f32>, scheme: &str, fraction: f64, seed: &Seed) -> anyhow::Result<Network<f32>> {
    let evidence = Evidence { probe: None, seed };
    let weights = |score: WeightScore| {
        let layers = prunable_layers("pruning-curves", network, &[])?;
        prune_weights(network, &layers, (score, Form::Zero), fraction, &evidence)
    };
    let units = |score: UnitScore, biases: bool| {
        let count = |group| share(fraction, network.group(group).width());
        let form = (score, Form::Zero, biases);
        prune_units(network, &network.editable_groups(), form, count, &evidence)
    };
    let pruning = match scheme {
        WEIGHTS => weights(WeightScore::Magnitude),
        SIGNED => weights(WeightScore::LegacySigned),
        UNITS => units(UnitScore::L2, true),
        KEPT => units(UnitScore::L2, false),
        RANDOM => units(UnitScore::Random, true),
        _ => anyhow::bail!("expected a way of pruning, found `{scheme}`"),
    };
    let mut network = network.clone();
    pruning?.set_values(&mut network)?;
    Ok(network)
}

/// The net with its silent units cut out.
pub fn compacted(network: &Network<f32>) -> anyhow::Result<Network<f32>> {
    let plan = compaction(network)?;
    let mut network = network.clone();
    if !plan.edits.is_empty() {
        network.apply(&plan, &ApplyOptions::default())?;
    }
    Ok(network)
}

/// What is pruned of a net; flaws are shown on plain training alone, that of biases where there are any.
pub fn schemes(plain: bool, biases: bool) -> Vec<&'static str> {
    let flawed = [(SIGNED, plain), (KEPT, plain && biases)].into_iter();
    let flawed = flawed.filter(|(_, shown)| *shown).map(|(scheme, _)| scheme);
    [WEIGHTS, UNITS].into_iter().chain(flawed).collect()
}

/// Prunes the trained net at every share and records what is left.
pub fn curves(
    arm: &Arm,
    trainer: &Trainer,
    summary: &mut Summary,
    context: &mut TrialContext<'_, Variant>,
) -> anyhow::Result<()> {
    let network = trainer.network();
    let schemes = schemes(arm.is_plain(), arm.biases);
    let mut rows = Vec::new();
    for percent in PERCENTS {
        for scheme in &schemes {
            rows.push(row(scheme, percent, trainer, &Seed::new(0))?);
        }
        context.stop_point()?;
    }
    for percent in RANDOM_PERCENTS {
        rows.push(at_random(percent, trainer, &context.seed())?);
    }
    let own = if arm.method.is_of_units() { UNITS } else { WEIGHTS };
    let own: Vec<&Pruned> = rows.iter().filter(|row| row.scheme == own).collect();
    summary.curve_validation = own.iter().map(|row| row.validation_accuracy).sum::<f64>() / own.len() as f64;
    if let Some(whole) = rows.first() {
        (summary.validation_accuracy, summary.test_accuracy) = (whole.validation_accuracy, whole.test_accuracy);
    }
    context.record_all(&rows)?;
    weights(network, summary, context)
}

fn row(scheme: &str, percent: u64, trainer: &Trainer, seed: &Seed) -> anyhow::Result<Pruned> {
    let data = trainer.data();
    let zeroed = pruned(trainer.network(), scheme, percent as f64 / 100.0, seed)?;
    let silent = [UNITS, RANDOM].contains(&scheme);
    let smaller = if silent { compacted(&zeroed)? } else { zeroed.clone() };
    let deviation = || deviation(&zeroed, &smaller, &data.test);
    Ok(Pruned {
        scheme: scheme.to_owned(),
        percent,
        validation_accuracy: accuracy(&smaller, &data.validation)?,
        test_accuracy: accuracy(&smaller, &data.test)?,
        weights_left: hidden_layers(&zeroed).map(|layer| left(&zeroed, layer)).sum(),
        compact_macs: smaller.cost().macs,
        compact_deviation: (scheme == UNITS).then(deviation).transpose()?,
    })
}

/// The mean over several draws of units.
fn at_random(percent: u64, trainer: &Trainer, seed: &Seed) -> anyhow::Result<Pruned> {
    let draw = |draw: u64| row(RANDOM, percent, trainer, &seed.named("random units").index(draw));
    let draws: Vec<Pruned> = (0..RANDOM_DRAWS).map(draw).collect::<anyhow::Result<_>>()?;
    let mean = |of: fn(&Pruned) -> f64| draws.iter().map(|row| of(row) / RANDOM_DRAWS as f64).sum();
    let last = draws.last().context("at least one draw")?;
    Ok(Pruned {
        validation_accuracy: mean(|row| row.validation_accuracy),
        test_accuracy: mean(|row| row.test_accuracy),
        ..last.clone()
    })
}

/// The largest difference of outputs over the largest output.
fn deviation(one: &Network<f32>, other: &Network<f32>, examples: &Examples) -> anyhow::Result<f64> {
    let images = COMPARED.min(examples.len());
    let block = &examples.features()[..images * examples.width()];
    let outputs = |network: &Network<f32>| -> anyhow::Result<Vec<f32>> {
        let mut session = Session::new(network, images, &DeviceChoice::Cpu, &Seed::new(0))?;
        Ok(session.evaluate(network, &[block])?.first().to_vec())
    };
    let (a, b) = (outputs(one)?, outputs(other)?);
    let largest = a.iter().fold(0.0_f64, |most, x| most.max(f64::from(x.abs())));
    let apart = a.iter().zip(&b).map(|(a, b)| f64::from((a - b).abs()));
    Ok(apart.fold(0.0, f64::max) / largest.max(f64::MIN_POSITIVE))
}

/// The dense layers before the logits.
fn hidden_layers(network: &Network<f32>) -> impl Iterator<Item = NodeId> + '_ {
    let outputs = output_layers(network);
    let weighs = move |id: &NodeId| network.node(*id).parameter(Role::Weight).is_some() && !outputs.contains(id);
    network.order().iter().copied().filter(weighs)
}

/// |w| of a layer as the passes see it: times its mask, where it has one.
fn magnitudes(network: &Network<f32>, layer: NodeId) -> Vec<f32> {
    let node = network.node(layer);
    let values = |role| node.parameter(role).map(|id| network.parameter(id).values());
    let weights = values(Role::Weight).unwrap_or_default();
    match values(Role::Mask) {
        Some(mask) => weights.iter().zip(mask).map(|(w, m)| (w * m).abs()).collect(),
        None => weights.iter().map(|w| w.abs()).collect(),
    }
}

fn left(network: &Network<f32>, layer: NodeId) -> u64 {
    magnitudes(network, layer).iter().filter(|w| **w != 0.0).count() as u64
}

/// Records how the weights' magnitudes are spread.
fn weights(
    network: &Network<f32>,
    summary: &mut Summary,
    context: &mut TrialContext<'_, Variant>,
) -> anyhow::Result<()> {
    let mut tenths = Vec::new();
    for (layer, id) in hidden_layers(network).enumerate() {
        let layer = layer as u64 + 1;
        let mut descending = magnitudes(network, id);
        descending.sort_unstable_by(|a, b| b.total_cmp(a));
        let mut sum = 0.0;
        let mut so_far = |w: &f32| {
            sum += f64::from(*w);
            sum
        };
        let sums: Vec<f64> = descending.iter().map(&mut so_far).collect();
        let total = sums.last().copied().unwrap_or(0.0);
        let held = |share: f64| sums[((share * sums.len() as f64).round() as usize).clamp(1, sums.len()) - 1] / total;
        tenths.push(held(0.1));
        // Ten points to a decade, three decades.
        let shares = (0..=30).map(|i| 10f64.powf(f64::from(i) / 10.0 - 3.0));
        let points = shares.map(|share_of_weights| Importance {
            layer,
            share_of_weights,
            share_of_sum: held(share_of_weights),
        });
        context.record_all(&points.collect::<Vec<_>>())?;
        context.record_all(&histogram(layer, &descending, total / sums.len() as f64))?;
    }
    summary.largest_tenth = tenths.iter().sum::<f64>() / tenths.len() as f64;
    Ok(())
}

/// Shares of the weights by log₁₀ of |w| over its mean; smaller ones and zeros count in the lowest bin.
fn histogram(layer: u64, magnitudes: &[f32], mean: f64) -> Vec<Magnitude> {
    let mut counts = [0_u64; BINS];
    for w in magnitudes {
        let place = ((f64::from(*w) / mean).log10() - LOWEST_BIN) * BINS_OF_A_DECADE;
        // A zero has no logarithm: the cast takes −∞ to 0.
        counts[(place.floor().max(0.0) as usize).min(BINS - 1)] += 1;
    }
    let bin = |(i, count): (usize, &u64)| Magnitude {
        layer,
        log_magnitude: LOWEST_BIN + (i as f64 + 0.5) / BINS_OF_A_DECADE,
        share: *count as f64 / magnitudes.len() as f64,
    };
    counts.iter().enumerate().map(bin).collect()
}
