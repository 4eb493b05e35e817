//! Random small graphs over every kind of layer, for property tests.

use espalier_net::{Activation, Element, GateForm, Layer, Network, NetworkBuilder, NodeId, Role, Window};
use espalier_seed::{Seed, Stream};

/// Which layers may occur.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    pub dropout: bool,
    /// Functions with a kink, and maxima.
    pub kinks: bool,
}

/// Builds a random network of `size` layers between its input and its heads.
pub fn network<E: Element>(stream: &mut Stream, size: usize, choice: Choice) -> Network<E> {
    let mut graph = Graph {
        layers: NetworkBuilder::new(),
        nodes: Vec::new(),
        choice,
        next: 0,
    };
    let image = stream.bernoulli(0.6);
    let map = if image {
        [2 + stream.below(4), 2 + stream.below(4)]
    } else {
        [1, 1]
    };
    let channels = 1 + stream.below(4);
    let input = graph.layers.input("x", map, channels).unwrap();
    graph.nodes.push(input);
    if stream.bernoulli(0.3) {
        let second = graph.layers.input("x2", [1, 1], 3).unwrap();
        graph.nodes.push(second);
    }
    while graph.next < size {
        graph.grow(stream);
    }
    let mut outputs = vec![graph.head(stream, "head0")];
    if stream.bernoulli(0.3) {
        outputs.push(graph.head(stream, "head1"));
    }
    let mut network = graph.layers.build(&outputs, &Seed::new(stream.next_u64())).unwrap();
    perturb(&mut network, stream);
    network
}

/// Gives every parameter random values of its kind, so that none is neutral.
pub fn perturb<E: Element>(network: &mut Network<E>, stream: &mut Stream) {
    for index in 0..network.parameters().len() {
        let id = network.find_parameter(network.parameters()[index].name()).unwrap();
        let role = network.parameter(id).role();
        for value in network.parameter_mut(id).values_mut() {
            let draw = match role {
                Role::Mask => f64::from(u8::from(stream.bernoulli(0.7))),
                Role::Weight => stream.uniform_in(-0.7, 0.7),
                Role::RunningVariance => stream.uniform_in(0.5, 1.5),
                Role::Gate => stream.uniform_in(-0.5, 1.5),
                _ => stream.uniform_in(-0.5, 1.0),
            };
            *value = E::from_f64(draw);
        }
    }
}

/// Draws a batch for each network input.
pub fn batch<E: Element>(network: &Network<E>, samples: usize, stream: &mut Stream) -> Vec<Vec<E>> {
    let size = |id: &NodeId| network.node(*id).positions() * network.width(*id);
    let draw = |id: NodeId| (0..samples * size(&id)).map(|_| E::from_f64(stream.normal())).collect();
    network.inputs().into_iter().map(draw).collect()
}

struct Graph {
    layers: NetworkBuilder,
    nodes: Vec<NodeId>,
    choice: Choice,
    next: usize,
}

impl Graph {
    fn pick(&self, stream: &mut Stream) -> NodeId {
        // Mostly recent nodes, so that graphs are deep; sometimes old ones, so that consumers are shared.
        let recent = self.nodes.len().saturating_sub(3);
        let from = if stream.bernoulli(0.7) { recent } else { 0 };
        self.nodes[from + stream.below(self.nodes.len() - from)]
    }

    fn add(&mut self, layer: Layer, inputs: &[NodeId], units: usize) -> Option<NodeId> {
        let name = format!("layer{}", self.next);
        let node = self.layers.layer(&name, layer, inputs, units).ok()?;
        self.next += 1;
        self.nodes.push(node);
        Some(node)
    }

    fn grow(&mut self, stream: &mut Stream) {
        let at = self.pick(stream);
        let (map, width) = self.layers.shape(at);
        let image = map != [1, 1];
        let units = 1 + stream.below(5);
        let layer = match stream.below(18) {
            0 | 1 if !image => Layer::Dense {
                bias: stream.bernoulli(0.8),
            },
            0..=2 => Layer::Conv {
                window: self.window(map, stream),
                groups: 1,
                bias: stream.bernoulli(0.8),
            },
            3 => self.grouped(map, width, stream),
            4 => Layer::BatchNorm {
                epsilon: 1e-3,
                momentum: 0.2,
            },
            5 => Layer::LayerNorm { epsilon: 1e-3 },
            6 => Layer::GroupNorm {
                groups: if width.is_multiple_of(2) { 2 } else { 1 },
                epsilon: 1e-3,
            },
            7 | 8 => Layer::Activation {
                function: self.function(stream),
            },
            9 if self.choice.kinks => Layer::PRelu,
            10 if self.choice.kinks => Layer::MaxPool {
                window: pool_window(map, stream),
            },
            10 => Layer::AvgPool {
                window: pool_window(map, stream),
            },
            11 => Layer::AdaptiveAvgPool {
                output: [1 + stream.below(map[0]), 1 + stream.below(map[1])],
            },
            12 if self.choice.dropout => Layer::Dropout { probability: 0.4 },
            13 => Layer::Gate {
                form: if self.choice.kinks {
                    GateForm::Rectified
                } else {
                    GateForm::Linear
                },
            },
            14 => Layer::Gate { form: GateForm::Linear },
            15 => Layer::RmsNorm { epsilon: 1e-3 },
            16 if !image => Layer::GatedDense {
                function: self.function(stream),
                bias: stream.bernoulli(0.8),
            },
            _ => return self.join(at, stream),
        };
        let units = match layer {
            Layer::Conv { groups: 2, .. } => 2 * units,
            Layer::Conv { groups, .. } if groups > 1 => groups,
            _ => units,
        };
        if let Some(node) = self.add(layer, &[at], units)
            && stream.bernoulli(0.2)
        {
            let _ = self.layers.mask(node);
        }
    }

    fn window(&self, map: [usize; 2], stream: &mut Stream) -> Window {
        Window {
            kernel: [1 + stream.below(map[0].min(3)), 1 + stream.below(map[1].min(3))],
            stride: [1 + stream.below(2), 1 + stream.below(2)],
            padding: [stream.below(2), stream.below(2)],
        }
    }

    fn grouped(&self, map: [usize; 2], width: usize, stream: &mut Stream) -> Layer {
        let groups = if width.is_multiple_of(2) && stream.bernoulli(0.5) {
            2
        } else {
            width
        };
        Layer::Conv {
            window: self.window(map, stream),
            groups,
            bias: stream.bernoulli(0.8),
        }
    }

    fn function(&self, stream: &mut Stream) -> Activation {
        let smooth = [
            Activation::Sigmoid,
            Activation::Tanh,
            Activation::Gelu,
            Activation::Silu,
            Activation::Identity,
        ];
        let kinked = [Activation::Relu, Activation::LeakyRelu { slope: 0.1 }];
        if self.choice.kinks && stream.bernoulli(0.6) {
            kinked[stream.below(2)]
        } else {
            smooth[stream.below(5)]
        }
    }

    /// Adds a flatten, slice, concat or sum.
    fn join(&mut self, at: NodeId, stream: &mut Stream) {
        let shape = self.layers.shape(at);
        let (map, width) = shape;
        let same_map: Vec<NodeId> = self
            .nodes
            .iter()
            .copied()
            .filter(|n| self.layers.shape(*n).0 == map)
            .collect();
        let same: Vec<NodeId> = self
            .nodes
            .iter()
            .copied()
            .filter(|n| self.layers.shape(*n) == shape)
            .collect();
        let other = same_map[stream.below(same_map.len())];
        let twin = same[stream.below(same.len())];
        let _ = match stream.below(4) {
            0 => self.add(Layer::Flatten, &[at], 0),
            1 => {
                let start = stream.below(width);
                let end = start + 1 + stream.below(width - start);
                self.add(Layer::Slice { start, end }, &[at], 0)
            }
            2 => self.add(Layer::Concat, &[at, other], 0),
            _ => self.add(Layer::Sum, &[at, twin], 0),
        };
    }

    fn head(&mut self, stream: &mut Stream, name: &str) -> NodeId {
        let at = self.pick(stream);
        let flat = self.layers.flatten(&format!("{name}.flatten"), at).unwrap();
        self.layers.dense(name, flat, 3).unwrap()
    }
}

fn pool_window(map: [usize; 2], stream: &mut Stream) -> Window {
    let kernel = [1 + stream.below(map[0].min(3)), 1 + stream.below(map[1].min(3))];
    Window {
        kernel,
        stride: [1 + stream.below(2), 1 + stream.below(2)],
        padding: [stream.below(kernel[0] / 2 + 1), stream.below(kernel[1] / 2 + 1)],
    }
}
