//! The authors' own code, run apart, decides as ours does: `vectors/authors_code.json` says where it comes from.

use std::collections::BTreeMap;

use espalier_net::Network;
use espalier_seed::Seed;
use espalier_strategy::conformance::masked_mlp;
use espalier_strategy::{Clock, Controls, Setting, Strategy};
use espalier_targeted_dropout::{Evaluation, Method, Ramp, Switches, TargetedDropout, TargetedDropoutSettings};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    gamma: f64,
    targeted_weight: BTreeMap<String, Vec<f32>>,
    targeted_unit: BTreeMap<String, Vec<f32>>,
}

#[derive(Deserialize)]
struct Signs {
    switch: Vec<f32>,
    mean: Vec<f64>,
    variance: Vec<f64>,
    alive: Vec<bool>,
}

#[derive(Deserialize)]
struct Vectors {
    weights: Vec<f32>,
    cases: Vec<Case>,
    smallify: Vec<Signs>,
}

/// The weights of the hidden layer under the mask that the strategy sets.
fn masked(network: &Network<f32>, method: Method, gamma: f64, setting: Setting) -> Vec<f32> {
    let mut network = network.clone();
    let mut strategy = TargetedDropout::new(TargetedDropoutSettings {
        method,
        gamma,
        alpha: 1.0 - 1e-9,
        ramp: Ramp::None,
        evaluation: Evaluation::Pruned,
        ..TargetedDropoutSettings::default()
    });
    strategy.prepare(&network).unwrap();
    let seed = Seed::new(3);
    let mut controls = Controls::of(&mut network, Clock::default(), &seed);
    strategy.control(setting, &mut controls).unwrap();
    drop(controls.finish());
    let values = |name| network.parameter(network.find_parameter(name).unwrap()).values();
    values("hidden1.weight")
        .iter()
        .zip(values("hidden1.mask"))
        .map(|(w, m)| w * m)
        .collect()
}

#[test]
fn as_published() {
    let vectors: Vectors = serde_json::from_str(include_str!("../vectors/authors_code.json")).unwrap();
    let mut network = masked_mlp(8, &[5], 3, &Seed::new(1)).unwrap();
    let weight = network.find_parameter("hidden1.weight").unwrap();
    network
        .parameter_mut(weight)
        .values_mut()
        .copy_from_slice(&vectors.weights);
    let mut dropped = 0;
    for case in &vectors.cases {
        for (method, expected) in [
            (Method::TargetedWeight, &case.targeted_weight),
            (Method::TargetedUnit, &case.targeted_unit),
        ] {
            for (setting, name) in [
                (Setting::Evaluation, "evaluation"),
                (Setting::Training, "training, all draws drop"),
            ] {
                let found = masked(&network, method, case.gamma, setting);
                assert_eq!(found, expected[name], "{method:?}, gamma {}, {name}", case.gamma);
                dropped += found.iter().filter(|w| **w == 0.0).count();
            }
        }
    }
    assert!(dropped > 50, "{dropped}");
}

/// The statistics that a layer's switches keep, which nothing but their state tells.
fn kept(switches: &Switches, what: &str) -> Vec<f64> {
    serde_json::from_value(serde_json::to_value(switches).unwrap()[what].clone()).unwrap()
}

#[test]
fn switches_as_published() {
    let vectors: Vectors = serde_json::from_str(include_str!("../vectors/authors_code.json")).unwrap();
    let settings = TargetedDropoutSettings {
        lambda: 0.0,
        ..TargetedDropoutSettings::default()
    };
    let first: Vec<f32> = vectors.smallify[0].switch.iter().map(|s| s.abs()).collect();
    let mut switches = Switches::of(first);
    let near = |found: &[f64], expected: &[f64], alive: &[bool], what: &str| {
        let close = |k: usize| !alive[k] || (found[k] - expected[k]).abs() < 1e-5;
        assert!((0..found.len()).all(close), "{what}: {found:?} {expected:?}");
    };
    for (step, signs) in vectors.smallify.iter().enumerate() {
        let before = switches.alive.clone();
        let moved: Vec<f64> = switches
            .values
            .iter()
            .zip(&signs.switch)
            .map(|(old, new)| f64::from(old - new))
            .collect();
        switches.step(&moved, 1.0, &settings);
        near(&kept(&switches, "mean"), &signs.mean, &before, "mean");
        near(&kept(&switches, "variance"), &signs.variance, &before, "variance");
        assert_eq!(switches.alive, signs.alive, "step {step}");
    }
    assert!(
        switches.alive.contains(&true) && switches.alive.contains(&false),
        "{:?}",
        switches.alive
    );
}
