//! The forward pass: one kernel call per step.

use espalier_seed::Stream;

use super::buffers::{Buffers, Pass, grow};
use super::operation::{Norm, Operation, Weights, Windowed};
use super::plan::{Plan, Step};
use super::pointwise::{self, Block};
use super::weights;
use crate::execute::Mode;
use crate::graph::Network;
use crate::kernels::activation;
use crate::kernels::conv::{self, ConvShape};
use crate::kernels::norm::{self, Affine, GroupShape, Running};
use crate::kernels::pool::{self, Divisor, PoolShape, Windows};
use crate::kernels::sparse::{self, Foreground};
use crate::kernels::{Element, ProductShape, dense, dropout, gate, gated};
use crate::layer::parameter::ParameterId;
use crate::layer::{Activation, GateForm};

/// Runs all steps in order. Dropout draws from `stream`, one mask per layer, in the order of the graph.
pub(super) fn run<E: Element>(
    network: &Network<E>,
    plan: &Plan,
    buffers: &mut Buffers<E>,
    pass: &Pass<'_, E>,
    mut stream: Option<&mut Stream>,
) {
    list_foregrounds(plan, buffers, pass);
    for step in &plan.steps {
        let Some(slot) = plan.value_slot[step.output] else {
            continue;
        };
        prepare_weights(network, step, buffers, pass);
        let mut memory = std::mem::take(&mut buffers.slots[slot]);
        let out = &mut memory[..plan.values[step.output].size * pass.samples];
        if let (Operation::Dropout { .. }, Some(stream)) = (&step.operation, stream.as_deref_mut()) {
            draw(step, buffers, out.len(), stream);
        }
        Call {
            network,
            plan,
            step,
            pass,
        }
        .run(buffers, out);
        buffers.slots[slot] = memory;
    }
}

/// Lists what stands out from the background of each network input that a dense layer reads sparsely.
fn list_foregrounds<E: Element>(plan: &Plan, buffers: &mut Buffers<E>, pass: &Pass<'_, E>) {
    buffers
        .foregrounds
        .resize_with(pass.backgrounds.len(), Foreground::default);
    for (input, background) in pass.backgrounds.iter().enumerate() {
        let reader = plan.steps.iter().find_map(|step| match &step.operation {
            Operation::Dense { weights, .. } | Operation::GatedDense { weights, .. } => {
                let found = pass.sparse_input(plan, step.inputs[0], weights.shape) == Some(input);
                found.then_some(weights.shape[0])
            }
            _ => None,
        });
        if let (Some(background), Some(fan_in)) = (background, reader) {
            buffers.foregrounds[input].read(pass.inputs[input], fan_in, *background);
        }
    }
}

/// Allocates what a step keeps besides its output.
pub(super) fn allocate<E: Element>(step: &Step, buffers: &mut Buffers<E>, batch: usize, size: usize) {
    let node = step.node.index();
    if let Some(weights) = step.operation.weights().filter(|weights| weights.is_effective()) {
        let effective = &mut buffers.effective[weights.weight.index()];
        grow(effective, weights.shape[0] * weights.shape[1], E::ZERO);
    }
    match &step.operation {
        Operation::GatedDense { weights, .. } => grow(&mut buffers.gated[node], weights.shape[1] * batch, E::ZERO),
        Operation::MaxPool { .. } => grow(&mut buffers.places[node], size * batch, 0),
        Operation::Dropout { .. } => grow(&mut buffers.drops[node], size * batch, 0),
        _ => {}
    }
}

/// Multiplies a step's weight by mask, folded gate and ablation where there is any.
fn prepare_weights<E: Element>(network: &Network<E>, step: &Step, buffers: &mut Buffers<E>, pass: &Pass<'_, E>) {
    let Some(weights) = step.operation.weights() else {
        return;
    };
    if !weights.is_effective() && pass.ablation.is_none() {
        return;
    }
    let effective = &mut buffers.effective[weights.weight.index()];
    grow(effective, weights.shape[0] * weights.shape[1], E::ZERO);
    let factors = weights.gate.map(|(id, form)| {
        let gates = network.parameter(id).values();
        let factors = &mut buffers.factors[id.index()];
        grow(factors, gates.len(), E::ZERO);
        pointwise::factors(gates, form, factors);
        factors.as_slice()
    });
    weights::multiply(network, weights, factors, effective);
    if let Some(ablation) = pass.ablation {
        weights::ablate(network, weights, ablation, effective);
    }
}

/// The weight that a product runs on, and the bias.
pub(super) fn operands<'a, E: Element>(
    network: &'a Network<E>,
    weights: &Weights,
    buffers: &'a Buffers<E>,
    pass: &Pass<'_, E>,
) -> (&'a [E], Option<&'a [E]>) {
    let weight = if weights.is_effective() || pass.ablation.is_some() {
        buffers.effective[weights.weight.index()].as_slice()
    } else {
        network.parameter(weights.weight).values()
    };
    (weight, weights.bias.map(|id| network.parameter(id).values()))
}

/// The extent of a convolution's kernel call.
pub(super) fn conv_shape(weights: &Weights, windowed: &Windowed, groups: usize, samples: usize) -> ConvShape {
    let pair = |[a, b]: [usize; 2]| (a, b);
    ConvShape {
        samples,
        height: windowed.input[0],
        width: windowed.input[1],
        in_channels: windowed.channels,
        out_channels: weights.shape[1],
        kernel: pair(windowed.window.kernel),
        stride: pair(windowed.window.stride),
        padding: pair(windowed.window.padding),
        groups,
    }
}

fn draw<E: Element>(step: &Step, buffers: &mut Buffers<E>, count: usize, stream: &mut Stream) {
    if let Operation::Dropout { rate } = &step.operation {
        rate.draw(stream, &mut buffers.drops[step.node.index()][..count]);
    }
}

/// One step of one pass.
struct Call<'a, E: Element> {
    network: &'a Network<E>,
    plan: &'a Plan,
    step: &'a Step,
    pass: &'a Pass<'a, E>,
}

impl<'a, E: Element> Call<'a, E> {
    fn run(&self, buffers: &mut Buffers<E>, out: &mut [E]) {
        let samples = self.pass.samples;
        match &self.step.operation {
            Operation::Dense { weights, activation } => self.dense(weights, *activation, buffers, out),
            Operation::Conv {
                weights,
                windowed,
                groups,
                activation,
                pool,
            } => {
                let shape = conv_shape(weights, windowed, *groups, samples);
                match pool {
                    Some(pool) => self.pooled_conv(weights, &shape, (*activation, pool), buffers, out),
                    None => self.conv(weights, &shape, *activation, buffers, out),
                }
            }
            Operation::BatchNorm {
                norm,
                momentum,
                running,
            } => {
                self.batch_norm(norm, (*momentum, *running), buffers, out);
            }
            Operation::GroupNorm { norm, groups } => self.group_norm(norm, norm.shape(*groups), buffers, out),
            Operation::LayerNorm { norm } => self.group_norm(norm, GroupShape::layer(norm.channels), buffers, out),
            Operation::RmsNorm { scale, epsilon, .. } => self.rms_norm(*scale, *epsilon, buffers, out),
            Operation::GatedDense { weights, function } => self.gated_dense(weights, *function, buffers, out),
            Operation::Activation { function } => {
                self.bring(buffers, out);
                function.apply(out);
            }
            Operation::PRelu { slope } => {
                self.bring(buffers, out);
                activation::prelu(out, self.network.parameter(*slope).values());
            }
            Operation::Dropout { rate } => {
                self.bring(buffers, out);
                dropout::apply(out, &buffers.drops[self.step.node.index()][..out.len()], *rate);
            }
            Operation::Gate { gate, form, channels } => self.gate(*gate, (*form, *channels), buffers, out),
            Operation::MaxPool { windowed } => self.max_pool(&pool_shape(windowed, samples), buffers, out),
            Operation::AvgPool { windowed } => {
                pool::average_forward(
                    &pool_shape(windowed, samples),
                    Divisor::Covered,
                    self.input(buffers),
                    out,
                );
            }
            Operation::AdaptiveAvgPool {
                input,
                output,
                channels,
            } => {
                let shape = adaptive_shape((*input, *output), *channels, samples);
                pool::average_forward(&shape, Divisor::Covered, self.input(buffers), out);
            }
            Operation::Copy => out.copy_from_slice(self.input(buffers)),
            Operation::Sum => self.sum(buffers, out),
            Operation::Concat { widths } => self.concat(widths, buffers, out),
            Operation::Slice { start, width, from } => {
                let block = Block {
                    start: *start,
                    width: *width,
                    stride: *from,
                };
                pointwise::extract(self.input(buffers), out, block, false);
            }
        }
    }

    /// The (first) input.
    fn input<'b>(&self, buffers: &'b Buffers<E>) -> &'b [E]
    where
        'a: 'b,
    {
        buffers.read(self.plan, self.step.inputs[0], self.pass)
    }

    /// Says whether the output has taken over the memory of the (first) input.
    fn is_in_place(&self) -> bool {
        self.plan.value_slot[self.step.inputs[0]] == self.plan.value_slot[self.step.output]
    }

    /// Copies the input to the output's memory, unless the output has taken it over.
    fn bring(&self, buffers: &Buffers<E>, out: &mut [E]) {
        if !self.is_in_place() {
            out.copy_from_slice(self.input(buffers));
        }
    }

    fn dense(&self, weights: &Weights, activation: Activation, buffers: &Buffers<E>, out: &mut [E]) {
        let (w, bias) = operands(self.network, weights, buffers, self.pass);
        let shape = ProductShape {
            rows: self.pass.samples,
            fan_in: weights.shape[0],
            fan_out: weights.shape[1],
        };
        if let Some(input) = self.pass.sparse_input(self.plan, self.step.inputs[0], weights.shape) {
            let relu = activation == Activation::Relu;
            sparse::forward(&buffers.foregrounds[input], (w, bias), relu, out, self.pass.threads);
            if !relu {
                activation.apply(out);
            }
            return;
        }
        dense::forward(
            shape,
            (self.input(buffers), w, bias),
            activation,
            out,
            None,
            self.pass.threads,
        );
    }

    /// Keeps the pre-activations of both halves for the backward pass.
    fn gated_dense(&self, weights: &Weights, function: Activation, buffers: &mut Buffers<E>, out: &mut [E]) {
        let node = self.step.node.index();
        let mut memory = std::mem::take(&mut buffers.gated[node]);
        let z = &mut memory[..2 * out.len()];
        self.dense(weights, Activation::Identity, buffers, z);
        gated::forward(function, weights.shape[1] / 2, z, out);
        buffers.gated[node] = memory;
    }

    fn rms_norm(&self, scale: ParameterId, epsilon: f64, buffers: &mut Buffers<E>, out: &mut [E]) {
        let node = self.step.node.index();
        let mut state = std::mem::take(&mut buffers.norms[node]);
        let scale = self.network.parameter(scale).values();
        norm::rms_forward(self.input(buffers), scale, epsilon, &mut state, out);
        buffers.norms[node] = state;
    }

    fn conv(
        &self,
        weights: &Weights,
        shape: &ConvShape,
        activation: Activation,
        buffers: &mut Buffers<E>,
        out: &mut [E],
    ) {
        let mut workspace = std::mem::take(&mut buffers.conv);
        let (w, bias) = operands(self.network, weights, buffers, self.pass);
        conv::forward(
            shape,
            (self.input(buffers), w, bias),
            activation,
            out,
            &mut workspace,
            self.pass.threads,
        );
        buffers.conv = workspace;
    }

    /// Convolves and takes maxima a few samples at a time, so that what lies between stays in cache.
    fn pooled_conv(
        &self,
        weights: &Weights,
        shape: &ConvShape,
        (activation, pool): (Activation, &Windowed),
        buffers: &mut Buffers<E>,
        out: &mut [E],
    ) {
        const BUDGET: usize = 128 * 1024;
        let threads = self.pass.threads;
        let most = (BUDGET / shape.sample_outputs().max(1)).max(1) * threads.count();
        let few = most.min(shape.samples).max(1);
        let mut workspace = std::mem::take(&mut buffers.conv);
        let mut between = std::mem::take(&mut buffers.pooled);
        grow(&mut between, few * shape.sample_outputs(), E::ZERO);
        let (w, bias) = operands(self.network, weights, buffers, self.pass);
        let pooled = pool_shape(pool, few).sample_outputs();
        let inputs = self.input(buffers).chunks(few * shape.sample_inputs());
        for (x, out) in inputs.zip(out.chunks_mut(few * pooled)) {
            let samples = out.len() / pooled;
            let shape = ConvShape { samples, ..*shape };
            conv::forward(&shape, (x, w, bias), activation, &mut between, &mut workspace, threads);
            pool::max_inference(&pool_shape(pool, samples), &between, out);
        }
        buffers.conv = workspace;
        buffers.pooled = between;
    }

    fn affine(&self, norm: &Norm) -> Affine<'a, E> {
        let values = |id| self.network.parameter(id).values();
        Affine {
            scale: values(norm.scale),
            shift: values(norm.bias),
        }
    }

    /// Normalises by batch statistics in training, blending them into copies of the running ones, else by the running ones.
    fn batch_norm(
        &self,
        norm: &Norm,
        (momentum, ids): (f64, [ParameterId; 2]),
        buffers: &mut Buffers<E>,
        out: &mut [E],
    ) {
        let node = self.step.node.index();
        let mut state = std::mem::take(&mut buffers.norms[node]);
        let mut copies = std::mem::take(&mut buffers.running[node]);
        let (x, affine) = (self.input(buffers), self.affine(norm));
        let [mean, variance] = ids.map(|id| self.network.parameter(id).values());
        match self.pass.mode {
            Mode::Eval => norm::batch_inference(x, affine, norm.epsilon, (mean, variance), &mut state, out),
            Mode::Train => {
                for (copy, values) in copies.iter_mut().zip([mean, variance]) {
                    grow(copy, values.len(), E::ZERO);
                    copy.copy_from_slice(values);
                }
                let [mean, variance] = &mut copies;
                let running = Running {
                    mean,
                    variance,
                    momentum,
                };
                norm::batch_forward(x, affine, norm.epsilon, Some(running), &mut state, out);
            }
        }
        buffers.norms[node] = state;
        buffers.running[node] = copies;
    }

    fn group_norm(&self, norm: &Norm, shape: GroupShape, buffers: &mut Buffers<E>, out: &mut [E]) {
        let node = self.step.node.index();
        let mut state = std::mem::take(&mut buffers.norms[node]);
        norm::group_forward(
            shape,
            self.input(buffers),
            self.affine(norm),
            norm.epsilon,
            &mut state,
            out,
        );
        buffers.norms[node] = state;
    }

    fn gate(&self, id: ParameterId, (form, channels): (GateForm, usize), buffers: &mut Buffers<E>, out: &mut [E]) {
        let factors = &mut buffers.factors[id.index()];
        grow(factors, channels, E::ZERO);
        pointwise::factors(self.network.parameter(id).values(), form, factors);
        if self.is_in_place() {
            pointwise::scale(out, &buffers.factors[id.index()]);
        } else {
            gate::apply(self.input(buffers), &buffers.factors[id.index()], out);
        }
    }

    /// Takes maxima; in training their places are kept for the backward pass.
    fn max_pool(&self, shape: &PoolShape, buffers: &mut Buffers<E>, out: &mut [E]) {
        if self.pass.mode == Mode::Eval {
            pool::max_inference(shape, self.input(buffers), out);
            return;
        }
        let node = self.step.node.index();
        let mut places = std::mem::take(&mut buffers.places[node]);
        pool::max_forward(shape, self.input(buffers), out, &mut places);
        buffers.places[node] = places;
    }

    /// Adds the inputs in order; one of the first two may already be in place.
    fn sum(&self, buffers: &Buffers<E>, out: &mut [E]) {
        let inputs = &self.step.inputs;
        let own = self.plan.value_slot[self.step.output];
        let first = inputs
            .iter()
            .position(|&v| self.plan.value_slot[v] == own)
            .unwrap_or_else(|| {
                out.copy_from_slice(self.input(buffers));
                0
            });
        for (k, &value) in inputs.iter().enumerate() {
            if k != first {
                pointwise::add(out, buffers.read(self.plan, value, self.pass));
            }
        }
    }

    fn concat(&self, widths: &[usize], buffers: &Buffers<E>, out: &mut [E]) {
        let stride = widths.iter().sum();
        let mut start = 0;
        for (&value, &width) in self.step.inputs.iter().zip(widths) {
            let from = buffers.read(self.plan, value, self.pass);
            pointwise::scatter(from, out, Block { start, width, stride }, false);
            start += width;
        }
    }
}

/// The extent of a pooling kernel's call.
pub(super) fn pool_shape(windowed: &Windowed, samples: usize) -> PoolShape {
    let pair = |[a, b]: [usize; 2]| (a, b);
    let window = windowed.window;
    let windows = Windows::Regular {
        kernel: pair(window.kernel),
        stride: pair(window.stride),
        padding: pair(window.padding),
    };
    PoolShape {
        samples,
        height: windowed.input[0],
        width: windowed.input[1],
        channels: windowed.channels,
        windows,
    }
}

/// The extent of an adaptive pooling kernel's call.
pub(super) fn adaptive_shape((input, output): ([usize; 2], [usize; 2]), channels: usize, samples: usize) -> PoolShape {
    let windows = Windows::Adaptive {
        output: (output[0], output[1]),
    };
    PoolShape {
        samples,
        height: input[0],
        width: input[1],
        channels,
        windows,
    }
}
