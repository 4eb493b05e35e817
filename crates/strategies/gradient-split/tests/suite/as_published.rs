//! The published rule, computed apart, decides as ours does: `vectors/equations.json` says from what.

use espalier_gradient_split::{GradientSplit, GradientSplitSettings, Parting};
use espalier_net::{DeviceChoice, LossKind, Network, Optimizer, OptimizerKind, Session, Target, models};
use espalier_seed::Seed;
use espalier_strategy::conformance::{Driver, DriverOptions};
use espalier_strategy::{Clock, Fixed, GradientForm, Observations, Occasion, Since, Strategy, View};
use serde::Deserialize;

#[derive(Deserialize)]
struct Layer {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

#[derive(Deserialize)]
struct Grown {
    hidden: Layer,
    logits: Layer,
}

#[derive(Deserialize)]
struct Vectors {
    hidden: Layer,
    logits: Layer,
    inputs: Vec<f32>,
    labels: Vec<u32>,
    scores: Vec<f64>,
    split: Vec<usize>,
    remove: Vec<usize>,
    legacy: Grown,
    #[serde(rename = "uneven shares of a third and two thirds")]
    uneven: Grown,
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

const BATCH: usize = 6;
const FEATURES: usize = 5;

/// What the strategy observes in one epoch without learning.
fn observe(strategy: &GradientSplit, network: &mut Network<f32>, vectors: &Vectors) -> Observations {
    let mut session = Session::new(network, BATCH, &DeviceChoice::Cpu, &Seed::new(2)).unwrap();
    let needs = strategy.needs(network, &Clock::default());
    let mut observed = Observations::default();
    for (inputs, labels) in vectors
        .inputs
        .chunks(BATCH * FEATURES)
        .zip(vectors.labels.chunks(BATCH))
    {
        let target = Target::Classes { labels, weights: None };
        session
            .loss_and_gradients(network, &[inputs], target, LossKind::CrossEntropy)
            .unwrap();
        observed.collect(&needs, network, &session).unwrap();
    }
    observed
}

fn grown(vectors: &Vectors, parting: Parting) -> (Network<f32>, String) {
    let mut network = models::mlp::<f32>(FEATURES, &[8], 3, &Seed::new(1)).unwrap();
    set(&mut network, &vectors.hidden, &vectors.logits);
    let mut strategy = GradientSplit::new(GradientSplitSettings {
        cutoff_add: 0.3,
        cutoff_remove: 0.8,
        parting,
        every_epochs: 1,
        ..GradientSplitSettings::default()
    });
    strategy.prepare(&network).unwrap();
    let observed = observe(&strategy, &mut network, vectors);
    let mean = observed
        .gradient("hidden1.bias", GradientForm::Absolute, Since::Epoch)
        .unwrap()
        .mean();
    assert!(
        mean.iter().zip(&vectors.scores).all(|(a, b)| (a - b).abs() < 1e-6),
        "{mean:?}"
    );
    let view = View {
        network: &network,
        clock: Clock {
            epoch: 1,
            ..Clock::default()
        },
        occasion: Occasion::Epoch,
        observed: &observed,
        seed: &Seed::new(3),
    };
    let mut driver = Driver::new(network.clone(), &mut Fixed, DriverOptions::default(), &Seed::new(1)).unwrap();
    let proposal = strategy.propose(&view, &mut driver.oracle()).unwrap().unwrap();
    let mut optimizer = Optimizer::new(OptimizerKind::adam(), &network).unwrap();
    let inputs = &vectors.inputs;
    let outcome = proposal
        .carry_out(&mut network, &mut optimizer, &[inputs], vectors.labels.len())
        .unwrap();
    assert!(outcome.applied().is_some(), "{outcome:?}");
    (network, proposal.plan.reason)
}

#[test]
fn as_published() {
    let vectors: Vectors = serde_json::from_str(include_str!("../vectors/equations.json")).unwrap();
    let decided = format!("split {:?}, remove {:?}", vectors.split, vectors.remove);
    for (parting, expected) in [
        (Parting::Legacy { jitter: 1e-3 }, &vectors.legacy),
        (Parting::Uneven, &vectors.uneven),
    ] {
        let (network, reason) = grown(&vectors, parting);
        assert!(reason.contains(&decided), "{reason}, expected {decided}");
        check(&network, &expected.hidden, &expected.logits);
    }
}
