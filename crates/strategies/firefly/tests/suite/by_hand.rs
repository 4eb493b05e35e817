//! One step of training, worked out by hand.

use espalier_firefly::{Firefly, FireflySettings};
use espalier_net::{Activation, DeviceChoice, Edit, LossKind, Network, NetworkBuilder, NewUnit, Session, Target};
use espalier_seed::Seed;
use espalier_strategy::{
    Batch, Clock, Observations, Occasion, Proposal, SampleOracle, Schedule, Spent, Strategy, View,
};

const INPUTS: [f32; 6] = [1.0, 2.0, -1.0, 0.5, 0.0, -2.0];
const TARGETS: [f32; 3] = [1.0, -1.0, 3.0];

/// Two inputs, one linear unit, one output; all weights are 0, so that the output is 0.
fn network() -> Network<f32> {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 2).unwrap();
    let hidden = layers.dense("hidden", x, 1).unwrap();
    let hidden = layers.activation("f", hidden, Activation::Identity).unwrap();
    let out = layers.dense("out", hidden, 1).unwrap();
    let mut network = layers.build::<f32>(&[out], &Seed::new(1)).unwrap();
    for name in ["hidden.weight", "hidden.bias", "out.weight", "out.bias"] {
        let id = network.find_parameter(name).unwrap();
        network.parameter_mut(id).values_mut().fill(0.0);
    }
    network
}

fn propose(settings: FireflySettings) -> Proposal {
    let network = network();
    let batch = Batch {
        inputs: &INPUTS,
        target: Target::Values(&TARGETS),
        samples: 3,
    };
    let mut session = Session::new(&network, 3, &DeviceChoice::Cpu, &Seed::new(2)).unwrap();
    let mut oracle = SampleOracle {
        session: &mut session,
        growth: batch,
        validation: batch,
        loss: LossKind::MeanSquaredError,
        batch: 3,
        max_macs: None,
        spent: Spent::default(),
    };
    let mut strategy = Firefly::when(Schedule::Start, settings);
    strategy.prepare(&network).unwrap();
    let view = View {
        network: &network,
        clock: Clock::default(),
        occasion: Occasion::Start,
        observed: &Observations::default(),
        seed: &Seed::new(5),
    };
    strategy.propose(&view, &mut oracle).unwrap().unwrap()
}

#[test]
fn one_step_moves_the_fan_out_alone_and_promises_its_length_times_the_gradient() {
    let rate = 0.02;
    let proposal = propose(FireflySettings {
        new_units: 1,
        candidates: 3,
        steps: 1,
        rate,
        ..FireflySettings::default()
    });
    let Edit::Units(edit) = &proposal.plan.edits[0] else {
        panic!("units")
    };
    let NewUnit::Fresh(unit) = edit.units.last().unwrap() else {
        panic!("a fresh unit")
    };
    let (fan_in, bias) = (&unit.values["hidden.weight@1"], unit.values["hidden.bias@0"][0]);
    let emitted = |sample: usize| {
        let x = &INPUTS[2 * sample..];
        f64::from(x[0]) * fan_in[0] + f64::from(x[1]) * fan_in[1] + bias
    };
    // L = mean (out − y)², out = 0: ∂L/∂v = mean −2·y·z.
    let gradient = (0..3).map(|n| -2.0 * f64::from(TARGETS[n]) * emitted(n)).sum::<f64>() / 3.0;
    // RMSprop's first step is rate / √0.1 against the sign of the gradient.
    let length = rate / 0.1_f64.sqrt();
    let fan_out = unit.values["out.weight@0"][0];
    assert!(
        (fan_out + length * gradient.signum()).abs() < 1e-6,
        "{fan_out} {length} {gradient}"
    );
    let promised = proposal.prediction.unwrap().decrease;
    assert!(
        (promised - length * gradient.abs()).abs() < 1e-6,
        "{promised} {length} {gradient}"
    );
}

#[test]
fn the_best_candidates_are_kept() {
    let settings = |new_units| FireflySettings {
        new_units,
        candidates: 6,
        steps: 4,
        ..FireflySettings::default()
    };
    let promise = |new_units| propose(settings(new_units)).prediction.unwrap().decrease;
    let promises = [1, 2, 6].map(promise);
    assert!(
        promises[0] > 0.0 && promises[1] > promises[0] && promises[2] >= promises[1],
        "{promises:?}"
    );
    // Equally many draws, so that the first is the best of all: no two of them promise more than twice as much.
    assert!(promises[1] <= 2.0 * promises[0], "{promises:?}");
}
