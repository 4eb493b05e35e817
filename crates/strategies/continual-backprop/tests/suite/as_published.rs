//! The authors' own code, run apart, decides as ours does: `vectors/authors_code.json` says where it comes from.

use std::collections::BTreeMap;

use espalier_continual_backprop::{ContinualBackprop, ContinualBackpropSettings, Form};
use espalier_net::{
    DeviceChoice, Edit, Initializer, LossKind, Network, NewUnit, Optimizer, OptimizerKind, Session, Target, UnitId,
    models,
};
use espalier_seed::Seed;
use espalier_strategy::conformance::{Driver, DriverOptions};
use espalier_strategy::{Clock, Fixed, Observations, Occasion, Proposal, Strategy, View};
use serde::Deserialize;

#[derive(Deserialize)]
struct Layer {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

#[derive(Deserialize)]
struct Step {
    inputs: Vec<f32>,
    learned: Vec<Layer>,
    utility: Vec<Vec<f64>>,
    replaced: Vec<Vec<usize>>,
    after: Vec<Layer>,
}

#[derive(Deserialize)]
struct Run {
    start: Vec<Layer>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Vectors {
    #[serde(rename = "as it runs")]
    as_it_runs: Run,
    #[serde(rename = "mean kept")]
    mean_kept: Run,
}

const GROUPS: [&str; 2] = ["hidden1", "hidden2"];
const SAMPLES: usize = 8;

fn set(network: &mut Network<f32>, layers: &[Layer]) {
    for (name, layer) in ["hidden1", "hidden2", "logits"].iter().zip(layers) {
        for (role, values) in [("weight", &layer.weight), ("bias", &layer.bias)] {
            let id = network.find_parameter(&format!("{name}.{role}")).unwrap();
            network.parameter_mut(id).values_mut().copy_from_slice(values);
        }
    }
}

fn values(network: &Network<f32>, name: &str) -> Vec<f32> {
    network
        .parameter(network.find_parameter(name).unwrap())
        .values()
        .to_vec()
}

/// The units that a proposal replaces, by the name of their group.
fn replaced(proposal: Option<&Proposal>) -> BTreeMap<String, Vec<usize>> {
    let edits = proposal.map_or(&[][..], |p| &p.plan.edits);
    let of = |edit: &Edit| {
        let Edit::Units(units) = edit else { panic!("{edit:?}") };
        let fresh = (0..units.units.len()).filter(|u| matches!(units.units[*u], NewUnit::Fresh(_)));
        (units.group.clone(), fresh.collect())
    };
    edits.iter().map(of).collect()
}

/// Observes the hidden activations of a batch with the weights of before the gradient step.
fn observe(strategy: &ContinualBackprop, network: &mut Network<f32>, clock: &Clock, inputs: &[f32]) -> Observations {
    let mut session = Session::new(network, SAMPLES, &DeviceChoice::Cpu, &Seed::new(2)).unwrap();
    let needs = strategy.needs(network, clock);
    session.observe(&needs.nodes());
    let target = Target::Values(&[0.0; 2 * SAMPLES]);
    session
        .loss_and_gradients(network, &[inputs], target, LossKind::MeanSquaredError)
        .unwrap();
    let mut observed = Observations::default();
    observed.collect(&needs, network, &session).unwrap();
    observed
}

fn near(found: &[f32], expected: &[f32], what: &str) {
    let close = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-5 * (1.0 + b.abs());
    assert!(
        found.len() == expected.len() && found.iter().zip(expected).all(close),
        "{what}: {found:?} {expected:?}"
    );
}

/// Checks every decision of a run and returns the number of replaced units.
fn check(run: &Run, form: Form) -> usize {
    let mut network = models::mlp::<f32>(3, &[5, 4], 2, &Seed::new(1)).unwrap();
    set(&mut network, &run.start);
    let settings = ContinualBackpropSettings {
        decay: 0.9,
        replacement: 0.08,
        maturity: 4,
        distribution: Initializer::HeUniform,
        form,
        ..Default::default()
    };
    let mut strategy = ContinualBackprop::new(settings);
    let mut optimizer = Optimizer::new(OptimizerKind::sgd(0.0), &network).unwrap();
    let mut driver = Driver::new(network.clone(), &mut Fixed, DriverOptions::default(), &Seed::new(1)).unwrap();
    let mut replacements = 0;
    for (k, step) in run.steps.iter().enumerate() {
        let clock = Clock {
            step: k as u64 + 1,
            ..Clock::default()
        };
        let observed = observe(&strategy, &mut network, &clock, &step.inputs);
        set(&mut network, &step.learned);
        let view = View {
            network: &network,
            clock,
            occasion: Occasion::Step,
            observed: &observed,
            seed: &Seed::new(9).index(k as u64),
        };
        let proposal = strategy.propose(&view, &mut driver.oracle()).unwrap();
        let chosen = replaced(proposal.as_ref());
        // The code averages over the readers of a unit, the paper sums: 4 of the first layer's units, 2 of the second's.
        for ((name, readers), (expected, utility)) in GROUPS
            .iter()
            .zip([4.0, 2.0])
            .zip(step.replaced.iter().zip(&step.utility))
        {
            assert_eq!(
                chosen.get(*name).map_or(&[][..], Vec::as_slice),
                expected,
                "step {k}, {name}"
            );
            let units: Vec<UnitId> = network.group(network.find_group(name).unwrap()).units().to_vec();
            for (unit, expected) in units.iter().zip(utility) {
                let found = strategy.record(*unit).corrected_utility(0.9) / readers;
                assert!(
                    (found - expected).abs() <= 1e-5 * (1e-3 + expected),
                    "step {k}, {name}: {found} {expected}"
                );
            }
            replacements += expected.len();
        }
        if let Some(proposal) = &proposal {
            let outcome = proposal
                .carry_out(&mut network, &mut optimizer, &[&step.inputs], SAMPLES)
                .unwrap();
            assert!(outcome.applied().is_some(), "{outcome:?}");
            strategy.settled(&outcome, &network).unwrap();
            let [_, second, logits] = &step.after[..] else {
                panic!("three layers")
            };
            // Biases that took up what replaced units emitted, and fan-out weights that became 0.
            near(&values(&network, "hidden2.bias"), &second.bias, "hidden2.bias");
            near(&values(&network, "logits.bias"), &logits.bias, "logits.bias");
            near(&values(&network, "logits.weight"), &logits.weight, "logits.weight");
        }
        // What the authors' code drew for the new units.
        set(&mut network, &step.after);
    }
    replacements
}

#[test]
fn as_published() {
    let vectors: Vectors = serde_json::from_str(include_str!("../vectors/authors_code.json")).unwrap();
    assert!(check(&vectors.mean_kept, Form::AuthorsCode) > 10);
    assert!(check(&vectors.as_it_runs, Form::AuthorsRun) > 10);
}
