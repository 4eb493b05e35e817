//! From a group's producers to its consumers: what a unit without fan-in emits, and what its emission pulls at.

use std::collections::BTreeMap;

use espalier_net::{ChannelFlow, GroupId, Layer, Network, NodeId, ParameterId, Role, Window};
use espalier_strategy::{Error, Result};

use crate::NAME;
use crate::layers::{cells, readings, response, shape};

/// A layer that makes the group's units.
#[derive(Clone, Debug)]
pub(crate) struct Producer {
    pub node: NodeId,
    pub input: NodeId,
    /// The window, for a convolution.
    pub window: Option<Window>,
    /// The fan-in weights of one unit.
    pub inputs: usize,
    pub bias: Option<ParameterId>,
}

/// A layer whose weights read the group's units.
#[derive(Clone, Debug)]
pub(crate) struct Consumer {
    pub node: NodeId,
    pub input: NodeId,
    pub weight: ParameterId,
    pub bias: Option<ParameterId>,
    pub outputs: usize,
    /// Where its weights begin among all fan-out weights of a unit, and how many there are.
    pub first: usize,
    pub weights: usize,
    pub taps: Vec<Tap>,
}

/// One reading: the input node's value of the unit meets the weights `slot..slot + outputs` at an output position.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(crate) struct Tap {
    pub value: usize,
    pub position: usize,
    pub slot: usize,
}

/// The same, from a value further up, and how strongly that value is felt there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Link {
    pub consumer: usize,
    pub position: usize,
    pub slot: usize,
    pub factor: f64,
}

/// All ways from the group's producers to its consumers.
///
/// A node that carries the group holds positions × occurrences values of each unit; value `p·occurrences + q` is
/// the q-th occurrence of the group in the node's channels at position p.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    group: GroupId,
    pub producers: Vec<Producer>,
    pub consumers: Vec<Consumer>,
    /// The number of fan-out weights of a unit.
    pub fan_out: usize,
    /// Whether a unit must be lifted over a kink at 0.
    pub kinked: bool,
}

impl Path {
    /// Finds the ways, or says why the method cannot work there.
    pub fn of(network: &Network<f32>, group: GroupId) -> Result<Self> {
        let mut path = Self {
            group,
            producers: Vec::new(),
            consumers: Vec::new(),
            fan_out: 0,
            kinked: false,
        };
        let mut curved = false;
        for &id in network.order() {
            let (makes, reads) = path.roles(network, id);
            if (makes || reads) && network.node(id).layer().columns_per_unit() > 1 {
                return Err(path.refusal(
                    network,
                    id,
                    "multiplies two halves, and its derivative is not known to this method",
                ));
            }
            if makes && reads {
                return Err(path.refusal(network, id, "both makes and reads its units"));
            }
            if makes {
                path.producers.push(producer(network, id));
            } else if reads {
                path.add_consumer(network, id);
            } else if path.occurrences(network, id) > 0 {
                path.check_through(network, id)?;
                let (kink, curve) = shape(network.node(id).layer());
                path.kinked |= kink;
                curved |= curve;
            }
        }
        path.check(network, curved)?;
        // Finds out here what the working point has no derivative for.
        let constants = path.constants(network)?;
        path.links(network, &constants)?;
        Ok(path)
    }

    fn roles(&self, network: &Network<f32>, id: NodeId) -> (bool, bool) {
        let node = network.node(id);
        if !node.makes_units() {
            return (false, false);
        }
        let reads = node.inputs().iter().any(|i| self.occurrences(network, *i) > 0);
        (self.occurrences(network, id) > 0, reads)
    }

    fn refusal(&self, network: &Network<f32>, id: NodeId, why: &str) -> Error {
        let (group, node) = (network.group(self.group).name(), network.node(id).name());
        Error::unsupported(NAME, format!("group `{group}`: layer `{node}` {why}"))
    }

    /// How often a node's channels list the group.
    pub fn occurrences(&self, network: &Network<f32>, id: NodeId) -> usize {
        network.node(id).space().iter().filter(|g| **g == self.group).count()
    }

    fn values(&self, network: &Network<f32>, id: NodeId) -> usize {
        self.occurrences(network, id) * network.node(id).positions()
    }

    fn add_consumer(&mut self, network: &Network<f32>, id: NodeId) {
        let node = network.node(id);
        let (Some(weight), Some(&input)) = (node.parameter(Role::Weight), node.inputs().first()) else {
            return;
        };
        let outputs = network.parameter(weight).shape()[1];
        let occurrences = self.occurrences(network, input);
        let window = window_of(node.layer());
        let kernel = window.map_or(1, |w| w.kernel[0] * w.kernel[1]);
        let mut taps = Vec::new();
        for (from, position, k) in readings(window, network.node(input).map(), node.map()) {
            taps.extend((0..occurrences).map(|q| Tap {
                value: from * occurrences + q,
                position,
                slot: self.fan_out + (k * occurrences + q) * outputs,
            }));
        }
        let weights = kernel * occurrences * outputs;
        self.consumers.push(Consumer {
            node: id,
            input,
            weight,
            bias: node.parameter(Role::Bias),
            outputs,
            first: self.fan_out,
            weights,
            taps,
        });
        self.fan_out += weights;
    }

    fn check_through(&self, network: &Network<f32>, id: NodeId) -> Result<()> {
        let why = match network.node(id).layer() {
            Layer::Activation { .. }
            | Layer::PRelu
            | Layer::Dropout { .. }
            | Layer::Flatten
            | Layer::Concat
            | Layer::Slice { .. }
            | Layer::Sum
            | Layer::AvgPool { .. }
            | Layer::AdaptiveAvgPool { .. } => return Ok(()),
            Layer::MaxPool { .. } => {
                "takes a maximum, which has no derivative where all values of a new unit are equal"
            }
            layer if layer.statistics().is_some() => "divides by a spread, which a unit without fan-in does not have",
            Layer::Gate { .. } => "is a gate, whose value would be one more weight of the new unit",
            _ => "stands on the way, and its derivative is not known to this method",
        };
        Err(self.refusal(network, id, why))
    }

    fn check(&self, network: &Network<f32>, curved: bool) -> Result<()> {
        let group = network.group(self.group).name();
        let refuse = |why: &str| Err(Error::unsupported(NAME, format!("group `{group}`: {why}")));
        if self.producers.is_empty() || self.consumers.is_empty() {
            return refuse("no weights make or read its units");
        }
        if self.kinked && curved {
            return refuse("activations with a kink and curved ones follow each other on the way");
        }
        match self.producers.iter().find(|p| p.bias.is_none()) {
            Some(producer) if self.kinked => Err(self.refusal(
                network,
                producer.node,
                "has no bias to lift a new unit over the kink at 0",
            )),
            _ => Ok(()),
        }
    }

    /// What a unit without fan-in emits at each value of each node that carries it, its biases being 1 where there is
    /// a kink and 0 elsewhere.
    pub fn constants(&self, network: &Network<f32>) -> Result<BTreeMap<NodeId, Vec<f64>>> {
        let mut constants: BTreeMap<NodeId, Vec<f64>> = BTreeMap::new();
        let start = f64::from(u8::from(self.kinked));
        for &id in network.order() {
            let count = self.values(network, id);
            if count == 0 {
                continue;
            }
            let mut own = vec![0.0; count];
            if self.producers.iter().any(|p| p.node == id) {
                own.fill(start);
            } else {
                for (input, from, to, share) in self.steps(network, id) {
                    own[to] += share * constants[&input][from];
                }
                for value in &mut own {
                    *value = self.response(network, id, *value)?.0;
                }
            }
            constants.insert(id, own);
        }
        Ok(constants)
    }

    /// For each value of each producer, where it is felt.
    pub fn links(
        &self,
        network: &Network<f32>,
        constants: &BTreeMap<NodeId, Vec<f64>>,
    ) -> Result<BTreeMap<NodeId, Vec<Vec<Link>>>> {
        let mut links: BTreeMap<NodeId, Vec<Vec<Link>>> = BTreeMap::new();
        for &id in network.order() {
            links.insert(id, vec![Vec::new(); self.values(network, id)]);
        }
        for &id in network.order().iter().rev() {
            if let Some(consumer) = self.consumers.iter().position(|c| c.node == id) {
                let Consumer { input, taps, .. } = &self.consumers[consumer];
                let reached = links.entry(*input).or_default();
                for tap in taps {
                    reached[tap.value].push(Link {
                        consumer,
                        position: tap.position,
                        slot: tap.slot,
                        factor: 1.0,
                    });
                }
            } else if self.values(network, id) > 0 && !self.producers.iter().any(|p| p.node == id) {
                let own = links.remove(&id).unwrap_or_default();
                for (input, from, to, share) in self.steps(network, id) {
                    // The derivative is taken where the layer's input stands.
                    let slope = share * self.slope(network, id, &constants[&input], from)?;
                    let felt = own[to].iter().map(|l| Link {
                        factor: l.factor * slope,
                        ..*l
                    });
                    links.entry(input).or_default()[from].extend(felt);
                }
            }
        }
        Ok(links)
    }

    fn slope(&self, network: &Network<f32>, id: NodeId, input: &[f64], from: usize) -> Result<f64> {
        Ok(self.response(network, id, input[from])?.1)
    }

    /// Value and derivative of a layer's own function.
    fn response(&self, network: &Network<f32>, id: NodeId, z: f64) -> Result<(f64, f64)> {
        let found = match network.node(id).layer() {
            Layer::Activation { function } => response(*function, z),
            Layer::PRelu => (z > 0.0).then_some((z, 1.0)),
            _ => Some((z, 1.0)),
        };
        found.ok_or_else(|| {
            let why = format!("has no derivative that this method knows at {z}, where a new unit stands");
            self.refusal(network, id, &why)
        })
    }

    /// How the values of a node come from those of its inputs: input, value there, value here, share.
    fn steps(&self, network: &Network<f32>, id: NodeId) -> Vec<(NodeId, usize, usize, f64)> {
        let node = network.node(id);
        let own = self.occurrences(network, id);
        let mut steps = Vec::new();
        let mut before = 0;
        for &input in node.inputs() {
            let there = self.occurrences(network, input);
            let source = network.node(input);
            let mut plain = |skip: usize| {
                for p in 0..source.positions() {
                    for q in 0..there.min(own) {
                        steps.push((input, p * there + skip + q, p * own + before + q, 1.0));
                    }
                }
            };
            match (node.channels(), node.layer()) {
                (ChannelFlow::Joined, _) => {
                    plain(0);
                    before += there;
                }
                (ChannelFlow::Part { start, .. }, _) => plain(self.before(network, input, start)),
                (ChannelFlow::Repeated, _) => {
                    steps.extend((0..source.positions() * there).map(|v| (input, v, v, 1.0)));
                }
                (_, Layer::AvgPool { .. } | Layer::AdaptiveAvgPool { .. }) => {
                    for (to, from) in cells(node.layer(), source.map(), node.map()).into_iter().enumerate() {
                        let share = 1.0 / from.len().max(1) as f64;
                        for p in from {
                            steps.extend((0..own).map(|q| (input, p * there + q, to * own + q, share)));
                        }
                    }
                }
                _ => plain(0),
            }
        }
        steps
    }

    /// How often the group is listed before a channel of a node.
    fn before(&self, network: &Network<f32>, id: NodeId, channel: usize) -> usize {
        let (mut at, mut count) = (0, 0);
        for group in network.node(id).space() {
            if at >= channel {
                break;
            }
            count += usize::from(*group == self.group);
            at += network.group(*group).width();
        }
        count
    }
}

fn producer(network: &Network<f32>, id: NodeId) -> Producer {
    let node = network.node(id);
    let inputs = node
        .parameter(Role::Weight)
        .map_or(0, |w| network.parameter(w).shape()[0]);
    Producer {
        node: id,
        input: node.inputs()[0],
        window: window_of(node.layer()),
        inputs,
        bias: node.parameter(Role::Bias),
    }
}

fn window_of(layer: &Layer) -> Option<Window> {
    match layer {
        Layer::Conv { window, .. } => Some(*window),
        _ => None,
    }
}
