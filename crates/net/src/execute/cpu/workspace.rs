//! Buffers that a network runs in, allocated once for the largest batch.

use espalier_seed::Stream;

use super::buffers::{Buffers, Pass, grow};
use super::operation::Operation;
use super::plan::Plan;
use super::{backward, forward};
use crate::error::{Error, Result};
use crate::execute::requests::Requests;
use crate::execute::signature::Signature;
use crate::execute::{Ablation, Bytes, Mode};
use crate::graph::Network;
use crate::graph::NodeId;
use crate::kernels::norm::NormState;
use crate::kernels::{Element, Threads};
use crate::layer::Layer;
use crate::layer::parameter::ParameterId;

/// The buffers in which a network runs, and the steps that it was compiled to.
///
/// # Method
/// Steps and buffers are made anew when the network was edited, when the batch grows and when other
/// values are asked for; between those nothing is allocated.
#[derive(Debug)]
pub struct Workspace<E: Element> {
    /// The largest batches so far, in training and in evaluation.
    batch: [usize; 2],
    signature: Signature,
    pub(super) requests: Requests,
    pub(super) training: Option<Plan>,
    evaluation: Option<Plan>,
    pub(super) buffers: Buffers<E>,
    threads: Threads,
    backgrounds: Vec<Option<E>>,
    last: Option<(Mode, usize)>,
    pub(super) outputs: Vec<NodeId>,
}

/// The outputs of the last pass.
#[derive(Clone, Copy, Debug)]
pub struct Outputs<'a, E: Element> {
    source: Source<'a, E>,
}

#[derive(Clone, Copy, Debug)]
enum Source<'a, E: Element> {
    Workspace(&'a Workspace<E>),
    Copies(&'a [Vec<E>]),
}

impl<'a, E: Element> Outputs<'a, E> {
    /// Outputs that were copied from a device.
    pub(crate) fn copies(copies: &'a [Vec<E>]) -> Self {
        Self {
            source: Source::Copies(copies),
        }
    }

    /// The number of outputs; 0 before the first pass.
    #[must_use]
    pub fn len(&self) -> usize {
        match self.source {
            Source::Workspace(workspace) if workspace.last.is_none() => 0,
            Source::Workspace(workspace) => workspace.outputs.len(),
            Source::Copies(copies) => copies.len(),
        }
    }

    /// Says whether no pass has run yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The output with the given position in [`Network::outputs`].
    ///
    /// # Panics
    /// Panics if there is no such output.
    #[must_use]
    pub fn get(&self, index: usize) -> &'a [E] {
        match self.source {
            Source::Workspace(workspace) => {
                let values = workspace.activation(workspace.outputs[index]);
                values.expect("every pass computes all outputs, and none has run")
            }
            Source::Copies(copies) => &copies[index],
        }
    }

    /// The first output.
    ///
    /// # Panics
    /// Panics if no pass has run.
    #[must_use]
    pub fn first(&self) -> &'a [E] {
        self.get(0)
    }

    /// All outputs in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a [E]> + use<'a, E> {
        let outputs = *self;
        (0..self.len()).map(move |index| outputs.get(index))
    }
}

impl<E: Element> Workspace<E> {
    /// Makes buffers for evaluation batches of up to `batch` samples; those for training are made in the first training pass.
    ///
    /// # Errors
    /// Refuses a network whose nodes lack parameters.
    pub fn new(network: &Network<E>, batch: usize) -> Result<Self> {
        let requests = Requests {
            losses: network.outputs()[..1].to_vec(),
            ..Requests::default()
        };
        let mut workspace = Self::empty(requests, Vec::new());
        workspace.prepare(network, batch.max(1), Mode::Eval)?;
        Ok(workspace)
    }

    /// A workspace without buffers, of which the same is wanted.
    pub(super) fn twin(&self) -> Self {
        Self::empty(self.requests.clone(), self.backgrounds.clone())
    }

    fn empty(requests: Requests, backgrounds: Vec<Option<E>>) -> Self {
        Self {
            batch: [0; 2],
            signature: Signature::default(),
            requests,
            training: None,
            evaluation: None,
            buffers: Buffers::default(),
            threads: Threads::One,
            backgrounds,
            last: None,
            outputs: Vec::new(),
        }
    }

    /// Sets how many threads a product may use; results do not depend on it.
    pub fn set_threads(&mut self, threads: Threads) {
        self.threads = threads;
    }

    /// Says which value most elements of a network input have, so that dense layers skip it.
    pub(crate) fn set_background(&mut self, input: usize, background: Option<E>) {
        self.backgrounds.resize(self.backgrounds.len().max(input + 1), None);
        self.backgrounds[input] = background;
        self.last = None;
    }

    /// Keeps the values of these nodes, to be read by [`Workspace::activation`] after each pass.
    pub fn observe(&mut self, nodes: &[NodeId]) {
        let nodes = nodes.iter().copied().collect();
        if self.requests.values != nodes {
            self.requests.values = nodes;
            self.forget();
        }
    }

    /// Keeps the gradients of these nodes, to be read by [`Workspace::activation_gradient`].
    pub fn observe_gradients(&mut self, nodes: &[NodeId]) {
        let nodes = nodes.iter().copied().collect();
        if self.requests.gradients != nodes {
            self.requests.gradients = nodes;
            self.forget();
        }
    }

    /// Says which outputs have a loss.
    pub(crate) fn set_losses(&mut self, nodes: &[NodeId]) {
        if self.requests.losses != nodes {
            self.requests.losses = nodes.to_vec();
            self.training = None;
            self.last = None;
        }
    }

    /// Frees all buffers; the next pass makes those that it needs.
    pub fn release(&mut self) {
        self.forget();
        self.buffers = Buffers::default();
        self.batch = [0; 2];
    }

    fn forget(&mut self) {
        self.training = None;
        self.evaluation = None;
        self.last = None;
    }

    /// The bytes that the workspace keeps alive.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        self.buffers.bytes()
    }

    /// Runs a pass forwards; in evaluation mode running statistics are read, in training mode they are left alone.
    ///
    /// # Errors
    /// Refuses inputs that do not fit the network.
    pub fn forward(
        &mut self,
        network: &Network<E>,
        inputs: &[&[E]],
        mode: Mode,
        stream: &mut Stream,
    ) -> Result<Outputs<'_, E>> {
        self.pass(network, inputs, (mode, None), Some(stream))
    }

    /// Runs a pass in evaluation mode.
    ///
    /// # Errors
    /// As [`Workspace::forward`].
    pub fn evaluate(&mut self, network: &Network<E>, inputs: &[&[E]]) -> Result<Outputs<'_, E>> {
        self.pass(network, inputs, (Mode::Eval, None), None)
    }

    /// Runs a pass in evaluation mode with one unit silenced.
    ///
    /// # Errors
    /// As [`Workspace::forward`]; refuses a unit that does not exist.
    pub fn evaluate_ablated(
        &mut self,
        network: &Network<E>,
        inputs: &[&[E]],
        ablation: Ablation,
    ) -> Result<Outputs<'_, E>> {
        ablation.check(network)?;
        self.pass(network, inputs, (Mode::Eval, Some(ablation)), None)
    }

    pub(super) fn pass(
        &mut self,
        network: &Network<E>,
        inputs: &[&[E]],
        (mode, ablation): (Mode, Option<Ablation>),
        stream: Option<&mut Stream>,
    ) -> Result<Outputs<'_, E>> {
        let samples = count_samples(network, inputs)?;
        self.prepare(network, samples, mode)?;
        let pass = Pass {
            inputs,
            samples,
            mode,
            threads: self.threads,
            ablation,
            backgrounds: &self.backgrounds,
        };
        let plan = match mode {
            Mode::Train => &self.training,
            Mode::Eval => &self.evaluation,
        };
        if let Some(plan) = plan {
            check_batch_norms(network, plan, samples, mode)?;
            forward::run(network, plan, &mut self.buffers, &pass, stream);
        }
        self.last = Some((mode, samples));
        Ok(self.outputs())
    }

    /// Runs backwards from the gradients that `losses` writes, one slice per output with a loss; the last pass
    /// must have been a forward pass in training mode on the same inputs.
    pub(crate) fn backward(
        &mut self,
        network: &Network<E>,
        inputs: &[&[E]],
        mut losses: impl FnMut(usize, &[E], &mut [E]) -> Result<()>,
    ) -> Result<()> {
        let (Some(plan), Some((Mode::Train, samples))) = (&self.training, self.last) else {
            return Err(Error::Setting {
                field: "mode",
                expected: "a forward pass in training mode before the backward pass".to_owned(),
                found: "none".to_owned(),
            });
        };
        let pass = Pass {
            inputs,
            samples,
            mode: Mode::Train,
            threads: self.threads,
            ablation: None,
            backgrounds: &self.backgrounds,
        };
        for (head, id) in self.requests.losses.iter().enumerate() {
            let Some(value) = plan.value_of[id.index()] else {
                continue;
            };
            let Some(slot) = plan.gradient_slot[value] else {
                continue;
            };
            let mut gradient = std::mem::take(&mut self.buffers.slots[slot]);
            let size = plan.values[value].size * samples;
            let result = losses(head, self.buffers.read(plan, value, &pass), &mut gradient[..size]);
            self.buffers.slots[slot] = gradient;
            result?;
        }
        backward::run(network, plan, &mut self.buffers, &pass);
        Ok(())
    }

    /// Stores the running statistics that the last training pass arrived at in the network.
    pub(crate) fn update_running(&self, network: &mut Network<E>) {
        let (Some(plan), Some((Mode::Train, _))) = (&self.training, self.last) else {
            return;
        };
        for step in &plan.steps {
            if let Operation::BatchNorm { running, .. } = &step.operation {
                for (id, values) in running.iter().zip(&self.buffers.running[step.node.index()]) {
                    network.parameter_mut(*id).values_mut().copy_from_slice(values);
                }
            }
        }
    }

    /// The outputs of the last pass.
    #[must_use]
    pub fn outputs(&self) -> Outputs<'_, E> {
        Outputs {
            source: Source::Workspace(self),
        }
    }

    /// The values of a node in the last pass, if they were kept: those of outputs and observed nodes always are.
    #[must_use]
    pub fn activation(&self, node: NodeId) -> Option<&[E]> {
        let (mode, samples) = self.last?;
        let plan = match mode {
            Mode::Train => self.training.as_ref()?,
            Mode::Eval => self.evaluation.as_ref()?,
        };
        if !self.requests.values.contains(&node) && !self.outputs.contains(&node) {
            return None;
        }
        let value = plan.value_of[node.index()]?;
        Some(&self.buffers.slots[plan.value_slot[value]?][..plan.values[value].size * samples])
    }

    /// The gradient of the loss with respect to a node's values, if it was asked for and the loss depends on the node.
    #[must_use]
    pub fn activation_gradient(&self, node: NodeId) -> Option<&[E]> {
        let (Mode::Train, samples) = self.last? else {
            return None;
        };
        if !self.requests.gradients.contains(&node) {
            return None;
        }
        let plan = self.training.as_ref()?;
        let value = plan.value_of[node.index()]?;
        Some(&self.buffers.slots[plan.gradient_slot[value]?][..plan.values[value].size * samples])
    }

    /// The gradient of a parameter from the last backward pass; empty for one that no gradient trains.
    #[must_use]
    pub fn gradient(&self, parameter: ParameterId) -> &[E] {
        self.buffers.gradients.get(parameter.index()).map_or(&[], Vec::as_slice)
    }

    /// The gradient of a parameter, to be changed before an optimizer reads it.
    pub fn gradient_mut(&mut self, parameter: ParameterId) -> &mut [E] {
        self.buffers
            .gradients
            .get_mut(parameter.index())
            .map_or(&mut [], Vec::as_mut_slice)
    }

    /// The gradients of all trained parameters, in the order of [`Network::parameters`].
    pub fn gradients_mut(&mut self) -> Vec<&mut [E]> {
        let gradients = self.buffers.gradients.iter_mut().map(Vec::as_mut_slice);
        gradients.filter(|gradient| !gradient.is_empty()).collect()
    }

    /// Makes steps and buffers fit the network, the batch and the mode.
    pub(crate) fn prepare(&mut self, network: &Network<E>, samples: usize, mode: Mode) -> Result<()> {
        if !self.signature.matches(network) {
            self.forget();
            self.signature = Signature::of(network);
            self.outputs = network.outputs().to_vec();
            self.buffers = Buffers::default();
        }
        let (planned, batch) = match mode {
            Mode::Train => (self.training.is_some(), &mut self.batch[0]),
            Mode::Eval => (self.evaluation.is_some(), &mut self.batch[1]),
        };
        if planned && samples <= *batch {
            return Ok(());
        }
        *batch = samples.max(*batch);
        if !planned {
            let plan = Plan::compile(network, &self.requests, mode == Mode::Train)?;
            match mode {
                Mode::Train => self.training = Some(plan),
                Mode::Eval => self.evaluation = Some(plan),
            }
        }
        self.allocate(network);
        Ok(())
    }

    fn allocate(&mut self, network: &Network<E>) {
        let plans = [&self.training, &self.evaluation];
        let buffers = &mut self.buffers;
        let slots = plans
            .iter()
            .filter_map(|p| p.as_ref())
            .map(|p| p.slots.len())
            .max()
            .unwrap_or(0);
        buffers.slots.resize(slots, Vec::new());
        buffers.gradients.resize(network.parameters().len(), Vec::new());
        buffers.effective.resize(network.parameters().len(), Vec::new());
        buffers.factors.resize(network.parameters().len(), Vec::new());
        buffers.norms.resize(network.nodes().len(), NormState::new());
        buffers.running.resize(network.nodes().len(), [Vec::new(), Vec::new()]);
        buffers.gated.resize(network.nodes().len(), Vec::new());
        buffers.places.resize(network.nodes().len(), Vec::new());
        buffers.drops.resize(network.nodes().len(), Vec::new());
        for (plan, batch) in plans
            .into_iter()
            .zip(self.batch)
            .filter_map(|(plan, batch)| Some((plan.as_ref()?, batch)))
        {
            for (slot, size) in buffers.slots.iter_mut().zip(&plan.slots) {
                grow(slot, size * batch, E::ZERO);
            }
            for step in &plan.steps {
                forward::allocate(step, buffers, batch, plan.values[step.output].size);
            }
        }
        if self.training.is_some() {
            for (gradient, parameter) in buffers.gradients.iter_mut().zip(network.parameters()) {
                if parameter.role().is_trained() {
                    grow(gradient, parameter.values().len(), E::ZERO);
                }
            }
        }
    }
}

/// Refuses a training batch with a single value per channel, whose variance does not exist.
fn check_batch_norms<E: Element>(network: &Network<E>, plan: &Plan, samples: usize, mode: Mode) -> Result<()> {
    for step in &plan.steps {
        if let (Operation::BatchNorm { norm, .. }, Mode::Train) = (&step.operation, mode)
            && samples * norm.positions < 2
        {
            let name = network.node(step.node).name();
            return Err(Error::layer(
                name,
                "more than one value per channel in a training batch",
                "one",
            ));
        }
    }
    Ok(())
}

/// Counts the samples of a batch, and checks its slices against the network's inputs.
pub(crate) fn count_samples<E: Element>(network: &Network<E>, inputs: &[&[E]]) -> Result<usize> {
    let mut samples = None;
    let mut found = 0;
    for &id in network.order() {
        let node = network.node(id);
        if *node.layer() != Layer::Input {
            continue;
        }
        let size = node.positions() * network.width(id);
        let what = || format!("input `{}` ({size} values for each sample)", node.name());
        let Some(values) = inputs.get(found) else {
            return Err(Error::length("network inputs", network.inputs().len(), inputs.len()));
        };
        found += 1;
        let count = values.len() / size;
        let expected = *samples.get_or_insert(count.max(1));
        if values.len() != expected * size {
            return Err(Error::length(what(), expected * size, values.len()));
        }
    }
    if found != inputs.len() {
        return Err(Error::length("network inputs", found, inputs.len()));
    }
    samples.ok_or_else(|| Error::length("network inputs", 1, 0))
}
