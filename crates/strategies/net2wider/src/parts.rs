//! How many units are added, and the noise on the copies.

use espalier_net::{Applied, ApplyOptions, GroupId, Network, ParameterId, Role};
use espalier_seed::Stream;
use espalier_strategy::{
    Groups, Initializer, Net2WiderCopies, Oracle, Proposal, Result, Selection, Selector, View, places, produced_by,
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
        let of = |group: GroupId| Selection {
            group,
            units: Vec::new(),
            extra: self.extra(view.network.group(group).width()),
        };
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
            touched.extend(disturb(&mut draft, group, unit, self.noise, &mut stream));
        }
        touched.sort_unstable();
        touched.dedup();
        let of = |id: ParameterId| {
            (
                draft.parameter(id).name().to_owned(),
                draft.parameter(id).values().to_vec(),
            )
        };
        proposal.values = touched.into_iter().map(of).collect();
        proposal.preserves = None;
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

/// Adds noise to a unit's fan-in weights and returns the parameters that hold them.
fn disturb(
    network: &mut Network<f32>,
    group: GroupId,
    unit: usize,
    sigma: f64,
    stream: &mut Stream,
) -> Vec<ParameterId> {
    let mut touched = Vec::new();
    for owner in produced_by(network, group, Role::Weight) {
        let places = places(network, &owner, unit);
        let values = network.parameter_mut(owner.parameter).values_mut();
        let squares: f64 = places.iter().map(|i| f64::from(values[*i]).powi(2)).sum();
        let deviation = sigma * (squares / places.len().max(1) as f64).sqrt();
        for i in places {
            values[i] = (f64::from(values[i]) + deviation * stream.normal()) as f32;
        }
        touched.push(owner.parameter);
    }
    touched
}
