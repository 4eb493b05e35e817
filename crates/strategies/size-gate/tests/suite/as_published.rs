//! The author's own code, run apart, decides as ours does: `vectors/authors_code.json` says where it comes from.

use espalier_net::{DeviceChoice, GateForm, LossKind, Network, Session, Target, execute};
use espalier_seed::Seed;
use espalier_size_gate::{SizeGate, SizeGateSettings, SizeOptimizer, Slope};
use espalier_strategy::conformance::gated_mlp;
use espalier_strategy::{Clock, Controls, Gradients, Observations, Occasion, Setting, Strategy, View};
use serde::Deserialize;

#[derive(Deserialize)]
struct Layer {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

#[derive(Deserialize)]
struct Vectors {
    inputs: Vec<f32>,
    labels: Vec<u32>,
    hidden: Layer,
    logits: Layer,
    gates: Vec<f32>,
    outputs: Vec<f32>,
    loss: f64,
    penalty: f64,
    #[serde(rename = "gradient of x0")]
    gradient: f64,
}

fn near(found: &[f32], expected: &[f32], what: &str) {
    let close = |(a, b): (&f32, &f32)| (a - b).abs() <= 2e-6 * (1.0 + b.abs());
    assert!(
        found.len() == expected.len() && found.iter().zip(expected).all(close),
        "{what}: {found:?} {expected:?}"
    );
}

fn network(vectors: &Vectors) -> Network<f32> {
    let mut network = gated_mlp(GateForm::Linear, &Seed::new(1)).unwrap();
    for (name, values) in [
        ("hidden.weight", &vectors.hidden.weight),
        ("hidden.bias", &vectors.hidden.bias),
        ("logits.weight", &vectors.logits.weight),
        ("logits.bias", &vectors.logits.bias),
    ] {
        let id = network.find_parameter(name).unwrap();
        network.parameter_mut(id).values_mut().copy_from_slice(values);
    }
    network
}

#[test]
fn as_published() {
    let vectors: Vectors = serde_json::from_str(include_str!("../vectors/authors_code.json")).unwrap();
    let mut network = network(&vectors);
    let samples = vectors.labels.len();
    let mut strategy = SizeGate::new(SizeGateSettings {
        start: 4.5,
        lambda: 0.01,
        slope: Slope::Fixed { k: 0.4 },
        size_optimizer: SizeOptimizer::Plain,
        ..SizeGateSettings::default()
    });
    strategy.prepare(&network).unwrap();
    let seed = Seed::new(4);
    let mut controls = Controls::of(&mut network, Clock::default(), &seed);
    strategy.control(Setting::Training, &mut controls).unwrap();
    drop(controls.finish());
    let gate = network.find_parameter("gate.gate").unwrap();
    near(network.parameter(gate).values(), &vectors.gates, "gates");
    near(
        &execute::evaluate(&network, &[&vectors.inputs], samples).unwrap()[0],
        &vectors.outputs,
        "outputs",
    );
    let mut session = Session::new(&network, samples, &DeviceChoice::Cpu, &Seed::new(2)).unwrap();
    let target = Target::Classes {
        labels: &vectors.labels,
        weights: None,
    };
    let outcome = session
        .loss_and_gradients(&mut network, &[&vectors.inputs], target, LossKind::CrossEntropy)
        .unwrap();
    assert!(
        (outcome.loss - vectors.loss).abs() < 1e-6,
        "{} {}",
        outcome.loss,
        vectors.loss
    );
    let view = View {
        network: &network,
        clock: Clock::default(),
        occasion: Occasion::Step,
        observed: &Observations::default(),
        seed: &Seed::new(3),
    };
    let penalty = strategy.penalty(&view, &mut Gradients::of(&mut session)).unwrap();
    assert!(
        (penalty - vectors.penalty).abs() < 1e-6,
        "{penalty} {}",
        vectors.penalty
    );
    strategy.gradients(&view, &mut Gradients::of(&mut session)).unwrap();
    let found = strategy.dial("gate").unwrap().gradient;
    assert!((found - vectors.gradient).abs() < 1e-6, "{found} {}", vectors.gradient);
}
