//! Gradients of every kind of layer against central differences in double precision.

use crate::random_networks::{self, Choice, batch, perturb};
use espalier_net::{
    Activation, DeviceChoice, GateForm, Head, Layer, LossKind, Network, NetworkBuilder, NodeId, ParameterId, Session,
    Target, Window,
};
use espalier_seed::{Seed, Stream};

const SAMPLES: usize = 4;
/// Half the distances of central differences: one of them avoids a kink that happens to lie within the other.
const DISTANCES: [f64; 2] = [2e-5, 2e-6];

/// Random graphs per test: 120 by default, more through `ESPALIER_TEST_GRAPHS`.
fn graphs() -> usize {
    std::env::var("ESPALIER_TEST_GRAPHS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(120)
}

fn slices(values: &[Vec<f64>]) -> Vec<&[f64]> {
    values.iter().map(Vec::as_slice).collect()
}

/// A network with a batch, a loss on every output, and the position of the dropout stream.
struct Case {
    network: Network<f64>,
    inputs: Vec<Vec<f64>>,
    targets: Vec<Vec<f64>>,
    labels: Vec<u32>,
}

impl Case {
    fn new(network: Network<f64>, stream: &mut Stream) -> Self {
        let inputs = batch(&network, SAMPLES, stream);
        let count = |id: &NodeId| network.node(*id).positions() * network.width(*id) * SAMPLES;
        let targets = network
            .outputs()
            .iter()
            .map(|id| (0..count(id)).map(|_| stream.normal()).collect())
            .collect();
        let classes = network.width(network.outputs()[0]);
        let labels = (0..SAMPLES).map(|_| stream.below(classes) as u32).collect();
        Self {
            network,
            inputs,
            targets,
            labels,
        }
    }

    /// Cross-entropy on the first output, half the squared error's mean on the others.
    fn heads(&self) -> Vec<Head<'_, f64>> {
        let outputs = 0..self.network.outputs().len();
        let classes = Target::Classes {
            labels: &self.labels,
            weights: None,
        };
        let of = |output: usize| match output {
            0 => Head {
                output,
                target: classes,
                loss: LossKind::CrossEntropy,
                weight: 1.0,
            },
            _ => Head {
                output,
                target: Target::Values(&self.targets[output]),
                loss: LossKind::MeanSquaredError,
                weight: 0.5,
            },
        };
        outputs.map(of).collect()
    }

    fn loss(&self, session: &mut Session<f64>) -> f64 {
        // A new session draws the same dropout masks.
        let state = Seed::new(77).stream().state();
        session.restore_stream(&state);
        session
            .probe(&self.network, &slices(&self.inputs), &self.heads())
            .unwrap()
            .loss
    }

    fn session(&self) -> Session<f64> {
        Session::new(&self.network, SAMPLES, &DeviceChoice::Cpu, &Seed::new(1)).unwrap()
    }

    fn check(&mut self, what: &str) {
        let mut session = self.session();
        let inputs = self.network.inputs();
        session.observe_gradients(&inputs);
        self.loss(&mut session);
        let by_input: Vec<Vec<f64>> = inputs
            .iter()
            .map(|id| session.activation_gradient(*id).map_or(Vec::new(), <[f64]>::to_vec))
            .collect();
        let ids: Vec<ParameterId> = (0..self.network.parameters().len())
            .map(|i| {
                self.network
                    .find_parameter(self.network.parameters()[i].name())
                    .unwrap()
            })
            .filter(|id| self.network.parameter(*id).role().is_trained())
            .collect();
        let found: Vec<Vec<f64>> = ids.iter().map(|id| session.gradient(*id).to_vec()).collect();
        let mut fresh = self.session();
        for (id, found) in ids.iter().zip(&found) {
            let name = self.network.parameter(*id).name().to_owned();
            for at in sample(found.len()) {
                let expected = self.differences(&mut fresh, |case, by| {
                    case.network.parameter_mut(*id).values_mut()[at] += by
                });
                compare(found[at], &expected, &format!("{what}: {name}[{at}]"));
            }
        }
        for (k, found) in by_input.iter().enumerate() {
            for at in sample(found.len()) {
                let expected = self.differences(&mut fresh, |case, by| case.inputs[k][at] += by);
                compare(found[at], &expected, &format!("{what}: input {k}[{at}]"));
            }
        }
    }

    /// Derivatives by central differences at each distance h and at h/2, extrapolated to 0 (Richardson): the error is of order h⁴.
    fn differences(&mut self, session: &mut Session<f64>, mut change: impl FnMut(&mut Self, f64)) -> [f64; 2] {
        let mut central = |h: f64| {
            change(self, h);
            let above = self.loss(session);
            change(self, -2.0 * h);
            let below = self.loss(session);
            change(self, h);
            (above - below) / (2.0 * h)
        };
        DISTANCES.map(|h| (4.0 * central(h / 2.0) - central(h)) / 3.0)
    }
}

/// At most a dozen indices, spread evenly.
fn sample(count: usize) -> Vec<usize> {
    (0..count).step_by(count.div_ceil(12).max(1)).collect()
}

fn compare(found: f64, expected: &[f64], what: &str) {
    let error = |expected: &f64| (found - expected).abs() / expected.abs().max(1e-2);
    assert!(
        expected.iter().any(|e| error(e) <= 1e-6),
        "{what}: found {found}, central differences {expected:?}"
    );
}

/// Builds x → (body) → flatten → dense head on maps of 4×5 with 4 channels, with random parameters.
fn on_maps(body: impl Fn(&mut NetworkBuilder, NodeId) -> NodeId, seed: u64) -> Case {
    let mut stream = Seed::new(seed).stream();
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [4, 5], 4).unwrap();
    // A layer before the body, so that the body's input gradient matters to a parameter as well.
    let lift = layers.conv("lift", x, 4, Window::square(1)).unwrap();
    let lift = layers.activation("lift.tanh", lift, Activation::Tanh).unwrap();
    let top = body(&mut layers, lift);
    let flat = layers.flatten("flatten", top).unwrap();
    let head = layers.dense("head", flat, 3).unwrap();
    let mut network = layers.build(&[head], &Seed::new(seed)).unwrap();
    perturb(&mut network, &mut stream);
    Case::new(network, &mut stream)
}

fn single(layer: Layer, units: usize) {
    let what = format!("{layer:?}");
    for seed in 0..3 {
        on_maps(
            |layers, x| layers.layer("it", layer.clone(), &[x], units).unwrap(),
            seed,
        )
        .check(&what);
    }
}

#[test]
fn convolutions_have_right_gradients() {
    let window = |kernel: [usize; 2], stride: [usize; 2], padding: [usize; 2]| Window {
        kernel,
        stride,
        padding,
    };
    let windows = [
        window([3, 3], [1, 1], [1, 1]),
        window([3, 2], [2, 1], [0, 1]),
        window([1, 1], [1, 1], [0, 0]),
        window([2, 3], [2, 2], [1, 1]),
        window([1, 5], [1, 1], [0, 2]),
    ];
    for window in windows {
        for groups in [1, 2, 4] {
            single(
                Layer::Conv {
                    window,
                    groups,
                    bias: groups != 2,
                },
                4,
            );
        }
        single(
            Layer::Conv {
                window,
                groups: 1,
                bias: true,
            },
            7,
        );
    }
}

#[test]
fn norms_have_right_gradients() {
    single(
        Layer::BatchNorm {
            epsilon: 1e-3,
            momentum: 0.1,
        },
        0,
    );
    single(Layer::LayerNorm { epsilon: 1e-3 }, 0);
    single(Layer::RmsNorm { epsilon: 1e-3 }, 0);
    single(
        Layer::GroupNorm {
            groups: 2,
            epsilon: 1e-3,
        },
        0,
    );
    single(
        Layer::GroupNorm {
            groups: 4,
            epsilon: 1e-3,
        },
        0,
    );
}

#[test]
fn pointwise_functions_have_right_gradients() {
    let functions = [
        Activation::Identity,
        Activation::Relu,
        Activation::LeakyRelu { slope: 0.2 },
        Activation::Sigmoid,
        Activation::Tanh,
        Activation::Gelu,
        Activation::Silu,
    ];
    for function in functions {
        single(Layer::Activation { function }, 0);
        // Behind a convolution the function runs inside its kernel.
        let conv = |layers: &mut NetworkBuilder, x| {
            let conv = layers.conv("conv", x, 5, Window::same(3)).unwrap();
            layers.activation("it", conv, function).unwrap()
        };
        on_maps(conv, 9).check(&format!("conv + {function:?}"));
    }
    single(Layer::PRelu, 0);
    single(Layer::Gate { form: GateForm::Linear }, 0);
    single(
        Layer::Gate {
            form: GateForm::Rectified,
        },
        0,
    );
    single(Layer::Dropout { probability: 0.3 }, 0);
}

#[test]
fn gated_layers_have_right_gradients() {
    for (seed, function) in [Activation::Silu, Activation::Gelu, Activation::Sigmoid]
        .into_iter()
        .enumerate()
    {
        let mut stream = Seed::new(seed as u64).stream();
        let mut layers = NetworkBuilder::new();
        let x = layers.input("x", [1, 1], 5).unwrap();
        let first = layers.gated_dense("first", x, 6, function).unwrap();
        layers.mask(first).unwrap();
        let norm = layers.rms_norm("norm", first).unwrap();
        // The next weight absorbs the gate in training, so that both ways into a gated layer's weight are met.
        let gate = layers.gate("gate", norm, GateForm::Linear).unwrap();
        let bare = Layer::GatedDense { function, bias: false };
        let second = layers.layer("second", bare, &[gate], 4).unwrap();
        let both = layers.sum("both", &[second, second]).unwrap();
        let head = layers.dense("head", both, 3).unwrap();
        let mut network = layers.build(&[head], &Seed::new(seed as u64)).unwrap();
        perturb(&mut network, &mut stream);
        Case::new(network, &mut stream).check(&format!("gated {function:?}"));
    }
}

#[test]
fn pools_have_right_gradients() {
    let windows = [
        Window::pool(2),
        Window::square(3).strided(2).padded(1),
        Window::square(2),
        Window::line(3),
    ];
    for window in windows {
        single(Layer::MaxPool { window }, 0);
        single(Layer::AvgPool { window }, 0);
    }
    for output in [[1, 1], [2, 2], [3, 4], [4, 5]] {
        single(Layer::AdaptiveAvgPool { output }, 0);
    }
}

#[test]
fn joins_and_shared_consumers_have_right_gradients() {
    let body = |layers: &mut NetworkBuilder, x| {
        let left = layers
            .layer("left", Layer::Slice { start: 1, end: 3 }, &[x], 0)
            .unwrap();
        let right = layers.conv("right", x, 4, Window::same(3)).unwrap();
        let right = layers.activation("right.relu", right, Activation::Relu).unwrap();
        let sum = layers.sum("sum", &[x, right, right]).unwrap();
        let both = layers.concat("both", &[left, sum, left]).unwrap();
        let pooled = layers
            .layer(
                "pool",
                Layer::MaxPool {
                    window: Window::pool(2),
                },
                &[both],
                0,
            )
            .unwrap();
        let again = layers
            .layer(
                "again",
                Layer::AvgPool {
                    window: Window::pool(2),
                },
                &[both],
                0,
            )
            .unwrap();
        layers.sum("top", &[pooled, again]).unwrap()
    };
    for seed in 0..3 {
        on_maps(body, seed).check("joins");
    }
}

#[test]
fn masked_weights_have_right_gradients_and_zero_where_masked() {
    let mut stream = Seed::new(4).stream();
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 6).unwrap();
    let hidden = layers.dense("hidden", x, 8).unwrap();
    layers.mask(hidden).unwrap();
    let relu = layers.activation("relu", hidden, Activation::Relu).unwrap();
    let gate = layers.gate("gate", relu, GateForm::Linear).unwrap();
    let top = layers.dense("top", gate, 3).unwrap();
    layers.mask(top).unwrap();
    let mut network = layers.build(&[top], &Seed::new(4)).unwrap();
    perturb(&mut network, &mut stream);
    let mut case = Case::new(network, &mut stream);
    case.check("masks");
    let mut session = case.session();
    case.loss(&mut session);
    for layer in ["hidden", "top"] {
        let weight = case.network.find_parameter(&format!("{layer}.weight")).unwrap();
        let mask = case.network.find_parameter(&format!("{layer}.mask")).unwrap();
        let masked = case
            .network
            .parameter(mask)
            .values()
            .iter()
            .zip(session.gradient(weight))
            .filter(|(m, _)| **m == 0.0);
        assert!(masked.clone().count() > 0);
        assert!(masked.into_iter().all(|(_, d)| *d == 0.0));
    }
}

#[test]
fn random_graphs_have_right_gradients() {
    let mut stream = Seed::new(2026).stream();
    for index in 0..graphs() {
        let choice = Choice {
            dropout: index % 2 == 0,
            kinks: true,
        };
        let size = 3 + index % 9;
        let network = random_networks::network(&mut stream, size, choice);
        Case::new(network, &mut stream).check(&format!("random graph {index}"));
    }
}
