//! The backward pass: one kernel call per step, from the last to the first.

use super::buffers::{Buffers, Pass, grow};
use super::forward::{adaptive_shape, conv_shape, operands, pool_shape};
use super::operation::{Norm, Operation, Weights};
use super::plan::{Flow, Plan, Step};
use super::pointwise::{self, Block};
use super::weights;
use crate::graph::Network;
use crate::kernels::activation;
use crate::kernels::conv::{self, ConvGradients, ConvShape};
use crate::kernels::norm::{self, GroupShape, NormGradients};
use crate::kernels::pool::{self, Divisor, PoolShape};
use crate::kernels::{Element, ProductShape, dropout, gate, gated, product, sparse, statistics};
use crate::layer::parameter::ParameterId;
use crate::layer::{Activation, GateForm};

/// What all steps of a backward pass share.
struct Context<'a, E: Element> {
    network: &'a Network<E>,
    plan: &'a Plan,
    pass: &'a Pass<'a, E>,
}

/// Runs all steps that train something or lead to something that does, in reverse order.
pub(super) fn run<E: Element>(network: &Network<E>, plan: &Plan, buffers: &mut Buffers<E>, pass: &Pass<'_, E>) {
    let context = Context { network, plan, pass };
    for step in plan.steps.iter().rev() {
        if let (Some(flows), Some(slot)) = (&step.backward, plan.gradient_slot[step.output]) {
            // The gradient leaves its slot while the step runs; a step that turns it into the
            // gradient of its input puts it where that belongs, which may be the same slot.
            let mut memory = std::mem::take(&mut buffers.slots[slot]);
            let count = plan.values[step.output].size * pass.samples;
            context.step(step, flows, buffers, &mut memory[..count]);
            buffers.slots[slot] = memory;
        }
    }
}

impl<E: Element> Context<'_, E> {
    fn step(&self, step: &Step, flows: &[Flow], buffers: &mut Buffers<E>, gradient: &mut [E]) {
        let (input, flow, samples) = (step.inputs[0], flows[0], self.pass.samples);
        match &step.operation {
            Operation::Dense { weights, activation } => {
                self.through_activation(step, *activation, buffers, gradient);
                self.dense(step, flow, weights, buffers, gradient);
            }
            Operation::Conv {
                weights,
                activation,
                windowed,
                groups,
                ..
            } => {
                self.through_activation(step, *activation, buffers, gradient);
                let shape = conv_shape(weights, windowed, *groups, samples);
                self.conv(step, flow, (weights, &shape), buffers, gradient);
            }
            Operation::BatchNorm { norm, .. } => self.norm(step, (flow, norm, None), buffers, gradient),
            Operation::GroupNorm { norm, groups } => {
                self.norm(step, (flow, norm, Some(norm.shape(*groups))), buffers, gradient);
            }
            Operation::LayerNorm { norm } => {
                self.norm(
                    step,
                    (flow, norm, Some(GroupShape::layer(norm.channels))),
                    buffers,
                    gradient,
                );
            }
            Operation::RmsNorm { scale, .. } => self.rms_norm(step, flow, *scale, buffers, gradient),
            Operation::GatedDense { weights, function } => {
                self.gated_dense(step, flow, (weights, *function), buffers, gradient);
            }
            Operation::Activation { function } => {
                let saved = if function.needs_preactivation() {
                    input
                } else {
                    step.output
                };
                self.pointwise(step, flow, buffers, gradient, |gradient, buffers| {
                    function.backward(buffers.read(self.plan, saved, self.pass), gradient);
                });
            }
            Operation::PRelu { slope } => self.prelu(step, flow, *slope, buffers, gradient),
            Operation::Gate { gate, form, .. } => self.gate(step, flow, (*gate, *form), buffers, gradient),
            Operation::Dropout { rate } => {
                self.pointwise(step, flow, buffers, gradient, |gradient, buffers| {
                    dropout::apply(gradient, &buffers.drops[step.node.index()][..gradient.len()], *rate);
                });
            }
            Operation::MaxPool { windowed } => {
                self.give(input, flow, buffers, |to, buffers, _| {
                    let places = &buffers.places[step.node.index()];
                    pool::max_backward(&pool_shape(windowed, samples), gradient, places, to);
                });
            }
            Operation::AvgPool { windowed } => {
                self.average(step, flow, &pool_shape(windowed, samples), buffers, gradient)
            }
            Operation::AdaptiveAvgPool {
                input,
                output,
                channels,
            } => {
                let shape = adaptive_shape((*input, *output), *channels, samples);
                self.average(step, flow, &shape, buffers, gradient);
            }
            Operation::Copy => self.pointwise(step, flow, buffers, gradient, |_, _| {}),
            Operation::Sum => self.sum(step, flows, buffers, gradient),
            Operation::Concat { widths } => self.concat(step, flows, widths, buffers, gradient),
            Operation::Slice { start, width, from } => {
                let block = Block {
                    start: *start,
                    width: *width,
                    stride: *from,
                };
                self.slice(step, flow, block, buffers, gradient);
            }
        }
    }

    fn prelu(&self, step: &Step, flow: Flow, slope: ParameterId, buffers: &mut Buffers<E>, gradient: &mut [E]) {
        let mut own = take(buffers, slope);
        self.pointwise(step, flow, buffers, gradient, |gradient, buffers| {
            let slopes = self.network.parameter(slope).values();
            let x = buffers.read(self.plan, step.inputs[0], self.pass);
            activation::prelu_backward(x, slopes, gradient, &mut own);
        });
        buffers.gradients[slope.index()] = own;
    }

    fn gate(
        &self,
        step: &Step,
        flow: Flow,
        (id, form): (ParameterId, GateForm),
        buffers: &mut Buffers<E>,
        gradient: &mut [E],
    ) {
        let mut own = take(buffers, id);
        self.pointwise(step, flow, buffers, gradient, |gradient, buffers| {
            let x = buffers.read(self.plan, step.inputs[0], self.pass);
            gate::apply_backward(x, &buffers.factors[id.index()], gradient, &mut own);
        });
        pointwise::close(self.network.parameter(id).values(), form, &mut own);
        buffers.gradients[id.index()] = own;
    }

    fn sum(&self, step: &Step, flows: &[Flow], buffers: &mut Buffers<E>, gradient: &[E]) {
        for (&value, &flow) in step.inputs.iter().zip(flows) {
            if !self.is_in_place(step, value, flow) {
                self.give(value, flow, buffers, |to, _, add| pointwise::put(to, gradient, add));
            }
        }
    }

    fn concat(&self, step: &Step, flows: &[Flow], widths: &[usize], buffers: &mut Buffers<E>, gradient: &[E]) {
        let stride = widths.iter().sum();
        let mut start = 0;
        for ((&value, &flow), &width) in step.inputs.iter().zip(flows).zip(widths) {
            let block = Block { start, width, stride };
            self.give(value, flow, buffers, |to, _, add| {
                pointwise::extract(gradient, to, block, add)
            });
            start += width;
        }
    }

    fn slice(&self, step: &Step, flow: Flow, block: Block, buffers: &mut Buffers<E>, gradient: &[E]) {
        self.give(step.inputs[0], flow, buffers, |to, _, add| {
            if !add {
                to.fill(E::ZERO);
            }
            pointwise::scatter(gradient, to, block, add);
        });
    }

    fn average(&self, step: &Step, flow: Flow, shape: &PoolShape, buffers: &mut Buffers<E>, gradient: &[E]) {
        self.give(step.inputs[0], flow, buffers, |to, _, _| {
            pool::average_backward(shape, Divisor::Covered, gradient, to);
        });
    }

    /// Gradients of a norm; `shape` is that of a group norm, none stands for a batch norm.
    fn norm(
        &self,
        step: &Step,
        (flow, norm, shape): (Flow, &Norm, Option<GroupShape>),
        buffers: &mut Buffers<E>,
        gradient: &[E],
    ) {
        let node = step.node.index();
        let mut state = std::mem::take(&mut buffers.norms[node]);
        let (mut scale, mut shift) = (take(buffers, norm.scale), take(buffers, norm.bias));
        self.give_or_discard(step, flow, buffers, gradient.len(), |input, buffers| {
            let x = buffers.read(self.plan, step.inputs[0], self.pass);
            let own = self.network.parameter(norm.scale).values();
            let gradients = NormGradients {
                scale: &mut scale,
                shift: &mut shift,
                input,
            };
            match shape {
                None => norm::batch_backward(x, own, &mut state, gradient, gradients),
                Some(shape) => norm::group_backward(shape, x, own, &mut state, gradient, gradients),
            }
        });
        buffers.norms[node] = state;
        buffers.gradients[norm.scale.index()] = scale;
        buffers.gradients[norm.bias.index()] = shift;
    }

    fn rms_norm(&self, step: &Step, flow: Flow, scale: ParameterId, buffers: &mut Buffers<E>, gradient: &[E]) {
        let node = step.node.index();
        let mut state = std::mem::take(&mut buffers.norms[node]);
        let mut own = take(buffers, scale);
        let values = self.network.parameter(scale).values();
        self.give_or_discard(step, flow, buffers, gradient.len(), |to, buffers| {
            let x = buffers.read(self.plan, step.inputs[0], self.pass);
            norm::rms_backward(x, values, &mut state, gradient, &mut own, to);
        });
        buffers.norms[node] = state;
        buffers.gradients[scale.index()] = own;
    }

    /// Turns the kept pre-activations into their gradients, which are then those of a dense layer with twice the units.
    fn gated_dense(
        &self,
        step: &Step,
        flow: Flow,
        (weights, function): (&Weights, Activation),
        buffers: &mut Buffers<E>,
        gradient: &mut [E],
    ) {
        let node = step.node.index();
        let mut memory = std::mem::take(&mut buffers.gated[node]);
        let z = &mut memory[..2 * gradient.len()];
        grow(&mut buffers.gates, gradient.len(), E::ZERO);
        gated::backward(
            function,
            weights.shape[1] / 2,
            z,
            gradient,
            &mut buffers.gates[..gradient.len()],
        );
        self.dense(step, flow, weights, buffers, z);
        buffers.gated[node] = memory;
    }

    /// Lets a kernel that always writes an input gradient write it where it belongs, or where nothing reads it.
    fn give_or_discard(
        &self,
        step: &Step,
        flow: Flow,
        buffers: &mut Buffers<E>,
        count: usize,
        write: impl FnOnce(&mut [E], &Buffers<E>),
    ) {
        if flow != Flow::Skip {
            self.give(step.inputs[0], flow, buffers, |to, buffers, _| write(to, buffers));
            return;
        }
        let mut unread = std::mem::take(&mut buffers.unread);
        grow(&mut unread, count, E::ZERO);
        write(&mut unread[..count], buffers);
        buffers.unread = unread;
    }

    /// Turns the gradient of a fused activation's output into that of the pre-activation.
    fn through_activation(&self, step: &Step, activation: Activation, buffers: &Buffers<E>, gradient: &mut [E]) {
        if activation != Activation::Identity {
            activation.backward(buffers.read(self.plan, step.output, self.pass), gradient);
        }
    }

    /// Says whether the gradient of an input lies in the memory of the output's gradient.
    fn is_in_place(&self, step: &Step, value: usize, flow: Flow) -> bool {
        flow == Flow::Write && self.plan.gradient_slot[value] == self.plan.gradient_slot[step.output]
    }

    /// Lends the memory of an input's gradient to `write`, which is told whether to add to it.
    fn give(
        &self,
        value: usize,
        flow: Flow,
        buffers: &mut Buffers<E>,
        write: impl FnOnce(&mut [E], &mut Buffers<E>, bool),
    ) {
        let (false, Some(slot)) = (flow == Flow::Skip, self.plan.gradient_slot[value]) else {
            return;
        };
        let count = self.plan.values[value].size * self.pass.samples;
        match flow {
            Flow::Add {
                through: Some(temporary),
            } => {
                let mut memory = std::mem::take(&mut buffers.slots[temporary]);
                write(&mut memory[..count], buffers, false);
                pointwise::add(&mut buffers.slots[slot][..count], &memory[..count]);
                buffers.slots[temporary] = memory;
            }
            _ => {
                let mut memory = std::mem::take(&mut buffers.slots[slot]);
                write(&mut memory[..count], buffers, flow != Flow::Write);
                buffers.slots[slot] = memory;
            }
        }
    }

    /// Turns the output's gradient into the input's, in place where lifetimes allow.
    ///
    /// `turn` runs in any case, since it may also compute the gradient of a parameter.
    fn pointwise(
        &self,
        step: &Step,
        flow: Flow,
        buffers: &mut Buffers<E>,
        gradient: &mut [E],
        turn: impl FnOnce(&mut [E], &mut Buffers<E>),
    ) {
        let own = self.plan.gradient_slot[step.output];
        let in_place = match flow {
            Flow::Skip => true,
            Flow::Write => self.plan.gradient_slot[step.inputs[0]] == own,
            Flow::Add { through } => through == own,
        };
        if !in_place {
            self.give(step.inputs[0], flow, buffers, |to, buffers, _| {
                to.copy_from_slice(gradient);
                turn(to, buffers);
            });
            return;
        }
        turn(gradient, buffers);
        if let (Flow::Add { .. }, Some(slot)) = (flow, self.plan.gradient_slot[step.inputs[0]]) {
            pointwise::add(&mut buffers.slots[slot][..gradient.len()], gradient);
        }
    }

    fn dense(&self, step: &Step, flow: Flow, weights: &Weights, buffers: &mut Buffers<E>, gradient: &[E]) {
        let shape = ProductShape {
            rows: self.pass.samples,
            fan_in: weights.shape[0],
            fan_out: weights.shape[1],
        };
        if let Some(bias) = weights.bias {
            statistics::column_sums(gradient, &mut buffers.gradients[bias.index()]);
        }
        let mut own = take(buffers, weights.weight);
        let threads = self.pass.threads;
        match self.pass.sparse_input(self.plan, step.inputs[0], weights.shape) {
            Some(input) => sparse::weight_gradient(&mut buffers.foregrounds[input], gradient, &mut own, threads),
            None => {
                let x = buffers.read(self.plan, step.inputs[0], self.pass);
                product::weight_gradient(shape, x, gradient, &mut own, false, threads);
            }
        }
        self.finish_weights(weights, own, buffers);
        self.give(step.inputs[0], flow, buffers, |to, buffers, add| {
            let (w, _) = operands(self.network, weights, buffers, self.pass);
            product::input_gradient(shape, gradient, w, to, add, self.pass.threads);
        });
    }

    fn conv(
        &self,
        step: &Step,
        flow: Flow,
        (weights, shape): (&Weights, &ConvShape),
        buffers: &mut Buffers<E>,
        gradient: &[E],
    ) {
        let mut own = take(buffers, weights.weight);
        let mut bias = weights.bias.map(|id| (id, take(buffers, id)));
        let mut workspace = std::mem::take(&mut buffers.conv);
        let mut run = |buffers: &Buffers<E>, input: Option<&mut [E]>| {
            let (w, _) = operands(self.network, weights, buffers, self.pass);
            let x = buffers.read(self.plan, step.inputs[0], self.pass);
            let bias = bias.as_mut().map(|(_, values)| values.as_mut_slice());
            let gradients = ConvGradients {
                weights: &mut own,
                bias,
                input,
            };
            conv::backward(shape, (x, w), gradient, gradients, &mut workspace, self.pass.threads);
        };
        if flow == Flow::Skip {
            run(buffers, None);
        } else {
            self.give(step.inputs[0], flow, buffers, |to, buffers, _| run(buffers, Some(to)));
        }
        buffers.conv = workspace;
        if let Some((id, values)) = bias {
            buffers.gradients[id.index()] = values;
        }
        self.finish_weights(weights, own, buffers);
    }

    /// Stores a weight gradient, masked, and the gradient of a folded gate with it.
    fn finish_weights(&self, weights: &Weights, mut own: Vec<E>, buffers: &mut Buffers<E>) {
        if weights.is_effective() {
            let parts = weights.gate.map(|(id, _)| {
                (
                    buffers.factors[id.index()].as_slice(),
                    buffers.gradients[id.index()].as_mut_slice(),
                )
            });
            weights::split_gradient(self.network, weights, &mut own, parts);
        }
        buffers.gradients[weights.weight.index()] = own;
    }
}

/// Takes a parameter's gradient out of the buffers, to be put back when it is computed.
fn take<E: Element>(buffers: &mut Buffers<E>, parameter: ParameterId) -> Vec<E> {
    std::mem::take(&mut buffers.gradients[parameter.index()])
}
