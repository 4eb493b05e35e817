//! The published rule, computed apart, decides as ours does: `vectors/equations.json` says from what.

use std::collections::BTreeSet;

use espalier_net::{Edit, Network, NewUnit, models};
use espalier_net2wider::{Net2Wider, Net2WiderSettings};
use espalier_seed::Seed;
use espalier_strategy::Schedule;
use espalier_strategy::conformance::{Driver, DriverOptions};
use serde::Deserialize;

#[derive(Deserialize)]
struct Layer {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

#[derive(Deserialize)]
struct Case {
    mapping: Vec<usize>,
    hidden: Layer,
    logits: Layer,
}

#[derive(Deserialize)]
struct Vectors {
    hidden: Layer,
    logits: Layer,
    cases: Vec<Case>,
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

#[test]
fn as_published() {
    let vectors: Vectors = serde_json::from_str(include_str!("../vectors/equations.json")).unwrap();
    let mut seen = BTreeSet::new();
    for seed in 0..12 {
        let mut network = models::mlp::<f32>(4, &[3], 3, &Seed::new(1)).unwrap();
        set(&mut network, &vectors.hidden, &vectors.logits);
        // Three units become five; whichever origins are drawn, the equations give the weights.
        let mut strategy = Net2Wider::new(Net2WiderSettings {
            when: Schedule::Start,
            factor: 5.0 / 3.0,
            noise: 0.0,
            ..Net2WiderSettings::default()
        });
        let options = DriverOptions {
            epochs: 0,
            ..DriverOptions::default()
        };
        let mut driver = Driver::new(network, &mut strategy, options, &Seed::new(seed)).unwrap();
        driver.run(&mut strategy).unwrap();
        let Edit::Units(edit) = &driver.settled[0].proposal.plan.edits[0] else {
            panic!("a change of units")
        };
        let mapping: Vec<usize> = edit.units.iter().filter_map(NewUnit::origin).collect();
        let case = vectors.cases.iter().find(|c| c.mapping == mapping).unwrap();
        check(&driver.network, &case.hidden, &case.logits);
        seen.insert(mapping);
    }
    assert!(seen.len() >= 3, "{seen:?}");
}
