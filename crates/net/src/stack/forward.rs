//! The forward half of a training pass, layer by layer.

use std::collections::BTreeMap;

use candle_core::{DType, Tensor};

use super::data::BatchTargets;
use super::tape::{Geometry, Saved, Tape, Windows, live};
use super::{Stack, loss, setting};
use crate::error::{Error, Result};
use crate::execute::device::layers;
use crate::graph::{Network, Node, NodeId};
use crate::kernels::Element;
use crate::kernels::dropout::DropRate;
use crate::layer::parameter::Role;
use crate::layer::{Activation, GateForm, Layer};
use crate::session::loss::LossKind;

impl<E: Element> Stack<E> {
    /// Runs a batch forwards and backwards: losses with right answers, and gradients by parameter.
    pub(super) fn pass(
        &mut self,
        features: &Tensor,
        targets: &BatchTargets,
        (samples, kind): (usize, LossKind),
    ) -> Result<(Tensor, Vec<Option<Tensor>>)> {
        let masks = self.draw_masks(samples)?;
        let tape = self.forward(features, samples, masks)?;
        let network = &self.hosts[0];
        let head = network.outputs().first().copied();
        let (Some(head), Some(classes)) = (head, &self.classes) else {
            return Err(setting("network", "an output", "none"));
        };
        let output = tape.value(head, network.node(head))?;
        let (outcome, gradient) = loss::evaluate(output, targets, kind, classes)?;
        let gradients = self.backward(&tape, head, gradient)?;
        for (at, values) in &tape.running {
            self.held[*at].replace_values(values)?;
        }
        Ok((outcome, gradients))
    }

    /// Draws the masks of all dropout layers, in the order in which a session draws them.
    fn draw_masks(&mut self, samples: usize) -> Result<BTreeMap<NodeId, Tensor>> {
        let network = &self.hosts[0];
        let mut masks = BTreeMap::new();
        let live = live(network);
        for &id in network.order() {
            let node = network.node(id);
            let Layer::Dropout { probability } = *node.layer() else {
                continue;
            };
            if probability == 0.0 || !live[id.index()] {
                continue;
            }
            let rate = DropRate::new(probability)
                .ok_or_else(|| Error::layer(node.name(), "a probability in [0, 1]", probability.to_string()))?;
            let (rows, width) = (samples * node.positions(), network.width(id));
            let mut mask = vec![0; self.streams.len() * rows * width];
            for (stream, mask) in self.streams.iter_mut().zip(mask.chunks_exact_mut(rows * width)) {
                rate.draw(stream, mask);
            }
            let mask = self.link.upload_bytes(mask, &[self.streams.len(), rows, width])?;
            let dtype = crate::execute::device::transfer::dtype::<E>();
            masks.insert(id, (mask.to_dtype(dtype)? * rate.survivor_scale())?);
        }
        Ok(masks)
    }

    fn forward(&self, features: &Tensor, samples: usize, mut masks: BTreeMap<NodeId, Tensor>) -> Result<Tape> {
        let network = &self.hosts[0];
        let mut tape = Tape::new(network.nodes().len());
        let live = live(network);
        for &id in network.order() {
            if !live[id.index()] {
                continue;
            }
            let node = network.node(id);
            let value = match node.layer() {
                Layer::Input => features.reshape((self.hosts.len(), samples * node.positions(), network.width(id)))?,
                Layer::Dropout { .. } => {
                    let x = tape.value(node.inputs()[0], node)?.clone();
                    match masks.remove(&id) {
                        Some(factors) => {
                            let y = (x * &factors)?;
                            tape.saved.insert(id, Saved::Factors(factors));
                            y
                        }
                        None => x,
                    }
                }
                _ => self.layer(&mut tape, id, samples)?,
            };
            tape.values[id.index()] = Some(value);
        }
        Ok(tape)
    }

    fn layer(&self, tape: &mut Tape, id: NodeId, samples: usize) -> Result<Tensor> {
        let network = &self.hosts[0];
        let node = network.node(id);
        let x = tape.value(node.inputs()[0], node)?.clone();
        match node.layer() {
            Layer::Dense { .. } => self.with_bias(node, x.matmul(&self.weight(node)?)?),
            Layer::Conv { groups, .. } if *groups == 1 || node.is_depthwise() => self.conv(tape, id, &x),
            Layer::BatchNorm { epsilon, momentum } => self.batch_norm(tape, id, &x, *epsilon, *momentum),
            Layer::Activation { function } => self.activation(&x, *function),
            Layer::Gate { form } => Ok(x.broadcast_mul(&self.factors(node, *form)?)?),
            Layer::MaxPool { .. } => self.max_pool(tape, id, &x),
            Layer::AvgPool { .. } | Layer::AdaptiveAvgPool { .. } => self.average(id, &x, false),
            Layer::Flatten => Ok(x.reshape((x.dim(0)?, samples, ()))?),
            Layer::Concat => {
                let parts = node.inputs().iter().map(|input| tape.value(*input, node));
                Ok(Tensor::cat(&parts.collect::<Result<Vec<_>>>()?, 2)?)
            }
            Layer::Slice { start, .. } => Ok(x.narrow(2, *start, network.width(id))?.contiguous()?),
            Layer::Sum => {
                let mut sum = x;
                for other in &node.inputs()[1..] {
                    sum = (sum + tape.value(*other, node)?)?;
                }
                Ok(sum)
            }
            _ => self.each_network(|network| {
                let parameters = self.detached(node, network)?;
                self.alone(id, &x.get(network)?.contiguous()?, &parameters)
            }),
        }
    }

    /// Puts together what is computed for each network on its own.
    fn each_network(&self, one: impl Fn(usize) -> Result<Tensor>) -> Result<Tensor> {
        let parts: Vec<Tensor> = (0..self.hosts.len()).map(one).collect::<Result<_>>()?;
        Ok(Tensor::stack(&parts, 0)?)
    }

    /// The parameters of a node in one network.
    fn detached(&self, node: &Node, network: usize) -> Result<BTreeMap<Role, Tensor>> {
        let one = |(role, id): &(Role, crate::layer::parameter::ParameterId)| {
            Ok((*role, self.held[id.index()].values()?.get(network)?.contiguous()?))
        };
        node.parameters().iter().map(one).collect()
    }

    /// A layer of one network, (rows, channels), as a composition of Candle's operations.
    pub(super) fn alone(&self, id: NodeId, x: &Tensor, parameters: &BTreeMap<Role, Tensor>) -> Result<Tensor> {
        let network = &self.hosts[0];
        let node = network.node(id);
        let of = |role: Role| {
            let found = parameters.get(&role);
            found.ok_or_else(|| Error::layer(node.name(), format!("a parameter `{}`", role.name()), "none"))
        };
        let weight = || match parameters.get(&Role::Mask) {
            Some(mask) => Ok::<_, Error>((of(Role::Weight)? * mask)?),
            None => Ok(of(Role::Weight)?.clone()),
        };
        let biased = |y: Tensor| match parameters.get(&Role::Bias) {
            Some(bias) => Ok::<_, Error>(y.broadcast_add(bias)?),
            None => Ok(y),
        };
        match node.layer() {
            Layer::Conv { groups, .. } => {
                let windows = self.windows(id)?;
                let sizes = (windows.positions, windows.kernel);
                biased(layers::conv(x, &weight()?, &windows.taps, sizes, *groups)?)
            }
            Layer::GatedDense { function, .. } => layers::gated(&biased(x.matmul(&weight()?)?)?, *function),
            Layer::LayerNorm { epsilon } => layers::group_norm(x, [of(Role::Scale)?, of(Role::Bias)?], *epsilon, 1, 1),
            Layer::GroupNorm { groups, epsilon } => {
                let affine = [of(Role::Scale)?, of(Role::Bias)?];
                layers::group_norm(x, affine, *epsilon, node.positions(), *groups)
            }
            Layer::RmsNorm { epsilon } => layers::rms_norm(x, of(Role::Scale)?, *epsilon),
            Layer::PRelu => layers::prelu(x, of(Role::Slope)?),
            other => Err(Error::layer(
                node.name(),
                "a layer that a stack can train",
                other.kind(),
            )),
        }
    }

    /// A parameter of a node: (networks, shape).
    pub(super) fn values_of(&self, node: &Node, role: Role) -> Result<Tensor> {
        let id = node.parameter(role);
        let id = id.ok_or_else(|| Error::layer(node.name(), format!("a parameter `{}`", role.name()), "none"))?;
        self.held[id.index()].values()
    }

    /// A vector of a node, to be broadcast over rows: (networks, 1, channels).
    pub(super) fn vector(&self, node: &Node, role: Role) -> Result<Tensor> {
        Ok(self.values_of(node, role)?.unsqueeze(1)?)
    }

    /// The weight, masked.
    pub(super) fn weight(&self, node: &Node) -> Result<Tensor> {
        let weight = self.values_of(node, Role::Weight)?;
        match node.parameter(Role::Mask) {
            Some(_) => Ok((weight * self.values_of(node, Role::Mask)?)?),
            None => Ok(weight),
        }
    }

    fn with_bias(&self, node: &Node, y: Tensor) -> Result<Tensor> {
        match node.parameter(Role::Bias) {
            Some(_) => Ok(y.broadcast_add(&self.vector(node, Role::Bias)?)?),
            None => Ok(y),
        }
    }

    /// The factors of a gate.
    pub(super) fn factors(&self, node: &Node, form: GateForm) -> Result<Tensor> {
        let theta = self.vector(node, Role::Gate)?;
        match form {
            GateForm::Linear => Ok(theta),
            GateForm::Rectified => layers::relu(&theta),
        }
    }

    pub(super) fn windows(&self, id: NodeId) -> Result<&Windows> {
        match self.geometries.get(&id) {
            Some(Geometry::Windows(windows)) => Ok(windows),
            _ => Err(no_windows(&self.hosts[0], id)),
        }
    }

    fn conv(&self, tape: &mut Tape, id: NodeId, x: &Tensor) -> Result<Tensor> {
        let node = self.hosts[0].node(id);
        let windows = self.windows(id)?;
        let (networks, _, channels) = x.dims3()?;
        let columns = windows.columns(x, 0.0)?;
        let y = if node.is_depthwise() {
            let columns = columns.reshape((networks, (), windows.kernel, channels))?;
            let y = columns.broadcast_mul(&self.weight(node)?.unsqueeze(1)?)?.sum(2)?;
            tape.saved.insert(id, Saved::Columns(columns));
            y
        } else {
            let columns = columns.reshape((networks, (), windows.kernel * channels))?;
            let y = columns.matmul(&self.weight(node)?)?;
            tape.saved.insert(id, Saved::Columns(columns));
            y
        };
        self.with_bias(node, y)
    }

    /// (x − mean) / √(variance + ε) · γ + β over all rows of a network; notes the new running statistics.
    fn batch_norm(&self, tape: &mut Tape, id: NodeId, x: &Tensor, epsilon: f64, momentum: f64) -> Result<Tensor> {
        let node = self.hosts[0].node(id);
        let rows = x.dim(1)?;
        if rows < 2 {
            return Err(Error::layer(
                node.name(),
                "more than one value per channel in a training batch",
                "one",
            ));
        }
        let mean = x.mean_keepdim(1)?;
        let centred = x.broadcast_sub(&mean)?;
        let variance = centred.sqr()?.mean_keepdim(1)?;
        let inverse = (&variance + epsilon)?.sqrt()?.recip()?;
        let normal = centred.broadcast_mul(&inverse)?;
        let y = normal.broadcast_mul(&self.vector(node, Role::Scale)?)?;
        let unbiased = (variance * (rows as f64 / (rows as f64 - 1.0)))?;
        for (role, batch) in [(Role::RunningMean, mean), (Role::RunningVariance, unbiased)] {
            if let Some(parameter) = node.parameter(role) {
                let old = (self.held[parameter.index()].values()? * (1.0 - momentum))?;
                let new = (old + (batch.squeeze(1)? * momentum)?)?;
                tape.running.push((parameter.index(), new));
            }
        }
        tape.saved.insert(id, Saved::Normal(normal, inverse));
        Ok(y.broadcast_add(&self.vector(node, Role::Bias)?)?)
    }

    fn activation(&self, x: &Tensor, function: Activation) -> Result<Tensor> {
        match function {
            Activation::Relu => Ok(x.relu()?),
            other => layers::activation(x, other),
        }
    }

    fn max_pool(&self, tape: &mut Tape, id: NodeId, x: &Tensor) -> Result<Tensor> {
        let windows = self.windows(id)?;
        let (networks, _, channels) = x.dims3()?;
        let columns = windows.columns(x, f64::NEG_INFINITY)?;
        let largest = columns.max_keepdim(1)?;
        // Among equals the earliest has the highest rank, so that the place of the maximum is unique.
        let equal = columns.broadcast_eq(&largest)?.to_dtype(DType::F32)?;
        let place = equal.broadcast_mul(&windows.ranks)?.argmax_keepdim(1)?;
        let places = windows.numbers.broadcast_eq(&place)?.to_dtype(x.dtype())?;
        tape.saved.insert(id, Saved::Places(places));
        Ok(largest.reshape((networks, (), channels))?)
    }

    /// Averages over windows: for each sample and channel a product with the geometry's matrix, or with its transpose.
    pub(super) fn average(&self, id: NodeId, x: &Tensor, transposed: bool) -> Result<Tensor> {
        let Some(Geometry::Averages(matrix)) = self.geometries.get(&id) else {
            return Err(no_windows(&self.hosts[0], id));
        };
        let matrix = if transposed {
            matrix.t()?.contiguous()?
        } else {
            matrix.clone()
        };
        let (networks, _, channels) = x.dims3()?;
        let (from, to) = matrix.dims2()?;
        let by_channel = x.reshape(((), from, channels))?.transpose(1, 2)?.contiguous()?;
        let y = by_channel.reshape(((), from))?.matmul(&matrix)?;
        let y = y.reshape(((), channels, to))?.transpose(1, 2)?.contiguous()?;
        Ok(y.reshape((networks, (), channels))?)
    }
}

fn no_windows<E: Element>(network: &Network<E>, id: NodeId) -> Error {
    let node = network.node(id);
    Error::layer(node.name(), "a layer with windows", node.layer().kind())
}
