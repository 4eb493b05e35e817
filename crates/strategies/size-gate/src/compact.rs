//! Taking closed units out, folding gates, and the second phase's learning rates.

use std::collections::BTreeSet;

use espalier_net::{GroupId, Network, Plan, UnitId};
use espalier_strategy::{Chosen, Proposal, Result, View, remove_closed};

use crate::{Gate, NAME, SizeGate};

impl SizeGate {
    /// The units of each group whose stored gates are exactly 0, and each unit by its rank; the first in rank stays where
    /// the floor asks for it.
    fn closed(&self, network: &Network<f32>) -> (Vec<(GroupId, Vec<usize>)>, Vec<Chosen>) {
        let (mut found, mut chosen): (Vec<(GroupId, Vec<usize>)>, Vec<Chosen>) = Default::default();
        for gate in self.gates(network) {
            let stored = network.parameter(gate.parameter).values();
            let ranks = self.ranks(network, &gate);
            for (group, offset) in &gate.groups {
                // A group behind two gates is left to the first.
                if found.iter().any(|(g, _)| g == group) {
                    continue;
                }
                let place = network.group(*group);
                let mut units: Vec<usize> = (0..place.width()).filter(|u| stored[offset + u] == 0.0).collect();
                units.sort_by_key(|u| std::cmp::Reverse(ranks[offset + u]));
                units.truncate(place.width().saturating_sub(place.floor().max(1)));
                units.sort_unstable();
                let rank = |unit: usize| Some(ranks[offset + unit] as f64);
                chosen.extend(
                    units
                        .iter()
                        .map(|unit| Chosen::new(network, *group, *unit, rank(*unit))),
                );
                found.push((*group, units));
            }
        }
        found.retain(|(_, units)| !units.is_empty());
        (found, chosen)
    }

    /// Takes closed units out and, after the last epoch, multiplies gates into weights.
    pub(crate) fn compaction(&self, view: &View<'_>) -> Result<Option<Proposal>> {
        let (network, clock) = (view.network, view.clock);
        if !self.settings.compacts(clock.epoch, clock.epochs) {
            return Ok(None);
        }
        let folds = self.settings.fold_at_end && clock.epoch >= clock.epochs;
        let fold = if folds { self.gates(network) } else { Vec::new() };
        let (closed, chosen) = self.closed(network);
        Ok(remove_closed(network, NAME, "closed", &closed, &fold)?.map(|proposal| proposal.choosing(chosen)))
    }

    /// The units whose gates are between 0.01 and 0.99, or within the margin of that.
    fn gray_units(&self, network: &Network<f32>, gate: &Gate, margin: f64) -> Result<Vec<UnitId>> {
        let dial = self.dial_of(network, gate)?;
        let reach = 99.0_f64.ln() / dial.k + margin;
        let ranks = self.ranks(network, gate);
        let units = gate.units(network).into_iter().zip(ranks);
        Ok(units
            .filter(|(_, rank)| (*rank as f64 - dial.x0).abs() <= reach)
            .map(|(u, _)| u)
            .collect())
    }

    /// Adds the learning rates of the second phase to a proposal, where they change.
    pub(crate) fn with_gray_rates(&mut self, view: &View<'_>, proposal: Option<Proposal>) -> Result<Option<Proposal>> {
        let Some(phase) = self.settings.gray_phase.filter(|p| view.clock.epoch >= p.after_epochs) else {
            return Ok(proposal);
        };
        let mut gray: BTreeSet<UnitId> = BTreeSet::new();
        for gate in self.gates(view.network) {
            gray.extend(self.gray_units(view.network, &gate, phase.margin)?);
        }
        let numbers: BTreeSet<u64> = gray.iter().map(|u| u.number()).collect();
        if numbers == self.memory.gray {
            return Ok(proposal);
        }
        let gated: BTreeSet<UnitId> = self
            .gates(view.network)
            .iter()
            .flat_map(|g| g.units(view.network))
            .collect();
        let unit_rates = gated
            .into_iter()
            .map(|unit| (unit, if gray.contains(&unit) { phase.factor } else { 1.0 }))
            .collect();
        self.memory.gray = numbers;
        let base = proposal.unwrap_or_else(|| Proposal::new(Plan::new("the gray zone has moved")));
        Ok(Some(Proposal { unit_rates, ..base }))
    }
}
