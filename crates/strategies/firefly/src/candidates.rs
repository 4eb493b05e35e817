//! Candidate units: drawn, trained for a few steps on a copy of the network, scored.

use espalier_net::{ApplyOptions, GroupId, Network, ParameterId, Plan, Side, Units};
use espalier_strategy::{Chosen, Effect, Oracle, Probe, Proposal, Result, View, places, random_fan_in, snapshot};

use crate::NAME;
use crate::settings::FireflySettings;

/// The share of the old mean in RMSprop's mean of squares.
const REMEMBERED: f64 = 0.9;
/// What keeps RMSprop's divisor from 0.
const LEAST: f64 = 1e-12;

/// A weight of a candidate: its parameter and its place there.
type Place = (ParameterId, usize);

/// Candidates of one group on a copy of the network.
struct Trial {
    group: GroupId,
    draft: Network<f32>,
    /// Candidates with their scores, the best first, at most as many as may be kept and all above 0.
    best: Vec<(usize, f64)>,
}

/// Proposes the best candidates of the group that promises most; nothing where none promises anything.
pub(crate) fn propose(
    settings: &FireflySettings,
    view: &View<'_>,
    oracle: &mut dyn Oracle,
) -> Result<Option<Proposal>> {
    let network = view.network;
    let mut found: Option<(f64, Trial)> = None;
    for group in settings.groups.resolve(NAME, network)? {
        let trial = tried(settings, view, group, oracle)?;
        let promise = trial.best.iter().map(|(_, score)| score).sum::<f64>();
        if promise > found.as_ref().map_or(0.0, |(most, _)| *most) {
            found = Some((promise, trial));
        }
    }
    let Some((promise, trial)) = found else {
        return Ok(None);
    };
    let kept = trial
        .best
        .iter()
        .map(|(unit, _)| snapshot(&trial.draft, trial.group, *unit));
    let reason = format!("{} +{}", network.group(trial.group).name(), trial.best.len());
    let edit = Units::of(network, trial.group)
        .widen(kept.collect::<Vec<_>>())
        .edit(NAME);
    let width = network.group(trial.group).width();
    let scores = trial.best.iter().zip(width..);
    let chosen = scores.map(|((_, score), place)| Chosen::new(network, trial.group, place, Some(*score)));
    let proposal = Proposal::new(Plan::new(&reason).with(edit)).choosing(chosen);
    let random = network.nodes().iter().any(|node| node.layer().is_random());
    Ok(Some(if random {
        proposal
    } else {
        proposal.predicting(promise, Effect::Edit)
    }))
}

fn tried(settings: &FireflySettings, view: &View<'_>, group: GroupId, oracle: &mut dyn Oracle) -> Result<Trial> {
    let (network, count) = (view.network, settings.candidates);
    let name = network.group(group).name();
    let mut stream = view.seed.named("candidates").named(name).stream();
    let fresh: Vec<_> = (0..count)
        .map(|_| random_fan_in(network, group, count, settings.distribution, &mut stream))
        .collect();
    let width = network.group(group).width();
    let mut draft = network.clone();
    let plan = Plan::new("candidates").with(Units::of(network, group).widen(fresh).edit(NAME));
    draft.apply(&plan, &ApplyOptions::default())?;
    let units: Vec<usize> = (width..width + count).collect();
    let own = weights(&draft, group, &units, |_| true);
    train(settings, &mut draft, &own, oracle)?;
    let best = scored(settings, &draft, group, &units, oracle)?;
    Ok(Trial { group, draft, best })
}

/// The places of units on the sides that are asked for.
fn weights(network: &Network<f32>, group: GroupId, units: &[usize], side: impl Fn(Side) -> bool) -> Vec<Place> {
    let owners = network.owners(group);
    let asked = owners.iter().filter(|owner| side(owner.side));
    let of = |owner: &espalier_net::Owner| {
        let parameter = owner.parameter;
        let all = units.iter().flat_map(|unit| places(network, owner, *unit));
        all.map(|place| (parameter, place)).collect::<Vec<_>>()
    };
    asked.flat_map(of).collect()
}

/// Trains the places alone, by RMSprop on the growth batch.
fn train(
    settings: &FireflySettings,
    draft: &mut Network<f32>,
    trained: &[Place],
    oracle: &mut dyn Oracle,
) -> Result<()> {
    let mut squares = vec![0.0; trained.len()];
    for _ in 0..settings.steps {
        let probe = oracle.probe(draft, &[])?;
        for (square, place) in squares.iter_mut().zip(trained) {
            let gradient = gradient(&probe, *place);
            *square = REMEMBERED * *square + (1.0 - REMEMBERED) * gradient * gradient;
            let step = settings.rate * gradient / (*square + LEAST).sqrt();
            let value = &mut draft.parameter_mut(place.0).values_mut()[place.1];
            *value = (f64::from(*value) - step) as f32;
        }
    }
    Ok(())
}

/// What no gradient trains, such as running statistics, has none.
fn gradient(probe: &Probe, (parameter, place): Place) -> f64 {
    f64::from(probe.gradient(parameter).get(place).copied().unwrap_or(0.0))
}

/// Scores candidates by −Σ v·∂L/∂v, the gradient taken where no candidate is heard.
fn scored(
    settings: &FireflySettings,
    draft: &Network<f32>,
    group: GroupId,
    units: &[usize],
    oracle: &mut dyn Oracle,
) -> Result<Vec<(usize, f64)>> {
    let fan_out = |units: &[usize]| weights(draft, group, units, |side| side == Side::Outgoing);
    let mut silent = draft.clone();
    for (parameter, place) in fan_out(units) {
        silent.parameter_mut(parameter).values_mut()[place] = 0.0;
    }
    let probe = oracle.probe(&silent, &[])?;
    let score = |unit: usize| {
        let terms = fan_out(&[unit]).into_iter().map(|(parameter, place)| {
            let value = f64::from(draft.parameter(parameter).values()[place]);
            -value * gradient(&probe, (parameter, place))
        });
        (unit, terms.sum::<f64>())
    };
    let mut scores: Vec<(usize, f64)> = units.iter().map(|unit| score(*unit)).collect();
    scores.retain(|(_, score)| *score > 0.0 && score.is_finite());
    scores.sort_by(|a, b| b.1.total_cmp(&a.1));
    scores.truncate(settings.new_units);
    Ok(scores)
}
