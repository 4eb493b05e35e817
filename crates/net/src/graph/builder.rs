//! Builds a network layer by layer.

use std::collections::BTreeSet;

use espalier_seed::Seed;

use crate::error::{Error, Result};
use crate::graph::Network;
use crate::graph::cost::beyond_count;
use crate::graph::initializer::Initializer;
use crate::graph::{Node, NodeId};
use crate::kernels::Element;
use crate::layer::extent::{check_channels, check_settings, check_shape, count_macs};
use crate::layer::parameter::Space;
use crate::layer::{Activation, ChannelFlow, GateForm, Layer, Recurrent, Rules, Shape, Window};
use crate::ledger::Cost;

/// Collects layers and makes a [`Network`] of them.
///
/// # Example
/// ```
/// use espalier_net::{Activation, NetworkBuilder};
/// use espalier_seed::Seed;
///
/// let mut layers = NetworkBuilder::new();
/// let x = layers.input("x", [1, 1], 784)?;
/// let hidden = layers.dense("hidden", x, 128)?;
/// let hidden = layers.activation("relu", hidden, Activation::Relu)?;
/// let logits = layers.dense("logits", hidden, 10)?;
/// let network = layers.build::<f32>(&[logits], &Seed::new(1))?;
/// assert_eq!(network.parameter_count(), 784 * 128 + 128 + 128 * 10 + 10);
/// # Ok::<(), espalier_net::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct NetworkBuilder {
    nodes: Vec<Node>,
    names: BTreeSet<String>,
    masked: BTreeSet<NodeId>,
    initializer: Initializer,
    /// Channels that layers have made, and weights and MACs, none more than can be counted.
    channels: usize,
    cost: Cost,
}

impl NetworkBuilder {
    /// Starts an empty graph.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how weights are drawn; the default is PyTorch's.
    pub fn initializer(&mut self, initializer: Initializer) -> &mut Self {
        self.initializer = initializer;
        self
    }

    /// Adds a network input: a map of `[height, width]` positions with `channels` values each.
    ///
    /// # Errors
    /// Refuses an empty map, one whose values cannot be counted, and a name in use.
    pub fn input(&mut self, name: &str, map: [usize; 2], channels: usize) -> Result<NodeId> {
        if map.contains(&0) || channels == 0 {
            return Err(Error::layer(name, "a map with values", format!("{map:?}×{channels}")));
        }
        check_shape(name, Shape { map, channels })?;
        let all = self.with_channels(name, channels)?;
        let id = self.push(name, Layer::Input, Vec::new(), map, channels)?;
        self.channels = all;
        Ok(id)
    }

    /// Adds any layer; `units` is the number of channels that it creates, ignored by layers that create none.
    ///
    /// # Errors
    /// Refuses a name in use, inputs whose shapes do not fit the layer, and sizes whose products cannot be counted.
    pub fn layer(&mut self, name: &str, layer: Layer, inputs: &[NodeId], units: usize) -> Result<NodeId> {
        let rules = layer.rules(false);
        if rules.has_weights() && units == 0 {
            return Err(Error::layer(name, "at least one unit", "0"));
        }
        if let Some(expected) = rules.misfit() {
            return Err(Error::layer(name, expected, format!("{layer:?}")));
        }
        check_settings(name, rules.as_ref())?;
        let mut shapes = Vec::with_capacity(inputs.len());
        for id in inputs {
            let node = self
                .nodes
                .get(id.index())
                .ok_or_else(|| Error::layer(name, "inputs of this builder", format!("{id:?}")))?;
            shapes.push(Shape {
                map: node.map,
                channels: node.built_width,
            });
        }
        if !rules.inputs().contains(&inputs.len()) || inputs.is_empty() {
            let expected = match *rules.inputs().end() {
                0 => "no layer of this kind here (`NetworkBuilder::input` adds it)",
                1 => "one input",
                _ => "at least one input",
            };
            return Err(Error::layer(name, expected, format!("{}", inputs.len())));
        }
        let shape = rules.shape(name, &shapes, units)?;
        check_shape(name, shape)?;
        let Shape { map, channels: width } = shape;
        let depthwise = rules.is_depthwise(shapes[0].channels, width);
        let rules = layer.rules(depthwise);
        let channels = match rules.channels() {
            ChannelFlow::New => self.with_channels(name, width)?,
            _ => self.channels,
        };
        let cost = self.with_cost(name, rules.as_ref(), shapes[0].channels, shape)?;
        let id = self.push(name, layer, inputs.to_vec(), map, width)?;
        self.nodes[id.index()].depthwise = depthwise;
        (self.channels, self.cost) = (channels, cost);
        Ok(id)
    }

    /// All channels with those of one layer more.
    fn with_channels(&self, name: &str, more: usize) -> Result<usize> {
        let all = self.channels.saturating_add(more);
        check_channels(name, all)?;
        Ok(all)
    }

    /// The cost with that of one layer more.
    fn with_cost(&self, name: &str, rules: &dyn Rules, fan_in: usize, shape: Shape) -> Result<Cost> {
        let positions = shape.map[0] * shape.map[1];
        let macs = count_macs(name, rules, fan_in, shape.channels, positions)?;
        let weights = rules.macs(fan_in, shape.channels, 1);
        let cost = self.cost.and(weights, macs);
        cost.ok_or_else(|| beyond_count(name, self.cost))
    }

    fn push(&mut self, name: &str, layer: Layer, inputs: Vec<NodeId>, map: [usize; 2], width: usize) -> Result<NodeId> {
        if name.is_empty() || !self.names.insert(name.to_owned()) {
            return Err(Error::Name {
                what: "layer",
                name: name.to_owned(),
                expected: "a name of its own".to_owned(),
            });
        }
        self.nodes.push(Node {
            name: name.to_owned(),
            layer,
            inputs,
            map,
            built_width: width,
            depthwise: false,
            space: Space::new(),
            parameters: Vec::new(),
        });
        Ok(NodeId(self.nodes.len() as u32 - 1))
    }

    /// Adds a dense layer with bias.
    ///
    /// # Errors
    /// As [`NetworkBuilder::layer`].
    pub fn dense(&mut self, name: &str, input: NodeId, units: usize) -> Result<NodeId> {
        self.layer(name, Layer::Dense { bias: true }, &[input], units)
    }

    /// Adds a convolution with bias.
    ///
    /// # Errors
    /// As [`NetworkBuilder::layer`].
    pub fn conv(&mut self, name: &str, input: NodeId, units: usize, window: Window) -> Result<NodeId> {
        let layer = Layer::Conv {
            window,
            groups: 1,
            bias: true,
        };
        self.layer(name, layer, &[input], units)
    }

    /// Adds a batch norm with ε = 1e-5 and momentum 0.1.
    ///
    /// # Errors
    /// As [`NetworkBuilder::layer`].
    pub fn batch_norm(&mut self, name: &str, input: NodeId) -> Result<NodeId> {
        let layer = Layer::BatchNorm {
            epsilon: 1e-5,
            momentum: 0.1,
        };
        self.layer(name, layer, &[input], 0)
    }

    /// Adds a norm by the root mean square of the channels, with ε = 1e-6.
    ///
    /// # Errors
    /// As [`NetworkBuilder::layer`].
    pub fn rms_norm(&mut self, name: &str, input: NodeId) -> Result<NodeId> {
        self.layer(name, Layer::RmsNorm { epsilon: 1e-6 }, &[input], 0)
    }

    /// Adds a dense layer of gated units with biases: SwiGLU with [`Activation::Silu`], GEGLU with [`Activation::Gelu`].
    ///
    /// # Errors
    /// As [`NetworkBuilder::layer`].
    pub fn gated_dense(&mut self, name: &str, input: NodeId, units: usize, function: Activation) -> Result<NodeId> {
        self.layer(name, Layer::GatedDense { function, bias: true }, &[input], units)
    }

    /// Adds a pointwise function.
    ///
    /// # Errors
    /// As [`NetworkBuilder::layer`].
    pub fn activation(&mut self, name: &str, input: NodeId, function: Activation) -> Result<NodeId> {
        self.layer(name, Layer::Activation { function }, &[input], 0)
    }

    /// Adds a per-unit gate.
    ///
    /// # Errors
    /// As [`NetworkBuilder::layer`].
    pub fn gate(&mut self, name: &str, input: NodeId, form: GateForm) -> Result<NodeId> {
        self.layer(name, Layer::Gate { form }, &[input], 0)
    }

    /// Refuses a recurrent layer.
    ///
    /// No network here has one: units are edited by what feeds them and what reads them, and a recurrent unit is both to
    /// itself. The sources that tried to split GRU and LSTM units found that it hurts and turned it off.
    ///
    /// # Errors
    /// Always [`Error::Unsupported`], with the layer, its kind and the reason.
    ///
    /// # Example
    /// ```
    /// use espalier_net::{Error, NetworkBuilder, Recurrent};
    ///
    /// let error = NetworkBuilder::new().recurrent("memory", Recurrent::Gru).unwrap_err();
    /// assert!(matches!(error, Error::Unsupported { layer, kind, .. } if layer == "memory" && kind == "GRU"));
    /// ```
    pub fn recurrent(&mut self, name: &str, kind: Recurrent) -> Result<NodeId> {
        Err(kind.refused(name))
    }

    /// Adds a max pooling whose windows do not overlap.
    ///
    /// # Errors
    /// As [`NetworkBuilder::layer`].
    pub fn max_pool(&mut self, name: &str, input: NodeId, size: usize) -> Result<NodeId> {
        let window = Window::pool(size);
        self.layer(name, Layer::MaxPool { window }, &[input], 0)
    }

    /// Lays a map out as a vector.
    ///
    /// # Errors
    /// As [`NetworkBuilder::layer`].
    pub fn flatten(&mut self, name: &str, input: NodeId) -> Result<NodeId> {
        self.layer(name, Layer::Flatten, &[input], 0)
    }

    /// Adds the given nodes.
    ///
    /// # Errors
    /// As [`NetworkBuilder::layer`].
    pub fn sum(&mut self, name: &str, inputs: &[NodeId]) -> Result<NodeId> {
        self.layer(name, Layer::Sum, inputs, 0)
    }

    /// Joins the given nodes along channels.
    ///
    /// # Errors
    /// As [`NetworkBuilder::layer`].
    pub fn concat(&mut self, name: &str, inputs: &[NodeId]) -> Result<NodeId> {
        self.layer(name, Layer::Concat, inputs, 0)
    }

    /// Gives a dense layer or convolution a weight mask, all ones at first.
    ///
    /// # Errors
    /// Refuses a layer without weights.
    pub fn mask(&mut self, id: NodeId) -> Result<()> {
        let node = &self.nodes[id.index()];
        if !node.layer.has_weights() {
            return Err(Error::layer(&node.name, "a layer with weights", node.layer.kind()));
        }
        self.masked.insert(id);
        Ok(())
    }

    /// The map and width of a node so far.
    #[must_use]
    pub fn shape(&self, id: NodeId) -> ([usize; 2], usize) {
        let node = &self.nodes[id.index()];
        (node.map, node.built_width)
    }

    /// Builds the network and draws its weights from streams named after its layers.
    ///
    /// # Errors
    /// Refuses a graph without outputs, and weights that memory does not hold.
    pub fn build<E: Element>(self, outputs: &[NodeId], seed: &Seed) -> Result<Network<E>> {
        if outputs.is_empty() || outputs.iter().any(|id| id.index() >= self.nodes.len()) {
            return Err(Error::Name {
                what: "outputs",
                name: format!("{outputs:?}"),
                expected: "at least one node of this builder".to_owned(),
            });
        }
        Network::assemble(self.nodes, outputs.to_vec(), &self.masked, &self.initializer, seed)
    }
}
