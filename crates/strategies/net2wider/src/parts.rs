//! How many units are added, and the noise on the copies.

use espalier_net::{Applied, ApplyOptions, GroupId, ParameterId};
use espalier_strategy::{
    Groups, Initializer, Net2WiderCopies, Oracle, PARTING_NOISE, Proposal, Result, Selection, Selector, View,
    disturb_fan_in, named_values,
};
use serde::{Deserialize, Serialize};

/// Asks for so many new units that each group grows by a factor, rounded, at least by one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Widening {
    /// The groups.
    pub groups: Groups,
    /// The new width over the old one.
    pub factor: f64,
}

impl Widening {
    /// The number of units that a group of `width` units gets.
    ///
    /// # Example
    /// ```
    /// use espalier_net2wider::Widening;
    ///
    /// let widening = Widening { groups: Default::default(), factor: 1.5 };
    /// assert_eq!((widening.extra(4), widening.extra(5), widening.extra(1)), (2, 3, 1));
    /// ```
    #[must_use]
    pub fn extra(&self, width: usize) -> usize {
        let wider = (self.factor * width as f64).round() as usize;
        wider.saturating_sub(width).max(1)
    }
}

impl Selector for Widening {
    fn groups(&self) -> &Groups {
        &self.groups
    }

    fn select(&mut self, view: &View<'_>, _oracle: &mut dyn Oracle) -> Result<Vec<Selection>> {
        let groups = self.groups.resolve("net2wider", view.network)?;
        let of = |group: GroupId| Selection::new_units(group, self.extra(view.network.group(group).width()));
        Ok(groups.into_iter().map(of).collect())
    }
}

/// [`Net2WiderCopies`] with noise on the fan-in weights of every copy but the first, the original.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NoisyCopies {
    /// The noise σ, relative to the root mean square of the copied fan-in weights.
    pub noise: f64,
}

impl Initializer for NoisyCopies {
    fn propose(
        &mut self,
        view: &View<'_>,
        oracle: &mut dyn Oracle,
        selections: &[Selection],
        reason: &str,
    ) -> Result<Proposal> {
        let mut proposal = Net2WiderCopies.propose(view, oracle, selections, reason)?;
        if self.noise == 0.0 {
            return Ok(proposal);
        }
        let mut draft = view.network.clone();
        let applied = draft.apply(&proposal.plan, &ApplyOptions::default())?;
        let mut stream = view.stream("noise");
        let mut touched: Vec<ParameterId> = Vec::new();
        for (group, unit) in copies(&applied) {
            touched.extend(disturb_fan_in(&mut draft, group, unit, self.noise, &mut stream));
        }
        proposal.values = named_values(&draft, &touched);
        proposal.preserves = None;
        proposal.twins = self.noise < PARTING_NOISE;
        Ok(proposal)
    }
}

/// The new units that are not the first to descend from their origin.
fn copies(applied: &Applied) -> Vec<(GroupId, usize)> {
    let mut found = Vec::new();
    for map in &applied.units {
        let mut seen = vec![false; map.old_width];
        for (unit, new) in map.units.iter().enumerate() {
            if new.origin().is_some_and(|o| std::mem::replace(&mut seen[o], true)) {
                found.push((map.group, unit));
            }
        }
    }
    found
}
