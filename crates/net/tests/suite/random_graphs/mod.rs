//! Random networks that mix every kind of layer, for property tests.
#![allow(dead_code, clippy::unwrap_used, clippy::too_many_lines, clippy::too_many_arguments)]

use espalier_net::{Activation, Element, GateForm, Layer, Network, NetworkBuilder, NodeId, Role, Window};
use espalier_seed::{Seed, Stream};

/// What a random graph may contain.
#[derive(Clone, Copy)]
pub struct Kinds {
    /// Layer and group norms, whose statistics run over the units.
    pub unit_norms: bool,
    /// Sigmoid, tanh, GELU, SiLU and gated units.
    pub bounded: bool,
    /// Batch norms.
    pub batch_norm: bool,
}

pub const EVERYTHING: Kinds = Kinds {
    unit_norms: true,
    bounded: true,
    batch_norm: true,
};
pub const NO_UNIT_NORMS: Kinds = Kinds {
    unit_norms: false,
    bounded: true,
    batch_norm: true,
};
pub const HOMOGENEOUS: Kinds = Kinds {
    unit_norms: false,
    bounded: false,
    batch_norm: false,
};

/// A random network with all parameters (norm statistics, gates, masks too) drawn at random, and a batch for it.
pub struct Sample<E: Element> {
    pub network: Network<E>,
    pub inputs: Vec<Vec<f64>>,
    pub samples: usize,
}

impl<E: Element> Sample<E> {
    pub fn typed(&self) -> Vec<Vec<E>> {
        self.inputs
            .iter()
            .map(|x| x.iter().map(|v| E::from_f64(*v)).collect())
            .collect()
    }
}

pub fn sample<E: Element>(seed: u64, kinds: Kinds) -> Sample<E> {
    let root = Seed::new(seed);
    let mut stream = root.named("graph").stream();
    let mut graph = Graph {
        layers: NetworkBuilder::new(),
        stream: &mut stream,
        count: 0,
        kinds,
    };
    let outputs = if graph.stream.bernoulli(0.5) {
        graph.image()
    } else {
        graph.vector()
    };
    let layers = graph.layers;
    let mut network: Network<E> = layers.build(&outputs, &root).unwrap();
    let mut draw = root.named("values").stream();
    randomise(&mut network, &mut draw);
    let samples = 3;
    let inputs = network.inputs().into_iter().map(|id| {
        let length = samples * network.node(id).positions() * network.width(id);
        (0..length).map(|_| f64::from(draw.normal() as f32)).collect()
    });
    let inputs = inputs.collect();
    Sample {
        network,
        inputs,
        samples,
    }
}

pub fn randomise<E: Element>(network: &mut Network<E>, draw: &mut Stream) {
    let ids: Vec<_> = network.nodes().iter().flat_map(|n| n.parameters().to_vec()).collect();
    for (role, id) in ids {
        for value in network.parameter_mut(id).values_mut() {
            *value = match role {
                Role::RunningVariance => E::from_f64(draw.uniform_in(0.5, 2.0)),
                Role::Scale | Role::Gate => E::from_f64(draw.uniform_in(0.3, 1.5)),
                Role::Slope => E::from_f64(draw.uniform_in(0.05, 0.5)),
                Role::Mask => E::from_f64(f64::from(u8::from(draw.bernoulli(0.8)))),
                Role::Weight => *value,
                _ => E::from_f64(draw.uniform_in(-0.5, 0.5)),
            };
        }
    }
}

struct Graph<'a> {
    layers: NetworkBuilder,
    stream: &'a mut Stream,
    count: usize,
    kinds: Kinds,
}

impl Graph<'_> {
    fn name(&mut self, kind: &str) -> String {
        self.count += 1;
        format!("{kind}{}", self.count)
    }

    fn units(&mut self) -> usize {
        2 + self.stream.below(4)
    }

    fn dense(&mut self, input: NodeId, units: usize) -> NodeId {
        let name = self.name("dense");
        let bias = self.stream.bernoulli(0.8);
        let id = self
            .layers
            .layer(&name, Layer::Dense { bias }, &[input], units)
            .unwrap();
        if self.stream.bernoulli(0.2) {
            self.layers.mask(id).unwrap();
        }
        id
    }

    fn gated(&mut self, input: NodeId, units: usize) -> NodeId {
        let name = self.name("gated");
        let function = [Activation::Silu, Activation::Gelu, Activation::Sigmoid][self.stream.below(3)];
        let bias = self.stream.bernoulli(0.8);
        let layer = Layer::GatedDense { function, bias };
        let id = self.layers.layer(&name, layer, &[input], units).unwrap();
        if self.stream.bernoulli(0.2) {
            self.layers.mask(id).unwrap();
        }
        id
    }

    fn conv(&mut self, input: NodeId, units: usize) -> NodeId {
        let name = self.name("conv");
        let window = match self.stream.below(3) {
            0 => Window::square(1),
            1 => Window::same(3),
            _ => Window::same(3).strided(1),
        };
        let bias = self.stream.bernoulli(0.8);
        let id = self
            .layers
            .layer(
                &name,
                Layer::Conv {
                    window,
                    groups: 1,
                    bias,
                },
                &[input],
                units,
            )
            .unwrap();
        if self.stream.bernoulli(0.2) {
            self.layers.mask(id).unwrap();
        }
        id
    }

    fn one(&mut self, kind: &str, layer: Layer, input: NodeId) -> NodeId {
        let name = self.name(kind);
        let (_, width) = self.layers.shape(input);
        self.layers.layer(&name, layer, &[input], width).unwrap()
    }

    fn activate(&mut self, input: NodeId) -> NodeId {
        let function = match self.stream.below(if self.kinds.bounded { 7 } else { 3 }) {
            0 => Activation::Relu,
            1 => Activation::LeakyRelu { slope: 0.1 },
            2 => return self.one("prelu", Layer::PRelu, input),
            3 => Activation::Sigmoid,
            4 => Activation::Tanh,
            5 => Activation::Silu,
            _ => Activation::Gelu,
        };
        self.one("act", Layer::Activation { function }, input)
    }

    /// A random layer that keeps the shape.
    fn decorate(&mut self, input: NodeId) -> NodeId {
        match self.stream.below(8) {
            0 if self.kinds.batch_norm => self.one(
                "norm",
                Layer::BatchNorm {
                    epsilon: 1e-5,
                    momentum: 0.1,
                },
                input,
            ),
            1 if self.kinds.unit_norms => self.one("layer_norm", Layer::LayerNorm { epsilon: 1e-5 }, input),
            2 if self.kinds.unit_norms => self.one(
                "group_norm",
                Layer::GroupNorm {
                    groups: 1,
                    epsilon: 1e-5,
                },
                input,
            ),
            7 if self.kinds.unit_norms => self.one("rms_norm", Layer::RmsNorm { epsilon: 1e-5 }, input),
            3 => {
                let form = if self.stream.bernoulli(0.5) {
                    GateForm::Linear
                } else {
                    GateForm::Rectified
                };
                self.one("gate", Layer::Gate { form }, input)
            }
            4 => self.one("dropout", Layer::Dropout { probability: 0.3 }, input),
            _ => self.activate(input),
        }
    }

    fn branch(&mut self, input: NodeId, image: bool, units: usize) -> NodeId {
        let mut top = if image {
            self.conv(input, units)
        } else if self.kinds.bounded && self.stream.bernoulli(0.3) {
            self.gated(input, units)
        } else {
            self.dense(input, units)
        };
        for _ in 0..1 + self.stream.below(3) {
            top = self.decorate(top);
        }
        if image && self.stream.bernoulli(0.3) {
            let layer = Layer::Conv {
                window: Window::same(3),
                groups: units,
                bias: true,
            };
            let (_, width) = self.layers.shape(top);
            if width == units && units > 1 {
                let name = self.name("depthwise");
                top = self.layers.layer(&name, layer, &[top], units).unwrap();
            }
        }
        top
    }

    /// Joins two branches in a random way.
    fn join(&mut self, input: NodeId, image: bool) -> NodeId {
        let (a, b) = (self.units(), self.units());
        match self.stream.below(4) {
            0 => {
                let (left, right) = (self.branch(input, image, a), self.branch(input, image, a));
                let name = self.name("sum");
                self.layers.sum(&name, &[left, right]).unwrap()
            }
            1 => {
                let left = self.branch(input, image, a);
                let right = self.branch(left, image, a);
                let name = self.name("sum");
                self.layers.sum(&name, &[left, right]).unwrap()
            }
            2 => {
                let (left, right) = (self.branch(input, image, a), self.branch(input, image, b));
                let name = self.name("concat");
                let both = self.layers.concat(&name, &[left, right, left]).unwrap();
                self.decorate(both)
            }
            _ => {
                let left = self.branch(input, image, a + b);
                let head = self.one("slice", Layer::Slice { start: 0, end: a }, left);
                let tail = self.one("slice", Layer::Slice { start: a, end: a + b }, left);
                let tail = self.decorate(tail);
                let name = self.name("concat");
                self.layers.concat(&name, &[tail, head]).unwrap()
            }
        }
    }

    fn vector(&mut self) -> Vec<NodeId> {
        let mut top = self.layers.input("x", [1, 1], 4).unwrap();
        for _ in 0..1 + self.stream.below(3) {
            top = self.join(top, false);
        }
        let first = self.dense(top, 3);
        if self.stream.bernoulli(0.3) {
            let second = self.dense(top, 2);
            return vec![first, second];
        }
        vec![first]
    }

    fn image(&mut self) -> Vec<NodeId> {
        let map = if self.stream.bernoulli(0.25) { [1, 6] } else { [4, 6] };
        let mut top = self.layers.input("x", map, 2).unwrap();
        if map[0] == 1 {
            let units = self.units();
            let name = self.name("line");
            let layer = Layer::Conv {
                window: Window::line(3).padded(1),
                groups: 1,
                bias: true,
            };
            top = self.layers.layer(&name, layer, &[top], units).unwrap();
            top = self.activate(top);
            let units = self.units();
            top = self.branch(top, true, units);
        } else {
            top = self.join(top, true);
            top = match self.stream.below(4) {
                0 => self.one(
                    "max",
                    Layer::MaxPool {
                        window: Window::pool(2),
                    },
                    top,
                ),
                1 => self.one(
                    "avg",
                    Layer::AvgPool {
                        window: Window::square(3).strided(2).padded(1),
                    },
                    top,
                ),
                2 => self.one("adaptive", Layer::AdaptiveAvgPool { output: [2, 3] }, top),
                _ => self.one(
                    "max",
                    Layer::MaxPool {
                        window: Window::square(3).padded(1),
                    },
                    top,
                ),
            };
            if self.stream.bernoulli(0.5) {
                top = self.join(top, true);
            }
        }
        let mut flat = self.one("flatten", Layer::Flatten, top);
        if self.stream.bernoulli(0.3) {
            let (_, width) = self.layers.shape(flat);
            let side = self.dense(flat, width);
            let name = self.name("sum");
            flat = self.layers.sum(&name, &[flat, side]).unwrap();
        }
        let units = self.units();
        let hidden = self.dense(flat, units);
        let hidden = self.activate(hidden);
        vec![self.dense(hidden, 3)]
    }
}
