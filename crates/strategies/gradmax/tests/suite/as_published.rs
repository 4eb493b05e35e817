//! The authors' own code, run apart, decides as ours does: `vectors/authors_code.json` says where it comes from.

use espalier_gradmax::{AuxiliaryGradient, GradMax, GradMaxSettings};
use espalier_net::{
    Activation, DeviceChoice, LossKind, Network, NetworkBuilder, Optimizer, OptimizerKind, Session, Target,
};
use espalier_seed::Seed;
use espalier_strategy::{
    Batch, Clock, Observations, Occasion, Oracle, Sample, SampleOracle, Schedule, Spent, Strategy, View,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Layer {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

#[derive(Deserialize)]
struct Vectors {
    inputs: Vec<f32>,
    targets: Vec<f32>,
    before: Vec<Layer>,
    loss: f64,
    #[serde(rename = "squared singular values")]
    squares: Vec<f64>,
    after: Vec<Layer>,
}

const SAMPLES: usize = 12;
const OUTPUTS: usize = 4;

/// Six inputs, five tanh units, four outputs, with the recorded weights.
fn network(layers: &[Layer]) -> Network<f32> {
    let mut builder = NetworkBuilder::new();
    let x = builder.input("x", [1, 1], 6).unwrap();
    let hidden = builder.dense("hidden", x, 5).unwrap();
    let hidden = builder.activation("tanh", hidden, Activation::Tanh).unwrap();
    let out = builder.dense("out", hidden, OUTPUTS).unwrap();
    let mut network = builder.build::<f32>(&[out], &Seed::new(1)).unwrap();
    for (name, layer) in ["hidden", "out"].iter().zip(layers) {
        for (role, values) in [("weight", &layer.weight), ("bias", &layer.bias)] {
            let id = network.find_parameter(&format!("{name}.{role}")).unwrap();
            network.parameter_mut(id).values_mut().copy_from_slice(values);
        }
    }
    network
}

fn values(network: &Network<f32>, name: &str) -> Vec<f32> {
    network
        .parameter(network.find_parameter(name).unwrap())
        .values()
        .to_vec()
}

/// Whether two directions are the same or opposite, and equally long; a singular vector has no sign.
fn same_up_to_sign(found: &[f32], expected: &[f32]) -> bool {
    let close = |sign: f32| found.iter().zip(expected).all(|(a, b)| (a - sign * b).abs() < 1e-4);
    close(1.0) || close(-1.0)
}

#[test]
fn as_published() {
    let vectors: Vectors = serde_json::from_str(include_str!("../vectors/authors_code.json")).unwrap();
    let mut network = network(&vectors.before);
    let mut session = Session::new(&network, SAMPLES, &DeviceChoice::Cpu, &Seed::new(2)).unwrap();
    let batch = Batch {
        inputs: &vectors.inputs,
        target: Target::Values(&vectors.targets),
        samples: SAMPLES,
    };
    let mut oracle = SampleOracle {
        session: &mut session,
        growth: batch,
        validation: batch,
        loss: LossKind::MeanSquaredError,
        batch: SAMPLES,
        max_macs: None,
        spent: Spent::default(),
    };
    let loss = oracle.loss(&network, Sample::Growth).unwrap();
    assert!((loss - vectors.loss).abs() < 1e-5, "{loss} {}", vectors.loss);
    let group = network.find_group("hidden").unwrap();
    let auxiliary = AuxiliaryGradient::of(&network, group, &mut oracle).unwrap();
    let singular = auxiliary.weights.singular_values().unwrap();
    for (found, square) in singular.iter().zip(&vectors.squares) {
        assert!(
            (found * found - square).abs() < 1e-5 * (1e-3 + square),
            "{singular:?} {:?}",
            vectors.squares
        );
    }
    let mut strategy = GradMax::when(
        Schedule::Start,
        GradMaxSettings {
            new_units: 2,
            ..GradMaxSettings::default()
        },
    );
    strategy.prepare(&network).unwrap();
    let view = View {
        network: &network,
        clock: Clock {
            learning_rate: 0.01,
            ..Clock::default()
        },
        occasion: Occasion::Start,
        observed: &Observations::default(),
        seed: &Seed::new(5),
    };
    let proposal = strategy.propose(&view, &mut oracle).unwrap().unwrap();
    let mut optimizer = Optimizer::new(OptimizerKind::sgd(0.0), &network).unwrap();
    let outcome = proposal
        .carry_out(&mut network, &mut optimizer, &[batch.inputs], SAMPLES)
        .unwrap();
    assert!(outcome.applied().is_some(), "{outcome:?}");
    let [hidden, out] = &vectors.after[..] else {
        panic!("two layers")
    };
    assert_eq!(values(&network, "hidden.weight"), hidden.weight);
    assert_eq!(values(&network, "hidden.bias"), hidden.bias);
    let fan_out = values(&network, "out.weight");
    assert_eq!(fan_out[..5 * OUTPUTS], out.weight[..5 * OUTPUTS]);
    for unit in 5..7 {
        let row = |weights: &[f32]| weights[unit * OUTPUTS..][..OUTPUTS].to_vec();
        assert!(
            same_up_to_sign(&row(&fan_out), &row(&out.weight)),
            "{fan_out:?} {:?}",
            out.weight
        );
    }
}
