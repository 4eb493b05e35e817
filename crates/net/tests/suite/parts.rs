//! Training batches that are cut into parts: against whole ones, over threads, and what cannot be cut.

use espalier_net::models::{self, CnnOptions};
use espalier_net::{
    Activation, ApplyOptions, Clipping, DeviceChoice, GateForm, Head, Layer, LossKind, Mode, Network, NetworkBuilder,
    Optimizer, OptimizerKind, Plan, Scales, Session, Target, Threads, Transplant, Units, Window,
};
use espalier_seed::{Seed, Stream};

use crate::random_networks::{batch, perturb};

const CLASSES: usize = 4;

/// Dense layers with gates, dropout, layer norm and a second way to the logits.
fn dense() -> Network<f32> {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 20).unwrap();
    let mut top = layers.dense("first", x, 70).unwrap();
    top = layers.activation("relu", top, Activation::Relu).unwrap();
    top = layers.gate("gate", top, GateForm::Rectified).unwrap();
    top = layers
        .layer("drop", Layer::Dropout { probability: 0.3 }, &[top], 0)
        .unwrap();
    top = layers.dense("second", top, 9).unwrap();
    top = layers.activation("gelu", top, Activation::Gelu).unwrap();
    top = layers
        .layer("late", Layer::Dropout { probability: 0.5 }, &[top], 0)
        .unwrap();
    let logits = layers.dense("logits", top, CLASSES).unwrap();
    built(layers, &[logits])
}

/// Convolutions with ReLUs, a gate and pools, then dense layers.
fn convolutional() -> Network<f32> {
    let mut layers = NetworkBuilder::new();
    let mut top = layers.input("x", [8, 8], 2).unwrap();
    for (name, width) in [("conv1", 16), ("conv2", 18)] {
        top = layers.conv(name, top, width, Window::same(3)).unwrap();
        top = layers
            .activation(&format!("{name}.relu"), top, Activation::Relu)
            .unwrap();
        top = layers.gate(&format!("{name}.gate"), top, GateForm::Linear).unwrap();
        top = layers.max_pool(&format!("{name}.pool"), top, 2).unwrap();
    }
    top = layers.flatten("flatten", top).unwrap();
    let logits = layers.dense("logits", top, CLASSES).unwrap();
    built(layers, &[logits])
}

fn built(layers: NetworkBuilder, outputs: &[espalier_net::NodeId]) -> Network<f32> {
    let mut network = layers.build(outputs, &Seed::new(5)).unwrap();
    perturb(&mut network, &mut Seed::new(6).stream());
    network
}

fn labels(samples: usize, stream: &mut Stream) -> Vec<u32> {
    (0..samples).map(|_| stream.below(CLASSES) as u32).collect()
}

fn session(network: &Network<f32>, parts: usize, threads: usize) -> Session<f32> {
    let mut session = Session::new(network, 8, &DeviceChoice::Cpu, &Seed::new(8)).unwrap();
    session.set_parts(parts).unwrap();
    session.set_threads(Threads::Pool(threads));
    session
}

/// Trains a few steps with batches of changing size, splits and prunes units in between, and returns all numbers.
fn trained(
    (mut network, group): (Network<f32>, &str),
    kind: OptimizerKind,
    parts: usize,
    threads: usize,
) -> Vec<Vec<f32>> {
    let mut stream = Seed::new(31).stream();
    let mut session = session(&network, parts, threads);
    let mut optimizer = Optimizer::new(kind, &network).unwrap();
    optimizer.set_threads(Threads::Pool(threads));
    let weights = [1.0, 2.0, 0.5, 1.5];
    let mut numbers = Vec::new();
    for (step, samples) in [16, 7, 1, 33, 16, 5].into_iter().enumerate() {
        let inputs = batch(&network, samples, &mut stream);
        let labels = labels(samples, &mut stream);
        let target = Target::Classes {
            labels: &labels,
            weights: Some(&weights),
        };
        let outcome = session
            .loss_and_gradients(&mut network, &[&inputs[0]], target, LossKind::CrossEntropy)
            .unwrap();
        numbers.push(vec![outcome.loss as f32, outcome.correct as f32]);
        numbers.push(session.outputs().first().to_vec());
        session.clip_gradients(Clipping::Norm { largest: 1.0 }).unwrap();
        optimizer.step(&mut network, |id| session.gradient(id), 1e-2).unwrap();
        if step == 1 || step == 3 {
            let group = network.find_group(group).unwrap();
            let units = Units::of(&network, group);
            let units = if step == 1 {
                units.split(2, &Scales::equal(2))
            } else {
                units.prune(&[0, 3])
            };
            let plan = Plan::new("try").with(units.unwrap().edit("test"));
            let applied = network.apply(&plan, &ApplyOptions::default()).unwrap();
            optimizer.follow(&applied, &network, Transplant::Exact).unwrap();
        }
    }
    numbers.extend(network.parameters().iter().map(|parameter| parameter.values().to_vec()));
    numbers
}

fn bits(numbers: &[Vec<f32>]) -> Vec<Vec<u32>> {
    let of = |values: &Vec<f32>| values.iter().map(|value| value.to_bits()).collect();
    numbers.iter().map(of).collect()
}

/// Networks, each with a group whose units are edited.
fn cases() -> [(Network<f32>, &'static str); 2] {
    [(dense(), "first"), (convolutional(), "conv1")]
}

#[test]
fn the_bytes_of_a_cut_batch_do_not_depend_on_the_number_of_threads() {
    let kind = OptimizerKind::adam();
    for case in cases() {
        for parts in [2, 3, 5] {
            let one = bits(&trained(case.clone(), kind, parts, 1));
            for threads in [2, 3] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let several = pool.install(|| trained(case.clone(), kind, parts, threads));
                assert_eq!(one, bits(&several), "{parts} parts on {threads} threads");
            }
        }
    }
}

#[test]
fn a_cut_batch_trains_as_a_whole_one_does_within_rounding() {
    let kind = OptimizerKind::sgd(0.9);
    for case in cases() {
        let whole = trained(case.clone(), kind, 1, 1);
        let one = trained(case.clone(), kind, 1, 2);
        assert_eq!(bits(&whole), bits(&one), "threads move no bit of a whole batch");
        for parts in [2, 3] {
            let cut = trained(case.clone(), kind, parts, 1);
            assert_ne!(bits(&whole), bits(&cut), "a cut adds in another order");
            for (left, right) in whole.iter().zip(&cut) {
                assert_eq!(left.len(), right.len());
                let apart = left.iter().zip(right).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(apart < 2e-4, "{parts} parts are {apart} apart");
            }
        }
    }
}

/// Two heads, one with squared errors, and everything that can be observed.
#[test]
fn observed_values_and_gradients_are_those_of_the_whole_batch() {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 6).unwrap();
    let second = layers.input("second", [1, 1], 3).unwrap();
    let joined = layers.concat("joined", &[x, second]).unwrap();
    let hidden = layers.dense("hidden", joined, 8).unwrap();
    let relu = layers.activation("relu", hidden, Activation::Tanh).unwrap();
    let logits = layers.dense("logits", relu, CLASSES).unwrap();
    let values = layers.dense("values", relu, 2).unwrap();
    let network = built(layers, &[logits, values]);
    let mut stream = Seed::new(3).stream();
    let inputs = batch(&network, 11, &mut stream);
    let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
    let (labels, wanted) = (labels(11, &mut stream), vec![0.5; 22]);
    let head = |output, target, loss| Head {
        output,
        target,
        loss,
        weight: 0.7,
    };
    let classes = Target::Classes {
        labels: &labels,
        weights: None,
    };
    let heads = [
        head(0, classes, LossKind::CrossEntropy),
        head(1, Target::Values(&wanted), LossKind::MeanSquaredError),
    ];
    let seen = |parts| {
        let mut session = session(&network, parts, 1);
        session.observe(&[hidden, relu]);
        session.observe_gradients(&[relu, logits]);
        let outcome = session.probe(&network, &inputs, &heads).unwrap();
        let mut all = vec![vec![outcome.loss as f32]];
        all.extend([hidden, relu, logits, values].map(|node| session.activation(node).unwrap().to_vec()));
        all.extend([relu, logits].map(|node| session.activation_gradient(node).unwrap().to_vec()));
        all.extend(session.outputs().iter().map(<[f32]>::to_vec));
        assert!(session.activation_gradient(hidden).is_none() && session.activation(x).is_none());
        let left = session.gradients_mut().len();
        // A pass in evaluation mode is not cut, and leaves the gradients where they are.
        session.forward(&network, &inputs, Mode::Eval).unwrap();
        assert_eq!(session.outputs().get(1).len(), 22);
        assert_eq!(session.gradients_mut().len(), left);
        let gradients = session.gradients_mut();
        all.extend(gradients.into_iter().map(|gradient| gradient.to_vec()));
        all
    };
    let (whole, cut) = (seen(1), seen(4));
    assert_eq!(whole.len(), cut.len());
    for (left, right) in whole.iter().zip(&cut) {
        assert_eq!(left.len(), right.len());
        assert!(
            left.iter().zip(right).all(|(a, b)| (a - b).abs() < 1e-5),
            "{left:?} {right:?}"
        );
    }
}

#[test]
fn the_background_is_skipped_in_every_part() {
    let network = models::mlp::<f32>(20, &[100, 12], CLASSES, &Seed::new(1)).unwrap();
    let inputs: Vec<f32> = (0..12 * 20)
        .map(|i| if i % 7 == 0 { i as f32 / 99.0 } else { 0.3 })
        .collect();
    let labels = labels(12, &mut Seed::new(2).stream());
    let gradients = |parts, background| {
        let mut session = session(&network, parts, 1);
        session.set_background(0, background);
        let target = Target::Classes {
            labels: &labels,
            weights: None,
        };
        session
            .loss_and_gradients(&mut network.clone(), &[&inputs], target, LossKind::CrossEntropy)
            .unwrap();
        session.gradients_mut().concat()
    };
    let (dense, cut) = (gradients(1, None), gradients(3, Some(0.3)));
    assert!(dense.iter().zip(&cut).all(|(a, b)| (a - b).abs() < 1e-5));
}

#[test]
fn what_cannot_be_cut_is_refused_by_name() {
    let options = CnnOptions {
        map: [8, 8],
        inputs: 2,
        channels: vec![6],
        window: Window::same(3),
        hidden: vec![9],
        outputs: CLASSES,
        batch_norm: true,
    };
    let mut network = models::cnn::<f32>(&options, &Seed::new(1)).unwrap();
    let inputs = batch(&network, 6, &mut Seed::new(2).stream());
    let target = Target::Classes {
        labels: &[0; 6],
        weights: None,
    };
    let mut cut = session(&network, 2, 1);
    let error = cut
        .loss_and_gradients(&mut network, &[&inputs[0]], target, LossKind::CrossEntropy)
        .unwrap_err()
        .to_string();
    assert!(error.contains("norm1") && error.contains("2 parts"), "{error}");
    let none = cut.set_parts(0).unwrap_err().to_string();
    assert!(none.contains("parts") && none.contains("at least 1"), "{none}");
    let device = "candle-cpu".parse::<DeviceChoice>().unwrap();
    let mut there = Session::new(&network, 8, &device, &Seed::new(8)).unwrap();
    assert!(there.set_parts(1).is_ok());
    assert!(there.set_parts(2).unwrap_err().to_string().contains("Candle"));
}
