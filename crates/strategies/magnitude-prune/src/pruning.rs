//! What is pruned in a given network, as new values and plans.

use std::collections::BTreeMap;

use espalier_net::{GroupId, Network, NodeId, Owner, ParameterId, Plan, Role, UnitId, Units};
use espalier_seed::Seed;
use espalier_strategy::{Chosen, Error, Probe, Result, check_scores, mask_of, places, produced_by};

use crate::layers::{effective, layer_of};
use crate::rank::{ascending, lowest, lowest_of_columns, share};
use crate::settings::{Form, UnitScore, WeightScore};

const NAME: &str = super::NAME;

/// What scores are computed from beside the weights.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// Gradients of the loss, for the Taylor scores.
    pub probe: Option<&'a Probe>,
    /// The seed of random scores.
    pub seed: &'a Seed,
}

impl Evidence<'_> {
    fn gradient(&self, network: &Network<f32>, id: ParameterId) -> Result<Vec<f64>> {
        let name = network.parameter(id).name();
        let missing = || Error::observation(format!("gradient of `{name}`"), "one value per weight", "none");
        let gradient = self.probe.ok_or_else(missing)?.gradient(id);
        if gradient.len() != network.parameter(id).values().len() {
            return Err(missing());
        }
        Ok(gradient.iter().map(|g| f64::from(*g)).collect())
    }
}

/// What is to be done to a network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pruning {
    /// New values of whole parameters, by name.
    pub values: Vec<(String, Vec<f32>)>,
    /// The units concerned, by group; empty where single weights are pruned.
    pub units: Vec<(GroupId, Vec<usize>)>,
    /// The ids of units that are masked together with their biases and must not train on.
    pub resting: Vec<UnitId>,
    /// The units concerned, with their scores.
    pub chosen: Vec<Chosen>,
    /// The units to cut out.
    pub plan: Plan,
}

impl Pruning {
    /// Says whether nothing is to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.plan.edits.is_empty()
    }

    /// Puts the new values into a network; the plan is left to the caller.
    ///
    /// # Errors
    /// Names a parameter that is not in this network.
    pub fn set_values(&self, network: &mut Network<f32>) -> Result<()> {
        for (name, values) in &self.values {
            let id = network.find_parameter(name)?;
            network.parameter_mut(id).values_mut().copy_from_slice(values);
        }
        Ok(())
    }
}

/// Prunes the share `fraction` of each column's weights in the given layers; weights that are gone already count first.
///
/// # Errors
/// Refuses `remove`, layers without masks where these are asked for, and gradients that are missing or not finite.
pub fn prune_weights(
    network: &Network<f32>,
    layers: &[NodeId],
    (score, form): (WeightScore, Form),
    fraction: f64,
    evidence: &Evidence<'_>,
) -> Result<Pruning> {
    let mut pruning = Pruning::default();
    for &layer in layers {
        let Some(weight) = network.node(layer).parameter(Role::Weight) else {
            continue;
        };
        let scores = weight_scores(network, layer, weight, score, evidence)?;
        let shape = network.parameter(weight).shape();
        let gone = lowest_of_columns(&scores, shape[1], share(fraction, shape[0]));
        let target = match form {
            Form::Mask => mask_of(NAME, network, layer)?,
            Form::Zero => weight,
            Form::Remove => {
                return Err(Error::setting(
                    NAME,
                    "form",
                    "mask or zero where single weights are pruned",
                    "remove",
                ));
            }
        };
        let old = network.parameter(target);
        let mut values = old.values().to_vec();
        gone.iter().for_each(|i| values[*i] = 0.0);
        if values != old.values() {
            pruning.values.push((old.name().to_owned(), values));
        }
    }
    Ok(pruning)
}

/// The score of each weight of a layer, row-major; −∞ where it is gone already.
fn weight_scores(
    network: &Network<f32>,
    layer: NodeId,
    weight: ParameterId,
    score: WeightScore,
    evidence: &Evidence<'_>,
) -> Result<Vec<f64>> {
    let weights = effective(network, layer, weight);
    let name = network.parameter(weight).name();
    let mut scores: Vec<f64> = match score {
        WeightScore::Magnitude => weights.iter().map(|w| w.abs()).collect(),
        WeightScore::LegacySigned => weights.clone(),
        WeightScore::Random => {
            let mut stream = evidence.seed.named(name).stream();
            weights.iter().map(|_| stream.uniform()).collect()
        }
        WeightScore::Taylor => {
            let gradient = evidence.gradient(network, weight)?;
            weights.iter().zip(&gradient).map(|(w, g)| (w * g).abs()).collect()
        }
    };
    check_scores(name, &scores)?;
    // The source's fault had no memory either: a weight at 0 ranks above the negative ones.
    if score != WeightScore::LegacySigned {
        weights
            .iter()
            .zip(&mut scores)
            .filter(|(w, _)| **w == 0.0)
            .for_each(|(_, s)| *s = f64::NEG_INFINITY);
    }
    Ok(scores)
}

/// Prunes `count(group)` units of each group; units that are gone already count first, and a group keeps its floor.
///
/// Units that are removed from under a group norm are as many, and those, as it lets go together ([`Network::removable`]).
///
/// # Errors
/// As [`prune_weights`].
pub fn prune_units(
    network: &Network<f32>,
    groups: &[GroupId],
    (score, form, bias): (UnitScore, Form, bool),
    count: impl Fn(GroupId) -> usize,
    evidence: &Evidence<'_>,
) -> Result<Pruning> {
    let mut pruning = Pruning::default();
    let mut values: BTreeMap<ParameterId, Vec<f32>> = BTreeMap::new();
    for &group in groups {
        let place = network.group(group);
        let scores = unit_scores(network, group, score, evidence)?;
        let most = place.width().saturating_sub(place.floor());
        let gone = match form {
            Form::Remove => network.removable(group, &ascending(&scores), count(group)),
            Form::Zero | Form::Mask => lowest(&scores, count(group).min(most)),
        };
        if gone.is_empty() {
            continue;
        }
        if form == Form::Remove {
            pruning.plan = pruning
                .plan
                .with(Units::of(network, group).prune(&gone)?.edit("pruned"));
        } else {
            silence(network, group, &gone, (form, bias), &mut values)?;
        }
        if form == Form::Mask && bias {
            pruning.resting.extend(gone.iter().map(|u| place.units()[*u]));
        }
        pruning.chosen.extend(Chosen::scored(network, group, &gone, &scores));
        pruning.units.push((group, gone));
    }
    let named = values.into_iter().map(|(id, new)| (network.parameter(id), new));
    let moved = named.filter(|(old, new)| old.values() != new.as_slice());
    pruning.values = moved.map(|(old, new)| (old.name().to_owned(), new)).collect();
    Ok(pruning)
}

/// Zeroes what units are made of.
fn silence(
    network: &Network<f32>,
    group: GroupId,
    gone: &[usize],
    (form, bias): (Form, bool),
    values: &mut BTreeMap<ParameterId, Vec<f32>>,
) -> Result<()> {
    let mut zero = |target: ParameterId, owner: &Owner| {
        let values = values
            .entry(target)
            .or_insert_with(|| network.parameter(target).values().to_vec());
        for unit in gone {
            places(network, owner, *unit).into_iter().for_each(|i| values[i] = 0.0);
        }
    };
    for owner in produced_by(network, group, Role::Weight) {
        let layer = layer_of(network, owner.parameter).filter(|_| form == Form::Mask);
        let target = layer.map(|layer| mask_of(NAME, network, layer)).transpose()?;
        // A mask lies exactly as its weight.
        zero(target.unwrap_or(owner.parameter), &owner);
    }
    for owner in if bias { constants(network, group) } else { Vec::new() } {
        zero(owner.parameter, &owner);
    }
    Ok(())
}

/// The parameters that let a unit with zero weights emit something: biases, norm shifts and running means.
pub(crate) fn constants(network: &Network<f32>, group: GroupId) -> Vec<Owner> {
    let constant = |o: &Owner| matches!(network.parameter(o.parameter).role(), Role::Bias | Role::RunningMean);
    network.owners(group).into_iter().filter(constant).collect()
}

/// The fan-in weights of each unit of a group, as the passes see them, and their places.
pub(crate) fn fan_in(network: &Network<f32>, group: GroupId) -> Vec<(Owner, Vec<f64>)> {
    let owners = produced_by(network, group, Role::Weight).into_iter();
    owners
        .filter_map(|owner| {
            let layer = layer_of(network, owner.parameter)?;
            let weights = effective(network, layer, owner.parameter);
            Some((owner, weights))
        })
        .collect()
}

/// The score of each unit; −∞ where all its fan-in weights are gone already.
fn unit_scores(network: &Network<f32>, group: GroupId, score: UnitScore, evidence: &Evidence<'_>) -> Result<Vec<f64>> {
    let place = network.group(group);
    let fan_in = fan_in(network, group);
    let sums = |of: &dyn Fn(f64) -> f64| -> Vec<f64> {
        let one = |unit| {
            fan_in
                .iter()
                .flat_map(move |(o, w)| places(network, o, unit).into_iter().map(|i| w[i]))
        };
        (0..place.width()).map(|unit| one(unit).map(of).sum()).collect()
    };
    let magnitude = sums(&f64::abs);
    let mut scores: Vec<f64> = match score {
        UnitScore::L1 => magnitude.clone(),
        UnitScore::L2 => sums(&|w| w * w).into_iter().map(f64::sqrt).collect(),
        UnitScore::Random => {
            let mut stream = evidence.seed.named(place.name()).stream();
            (0..place.width()).map(|_| stream.uniform()).collect()
        }
        UnitScore::Taylor => taylor(network, group, &fan_in, evidence)?,
    };
    check_scores(place.name(), &scores)?;
    magnitude
        .iter()
        .zip(&mut scores)
        .filter(|(m, _)| **m == 0.0)
        .for_each(|(_, s)| *s = f64::NEG_INFINITY);
    Ok(scores)
}

fn taylor(
    network: &Network<f32>,
    group: GroupId,
    fan_in: &[(Owner, Vec<f64>)],
    evidence: &Evidence<'_>,
) -> Result<Vec<f64>> {
    let mut sums = vec![0.0; network.group(group).width()];
    let mut add = |owner: &Owner, values: &[f64]| -> Result<()> {
        let gradient = evidence.gradient(network, owner.parameter)?;
        for (unit, sum) in sums.iter_mut().enumerate() {
            *sum += places(network, owner, unit)
                .iter()
                .map(|i| values[*i] * gradient[*i])
                .sum::<f64>();
        }
        Ok(())
    };
    for (owner, weights) in fan_in {
        add(owner, weights)?;
    }
    for owner in constants(network, group) {
        let parameter = network.parameter(owner.parameter);
        if parameter.role() == Role::Bias {
            let values: Vec<f64> = parameter.values().iter().map(|b| f64::from(*b)).collect();
            add(&owner, &values)?;
        }
    }
    Ok(sums.into_iter().map(f64::abs).collect())
}
