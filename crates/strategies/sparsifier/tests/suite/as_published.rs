//! The author's own code, run apart, decides as ours does: `vectors/authors_code.json` says where it comes from.

use espalier_net::{DeviceChoice, GateForm, LossKind, Network, Optimizer, OptimizerKind, Session, Target, execute};
use espalier_seed::Seed;
use espalier_sparsifier::{Initial, Penalty, Removal, Sparsifier, SparsifierSettings, Track};
use espalier_strategy::conformance::gated_mlp;
use espalier_strategy::{Clock, Gradients, Observations, Occasion, Strategy, View};
use serde::Deserialize;

#[derive(Deserialize)]
struct Layer {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

#[derive(Deserialize)]
struct Case {
    strict: bool,
    inputs: Vec<f32>,
    labels: Vec<u32>,
    hidden: Layer,
    logits: Layer,
    filter: Vec<f32>,
    outputs: Vec<f32>,
    loss: f64,
    penalty: f64,
    gradient: Vec<f32>,
    #[serde(rename = "filter after")]
    after: Vec<f32>,
    #[serde(rename = "alive after")]
    alive: Vec<bool>,
}

#[derive(Deserialize)]
struct Signs {
    value: Vec<f64>,
    mean: Vec<f64>,
    variance: Vec<f64>,
    alive: Vec<bool>,
}

#[derive(Deserialize)]
struct Vectors {
    cases: Vec<Case>,
    #[serde(rename = "sign filter")]
    signs: Vec<Signs>,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../vectors/authors_code.json")).unwrap()
}

fn near(found: &[f32], expected: &[f32], what: &str) {
    let close = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-6 * (1.0 + b.abs());
    assert!(
        found.len() == expected.len() && found.iter().zip(expected).all(close),
        "{what}: {found:?} {expected:?}"
    );
}

fn network(case: &Case) -> Network<f32> {
    let mut network = gated_mlp(GateForm::Rectified, &Seed::new(1)).unwrap();
    for (name, values) in [
        ("hidden.weight", &case.hidden.weight),
        ("hidden.bias", &case.hidden.bias),
        ("logits.weight", &case.logits.weight),
        ("logits.bias", &case.logits.bias),
        ("gate.gate", &case.filter),
    ] {
        let id = network.find_parameter(name).unwrap();
        network.parameter_mut(id).values_mut().copy_from_slice(values);
    }
    network
}

fn check(case: &Case) {
    let mut network = network(case);
    let gate = network.find_parameter("gate.gate").unwrap();
    let samples = case.labels.len();
    near(
        &execute::evaluate(&network, &[&case.inputs], samples).unwrap()[0],
        &case.outputs,
        "outputs",
    );
    let mut strategy = Sparsifier::new(SparsifierSettings {
        lambda: 0.05,
        penalty: if case.strict {
            Penalty::Strict
        } else {
            Penalty::NonStrict
        },
        initial: Initial::Kept,
        ..SparsifierSettings::default()
    });
    strategy.prepare(&network).unwrap();
    let mut optimizer = Optimizer::new(OptimizerKind::sgd(0.0), &network).unwrap();
    let mut session = Session::new(&network, samples, &DeviceChoice::Cpu, &Seed::new(2)).unwrap();
    let target = Target::Classes {
        labels: &case.labels,
        weights: None,
    };
    let outcome = session
        .loss_and_gradients(&mut network, &[&case.inputs], target, LossKind::CrossEntropy)
        .unwrap();
    assert!(
        (outcome.loss - case.loss).abs() < 1e-6,
        "{} {}",
        outcome.loss,
        case.loss
    );
    let view = View {
        network: &network,
        clock: Clock::default(),
        occasion: Occasion::Step,
        observed: &Observations::default(),
        seed: &Seed::new(3),
    };
    let penalty = strategy.penalty(&view, &mut Gradients::of(&mut session)).unwrap();
    strategy.gradients(&view, &mut Gradients::of(&mut session)).unwrap();
    assert!((penalty - case.penalty).abs() < 1e-6, "{penalty} {}", case.penalty);
    near(session.gradient(gate), &case.gradient, "gradient");
    optimizer.step(&mut network, |id| session.gradient(id), 0.1).unwrap();
    let after = network.parameter(gate).values();
    near(after, &case.after, "filter");
    assert_eq!(after.iter().map(|theta| *theta > 0.0).collect::<Vec<_>>(), case.alive);
}

#[test]
fn as_published() {
    let vectors = vectors();
    vectors.cases.iter().for_each(check);
    let removal = Removal::SignVariance {
        gamma: 0.9,
        threshold: 0.5,
    };
    let mut tracks: Vec<Track> = vectors.signs[0]
        .value
        .iter()
        .map(|theta| Track::start(*theta))
        .collect();
    for (step, signs) in vectors.signs.iter().enumerate() {
        for (unit, track) in tracks.iter_mut().enumerate() {
            track.observe(signs.value[unit], removal);
            let same =
                (track.mean - signs.mean[unit]).abs() < 1e-5 && (track.variance - signs.variance[unit]).abs() < 1e-5;
            assert!(same, "step {step}, unit {unit}: {track:?}");
            assert_eq!(track.dead, !signs.alive[unit], "step {step}, unit {unit}");
        }
    }
    let last = &vectors.signs[vectors.signs.len() - 1].alive;
    assert!(last.contains(&true) && last.contains(&false), "{last:?}");
}
