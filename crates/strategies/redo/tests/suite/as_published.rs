//! The authors' own code, run apart, decides as ours does: `vectors/authors_code.json` says where it comes from.

use espalier_net::{
    DeviceChoice, Edit, Initializer, LossKind, Network, NewUnit, Optimizer, OptimizerKind, Session, Target, models,
};
use espalier_redo::{Redo, RedoSettings};
use espalier_seed::Seed;
use espalier_strategy::{Batch, Clock, Observations, Occasion, SampleOracle, Spent, Strategy, View};
use serde::Deserialize;

#[derive(Deserialize)]
struct Layer {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

#[derive(Deserialize)]
struct Vectors {
    inputs: Vec<f32>,
    before: Vec<Layer>,
    scores: Vec<Vec<f64>>,
    recycled: Vec<Vec<usize>>,
    after: Vec<Layer>,
    moment: Vec<Layer>,
}

const LAYERS: [&str; 3] = ["hidden1", "hidden2", "logits"];
const SAMPLES: usize = 6;

fn values(network: &Network<f32>, name: &str) -> Vec<f32> {
    network
        .parameter(network.find_parameter(name).unwrap())
        .values()
        .to_vec()
}

/// A perceptron with the recorded weights, and an Adam whose first moments are all 0.1.
fn begin(vectors: &Vectors) -> (Network<f32>, Optimizer<f32>) {
    let mut network = models::mlp::<f32>(3, &[6, 5], 2, &Seed::new(1)).unwrap();
    for (name, layer) in LAYERS.iter().zip(&vectors.before) {
        for (role, values) in [("weight", &layer.weight), ("bias", &layer.bias)] {
            let id = network.find_parameter(&format!("{name}.{role}")).unwrap();
            network.parameter_mut(id).values_mut().copy_from_slice(values);
        }
    }
    let mut optimizer = Optimizer::new(OptimizerKind::adam(), &network).unwrap();
    let ones: Vec<Vec<f32>> = network
        .parameters()
        .iter()
        .map(|p| vec![1.0; p.values().len()])
        .collect();
    optimizer.step(&mut network, |id| &ones[id.index()], 0.0).unwrap();
    (network, optimizer)
}

fn near(found: &[f32], expected: &[f32], what: &str) {
    let close = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-6;
    assert!(
        found.len() == expected.len() && found.iter().zip(expected).all(close),
        "{what}: {found:?} {expected:?}"
    );
}

#[test]
fn as_published() {
    let vectors: Vectors = serde_json::from_str(include_str!("../vectors/authors_code.json")).unwrap();
    let (mut network, mut optimizer) = begin(&vectors);
    let mut session = Session::new(&network, SAMPLES, &DeviceChoice::Cpu, &Seed::new(2)).unwrap();
    let batch = Batch {
        inputs: &vectors.inputs,
        target: Target::Values(&[0.0; 2 * SAMPLES]),
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
    for (name, expected) in LAYERS.iter().zip(&vectors.scores) {
        let found = Redo::scores(&network, network.find_group(name).unwrap(), &mut oracle).unwrap();
        assert!(
            found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5),
            "{name}: {found:?} {expected:?}"
        );
    }
    // The authors begin and begin again with xavier-uniform weights and zero biases.
    let mut strategy = Redo::new(RedoSettings {
        every_steps: 1,
        threshold: 0.1,
        distribution: Initializer::GlorotUniform,
        ..RedoSettings::default()
    });
    let view = View {
        network: &network,
        clock: Clock {
            step: 1,
            ..Clock::default()
        },
        occasion: Occasion::Step,
        observed: &Observations::default(),
        seed: &Seed::new(3),
    };
    let proposal = strategy.propose(&view, &mut oracle).unwrap().unwrap();
    for ((edit, name), expected) in proposal.plan.edits.iter().zip(LAYERS).zip(&vectors.recycled) {
        let Edit::Units(edit) = edit else { panic!("{edit:?}") };
        let fresh: Vec<usize> = (0..edit.units.len())
            .filter(|u| matches!(edit.units[*u], NewUnit::Fresh(_)))
            .collect();
        assert_eq!((edit.group.as_str(), &fresh), (name, expected));
    }
    proposal
        .carry_out(&mut network, &mut optimizer, &[&vectors.inputs], SAMPLES)
        .unwrap();
    check_weights(&network, &vectors);
    for (name, layer) in LAYERS.iter().zip(&vectors.moment) {
        let weight = format!("{name}.weight");
        near(
            optimizer.state(&weight, "first_moment").unwrap(),
            &layer.weight,
            &weight,
        );
    }
}

/// All weights are as recorded but the new fan-in weights, which both draw from U(±√(6/(fan-in + fan-out))).
fn check_weights(network: &Network<f32>, vectors: &Vectors) {
    let recycled = |layer: usize| vectors.recycled.get(layer).map_or(&[][..], Vec::as_slice);
    for (k, (name, layer)) in LAYERS.iter().zip(&vectors.after).enumerate() {
        near(&values(network, &format!("{name}.bias")), &layer.bias, name);
        let (found, width) = (values(network, &format!("{name}.weight")), layer.bias.len());
        let bound = (6.0 / (found.len() / width + width) as f32).sqrt();
        for (place, (a, b)) in found.iter().zip(&layer.weight).enumerate() {
            let unit = place % width;
            if recycled(k).contains(&unit) {
                // Between two recycled units theirs is 0, ours drawn: the second one's own fan-out is 0 either way.
                assert!(
                    *a != vectors.before[k].weight[place] && a.abs() <= bound && b.abs() <= bound,
                    "{name} {place}"
                );
            } else {
                assert_eq!(a, b, "{name} {place}");
            }
        }
    }
}
