//! The authors' own code, run apart, decides as ours does: `vectors/authors_code.json` says where it comes from.

use espalier_magnitude_prune::{Form, MagnitudePrune, MagnitudePruneSettings, Scope, UnitScore, WeightScore};
use espalier_net::models;
use espalier_seed::Seed;
use espalier_strategy::conformance::{Driver, DriverOptions};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    share: f64,
    weights: Vec<f32>,
    units: Vec<f32>,
}

#[derive(Deserialize)]
struct Vectors {
    weights: Vec<f32>,
    cases: Vec<Case>,
}

/// The weights of the hidden layer that a pruning before training leaves.
fn pruned(weights: &[f32], scope: Scope, fraction: f64) -> Vec<f32> {
    let mut network = models::mlp::<f32>(8, &[8], 3, &Seed::new(1)).unwrap();
    let id = network.find_parameter("hidden1.weight").unwrap();
    network.parameter_mut(id).values_mut().copy_from_slice(weights);
    let mut strategy = MagnitudePrune::new(MagnitudePruneSettings {
        scope,
        form: Form::Zero,
        fraction,
        first_epoch: 0,
        ..MagnitudePruneSettings::default()
    });
    let options = DriverOptions {
        epochs: 0,
        ..DriverOptions::default()
    };
    let mut driver = Driver::new(network, &mut strategy, options, &Seed::new(2)).unwrap();
    driver.run(&mut strategy).unwrap();
    driver.network.parameter(id).values().to_vec()
}

#[test]
fn as_published() {
    let vectors: Vectors = serde_json::from_str(include_str!("../vectors/authors_code.json")).unwrap();
    for case in &vectors.cases {
        let found = pruned(&vectors.weights, Scope::Weights(WeightScore::Magnitude), case.share);
        assert_eq!(found, case.weights, "weights, {}", case.share);
        let found = pruned(&vectors.weights, Scope::Units(UnitScore::L2), case.share);
        assert_eq!(found, case.units, "units, {}", case.share);
        let gone = case.weights.iter().filter(|w| **w == 0.0).count();
        assert_eq!(gone as f64, case.share * 64.0);
    }
}
