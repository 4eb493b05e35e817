//! How optimizer state follows an edit of the network.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::kind::StateSpec;
use super::state::Slot;
use super::{Optimizer, orphan};
use crate::edit::apply::Applied;
use crate::edit::remap::{AxisRun, ParameterMap, PlacePart};
use crate::error::{Error, Result};
use crate::graph::Network;
use crate::groups::genealogy::UnitId;
use crate::kernels::{Element, Threads};
use crate::layer::parameter::Axis;

/// What the state of copied and combined units becomes; kept units keep theirs, fresh units start at zero.
///
/// Weights that took a gate's factor θ in, w′ = θ·w, have ∂L/∂w′ = ∂L/∂w / θ: under every policy but
/// [`Transplant::Rebuild`] their averages of gradients are divided by θ and those of squares by θ²; where θ is 0 they
/// start at zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transplant {
    /// What it would be had the unit always been a copy: averages of gradients times the factor f that the gradient
    /// takes, of squares times f², norms times |f|, directions of unit size times the sign of f.
    #[default]
    Exact,
    /// As for fresh units: zero, with a step count of their own.
    Zero,
    /// The state of the unit from which they descend, unchanged.
    Copy,
    /// Half the state of the unit from which they descend.
    Halve,
    /// Nothing is carried: all state of all parameters starts anew, as if a new optimizer were made.
    Rebuild,
}

/// What [`Optimizer::reset_units`] puts in the place of the units' state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitReset {
    /// The state of fresh units, with a step count of their own.
    Zero,
    /// The state of another unit of the same group.
    CopyOf(UnitId),
}

impl<E: Element> Optimizer<E> {
    /// Lets the state follow an applied plan; `network` is the network as the plan left it.
    ///
    /// Kept units keep their state bit for bit. State of removed parameters is dropped, added parameters start at zero
    /// with their own step count. Learning-rate factors of units that are gone are forgotten.
    ///
    /// # Errors
    /// Names a parameter whose state does not have the shape from which the plan started; nothing is changed then.
    pub fn follow(&mut self, applied: &Applied, network: &Network<E>, transplant: Transplant) -> Result<()> {
        let living: BTreeSet<UnitId> = network.groups.iter().flat_map(|g| g.units.iter().copied()).collect();
        if transplant == Transplant::Rebuild {
            self.restart(network);
        } else {
            let rebuilt = self.rebuilt(applied, network, transplant)?;
            self.slots.extend(rebuilt);
            for name in &applied.removed {
                self.slots.remove(name);
            }
            self.add(applied, network);
        }
        self.unit_rates.retain(|unit, _| living.contains(unit));
        Ok(())
    }

    fn rebuilt(
        &self,
        applied: &Applied,
        network: &Network<E>,
        transplant: Transplant,
    ) -> Result<BTreeMap<String, Slot<E>>> {
        let specs = self.kind.states();
        let mut rebuilt: BTreeMap<String, Slot<E>> = BTreeMap::new();
        for map in &applied.parameters {
            let name = &map.parameter;
            let Some(slot) = rebuilt.get(name).or_else(|| self.slots.get(name)) else {
                continue;
            };
            if slot.shape != map.old_shape {
                if applied.added.contains(name) {
                    continue;
                }
                return Err(orphan(format!(
                    "the state of parameter `{name}` has shape {:?}, but the edit starts from {:?}",
                    slot.shape, map.old_shape
                )));
            }
            let next = transplanted(slot, map, &specs, transplant, self.threads);
            rebuilt.insert(name.clone(), next);
        }
        // An edit of an untrained parameter is no concern of the optimizer, which never held it.
        debug_assert!(
            network
                .parameters
                .iter()
                .all(|p| p.role.is_trained() || !rebuilt.contains_key(&p.name))
        );
        Ok(rebuilt)
    }

    fn add(&mut self, applied: &Applied, network: &Network<E>) {
        let specs = self.kind.states();
        for name in &applied.added {
            let added = network
                .parameters
                .iter()
                .find(|p| p.name == *name && p.role.is_trained());
            if let Some(parameter) = added {
                self.slots.insert(name.clone(), Slot::new(&parameter.shape, &specs));
            }
        }
    }

    /// Replaces the state of living units on all their fan-in, own and fan-out values.
    ///
    /// # Errors
    /// Refuses units that are in no group of the network, and a donor from another group.
    pub fn reset_units(&mut self, network: &Network<E>, units: &[UnitId], reset: UnitReset) -> Result<()> {
        self.check(network)?;
        check_units(network, units, reset)?;
        let specs = self.kind.states();
        for parameter in network.parameters.iter().filter(|p| p.role.is_trained()) {
            let Some(slot) = self.slots.get_mut(&parameter.name) else {
                continue;
            };
            for (axis, meaning) in parameter.axes.iter().enumerate() {
                let Axis::Units(space) = meaning else {
                    continue;
                };
                let listed: Vec<UnitId> = space
                    .iter()
                    .flat_map(|g| network.group(*g).units.iter().copied())
                    .collect();
                for &unit in units {
                    let donors = match reset {
                        UnitReset::Zero => Vec::new(),
                        UnitReset::CopyOf(donor) => occurrences(&listed, donor),
                    };
                    for (k, place) in occurrences(&listed, unit).into_iter().enumerate() {
                        slot.reset(axis, place, donors.get(k).copied(), &specs);
                    }
                }
            }
        }
        Ok(())
    }
}

fn occurrences(listed: &[UnitId], unit: UnitId) -> Vec<usize> {
    listed
        .iter()
        .enumerate()
        .filter(|(_, u)| **u == unit)
        .map(|(i, _)| i)
        .collect()
}

fn check_units<E: Element>(network: &Network<E>, units: &[UnitId], reset: UnitReset) -> Result<()> {
    for unit in units {
        let Some(group) = network.groups.iter().find(|g| g.units.contains(unit)) else {
            return Err(Error::Name {
                what: "unit",
                name: unit.number().to_string(),
                expected: "a living unit of the network".to_owned(),
            });
        };
        if let UnitReset::CopyOf(donor) = reset
            && !group.units.contains(&donor)
        {
            let reason = format!(
                "expected a donor of the same group for the state of unit {}, found unit {}",
                unit.number(),
                donor.number()
            );
            return Err(Error::refused(&group.name, reason));
        }
    }
    Ok(())
}

/// The state after one map of one axis.
fn transplanted<E: Element>(
    slot: &Slot<E>,
    map: &ParameterMap,
    specs: &[StateSpec],
    transplant: Transplant,
    threads: Threads,
) -> Slot<E> {
    let rebuilt = |(state, spec): (&Vec<E>, &StateSpec)| moved_state(state, spec, map, transplant);
    let states = if threads.count() > 1 {
        slot.states.par_iter().zip(specs).map(rebuilt).collect()
    } else {
        slot.states.iter().zip(specs).map(rebuilt).collect()
    };
    let mut next = Slot {
        shape: map.new_shape.clone(),
        states,
        steps: slot.steps,
        row_births: slot.row_births.clone(),
        column_births: slot.column_births.clone(),
    };
    let births = next.births_mut(map.axis);
    *births = moved_births(births, map, slot.steps, transplant);
    next
}

/// One state array after a map of one axis.
fn moved_state<E: Element>(state: &[E], spec: &StateSpec, map: &ParameterMap, transplant: Transplant) -> Vec<E> {
    let initial = E::from_f64(spec.initial);
    let combine = |parts: &[PlacePart], at: &dyn Fn(usize) -> E| match (transplant, origin(parts)) {
        (Transplant::Exact, Some(_)) => {
            let factor = |k: usize| spec.power.of(parts[k].gradient_factor(map.side));
            let share = |k: usize| E::from_f64(factor(k)) * at(k);
            (0..parts.len()).map(share).sum()
        }
        (Transplant::Copy, Some(k)) => at(k),
        (Transplant::Halve, Some(k)) => E::from_f64(0.5) * at(k),
        _ => initial,
    };
    let scaled = |(_, factor): (usize, f64), value: E| {
        if factor == 0.0 {
            initial
        } else {
            E::from_f64(spec.power.of(1.0 / factor)) * value
        }
    };
    map.rebuild_scaled(state, combine, |_, _| initial, scaled)
}

/// The part from which the place descends.
fn origin(parts: &[PlacePart]) -> Option<usize> {
    parts.iter().position(|p| p.incoming != 0.0)
}

/// The births of an axis after a map of it; empty where all are as old as the parameter.
fn moved_births(old: &[u64], map: &ParameterMap, now: u64, transplant: Transplant) -> Vec<u64> {
    let of = |place: usize| old.get(place).copied().unwrap_or(0);
    let mut births = Vec::with_capacity(map.new_shape[map.axis]);
    for run in &map.runs {
        match run {
            AxisRun::Kept { from, length } => births.extend((*from..from + length).map(of)),
            AxisRun::Combined(parts) => births.push(match origin(parts) {
                Some(k) if transplant != Transplant::Zero => of(parts[k].from),
                _ => now,
            }),
            AxisRun::Scaled { from, factor } => births.push(if *factor == 0.0 { now } else { of(*from) }),
            AxisRun::Fresh { .. } => births.push(now),
        }
    }
    if births.iter().all(|b| *b == 0) {
        Vec::new()
    } else {
        births
    }
}

impl<E: Element> Slot<E> {
    /// Replaces the state of one place of an axis by that of another place, or of a fresh one.
    fn reset(&mut self, axis: usize, place: usize, donor: Option<usize>, specs: &[StateSpec]) {
        let inner: usize = self.shape[axis + 1..].iter().product();
        let outer: usize = self.shape[..axis].iter().product();
        let length = self.shape[axis];
        for (state, spec) in self.states.iter_mut().zip(specs) {
            for o in 0..outer {
                let to = (o * length + place) * inner;
                match donor {
                    Some(donor) => {
                        let from = (o * length + donor) * inner;
                        state.copy_within(from..from + inner, to);
                    }
                    None => state[to..to + inner].fill(E::from_f64(spec.initial)),
                }
            }
        }
        let now = self.steps;
        let births = self.births_mut(axis);
        if births.is_empty() {
            births.resize(length, 0);
        }
        births[place] = donor.map_or(now, |d| births[d]);
        if births.iter().all(|b| *b == 0) {
            births.clear();
        }
    }
}
