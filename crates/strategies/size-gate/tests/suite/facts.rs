//! The facts that the method rests on, with expected values worked out by hand.

use espalier_net::{
    Activation, DeviceChoice, GateForm, Layer, LossKind, Network, NetworkBuilder, Role, Session, Target, Window, models,
};
use espalier_seed::Seed;
use espalier_size_gate::{
    Compaction, GrayPhase, Opening, Order, Penalty, SizeGate, SizeGateSettings, SizeOptimizer, Slope, importances,
    sigmoid,
};
use espalier_strategy::conformance::{self, Driver, DriverOptions, Reference};
use espalier_strategy::{
    Batch, Clock, Controls, Gradients, Observations, Occasion, Sample, SampleOracle, Setting, Since, Spent, Strategy,
    View,
};

fn gated_mlp(form: GateForm) -> Network<f32> {
    conformance::gated_mlp(form, &Seed::new(1)).unwrap()
}

/// A gated convolution and a gated dense layer.
fn two_gates() -> Network<f32> {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [6, 6], 1).unwrap();
    let mut top = layers.conv("conv", x, 5, Window::square(3)).unwrap();
    top = layers.activation("relu1", top, Activation::Relu).unwrap();
    top = layers.gate("gate1", top, GateForm::Linear).unwrap();
    top = layers.flatten("flat", top).unwrap();
    top = layers.dense("dense", top, 8).unwrap();
    top = layers.activation("relu2", top, Activation::Relu).unwrap();
    top = layers.gate("gate2", top, GateForm::Linear).unwrap();
    let logits = layers.dense("logits", top, 3).unwrap();
    layers.build(&[logits], &Seed::new(2)).unwrap()
}

/// x₀ = 3 and k = 4 that stay as they are, but for what a test changes.
fn still() -> SizeGateSettings {
    let slope = Slope::Fixed { k: 4.0 };
    SizeGateSettings {
        start: 3.0,
        lambda: 0.0,
        slope,
        size_rate: 1e-9,
        compaction: Compaction::Never,
        ..Default::default()
    }
}

fn driven(settings: SizeGateSettings, network: Network<f32>) -> (Driver, SizeGate) {
    let mut strategy = SizeGate::new(settings);
    let mut driver = Driver::new(network, &mut strategy, DriverOptions::default(), &Seed::new(1)).unwrap();
    driver.run(&mut strategy).unwrap();
    (driver, strategy)
}

/// Loss of one step, after the strategy has set its gates and read the gradients.
fn one_step(strategy: &mut SizeGate, network: &mut Network<f32>) -> f64 {
    strategy.prepare(network).unwrap();
    let (observed, seed) = (Observations::default(), Seed::new(4));
    let mut controls = Controls::of(network, Clock::default(), &seed);
    strategy.control(Setting::Training, &mut controls).unwrap();
    drop(controls.finish());
    let mut session = Session::new(network, 4, &DeviceChoice::Cpu, &Seed::new(2)).unwrap();
    let inputs: Vec<f32> = (0..24).map(|k| 2.0 * (k as f32 * 0.7).sin()).collect();
    let target = Target::Classes {
        labels: &[0, 1, 2, 1],
        weights: None,
    };
    let loss = session
        .loss_and_gradients(network, &[&inputs], target, LossKind::CrossEntropy)
        .unwrap();
    let view = View {
        network,
        clock: Clock::default(),
        occasion: Occasion::Step,
        observed: &observed,
        seed: &seed,
    };
    strategy.gradients(&view, &mut Gradients::of(&mut session)).unwrap();
    let gate = network.find_parameter("gate.gate").unwrap();
    assert!(
        session.gradient(gate).iter().all(|g| *g == 0.0),
        "the optimizer would move the gates"
    );
    loss.loss
}

#[test]
fn keeps_the_contract() {
    let moving = SizeGateSettings {
        start: 4.0,
        lambda: 0.05,
        slope: Slope::Fixed { k: 2.0 },
        size_rate: 0.2,
        compaction: Compaction::EveryEpochs(1),
        ..SizeGateSettings::default()
    };
    let gray_phase = Some(GrayPhase {
        after_epochs: 1,
        factor: 3.0,
        margin: 1.0,
    });
    let variants = [
        moving.clone(),
        SizeGateSettings {
            order: Order::Activity,
            slope: Slope::Learned { k: 2.0, rate: 0.05 },
            ..moving.clone()
        },
        SizeGateSettings {
            order: Order::Importance { sample: Sample::Growth },
            gray_phase,
            ..moving.clone()
        },
        SizeGateSettings {
            order: Order::Scale,
            slope: Slope::RandomGrayZone { low: 1.0, high: 4.0 },
            ..moving.clone()
        },
        SizeGateSettings {
            opening: Opening::Bernoulli,
            straight_through: true,
            ..moving
        },
    ];
    for settings in variants {
        let references = vec![
            Reference {
                name: "mlp",
                network: gated_mlp(GateForm::Linear),
            },
            Reference {
                name: "two gates",
                network: two_gates(),
            },
        ];
        let report = conformance::run_on(references, || Box::new(SizeGate::new(settings.clone()))).unwrap();
        assert_eq!(report.supported(), 2, "{report:?}");
        assert!(report.applied() >= 8, "{report:?}");
        assert!(report.scored > 0, "closed units have ranks: {report:?}");
    }
}

#[test]
fn size_gradient_is_that_of_the_loss() {
    for order in [Order::Position, Order::Scale] {
        let settings = |start| SizeGateSettings {
            start,
            slope: Slope::Fixed { k: 1.0 },
            order,
            ..still()
        };
        let loss = |start| one_step(&mut SizeGate::new(settings(start)), &mut gated_mlp(GateForm::Linear));
        let numeric = (loss(3.35) - loss(3.25)) / 0.1;
        let mut strategy = SizeGate::new(settings(3.3));
        one_step(&mut strategy, &mut gated_mlp(GateForm::Linear));
        let found = strategy.dial("gate").unwrap().gradient;
        // The loss is single precision: 1e-7 / 0.1, and the step's curvature.
        assert!(
            (found - numeric).abs() < 1e-4 + 0.01 * numeric.abs() && found != 0.0,
            "{found} against {numeric}"
        );
    }
}

#[test]
fn hard_gates_give_the_size_no_gradient_but_straight_through() {
    for opening in [Opening::Step, Opening::Bernoulli] {
        let gradient = |straight_through| {
            let settings = SizeGateSettings {
                opening,
                straight_through,
                start: 3.4,
                slope: Slope::Fixed { k: 1.0 },
                ..still()
            };
            let mut strategy = SizeGate::new(settings);
            let mut network = gated_mlp(GateForm::Linear);
            one_step(&mut strategy, &mut network);
            let gates = network.parameter(network.find_parameter("gate.gate").unwrap()).values();
            assert!(gates.iter().all(|g| *g == 0.0 || *g == 1.0), "{gates:?}");
            strategy.dial("gate").unwrap().gradient
        };
        assert_eq!(gradient(false), 0.0);
        assert!(gradient(true).abs() > 1e-6, "{opening:?}");
    }
}

#[test]
fn a_penalty_on_the_position_runs_away_and_the_integral_does_not() {
    let last = |penalty| {
        let slope = Slope::Fixed { k: 1.0 };
        let settings = SizeGateSettings {
            penalty,
            slope,
            lambda: 1.0,
            size_rate: 1.0,
            size_optimizer: SizeOptimizer::Plain,
            ..still()
        };
        driven(settings, gated_mlp(GateForm::Linear)).1.dial("gate").unwrap().x0
    };
    // 24 steps of 1 from 3, but for the loss gradient, which vanishes with the gates.
    assert!(last(Penalty::Position) < -15.0, "{}", last(Penalty::Position));
    // Below 0 the integral's slope is about e^x0, so that x0 falls as −ln t: −ln 24 = −3.2.
    assert!(last(Penalty::Integral) > -5.0, "{}", last(Penalty::Integral));
}

#[test]
fn the_naive_sum_ends_training_with_an_error_that_names_the_gate() {
    let settings = SizeGateSettings {
        penalty: Penalty::NaiveSum,
        start: 500.0,
        slope: Slope::Fixed { k: 1.0 },
        lambda: 1e-5,
        ..still()
    };
    let mut strategy = SizeGate::new(settings.clone());
    let mut driver = Driver::new(
        gated_mlp(GateForm::Linear),
        &mut strategy,
        DriverOptions::default(),
        &Seed::new(1),
    )
    .unwrap();
    let error = driver.run(&mut strategy).unwrap_err().to_string();
    assert!(error.contains("gate `gate`") && error.contains("NaN"), "{error}");
    driven(
        SizeGateSettings {
            penalty: Penalty::Integral,
            ..settings
        },
        gated_mlp(GateForm::Linear),
    );
}

#[test]
fn random_gray_zones_stay_in_range_and_evaluation_uses_their_mean() {
    let slope = Slope::RandomGrayZone { low: 1.0, high: 20.0 };
    let (_, strategy) = driven(SizeGateSettings { slope, ..still() }, gated_mlp(GateForm::Linear));
    let dial = strategy.dial("gate").unwrap();
    // 2·ln 99 = 9.190240; /20, /1 and /10.5.
    assert!(
        (0.4595..9.1903).contains(&dial.step_k) && dial.step_k != dial.k,
        "{dial:?}"
    );
    assert!((dial.k - 0.875_261).abs() < 1e-5, "{dial:?}");
}

#[test]
fn compaction_keeps_the_units_whose_gates_are_open_and_leaves_no_gate() {
    let settings = SizeGateSettings {
        compaction: Compaction::AtEnd,
        ..still()
    };
    let (driver, _) = driven(settings, gated_mlp(GateForm::Linear));
    // σ(4(3 − i)) ≥ 0.01 for 4(3 − i) ≥ −ln 99 = −4.595, that is i ≤ 4.
    assert_eq!(
        driver
            .network
            .group(driver.network.find_group("hidden").unwrap())
            .width(),
        5
    );
    let edits = driver.settled.last().unwrap();
    assert!(edits.proposal.preserves.is_some() && edits.outcome.applied().is_some());
    assert!(
        driver
            .network
            .nodes()
            .iter()
            .all(|n| n.parameter(Role::Gate).is_none() && !matches!(n.layer(), Layer::Gate { .. }))
    );
}

#[test]
fn each_layer_has_its_own_size() {
    let starts = [("gate2".to_owned(), 6.5)].into();
    let settings = SizeGateSettings {
        start: 2.5,
        starts,
        ..still()
    };
    let (driver, strategy) = driven(settings, two_gates());
    for (gate, x0) in [("gate1", 2.5), ("gate2", 6.5)] {
        assert!((strategy.dial(gate).unwrap().x0 - x0).abs() < 1e-6);
        let stored = driver
            .network
            .parameter(driver.network.find_parameter(&format!("{gate}.gate")).unwrap())
            .values();
        let expected = |i: usize| 1.0 / (1.0 + (4.0 * (i as f64 - x0)).exp());
        assert!(
            stored
                .iter()
                .enumerate()
                .all(|(i, v)| (f64::from(*v) - expected(i)).abs() < 1e-5),
            "{stored:?}"
        );
    }
    // The integral of 5 gates at 2.5 is 2.5 by symmetry; that of 8 at 6.5 lacks ln(1 + e^−6)/4 = 0.000619 at the upper end.
    let sizes = strategy.sizes(&driver.network);
    assert!(
        (sizes[0].1 - 2.5).abs() < 1e-6 && (sizes[1].1 - 6.499_381).abs() < 1e-5,
        "{sizes:?}"
    );
}

#[test]
fn a_learned_slope_moves() {
    let slope = Slope::Learned { k: 1.0, rate: 0.1 };
    let (_, strategy) = driven(SizeGateSettings { slope, ..still() }, gated_mlp(GateForm::Linear));
    let k = strategy.dial("gate").unwrap().k;
    assert!((k - 1.0).abs() > 0.01 && (1e-3..=100.0).contains(&k), "{k}");
}

#[test]
fn the_second_phase_speeds_up_the_gray_zone_alone() {
    let gray_phase = Some(GrayPhase {
        after_epochs: 2,
        factor: 5.0,
        margin: 0.0,
    });
    let (driver, _) = driven(SizeGateSettings { gray_phase, ..still() }, gated_mlp(GateForm::Linear));
    // ln 99 / 4 = 1.149 around rank 3: ranks 2, 3 and 4; proposed once, as nothing moves.
    assert_eq!(driver.settled.len(), 1);
    let units = driver
        .network
        .group(driver.network.find_group("hidden").unwrap())
        .units();
    let expected: Vec<_> = units
        .iter()
        .enumerate()
        .map(|(i, u)| (*u, if (2..=4).contains(&i) { 5.0 } else { 1.0 }))
        .collect();
    assert_eq!(driver.settled[0].proposal.unit_rates, expected);
}

#[test]
fn units_are_ranked_by_their_activity() {
    let mut network = gated_mlp(GateForm::Linear);
    let mut strategy = SizeGate::new(SizeGateSettings {
        order: Order::Activity,
        ..still()
    });
    let mut driver = Driver::new(network.clone(), &mut strategy, DriverOptions::default(), &Seed::new(1)).unwrap();
    let mut moments = espalier_metrics::UnitMoments::new(8).unwrap();
    let activity = [0.1, 0.9, 0.5, 0.0, 0.7, 0.2, 0.8, 0.3];
    moments.observe(&activity, 8).unwrap();
    let mut observed = Observations::default();
    observed.plant_moments("relu", Since::Epoch, moments);
    let seed = Seed::new(1);
    let clock = Clock {
        epoch: 1,
        epochs: 4,
        ..Clock::default()
    };
    let view = View {
        network: &network,
        clock,
        occasion: Occasion::Epoch,
        observed: &observed,
        seed: &seed,
    };
    assert_eq!(strategy.propose(&view, &mut driver.oracle()).unwrap(), None);
    let mut controls = Controls::of(&mut network, clock, &seed);
    strategy.control(Setting::Training, &mut controls).unwrap();
    drop(controls.finish());
    let stored = network.parameter(network.find_parameter("gate.gate").unwrap()).values();
    // Ranks by hand: 0.9, 0.8, 0.7, 0.5, 0.3, 0.2, 0.1, 0.0 are units 1, 6, 4, 2, 7, 5, 0, 3.
    for (rank, unit) in [1, 6, 4, 2, 7, 5, 0, 3].into_iter().enumerate() {
        assert!(
            (f64::from(stored[unit]) - sigmoid::gate(rank as f64, 3.0, 4.0)).abs() < 1e-6,
            "{stored:?}"
        );
    }
}

#[test]
fn importance_is_the_loss_without_less_the_loss_with() {
    let mut network = models::mlp::<f32>(2, &[2], 2, &Seed::new(1)).unwrap();
    // Hidden units x0 and x1; only the first speaks, for class 0.
    for (name, values) in [
        ("hidden1.weight", [1.0, 0.0, 0.0, 1.0]),
        ("logits.weight", [2.0, 0.0, 0.0, 0.0]),
    ] {
        let id = network.find_parameter(name).unwrap();
        network.parameter_mut(id).values_mut().copy_from_slice(&values);
    }
    for name in ["hidden1.bias", "logits.bias"] {
        let id = network.find_parameter(name).unwrap();
        network.parameter_mut(id).values_mut().fill(0.0);
    }
    let mut session = Session::new(&network, 1, &DeviceChoice::Cpu, &Seed::new(2)).unwrap();
    let batch = Batch {
        inputs: &[1.0, 1.0],
        target: Target::Classes {
            labels: &[0],
            weights: None,
        },
        samples: 1,
    };
    let mut oracle = SampleOracle {
        session: &mut session,
        growth: batch,
        validation: batch,
        loss: LossKind::CrossEntropy,
        batch: 1,
        max_macs: None,
        spent: Spent::default(),
    };
    let group = network.find_group("hidden1").unwrap();
    let found = importances(&mut oracle, &network, group, Sample::Growth).unwrap();
    // ln 2 − ln(1 + e^−2) = 0.693147 − 0.126928 for the first, 0 for the silent one.
    assert!(
        (found[0] - 0.566_219).abs() < 1e-5 && found[1].abs() < 1e-6,
        "{found:?}"
    );
}

#[test]
fn settings_and_networks_outside_their_range_are_named() {
    let refusal = |network: &Network<f32>, settings| SizeGate::new(settings).prepare(network).unwrap_err().to_string();
    let mlp = gated_mlp(GateForm::Linear);
    let slope = refusal(
        &mlp,
        SizeGateSettings {
            slope: Slope::Fixed { k: 0.0 },
            ..still()
        },
    );
    assert!(slope.contains("`slope.k`") && slope.contains("0.001..=100"), "{slope}");
    assert!(
        refusal(
            &mlp,
            SizeGateSettings {
                epsilon: 1.0,
                ..still()
            }
        )
        .contains("`epsilon`")
    );
    assert!(
        refusal(
            &mlp,
            SizeGateSettings {
                start: f64::NAN,
                ..still()
            }
        )
        .contains("`start`")
    );
    assert!(
        refusal(
            &mlp,
            SizeGateSettings {
                starts: [("nothing".into(), 1.0)].into(),
                ..still()
            }
        )
        .contains("`nothing`")
    );
    assert!(refusal(&gated_mlp(GateForm::Rectified), still()).contains("linear gate"));
    assert!(refusal(&models::mlp::<f32>(4, &[3], 2, &Seed::new(1)).unwrap(), still()).contains("no gate layer"));
}
