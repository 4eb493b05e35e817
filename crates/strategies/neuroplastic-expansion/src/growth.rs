//! One decision: which units join and which leave, group by group.

use espalier_net::{ApplyOptions, FreshUnit, GroupId, Network, Plan, Side, Units};
use espalier_strategy::{
    Chosen, Oracle, Proposal, ROUNDING, Result, View, check_scores, dormancy_scores, places, random_fan_in,
};

use crate::NAME;
use crate::schedule::{Quota, dormant, promising, quota};
use crate::settings::NeuroplasticExpansionSettings;

/// A group before the decision.
pub(crate) struct Place {
    pub group: GroupId,
    /// The width that it had at first.
    pub first: usize,
    /// The dormancy scores of its units.
    pub scores: Vec<f64>,
}

impl Place {
    pub fn of(network: &Network<f32>, group: GroupId, first: usize, oracle: &mut dyn Oracle) -> Result<Self> {
        let scores = dormancy_scores(network, group, oracle)?;
        Ok(Self { group, first, scores })
    }
}

/// The share of units whose dormancy score is at most τ.
pub(crate) fn dormant_share(places: &[Place], threshold: f64) -> f64 {
    let units: usize = places.iter().map(|place| place.scores.len()).sum();
    let silent = places
        .iter()
        .flat_map(|place| &place.scores)
        .filter(|score| **score <= threshold);
    silent.count() as f64 / units.max(1) as f64
}

/// What joins and leaves one group.
struct Change {
    leave: Vec<usize>,
    join: Vec<(FreshUnit, f64)>,
}

/// Proposes what joins and leaves all groups; nothing where nothing does.
pub(crate) fn propose(
    settings: &NeuroplasticExpansionSettings,
    view: &View<'_>,
    groups: &[Place],
    horizon: u64,
    oracle: &mut dyn Oracle,
) -> Result<Option<Proposal>> {
    let network = view.network;
    let (mut plan, mut chosen, mut draft) = (Plan::new(NAME), Vec::new(), network.clone());
    for place in groups {
        let quota = quota(settings, place.first, view.clock.epoch, horizon);
        let change = changed(settings, view, &draft, place, quota, oracle)?;
        if change.leave.is_empty() && change.join.is_empty() {
            continue;
        }
        let (name, width) = (network.group(place.group).name(), network.group(place.group).width());
        plan.reason = format!(
            "{}; {name}: +{} −{}",
            plan.reason,
            change.join.len(),
            change.leave.len()
        );
        chosen.extend(Chosen::scored(network, place.group, &change.leave, &place.scores));
        let joined = change.join.iter().zip(width..);
        chosen.extend(joined.map(|((_, potential), at)| Chosen::new(network, place.group, at, Some(*potential))));
        let units = Units::of(&draft, place.group).prune(&change.leave)?;
        let edit = units
            .widen(change.join.into_iter().map(|(unit, _)| unit))
            .edit("dormant");
        draft.apply(&Plan::new(NAME).with(edit.clone()), &ApplyOptions::default())?;
        plan = plan.with(edit);
    }
    let exact = settings.threshold == 0.0 && !network.nodes().iter().any(|node| node.layer().mixes_channels());
    Ok((!plan.edits.is_empty()).then(|| Proposal {
        preserves: exact.then_some(ROUNDING),
        chosen,
        ..Proposal::new(plan)
    }))
}

/// `draft` is the network behind the edits of the groups before; the place's own units stand in it as in the network.
fn changed(
    settings: &NeuroplasticExpansionSettings,
    view: &View<'_>,
    draft: &Network<f32>,
    place: &Place,
    quota: Quota,
    oracle: &mut dyn Oracle,
) -> Result<Change> {
    let order = dormant(&place.scores, settings.threshold, quota.leave);
    let leave = draft.removable(place.group, &order, order.len());
    let room = (settings.full_width(place.first) + leave.len()).saturating_sub(place.scores.len());
    let count = quota.join.min(room);
    let mut join = Vec::new();
    if count > 0 {
        let drawn = settings.candidates * count;
        let mut stream = view
            .seed
            .named("candidates")
            .named(draft.group(place.group).name())
            .stream();
        let draw = |_| random_fan_in(draft, place.group, drawn, settings.distribution, &mut stream);
        let candidates: Vec<FreshUnit> = (0..drawn).map(draw).collect();
        let potentials = potentials(draft, place.group, &candidates, oracle)?;
        join.extend(
            promising(&potentials, count)
                .into_iter()
                .map(|k| (candidates[k].clone(), potentials[k])),
        );
    }
    Ok(Change { leave, join })
}

/// The potential of candidate units: Σ|∂L/∂v| over the fan-out weights v of each, which are all 0.
///
/// # Errors
/// As [`Oracle::probe`]; refuses candidates that do not fit the group and gradients that are not finite.
pub fn potentials(
    network: &Network<f32>,
    group: GroupId,
    candidates: &[FreshUnit],
    oracle: &mut dyn Oracle,
) -> Result<Vec<f64>> {
    let width = network.group(group).width();
    let mut draft = network.clone();
    let edit = Units::of(network, group).widen(candidates.iter().cloned()).edit(NAME);
    draft.apply(&Plan::new("candidates").with(edit), &ApplyOptions::default())?;
    let probe = oracle.probe(&draft, &[])?;
    let mut sums = vec![0.0; candidates.len()];
    for owner in draft.owners(group).iter().filter(|owner| owner.side == Side::Outgoing) {
        let gradient = probe.gradient(owner.parameter);
        for (sum, unit) in sums.iter_mut().zip(width..) {
            // What no gradient trains, such as running statistics, has none.
            let of_unit = places(&draft, owner, unit)
                .into_iter()
                .filter_map(|place| gradient.get(place));
            *sum += of_unit.map(|value| f64::from(value.abs())).sum::<f64>();
        }
    }
    check_scores(network.group(group).name(), &sums)?;
    Ok(sums)
}
