//! How the arrays of a stack follow an edit: gathers on the device, and copies of what is new.

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::Tensor;

use super::arrays::{self, Held};
use super::{Stack, setting};
use crate::edit::apply::Applied;
use crate::edit::remap::{AxisRun, ParameterMap, PlacePart};
use crate::error::Result;
use crate::execute::device::transfer::{Link, dtype};
use crate::graph::Network;
use crate::kernels::Element;
use crate::layer::parameter::Parameter;
use crate::optimizer::{Optimizer, StateSpec, Transplant};

impl<E: Element> Stack<E> {
    /// Lets the device follow an edit of a stack's only network.
    ///
    /// `network` and `optimizer` are those of the host after the edit ([`Network::apply`], [`Optimizer::follow`]), and were
    /// brought up to date before it ([`Stack::read_network`], [`Stack::read_counts`]; the optimizer's state need not be).
    /// Arrays that the edit left alone stay where they are; kept units are gathered on the device, values and state; only
    /// what the host has computed anew is copied.
    ///
    /// # Errors
    /// Refuses a stack of several networks, and an edit of a network that was not brought up to date before.
    pub fn follow(
        &mut self,
        network: &Network<E>,
        optimizer: &Optimizer<E>,
        applied: &Applied,
        transplant: Transplant,
    ) -> Result<()> {
        if self.hosts.len() != 1 {
            return Err(setting("networks", "one, to be edited", &self.hosts.len().to_string()));
        }
        if !self.is_known {
            return Err(setting(
                "network",
                "`read_network` before an edit",
                "steps that the host has not seen",
            ));
        }
        let (before, held) = (self.hosts[0].clone(), std::mem::take(&mut self.held));
        let names = before.parameters().iter().map(|p| p.name().to_owned());
        let mut old: BTreeMap<String, (&Parameter<E>, Held)> =
            names.zip(before.parameters().iter().zip(held)).collect();
        let edit = Following {
            link: &self.link,
            applied,
            transplant,
            optimizer,
        };
        let followed = network
            .parameters()
            .iter()
            .map(|p| edit.parameter(p, old.remove(p.name())));
        self.held = followed.collect::<Result<_>>()?;
        self.hosts = vec![network.clone()];
        self.refresh_ages(optimizer)?;
        self.geometries.clear();
        self.prepare()
    }

    /// Copies to the device what the host has changed since the network was read: arrays of values, births and learning rates.
    ///
    /// # Errors
    /// Refuses a network of another shape, and a stack that the host does not know.
    pub fn refresh(&mut self, index: usize, network: &Network<E>, optimizer: &Optimizer<E>) -> Result<()> {
        if !self.is_known {
            return Err(setting(
                "network",
                "`read_network` before it is changed",
                "steps that the host has not seen",
            ));
        }
        arrays::check_shapes(&self.hosts[index], network)?;
        let mut changed = false;
        for (at, parameter) in network.parameters().iter().enumerate() {
            if Arc::ptr_eq(&parameter.values, &self.hosts[index].parameters()[at].values) {
                continue;
            }
            changed = true;
            let new = self.link.upload(parameter.values(), &[1, parameter.values().len()])?;
            let (networks, length) = (self.hosts.len(), parameter.values().len());
            let all = self.held[at].values()?.reshape((networks, length))?;
            let parts = [
                all.narrow(0, 0, index)?,
                new,
                all.narrow(0, index + 1, networks - index - 1)?,
            ];
            let parts: Vec<&Tensor> = parts.iter().filter(|part| part.elem_count() > 0).collect();
            self.held[at].replace_values(&Tensor::cat(&parts, 0)?)?;
        }
        if changed {
            self.hosts[index] = network.clone();
        }
        if self.hosts.len() == 1 {
            self.refresh_ages(optimizer)?;
        }
        Ok(())
    }

    /// Takes births, learning rates and settings from an optimizer.
    fn refresh_ages(&mut self, optimizer: &Optimizer<E>) -> Result<()> {
        let members = [(&self.hosts[0], optimizer)];
        for (at, held) in self.held.iter_mut().enumerate() {
            if held.training.is_some() {
                held.training = Some(arrays::training(&self.hosts[0].parameters()[at], optimizer));
                held.ages = arrays::ages(&members, at, &self.link)?;
            }
        }
        Ok(())
    }
}

/// An edit that arrays follow.
struct Following<'a, E: Element> {
    link: &'a Link,
    applied: &'a Applied,
    transplant: Transplant,
    optimizer: &'a Optimizer<E>,
}

impl<E: Element> Following<'_, E> {
    fn parameter(&self, parameter: &Parameter<E>, old: Option<(&Parameter<E>, Held)>) -> Result<Held> {
        let added = self.applied.added.iter().any(|name| name == parameter.name());
        let Some((before, old)) = old.filter(|_| !added) else {
            return self.fresh(parameter);
        };
        let maps: Vec<&ParameterMap> = self.maps(parameter).collect();
        let values = if Arc::ptr_eq(&before.values, &parameter.values) {
            old.values()?
        } else {
            self.values(parameter, (before, &old), &maps)?
        };
        let parts = [vec![values], self.states(parameter, &old, &maps)?].concat();
        let flat = parts
            .iter()
            .map(|part| Ok(part.reshape((1, 1, parameter.values().len()))?));
        let slot = self.optimizer.slots.get(parameter.name());
        Ok(Held {
            packed: Tensor::cat(&flat.collect::<Result<Vec<_>>>()?, 0)?,
            shape: parameter.shape().to_vec(),
            steps: slot.map_or(0, |slot| slot.steps),
            ..old
        })
    }

    fn maps(&self, parameter: &Parameter<E>) -> impl Iterator<Item = &ParameterMap> {
        let name = parameter.name().to_owned();
        self.applied.parameters.iter().filter(move |map| map.parameter == name)
    }

    /// A parameter that the edit has added.
    fn fresh(&self, parameter: &Parameter<E>) -> Result<Held> {
        let slot = self.optimizer.slots.get(parameter.name());
        let length = parameter.values().len();
        let mut rows = vec![self.link.upload(parameter.values(), &[1, 1, length])?];
        for spec in slot.iter().flat_map(|_| self.optimizer.kind.states()) {
            rows.push(self.filled(&[1, 1, length], &spec)?);
        }
        Ok(Held {
            packed: Tensor::cat(&rows, 0)?,
            shape: parameter.shape().to_vec(),
            training: slot.map(|_| arrays::training(parameter, self.optimizer)),
            steps: slot.map_or(0, |slot| slot.steps),
            ages: None,
        })
    }

    fn filled(&self, shape: &[usize], spec: &StateSpec) -> Result<Tensor> {
        Ok((Tensor::zeros(shape, dtype::<E>(), self.link.device())? + spec.initial)?)
    }

    /// Gathers the values of kept units and copies the others; all of them where an edit did more than move units.
    fn values(
        &self,
        new: &Parameter<E>,
        (before, old): (&Parameter<E>, &Held),
        maps: &[&ParameterMap],
    ) -> Result<Tensor> {
        let whole = || self.link.upload(new.values(), &shape_of_one(new.shape()));
        let [map] = maps else { return whole() };
        let Some(moved) = Moved::of(map, before.values(), new.values()) else {
            return whole();
        };
        let axis = 1 + map.axis;
        let kept = old.values()?;
        let all = if moved.copied.is_empty() {
            kept
        } else {
            let mut shape = shape_of_one(new.shape());
            shape[axis] = moved.count;
            Tensor::cat(&[&kept, &self.link.upload(&moved.copied, &shape)?], axis)?
        };
        let ids = self.link.upload_indices(&moved.ids, &[moved.ids.len()])?;
        Ok(all.index_select(&ids, axis)?)
    }

    fn states(&self, parameter: &Parameter<E>, old: &Held, maps: &[&ParameterMap]) -> Result<Vec<Tensor>> {
        let specs = match old.training {
            Some(_) => self.optimizer.kind.states(),
            None => Vec::new(),
        };
        let one = |(at, spec): (usize, &StateSpec)| {
            if self.transplant == Transplant::Rebuild {
                return self.filled(&shape_of_one(parameter.shape()), spec);
            }
            let mut state = old.packed.narrow(0, 1 + at, 1)?.reshape(shape_of_one(&old.shape))?;
            for map in maps {
                state = self.state(&state, map, spec)?;
            }
            Ok(state)
        };
        specs.iter().enumerate().map(one).collect()
    }

    /// One state array after a map of one axis: Σ over parts of gathered places times factors, and the initial value where
    /// nothing is carried.
    fn state(&self, state: &Tensor, map: &ParameterMap, spec: &StateSpec) -> Result<Tensor> {
        let sources: Vec<Source> = map
            .runs
            .iter()
            .flat_map(|run| sources(run, map, spec, self.transplant))
            .collect();
        let axis = 1 + map.axis;
        let most = sources
            .iter()
            .map(|source| source.parts.len())
            .max()
            .unwrap_or(0)
            .max(1);
        let mut sum: Option<Tensor> = None;
        for k in 0..most {
            let part = |source: &Source| source.parts.get(k).copied().unwrap_or((0, 0.0));
            let ids: Vec<u32> = sources.iter().map(|source| part(source).0 as u32).collect();
            let factors: Vec<f64> = sources.iter().map(|source| part(source).1).collect();
            let ids = self.link.upload_indices(&ids, &[ids.len()])?;
            let mut gathered = state.index_select(&ids, axis)?;
            if factors.iter().any(|factor| *factor != 1.0) {
                gathered = gathered.broadcast_mul(&self.along(&factors, state.rank(), axis)?)?;
            }
            sum = Some(match sum {
                Some(sum) => (sum + gathered)?,
                None => gathered,
            });
        }
        let initial: Vec<f64> = sources
            .iter()
            .map(|s| if s.parts.is_empty() { spec.initial } else { 0.0 })
            .collect();
        match sum {
            Some(sum) if initial.iter().any(|value| *value != 0.0) => {
                Ok(sum.broadcast_add(&self.along(&initial, state.rank(), axis)?)?)
            }
            Some(sum) => Ok(sum),
            None => Ok(state.clone()),
        }
    }

    /// Numbers along one axis, to be broadcast over the others.
    fn along(&self, values: &[f64], rank: usize, axis: usize) -> Result<Tensor> {
        let values: Vec<E> = values.iter().map(|value| E::from_f64(*value)).collect();
        let mut shape = vec![1; rank];
        shape[axis] = values.len();
        self.link.upload(&values, &shape)
    }
}

fn shape_of_one(shape: &[usize]) -> Vec<usize> {
    [&[1], shape].concat()
}

/// Where a new place of a state comes from: old places with factors; none for the initial value.
struct Source {
    parts: Vec<(usize, f64)>,
}

/// The sources of a run's places, as [`Optimizer::follow`] moves the host's state.
fn sources(run: &AxisRun, map: &ParameterMap, spec: &StateSpec, transplant: Transplant) -> Vec<Source> {
    let one = |parts: Vec<(usize, f64)>| vec![Source { parts }];
    match run {
        AxisRun::Kept { from, length } => {
            let place = |from| Source {
                parts: vec![(from, 1.0)],
            };
            (*from..from + length).map(place).collect()
        }
        AxisRun::Combined(parts) => one(combined(parts, map, spec, transplant)),
        AxisRun::Scaled { factor: 0.0, .. } | AxisRun::Fresh { .. } => one(Vec::new()),
        AxisRun::Scaled { from, factor } => one(vec![(*from, spec.power.of(1.0 / factor))]),
    }
}

fn combined(parts: &[PlacePart], map: &ParameterMap, spec: &StateSpec, transplant: Transplant) -> Vec<(usize, f64)> {
    let Some(origin) = parts.iter().find(|part| part.incoming != 0.0) else {
        return Vec::new();
    };
    match transplant {
        Transplant::Exact => {
            let share = |part: &PlacePart| (part.from, spec.power.of(part.gradient_factor(map.side)));
            parts.iter().map(share).collect()
        }
        Transplant::Copy => vec![(origin.from, 1.0)],
        Transplant::Halve => vec![(origin.from, 0.5)],
        Transplant::Zero | Transplant::Rebuild => Vec::new(),
    }
}

/// The places of an axis after a map: old ones by index, and those behind them whose values are copied.
struct Moved<E> {
    ids: Vec<u32>,
    copied: Vec<E>,
    count: usize,
}

impl<E: Element> Moved<E> {
    /// None where a kept place has other values than before, for then more was done than moving.
    fn of(map: &ParameterMap, before: &[E], after: &[E]) -> Option<Self> {
        let length = map.old_shape[map.axis];
        let mut ids = Vec::with_capacity(map.new_shape[map.axis]);
        let mut copied = Vec::new();
        for run in &map.runs {
            match run {
                AxisRun::Kept { from, length } => ids.extend((*from..from + length).map(|place| place as u32)),
                _ => {
                    ids.push((length + copied.len()) as u32);
                    copied.push(ids.len() - 1);
                }
            }
        }
        let (old, new) = (Lines::of(&map.old_shape, map.axis), Lines::of(&map.new_shape, map.axis));
        let same = |(place, id): (usize, &u32)| {
            *id as usize >= length
                || old
                    .values(before, *id as usize)
                    .zip(new.values(after, place))
                    .all(|(b, a)| b == a)
        };
        if !ids.iter().enumerate().all(same) {
            return None;
        }
        let count = copied.len();
        Some(Self {
            ids,
            copied: new.gather(after, &copied),
            count,
        })
    }
}

/// Access to an array by places of one axis.
struct Lines {
    outer: usize,
    length: usize,
    inner: usize,
}

impl Lines {
    fn of(shape: &[usize], axis: usize) -> Self {
        Self {
            outer: shape[..axis].iter().product(),
            length: shape[axis],
            inner: shape[axis + 1..].iter().product(),
        }
    }

    /// The values of a place.
    fn values<'v, E>(&self, values: &'v [E], place: usize) -> impl Iterator<Item = &'v E> + use<'v, E> {
        let (length, inner) = (self.length, self.inner);
        (0..self.outer).flat_map(move |o| &values[(o * length + place) * inner..][..inner])
    }

    /// The values of places, in the layout of an array that has only these.
    fn gather<E: Copy>(&self, values: &[E], places: &[usize]) -> Vec<E> {
        let at = |o: usize, place: usize| &values[(o * self.length + place) * self.inner..][..self.inner];
        let rows = (0..self.outer).flat_map(|o| places.iter().map(move |place| (o, *place)));
        rows.flat_map(|(o, place)| at(o, place)).copied().collect()
    }
}
