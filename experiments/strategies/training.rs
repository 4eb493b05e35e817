//! One trial: an arm's network, its strategy, and what is recorded of them.

use espalier_net::{GroupId, Role};
use espalier_train::{EditEvent, Events};
use espalier_trial::prelude::*;

use crate::Showcase;
use crate::arms::{Common, Try};
use crate::rows::{DecisionTime, Edit, Epoch, Summary, Unit};

/// Samples per step.
pub const BATCH: usize = 128;

/// Trains one arm and records its epochs, its end, its edits and, for the first seed, its units.
pub fn trial(context: &mut TrialContext<'_, Try>, s: &Showcase) -> anyhow::Result<()> {
    let (one, seed) = (*context.variant(), context.seed());
    let common = Common::new(s, &**context.dataset()?);
    let (strategy, rate) = (
        one.arm().strategy(&common, one.configuration),
        one.arm().rate(&common, one.configuration),
    );
    let regime = Regime::adam(s.epochs, BATCH, rate);
    let net = Training::new(context, regime, &seed)
        .network(|data, seed| one.arm().network(&common, data, seed))
        .strategy(strategy)
        .epochs_as(|moment| {
            moment.record(&DecisionTime {
                decision_seconds: 0.0,
                training_seconds: moment.during.seconds,
            })?;
            epoch(moment)
        })
        .run("net")?;
    let events = net.events()?;
    let edits: anyhow::Result<Vec<Edit>> = events.edits.iter().map(|edit| row(events, edit)).collect();
    let edits = edits?;
    context.record(&summary(&net, &edits)?)?;
    context.record_all(&edits)?;
    let first = context.seed_number() == 0;
    context.record_all(&if first { lives(net.network()) } else { Vec::new() })?;
    Ok(context.record(&DecisionTime {
        decision_seconds: events.decision_seconds,
        training_seconds: 0.0,
    })?)
}

fn epoch(moment: &Moment<'_>) -> anyhow::Result<Epoch> {
    Ok(Epoch {
        parameters: live_parameters(moment.network()),
        units: units(moment.network()),
        ..moment.row()?
    })
}

fn summary(net: &Trained, edits: &[Edit]) -> anyhow::Result<Summary> {
    let applied = edits.iter().filter(|edit| edit.outcome == "applied").count() as u64;
    Ok(Summary {
        parameters: live_parameters(net.network()),
        units: units(net.network()),
        macs_per_sample: net.outcome().macs,
        applied,
        refused: edits.len() as u64 - applied,
        ..net.row()?
    })
}

/// Hidden units of all layers.
fn units(network: &Network<f32>) -> u64 {
    let groups = network.editable_groups();
    groups.iter().map(|group| network.group(*group).width() as u64).sum()
}

/// Trained values without the weights that a mask holds at 0.
fn live_parameters(network: &Network<f32>) -> u64 {
    let masks = network.parameters().iter().filter(|p| p.role() == Role::Mask);
    let zeros: usize = masks.map(|p| p.values().iter().filter(|v| **v == 0.0).count()).sum();
    network.parameter_count() - zeros as u64
}

fn row(events: &Events, event: &EditEvent) -> anyhow::Result<Edit> {
    let follow = |steps: u64| {
        let mut all = events.follow_ups.iter();
        all.find(|f| f.edit == event.edit && f.steps_after == steps)
    };
    let (now, loss) = (follow(0), |steps| follow(steps).map(|f| f.loss));
    Ok(Edit {
        predicted_effect: event.predicted_effect.clone(),
        loss_after_1: loss(1),
        loss_after_10: loss(10),
        loss_after_100: loss(100),
        newborn_gradient_share: now.and_then(|f| f.newborn_gradient_share),
        newborn_firing_rate: now.and_then(|f| f.newborn_firing_rate),
        claimed_deviation: event.claimed_deviation,
        ..own_row(&EditRow::new("net", event))?
    })
}

fn lives(network: &Network<f32>) -> Vec<Unit> {
    let hidden: Vec<GroupId> = network.editable_groups();
    let is_hidden = |name: &str| hidden.iter().any(|group| network.group(*group).name() == name);
    let units = network.genealogy().units();
    units
        .filter(|(_, record)| is_hidden(&record.group))
        .map(|(id, record)| Unit {
            unit: id.number() as u32,
            layer: record.group.clone(),
            born: record.birth_step as u32,
            died: record.death.as_ref().map(|(step, _)| *step as u32),
            parent: record.parents.first().map(|parent| parent.number() as u32),
            cause_of_death: record.death.as_ref().map(|(_, cause)| cause.clone()),
            last_step: network.step() as u32,
        })
        .collect()
}
