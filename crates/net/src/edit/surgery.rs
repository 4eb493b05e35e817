//! Edits of the graph itself: an identity layer more, a gate less.

use std::collections::BTreeSet;

use crate::edit::apply::{Applied, Preservation};
use crate::edit::remap::{AxisRun, ParameterMap};
use crate::error::{Error, Result};
use crate::graph::Network;
use crate::graph::{Node, NodeId};
use crate::kernels::Element;
use crate::layer::parameter::Side;
use crate::layer::parameter::{Axis, Parameter, ParameterId, Role, Space};
use crate::layer::{Activation, ChannelFlow, Layer, Window};
use crate::ledger::edit::Edit;

/// For each channel of a node, the gate's channel whose factor it carries.
type Trace = Vec<Option<usize>>;

impl<E: Element> Network<E> {
    pub(crate) fn deepen(&mut self, after: &str, name: &str, applied: &mut Applied) -> Result<(Edit, Preservation)> {
        let source = self.find(after)?;
        let relu = format!("{name}.relu");
        for new in [name, relu.as_str()] {
            if new.is_empty() || self.find(new).is_ok() {
                return Err(Error::Name {
                    what: "layer",
                    name: new.to_owned(),
                    expected: "a name of its own".to_owned(),
                });
            }
        }
        if !self.is_non_negative(source.index()) {
            return Err(Error::layer(
                after,
                "a layer whose outputs are never negative, so that a ReLU passes them",
                self.node(source).layer.kind(),
            ));
        }
        if self.outputs.contains(&source) {
            return Err(Error::layer(after, "a hidden layer", "an output of the network"));
        }
        let layer = self.identity_layer(source);
        let map = self.node(source).map;
        let width = self.width(source);
        let activation = Layer::Activation {
            function: Activation::Relu,
        };
        let inner = self.insert(name, layer, source, map, width);
        let outer = self.insert(&relu, activation, inner, map, width);
        self.rewire(source, outer, inner);
        let before = self.parameters.len();
        self.regroup();
        self.declare(inner, &BTreeSet::new())?;
        self.write_identity(inner, width);
        applied
            .added
            .extend(self.parameters[before..].iter().map(|p| p.name.clone()));
        let edit = Edit::Deepen {
            after: after.to_owned(),
            name: name.to_owned(),
        };
        Ok((edit, Preservation::Exact))
    }

    fn identity_layer(&self, source: NodeId) -> Layer {
        match self.node(source).map {
            [1, 1] => Layer::Dense { bias: true },
            [1, _] => Layer::Conv {
                window: Window::line(3).padded(1),
                groups: 1,
                bias: true,
            },
            _ => Layer::Conv {
                window: Window::same(3),
                groups: 1,
                bias: true,
            },
        }
    }

    /// Appends a node and puts it right behind its input in the order of evaluation.
    fn insert(&mut self, name: &str, layer: Layer, input: NodeId, map: [usize; 2], width: usize) -> NodeId {
        let id = NodeId(self.nodes.len() as u32);
        self.nodes.push(Node {
            name: name.to_owned(),
            layer,
            inputs: vec![input],
            map,
            built_width: width,
            depthwise: false,
            space: Space::new(),
            parameters: Vec::new(),
        });
        let place = self
            .order
            .iter()
            .position(|n| *n == input)
            .map_or(self.order.len(), |p| p + 1);
        self.order.insert(place, id);
        id
    }

    /// Makes every consumer of `source`, but `spared`, read `target` instead.
    fn rewire(&mut self, source: NodeId, target: NodeId, spared: NodeId) {
        for (index, node) in self.nodes.iter_mut().enumerate() {
            if index == spared.index() {
                continue;
            }
            for input in node.inputs.iter_mut().filter(|i| **i == source) {
                *input = target;
            }
        }
    }

    fn write_identity(&mut self, id: NodeId, width: usize) {
        let Some(weight) = self.node(id).parameter(Role::Weight) else {
            return;
        };
        let positions = self.parameter(weight).shape[0] / width;
        let centre = positions / 2;
        let values = self.parameter_mut(weight).values_mut();
        for unit in 0..width {
            values[(centre * width + unit) * width + unit] = E::from_f64(1.0);
        }
    }

    pub(crate) fn fold_gate(&mut self, gate: &str, applied: &mut Applied) -> Result<(Edit, Preservation)> {
        let id = self.find(gate)?;
        let (Some(form), Some(parameter)) = (self.node(id).layer.gate_form(), self.node(id).parameter(Role::Gate))
        else {
            return Err(Error::layer(gate, "a gate", self.node(id).layer.kind()));
        };
        let stored = self.parameter(parameter).values.iter();
        let factors: Vec<f64> = stored.map(|v| form.factor(v.to_f64())).collect();
        match self.gate_consumers(id, &factors) {
            Ok(consumers) => {
                for (weight, trace) in consumers {
                    let map = self.scale_rows(weight, &trace, &factors);
                    applied.parameters.push(map);
                }
            }
            Err(behind) => match self.gate_producer(id, &factors) {
                Ok(producer) => applied.parameters.extend(self.scale_producer(producer, &factors)),
                Err(before) => {
                    return Err(Error::layer(
                        gate,
                        "a gate whose factors can be multiplied into weights",
                        format!("{behind}; {before}"),
                    ));
                }
            },
        }
        applied.removed.push(self.parameter(parameter).name.clone());
        self.remove_parameter(parameter);
        let node = &mut self.nodes[id.index()];
        node.layer = Layer::Activation {
            function: Activation::Identity,
        };
        node.parameters.clear();
        Ok((Edit::FoldGate { gate: gate.to_owned() }, Preservation::Exact))
    }

    /// The weights that read the gate's channels, through layers that a factor passes unchanged.
    fn gate_consumers(&self, gate: NodeId, factors: &[f64]) -> std::result::Result<Vec<(ParameterId, Trace)>, String> {
        let mut traces: Vec<Trace> = vec![Vec::new(); self.nodes.len()];
        let mut found = Vec::new();
        for &id in &self.order {
            if id == gate {
                traces[id.index()] = (0..factors.len()).map(Some).collect();
                continue;
            }
            let node = self.node(id);
            let traced = node
                .inputs
                .iter()
                .any(|i| traces[i.index()].iter().any(Option::is_some));
            if !traced {
                traces[id.index()] = vec![None; self.width(id)];
                continue;
            }
            let input = traces[node.inputs[0].index()].clone();
            match node.parameter(Role::Weight) {
                Some(weight) if self.reads_units(weight) => {
                    found.push((weight, input));
                    traces[id.index()] = vec![None; self.width(id)];
                }
                _ => traces[id.index()] = self.pass_trace(node, &traces, factors)?,
            }
        }
        let output = self
            .outputs
            .iter()
            .find(|o| traces[o.index()].iter().any(Option::is_some));
        match output {
            Some(output) => Err(format!("it reaches the output `{}`", self.node(*output).name)),
            None => Ok(found),
        }
    }

    /// Says whether each row of a weight belongs to one unit that it reads, as in all layers but grouped convolutions.
    fn reads_units(&self, weight: ParameterId) -> bool {
        matches!(self.parameter(weight).axes[0], Axis::Units(_))
    }

    fn pass_trace(&self, node: &Node, traces: &[Trace], factors: &[f64]) -> std::result::Result<Trace, String> {
        let input = |k: usize| &traces[node.inputs[k].index()];
        let rules = node.rules();
        let stopped = || {
            let (name, kind) = (&node.name, rules.name());
            Err(format!("`{name}` ({kind}) does not let a factor pass"))
        };
        if !rules.passage().lets(factors) {
            return stopped();
        }
        match rules.channels() {
            ChannelFlow::Kept => Ok(input(0).clone()),
            ChannelFlow::Repeated => Ok(input(0).repeat(self.node(node.inputs[0]).positions())),
            ChannelFlow::Joined => Ok((0..node.inputs.len()).flat_map(|k| input(k).clone()).collect()),
            ChannelFlow::Part { start, end } => Ok(input(0)[start..end].to_vec()),
            ChannelFlow::New | ChannelFlow::United => stopped(),
        }
    }

    fn scale_rows(&mut self, weight: ParameterId, trace: &Trace, factors: &[f64]) -> ParameterMap {
        let parameter = self.parameter_mut(weight);
        let columns = parameter.shape[1];
        for (row, values) in parameter.values_mut().chunks_exact_mut(columns).enumerate() {
            if let Some(channel) = trace[row % trace.len()] {
                scale(values.iter_mut(), factors[channel]);
            }
        }
        let rows = (0..parameter.shape[0]).map(|row| trace[row % trace.len()].map(|channel| factors[channel]));
        scaled_axis(parameter, 0, Side::Outgoing, rows)
    }

    /// The dense layer, convolution or batch norm whose outputs only the gate reads, through homogeneous layers.
    fn gate_producer(&self, gate: NodeId, factors: &[f64]) -> std::result::Result<NodeId, String> {
        let mut id = gate;
        loop {
            id = self.node(id).inputs[0];
            let node = self.node(id);
            let readers = self.nodes.iter().flat_map(|n| &n.inputs).filter(|i| **i == id).count();
            if readers > 1 || self.outputs.contains(&id) {
                return Err(format!("`{}` has other readers", node.name));
            }
            let rules = node.rules();
            if rules.factor_places(factors.len()).is_some() {
                return Ok(id);
            }
            if rules.channels() != ChannelFlow::Kept || !rules.passage().lets(factors) {
                return Err(format!("`{}` ({}) stands before it", node.name, rules.name()));
            }
        }
    }

    fn scale_producer(&mut self, id: NodeId, factors: &[f64]) -> Vec<ParameterMap> {
        let mut maps = Vec::new();
        let places = self.node(id).rules().factor_places(factors.len()).unwrap_or_default();
        for role in [Role::Weight, Role::Scale, Role::Bias] {
            let Some(parameter) = self.node(id).parameter(role) else {
                continue;
            };
            let parameter = self.parameter_mut(parameter);
            let axis = parameter.shape.len() - 1;
            let columns = parameter.shape[axis];
            for row in parameter.values_mut().chunks_exact_mut(columns) {
                for (value, factor) in row[places.clone()].iter_mut().zip(factors) {
                    scale(std::iter::once(value), *factor);
                }
            }
            let factor_at = |column: usize| Some(factors[column.checked_sub(places.start)?]);
            let found = (0..columns).map(|column| places.contains(&column).then(|| factor_at(column)).flatten());
            maps.push(scaled_axis(parameter, axis, Side::Incoming, found));
        }
        maps
    }

    fn remove_parameter(&mut self, id: ParameterId) {
        self.parameters.remove(id.index());
        for node in &mut self.nodes {
            node.parameters.retain(|(_, p)| *p != id);
            for (_, p) in node.parameters.iter_mut().filter(|(_, p)| p.0 > id.0) {
                p.0 -= 1;
            }
        }
    }
}

/// How an axis follows factors that its places took in.
fn scaled_axis<E: Element>(
    parameter: &Parameter<E>,
    axis: usize,
    side: Side,
    factors: impl Iterator<Item = Option<f64>>,
) -> ParameterMap {
    let run = |(from, factor): (usize, Option<f64>)| match factor {
        Some(factor) => AxisRun::Scaled { from, factor },
        None => AxisRun::Kept { from, length: 1 },
    };
    ParameterMap {
        parameter: parameter.name.clone(),
        axis,
        side,
        old_shape: parameter.shape.clone(),
        new_shape: parameter.shape.clone(),
        runs: factors.enumerate().map(run).collect(),
    }
}

fn scale<'a, E: Element>(values: impl Iterator<Item = &'a mut E>, factor: f64) {
    for value in values {
        *value = E::from_f64(value.to_f64() * factor);
    }
}
