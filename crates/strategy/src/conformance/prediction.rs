//! Compares a promised decrease of the loss with measured ones, as steps become small.

use espalier_net::{Applied, ApplyOptions, Edit, Network, NewUnit, Plan, Side};

use super::driver::{Driver, Settled};
use crate::error::Result;
use crate::oracle::Oracle;
use crate::proposal::{Effect, Prediction, newborns};
use crate::sites::{places, slice_key};

/// Factors on the step, from the whole one to a small one.
const STEPS: [f64; 6] = [1.0, 0.25, 1.0 / 16.0, 1.0 / 64.0, 1.0 / 256.0, 1.0 / 1024.0];
/// How well the best of them must agree, as a fraction of the promise.
const AGREEMENT: f64 = 0.1;
/// The smallest decrease, as a fraction of the loss, that single precision shows.
const VISIBLE: f64 = 2e-5;

/// Says how the prediction of an applied proposal disagrees with what is measured, if it does.
pub(super) fn disagreement(driver: &mut Driver, settled: &Settled) -> Result<Option<String>> {
    let (Some(prediction), Some(applied)) = (settled.proposal.prediction, settled.outcome.applied()) else {
        return Ok(None);
    };
    if !prediction.decrease.is_finite() {
        return Ok(Some(format!(
            "step {}: promised a decrease of {}",
            settled.step, prediction.decrease
        )));
    }
    let mut best: Option<(f64, f64, f64)> = None;
    for step in STEPS {
        let (loss, measured) = measure(driver, settled, applied, prediction, step)?;
        let promised = step * prediction.decrease;
        if promised.abs() < VISIBLE * loss.abs() {
            continue;
        }
        let error = (measured / promised - 1.0).abs();
        if best.is_none_or(|(e, ..)| error < e) {
            best = Some((error, promised, measured));
        }
    }
    Ok(best
        .filter(|(error, ..)| error.is_nan() || *error > AGREEMENT)
        .map(|(_, promised, measured)| {
            format!(
                "step {}: at the best step size promised {promised:e}, measured {measured:e}",
                settled.step
            )
        }))
}

/// The loss before, and its decrease when the change is made `step` times as large.
fn measure(
    driver: &mut Driver,
    settled: &Settled,
    applied: &Applied,
    prediction: Prediction,
    step: f64,
) -> Result<(f64, f64)> {
    let mut oracle = driver.oracle();
    match prediction.of {
        Effect::Edit => {
            let before = oracle.probe(&settled.before, &[])?.loss;
            let mut after = settled.before.clone();
            after.apply(
                &scaled_fan_out(&settled.before, &settled.proposal.plan, step)?,
                &ApplyOptions::default(),
            )?;
            Ok((before, before - oracle.probe(&after, &[])?.loss))
        }
        Effect::GradientStep { rate } => {
            let probe = oracle.probe(&settled.after, &[])?;
            let mut stepped = settled.after.clone();
            for (parameter, index) in newborn_places(applied, &settled.after) {
                let change = rate * step * f64::from(probe.gradient(parameter).get(index).copied().unwrap_or(0.0));
                let value = &mut stepped.parameter_mut(parameter).values_mut()[index];
                *value = (f64::from(*value) - change) as f32;
            }
            Ok((probe.loss, probe.loss - oracle.probe(&stepped, &[])?.loss))
        }
    }
}

/// The plan with the fan-out weights of its fresh units multiplied.
fn scaled_fan_out(network: &Network<f32>, plan: &Plan, factor: f64) -> Result<Plan> {
    let mut scaled = plan.clone();
    for edit in &mut scaled.edits {
        let Edit::Units(edit) = edit else { continue };
        let group = network.find_group(&edit.group)?;
        let owners = network.owners(group);
        let keys: Vec<String> = owners
            .iter()
            .filter(|o| o.side == Side::Outgoing)
            .map(|o| slice_key(network, o))
            .collect();
        for unit in &mut edit.units {
            let NewUnit::Fresh(fresh) = unit else { continue };
            for key in &keys {
                fresh
                    .values
                    .entry(key.clone())
                    .and_modify(|v| v.iter_mut().for_each(|x| *x *= factor));
            }
        }
    }
    Ok(scaled)
}

fn newborn_places(applied: &Applied, network: &Network<f32>) -> Vec<(espalier_net::ParameterId, usize)> {
    let young = newborns(applied, network);
    let mut found = Vec::new();
    for group in network.group_ids() {
        for (unit, _) in network
            .group(group)
            .units()
            .iter()
            .enumerate()
            .filter(|(_, id)| young.contains(id))
        {
            for owner in network.owners(group) {
                if network.parameter(owner.parameter).role().is_trained() {
                    found.extend(places(network, &owner, unit).into_iter().map(|i| (owner.parameter, i)));
                }
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}
