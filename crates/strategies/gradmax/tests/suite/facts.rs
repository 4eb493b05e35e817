//! The facts that the method rests on, with expected values worked out by hand or measured by back-propagation.

use espalier_gradmax::{FanOutNorm, GradMax, GradMaxSettings, Search, directions};
use espalier_net::{
    Activation, DeviceChoice, FreshUnit, Layer, LossKind, Network, NetworkBuilder, Optimizer, OptimizerKind, Plan,
    Session, Target, Units, Window, execute, models,
};
use espalier_seed::Seed;
use espalier_strategy::conformance::Samples;
use espalier_strategy::{
    Batch, Clock, Effect, Error, Groups, Observations, Occasion, Oracle, Outcome, Proposal, Result, SampleOracle,
    Schedule, Spent, Strategy, View, newborns, places,
};
use faer::Mat;

const RATE: f64 = 0.01;

fn settings(new_units: usize) -> GradMaxSettings {
    GradMaxSettings {
        new_units,
        ..GradMaxSettings::default()
    }
}

/// Asks for a proposal at the start, on a batch that is given.
fn propose(network: &Network<f32>, batch: Batch<'_>, loss: LossKind, settings: GradMaxSettings) -> Result<Proposal> {
    with_oracle(network, batch, loss, |oracle| {
        let mut strategy = GradMax::when(Schedule::Start, settings);
        strategy.prepare(network)?;
        let view = View {
            network,
            clock: Clock {
                learning_rate: RATE,
                ..Clock::default()
            },
            occasion: Occasion::Start,
            observed: &Observations::default(),
            seed: &Seed::new(5),
        };
        Ok(strategy.propose(&view, oracle)?.unwrap())
    })
}

fn with_oracle<T>(
    network: &Network<f32>,
    batch: Batch<'_>,
    loss: LossKind,
    ask: impl FnOnce(&mut dyn Oracle) -> T,
) -> T {
    let mut session = Session::new(network, batch.samples, &DeviceChoice::Cpu, &Seed::new(2)).unwrap();
    ask(&mut SampleOracle {
        session: &mut session,
        growth: batch,
        validation: batch,
        loss,
        batch: batch.samples,
        max_macs: None,
        spent: Spent::default(),
    })
}

/// Two inputs, one hidden unit that says nothing, two outputs with fan-out (3, 4).
fn silent(function: Activation) -> Network<f32> {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 2).unwrap();
    let hidden = layers.dense("hidden", x, 1).unwrap();
    let hidden = layers.activation("f", hidden, function).unwrap();
    let out = layers.dense("out", hidden, 2).unwrap();
    let mut network = layers.build::<f32>(&[out], &Seed::new(1)).unwrap();
    for (name, values) in [
        ("hidden.weight", &[0.0, 0.0][..]),
        ("hidden.bias", &[0.0]),
        ("out.weight", &[3.0, 4.0]),
        ("out.bias", &[0.0, 0.0]),
    ] {
        let id = network.find_parameter(name).unwrap();
        network.parameter_mut(id).values_mut().copy_from_slice(values);
    }
    network
}

const INPUTS: [f32; 4] = [1.0, 0.0, 0.0, 1.0];
/// The loss Σ (y − t)² has δ = −2t at y = 0: δ₁ = (1.8, 2.4) = 3·(0.6, 0.8) and δ₂ = (−0.8, 0.6), so that
/// A = δ₁x₁ᵀ + δ₂x₂ᵀ = 3·(0.6, 0.8)·(1, 0)ᵀ + 1·(−0.8, 0.6)·(0, 1)ᵀ is its own singular value decomposition.
const TARGETS: [f32; 4] = [-0.9, -1.2, 0.4, -0.3];

fn batch() -> Batch<'static> {
    Batch {
        inputs: &INPUTS,
        target: Target::Values(&TARGETS),
        samples: 2,
    }
}

fn values(proposal: &Proposal, unit: usize, key: &str) -> Vec<f64> {
    let espalier_net::Edit::Units(edit) = &proposal.plan.edits[0] else {
        panic!("{proposal:?}")
    };
    match &edit.units[unit] {
        espalier_net::NewUnit::Fresh(fresh) => fresh.values.get(key).cloned().unwrap_or_default(),
        kept => panic!("{kept:?}"),
    }
}

fn close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{found:?} {expected:?}");
    let near = |(x, y): (&f64, &f64)| (x - y).abs() < 1e-6;
    assert!(found.iter().zip(expected).all(near), "{found:?} {expected:?}");
}

/// The proposal on a copy of the network.
fn applied(network: &Network<f32>, batch: Batch<'_>, proposal: &Proposal) -> (Network<f32>, espalier_net::Applied) {
    let mut after = network.clone();
    let mut optimizer = Optimizer::new(OptimizerKind::sgd(0.9), &after).unwrap();
    let outcome = proposal
        .carry_out(&mut after, &mut optimizer, &[batch.inputs], batch.samples)
        .unwrap();
    match outcome {
        Outcome::Applied(applied) => (after, *applied),
        other => panic!("{other:?}"),
    }
}

/// All trained values of the units that a plan added, with their gradients.
fn newborn_gradients(
    network: &Network<f32>,
    applied: &espalier_net::Applied,
    batch: Batch<'_>,
    loss: LossKind,
) -> Vec<(espalier_net::ParameterId, usize, f64)> {
    let probe = with_oracle(network, batch, loss, |o| o.probe(network, &[])).unwrap();
    let young = newborns(applied, network);
    let mut found = Vec::new();
    for group in network.group_ids() {
        for (unit, id) in network.group(group).units().iter().enumerate() {
            for owner in network.owners(group).iter().filter(|_| young.contains(id)) {
                if network.parameter(owner.parameter).role().is_trained() {
                    found.extend(places(network, owner, unit).into_iter().map(|i| (owner.parameter, i)));
                }
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    let of = |(id, i): (espalier_net::ParameterId, usize)| (id, i, f64::from(probe.gradient(id)[i]));
    found.into_iter().map(of).collect()
}

#[test]
fn a_known_auxiliary_gradient_gives_its_left_singular_vectors() {
    let network = silent(Activation::Identity);
    // The living fan-out (3, 4) has norm 5, a tenth of it is c = 0.5.
    for norm in [FanOutNorm::Fixed(0.5), FanOutNorm::Living(0.1)] {
        for search in [Search::SingularVectors, Search::OPTIMISED] {
            let settings = GradMaxSettings {
                norm,
                search,
                ..settings(2)
            };
            let proposal = propose(&network, batch(), LossKind::SumSquaredError, settings).unwrap();
            if search == Search::SingularVectors {
                close(&values(&proposal, 1, "out.weight@0"), &[0.3, 0.4]);
                close(&values(&proposal, 2, "out.weight@0"), &[0.4, -0.3]);
            }
            assert!(values(&proposal, 1, "hidden.weight@1").is_empty());
            close(&values(&proposal, 1, "hidden.bias@0"), &[0.0]);
            // The sums below are the same for any two orthogonal fan-outs, among which the ascent has nothing to climb.
            // Fan-in: c²·(3² + 1²) = 2.5. Biases: Σδ = (1, 3), so (0.3·1 + 0.4·3)² + (0.4·1 − 0.3·3)² = 2.25 + 0.25.
            let prediction = proposal.prediction.unwrap();
            assert_eq!(prediction.of, Effect::GradientStep { rate: RATE });
            assert!((prediction.decrease - RATE * 5.0).abs() < 1e-7, "{prediction:?}");
        }
    }
}

#[test]
fn the_ascent_finds_the_first_singular_vector_of_a_known_gradient() {
    let network = silent(Activation::Identity);
    let one = GradMaxSettings {
        norm: FanOutNorm::Fixed(0.5),
        search: Search::OPTIMISED,
        ..settings(1)
    };
    let proposal = propose(&network, batch(), LossKind::SumSquaredError, one).unwrap();
    let found = values(&proposal, 1, "out.weight@0");
    assert!(
        (found[0] - 0.3).abs() < 1e-3 && (found[1] - 0.4).abs() < 1e-3,
        "{found:?}"
    );
    // c²·3² from the fan-in and (0.3·1 + 0.4·3)² from the bias.
    assert!((proposal.prediction.unwrap().decrease / (RATE * (2.25 + 2.25)) - 1.0).abs() < 1e-3);
}

#[test]
fn the_predicted_decrease_is_the_limit_of_measured_ones() {
    let network = silent(Activation::Identity);
    let fixed = GradMaxSettings {
        norm: FanOutNorm::Fixed(0.5),
        ..settings(2)
    };
    let proposal = propose(&network, batch(), LossKind::SumSquaredError, fixed).unwrap();
    let (after, applied) = applied(&network, batch(), &proposal);
    let loss = |n: &Network<f32>| with_oracle(n, batch(), LossKind::SumSquaredError, |o| o.probe(n, &[]).unwrap().loss);
    for rate in [0.16, 0.04, 0.01] {
        let mut stepped = after.clone();
        for (id, i, gradient) in newborn_gradients(&after, &applied, batch(), LossKind::SumSquaredError) {
            let value = &mut stepped.parameter_mut(id).values_mut()[i];
            *value = (f64::from(*value) - rate * gradient) as f32;
        }
        // The outputs become −r·(0.7, 1.35) and −r·(0.05, 0.9), so that the loss falls by 5r − (2.3125 + 0.8125)·r².
        let measured = loss(&after) - loss(&stepped);
        assert!(
            (measured - (5.0 * rate - 3.125 * rate * rate)).abs() < 2e-6,
            "{rate}: {measured}"
        );
    }
}

#[test]
fn a_rectifier_is_lifted_and_its_constant_absorbed() {
    let network = silent(Activation::Relu);
    let fixed = GradMaxSettings {
        norm: FanOutNorm::Fixed(0.5),
        ..settings(2)
    };
    let proposal = propose(&network, batch(), LossKind::SumSquaredError, fixed).unwrap();
    // At rate 1 the first unit moves by 1.5 + 1.5 on x₁ and by 1.5 on x₂, the second by −0.5 and −1: the bias is 2·0.01·3.
    close(&values(&proposal, 1, "hidden.bias@0"), &[0.06]);
    close(&values(&proposal, 2, "hidden.bias@0"), &[0.06]);
    // −0.06·(0.3 + 0.4, 0.4 − 0.3)
    let (name, bias) = &proposal.values[0];
    assert_eq!(name, "out.bias");
    close(
        &bias.iter().map(|b| f64::from(*b)).collect::<Vec<_>>(),
        &[-0.042, -0.006],
    );
    // As for the identity, and for each unit 0.06²·‖(1, 3)‖² from its fan-out.
    let expected = RATE * (5.0 + 2.0 * 0.0036 * 10.0);
    assert!((proposal.prediction.unwrap().decrease - expected).abs() < 1e-7);
    let (after, _) = applied(&network, batch(), &proposal);
    let outputs = execute::evaluate(&after, &[&INPUTS], 2).unwrap();
    assert!(outputs[0].iter().all(|y| y.abs() < 1e-8), "{outputs:?}");
}

#[test]
fn without_a_lift_a_rectified_unit_of_zero_fan_in_has_no_gradient() {
    let mut network = silent(Activation::Relu);
    let group = network.find_group("hidden").unwrap();
    let mut fresh = FreshUnit::default();
    fresh.values.insert("out.weight@0".to_owned(), vec![0.3, 0.4]);
    let plan = Plan::new("zero fan-in").with(Units::of(&network, group).widen([fresh]).edit("widen"));
    let applied = network.apply(&plan, &Default::default()).unwrap();
    let gradients = newborn_gradients(&network, &applied, batch(), LossKind::SumSquaredError);
    assert!(gradients.iter().all(|g| g.2 == 0.0), "{gradients:?}");
}

/// Networks for one group or more: all ways between layers that the method knows.
fn ways() -> Vec<(&'static str, Network<f32>)> {
    let mut found = vec![
        ("mlp", models::mlp(6, &[5, 4], 3, &Seed::new(1)).unwrap()),
        ("residual", models::residual_mlp(6, 5, 4, 2, 3, &Seed::new(2)).unwrap()),
        ("concat", models::concat_net(6, [4, 5], 6, 3, &Seed::new(3)).unwrap()),
    ];
    for function in [
        Activation::Tanh,
        Activation::Sigmoid,
        Activation::Gelu,
        Activation::LeakyRelu { slope: 0.1 },
    ] {
        let mut layers = NetworkBuilder::new();
        let x = layers.input("x", [1, 1], 6).unwrap();
        let h = layers.dense("hidden", x, 4).unwrap();
        let h = layers.activation("f", h, function).unwrap();
        let y = layers.dense("y", h, 3).unwrap();
        found.push(("curved", layers.build(&[y], &Seed::new(4)).unwrap()));
    }
    for (name, window, pool) in [
        (
            "padded",
            Window::same(3),
            Layer::AvgPool {
                window: Window::pool(2),
            },
        ),
        (
            "bare",
            Window::square(3).strided(2),
            Layer::AdaptiveAvgPool { output: [2, 2] },
        ),
    ] {
        let mut layers = NetworkBuilder::new();
        let x = layers.input("x", [7, 6], 2).unwrap();
        let a = layers.conv("a", x, 3, Window::square(2)).unwrap();
        let a = layers.activation("a.relu", a, Activation::Relu).unwrap();
        let b = layers.conv("b", a, 3, window).unwrap();
        let b = layers.activation("b.relu", b, Activation::Relu).unwrap();
        let b = layers.layer("pool", pool, &[b], 0).unwrap();
        let b = layers.flatten("flatten", b).unwrap();
        let y = layers.dense("y", b, 3).unwrap();
        found.push((name, layers.build(&[y], &Seed::new(5)).unwrap()));
    }
    found
}

#[test]
fn the_prediction_is_the_back_propagated_gradient_and_the_function_stays() {
    for (name, network) in ways() {
        let samples = Samples::for_network(&network, 24, &Seed::new(6));
        let batch = samples.batch(0, 24);
        for search in [Search::SingularVectors, Search::OPTIMISED] {
            let settings = GradMaxSettings { search, ..settings(2) };
            let proposal = propose(&network, batch, LossKind::CrossEntropy, settings).unwrap();
            assert_eq!(proposal.plan.edits.len(), network.editable_groups().len(), "{name}");
            let (after, applied) = applied(&network, batch, &proposal);
            assert!(applied.deviation.unwrap() < 1e-5, "{name}: {:?}", applied.deviation);
            let gradients = newborn_gradients(&after, &applied, batch, LossKind::CrossEntropy);
            let measured = RATE * gradients.iter().map(|g| g.2 * g.2).sum::<f64>();
            let predicted = proposal.prediction.unwrap().decrease;
            assert!(
                (predicted / measured - 1.0).abs() < 1e-3,
                "{name}: {predicted} {measured}"
            );
        }
    }
}

#[test]
fn no_direction_of_the_same_norms_has_a_larger_gradient() {
    let mut stream = Seed::new(8).stream();
    let matrix = Mat::from_fn(9, 6, |_, _| stream.normal());
    let total = |v: &Mat<f64>| (matrix.transpose() * v).squared_norm_l2();
    let best = directions(matrix.as_ref(), 3, Search::SingularVectors, &mut stream).unwrap();
    // One step from a random start only orthonormalises it.
    let some = Search::Optimised { steps: 1, rate: 1e-12 };
    for _ in 0..200 {
        let other = directions(matrix.as_ref(), 3, some, &mut stream).unwrap();
        assert!(total(&other) < total(&best));
    }
    let climbed = directions(matrix.as_ref(), 3, Search::OPTIMISED, &mut stream).unwrap();
    assert!((total(&climbed) / total(&best) - 1.0).abs() < 1e-6);
    let gram = climbed.transpose() * &climbed;
    assert!((0..9).all(|k| (gram[(k / 3, k % 3)] - f64::from(u8::from(k / 3 == k % 3))).abs() < 1e-9));
}

#[test]
fn no_more_units_come_than_there_are_directions() {
    // The gradients of three logits add up to 0 on each sample: rank 2.
    let network = models::mlp(6, &[5], 3, &Seed::new(1)).unwrap();
    let samples = Samples::for_network(&network, 24, &Seed::new(6));
    let proposal = propose(&network, samples.batch(0, 24), LossKind::CrossEntropy, settings(9)).unwrap();
    let (after, _) = applied(&network, samples.batch(0, 24), &proposal);
    assert_eq!(after.group(after.find_group("hidden1").unwrap()).width(), 5 + 2);
    let nan = Mat::from_fn(2, 2, |_, _| f64::NAN);
    let refused = directions(nan.as_ref(), 1, Search::SingularVectors, &mut Seed::new(1).stream());
    assert!(matches!(refused, Err(Error::Observation { .. })));
    let zero = Mat::<f64>::zeros(2, 2);
    let none = directions(zero.as_ref(), 1, Search::OPTIMISED, &mut Seed::new(1).stream()).unwrap();
    assert_eq!(none.ncols(), 0);
}

#[test]
fn padding_makes_the_units_come_in_pairs() {
    let (_, network) = ways().into_iter().find(|w| w.0 == "padded").unwrap();
    let samples = Samples::for_network(&network, 24, &Seed::new(6));
    let named = GradMaxSettings {
        groups: Groups::one("a"),
        ..settings(3)
    };
    let proposal = propose(&network, samples.batch(0, 24), LossKind::CrossEntropy, named).unwrap();
    assert!(proposal.values.is_empty());
    // Three are rounded up to two pairs, behind the three units that there were.
    for pair in [3, 5] {
        let (plus, minus) = (
            values(&proposal, pair, "b.weight@0"),
            values(&proposal, pair + 1, "b.weight@0"),
        );
        assert!(plus.iter().zip(&minus).all(|(x, y)| *x == -*y));
    }
}

fn refusal(network: &Network<f32>, settings: GradMaxSettings) -> String {
    GradMax::new(settings).prepare(network).unwrap_err().to_string()
}

#[test]
fn what_has_no_derivative_is_refused_by_name() {
    let cnn = |batch_norm, hidden: &[usize]| {
        let options = models::CnnOptions {
            map: [8, 8],
            inputs: 1,
            channels: vec![4],
            window: Window::same(3),
            hidden: hidden.to_vec(),
            outputs: 3,
            batch_norm,
        };
        models::cnn::<f32>(&options, &Seed::new(1)).unwrap()
    };
    let said = refusal(&cnn(false, &[]), settings(1));
    assert!(said.contains("group `conv1`: layer `pool1` takes a maximum"), "{said}");
    let said = refusal(&cnn(true, &[]), settings(1));
    assert!(
        said.contains("group `conv1`: layer `norm1` divides by a spread"),
        "{said}"
    );
    // Other groups are passed over, unless they are named.
    assert!(GradMax::new(settings(1)).prepare(&cnn(false, &[5])).is_ok());
    let named = GradMaxSettings {
        groups: Groups::one("conv1"),
        ..settings(1)
    };
    assert!(refusal(&cnn(false, &[5]), named).contains("`pool1`"));
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 2).unwrap();
    let h = layers.layer("bare", Layer::Dense { bias: false }, &[x], 3).unwrap();
    let h = layers.activation("relu", h, Activation::Relu).unwrap();
    let y = layers.dense("y", h, 2).unwrap();
    let said = refusal(&layers.build(&[y], &Seed::new(1)).unwrap(), settings(1));
    assert!(said.contains("layer `bare` has no bias to lift a new unit"), "{said}");
}

#[test]
fn settings_outside_their_ranges_are_named() {
    let network = silent(Activation::Relu);
    let base = || settings(1);
    let cases = [
        (
            GradMaxSettings { new_units: 0, ..base() },
            "`new_units`: expected at least 1, found 0",
        ),
        (
            GradMaxSettings {
                every_epochs: 0,
                ..base()
            },
            "`every_epochs`: expected at least 1, found 0",
        ),
        (
            GradMaxSettings {
                norm: FanOutNorm::Fixed(0.0),
                ..base()
            },
            "`norm`: expected above 0, found 0",
        ),
        (
            GradMaxSettings {
                rate: Some(f64::NAN),
                ..base()
            },
            "`rate`: expected above 0, found NaN",
        ),
        (
            GradMaxSettings {
                reach_steps: 0.5,
                ..base()
            },
            "`reach_steps`: expected at least 1, found 0.5",
        ),
        (
            GradMaxSettings {
                search: Search::Optimised { steps: 0, rate: 1.0 },
                ..base()
            },
            "`steps`: expected at least 1, found 0",
        ),
    ];
    for (settings, expected) in cases {
        let said = refusal(&network, settings);
        assert!(said.contains(expected), "{said}");
    }
}
