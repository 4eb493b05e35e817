//! The backward half of a training pass: written-out derivatives of each layer.

use std::collections::BTreeMap;

use candle_core::{Tensor, Var};

use super::Stack;
use super::tape::{Saved, Tape};
use crate::error::{Error, Result};
use crate::execute::device::layers;
use crate::graph::{Network, Node, NodeId};
use crate::kernels::Element;
use crate::layer::parameter::Role;
use crate::layer::{Activation, GateForm, Layer};

/// Gradients under way.
struct Flow {
    /// By node: of its output.
    nodes: Vec<Option<Tensor>>,
    /// By parameter: (networks, shape).
    parameters: Vec<Option<Tensor>>,
    /// By node: whether a trained parameter stands before its output.
    trained: Vec<bool>,
}

impl Flow {
    fn wants(&self, id: NodeId) -> bool {
        self.trained[id.index()]
    }

    /// Adds to the gradient of a node's output.
    fn give(&mut self, id: NodeId, gradient: Tensor) -> Result<()> {
        let place = &mut self.nodes[id.index()];
        *place = Some(match place.take() {
            Some(sum) => (sum + gradient)?,
            None => gradient,
        });
        Ok(())
    }

    /// Stores the gradient of a node's parameter.
    fn store(&mut self, node: &Node, role: Role, gradient: Tensor) {
        if let Some(id) = node.parameter(role) {
            self.parameters[id.index()] = Some(gradient);
        }
    }
}

impl<E: Element> Stack<E> {
    /// Runs backwards from the gradient of an output: the gradient of each parameter that it reaches.
    pub(super) fn backward(&self, tape: &Tape, head: NodeId, gradient: Tensor) -> Result<Vec<Option<Tensor>>> {
        let network = &self.hosts[0];
        let mut flow = Flow {
            nodes: vec![None; network.nodes().len()],
            parameters: vec![None; network.parameters().len()],
            trained: trained(network),
        };
        flow.nodes[head.index()] = Some(gradient);
        for &id in network.order().iter().rev() {
            if let Some(gradient) = flow.nodes[id.index()].take()
                && flow.wants(id)
            {
                self.layer_backward(tape, id, &gradient.contiguous()?, &mut flow)?;
            }
        }
        Ok(flow.parameters)
    }

    fn layer_backward(&self, tape: &Tape, id: NodeId, dy: &Tensor, flow: &mut Flow) -> Result<()> {
        let network = &self.hosts[0];
        let node = network.node(id);
        let Some(&input) = node.inputs().first() else {
            return Ok(());
        };
        let x = tape.value(input, node)?;
        match node.layer() {
            Layer::Dense { .. } => self.dense_backward(node, x, dy, flow),
            Layer::Conv { groups, .. } if *groups == 1 || node.is_depthwise() => self.conv_backward(tape, id, dy, flow),
            Layer::BatchNorm { .. } => self.batch_norm_backward(tape, id, dy, flow),
            Layer::Activation { function } => {
                let y = tape.value(id, node)?;
                flow.give(input, derivative(*function, x, y, dy)?)
            }
            Layer::Gate { form } => self.gate_backward(node, *form, x, dy, flow),
            Layer::MaxPool { .. } => match tape.saved.get(&id) {
                Some(Saved::Places(places)) => {
                    let (rows, _, channels) = places.dims3()?;
                    let columns = places.broadcast_mul(&dy.reshape((rows, 1, channels))?)?;
                    flow.give(input, self.windows(id)?.scatter(&columns, self.hosts.len())?)
                }
                _ => Err(nothing_saved(node)),
            },
            Layer::AvgPool { .. } | Layer::AdaptiveAvgPool { .. } => flow.give(input, self.average(id, dy, true)?),
            Layer::Dropout { .. } => match tape.saved.get(&id) {
                Some(Saved::Factors(factors)) => flow.give(input, (dy * factors)?),
                _ => flow.give(input, dy.clone()),
            },
            Layer::Flatten => flow.give(input, dy.reshape(x.shape())?),
            Layer::Concat => {
                let mut start = 0;
                for part in node.inputs() {
                    let width = network.width(*part);
                    if flow.wants(*part) {
                        flow.give(*part, dy.narrow(2, start, width)?.contiguous()?)?;
                    }
                    start += width;
                }
                Ok(())
            }
            Layer::Slice { start, .. } => {
                let behind = network.width(input) - start - network.width(id);
                flow.give(input, dy.pad_with_zeros(2, *start, behind)?)
            }
            Layer::Sum => node.inputs().iter().try_for_each(|part| flow.give(*part, dy.clone())),
            _ => self.alone_backward(id, x, dy, flow),
        }
    }

    /// dW = xᵀ·dy, db = Σ dy, dx = dy·Wᵀ.
    fn dense_backward(&self, node: &Node, x: &Tensor, dy: &Tensor, flow: &mut Flow) -> Result<()> {
        self.product_backward(node, x, dy, flow)?;
        let input = node.inputs()[0];
        if flow.wants(input) {
            flow.give(input, dy.matmul(&self.weight(node)?.transpose(1, 2)?)?)?;
        }
        Ok(())
    }

    /// Weight and bias gradients of a product.
    fn product_backward(&self, node: &Node, x: &Tensor, dy: &Tensor, flow: &mut Flow) -> Result<()> {
        let dw = x.transpose(1, 2)?.matmul(dy)?;
        flow.store(node, Role::Weight, self.masked(node, dw)?);
        if node.parameter(Role::Bias).is_some() {
            flow.store(node, Role::Bias, dy.sum(1)?);
        }
        Ok(())
    }

    fn masked(&self, node: &Node, gradient: Tensor) -> Result<Tensor> {
        match node.parameter(Role::Mask) {
            Some(_) => Ok((gradient * self.values_of(node, Role::Mask)?)?),
            None => Ok(gradient),
        }
    }

    fn conv_backward(&self, tape: &Tape, id: NodeId, dy: &Tensor, flow: &mut Flow) -> Result<()> {
        let node = self.hosts[0].node(id);
        let Some(Saved::Columns(columns)) = tape.saved.get(&id) else {
            return Err(nothing_saved(node));
        };
        let (windows, networks, input) = (self.windows(id)?, self.hosts.len(), node.inputs()[0]);
        let dcolumns = if node.is_depthwise() {
            let dy = dy.unsqueeze(2)?;
            flow.store(
                node,
                Role::Weight,
                self.masked(node, columns.broadcast_mul(&dy)?.sum(1)?)?,
            );
            if node.parameter(Role::Bias).is_some() {
                flow.store(node, Role::Bias, dy.squeeze(2)?.sum(1)?);
            }
            if !flow.wants(input) {
                return Ok(());
            }
            dy.broadcast_mul(&self.weight(node)?.unsqueeze(1)?)?
        } else {
            self.product_backward(node, columns, dy, flow)?;
            if !flow.wants(input) {
                return Ok(());
            }
            dy.matmul(&self.weight(node)?.transpose(1, 2)?)?
        };
        let channels = self.hosts[0].width(input);
        let dcolumns = dcolumns.reshape(((), windows.kernel, channels))?;
        flow.give(input, windows.scatter(&dcolumns, networks)?)
    }

    /// dx = γ/√(variance + ε) · (dy − mean(dy) − n·mean(dy·n)) with n the normalised values.
    fn batch_norm_backward(&self, tape: &Tape, id: NodeId, dy: &Tensor, flow: &mut Flow) -> Result<()> {
        let node = self.hosts[0].node(id);
        let Some(Saved::Normal(normal, inverse)) = tape.saved.get(&id) else {
            return Err(nothing_saved(node));
        };
        let rows = dy.dim(1)? as f64;
        let (shift, scale) = (dy.sum_keepdim(1)?, (dy * normal)?.sum_keepdim(1)?);
        flow.store(node, Role::Bias, shift.squeeze(1)?);
        flow.store(node, Role::Scale, scale.squeeze(1)?);
        let input = node.inputs()[0];
        if flow.wants(input) {
            let along = normal.broadcast_mul(&(scale / rows)?)?;
            let centred = (dy.broadcast_sub(&(shift / rows)?)? - along)?;
            let factor = (self.vector(node, Role::Scale)? * inverse)?;
            flow.give(input, centred.broadcast_mul(&factor)?)?;
        }
        Ok(())
    }

    /// dx = dy·f(θ), dθ = f′(θ)·Σ dy·x.
    fn gate_backward(&self, node: &Node, form: GateForm, x: &Tensor, dy: &Tensor, flow: &mut Flow) -> Result<()> {
        let dfactors = (dy * x)?.sum(1)?;
        let dtheta = match form {
            GateForm::Linear => dfactors,
            GateForm::Rectified => {
                let theta = self.values_of(node, Role::Gate)?;
                (dfactors * positive(&theta)?)?
            }
        };
        flow.store(node, Role::Gate, dtheta);
        let input = node.inputs()[0];
        if flow.wants(input) {
            flow.give(input, dy.broadcast_mul(&self.factors(node, form)?)?)?;
        }
        Ok(())
    }

    /// A layer without derivatives of its own here: its composition is run again, with Candle's tape, network by network.
    fn alone_backward(&self, id: NodeId, x: &Tensor, dy: &Tensor, flow: &mut Flow) -> Result<()> {
        let node = self.hosts[0].node(id);
        let mut inputs = Vec::new();
        let mut by_role: BTreeMap<Role, Vec<Tensor>> = BTreeMap::new();
        for network in 0..self.hosts.len() {
            let x = Var::from_tensor(&x.get(network)?.contiguous()?)?;
            let mut variables = BTreeMap::new();
            for (role, parameter) in node.parameters() {
                let values = self.held[parameter.index()].values()?.get(network)?.contiguous()?;
                variables.insert(*role, Var::from_tensor(&values)?);
            }
            let parameters = variables
                .iter()
                .map(|(role, v)| (*role, v.as_tensor().clone()))
                .collect();
            let y = self.alone(id, x.as_tensor(), &parameters)?;
            let store = (y * dy.get(network)?)?.sum_all()?.backward()?;
            let gradient = |variable: &Var| match store.get(variable.as_tensor()) {
                Some(gradient) => Ok::<_, Error>(gradient.clone()),
                None => Ok(variable.zeros_like()?),
            };
            inputs.push(gradient(&x)?);
            for (role, variable) in variables.iter().filter(|(role, _)| role.is_trained()) {
                by_role.entry(*role).or_default().push(gradient(variable)?);
            }
        }
        for (role, parts) in by_role {
            flow.store(node, role, Tensor::stack(&parts, 0)?);
        }
        if flow.wants(node.inputs()[0]) {
            flow.give(node.inputs()[0], Tensor::stack(&inputs, 0)?)?;
        }
        Ok(())
    }
}

/// dL/dz of y = f(z) from dL/dy.
fn derivative(function: Activation, z: &Tensor, y: &Tensor, dy: &Tensor) -> Result<Tensor> {
    let slope = match function {
        Activation::Identity => return Ok(dy.clone()),
        Activation::Relu => positive(y)?,
        Activation::LeakyRelu { slope } => {
            let right = positive(z)?;
            ((&right * (1.0 - slope))? + slope)?
        }
        Activation::Sigmoid => (y * (1.0 - y)?)?,
        Activation::Tanh => (1.0 - y.sqr()?)?,
        Activation::Silu => {
            let gate = layers::activation(z, Activation::Sigmoid)?;
            let rest = (z * (1.0 - &gate)?)?;
            (gate * (rest + 1.0)?)?
        }
        Activation::Gelu => {
            let below = (((z * std::f64::consts::FRAC_1_SQRT_2)?.erf()? + 1.0)? * 0.5)?;
            let density = ((z.sqr()? * -0.5)?.exp()? * 0.398_942_280_401_432_7)?;
            (below + (z * density)?)?
        }
    };
    Ok((dy * slope)?)
}

/// 1 where a value is above 0, else 0.
fn positive(values: &Tensor) -> Result<Tensor> {
    Ok(values.gt(&values.zeros_like()?)?.to_dtype(values.dtype())?)
}

/// By node: whether a trained parameter stands at it or before it.
fn trained<E: Element>(network: &Network<E>) -> Vec<bool> {
    let mut trained = vec![false; network.nodes().len()];
    for &id in network.order() {
        let node = network.node(id);
        let own = node.parameters().iter().any(|(role, _)| role.is_trained());
        trained[id.index()] = own || node.inputs().iter().any(|input| trained[input.index()]);
    }
    trained
}

fn nothing_saved(node: &Node) -> Error {
    Error::layer(node.name(), "a forward pass before the backward pass", "none")
}
