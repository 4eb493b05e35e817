//! Runs networks on Candle devices: the same graph as a composition of Candle's operations, with its autograd.
//!
//! Parameters live on the device as variables. The host's network stays the owner: arrays that it changed since
//! the last pass are copied to the device before the next one, and gradients are copied to the host after each backward
//! pass, where optimizers read them as they read those of the CPU kernels. So an edit or an
//! optimizer needs no second implementation, at the cost of two copies of the parameters per training step.

pub(crate) mod layers;
pub(crate) mod transfer;
pub(crate) mod windows;

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::{Device, Tensor, Var};
use espalier_seed::Stream;

use self::layers::Geometry;
use self::transfer::{Link, Traffic, dtype};
use super::engine::{Engine, Losses};
use super::requests::Requests;
use super::signature::Signature;
use super::{Ablation, Bytes, Mode, Outputs, count_samples, groups_now};
use crate::error::{Error, Result};
use crate::graph::Network;
use crate::graph::{Node, NodeId};
use crate::kernels::dropout::DropRate;
use crate::kernels::{Element, Threads};
use crate::layer::Layer;
use crate::layer::parameter::{ParameterId, Role};

/// A parameter on the device, and the host's array that it was copied from.
///
/// Holding the array makes any change on the host go to a new one, so that comparing addresses tells whether it changed.
#[derive(Debug)]
struct Resident<E> {
    host: Arc<Vec<E>>,
    device: Var,
}

/// Runs one network on one device.
#[derive(Debug)]
pub(crate) struct Runner<E: Element> {
    link: Link,
    signature: Signature,
    parameters: Vec<Resident<E>>,
    geometries: BTreeMap<NodeId, Geometry>,
    requests: Requests,
    outputs: Vec<Vec<E>>,
    activations: BTreeMap<NodeId, Vec<E>>,
    activation_gradients: BTreeMap<NodeId, Vec<E>>,
    gradients: Vec<Vec<E>>,
    running: Vec<(ParameterId, Vec<E>)>,
}

/// A forward pass under way.
struct Tape<'a, E: Element> {
    network: &'a Network<E>,
    mode: Mode,
    samples: usize,
    ablation: Option<Ablation>,
    /// By node.
    values: Vec<Option<Tensor>>,
    /// Zeros added to the nodes whose gradients are asked for: the gradient of such zeros is that of the node.
    taps: BTreeMap<NodeId, Var>,
}

impl<E: Element> Tape<'_, E> {
    fn value(&self, id: NodeId) -> Result<&Tensor> {
        self.values[id.index()].as_ref().ok_or_else(|| {
            Error::layer(
                self.network.node(id).name(),
                "a value computed before its consumers",
                "none",
            )
        })
    }
}

impl<E: Element> Runner<E> {
    pub fn new(network: &Network<E>, device: &Device) -> Result<Self> {
        let mut runner = Self {
            link: Link::new(device),
            signature: Signature::of(network),
            parameters: Vec::new(),
            geometries: BTreeMap::new(),
            requests: Requests::default(),
            outputs: Vec::new(),
            activations: BTreeMap::new(),
            activation_gradients: BTreeMap::new(),
            gradients: Vec::new(),
            running: Vec::new(),
        };
        runner.synchronise(network)?;
        Ok(runner)
    }

    /// Copies to the device what changed on the host.
    fn synchronise(&mut self, network: &Network<E>) -> Result<()> {
        if !self.signature.matches(network) {
            self.signature = Signature::of(network);
            self.parameters.clear();
            self.geometries.clear();
            self.gradients.clear();
        }
        for (index, parameter) in network.parameters().iter().enumerate() {
            match self.parameters.get_mut(index) {
                Some(resident) if Arc::ptr_eq(&resident.host, &parameter.values) => {}
                Some(resident) if resident.device.dims() == parameter.shape() => {
                    resident
                        .device
                        .set(&self.link.upload(parameter.values(), parameter.shape())?)?;
                    resident.host = Arc::clone(&parameter.values);
                }
                found => {
                    let device = Var::from_tensor(&self.link.upload(parameter.values(), parameter.shape())?)?;
                    let resident = Resident {
                        host: Arc::clone(&parameter.values),
                        device,
                    };
                    match found {
                        Some(old) => *old = resident,
                        None => self.parameters.push(resident),
                    }
                }
            }
        }
        Ok(())
    }

    fn run<'a>(
        &mut self,
        network: &'a Network<E>,
        inputs: &[&[E]],
        mode: Mode,
        ablation: Option<Ablation>,
        stream: &mut Stream,
    ) -> Result<Tape<'a, E>> {
        let samples = count_samples(network, inputs)?;
        self.synchronise(network)?;
        self.running.clear();
        let taps = BTreeMap::new();
        let values = vec![None; network.nodes().len()];
        let mut tape = Tape {
            network,
            mode,
            samples,
            ablation,
            values,
            taps,
        };
        let live = self.live(network);
        let mut inputs = inputs.iter();
        for &id in network.order() {
            let is_input = *network.node(id).layer() == Layer::Input;
            let input = if is_input { inputs.next() } else { None };
            if !live[id.index()] {
                continue;
            }
            let mut value = match input {
                Some(values) => self
                    .link
                    .upload(values, &[samples * network.node(id).positions(), network.width(id)])?,
                None => self.layer(&mut tape, id, stream)?,
            };
            if mode == Mode::Train && self.requests.gradients.contains(&id) {
                let zeros = Var::zeros(value.dims(), dtype::<E>(), self.link.device())?;
                value = (value + zeros.as_tensor())?;
                tape.taps.insert(id, zeros);
            }
            tape.values[id.index()] = Some(value);
        }
        self.keep(&tape)?;
        Ok(tape)
    }

    /// The nodes that outputs and requests depend on, as the CPU's plans have it, so that both draw the same masks.
    fn live(&self, network: &Network<E>) -> Vec<bool> {
        let mut live = vec![false; network.nodes().len()];
        for id in network
            .outputs()
            .iter()
            .chain(&self.requests.values)
            .chain(&self.requests.gradients)
        {
            live[id.index()] = true;
        }
        for &id in network.order().iter().rev() {
            if live[id.index()] {
                for input in network.node(id).inputs() {
                    live[input.index()] = true;
                }
            }
        }
        live
    }

    /// Copies outputs and observed nodes to the host.
    fn keep(&mut self, tape: &Tape<'_, E>) -> Result<()> {
        self.outputs.clear();
        for id in tape.network.outputs() {
            self.outputs.push(self.link.download(tape.value(*id)?)?);
        }
        self.activations.clear();
        for (id, values) in tape.network.outputs().iter().zip(&self.outputs) {
            self.activations.insert(*id, values.clone());
        }
        for id in &self.requests.values {
            self.activations.insert(*id, self.link.download(tape.value(*id)?)?);
        }
        Ok(())
    }

    /// A parameter of a node: a variable while gradients are wanted, else its bare value.
    fn parameter(&self, tape: &Tape<'_, E>, node: &Node, role: Role) -> Result<Tensor> {
        let id = node.parameter(role);
        let id = id.ok_or_else(|| Error::layer(node.name(), format!("a parameter `{}`", role.name()), "none"))?;
        let variable = &self.parameters[id.index()].device;
        Ok(match tape.mode {
            Mode::Train => variable.as_tensor().clone(),
            Mode::Eval => variable.as_detached_tensor(),
        })
    }

    fn layer(&mut self, tape: &mut Tape<'_, E>, id: NodeId, stream: &mut Stream) -> Result<Tensor> {
        let network = tape.network;
        let node = network.node(id);
        let x = tape.value(node.inputs()[0])?.clone();
        match node.layer() {
            Layer::Dense { .. } => {
                let y = x.matmul(&self.weight(tape, node)?)?;
                self.with_bias(tape, node, y)
            }
            Layer::Conv { window, groups, .. } => {
                let w = self.weight(tape, node)?;
                let before = network.node(node.inputs()[0]);
                let sizes = (before.positions(), window.kernel[0] * window.kernel[1]);
                let groups = groups_now(node, *groups, network.width(id));
                let Geometry::Taps(taps) = self.geometry(network, id)? else {
                    return Err(geometry_error(node));
                };
                let y = layers::conv(&x, &w, &taps, sizes, groups)?;
                self.with_bias(tape, node, y)
            }
            Layer::BatchNorm { .. } | Layer::LayerNorm { .. } | Layer::GroupNorm { .. } => self.norm(tape, node, &x),
            Layer::GatedDense { function, .. } => {
                let z = x.matmul(&self.weight(tape, node)?)?;
                layers::gated(&self.with_bias(tape, node, z)?, *function)
            }
            Layer::RmsNorm { epsilon } => layers::rms_norm(&x, &self.parameter(tape, node, Role::Scale)?, *epsilon),
            Layer::Activation { function } => layers::activation(&x, *function),
            Layer::PRelu => layers::prelu(&x, &self.parameter(tape, node, Role::Slope)?),
            Layer::Gate { form } => layers::gate(&x, &self.parameter(tape, node, Role::Gate)?, *form),
            Layer::MaxPool { .. } | Layer::AvgPool { .. } | Layer::AdaptiveAvgPool { .. } => self.pool(network, id, &x),
            Layer::Dropout { probability } => self.dropout(tape, node, &x, *probability, stream),
            Layer::Flatten => Ok(x.reshape((tape.samples, x.elem_count() / tape.samples))?),
            Layer::Concat => {
                let parts = node
                    .inputs()
                    .iter()
                    .map(|i| tape.value(*i))
                    .collect::<Result<Vec<_>>>()?;
                Ok(Tensor::cat(&parts, 1)?)
            }
            Layer::Slice { start, .. } => Ok(x.narrow(1, *start, network.width(id))?.contiguous()?),
            Layer::Sum => {
                let mut sum = x;
                for other in &node.inputs()[1..] {
                    sum = (sum + tape.value(*other)?)?;
                }
                Ok(sum)
            }
            Layer::Input => Err(Error::layer(node.name(), "a batch", "none")),
        }
    }

    /// The weight, masked, with an ablated unit's rows silenced.
    fn weight(&self, tape: &Tape<'_, E>, node: &Node) -> Result<Tensor> {
        let mut weight = self.parameter(tape, node, Role::Weight)?;
        if node.parameter(Role::Mask).is_some() {
            weight = (weight * self.parameter(tape, node, Role::Mask)?)?;
        }
        if let (Some(ablation), Some(id)) = (tape.ablation, node.parameter(Role::Weight)) {
            let factors = ablation.row_factors(tape.network, id);
            weight = weight.broadcast_mul(&self.link.upload(&factors, &[factors.len(), 1])?)?;
        }
        Ok(weight)
    }

    fn with_bias(&self, tape: &Tape<'_, E>, node: &Node, y: Tensor) -> Result<Tensor> {
        match node.parameter(Role::Bias) {
            Some(_) => Ok(y.broadcast_add(&self.parameter(tape, node, Role::Bias)?)?),
            None => Ok(y),
        }
    }

    fn norm(&mut self, tape: &Tape<'_, E>, node: &Node, x: &Tensor) -> Result<Tensor> {
        let scale = self.parameter(tape, node, Role::Scale)?;
        let shift = self.parameter(tape, node, Role::Bias)?;
        let affine = [&scale, &shift];
        match node.layer() {
            Layer::LayerNorm { epsilon } => layers::group_norm(x, affine, *epsilon, 1, 1),
            Layer::GroupNorm { groups, epsilon } => layers::group_norm(x, affine, *epsilon, node.positions(), *groups),
            Layer::BatchNorm { epsilon, momentum } if tape.mode == Mode::Train => {
                if x.dim(0)? < 2 {
                    return Err(Error::layer(
                        node.name(),
                        "more than one value per channel in a training batch",
                        "one",
                    ));
                }
                let (y, mean, variance) = layers::batch_norm(x, affine, *epsilon)?;
                let rows = x.dim(0)? as f64;
                self.blend(tape.network, node, Role::RunningMean, *momentum, &mean)?;
                self.blend(
                    tape.network,
                    node,
                    Role::RunningVariance,
                    *momentum,
                    &(variance * (rows / (rows - 1.0)))?,
                )?;
                Ok(y)
            }
            Layer::BatchNorm { epsilon, .. } => {
                let mean = self.parameter(tape, node, Role::RunningMean)?;
                let variance = self.parameter(tape, node, Role::RunningVariance)?;
                layers::batch_norm_running(x, affine, *epsilon, [&mean, &variance])
            }
            other => Err(Error::layer(node.name(), "a norm", other.kind())),
        }
    }

    /// Notes what a running statistic becomes.
    fn blend(&mut self, network: &Network<E>, node: &Node, role: Role, momentum: f64, batch: &Tensor) -> Result<()> {
        if let Some(id) = node.parameter(role) {
            let batch: Vec<E> = self.link.download(batch)?;
            let blend = |(&old, new): (&E, E)| E::from_f64((1.0 - momentum) * old.to_f64() + momentum * new.to_f64());
            let values = network.parameter(id).values().iter().zip(batch).map(blend).collect();
            self.running.push((id, values));
        }
        Ok(())
    }

    fn pool(&mut self, network: &Network<E>, id: NodeId, x: &Tensor) -> Result<Tensor> {
        let node = network.node(id);
        let positions = network.node(node.inputs()[0]).positions();
        match (self.geometry(network, id)?, node.layer()) {
            (Geometry::Taps(taps), Layer::MaxPool { window }) => {
                layers::max_pool(x, &taps, positions, window.kernel[0] * window.kernel[1])
            }
            (Geometry::Averages(matrix), _) => layers::average(x, &matrix),
            _ => Err(geometry_error(node)),
        }
    }

    fn dropout(
        &self,
        tape: &Tape<'_, E>,
        node: &Node,
        x: &Tensor,
        probability: f64,
        stream: &mut Stream,
    ) -> Result<Tensor> {
        if tape.mode == Mode::Eval || probability == 0.0 {
            return Ok(x.clone());
        }
        let rate = DropRate::new(probability)
            .ok_or_else(|| Error::layer(node.name(), "a probability in [0, 1]", probability.to_string()))?;
        let mut mask = vec![0; x.elem_count()];
        rate.draw(stream, &mut mask);
        let scale = E::from_f64(rate.survivor_scale());
        let factors: Vec<E> = mask
            .iter()
            .map(|&keep| if keep == 0 { E::ZERO } else { scale })
            .collect();
        Ok((x * self.link.upload(&factors, x.dims())?)?)
    }

    fn geometry(&mut self, network: &Network<E>, id: NodeId) -> Result<Geometry> {
        if let Some(known) = self.geometries.get(&id) {
            return Ok(known.clone());
        }
        let node = network.node(id);
        let map = network.node(node.inputs()[0]).map();
        let positions = map[0] * map[1];
        let link = &self.link;
        let geometry = match node.layer() {
            Layer::Conv { window, .. } | Layer::MaxPool { window } => Geometry::taps(window, map, link)?,
            Layer::AvgPool { window } => Geometry::averages::<E>(windows::averages(window, map), positions, link)?,
            Layer::AdaptiveAvgPool { output } => {
                Geometry::averages::<E>(windows::adaptive_averages(map, *output), positions, link)?
            }
            _ => return Err(geometry_error(node)),
        };
        self.geometries.insert(id, geometry.clone());
        Ok(geometry)
    }
}

impl<E: Element> Engine<E> for Runner<E> {
    /// Candle divides its work by itself.
    fn set_threads(&mut self, _threads: Threads) {}

    fn set_parts(&mut self, parts: usize) -> Result<()> {
        if parts == 1 {
            return Ok(());
        }
        let expected = "1 on a Candle device, which divides its work by itself";
        Err(Error::Setting {
            field: "parts",
            expected: expected.to_owned(),
            found: parts.to_string(),
        })
    }

    /// Candle multiplies every element.
    fn set_background(&mut self, _input: usize, _background: Option<E>) {}

    /// Candle's buffers are its own.
    fn release(&mut self) {}

    fn observe(&mut self, nodes: &[NodeId]) {
        self.requests.values = nodes.iter().copied().collect();
    }

    fn observe_gradients(&mut self, nodes: &[NodeId]) {
        self.requests.gradients = nodes.iter().copied().collect();
    }

    fn forward(
        &mut self,
        network: &Network<E>,
        inputs: &[&[E]],
        mode: Mode,
        stream: &mut Stream,
    ) -> Result<Outputs<'_, E>> {
        self.run(network, inputs, mode, None, stream)?;
        Ok(self.outputs())
    }

    fn evaluate_ablated(
        &mut self,
        network: &Network<E>,
        inputs: &[&[E]],
        ablation: Ablation,
        stream: &mut Stream,
    ) -> Result<Outputs<'_, E>> {
        ablation.check(network)?;
        self.run(network, inputs, Mode::Eval, Some(ablation), stream)?;
        Ok(self.outputs())
    }

    fn train(
        &mut self,
        network: &Network<E>,
        inputs: &[&[E]],
        heads: &[NodeId],
        stream: &mut Stream,
        losses: &mut Losses<'_, E>,
    ) -> Result<()> {
        let tape = self.run(network, inputs, Mode::Train, None, stream)?;
        let mut total: Option<Tensor> = None;
        for (head, id) in heads.iter().enumerate() {
            let value = tape.value(*id)?;
            let output: Vec<E> = self.link.download(value)?;
            let mut gradient = vec![E::ZERO; output.len()];
            losses(head, &output, &mut gradient)?;
            // The derivative of ⟨y, g⟩ with respect to y is g.
            let gradient = self.link.upload(&gradient, value.dims())?;
            let product = (value * gradient)?.sum_all()?;
            total = Some(match total {
                Some(total) => (total + product)?,
                None => product,
            });
        }
        let Some(total) = total else { return Ok(()) };
        let store = total.backward()?;
        self.gradients.resize(network.parameters().len(), Vec::new());
        for (index, parameter) in network
            .parameters()
            .iter()
            .enumerate()
            .filter(|(_, p)| p.role().is_trained())
        {
            self.gradients[index] = match store.get(self.parameters[index].device.as_tensor()) {
                Some(gradient) => self.link.download(gradient)?,
                None => vec![E::ZERO; parameter.values().len()],
            };
        }
        self.activation_gradients.clear();
        for (id, zeros) in &tape.taps {
            if let Some(gradient) = store.get(zeros.as_tensor()) {
                self.activation_gradients.insert(*id, self.link.download(gradient)?);
            }
        }
        Ok(())
    }

    fn update_running(&mut self, network: &mut Network<E>) {
        for (id, values) in self.running.drain(..) {
            network.parameter_mut(id).values_mut().copy_from_slice(&values);
        }
    }

    fn outputs(&self) -> Outputs<'_, E> {
        Outputs::copies(&self.outputs)
    }

    fn activation(&self, node: NodeId) -> Option<&[E]> {
        self.activations.get(&node).map(Vec::as_slice)
    }

    fn activation_gradient(&self, node: NodeId) -> Option<&[E]> {
        self.activation_gradients.get(&node).map(Vec::as_slice)
    }

    fn gradient(&self, parameter: ParameterId) -> &[E] {
        self.gradients.get(parameter.index()).map_or(&[], Vec::as_slice)
    }

    fn gradient_mut(&mut self, parameter: ParameterId) -> &mut [E] {
        self.gradients
            .get_mut(parameter.index())
            .map_or(&mut [], Vec::as_mut_slice)
    }

    fn gradients_mut(&mut self) -> Vec<&mut [E]> {
        let gradients = self.gradients.iter_mut().map(Vec::as_mut_slice);
        gradients.filter(|gradient| !gradient.is_empty()).collect()
    }

    fn traffic(&self) -> Traffic {
        self.link.traffic()
    }

    fn bytes(&self) -> Bytes {
        let parameters: usize = self.parameters.iter().map(|p| p.host.len()).sum();
        let gradients: usize = self.gradients.iter().map(Vec::len).sum();
        Bytes {
            parameters: (parameters + gradients) * size_of::<E>(),
            ..Bytes::default()
        }
    }
}

fn geometry_error(node: &Node) -> Error {
    Error::layer(node.name(), "a layer with windows", node.layer().kind())
}
