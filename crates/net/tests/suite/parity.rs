//! The CPU kernels against the composition of Candle's operations, on random graphs over every layer.

// A test that cannot run here says so instead of passing in silence.
#![allow(clippy::print_stderr)]

use crate::random_networks::{self, Choice, batch};
use candle_core::Device;
use espalier_net::{
    Ablation, DeviceChoice, Head, LossKind, Mode, Network, NodeId, ParameterId, Precision, Session, Target,
};
use espalier_seed::{Seed, Stream};

const SAMPLES: usize = 5;

/// Random graphs per test: 150 by default, more through `ESPALIER_TEST_GRAPHS`.
fn graphs() -> usize {
    std::env::var("ESPALIER_TEST_GRAPHS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(150)
}

fn slices<E>(values: &[Vec<E>]) -> Vec<&[E]> {
    values.iter().map(Vec::as_slice).collect()
}

/// The largest difference, relative to the largest magnitude or 1.
fn difference<E: Precision>(left: &[E], right: &[E]) -> f64 {
    assert_eq!(left.len(), right.len());
    let largest = left.iter().map(|v| v.to_f64().abs()).fold(1.0, f64::max);
    let pairs = left.iter().zip(right);
    pairs.map(|(l, r)| (l.to_f64() - r.to_f64()).abs()).fold(0.0, f64::max) / largest
}

fn parameters<E: Precision>(network: &Network<E>) -> Vec<ParameterId> {
    let names = network.parameters().iter().map(|p| p.name().to_owned());
    names.map(|name| network.find_parameter(&name).unwrap()).collect()
}

/// What one backend computes for one network.
struct Found<E> {
    numbers: Vec<(String, Vec<E>)>,
}

fn compute<E: Precision>(
    network: &Network<E>,
    inputs: &[&[E]],
    heads: &[Head<'_, E>],
    device: &DeviceChoice,
) -> Found<E> {
    let mut network = network.clone();
    let mut numbers = Vec::new();
    let mut session = Session::new(&network, SAMPLES, device, &Seed::new(3)).unwrap();
    let evaluated = session.evaluate(&network, inputs).unwrap();
    numbers.extend(
        evaluated
            .iter()
            .enumerate()
            .map(|(k, v)| (format!("evaluated output {k}"), v.to_vec())),
    );
    let trained = session.forward(&network, inputs, Mode::Train).unwrap();
    numbers.extend(
        trained
            .iter()
            .enumerate()
            .map(|(k, v)| (format!("training output {k}"), v.to_vec())),
    );
    if let Some(group) = ablatable(&network) {
        let ablation = Ablation {
            group,
            unit: 0,
            rescale: true,
        };
        let outputs = session.evaluate_ablated(&network, inputs, ablation).unwrap();
        numbers.extend(outputs.iter().map(|v| ("ablated output".to_owned(), v.to_vec())));
    }
    let nodes: Vec<NodeId> = network.order().to_vec();
    session.observe_gradients(&network.inputs());
    session.observe(&nodes[..nodes.len() / 2]);
    let outcome = session.heads_and_gradients(&mut network, inputs, heads).unwrap();
    numbers.push(("loss".to_owned(), vec![E::from_f64(outcome.loss)]));
    numbers.push(("correct".to_owned(), vec![E::from_usize(outcome.correct)]));
    for id in parameters(&network) {
        let name = network.parameter(id).name().to_owned();
        numbers.push((format!("gradient of {name}"), session.gradient(id).to_vec()));
        numbers.push((
            format!("{name} after the step"),
            network.parameter(id).values().to_vec(),
        ));
    }
    for id in network.inputs() {
        let gradient = session.activation_gradient(id).unwrap_or(&[]).to_vec();
        numbers.push((format!("gradient of input {}", network.node(id).name()), gradient));
    }
    for id in &nodes[..nodes.len() / 2] {
        let values = session.activation(*id).unwrap().to_vec();
        numbers.push((format!("values of {}", network.node(*id).name()), values));
    }
    Found { numbers }
}

fn ablatable<E: Precision>(network: &Network<E>) -> Option<espalier_net::GroupId> {
    network.editable_groups().into_iter().find(|g| {
        parameters(network).iter().any(|p| {
            let parameter = network.parameter(*p);
            parameter.role() == espalier_net::Role::Weight
                && matches!(&parameter.axes()[0], espalier_net::Axis::Units(space) if space.contains(g))
        })
    })
}

fn agree<E: Precision>(network: &Network<E>, device: &DeviceChoice, tolerance: f64, stream: &mut Stream, what: &str) {
    let inputs = batch(network, SAMPLES, stream);
    let labels: Vec<u32> = (0..SAMPLES).map(|_| stream.below(3) as u32).collect();
    let values: Vec<E> = (0..SAMPLES * 3).map(|_| E::from_f64(stream.normal())).collect();
    let weights = [0.5, 1.0, 2.0].map(E::from_f64);
    let classes = Target::Classes {
        labels: &labels,
        weights: Some(&weights),
    };
    let mut heads = vec![Head {
        output: 0,
        target: classes,
        loss: LossKind::CrossEntropy,
        weight: 1.0,
    }];
    if network.outputs().len() > 1 {
        heads.push(Head {
            output: 1,
            target: Target::Values(&values),
            loss: LossKind::MeanSquaredError,
            weight: 0.3,
        });
    }
    let ours = compute(network, &slices(&inputs), &heads, &DeviceChoice::Cpu);
    let theirs = compute(network, &slices(&inputs), &heads, device);
    assert_eq!(ours.numbers.len(), theirs.numbers.len());
    for ((name, left), (_, right)) in ours.numbers.iter().zip(&theirs.numbers) {
        let difference = difference(left, right);
        assert!(difference <= tolerance, "{what}: {name} differs by {difference:e}");
    }
}

fn random_graphs_agree<E: Precision>(device: &DeviceChoice, count: usize, tolerance: f64) {
    let mut stream = Seed::new(11).stream();
    for index in 0..count {
        let choice = Choice {
            dropout: true,
            kinks: true,
        };
        let network = random_networks::network::<E>(&mut stream, 2 + index % 9, choice);
        agree(&network, device, tolerance, &mut stream, &format!("graph {index}"));
    }
}

#[test]
fn kernels_agree_with_candle_in_double_precision() {
    random_graphs_agree::<f64>(&DeviceChoice::Candle(Device::Cpu), graphs(), 1e-9);
}

#[test]
fn kernels_agree_with_candle_in_single_precision() {
    random_graphs_agree::<f32>(&DeviceChoice::Candle(Device::Cpu), graphs(), 1e-4);
}

#[test]
fn kernels_agree_with_cuda() {
    let device = match "cuda".parse::<DeviceChoice>() {
        Ok(device) => device,
        Err(reason) => {
            eprintln!("skipped the comparison of CPU and CUDA: {reason}");
            return;
        }
    };
    random_graphs_agree::<f32>(&device, 60, 1e-4);
    random_graphs_agree::<f64>(&device, 60, 1e-9);
}

#[test]
fn training_on_candle_follows_training_on_the_kernels() {
    let network = espalier_net::models::mlp::<f64>(6, &[8, 5], 3, &Seed::new(5)).unwrap();
    let mut stream = Seed::new(6).stream();
    let inputs = batch(&network, SAMPLES, &mut stream);
    let labels = [0, 1, 2, 1, 0];
    let train = |device: &DeviceChoice| {
        let mut network = network.clone();
        let mut session = Session::new(&network, SAMPLES, device, &Seed::new(7)).unwrap();
        for _ in 0..5 {
            let target = Target::Classes {
                labels: &labels,
                weights: None,
            };
            session
                .loss_and_gradients(&mut network, &slices(&inputs), target, LossKind::CrossEntropy)
                .unwrap();
            for id in parameters(&network) {
                for (value, d) in network
                    .parameter_mut(id)
                    .values_mut()
                    .iter_mut()
                    .zip(session.gradient(id))
                {
                    *value -= 0.1 * d;
                }
            }
        }
        parameters(&network)
            .iter()
            .flat_map(|id| network.parameter(*id).values().to_vec())
            .collect::<Vec<f64>>()
    };
    let (ours, theirs) = (train(&DeviceChoice::Cpu), train(&DeviceChoice::Candle(Device::Cpu)));
    assert!(difference(&ours, &theirs) < 1e-12);
    let start: Vec<f64> = parameters(&network)
        .iter()
        .flat_map(|id| network.parameter(*id).values().to_vec())
        .collect();
    assert!(difference(&ours, &start) > 1e-3, "training moved the weights");
}

#[test]
fn a_missing_backend_is_named() {
    assert!(matches!("cpu".parse::<DeviceChoice>(), Ok(DeviceChoice::Cpu)));
    assert!(matches!(
        "candle-cpu".parse::<DeviceChoice>(),
        Ok(DeviceChoice::Candle(Device::Cpu))
    ));
    let refused = "gpu".parse::<DeviceChoice>().unwrap_err().to_string();
    assert!(refused.contains("`cuda:N`") && refused.contains("gpu"), "{refused}");
    if !cfg!(feature = "cuda") {
        let refused = "cuda:1".parse::<DeviceChoice>().unwrap_err().to_string();
        assert!(refused.contains("built without the feature `cuda`"), "{refused}");
    }
}
