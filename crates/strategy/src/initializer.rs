//! How units come and go: the weights of a change.

use std::borrow::Cow;

use espalier_net::{
    ApplyOptions, Edit, FreshUnit, GroupId, Initializer as Distribution, Network, Owner, Plan, Role, ScalePolicy,
    Scales, Side, Units,
};
use espalier_seed::Stream;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::needs::Needs;
use crate::oracle::Oracle;
use crate::proposal::Proposal;
use crate::selector::Selection;
use crate::sites::slice_key;
use crate::view::{Clock, View};

/// The output change, relative to the largest output, beyond which an exact edit in single precision is rolled back.
pub const ROUNDING: f64 = 1e-4;

/// Turns selected units into an edit plan with all its weights.
pub trait Initializer: Send {
    /// What must be observed in the next step.
    fn needs(&self, _network: &Network<f32>, _clock: &Clock) -> Needs {
        Needs::none()
    }

    /// Makes the proposal.
    ///
    /// # Errors
    /// Refuses selections that make no sense for this way of change, and observations that cannot be used.
    fn propose(
        &mut self,
        view: &View<'_>,
        oracle: &mut dyn Oracle,
        selections: &[Selection],
        reason: &str,
    ) -> Result<Proposal>;
}

/// Splits each selected unit into `extra` + 1 copies with random scales that preserve the function.
///
/// # Method
/// Fan-in scales a and fan-out scales g are drawn from U[0.5, 1) and all divided by √Σ aⱼ·gⱼ, so that Σ aⱼ·gⱼ = 1. Where
/// a layer on the way does not let scales pass, a becomes 1 and g becomes a·g.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RandomSplit;

impl RandomSplit {
    /// Draws the scales of `copies` copies.
    pub fn scales(copies: usize, stream: &mut Stream) -> Vec<Scales> {
        let draw = |stream: &mut Stream| stream.uniform_in(0.5, 1.0);
        let drawn: Vec<(f64, f64)> = (0..copies).map(|_| (draw(stream), draw(stream))).collect();
        let root = drawn.iter().map(|(a, g)| a * g).sum::<f64>().sqrt();
        drawn
            .into_iter()
            .map(|(a, g)| Scales {
                incoming: a / root,
                outgoing: g / root,
            })
            .collect()
    }
}

impl Initializer for RandomSplit {
    fn propose(
        &mut self,
        view: &View<'_>,
        _oracle: &mut dyn Oracle,
        selections: &[Selection],
        reason: &str,
    ) -> Result<Proposal> {
        let mut stream = view.stream("scales");
        let plan = split_plan(view.network, selections, reason, |n| Self::scales(n, &mut stream))?;
        Ok(Proposal {
            scales: ScalePolicy::Fallback,
            ..Proposal::new(plan).preserving(ROUNDING)
        })
    }
}

/// Splits each selected unit into `extra` + 1 copies that share its fan-out unevenly, so that they part as they train.
///
/// # Method
/// Fan-in weights are copied (a = 1), so that the function is preserved behind every activation and norm. The shares g grow
/// evenly from copy to copy, the last twice the first, and sum to 1: ⅓ and ⅔ for two. A copy's fan-in gradient is that of
/// the unit times its share, hence no two copies take the same steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnevenCopies;

impl UnevenCopies {
    /// The scales of `copies` copies, the smallest share first.
    ///
    /// # Example
    /// ```
    /// use espalier_strategy::UnevenCopies;
    ///
    /// let shares: Vec<f64> = UnevenCopies::scales(3).iter().map(|s| s.outgoing).collect();
    /// // In the ratio 2 : 3 : 4.
    /// assert!(shares.iter().zip([2.0, 3.0, 4.0]).all(|(g, part)| (g - part / 9.0).abs() < 1e-15));
    /// ```
    #[must_use]
    pub fn scales(copies: usize) -> Vec<Scales> {
        let parts = (0..copies).map(|copy| 1.0 + copy as f64 / copies.saturating_sub(1).max(1) as f64);
        let sum: f64 = parts.clone().sum();
        parts
            .map(|part| Scales {
                incoming: 1.0,
                outgoing: part / sum,
            })
            .collect()
    }
}

impl Initializer for UnevenCopies {
    fn propose(
        &mut self,
        view: &View<'_>,
        _oracle: &mut dyn Oracle,
        selections: &[Selection],
        reason: &str,
    ) -> Result<Proposal> {
        let plan = split_plan(view.network, selections, reason, Self::scales)?;
        Ok(Proposal::new(plan).preserving(ROUNDING))
    }
}

/// Splits each selected unit into `extra` + 1 equal copies: a = 1, g = 1/n.
///
/// The copies are twins: they get the same gradients, so that no training without noise of its own (dropout, for instance)
/// ever sets them apart, and the network computes what it could compute before. [`UnevenCopies`] makes copies that part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EqualCopies;

impl Initializer for EqualCopies {
    fn propose(
        &mut self,
        view: &View<'_>,
        _oracle: &mut dyn Oracle,
        selections: &[Selection],
        reason: &str,
    ) -> Result<Proposal> {
        let plan = split_plan(view.network, selections, reason, Scales::equal)?;
        Ok(Proposal::new(plan).preserving(ROUNDING).of_twins())
    }
}

/// Splits the selected units of each group, with scales for the given number of copies.
///
/// # Errors
/// Refuses units outside their group and scales that are not positive.
pub fn split_plan(
    network: &Network<f32>,
    selections: &[Selection],
    reason: &str,
    mut scales: impl FnMut(usize) -> Vec<Scales>,
) -> Result<Plan> {
    plan_of(selections, reason, |selection| {
        named_units(network, selection)?;
        let mut units = Units::of(network, selection.group);
        for unit in &selection.units {
            units = units.split(*unit, &scales(selection.extra + 1))?;
        }
        Ok(Some(units.edit("split")))
    })
}

/// One edit for each selection that needs one.
fn plan_of(
    selections: &[Selection],
    reason: &str,
    edit: impl FnMut(&Selection) -> Result<Option<Edit>>,
) -> Result<Plan> {
    let edits: Vec<Option<Edit>> = selections.iter().map(edit).collect::<Result<_>>()?;
    Ok(edits.into_iter().flatten().fold(Plan::new(reason), Plan::with))
}

fn named_units(network: &Network<f32>, selection: &Selection) -> Result<()> {
    if selection.units.is_empty() {
        let name = format!("selection in group `{}`", network.group(selection.group).name());
        return Err(Error::observation(name, "units", "none"));
    }
    Ok(())
}

/// Copies units chosen at random, with replacement; all copies of a unit share its fan-out weights equally.
///
/// Like [`EqualCopies`], the copies are twins; the paper sets them apart by noise or dropout.
///
/// # Paper
/// Chen, Goodfellow and Shlens 2016, Net2WiderNet (section 2.2, equations 1–3 and algorithm 1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Net2WiderCopies;

impl Initializer for Net2WiderCopies {
    fn propose(
        &mut self,
        view: &View<'_>,
        _oracle: &mut dyn Oracle,
        selections: &[Selection],
        reason: &str,
    ) -> Result<Proposal> {
        let mut stream = view.stream("origins");
        let plan = plan_of(selections, reason, |selection| {
            let width = view.network.group(selection.group).width();
            let mut copies = vec![1; width];
            for _ in 0..selection.extra {
                copies[stream.below(width)] += 1;
            }
            let mut units = Units::of(view.network, selection.group);
            for (unit, n) in copies.into_iter().enumerate().filter(|(_, n)| *n > 1) {
                units = units.split(unit, &Scales::equal(n))?;
            }
            Ok(Some(units.edit("net2wider")))
        })?;
        Ok(Proposal::new(plan).preserving(ROUNDING).of_twins())
    }
}

/// Appends `extra` units with random fan-in weights and zero fan-out weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WidenRandom {
    /// How fan-in weights and biases are drawn.
    pub distribution: Distribution,
}

impl Initializer for WidenRandom {
    fn propose(
        &mut self,
        view: &View<'_>,
        _oracle: &mut dyn Oracle,
        selections: &[Selection],
        reason: &str,
    ) -> Result<Proposal> {
        let mut plan = Plan::new(reason);
        // Each edit is made for the network that the ones before leave: a widened layer is a longer fan-in of the next.
        let mut draft = Cow::Borrowed(view.network);
        for (k, selection) in selections.iter().enumerate() {
            let mut stream = view
                .seed
                .named("fan-in")
                .named(draft.group(selection.group).name())
                .stream();
            let count = selection.extra;
            let fresh =
                (0..count).map(|_| random_fan_in(&draft, selection.group, count, self.distribution, &mut stream));
            let edit = Units::of(&draft, selection.group)
                .widen(fresh.collect::<Vec<_>>())
                .edit("widen");
            if k + 1 < selections.len() {
                draft
                    .to_mut()
                    .apply(&Plan::new(reason).with(edit.clone()), &ApplyOptions::default())?;
            }
            plan = plan.with(edit);
        }
        Ok(Proposal::new(plan).preserving(ROUNDING))
    }
}

/// Draws the fan-in weights and biases of one of `added` units that widen a group; its fan-out weights are missing, hence 0.
pub fn random_fan_in(
    network: &Network<f32>,
    group: GroupId,
    added: usize,
    distribution: Distribution,
    stream: &mut Stream,
) -> FreshUnit {
    let owners = network.owners(group);
    let mut fresh = FreshUnit::default();
    for owner in owners.iter().filter(|o| o.side == Side::Incoming) {
        let parameter = network.parameter(owner.parameter);
        let values = match parameter.role() {
            Role::Weight => {
                let fan_in = fan_in(network, owner, &owners, added);
                // A gated unit has one column in each half.
                let columns = owner.offsets.len();
                let fan_out = parameter.shape()[1] / columns + added;
                (0..fan_in * columns)
                    .map(|_| distribution.weight(fan_in, fan_out, stream))
                    .collect()
            }
            _ => {
                let inputs = owners
                    .iter()
                    .filter(|o| o.side == Side::Incoming && network.parameter(o.parameter).role() == Role::Weight);
                let fan_in = inputs.map(|o| fan_in(network, o, &owners, added)).max().unwrap_or(1);
                (0..owner.offsets.len())
                    .map(|_| distribution.bias(fan_in, stream))
                    .collect()
            }
        };
        fresh.values.insert(slice_key(network, owner), values);
    }
    fresh
}

/// The rows of a weight after `added` units have joined the group, which may stand on both its axes.
fn fan_in(network: &Network<f32>, owner: &Owner, owners: &[Owner], added: usize) -> usize {
    let rows = network.parameter(owner.parameter).shape()[0];
    let itself = owners.iter().find(|o| o.parameter == owner.parameter && o.axis == 0);
    rows + itself.map_or(0, |o| o.offsets.len() * added)
}

/// Removes the selected units, but never the last of a group nor below its floor; under a group norm as many of them as it lets
/// go together ([`Network::removable`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// The cause that the genealogy records.
    pub cause: String,
    /// Whether constants left behind by closed gates are added to the consumers' biases.
    pub absorb_constants: bool,
}

impl Initializer for Removal {
    fn propose(
        &mut self,
        view: &View<'_>,
        _oracle: &mut dyn Oracle,
        selections: &[Selection],
        reason: &str,
    ) -> Result<Proposal> {
        let plan = plan_of(selections, reason, |selection| {
            let named = &selection.units;
            let removed = view.network.removable(selection.group, named, named.len());
            if removed.is_empty() {
                return Ok(None);
            }
            let mut units = Units::of(view.network, selection.group).prune(&removed)?;
            if self.absorb_constants {
                units = units.absorbing_constants();
            }
            Ok(Some(units.edit(&self.cause)))
        })?;
        Ok(Proposal::new(plan))
    }
}
