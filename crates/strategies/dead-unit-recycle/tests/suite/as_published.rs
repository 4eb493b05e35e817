//! The published rule, computed apart, decides as ours does: `vectors/equations.json` says from what.

use espalier_dead_unit_recycle::{DeadUnitRecycle, DeadUnitRecycleSettings, Shares};
use espalier_net::{DeviceChoice, LossKind, Network, Optimizer, OptimizerKind, Session, Target, models};
use espalier_seed::Seed;
use espalier_strategy::{
    Batch, Clock, Observations, Occasion, Sample, SampleOracle, Spent, Strategy, View, firing_rates,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Layer {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

#[derive(Deserialize)]
struct Recycled {
    hidden: Layer,
    logits: Layer,
}

#[derive(Deserialize)]
struct Vectors {
    hidden: Layer,
    logits: Layer,
    inputs: Vec<f32>,
    dead: Vec<usize>,
    donors: Vec<usize>,
    #[serde(rename = "firing rates")]
    rates: Vec<f64>,
    halves: Recycled,
    #[serde(rename = "two thirds for the donor")]
    thirds: Recycled,
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

const SAMPLES: usize = 24;

fn recycled(vectors: &Vectors, shares: Shares) -> (Network<f32>, String) {
    let mut network = models::mlp::<f32>(5, &[7], 3, &Seed::new(1)).unwrap();
    set(&mut network, &vectors.hidden, &vectors.logits);
    let mut strategy = DeadUnitRecycle::new(DeadUnitRecycleSettings {
        every_steps: 1,
        window_batches: 1,
        shares,
        noise: 0.0,
        ..DeadUnitRecycleSettings::default()
    });
    strategy.prepare(&network).unwrap();
    let mut session = Session::new(&network, SAMPLES, &DeviceChoice::Cpu, &Seed::new(2)).unwrap();
    let batch = Batch {
        inputs: &vectors.inputs,
        target: Target::Values(&[0.0; 3 * SAMPLES]),
        samples: SAMPLES,
    };
    let needs = strategy.needs(&network, &Clock::default());
    session.observe(&needs.nodes());
    session
        .loss_and_gradients(&mut network, &[batch.inputs], batch.target, LossKind::MeanSquaredError)
        .unwrap();
    let mut observed = Observations::default();
    observed.collect(&needs, &network, &session).unwrap();
    let mut oracle = SampleOracle {
        session: &mut session,
        growth: batch,
        validation: batch,
        loss: LossKind::MeanSquaredError,
        batch: SAMPLES,
        max_macs: None,
        spent: Spent::default(),
    };
    let group = network.find_group("hidden1").unwrap();
    let rates = firing_rates(&mut oracle, &network, group, Sample::Growth).unwrap();
    assert!(
        rates.iter().zip(&vectors.rates).all(|(a, b)| (a - b).abs() < 1e-9),
        "{rates:?}"
    );
    let view = View {
        network: &network,
        clock: Clock {
            step: 1,
            ..Clock::default()
        },
        occasion: Occasion::Step,
        observed: &observed,
        seed: &Seed::new(3),
    };
    let proposal = strategy.propose(&view, &mut oracle).unwrap().unwrap();
    let mut optimizer = Optimizer::new(OptimizerKind::adam(), &network).unwrap();
    let outcome = proposal
        .carry_out(&mut network, &mut optimizer, &[&vectors.inputs], SAMPLES)
        .unwrap();
    assert!(outcome.applied().is_some(), "{outcome:?}");
    (network, proposal.plan.reason)
}

#[test]
fn as_published() {
    let vectors: Vectors = serde_json::from_str(include_str!("../vectors/equations.json")).unwrap();
    for (shares, expected) in [(Shares::Equal, &vectors.halves), (Shares::Uneven, &vectors.thirds)] {
        let (network, reason) = recycled(&vectors, shares);
        for (dead, donor) in vectors.dead.iter().zip(&vectors.donors) {
            assert!(reason.contains(&format!("hidden1: [{dead}] from {donor}")), "{reason}");
        }
        check(&network, &expected.hidden, &expected.logits);
    }
}
