//! The facts that the method rests on, with expected values worked out by hand.

use espalier_net::{
    Activation, DeviceChoice, GateForm, Layer, LossKind, Network, NetworkBuilder, Plan, Role, Session, Target, Units,
    Window, execute,
};
use espalier_seed::Seed;
use espalier_sparsifier::{Gates, Initial, Penalty, Removal, Sparsifier, SparsifierSettings, Track, living_units};
use espalier_strategy::conformance::{self, Driver, DriverOptions, Reference};
use espalier_strategy::{Clock, Gradients, Observations, Occasion, Strategy, View};

fn gated_mlp(form: GateForm) -> Network<f32> {
    conformance::gated_mlp(form, &Seed::new(1)).unwrap()
}

/// Convolution → gate → (batch norm) → ReLU → flatten → dense.
fn gated_conv(norm: bool, form: GateForm) -> Network<f32> {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [6, 6], 1).unwrap();
    let mut top = layers.conv("conv", x, 3, Window::square(3)).unwrap();
    top = layers.gate("gate", top, form).unwrap();
    if norm {
        top = layers.batch_norm("norm", top).unwrap();
    }
    top = layers.activation("relu", top, Activation::Relu).unwrap();
    top = layers.flatten("flat", top).unwrap();
    let logits = layers.dense("logits", top, 3).unwrap();
    layers.build(&[logits], &Seed::new(2)).unwrap()
}

/// The sum of two layers, with a gate behind the sum or on one of its inputs.
fn gated_sum(inside: bool) -> Network<f32> {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 6).unwrap();
    let left = layers.dense("left", x, 7).unwrap();
    let mut right = layers.dense("right", x, 7).unwrap();
    if inside {
        right = layers.gate("gate", right, GateForm::Rectified).unwrap();
    }
    let mut top = layers.sum("sum", &[left, right]).unwrap();
    if !inside {
        top = layers.gate("gate", top, GateForm::Rectified).unwrap();
    }
    let top = layers.activation("top", top, Activation::Relu).unwrap();
    let logits = layers.dense("logits", top, 3).unwrap();
    layers.build(&[logits], &Seed::new(3)).unwrap()
}

fn set(network: &mut Network<f32>, name: &str, values: &[f32]) {
    let id = network.find_parameter(name).unwrap();
    network.parameter_mut(id).values_mut().copy_from_slice(values);
}

fn outputs(network: &Network<f32>) -> Vec<f32> {
    let width: usize = network
        .inputs()
        .iter()
        .map(|id| network.node(*id).positions() * network.width(*id))
        .sum();
    let inputs: Vec<f32> = (0..16 * width).map(|k| (k as f32 * 0.73).sin()).collect();
    execute::evaluate(network, &[&inputs], 16).unwrap().concat()
}

fn deviation(before: &[f32], after: &[f32]) -> f32 {
    let largest = before.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
    before.iter().zip(after).fold(0.0_f32, |m, (x, y)| m.max((x - y).abs())) / largest
}

fn settings(penalty: Penalty, removal: Removal) -> SparsifierSettings {
    SparsifierSettings {
        lambda: 0.2,
        penalty,
        initial: Initial::Uniform,
        removal,
        ..SparsifierSettings::default()
    }
}

#[test]
fn keeps_the_contract() {
    let variance = Removal::SignVariance {
        gamma: 0.5,
        threshold: 0.5,
    };
    let strict = settings(Penalty::Strict, Removal::default());
    let non_strict = settings(Penalty::NonStrict, variance);
    let crossing = settings(Penalty::NonStrict, Removal::FirstSignChange);
    let networks = |form| {
        vec![
            Reference {
                name: "mlp",
                network: gated_mlp(form),
            },
            Reference {
                name: "conv",
                network: gated_conv(false, form),
            },
            Reference {
                name: "conv + batch norm",
                network: gated_conv(true, form),
            },
        ]
    };
    let mut rectified = networks(GateForm::Rectified);
    rectified.push(Reference {
        name: "sum",
        network: gated_sum(false),
    });
    for (references, settings) in [
        (rectified, strict),
        (networks(GateForm::Linear), non_strict),
        (networks(GateForm::Linear), crossing),
    ] {
        let count = references.len();
        let report = conformance::run_on(references, || Box::new(Sparsifier::new(settings.clone()))).unwrap();
        assert_eq!(report.supported(), count, "{report:?}");
        assert!(
            report.applied() > count,
            "first values alone are one proposal each: {report:?}"
        );
        assert!(
            report.scored > 0,
            "units that go have the sizes of their gates: {report:?}"
        );
    }
}

#[test]
fn sign_variance_follows_its_recurrence() {
    let removal = Removal::SignVariance {
        gamma: 0.9,
        threshold: 0.5,
    };
    let mut track = Track::start(0.2);
    // m = 1, v = 0. s = −1: v = .1·(−2)² = .4, m = .9 − .1 = .8. s = 1: v = .36 + .1·.2² = .364, m = .72 + .1 = .82.
    // s = −1: v = .3276 + .1·1.82² = .65884, which passes .5.
    for (theta, variance, dead) in [(-0.1, 0.4, false), (0.1, 0.364, false), (-0.1, 0.658_84, true)] {
        track.observe(theta, removal);
        assert!((track.variance - variance).abs() < 1e-12, "{track:?}");
        assert_eq!(track.dead, dead);
    }
    let mut steady = Track::start(0.2);
    (0..1000).for_each(|_| steady.observe(1e-9, removal));
    assert_eq!((steady.variance, steady.dead), (0.0, false));
}

#[test]
fn without_memory_sign_variance_is_the_first_sign_change() {
    let path = [0.4, 0.1, 0.02, -0.01, 0.3];
    let death = |removal| {
        let mut track = Track::start(path[0]);
        path.iter().position(|theta| {
            track.observe(*theta, removal);
            track.dead
        })
    };
    assert_eq!(death(Removal::FirstSignChange), Some(3));
    // (−1 − 1)² = 4 at the change.
    assert_eq!(
        death(Removal::SignVariance {
            gamma: 0.0,
            threshold: 3.9
        }),
        Some(3)
    );
    assert_eq!(death(Removal::Threshold { at: 0.0 }), None);
}

/// The penalty and what it adds to the gate's gradient, with λ = 0.1 in epoch 0 and θ = (1, 0.5, −2).
fn penalty_of(form: GateForm, penalty: Penalty, kernel_area: bool) -> (f64, Vec<f32>) {
    let mut network = gated_conv(false, form);
    set(&mut network, "gate.gate", &[1.0, 0.5, -2.0]);
    let mut session = Session::new(&network, 2, &DeviceChoice::Cpu, &Seed::new(2)).unwrap();
    let inputs = [0.3_f32; 72];
    session
        .loss_and_gradients(
            &mut network,
            &[&inputs],
            Target::Classes {
                labels: &[0, 1],
                weights: None,
            },
            LossKind::CrossEntropy,
        )
        .unwrap();
    let id = network.find_parameter("gate.gate").unwrap();
    let before = session.gradient(id).to_vec();
    let (observed, seed) = (Observations::default(), Seed::new(1));
    let view = View {
        network: &network,
        clock: Clock::default(),
        occasion: Occasion::Step,
        observed: &observed,
        seed: &seed,
    };
    let mut strategy = Sparsifier::new(SparsifierSettings {
        lambda: 0.1,
        penalty,
        kernel_area,
        ..SparsifierSettings::default()
    });
    let value = strategy.penalty(&view, &mut Gradients::of(&mut session)).unwrap();
    (
        value,
        session.gradient(id).iter().zip(&before).map(|(a, b)| a - b).collect(),
    )
}

#[test]
fn penalty_weighs_gates_by_kernel_area() {
    let close = |(value, gradient): (f64, Vec<f32>), expected: f64, slopes: [f32; 3]| {
        assert!((value - expected).abs() < 1e-6, "{value} against {expected}");
        assert!(
            gradient.iter().zip(slopes).all(|(g, s)| (g - s).abs() < 1e-5),
            "{gradient:?} against {slopes:?}"
        );
    };
    // Kernel 3 × 3: 0.1·9·(1 + 0.5) strictly, 0.1·9·(1 + 0.5 + 2) otherwise.
    close(
        penalty_of(GateForm::Rectified, Penalty::Strict, true),
        1.35,
        [0.9, 0.9, 0.0],
    );
    close(
        penalty_of(GateForm::Rectified, Penalty::NonStrict, true),
        3.15,
        [0.9, 0.9, -0.9],
    );
    close(
        penalty_of(GateForm::Linear, Penalty::NonStrict, false),
        0.35,
        [0.1, 0.1, -0.1],
    );
}

/// The proposal at the end of an epoch of four.
fn collected(network: &mut Network<f32>, strategy: &mut Sparsifier, epoch: u64) -> Option<espalier_strategy::Proposal> {
    let mut driver = Driver::new(network.clone(), strategy, DriverOptions::default(), &Seed::new(1)).unwrap();
    let (observed, seed) = (Observations::default(), Seed::new(1));
    let clock = Clock {
        epoch,
        epochs: 4,
        ..Clock::default()
    };
    let view = View {
        network,
        clock,
        occasion: Occasion::Epoch,
        observed: &observed,
        seed: &seed,
    };
    let proposal = strategy.propose(&view, &mut driver.oracle()).unwrap();
    if let Some(proposal) = &proposal {
        network.apply(&proposal.plan, &Default::default()).unwrap();
    }
    proposal
}

#[test]
fn collection_of_closed_gates_preserves_outputs() {
    let mut network = gated_mlp(GateForm::Rectified);
    set(&mut network, "gate.gate", &[0.7, 0.0, 1.3, -0.4, 0.2, 0.9, -1e-6, 1.1]);
    let before = outputs(&network);
    let proposal = collected(&mut network, &mut Sparsifier::new(SparsifierSettings::default()), 1).unwrap();
    assert!(proposal.preserves.is_some());
    // Three of eight are at or below 0.
    assert_eq!(network.group(network.find_group("hidden").unwrap()).width(), 5);
    assert!(deviation(&before, &outputs(&network)) <= 1e-5);
}

#[test]
fn the_constant_that_a_norm_makes_of_a_closed_gate_is_absorbed() {
    let mut network = gated_conv(true, GateForm::Rectified);
    set(&mut network, "gate.gate", &[0.7, -0.2, 1.3]);
    set(&mut network, "norm.bias", &[0.1, 2.0, -0.3]);
    set(&mut network, "norm.running_mean", &[0.1, -0.5, 0.2]);
    let before = outputs(&network);
    let mut bare = network.clone();
    let group = network.find_group("conv").unwrap();
    collected(&mut network, &mut Sparsifier::new(SparsifierSettings::default()), 1).unwrap();
    assert_eq!(network.group(group).width(), 2);
    assert!(deviation(&before, &outputs(&network)) <= 1e-5);
    // The constant is β + (0 + 0.5) = 2.5 with unit variance and scale: without absorption the outputs move.
    let edit = Units::of(&bare, group).prune(&[1]).unwrap().edit("without absorption");
    bare.apply(&Plan::new("comparison").with(edit), &Default::default())
        .unwrap();
    assert!(deviation(&before, &outputs(&bare)) > 0.01);
}

#[test]
fn folding_preserves_outputs_and_leaves_no_gate() {
    let mut network = gated_mlp(GateForm::Rectified);
    set(&mut network, "gate.gate", &[0.7, 0.0, 1.3, -0.4, 0.2, 0.9, 0.3, 1.1]);
    let before = outputs(&network);
    collected(&mut network, &mut Sparsifier::new(SparsifierSettings::default()), 4).unwrap();
    assert!(deviation(&before, &outputs(&network)) <= 1e-5);
    assert!(
        network
            .nodes()
            .iter()
            .all(|n| n.parameter(Role::Gate).is_none() && !matches!(n.layer(), Layer::Gate { .. }))
    );
}

#[test]
fn a_layer_keeps_its_best_unit_when_all_are_dead() {
    let mut network = gated_mlp(GateForm::Rectified);
    set(&mut network, "gate.gate", &[0.1, 0.2, 0.1, 0.3, 0.2, 0.1, 0.2, 0.1]);
    let id = network.find_group("hidden").unwrap();
    let best = network.group(id).units()[3];
    let removal = Removal::Threshold { at: 0.5 };
    let proposal = collected(
        &mut network,
        &mut Sparsifier::new(SparsifierSettings {
            removal,
            ..Default::default()
        }),
        1,
    )
    .unwrap();
    assert_eq!(network.group(id).units(), &[best]);
    assert_eq!(proposal.preserves, None, "open gates were cut");
}

#[test]
fn a_strong_penalty_shrinks_and_none_does_not() {
    let width = |lambda: f64| {
        let mut strategy = Sparsifier::new(SparsifierSettings {
            lambda,
            ..SparsifierSettings::default()
        });
        let mut driver = Driver::new(
            gated_mlp(GateForm::Rectified),
            &mut strategy,
            DriverOptions::default(),
            &Seed::new(1),
        )
        .unwrap();
        driver.run(&mut strategy).unwrap();
        driver
            .network
            .group(driver.network.find_group("hidden").unwrap())
            .width()
    };
    // With λ = 10, a rate of 0.05 moves every gate by 0.5 in the first step and by 0.95 in the second.
    assert_eq!(width(10.0), 1);
    assert_eq!(width(0.0), 8);
}

#[test]
fn a_dead_unit_stays_at_zero_until_it_is_collected() {
    let settings = SparsifierSettings {
        lambda: 10.0,
        penalty: Penalty::NonStrict,
        removal: Removal::FirstSignChange,
        collect_every_epochs: 100,
        fold_at_end: false,
        ..SparsifierSettings::default()
    };
    let mut strategy = Sparsifier::new(settings);
    let mut driver = Driver::new(
        gated_mlp(GateForm::Linear),
        &mut strategy,
        DriverOptions::default(),
        &Seed::new(1),
    )
    .unwrap();
    driver.run(&mut strategy).unwrap();
    let group = driver.network.find_group("hidden").unwrap();
    let dead = driver
        .network
        .group(group)
        .units()
        .iter()
        .filter(|u| strategy.track(u.number()).unwrap().dead)
        .count();
    assert_eq!(dead, 8);
    let seed = Seed::new(1);
    let mut controls = espalier_strategy::Controls::of(&mut driver.network, Clock::default(), &seed);
    strategy
        .control(espalier_strategy::Setting::Evaluation, &mut controls)
        .unwrap();
    drop(controls.finish());
    assert_eq!(living_units(&driver.network, &Gates::All), [("gate".to_owned(), 0)]);
}

#[test]
fn settings_and_networks_outside_their_range_are_named() {
    let refusal =
        |network: &Network<f32>, settings| Sparsifier::new(settings).prepare(network).unwrap_err().to_string();
    let base = SparsifierSettings::default;
    let mlp = gated_mlp(GateForm::Rectified);
    let negative = refusal(&mlp, SparsifierSettings { lambda: -1.0, ..base() });
    assert!(negative.contains("`lambda`") && negative.contains("-1"), "{negative}");
    let gamma = Removal::SignVariance {
        gamma: 1.0,
        threshold: 0.5,
    };
    assert!(
        refusal(
            &mlp,
            SparsifierSettings {
                removal: gamma,
                ..base()
            }
        )
        .contains("`removal.gamma`")
    );
    assert!(
        refusal(
            &mlp,
            SparsifierSettings {
                gates: Gates::Named(vec!["nothing".into()]),
                ..base()
            }
        )
        .contains("nothing")
    );
    assert!(refusal(&gated_mlp(GateForm::Linear), base()).contains("`penalty`"));
    let branch = refusal(&gated_sum(true), base());
    assert!(
        branch.contains("gate `gate`") && branch.contains("still emits"),
        "{branch}"
    );
    let plain = espalier_net::models::mlp::<f32>(4, &[3], 2, &Seed::new(1)).unwrap();
    assert!(refusal(&plain, base()).contains("no gate layer"));
}
