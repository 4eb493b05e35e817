//! Carries out the unit edit, the primitive behind all changes of width.

use std::sync::Arc;

use super::unit_norms::NormChange;
use crate::edit::apply::{Applied, ApplyOptions, OverBudget, Preservation, ScalePolicy, UnitMap};
use crate::edit::remap::{AxisRun, ParameterMap, PlacePart};
use crate::error::{Error, Result};
use crate::graph::Network;
use crate::graph::NodeId;
use crate::graph::owners::Owner;
use crate::groups::GroupId;
use crate::kernels::Element;
use crate::layer::ChannelFlow;
use crate::layer::parameter::Side;
use crate::layer::parameter::{Axis, Role};
use crate::ledger::edit::{Edit, FreshUnit, NewUnit, UnitEdit};

/// Scales whose products add up to 1 within this are taken to preserve the function.
const SCALE_TOLERANCE: f64 = 1e-9;

impl<E: Element> Network<E> {
    pub(crate) fn edit_units(
        &mut self,
        edit: &UnitEdit,
        options: &ApplyOptions<'_, E>,
        applied: &mut Applied,
    ) -> Result<(Edit, Preservation)> {
        let group = self.find_group(&edit.group)?;
        let mut units = edit.units.clone();
        self.check_units(group, &units)?;
        self.check_floor(group, units.len())?;
        self.settle_scales(group, &mut units, options.scales)?;
        self.fit_budget(group, &mut units, options)?;
        let norms = self.norm_change(group, &units, edit.across_norms)?;
        let owners = self.owners(group);
        self.check_fresh(group, &units, &owners)?;
        let mut preservation = self.preservation_of(group, &units, &owners, &norms);
        if edit.absorb_constants && self.absorb(group, &units)? {
            preservation = without_removals(preservation);
        }
        applied.parameters.extend(self.follow(group, &units, &owners));
        self.settle_norms(&norms);
        let old_width = self.group(group).width();
        self.rename_units(group, &units, &edit.cause);
        applied.units.push(UnitMap {
            group,
            name: edit.group.clone(),
            old_width,
            units: units.clone(),
        });
        let done = UnitEdit { units, ..edit.clone() };
        Ok((Edit::Units(done), preservation))
    }

    fn check_units(&self, id: GroupId, units: &[NewUnit]) -> Result<()> {
        let group = self.group(id);
        if let Some(reason) = &group.frozen {
            return Err(Error::refused(&group.name, format!("the group is frozen: {reason}")));
        }
        let width = group.width();
        for (index, unit) in units.iter().enumerate() {
            let NewUnit::Combined(parts) = unit else { continue };
            if let Some(part) = parts.iter().find(|p| p.unit >= width) {
                let reason = format!("expected units below {width}, found {} in new unit {index}", part.unit);
                return Err(Error::refused(&group.name, reason));
            }
            let finite = |x: f64| x.is_finite() && x.abs() < 1e12;
            let usable = parts
                .iter()
                .all(|p| finite(p.incoming) && p.incoming >= 0.0 && finite(p.outgoing));
            if !usable || unit.origin().is_none() {
                let reason = format!(
                    "expected finite scales, fan-in scales not negative and one of them positive, found {parts:?} in new unit {index}"
                );
                return Err(Error::refused(&group.name, reason));
            }
        }
        Ok(())
    }

    fn check_floor(&self, id: GroupId, width: usize) -> Result<()> {
        let group = self.group(id);
        if width < group.floor {
            let reason = format!("its floor is {} units, the edit leaves {width}", group.floor);
            return Err(Error::refused(&group.name, reason));
        }
        Ok(())
    }

    fn settle_scales(&self, id: GroupId, units: &mut [NewUnit], policy: ScalePolicy) -> Result<()> {
        let scaled = |unit: &NewUnit| matches!(unit, NewUnit::Combined(parts) if parts.iter().any(|p| p.incoming != 0.0 && p.incoming != 1.0));
        if !units.iter().any(scaled) {
            return Ok(());
        }
        let Some(obstacle) = self.scale_obstacle(id) else {
            return Ok(());
        };
        if policy == ScalePolicy::Refuse {
            let reason = format!("fan-in scales other than 1 do not pass: {obstacle}");
            return Err(Error::refused(&self.group(id).name, reason));
        }
        for unit in units.iter_mut() {
            let NewUnit::Combined(parts) = unit else { continue };
            for part in parts.iter_mut().filter(|p| p.incoming != 0.0) {
                part.outgoing *= part.incoming;
                part.incoming = 1.0;
            }
        }
        Ok(())
    }

    fn fit_budget(&self, id: GroupId, units: &mut Vec<NewUnit>, options: &ApplyOptions<'_, E>) -> Result<()> {
        let mut widths = self.widths();
        loop {
            widths[id.index()] = units.len();
            let cost = self.cost_at(&widths);
            let verdict = cost.and_then(|cost| self.check_budget(cost, options));
            if verdict.is_ok() || options.over_budget == OverBudget::Refuse || units.len() <= self.group(id).width() {
                return verdict;
            }
            if !leave_out_last_addition(units) {
                return verdict;
            }
        }
    }

    fn check_fresh(&self, id: GroupId, units: &[NewUnit], owners: &[Owner]) -> Result<()> {
        let group = self.group(id);
        for unit in units {
            let NewUnit::Fresh(fresh) = unit else { continue };
            for (key, values) in &fresh.values {
                let expected = owners
                    .iter()
                    .find(|o| self.slice_key(o) == *key)
                    .map(|o| self.slice_length(o, units.len(), group.width(), owners));
                if expected != Some(values.len()) {
                    let wanted = expected.map_or_else(
                        || {
                            format!(
                                "one of {:?}",
                                owners.iter().map(|o| self.slice_key(o)).collect::<Vec<_>>()
                            )
                        },
                        |n| format!("{n} values"),
                    );
                    let reason = format!(
                        "fresh unit, slice `{key}`: expected {wanted}, found {} values",
                        values.len()
                    );
                    return Err(Error::refused(&group.name, reason));
                }
                if values.iter().any(|v| !v.is_finite()) {
                    return Err(Error::refused(
                        &group.name,
                        format!("fresh unit, slice `{key}`: expected finite values"),
                    ));
                }
            }
        }
        Ok(())
    }

    /// The key under which a fresh unit carries its slice of an owner.
    pub(crate) fn slice_key(&self, owner: &Owner) -> String {
        format!("{}@{}", self.parameter(owner.parameter).name, owner.axis)
    }

    /// The number of values in that slice; a parameter whose both axes hold the group is edited along axis 0 first.
    fn slice_length(&self, owner: &Owner, new_width: usize, old_width: usize, owners: &[Owner]) -> usize {
        let parameter = self.parameter(owner.parameter);
        let mut others: usize = (0..parameter.shape.len())
            .filter(|a| *a != owner.axis)
            .map(|a| parameter.shape[a])
            .product();
        let first = owners
            .iter()
            .find(|o| o.parameter == owner.parameter && o.axis < owner.axis);
        if let Some(first) = first {
            others = others - first.offsets.len() * old_width + first.offsets.len() * new_width;
        }
        others * owner.offsets.len()
    }

    fn settle_norms(&mut self, norms: &NormChange) {
        for &(index, remaining) in &norms.regrouped {
            self.nodes[index].layer.divide_into(remaining);
        }
    }

    fn preservation_of(&self, id: GroupId, units: &[NewUnit], owners: &[Owner], norms: &NormChange) -> Preservation {
        let width = self.group(id).width();
        if let Some(obstacle) = &norms.obstacle {
            return Preservation::Changed(obstacle.clone());
        }
        if let Some(key) = units.iter().find_map(|u| self.emitting_slice(u, owners)) {
            return Preservation::Changed(format!("a fresh unit has fan-out weights in `{key}`"));
        }
        preservation_of_scales(units, width)
    }

    /// A slice of fan-out weights of a fresh unit that is not all zero.
    fn emitting_slice(&self, unit: &NewUnit, owners: &[Owner]) -> Option<String> {
        let NewUnit::Fresh(fresh) = unit else { return None };
        let outgoing = owners.iter().filter(|o| o.side == Side::Outgoing);
        outgoing
            .map(|o| self.slice_key(o))
            .find(|key| fresh.values.get(key).is_some_and(|v| v.iter().any(|x| *x != 0.0)))
    }

    /// Adds what removed units always emit (behind a closed gate and a norm) to their consumers' biases;
    /// says whether every removed unit was such a one.
    fn absorb(&mut self, id: GroupId, units: &[NewUnit]) -> Result<bool> {
        let removed = removed_units(units, self.group(id).width());
        let constants = self.constants();
        let mut all = true;
        for index in 0..self.nodes.len() {
            let node = self.nodes[index].clone();
            let Some(weight) = node.parameter(Role::Weight) else {
                continue;
            };
            let Axis::Units(space) = self.parameter(weight).axes[0].clone() else {
                continue;
            };
            if !space.contains(&id) {
                continue;
            }
            let input = &constants[node.inputs[0].index()];
            let shift = self.constant_shift(&node.name, NodeId(index as u32), id, &removed, input)?;
            all &= shift.is_some();
            let Some(shift) = shift else { continue };
            if shift.iter().all(|s| *s == 0.0) {
                continue;
            }
            let Some(bias) = node.parameter(Role::Bias) else {
                let reason = format!("`{}` has no bias to take the constant of the removed units", node.name);
                return Err(Error::refused(&self.group(id).name, reason));
            };
            for (value, shift) in self.parameter_mut(bias).values_mut().iter_mut().zip(shift) {
                *value = E::from_f64(value.to_f64() + shift);
            }
        }
        Ok(all)
    }

    /// What the removed units contribute to each output of a consumer, or `None` where one of them is not constant.
    fn constant_shift(
        &self,
        name: &str,
        consumer: NodeId,
        id: GroupId,
        removed: &[usize],
        input: &[Option<f64>],
    ) -> Result<Option<Vec<f64>>> {
        let node = self.node(consumer);
        let Some(weight) = node.parameter(Role::Weight) else {
            return Ok(None);
        };
        let weight = self.parameter(weight);
        let outputs = weight.shape[1];
        let mut shift = vec![0.0; outputs];
        let Axis::Units(space) = &weight.axes[0] else {
            return Ok(None);
        };
        let mut at = 0;
        for &entry in space {
            for &unit in removed.iter().filter(|_| entry == id) {
                let row = at + unit;
                let Some(constant) = input[row % input.len()] else {
                    return Ok(None);
                };
                if constant != 0.0 && node.rules().pads() {
                    let reason = format!(
                        "the constant {constant} of unit {unit} reaches `{name}`, whose padding keeps it from being one bias"
                    );
                    return Err(Error::refused(&self.group(id).name, reason));
                }
                for (s, w) in shift.iter_mut().zip(&weight.values[row * outputs..]) {
                    *s += constant * w.to_f64();
                }
            }
            at += self.group(entry).width();
        }
        Ok(Some(shift))
    }

    /// Rebuilds every array on which the group's units stand.
    fn follow(&mut self, id: GroupId, units: &[NewUnit], owners: &[Owner]) -> Vec<ParameterMap> {
        let fresh: Vec<&FreshUnit> = units
            .iter()
            .filter_map(|u| match u {
                NewUnit::Fresh(fresh) => Some(fresh),
                NewUnit::Combined(_) => None,
            })
            .collect();
        let width = self.group(id).width();
        let mut maps = Vec::with_capacity(owners.len());
        for owner in owners {
            let runs = axis_runs(
                self.parameter(owner.parameter).shape[owner.axis],
                &owner.offsets,
                width,
                units,
            );
            let key = self.slice_key(owner);
            let parameter = self.parameter_mut(owner.parameter);
            let mut new_shape = parameter.shape.clone();
            new_shape[owner.axis] = runs.iter().map(run_length).sum();
            let map = ParameterMap {
                parameter: parameter.name.clone(),
                axis: owner.axis,
                side: owner.side,
                old_shape: parameter.shape.clone(),
                new_shape: new_shape.clone(),
                runs,
            };
            let neutral = parameter.role.neutral_value();
            let values = map.rebuild(
                &parameter.values,
                |parts, old| combined_value(parts, owner.side, old),
                |unit, place| E::from_f64(fresh[unit].values.get(&key).map_or(neutral, |v| v[place])),
            );
            parameter.values = Arc::new(values);
            parameter.shape = new_shape;
            maps.push(map);
        }
        maps
    }

    /// Gives the new units their ids: an old unit lives on in its heir, all others are born.
    fn rename_units(&mut self, id: GroupId, units: &[NewUnit], cause: &str) {
        let slices: Vec<(usize, usize, usize)> = self.slice_entries();
        let old = self.group(id).units.clone();
        let name = self.group(id).name.clone();
        let heirs = heirs(units, old.len());
        let mut new = Vec::with_capacity(units.len());
        for (index, unit) in units.iter().enumerate() {
            let parents: Vec<_> = match unit {
                NewUnit::Combined(parts) => parts.iter().map(|p| old[p.unit]).collect(),
                NewUnit::Fresh(_) => Vec::new(),
            };
            match unit.origin() {
                Some(origin) if heirs[origin] == Some(index) => new.push(old[origin]),
                _ => new.push(self.genealogy.born(&name, self.step, parents)),
            }
        }
        for (unit, _) in old.iter().zip(&heirs).filter(|(_, heir)| heir.is_none()) {
            self.genealogy.ended(*unit, self.step, cause);
        }
        self.groups[id.index()].units = new;
        self.settle_slices(&slices);
    }

    /// For each slice, its node and which entries of its input's space it takes.
    fn slice_entries(&self) -> Vec<(usize, usize, usize)> {
        let mut found = Vec::new();
        for (index, node) in self.nodes.iter().enumerate() {
            let ChannelFlow::Part { start, .. } = node.channels() else {
                continue;
            };
            let space = &self.node(node.inputs[0]).space;
            let mut at = 0;
            let first = space.iter().position(|g| {
                let here = at == start;
                at += self.group(*g).width();
                here
            });
            if let Some(first) = first {
                found.push((index, first, first + node.space.len()));
            }
        }
        found
    }

    fn settle_slices(&mut self, slices: &[(usize, usize, usize)]) {
        for &(index, first, last) in slices {
            let space = self.node(self.nodes[index].inputs[0]).space.clone();
            let start = self.space_width(&space[..first]);
            let end = self.space_width(&space[..last]);
            self.nodes[index].layer.take_part(start, end);
        }
    }
}

/// For each old unit, the new one that carries on its id: the first that descends from it, or, where the width stays
/// (a recycling), the one in its own place, so that a copy in a dead unit's place never takes the donor's id.
fn heirs(units: &[NewUnit], width: usize) -> Vec<Option<usize>> {
    let mut heirs = vec![None; width];
    for (index, origin) in units.iter().enumerate().filter_map(|(k, u)| Some((k, u.origin()?))) {
        if heirs[origin].is_none() || (index == origin && units.len() == width) {
            heirs[origin] = Some(index);
        }
    }
    heirs
}

fn removed_units(units: &[NewUnit], width: usize) -> Vec<usize> {
    let mut present = vec![false; width];
    for unit in units {
        if let NewUnit::Combined(parts) = unit {
            parts.iter().for_each(|p| present[p.unit] = true);
        }
    }
    (0..width).filter(|u| !present[*u]).collect()
}

/// What the scales alone say: each old unit's Σ a·g must be 1.
fn preservation_of_scales(units: &[NewUnit], width: usize) -> Preservation {
    let mut total = vec![0.0; width];
    let mut present = vec![false; width];
    let mut merged = false;
    for unit in units {
        let (NewUnit::Combined(parts), Some(origin)) = (unit, unit.origin()) else {
            continue;
        };
        let incoming: f64 = parts.iter().filter(|p| p.unit == origin).map(|p| p.incoming).sum();
        merged |= parts.len() > 1;
        for part in parts {
            present[part.unit] = true;
            total[part.unit] += incoming * part.outgoing;
        }
    }
    if merged {
        return Preservation::Conditional("the merged units' activations are in the stated proportion".to_owned());
    }
    let off = (0..width).find(|u| present[*u] && (total[*u] - 1.0).abs() > SCALE_TOLERANCE);
    if let Some(unit) = off {
        return Preservation::Changed(format!("the scales of unit {unit} sum to {}, not to 1", total[unit]));
    }
    match present.iter().filter(|p| !**p).count() {
        0 => Preservation::Exact,
        n => Preservation::Conditional(format!("the {n} removed units contribute nothing")),
    }
}

/// The statement for an edit whose removed units were constants that their consumers have absorbed.
fn without_removals(preservation: Preservation) -> Preservation {
    match preservation {
        Preservation::Conditional(reason) if reason.contains("removed units") => Preservation::Exact,
        other => other,
    }
}

/// Takes back the last unit that the edit adds, and returns its share of the fan-out to its siblings.
fn leave_out_last_addition(units: &mut Vec<NewUnit>) -> bool {
    for index in (0..units.len()).rev() {
        let Some(origin) = units[index].origin() else {
            units.remove(index);
            return true;
        };
        let siblings: Vec<usize> = (0..units.len())
            .filter(|k| units[*k].origin() == Some(origin))
            .collect();
        if siblings.len() < 2 {
            continue;
        }
        let share = |unit: &NewUnit| match unit {
            NewUnit::Combined(parts) => parts.iter().map(|p| p.incoming * p.outgoing).sum::<f64>(),
            NewUnit::Fresh(_) => 0.0,
        };
        let total: f64 = siblings.iter().map(|k| share(&units[*k])).sum();
        let rest = total - share(&units[index]);
        if rest.abs() < SCALE_TOLERANCE {
            continue;
        }
        for &k in siblings.iter().filter(|k| **k != index) {
            if let NewUnit::Combined(parts) = &mut units[k] {
                parts.iter_mut().for_each(|p| p.outgoing *= total / rest);
            }
        }
        units.remove(index);
        return true;
    }
    false
}

/// The new axis, run by run; neighbouring kept places join.
fn axis_runs(length: usize, offsets: &[usize], width: usize, units: &[NewUnit]) -> Vec<AxisRun> {
    let mut runs: Vec<AxisRun> = Vec::new();
    let keep = |runs: &mut Vec<AxisRun>, from: usize, length: usize| match runs.last_mut() {
        _ if length == 0 => {}
        Some(AxisRun::Kept {
            from: first,
            length: so_far,
        }) if *first + *so_far == from => *so_far += length,
        _ => runs.push(AxisRun::Kept { from, length }),
    };
    let mut at = 0;
    for (occurrence, &offset) in offsets.iter().enumerate() {
        keep(&mut runs, at, offset - at);
        let mut fresh = 0;
        for unit in units {
            match unit {
                NewUnit::Combined(parts) if parts.len() == 1 && unit.is_kept(parts[0].unit) => {
                    keep(&mut runs, offset + parts[0].unit, 1);
                }
                NewUnit::Combined(parts) => runs.push(AxisRun::Combined(
                    parts
                        .iter()
                        .map(|p| PlacePart {
                            from: offset + p.unit,
                            incoming: p.incoming,
                            outgoing: p.outgoing,
                        })
                        .collect(),
                )),
                NewUnit::Fresh(_) => {
                    runs.push(AxisRun::Fresh {
                        unit: fresh,
                        occurrence,
                    });
                    fresh += 1;
                }
            }
        }
        at = offset + width;
    }
    keep(&mut runs, at, length - at);
    runs
}

fn run_length(run: &AxisRun) -> usize {
    match run {
        AxisRun::Kept { length, .. } => *length,
        AxisRun::Combined(_) | AxisRun::Scaled { .. } | AxisRun::Fresh { .. } => 1,
    }
}

fn combined_value<E: Element>(parts: &[PlacePart], side: Side, old: &dyn Fn(usize) -> E) -> E {
    match (side, parts) {
        // What is on the way is copied from the unit of descent, bit for bit.
        (Side::Through, _) => old(parts.iter().position(|p| p.incoming != 0.0).unwrap_or(0)),
        (_, [one]) => E::from_f64(one.value_factor(side)) * old(0),
        _ => {
            let sum: f64 = (0..parts.len())
                .map(|k| parts[k].value_factor(side) * old(k).to_f64())
                .sum();
            E::from_f64(sum)
        }
    }
}
