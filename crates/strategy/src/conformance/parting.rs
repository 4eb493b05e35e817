//! Whether newborn copies part from the units that they are like.

use espalier_net::{GroupId, Network, NewUnit, Role};

use super::driver::Settled;
use crate::sites::{places, produced_by};

/// Training steps after which copies must have parted.
pub(super) const STEPS: u64 = 100;

/// The distance of two fan-in directions below which a newborn is a copy.
const ALIKE: f64 = 0.05;

/// The change of the fan-in weights, relative to themselves, below which training has not reached a unit (a silent one).
const REACHED: f64 = 1e-3;

/// The part of that change which must at least have set the two apart; rounding alone reaches 1e-6.
const APART: f64 = 1e-3;

/// Two units of a group, at least one of them newborn, whose fan-in weights pointed the same way at birth.
pub(super) struct Pair {
    group: GroupId,
    units: [usize; 2],
}

/// The pairs of a newborn and a unit like it that an edit made.
pub(super) fn pairs(settled: &Settled) -> Vec<Pair> {
    let network = &settled.after;
    let maps = settled.outcome.applied().map_or(&[][..], |a| &a.units);
    let mut found = Vec::new();
    for map in maps {
        // A later edit of the same plan may have changed the width again.
        if network
            .groups()
            .get(map.group.index())
            .is_none_or(|g| g.width() != map.units.len())
        {
            continue;
        }
        let born: Vec<bool> = map.units.iter().map(is_new).collect();
        for second in 0..born.len() {
            for first in (0..second).filter(|first| born[*first] || born[second]) {
                let pair = Pair {
                    group: map.group,
                    units: [first, second],
                };
                let origins = [first, second].map(|unit| descent(settled, map.group, &map.units, unit));
                if pair.distance(network) < ALIKE && !were_alike(&settled.before, map.group, origins) {
                    found.push(pair);
                }
            }
        }
    }
    found
}

/// Says whether two units descend from different ones that were already alike, which is not this edit's doing.
fn were_alike(before: &Network<f32>, group: GroupId, origins: [Option<usize>; 2]) -> bool {
    let [Some(first), Some(second)] = origins else {
        return false;
    };
    let units = [first, second];
    first != second && Pair { group, units }.distance(before) < 2.0 * ALIKE
}

/// The old unit that one comes from; of one with given weights the one that it is most like, if it is like any.
fn descent(settled: &Settled, group: GroupId, units: &[NewUnit], unit: usize) -> Option<usize> {
    let born = fan_in(&settled.after, group, unit);
    let from = |old| angle(&born, &fan_in(&settled.before, group, old));
    let old = 0..settled.before.group(group).width();
    let nearest = || old.map(|o| (from(o), o)).min_by(|a, b| a.0.total_cmp(&b.0));
    units[unit]
        .origin()
        .or_else(|| nearest().filter(|n| n.0 < ALIKE).map(|n| n.1))
}

fn is_new(unit: &NewUnit) -> bool {
    unit.origin().is_none_or(|origin| *unit != NewUnit::kept(origin))
}

impl Pair {
    /// The distance of the fan-in directions.
    fn distance(&self, network: &Network<f32>) -> f64 {
        let [first, second] = self.units.map(|unit| fan_in(network, self.group, unit));
        angle(&first, &second)
    }

    /// How far training moved the two, relative to their weights.
    fn moved(&self, before: &Network<f32>, after: &Network<f32>) -> f64 {
        let of = |unit| {
            let old = fan_in(before, self.group, unit);
            let change: Vec<f64> = fan_in(after, self.group, unit)
                .iter()
                .zip(&old)
                .map(|(x, y)| x - y)
                .collect();
            norm(&change) / norm(&old)
        };
        self.units.map(of).iter().sum::<f64>() / 2.0
    }

    /// Says whether training reached the two at all.
    pub fn is_trained(&self, before: &Network<f32>, after: &Network<f32>) -> bool {
        self.moved(before, after) >= REACHED
    }

    /// Says whether the distance has grown, and to a share of what training has moved.
    pub fn parts(&self, before: &Network<f32>, after: &Network<f32>) -> bool {
        let (birth, now) = (self.distance(before), self.distance(after));
        now > (2.0 * birth).min(ALIKE) && now > APART * self.moved(before, after)
    }

    pub fn describe(&self, before: &Network<f32>, after: &Network<f32>) -> String {
        let ([first, second], name) = (self.units, before.group(self.group).name());
        format!(
            "units {first} and {second} of `{name}` stay twins: {:.1e} of their fan-in weights apart at birth, {:.1e} after \
             {STEPS} steps that moved them by {:.1e}; a method that means this proposes `of_twins`",
            self.distance(before),
            self.distance(after),
            self.moved(before, after)
        )
    }
}

/// The fan-in weights and biases of a unit.
fn fan_in(network: &Network<f32>, group: GroupId, unit: usize) -> Vec<f64> {
    let owners = [Role::Weight, Role::Bias]
        .into_iter()
        .flat_map(|role| produced_by(network, group, role));
    let values = |owner: espalier_net::Owner| {
        let values = network.parameter(owner.parameter).values();
        places(network, &owner, unit)
            .into_iter()
            .map(|i| f64::from(values[i]))
            .collect::<Vec<_>>()
    };
    owners.flat_map(values).collect()
}

/// The distance of two directions; infinite where one is 0 or they have other numbers of weights.
fn angle(first: &[f64], second: &[f64]) -> f64 {
    let (a, b) = (norm(first), norm(second));
    if a == 0.0 || b == 0.0 || first.len() != second.len() {
        return f64::INFINITY;
    }
    let apart = first.iter().zip(second).map(|(x, y)| (x / a - y / b).powi(2));
    apart.sum::<f64>().sqrt()
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|v| v * v).sum::<f64>().sqrt()
}
