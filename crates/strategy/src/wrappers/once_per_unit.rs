//! A strategy that leaves each unit in peace for some epochs after it was changed.

use std::collections::BTreeMap;

use espalier_net::{Edit, Network, NewUnit, UnitEdit, UnitId};

use super::forward;
use crate::error::{Result, check_setting};
use crate::oracle::Oracle;
use crate::proposal::{Outcome, Proposal};
use crate::state::State;
use crate::strategy::Strategy;
use crate::view::View;

/// Keeps units that an edit changed or made from being changed again before `epochs` more epochs are done.
///
/// # Method
/// What a plan does to a resting unit is taken out of it: the unit stays as it is. A merge with a resting unit drops its
/// edit, a plan without edits left is no proposal, and a prediction for the whole plan is dropped with its parts.
#[derive(Clone, Debug, PartialEq)]
pub struct OncePerUnit<S> {
    inner: S,
    epochs: u64,
    epoch: u64,
    changed: BTreeMap<u64, u64>,
}

impl<S: Strategy> OncePerUnit<S> {
    /// Gives every changed unit `epochs` epochs of rest.
    #[must_use]
    pub fn new(inner: S, epochs: u64) -> Self {
        Self {
            inner,
            epochs,
            epoch: 0,
            changed: BTreeMap::new(),
        }
    }

    /// Says whether a unit rests at the end of an epoch.
    #[must_use]
    pub fn rests(&self, unit: UnitId, epoch: u64) -> bool {
        self.changed
            .get(&unit.number())
            .is_some_and(|since| epoch < since + self.epochs)
    }

    fn spare(&self, network: &Network<f32>, edit: &UnitEdit) -> Option<UnitEdit> {
        let Ok(group) = network.find_group(&edit.group) else {
            return Some(edit.clone());
        };
        let resting: Vec<bool> = network
            .group(group)
            .units()
            .iter()
            .map(|u| self.rests(*u, self.epoch))
            .collect();
        let mut units: Vec<NewUnit> = Vec::with_capacity(edit.units.len());
        let mut kept = vec![false; resting.len()];
        for unit in &edit.units {
            let NewUnit::Combined(parts) = unit else {
                units.push(unit.clone());
                continue;
            };
            let rests = |u: usize| resting.get(u).copied().unwrap_or(false);
            match parts.as_slice() {
                [part] if rests(part.unit) => {
                    if !std::mem::replace(&mut kept[part.unit], true) {
                        units.push(NewUnit::kept(part.unit));
                    }
                }
                _ if parts.iter().any(|p| rests(p.unit)) => return None,
                _ => units.push(unit.clone()),
            }
        }
        put_back(&mut units, &resting, &kept);
        let unchanged =
            units.len() == resting.len() && units.iter().enumerate().all(|(u, unit)| *unit == NewUnit::kept(u));
        (!unchanged).then(|| UnitEdit { units, ..edit.clone() })
    }
}

/// Puts resting units that the edit would end back behind the unit that stood before them.
fn put_back(units: &mut Vec<NewUnit>, resting: &[bool], kept: &[bool]) {
    for unit in (0..resting.len()).filter(|u| resting[*u] && !kept[*u]) {
        let before = units.iter().rposition(|n| n.origin().is_some_and(|o| o < unit));
        units.insert(before.map_or(0, |at| at + 1), NewUnit::kept(unit));
    }
}

impl<S: Strategy> Strategy for OncePerUnit<S> {
    forward!();

    fn prepare(&mut self, network: &Network<f32>) -> Result<()> {
        check_setting(
            self.inner.name(),
            "rest_epochs",
            self.epochs > 0,
            "at least 1",
            self.epochs,
        )?;
        self.inner.prepare(network)
    }

    fn propose(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        self.epoch = view.clock.epoch;
        let Some(mut proposal) = self.inner.propose(view, oracle)? else {
            return Ok(None);
        };
        // Later edits of a plan speak of units that earlier ones leave; only the first of a group can be judged by ids.
        let before = std::mem::take(&mut proposal.plan.edits);
        for edit in &before {
            match edit {
                Edit::Units(units) => proposal
                    .plan
                    .edits
                    .extend(self.spare(view.network, units).map(Edit::Units)),
                other => proposal.plan.edits.push(other.clone()),
            }
        }
        if proposal.plan.edits != before {
            proposal.prediction = None;
        }
        let nothing = proposal.plan.edits.is_empty() && !before.is_empty();
        Ok((!nothing).then_some(proposal))
    }

    fn settled(&mut self, outcome: &Outcome, network: &Network<f32>) -> Result<()> {
        for map in outcome.applied().map_or(&[][..], |a| &a.units) {
            let living = network.group(map.group).units();
            for (unit, id) in map.units.iter().zip(living) {
                if unit.origin().is_none_or(|o| *unit != NewUnit::kept(o)) {
                    self.changed.insert(id.number(), self.epoch);
                }
            }
        }
        self.inner.settled(outcome, network)
    }

    fn state(&self) -> Result<State> {
        let own = State::of(self.name(), &(self.epoch, &self.changed))?;
        State::join(self.name(), &[own, self.inner.state()?])
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        let parts = state.parts(self.name(), 2)?;
        (self.epoch, self.changed) = parts[0].read(self.name())?;
        self.inner.restore(&parts[1])
    }
}
