//! The published rule, computed apart, decides as ours does: `vectors/equations.json` says from what.

use std::collections::BTreeMap;

use espalier_net::{
    ApplyOptions, DeviceChoice, Edit, LossKind, Network, NewUnit, Plan, Scales, Session, Target, Units, models,
};
use espalier_random_split::{RandomSplit, RandomSplitSettings};
use espalier_seed::Seed;
use espalier_strategy::{
    Batch, Clock, Observations, Occasion, Sample, SampleOracle, Spent, Strategy, UnitRule, View, ablation_losses,
    firing_rates,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Layer {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

#[derive(Deserialize)]
struct Split {
    unit: usize,
    incoming: Vec<f64>,
    outgoing: Vec<f64>,
    hidden: Layer,
    logits: Layer,
}

#[derive(Deserialize)]
struct Vectors {
    hidden: Layer,
    logits: Layer,
    inputs: Vec<f32>,
    labels: Vec<u32>,
    #[serde(rename = "ablation losses")]
    losses: Vec<f64>,
    #[serde(rename = "firing rates")]
    rates: Vec<f64>,
    chosen: BTreeMap<String, usize>,
    splits: Vec<Split>,
}

fn set(network: &mut Network<f32>, hidden: &Layer, logits: &Layer) {
    for (name, values) in [
        ("hidden1.weight", &hidden.weight),
        ("hidden1.bias", &hidden.bias),
        ("logits.weight", &logits.weight),
        ("logits.bias", &logits.bias),
    ] {
        let id = network.find_parameter(name).unwrap();
        network.parameter_mut(id).values_mut().copy_from_slice(values);
    }
}

fn check(network: &Network<f32>, hidden: &Layer, logits: &Layer) {
    for (name, expected) in [
        ("hidden1.weight", &hidden.weight),
        ("hidden1.bias", &hidden.bias),
        ("logits.weight", &logits.weight),
        ("logits.bias", &logits.bias),
    ] {
        let found = network.parameter(network.find_parameter(name).unwrap()).values();
        let close = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-6 * (1.0 + b.abs());
        assert!(
            found.len() == expected.len() && found.iter().zip(expected).all(close),
            "{name}: {found:?} {expected:?}"
        );
    }
}

fn near(found: &[f64], expected: &[f64], what: &str) {
    let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-5 * (1.0 + b.abs());
    assert!(
        found.len() == expected.len() && found.iter().zip(expected).all(close),
        "{what}: {found:?} {expected:?}"
    );
}

/// What a rule does to a network.
struct Done {
    unit: usize,
    /// Of the unit's two copies.
    scales: Vec<Scales>,
    /// What a strategy that went on from a checkpoint tells of the choice.
    told: BTreeMap<String, f64>,
}

fn split(network: &Network<f32>, oracle: &mut SampleOracle<'_>, rule: UnitRule) -> Done {
    let settings = RandomSplitSettings {
        rule,
        ..RandomSplitSettings::default()
    };
    let mut strategy = RandomSplit::new(settings.clone());
    let view = View {
        network,
        clock: Clock {
            epoch: 1,
            ..Clock::default()
        },
        occasion: Occasion::Epoch,
        observed: &Observations::default(),
        seed: &Seed::new(3),
    };
    let proposal = strategy.propose(&view, oracle).unwrap().unwrap();
    let Edit::Units(edit) = &proposal.plan.edits[0] else {
        panic!("a change of units")
    };
    let copies = edit.units.iter().filter_map(|unit| match unit {
        NewUnit::Combined(parts) if *unit != NewUnit::kept(parts[0].unit) => Some(parts[0]),
        _ => None,
    });
    let copies: Vec<_> = copies.collect();
    let scales = copies.iter().map(|p| Scales {
        incoming: p.incoming,
        outgoing: p.outgoing,
    });
    let mut resumed = RandomSplit::new(settings);
    resumed.restore(&strategy.state().unwrap()).unwrap();
    let told = resumed.readings(network).into_iter();
    Done {
        unit: copies[0].unit,
        scales: scales.collect(),
        told: told.map(|reading| (reading.name, reading.value)).collect(),
    }
}

/// The choice and its scores as the vectors have them.
fn check_told(done: &Done, rule: UnitRule, vectors: &Vectors) {
    let told = |name: &str| done.told.get(name).copied();
    let (chosen, candidates) = (done.unit as f64, vectors.rates.len() as f64);
    assert_eq!((told("chosen"), told("candidates")), (Some(chosen), Some(candidates)));
    let scores = match rule {
        UnitRule::None | UnitRule::Random => return assert_eq!(done.told.len(), 2, "{:?}", done.told),
        UnitRule::MaxFiringRate | UnitRule::MinFiringRate | UnitRule::HalfFiringRate => &vectors.rates,
        _ => &vectors.losses,
    };
    let (least, largest) = scores
        .iter()
        .fold((f64::MAX, f64::MIN), |(l, h), s| (l.min(*s), h.max(*s)));
    let found: Vec<f64> = ["score", "least score", "largest score"]
        .into_iter()
        .filter_map(told)
        .collect();
    near(&found, &[scores[done.unit], least, largest], "what was told");
}

#[test]
fn as_published() {
    let vectors: Vectors = serde_json::from_str(include_str!("../vectors/equations.json")).unwrap();
    let mut network = models::mlp::<f32>(5, &[6], 3, &Seed::new(1)).unwrap();
    set(&mut network, &vectors.hidden, &vectors.logits);
    let group = network.find_group("hidden1").unwrap();
    let samples = vectors.labels.len();
    let mut session = Session::new(&network, samples, &DeviceChoice::Cpu, &Seed::new(2)).unwrap();
    let target = Target::Classes {
        labels: &vectors.labels,
        weights: None,
    };
    let batch = Batch {
        inputs: &vectors.inputs,
        target,
        samples,
    };
    let mut oracle = SampleOracle {
        session: &mut session,
        growth: batch,
        validation: batch,
        loss: LossKind::CrossEntropy,
        batch: samples,
        max_macs: None,
        spent: Spent::default(),
    };
    near(
        &ablation_losses(&mut oracle, &network, group, Sample::Validation).unwrap(),
        &vectors.losses,
        "losses",
    );
    near(
        &firing_rates(&mut oracle, &network, group, Sample::Validation).unwrap(),
        &vectors.rates,
        "firing rates",
    );
    for (name, expected) in &vectors.chosen {
        let rule = UnitRule::ALL
            .into_iter()
            .find(|r| serde_json::to_value(r).unwrap() == name.as_str())
            .unwrap();
        let done = split(&network, &mut oracle, rule);
        assert_eq!(done.unit, *expected, "{name}");
        let sum: f64 = done.scales.iter().map(|s| s.incoming * s.outgoing).sum();
        assert!(done.scales.len() == 2 && (sum - 1.0).abs() < 1e-12, "{:?}", done.scales);
        check_told(&done, rule, &vectors);
    }
    check_told(
        &split(&network, &mut oracle, UnitRule::Random),
        UnitRule::Random,
        &vectors,
    );
    for split in &vectors.splits {
        let scales = split.incoming.iter().zip(&split.outgoing).map(|(a, g)| Scales {
            incoming: *a,
            outgoing: *g,
        });
        let edit = Units::of(&network, group)
            .split(split.unit, &scales.collect::<Vec<_>>())
            .unwrap()
            .edit("split");
        let mut after = network.clone();
        after
            .apply(&Plan::new("recorded draws").with(edit), &ApplyOptions::default())
            .unwrap();
        check(&after, &split.hidden, &split.logits);
    }
}
