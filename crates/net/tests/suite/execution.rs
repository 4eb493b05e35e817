//! What passes promise besides right gradients: sharing of memory, folding, determinism, modes.

use crate::random_networks::{self, Choice, batch, perturb};
use candle_core::Device;
use espalier_net::models::{self, CnnOptions};
use espalier_net::{
    Ablation, Activation, ApplyOptions, DeviceChoice, Error, GateForm, Head, Layer, LossKind, Mode, Network,
    NetworkBuilder, NodeId, ParameterId, Plan, Role, Session, Target, Threads, Units, Window, execute,
};
use espalier_seed::{Seed, Stream};

fn slices<E>(values: &[Vec<E>]) -> Vec<&[E]> {
    values.iter().map(Vec::as_slice).collect()
}

fn session<E: espalier_net::Precision>(network: &Network<E>, batch: usize) -> Session<E> {
    Session::new(network, batch, &DeviceChoice::Cpu, &Seed::new(8)).unwrap()
}

fn trained<E: espalier_net::Element>(network: &Network<E>) -> Vec<ParameterId> {
    let names = network
        .parameters()
        .iter()
        .filter(|p| p.role().is_trained())
        .map(|p| p.name().to_owned());
    names.map(|name| network.find_parameter(&name).unwrap()).collect()
}

fn labels(samples: usize, classes: usize, stream: &mut Stream) -> Vec<u32> {
    (0..samples).map(|_| stream.below(classes) as u32).collect()
}

/// conv → ReLU → (gate) → 2×2 max pool → conv → ReLU → (gate) → flatten → dense.
fn cnn(gated: bool) -> Network<f32> {
    let mut layers = NetworkBuilder::new();
    let mut top = layers.input("x", [8, 8], 1).unwrap();
    for (name, width) in [("conv1", 6), ("conv2", 8)] {
        top = layers.conv(name, top, width, Window::same(3)).unwrap();
        top = layers
            .activation(&format!("{name}.relu"), top, Activation::Relu)
            .unwrap();
        if gated {
            top = layers.gate(&format!("{name}.gate"), top, GateForm::Rectified).unwrap();
        }
        if name == "conv1" {
            top = layers.max_pool("pool", top, 2).unwrap();
        }
    }
    let flat = layers.flatten("flatten", top).unwrap();
    let logits = layers.dense("logits", flat, 4).unwrap();
    layers.build(&[logits], &Seed::new(21)).unwrap()
}

fn step(network: &Network<f32>, device: &DeviceChoice, observed: &[NodeId]) -> (Session<f32>, Vec<Vec<f32>>) {
    let mut stream = Seed::new(31).stream();
    let inputs = batch(network, 16, &mut stream);
    let labels = labels(16, 4, &mut stream);
    let mut session = Session::new(network, 16, device, &Seed::new(8)).unwrap();
    session.observe(observed);
    let target = Target::Classes {
        labels: &labels,
        weights: None,
    };
    let head = Head {
        output: 0,
        target,
        loss: LossKind::CrossEntropy,
        weight: 1.0,
    };
    session.probe(network, &slices(&inputs), &[head]).unwrap();
    let mut numbers: Vec<Vec<f32>> = trained(network)
        .iter()
        .map(|id| session.gradient(*id).to_vec())
        .collect();
    numbers.push(session.outputs().first().to_vec());
    (session, numbers)
}

fn largest_difference(left: &[Vec<f32>], right: &[Vec<f32>]) -> f32 {
    assert_eq!(left.len(), right.len());
    let pairs = left.iter().flatten().zip(right.iter().flatten());
    pairs.map(|(l, r)| (l - r).abs()).fold(0.0, f32::max)
}

#[test]
fn folded_gates_equal_materialised_ones_and_autograd() {
    let mut network = cnn(true);
    for name in ["conv1.gate.gate", "conv2.gate.gate"] {
        let id = network.find_parameter(name).unwrap();
        let mut stream = Seed::new(2).named(name).stream();
        network
            .parameter_mut(id)
            .values_mut()
            .iter_mut()
            .for_each(|v| *v = stream.uniform_in(-0.4, 1.5) as f32);
    }
    let gates = [network.find("conv1.gate").unwrap(), network.find("conv2.gate").unwrap()];
    let (_, folded) = step(&network, &DeviceChoice::Cpu, &[]);
    // A gate whose values are asked for has to exist.
    let (session, materialised) = step(&network, &DeviceChoice::Cpu, &gates);
    assert!(session.activation(gates[0]).is_some());
    let (_, autograd) = step(&network, &DeviceChoice::Candle(Device::Cpu), &[]);
    assert!(largest_difference(&folded, &materialised) <= 1e-5);
    assert!(largest_difference(&folded, &autograd) <= 1e-5);
    let gate = network.find_parameter("conv1.gate.gate").unwrap();
    let shut = network.parameter(gate).values().iter().position(|v| *v < 0.0).unwrap();
    assert_eq!(session.gradient(gate)[shut], 0.0);
    assert!(session.gradient(gate).iter().any(|d| *d != 0.0));
}

#[test]
fn gates_store_no_activation() {
    let (gated, _) = step(&cnn(true), &DeviceChoice::Cpu, &[]);
    let (plain, _) = step(&cnn(false), &DeviceChoice::Cpu, &[]);
    assert_eq!(gated.bytes().activations, plain.bytes().activations);
    let network = cnn(true);
    let gates = [network.find("conv1.gate").unwrap(), network.find("conv2.gate").unwrap()];
    let (materialised, _) = step(&network, &DeviceChoice::Cpu, &gates);
    assert!(materialised.bytes().activations > plain.bytes().activations);
}

#[test]
fn evaluation_alternates_between_two_buffers() {
    // The widest two neighbours hold 50 and 40 values per sample, 4 bytes each; the input is the caller's.
    let network = models::mlp::<f32>(10, &[30, 50, 40, 20], 5, &Seed::new(1)).unwrap();
    let mut session = session(&network, 7);
    session.evaluate(&network, &[&[0.5; 70]]).unwrap();
    assert_eq!(session.bytes().activations, (50 + 40) * 7 * 4);
    assert_eq!(session.bytes().parameters, 0);
}

#[test]
fn a_session_tells_networks_of_equal_shape_apart() {
    let build = |function| {
        let mut layers = NetworkBuilder::new();
        let x = layers.input("x", [1, 1], 2).unwrap();
        let head = layers.activation("head", x, function).unwrap();
        layers.build::<f64>(&[head], &Seed::new(1)).unwrap()
    };
    let (relu, leaky) = (build(Activation::Relu), build(Activation::LeakyRelu { slope: 0.5 }));
    for device in [DeviceChoice::Cpu, DeviceChoice::Candle(Device::Cpu)] {
        let mut session = Session::new(&relu, 1, &device, &Seed::new(1)).unwrap();
        assert_eq!(session.evaluate(&relu, &[&[-2.0, 3.0]]).unwrap().first(), [0.0, 3.0]);
        assert_eq!(session.evaluate(&leaky, &[&[-2.0, 3.0]]).unwrap().first(), [-1.0, 3.0]);
    }
}

#[test]
fn large_evaluation_batches_do_not_enlarge_training_buffers() {
    let network = models::mlp::<f32>(10, &[30, 20], 5, &Seed::new(1)).unwrap();
    let target = Target::Classes {
        labels: &[0, 1, 2, 3],
        weights: None,
    };
    let head = Head {
        output: 0,
        target,
        loss: LossKind::CrossEntropy,
        weight: 1.0,
    };
    let mut session = session(&network, 64);
    session.probe(&network, &[&[0.5; 40]], &[head]).unwrap();
    session.evaluate(&network, &[&[0.5; 640]]).unwrap();
    // Two buffers of the evaluation (30 and 20 wide, 64 samples) serve training too, which needs at most
    // 110 values for each of 4 samples.
    assert!(session.bytes().activations <= ((30 + 20) * 64 + 110 * 4) * 4);
}

#[test]
fn training_keeps_one_value_per_unit_and_reuses_gradients() {
    // Values: 30 + 20 + 5. Gradients: that of the logits (5) and of the 20 and the 30 behind it; the logits'
    // is dead when the first layer's is written, but smaller; the last value is free after its layer's backward pass.
    let network = models::mlp::<f32>(10, &[30, 20], 5, &Seed::new(1)).unwrap();
    let mut session = session(&network, 4);
    let target = Target::Classes {
        labels: &[0, 1, 2, 3],
        weights: None,
    };
    let head = Head {
        output: 0,
        target,
        loss: LossKind::CrossEntropy,
        weight: 1.0,
    };
    session.probe(&network, &[&[0.5; 40]], &[head]).unwrap();
    let per_sample = session.bytes().activations / (4 * 4);
    assert!(
        (30 + 20 + 5 + 30 + 20..=30 + 20 + 5 + 30 + 20 + 5).contains(&per_sample),
        "{per_sample}"
    );
    assert_eq!(session.bytes().parameters, network.parameter_count() as usize * 4);
}

#[test]
fn batch_norm_blends_unbiased_statistics_and_evaluates_with_them() {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 1).unwrap();
    let norm = layers
        .layer(
            "norm",
            Layer::BatchNorm {
                epsilon: 0.5,
                momentum: 0.1,
            },
            &[x],
            0,
        )
        .unwrap();
    let mut network = layers.build::<f64>(&[norm], &Seed::new(1)).unwrap();
    let mut session = session(&network, 2);
    let target = Target::Values(&[0.0, 0.0]);
    let outcome = session
        .loss_and_gradients(&mut network, &[&[1.0, 3.0]], target, LossKind::MeanSquaredError)
        .unwrap();
    // Mean 2, biased variance 1, so the outputs are ∓1/√1.5 and their mean square 2/3.
    assert!((outcome.loss - 2.0 / 3.0).abs() < 1e-12);
    // 0.9·0 + 0.1·2 and 0.9·1 + 0.1·2, the unbiased variance being 2.
    let value =
        |network: &Network<f64>, name: &str| network.parameter(network.find_parameter(name).unwrap()).values()[0];
    assert!((value(&network, "norm.running_mean") - 0.2).abs() < 1e-12);
    assert!((value(&network, "norm.running_variance") - 1.1).abs() < 1e-12);
    let outputs = session.evaluate(&network, &[&[1.0, 3.0]]).unwrap();
    let expected = [(1.0 - 0.2) / 1.6_f64.sqrt(), (3.0 - 0.2) / 1.6_f64.sqrt()];
    assert!(outputs.first().iter().zip(expected).all(|(y, e)| (y - e).abs() < 1e-12));
    let single = session
        .forward(&network, &[&[1.0]], Mode::Train)
        .unwrap_err()
        .to_string();
    assert!(
        single.contains("`norm`") && single.contains("more than one value"),
        "{single}"
    );
}

#[test]
fn probing_leaves_running_statistics_alone() {
    let options = CnnOptions {
        map: [6, 6],
        inputs: 1,
        channels: vec![4],
        window: Window::same(3),
        hidden: vec![5],
        outputs: 3,
        batch_norm: true,
    };
    let network = models::cnn::<f32>(&options, &Seed::new(4)).unwrap();
    let before = network.clone();
    let mut stream = Seed::new(5).stream();
    let inputs = batch(&network, 4, &mut stream);
    let head = Head {
        output: 0,
        target: Target::Values(&[0.0; 12]),
        loss: LossKind::SumSquaredError,
        weight: 1.0,
    };
    let mut session = session(&network, 4);
    session.probe(&network, &slices(&inputs), &[head]).unwrap();
    assert_eq!(network, before);
}

#[test]
fn dropout_is_an_identity_in_evaluation_and_seeded_in_training() {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 400).unwrap();
    let drop = layers
        .layer("drop", Layer::Dropout { probability: 0.25 }, &[x], 0)
        .unwrap();
    let network = layers.build::<f32>(&[drop], &Seed::new(1)).unwrap();
    let ones = vec![1.0; 400];
    let mut first = session(&network, 1);
    assert_eq!(first.evaluate(&network, &[&ones]).unwrap().first(), ones);
    let start = first.stream_state();
    let one = first.forward(&network, &[&ones], Mode::Train).unwrap().first().to_vec();
    let dropped = one.iter().filter(|v| **v == 0.0).count();
    // 100 expected, standard deviation 8.7.
    assert!((60..140).contains(&dropped), "{dropped}");
    assert!(one.iter().all(|v| *v == 0.0 || (*v - 4.0 / 3.0).abs() < 1e-6));
    let two = first.forward(&network, &[&ones], Mode::Train).unwrap().first().to_vec();
    assert_ne!(one, two);
    let mut again = session(&network, 1);
    again.restore_stream(&start);
    assert_eq!(again.forward(&network, &[&ones], Mode::Train).unwrap().first(), one);
    assert_eq!(again.forward(&network, &[&ones], Mode::Train).unwrap().first(), two);
}

#[test]
fn results_do_not_depend_on_threads() {
    let options = CnnOptions {
        map: [12, 12],
        inputs: 3,
        channels: vec![16, 24],
        window: Window::same(3),
        hidden: vec![70],
        outputs: 10,
        batch_norm: true,
    };
    let networks = [
        models::mlp::<f32>(300, &[257, 130], 10, &Seed::new(1)).unwrap(),
        models::cnn::<f32>(&options, &Seed::new(2)).unwrap(),
    ];
    for network in networks {
        let mut stream = Seed::new(3).stream();
        let inputs = batch(&network, 37, &mut stream);
        let labels = labels(37, 10, &mut stream);
        let run = |threads: Threads| {
            let mut session = session(&network, 37);
            session.set_threads(threads);
            let target = Target::Classes {
                labels: &labels,
                weights: None,
            };
            let head = Head {
                output: 0,
                target,
                loss: LossKind::CrossEntropy,
                weight: 1.0,
            };
            let outcome = session.probe(&network, &slices(&inputs), &[head]).unwrap();
            let gradients: Vec<Vec<f32>> = trained(&network)
                .iter()
                .map(|id| session.gradient(*id).to_vec())
                .collect();
            (outcome.loss.to_bits(), gradients, session.outputs().first().to_vec())
        };
        let one = run(Threads::One);
        assert!(one == run(Threads::Pool(2)));
        assert!(one == run(Threads::Pool(3)));
    }
}

#[test]
fn observing_changes_nothing_and_shows_both_sides_of_an_activation() {
    let network = models::mlp::<f32>(9, &[12, 7], 4, &Seed::new(1)).unwrap();
    let (_, plain) = step(&network, &DeviceChoice::Cpu, &[]);
    let (session, observed) = step(&network, &DeviceChoice::Cpu, network.order());
    assert_eq!(plain, observed);
    let value = |name: &str| session.activation(network.find(name).unwrap()).unwrap().to_vec();
    let clipped: Vec<f32> = value("hidden1").iter().map(|v| v.max(0.0)).collect();
    assert_eq!(clipped, value("relu1"));
    assert!(value("hidden1").iter().any(|v| *v < 0.0));
}

#[test]
fn maxima_taken_a_few_samples_at_a_time_are_the_same_bits() {
    let options = CnnOptions {
        map: [28, 28],
        inputs: 1,
        channels: vec![20, 18],
        window: Window::same(3),
        hidden: vec![16],
        outputs: 5,
        batch_norm: false,
    };
    let network = models::cnn::<f32>(&options, &Seed::new(5)).unwrap();
    // 37 samples are several chunks of the first map, the last of them shorter.
    let inputs = batch(&network, 37, &mut Seed::new(6).stream());
    let activations = ["conv1.relu", "conv2.relu"].map(|name| network.find(name).unwrap());
    for threads in [Threads::One, Threads::Pool(2)] {
        let mut apart = session(&network, 37);
        apart.set_threads(threads);
        apart.observe(&activations);
        let expected = apart.evaluate(&network, &slices(&inputs)).unwrap().first().to_vec();
        let mut fused = session(&network, 37);
        fused.set_threads(threads);
        assert!(fused.evaluate(&network, &slices(&inputs)).unwrap().first() == expected);
        assert!(apart.activation(activations[0]).is_some() && fused.activation(activations[0]).is_none());
        assert!(fused.bytes().activations < apart.bytes().activations / 3);
    }
}

#[test]
fn observing_activations_costs_no_memory_in_training() {
    let network = models::mlp::<f32>(9, &[12, 7], 4, &Seed::new(1)).unwrap();
    let (plain, _) = step(&network, &DeviceChoice::Cpu, &[]);
    let relus = [network.find("relu1").unwrap(), network.find("relu2").unwrap()];
    let (observed, _) = step(&network, &DeviceChoice::Cpu, &relus);
    assert!(observed.bytes().activations <= plain.bytes().activations + 16 * 4 * 7);
    assert!(observed.activation(relus[0]).is_some());
    assert!(plain.activation(relus[0]).is_none());
}

#[test]
fn random_graphs_do_not_change_when_everything_is_observed() {
    let mut stream = Seed::new(90).stream();
    for index in 0..80 {
        let network = random_networks::network::<f64>(
            &mut stream,
            3 + index % 9,
            Choice {
                dropout: true,
                kinks: true,
            },
        );
        let inputs = batch(&network, 3, &mut stream);
        let values = [0.1; 9];
        let head = Head {
            output: 0,
            target: Target::Values(&values),
            loss: LossKind::SumSquaredError,
            weight: 1.0,
        };
        let run = |observe: bool| {
            let mut session = session(&network, 3);
            if observe {
                session.observe(network.order());
                session.observe_gradients(network.order());
            }
            session.probe(&network, &slices(&inputs), &[head]).unwrap();
            trained(&network)
                .iter()
                .flat_map(|id| session.gradient(*id).to_vec())
                .collect::<Vec<f64>>()
        };
        // Observing a gate materialises it, and observing a dead end draws dropout masks for it: only rounding may change.
        let (plain, observed) = (run(false), run(true));
        if network
            .nodes()
            .iter()
            .any(|n| matches!(n.layer(), Layer::Dropout { .. }))
        {
            continue;
        }
        let largest = plain.iter().fold(1.0_f64, |m, v| m.max(v.abs()));
        assert!(
            plain
                .iter()
                .zip(&observed)
                .all(|(a, b)| (a - b).abs() <= 1e-10 * largest),
            "graph {index}"
        );
    }
}

#[test]
fn an_ablated_unit_is_one_whose_readers_have_zero_weights() {
    let mut network = cnn(false);
    let mut stream = Seed::new(6).stream();
    perturb(&mut network, &mut stream);
    let inputs = batch(&network, 3, &mut stream);
    let group = network.find_group("conv2").unwrap();
    let untouched = network.clone();
    for rescale in [false, true] {
        let mut session = session(&network, 3);
        let ablation = Ablation {
            group,
            unit: 2,
            rescale,
        };
        let found = session
            .evaluate_ablated(&network, &slices(&inputs), ablation)
            .unwrap()
            .first()
            .to_vec();
        let mut brute = network.clone();
        let weight = brute.find_parameter("logits.weight").unwrap();
        for (row, values) in brute.parameter_mut(weight).values_mut().chunks_exact_mut(4).enumerate() {
            // Behind the flatten, unit u of 8 owns rows u, u + 8, u + 16, …
            let factor = if row % 8 == 2 {
                0.0
            } else if rescale {
                8.0 / 7.0
            } else {
                1.0
            };
            values.iter_mut().for_each(|v| *v *= factor);
        }
        let expected = session.evaluate(&brute, &slices(&inputs)).unwrap().first().to_vec();
        assert!(
            found
                .iter()
                .zip(&expected)
                .all(|(a, b)| (a - b).abs() <= 1e-5 * b.abs().max(1.0))
        );
        let plain = session.evaluate(&network, &slices(&inputs)).unwrap().first().to_vec();
        assert_ne!(plain, found);
    }
    assert_eq!(network, untouched);
    let missing = Ablation {
        group,
        unit: 8,
        rescale: false,
    };
    assert!(matches!(
        session(&network, 3).evaluate_ablated(&network, &slices(&inputs), missing),
        Err(Error::Refused { .. })
    ));
}

#[test]
fn a_session_follows_edits_and_growing_batches() {
    let mut network = models::concat_net::<f64>(5, [4, 6], 7, 3, &Seed::new(2)).unwrap();
    let mut stream = Seed::new(3).stream();
    let mut session = session(&network, 2);
    for (round, group) in ["left", "right", "joint"].into_iter().enumerate() {
        let samples = 3 + 4 * round;
        let inputs = batch(&network, samples, &mut stream);
        let labels = labels(samples, 3, &mut stream);
        let target = Target::Classes {
            labels: &labels,
            weights: None,
        };
        let mut twin = network.clone();
        session
            .loss_and_gradients(&mut network, &slices(&inputs), target, LossKind::CrossEntropy)
            .unwrap();
        let mut fresh = self::session(&twin, samples);
        fresh
            .loss_and_gradients(&mut twin, &slices(&inputs), target, LossKind::CrossEntropy)
            .unwrap();
        for id in trained(&network) {
            assert_eq!(session.gradient(id), fresh.gradient(id));
        }
        let group = network.find_group(group).unwrap();
        let edit = Units::of(&network, group).prune(&[1]).unwrap().edit("prune");
        network
            .apply(&Plan::new("test").with(edit), &ApplyOptions::default())
            .unwrap();
    }
}

#[test]
fn slices_follow_the_widths_before_them() {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 3).unwrap();
    let left = layers.dense("left", x, 4).unwrap();
    let right = layers.dense("right", x, 5).unwrap();
    let both = layers.concat("both", &[left, right]).unwrap();
    let part = layers
        .layer("part", Layer::Slice { start: 4, end: 9 }, &[both], 0)
        .unwrap();
    let head = layers.dense("head", part, 2).unwrap();
    let other = layers.dense("other", both, 2).unwrap();
    let mut network = layers.build::<f64>(&[head, other], &Seed::new(1)).unwrap();
    let mut stream = Seed::new(3).stream();
    let inputs = batch(&network, 2, &mut stream);
    let head_before = execute::evaluate(&network, &slices(&inputs), 2).unwrap()[0].clone();
    let left = network.find_group("left").unwrap();
    let edit = Units::of(&network, left).prune(&[0, 2]).unwrap().edit("prune");
    network
        .apply(&Plan::new("test").with(edit), &ApplyOptions::default())
        .unwrap();
    // The head reads the right branch alone, which the edit left as it is.
    assert_eq!(
        execute::evaluate(&network, &slices(&inputs), 2).unwrap()[0],
        head_before
    );
}

#[test]
fn propagating_the_losses_gradient_gives_the_losses_gradients() {
    let network = models::mlp::<f64>(4, &[6], 3, &Seed::new(1)).unwrap();
    let mut stream = Seed::new(3).stream();
    let inputs = batch(&network, 2, &mut stream);
    let target = [0.3; 6];
    let mut session = session(&network, 2);
    let head = Head {
        output: 0,
        target: Target::Values(&target),
        loss: LossKind::SumSquaredError,
        weight: 1.0,
    };
    session.probe(&network, &slices(&inputs), &[head]).unwrap();
    let expected: Vec<Vec<f64>> = trained(&network)
        .iter()
        .map(|id| session.gradient(*id).to_vec())
        .collect();
    let outputs = session.outputs().first().to_vec();
    // d/dy Σ (y − t)² = 2(y − t).
    let gradient: Vec<f64> = outputs.iter().zip(target).map(|(y, t)| 2.0 * (y - t)).collect();
    session
        .propagate(&network, &slices(&inputs), &[(0, &gradient)])
        .unwrap();
    for (id, expected) in trained(&network).iter().zip(&expected) {
        assert!(
            session
                .gradient(*id)
                .iter()
                .zip(expected)
                .all(|(a, b)| (a - b).abs() < 1e-12)
        );
    }
}

#[test]
fn classification_counts_and_averages() {
    // The head copies its input: logits (2, 0) and (0, 1). With labels 0 and 0 the loss is
    // (ln(1 + e⁻²) + ln(1 + e)) / 2 = (0.126928 + 1.313262) / 2 = 0.720095.
    let mut network = models::mlp::<f64>(2, &[], 2, &Seed::new(1)).unwrap();
    let weight = network.find_parameter("logits.weight").unwrap();
    network
        .parameter_mut(weight)
        .values_mut()
        .copy_from_slice(&[1.0, 0.0, 0.0, 1.0]);
    let bias = network.find_parameter("logits.bias").unwrap();
    network.parameter_mut(bias).values_mut().fill(0.0);
    let mut session = session(&network, 2);
    let target = Target::Classes {
        labels: &[0, 0],
        weights: None,
    };
    let outcome = session
        .loss_and_gradients(&mut network, &[&[2.0, 0.0, 0.0, 1.0]], target, LossKind::CrossEntropy)
        .unwrap();
    assert!((outcome.loss - 0.720_095).abs() < 1e-6);
    assert_eq!((outcome.correct, outcome.samples), (1, 2));
}

#[test]
fn misfits_are_refused_by_name() {
    let mut network = models::mlp::<f32>(4, &[6], 3, &Seed::new(1)).unwrap();
    let mut session = session(&network, 2);
    let short = session.evaluate(&network, &[&[0.0; 7]]).unwrap_err().to_string();
    assert!(short.contains("`x`") && short.contains('7'), "{short}");
    let many = session
        .evaluate(&network, &[&[0.0; 8], &[0.0; 8]])
        .unwrap_err()
        .to_string();
    assert!(many.contains("network inputs"), "{many}");
    let mut step = |target: Target<'_, f32>, loss| {
        session
            .loss_and_gradients(&mut network, &[&[0.0; 8]], target, loss)
            .unwrap_err()
            .to_string()
    };
    let classes = |labels| Target::Classes { labels, weights: None };
    assert!(step(classes(&[0]), LossKind::CrossEntropy).contains("target classes"));
    assert!(step(classes(&[0, 3]), LossKind::CrossEntropy).contains("classes below 3"));
    assert!(step(Target::Values(&[0.0; 5]), LossKind::MeanSquaredError).contains("target values"));
    assert!(step(classes(&[0, 1]), LossKind::MeanSquaredError).contains("`target`"));
    let head = Head {
        output: 1,
        target: classes(&[0, 1]),
        loss: LossKind::CrossEntropy,
        weight: 1.0,
    };
    assert!(
        session
            .probe(&network, &[&[0.0; 8]], &[head])
            .unwrap_err()
            .to_string()
            .contains("`output`")
    );
    let wrong = execute::evaluate(&network, &[&[0.0; 8]], 3).unwrap_err().to_string();
    assert!(wrong.contains("samples"), "{wrong}");
}

#[test]
fn masked_weights_contribute_nothing_whatever_they_hold() {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 2).unwrap();
    let head = layers.dense("head", x, 1).unwrap();
    layers.mask(head).unwrap();
    let mut network = layers.build::<f64>(&[head], &Seed::new(1)).unwrap();
    for (name, values) in [
        ("head.weight", [3.0, 5.0].as_slice()),
        ("head.mask", &[1.0, 0.0]),
        ("head.bias", &[0.5]),
    ] {
        let id = network.find_parameter(name).unwrap();
        network.parameter_mut(id).values_mut().copy_from_slice(values);
    }
    assert_eq!(
        network.parameter(network.find_parameter("head.mask").unwrap()).role(),
        Role::Mask
    );
    // 3·2 + 0·5·7 + 0.5.
    assert_eq!(execute::evaluate(&network, &[&[2.0, 7.0]], 1).unwrap(), vec![vec![6.5]]);
}

/// Two dense layers with different functions behind them and one of gated units on one image, and one on the first's
/// gated output.
fn on_an_image<E: espalier_net::Element>() -> Network<E> {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [12, 10], 1).unwrap();
    let flat = layers.flatten("flatten", x).unwrap();
    let a = layers.dense("a", flat, 70).unwrap();
    let a = layers.activation("a.relu", a, Activation::Relu).unwrap();
    let a = layers.gate("a.gate", a, GateForm::Rectified).unwrap();
    let b = layers.dense("b", flat, 65).unwrap();
    let b = layers.activation("b.tanh", b, Activation::Tanh).unwrap();
    let c = layers.gated_dense("c", flat, 40, Activation::Silu).unwrap();
    let both = layers.layer("both", Layer::Concat, &[a, b, c], 0).unwrap();
    let logits = layers.dense("logits", both, 4).unwrap();
    let mut network = layers.build(&[logits], &Seed::new(3)).unwrap();
    perturb(&mut network, &mut Seed::new(4).stream());
    network
}

/// Images with a fifth of ink, each pixel of it different, on a background of −0.4.
fn inked<E: espalier_net::Element>(samples: usize) -> Vec<E> {
    let mut stream = Seed::new(5).stream();
    let pixel = |_| match stream.bernoulli(0.8) {
        true => E::from_f64(-0.4),
        false => E::from_f64(stream.uniform()),
    };
    (0..samples * 120).map(pixel).collect()
}

/// Everything that a session computes: gradients, outputs in evaluation and with a unit silenced.
fn computed<E: espalier_net::Precision>(network: &Network<E>, background: Option<f64>, threads: Threads) -> Vec<E> {
    const SAMPLES: usize = 150;
    let (mut network, images) = (network.clone(), inked::<E>(SAMPLES));
    let labels = labels(SAMPLES, 4, &mut Seed::new(6).stream());
    let mut session = session(&network, SAMPLES);
    session.set_background(0, background.map(E::from_f64));
    session.set_threads(threads);
    let target = Target::Classes {
        labels: &labels,
        weights: None,
    };
    session
        .loss_and_gradients(&mut network, &[&images], target, LossKind::CrossEntropy)
        .unwrap();
    let ids = trained(&network);
    let mut all: Vec<E> = ids.iter().flat_map(|id| session.gradient(*id).to_vec()).collect();
    all.extend(session.evaluate(&network, &[&images[..120 * 7]]).unwrap().first());
    let ablation = Ablation {
        group: network.find_group("b").unwrap(),
        unit: 3,
        rescale: true,
    };
    all.extend(
        session
            .evaluate_ablated(&network, &[&images], ablation)
            .unwrap()
            .first(),
    );
    all
}

fn assert_near<E: espalier_net::Element>(found: &[E], expected: &[E], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        let (found, expected) = (found.to_f64(), expected.to_f64());
        assert!(
            (found - expected).abs() <= tolerance * (1.0 + expected.abs()),
            "{found}, not {expected}"
        );
    }
}

fn skipping_the_background_agrees<E: espalier_net::Precision>(tolerance: f64) {
    let network = on_an_image::<E>();
    let dense = computed(&network, None, Threads::One);
    let sparse = computed(&network, Some(-0.4), Threads::One);
    assert_near(&sparse, &dense, tolerance);
    assert!(sparse != dense, "the background is multiplied like everything else");
    assert_eq!(computed(&network, Some(-0.4), Threads::Pool(2)), sparse);
    // A value that nothing has is slow, not wrong.
    assert_near(&computed(&network, Some(7.0), Threads::One), &dense, 100.0 * tolerance);
}

#[test]
fn skipping_the_background_changes_rounding_alone() {
    skipping_the_background_agrees::<f32>(2e-5);
    skipping_the_background_agrees::<f64>(1e-12);
}

#[test]
fn sessions_go_on_skipping_the_background_of_an_edited_network() {
    let (mut network, images) = (on_an_image::<f32>(), inked::<f32>(9));
    let mut skipping = session(&network, 9);
    skipping.set_background(0, Some(-0.4));
    skipping.evaluate(&network, &[&images]).unwrap();
    let group = network.find_group("a").unwrap();
    let units = Units::of(&network, group).prune(&[0, 5, 69]).unwrap();
    let plan = Plan::new("too large").with(units.edit("tested"));
    network.apply(&plan, &ApplyOptions::default()).unwrap();
    let after = skipping.evaluate(&network, &[&images]).unwrap().first().to_vec();
    assert_near(
        &after,
        session(&network, 9).evaluate(&network, &[&images]).unwrap().first(),
        2e-5,
    );
}
