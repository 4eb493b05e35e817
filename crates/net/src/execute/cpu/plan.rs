//! Compiles a network's graph into steps over shared buffers.

use super::fold::{self, Folds};
use super::liveness::{self, Interval};
use super::operation::{Norm, Operation, ValueId, Weights, Windowed};
use crate::error::{Error, Result};
use crate::execute::groups_now;
use crate::execute::requests::Requests;
use crate::graph::Network;
use crate::graph::{Node, NodeId};
use crate::kernels::{Element, dropout::DropRate};
use crate::layer::parameter::{ParameterId, Role};
use crate::layer::{Activation, GateForm, Layer};

/// What becomes of the gradient of one input of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// Nothing asks for it.
    Skip,
    /// It is the first contribution, or the only one.
    Write,
    /// It is added to what later steps contributed, by way of a temporary buffer unless the kernel adds by itself.
    Add { through: Option<usize> },
}

/// One kernel call forwards, and its counterpart backwards.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// The node whose layer it computes.
    pub node: NodeId,
    pub operation: Operation,
    pub inputs: Vec<ValueId>,
    pub output: ValueId,
    /// One entry for each input where the step has a backward pass.
    pub backward: Option<Vec<Flow>>,
}

/// What a value is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    /// The network input that it is, by position.
    pub input: Option<usize>,
    /// Elements per sample.
    pub size: usize,
}

/// A compiled graph.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub values: Vec<Value>,
    /// For each node, its value, if it exists.
    pub value_of: Vec<Option<ValueId>>,
    pub steps: Vec<Step>,
    /// Elements per sample of each buffer.
    pub slots: Vec<usize>,
    pub value_slot: Vec<Option<usize>>,
    pub gradient_slot: Vec<Option<usize>>,
}

impl Plan {
    /// Compiles the part of the graph that outputs and requests depend on.
    pub fn compile<E: Element>(network: &Network<E>, requests: &Requests, training: bool) -> Result<Self> {
        let mut compiler = Compiler::new(network, requests, training);
        for &id in network.order() {
            if compiler.live[id.index()] {
                compiler.visit(id)?;
            }
        }
        compiler.finish()
    }
}

struct Compiler<'a, E: Element> {
    network: &'a Network<E>,
    requests: &'a Requests,
    training: bool,
    live: Vec<bool>,
    consumers: Vec<Vec<NodeId>>,
    kept: Vec<bool>,
    folds: Folds,
    values: Vec<Value>,
    value_of: Vec<Option<ValueId>>,
    /// Nodes that the kernel of a layer before them computes; only the last of such a chain has a value.
    fused: Vec<bool>,
    steps: Vec<Step>,
}

impl<'a, E: Element> Compiler<'a, E> {
    fn new(network: &'a Network<E>, requests: &'a Requests, training: bool) -> Self {
        let count = network.nodes().len();
        let mut kept = vec![false; count];
        let asked = network
            .outputs()
            .iter()
            .chain(&requests.values)
            .chain(&requests.gradients);
        for id in asked {
            kept[id.index()] = true;
        }
        let mut live = kept.clone();
        let mut consumers = vec![Vec::new(); count];
        for &id in network.order().iter().rev() {
            if live[id.index()] {
                for input in network.node(id).inputs() {
                    live[input.index()] = true;
                    consumers[input.index()].push(id);
                }
            }
        }
        let folds = fold::find(network, &consumers, &kept);
        Self {
            network,
            requests,
            training,
            live,
            consumers,
            kept,
            folds,
            values: Vec::new(),
            value_of: vec![None; count],
            fused: vec![false; count],
            steps: Vec::new(),
        }
    }

    fn value(&mut self, input: Option<usize>, size: usize) -> ValueId {
        self.values.push(Value { input, size });
        self.values.len() - 1
    }

    fn size(&self, id: NodeId) -> usize {
        self.network.node(id).positions() * self.network.width(id)
    }

    fn input_value(&self, node: &Node) -> Result<ValueId> {
        let input = node.inputs()[0];
        self.value_of[input.index()]
            .ok_or_else(|| Error::layer(node.name(), "an input that is computed before it", "none"))
    }

    fn visit(&mut self, id: NodeId) -> Result<()> {
        let node = self.network.node(id);
        if self.fused[id.index()] {
            return Ok(());
        }
        if *node.layer() == Layer::Input {
            self.visit_input(id);
            return Ok(());
        }
        if self.is_view(id, node) {
            let value = self.input_value(node)?;
            self.visit_view(id, value);
            return Ok(());
        }
        let fused = self.fused_activation(id, node);
        let mut operation = self.operation(id, node, fused.map(|(_, function)| function))?;
        let mut last = id;
        if let Some((next, _)) = fused {
            self.fused[next.index()] = true;
            last = next;
        }
        if let (Operation::Conv { pool, .. }, Some((next, windowed))) = (&mut operation, self.fused_pool(last)) {
            *pool = Some(windowed);
            self.fused[next.index()] = true;
            last = next;
        }
        let inputs = node.inputs().iter().map(|i| self.value_of[i.index()]);
        let inputs = inputs
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| Error::layer(node.name(), "inputs that are computed before it", "one that is not"))?;
        let output = self.value(None, self.size(last));
        self.value_of[last.index()] = Some(output);
        self.steps.push(Step {
            node: id,
            operation,
            inputs,
            output,
            backward: None,
        });
        Ok(())
    }

    fn visit_input(&mut self, id: NodeId) {
        let position = self.network.inputs().iter().position(|i| *i == id);
        let value = self.value(position, self.size(id));
        self.visit_view(id, value);
    }

    /// Gives a node the value of another; values that someone reads later may not be the caller's batch, so those are copied.
    fn visit_view(&mut self, id: NodeId, mut value: ValueId) {
        if self.kept[id.index()] && self.values[value].input.is_some() {
            let output = self.value(None, self.size(id));
            self.steps.push(Step {
                node: id,
                operation: Operation::Copy,
                inputs: vec![value],
                output,
                backward: None,
            });
            value = output;
        }
        self.value_of[id.index()] = Some(value);
    }

    /// Says whether a node only relabels its input.
    fn is_view(&self, id: NodeId, node: &Node) -> bool {
        match node.layer() {
            Layer::Flatten
            | Layer::Activation {
                function: Activation::Identity,
            } => true,
            Layer::Dropout { probability } => !self.training || *probability == 0.0,
            Layer::Gate { .. } => self.folds.is_folded[id.index()],
            _ => false,
        }
    }

    /// The pointwise function that the node's kernel applies itself, and its node.
    fn fused_activation(&self, id: NodeId, node: &Node) -> Option<(NodeId, Activation)> {
        if !matches!(node.layer(), Layer::Dense { .. } | Layer::Conv { .. }) || self.kept[id.index()] {
            return None;
        }
        let [next] = self.consumers[id.index()][..] else {
            return None;
        };
        let Layer::Activation { function } = self.network.node(next).layer() else {
            return None;
        };
        let function = *function;
        let separate = self.training && function.needs_preactivation();
        let identity = function == Activation::Identity;
        let asked = self.requests.gradients.contains(&next);
        (!separate && !identity && !asked).then_some((next, function))
    }

    /// The max pool that alone reads a node in evaluation, and its maps: a convolution can hand it a few samples at a time.
    fn fused_pool(&self, id: NodeId) -> Option<(NodeId, Windowed)> {
        let [next] = self.consumers[id.index()][..] else {
            return None;
        };
        let Layer::MaxPool { window } = self.network.node(next).layer() else {
            return None;
        };
        let windowed = Windowed {
            window: *window,
            input: self.network.node(id).map(),
            channels: self.network.width(id),
        };
        (!self.training && !self.kept[id.index()]).then_some((next, windowed))
    }

    fn operation(&self, id: NodeId, node: &Node, fused: Option<Activation>) -> Result<Operation> {
        let activation = fused.unwrap_or(Activation::Identity);
        let before = node.inputs()[0];
        let input = self.network.node(before).map();
        let channels = self.network.width(before);
        let windowed = |window| Windowed {
            window,
            input,
            channels,
        };
        Ok(match node.layer() {
            Layer::Dense { .. } => Operation::Dense {
                weights: self.weights(id, node)?,
                activation,
            },
            Layer::Conv { window, groups, .. } => Operation::Conv {
                weights: self.weights(id, node)?,
                windowed: windowed(*window),
                groups: groups_now(node, *groups, self.network.width(id)),
                activation,
                pool: None,
            },
            Layer::BatchNorm { epsilon, momentum } => Operation::BatchNorm {
                norm: self.norm(node, *epsilon, channels)?,
                momentum: *momentum,
                running: [
                    required(node, Role::RunningMean)?,
                    required(node, Role::RunningVariance)?,
                ],
            },
            Layer::LayerNorm { epsilon } => Operation::LayerNorm {
                norm: self.norm(node, *epsilon, channels)?,
            },
            Layer::GroupNorm { groups, epsilon } => Operation::GroupNorm {
                norm: self.norm(node, *epsilon, channels)?,
                groups: *groups,
            },
            Layer::RmsNorm { epsilon } => Operation::RmsNorm {
                scale: required(node, Role::Scale)?,
                epsilon: *epsilon,
                channels,
            },
            Layer::GatedDense { function, .. } => Operation::GatedDense {
                weights: self.weights(id, node)?,
                function: *function,
            },
            Layer::Activation { function } => Operation::Activation { function: *function },
            Layer::PRelu => Operation::PRelu {
                slope: required(node, Role::Slope)?,
            },
            Layer::MaxPool { window } => Operation::MaxPool {
                windowed: windowed(*window),
            },
            Layer::AvgPool { window } => Operation::AvgPool {
                windowed: windowed(*window),
            },
            Layer::AdaptiveAvgPool { output } => Operation::AdaptiveAvgPool {
                input,
                output: *output,
                channels,
            },
            Layer::Dropout { probability } => Operation::Dropout {
                rate: drop_rate(node, *probability)?,
            },
            Layer::Concat => {
                let widths = node.inputs().iter().map(|i| self.network.width(*i)).collect();
                Operation::Concat { widths }
            }
            Layer::Slice { start, .. } => Operation::Slice {
                start: *start,
                width: self.network.width(id),
                from: channels,
            },
            Layer::Sum => Operation::Sum,
            Layer::Gate { form } => Operation::Gate {
                gate: required(node, Role::Gate)?,
                form: *form,
                channels,
            },
            Layer::Input | Layer::Flatten => Operation::Copy,
        })
    }

    fn weights(&self, id: NodeId, node: &Node) -> Result<Weights> {
        let weight = required(node, Role::Weight)?;
        let shape = self.network.parameter(weight).shape();
        let gate = match self.folds.gate_of[id.index()] {
            Some(gate) => Some(self.gate(gate)?),
            None => None,
        };
        Ok(Weights {
            weight,
            bias: node.parameter(Role::Bias),
            mask: node.parameter(Role::Mask),
            gate,
            shape: [shape[0], shape[1]],
        })
    }

    fn gate(&self, id: NodeId) -> Result<(ParameterId, GateForm)> {
        let node = self.network.node(id);
        match node.layer() {
            Layer::Gate { form } => Ok((required(node, Role::Gate)?, *form)),
            other => Err(Error::layer(node.name(), "a gate", other.kind())),
        }
    }

    fn norm(&self, node: &Node, epsilon: f64, channels: usize) -> Result<Norm> {
        Ok(Norm {
            scale: required(node, Role::Scale)?,
            bias: required(node, Role::Bias)?,
            epsilon,
            channels,
            positions: node.positions(),
        })
    }

    fn finish(mut self) -> Result<Plan> {
        let gradients = self.plan_gradients()?;
        let (intervals, temporaries) = self.intervals(&gradients);
        let slots = liveness::assign(&intervals);
        let count = self.values.len();
        let value_slot = (0..count).map(|v| self.values[v].input.is_none().then(|| slots.of[v]));
        let gradient_slot = (0..count).map(|v| gradients[v].then(|| slots.of[count + v]));
        let mut plan = Plan {
            value_slot: value_slot.collect(),
            gradient_slot: gradient_slot.collect(),
            values: self.values,
            value_of: self.value_of,
            steps: self.steps,
            slots: slots.sizes,
        };
        for (interval, step, input) in temporaries {
            if let Some(flows) = &mut plan.steps[step].backward {
                flows[input] = Flow::Add {
                    through: Some(slots.of[interval]),
                };
            }
        }
        Ok(plan)
    }

    /// Decides which values get a gradient, and gives each step its backward pass.
    fn plan_gradients(&mut self) -> Result<Vec<bool>> {
        let mut needed = vec![false; self.values.len()];
        let mut reached = vec![false; self.values.len()];
        if !self.training {
            return Ok(reached);
        }
        for id in &self.requests.gradients {
            if let Some(value) = self.value_of[id.index()] {
                needed[value] = true;
            }
        }
        for step in &self.steps {
            let trains = !step.operation.trained().is_empty();
            needed[step.output] |= trains || step.inputs.iter().any(|&v| needed[v]);
        }
        for id in &self.requests.losses {
            let value = self.value_of[id.index()]
                .filter(|&v| !reached[v])
                .ok_or_else(|| Error::Name {
                    what: "loss on output",
                    name: self.network.node(*id).name().to_owned(),
                    expected: "an output with no other loss on its values".to_owned(),
                })?;
            reached[value] = true;
        }
        let mut started = reached.clone();
        for step in self.steps.iter_mut().rev() {
            let trains = !step.operation.trained().is_empty();
            if !reached[step.output] || !(trains || step.inputs.iter().any(|&v| needed[v])) {
                continue;
            }
            let mut flows = Vec::with_capacity(step.inputs.len());
            for &value in &step.inputs {
                flows.push(match (needed[value], started[value]) {
                    (false, _) => Flow::Skip,
                    (true, false) => Flow::Write,
                    (true, true) => Flow::Add { through: None },
                });
                if needed[value] {
                    started[value] = true;
                    reached[value] = true;
                }
            }
            step.backward = Some(flows);
        }
        Ok(reached)
    }

    /// The lifetimes of values, then of gradients, then of temporary buffers (with step and input).
    fn intervals(&self, gradients: &[bool]) -> (Vec<Interval>, Vec<(usize, usize, usize)>) {
        let (steps, count) = (self.steps.len(), self.values.len());
        let end = 2 * steps + 1;
        let empty = |v: usize| Interval {
            size: self.values[v].size,
            start: 0,
            end: 0,
            successors_of: Vec::new(),
        };
        let mut intervals: Vec<Interval> = (0..count).chain(0..count).map(empty).collect();
        for (at, step) in self.steps.iter().enumerate() {
            self.forward_lifetimes(at, step, &mut intervals);
        }
        for id in &self.requests.losses {
            if let Some(value) = self.value_of[id.index()] {
                intervals[count + value].start = steps;
                intervals[count + value].end = steps;
            }
        }
        let mut temporaries = Vec::new();
        for (at, step) in self.steps.iter().enumerate().rev() {
            let Some(flows) = &step.backward else { continue };
            let tick = 2 * steps - at;
            let output = count + step.output;
            intervals[output].end = tick;
            for (k, flow) in flows.iter().enumerate() {
                self.backward_lifetime(step, (k, *flow), tick, &mut intervals);
                if matches!(flow, Flow::Add { .. }) && !step.operation.accumulates() {
                    let successors_of = if step.operation.runs_back_in_place() {
                        vec![output]
                    } else {
                        Vec::new()
                    };
                    let size = self.values[step.inputs[k]].size;
                    temporaries.push((intervals.len(), at, k));
                    intervals.push(Interval {
                        size,
                        start: tick,
                        end: tick,
                        successors_of,
                    });
                }
            }
        }
        for (index, node) in self.kept.iter().enumerate().filter(|(_, kept)| **kept) {
            debug_assert!(*node);
            if let Some(value) = self.value_of[index] {
                intervals[value].end = end;
            }
        }
        for value in self
            .requests
            .gradients
            .iter()
            .filter_map(|id| self.value_of[id.index()])
        {
            intervals[count + value].end = end;
        }
        self.drop_unused(&mut intervals, gradients);
        (intervals, temporaries)
    }

    /// Makes intervals of network inputs and of gradients that nothing asks for take no memory.
    fn drop_unused(&self, intervals: &mut [Interval], gradients: &[bool]) {
        let count = self.values.len();
        for value in 0..count {
            if self.values[value].input.is_some() {
                intervals[value].size = 0;
            }
            if !gradients[value] {
                intervals[count + value].size = 0;
            }
        }
    }

    fn forward_lifetimes(&self, at: usize, step: &Step, intervals: &mut [Interval]) {
        let last = 2 * self.steps.len() - at;
        let reads = if step.backward.is_some() {
            step.operation.backward_reads()
        } else {
            Default::default()
        };
        for &value in &step.inputs {
            let until = if reads.input { last } else { at };
            intervals[value].end = intervals[value].end.max(until);
        }
        let own = &mut intervals[step.output];
        own.start = at;
        own.end = if reads.output { last } else { at };
        if step.operation.runs_in_place() {
            let once = |v: &ValueId| step.inputs.iter().filter(|other| *other == v).count() == 1;
            // Only the first two, so that a sum adds in the same order wherever it is stored.
            own.successors_of = step.inputs.iter().take(2).copied().filter(once).collect();
        }
    }

    fn backward_lifetime(&self, step: &Step, (k, flow): (usize, Flow), tick: usize, intervals: &mut [Interval]) {
        let count = self.values.len();
        let input = count + step.inputs[k];
        match flow {
            Flow::Skip => {}
            Flow::Write => {
                intervals[input].start = tick;
                intervals[input].end = tick;
                if k + 1 == step.inputs.len() && step.operation.runs_back_in_place() {
                    intervals[input].successors_of = vec![count + step.output];
                }
            }
            Flow::Add { .. } => intervals[input].end = tick,
        }
    }
}

fn required(node: &Node, role: Role) -> Result<ParameterId> {
    node.parameter(role)
        .ok_or_else(|| Error::layer(node.name(), format!("a parameter `{}`", role.name()), "none"))
}

fn drop_rate(node: &Node, probability: f64) -> Result<DropRate> {
    DropRate::new(probability)
        .ok_or_else(|| Error::layer(node.name(), "a probability in [0, 1]", probability.to_string()))
}
