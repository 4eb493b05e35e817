//! One network on several cores: training batches that are cut into parts, each in a workspace of its own.

use std::collections::BTreeMap;

use espalier_seed::Stream;

use super::operation::Operation;
use super::pointwise;
use super::workspace::{Outputs, Workspace, count_samples};
use crate::error::{Error, Result};
use crate::execute::engine::{Engine, Losses};
use crate::execute::{Ablation, Bytes, Mode, Traffic};
use crate::graph::{Network, NodeId};
use crate::kernels::{Element, Threads};
use crate::layer::parameter::ParameterId;

/// A thread adds at least this many values, for fewer are not worth the hand-over.
const GRAIN: usize = 1 << 15;
/// Values that are added up while they stay in cache.
const BLOCK: usize = 1 << 12;

/// The workspaces of one network on the CPU: one for whole batches, and one for each part of a training batch.
///
/// # Method
/// Of n samples in P parts, part p has those from ⌊np/P⌋ up to ⌊n(p + 1)/P⌋. All parts run forwards; the loss looks at the
/// outputs of the whole batch, so that means and class weights are those of one piece; all parts run backwards; and the
/// gradients of a parameter are added in the order of the parts. Threads share the parts among them, so that no sum
/// depends on how many threads there are. Dropout draws for the whole batch, the same masks as without a cut.
#[derive(Debug)]
pub(crate) struct Workspaces<E: Element> {
    whole: Workspace<E>,
    parts: Vec<Workspace<E>>,
    /// Into how many parts training batches are cut.
    count: usize,
    threads: Threads,
    joined: Joined<E>,
    /// The parts of the last backward pass; one where it ran in one piece.
    trained: usize,
    /// Whether the last pass was cut.
    is_cut: bool,
}

/// What callers read of a pass that was cut, in one piece.
#[derive(Debug, Default)]
struct Joined<E> {
    /// All outputs in order.
    outputs: Vec<Vec<E>>,
    /// The gradients of the outputs with a loss.
    heads: Vec<Vec<E>>,
    values: BTreeMap<NodeId, Vec<E>>,
    gradients: BTreeMap<NodeId, Vec<E>>,
    mask: Vec<u8>,
}

/// A batch and its parts.
#[derive(Clone, Copy)]
struct Cut<'a, E> {
    inputs: &'a [&'a [E]],
    samples: usize,
    parts: usize,
}

impl<'a, E> Cut<'a, E> {
    /// The place of a part in an array of the whole batch.
    fn range(&self, part: usize, length: usize) -> std::ops::Range<usize> {
        let size = length / self.samples;
        let from = |part: usize| self.samples * part / self.parts;
        from(part) * size..from(part + 1) * size
    }

    fn inputs(&self, part: usize) -> Vec<&'a [E]> {
        let cut = |values: &&'a [E]| &values[self.range(part, values.len())];
        self.inputs.iter().map(cut).collect()
    }
}

impl<E: Element> Workspaces<E> {
    /// Makes buffers as [`Workspace::new`] does; those of parts are made in the first training pass that is cut.
    ///
    /// # Errors
    /// As [`Workspace::new`].
    pub fn new(network: &Network<E>, batch: usize) -> Result<Self> {
        Ok(Self {
            whole: Workspace::new(network, batch)?,
            parts: Vec::new(),
            count: 1,
            threads: Threads::One,
            joined: Joined::default(),
            trained: 1,
            is_cut: false,
        })
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Workspace<E>> {
        std::iter::once(&mut self.whole).chain(&mut self.parts)
    }

    /// Makes steps and buffers of all parts.
    fn prepare(&mut self, network: &Network<E>, cut: &Cut<'_, E>) -> Result<()> {
        let whole = &self.whole;
        self.parts.resize_with(self.count, || whole.twin());
        for (part, workspace) in self.parts[..cut.parts].iter_mut().enumerate() {
            workspace.prepare(network, cut.range(part, cut.samples).len(), Mode::Train)?;
        }
        for step in self.parts[0].training_steps() {
            if matches!(step.operation, Operation::BatchNorm { .. }) {
                return Err(Error::layer(
                    network.node(step.node).name(),
                    "training batches in one piece, since its statistics are those of the whole batch",
                    format!("batches that are cut into {} parts", self.count),
                ));
            }
        }
        Ok(())
    }

    /// Draws the masks of all dropout layers, in the order in which a pass in one piece draws them.
    fn draw(&mut self, cut: &Cut<'_, E>, stream: &mut Stream) {
        let Some((first, others)) = self.parts[..cut.parts].split_first_mut() else {
            return;
        };
        let mask = &mut self.joined.mask;
        for dropout in first.dropouts() {
            mask.resize(dropout.size * cut.samples, 0);
            dropout.rate.draw(stream, mask);
            let parts = std::iter::once(&mut *first).chain(others.iter_mut());
            for (part, workspace) in parts.enumerate() {
                workspace.set_mask(dropout.node, &mask[cut.range(part, mask.len())]);
            }
        }
    }

    /// Runs `work` for every part, on as many threads as there may be.
    fn side_by_side<W>(&mut self, cut: &Cut<'_, E>, work: W) -> Result<()>
    where
        W: Fn(usize, &mut Workspace<E>) -> Result<()> + Sync,
    {
        share(&mut self.parts[..cut.parts], 0, self.threads.count(), &work)
    }

    /// Puts the outputs in one piece, and lets the losses write the gradients of heads.
    fn look(&mut self, heads: &[NodeId], losses: &mut Losses<'_, E>) -> Result<()> {
        let Self {
            whole,
            parts,
            joined,
            trained,
            ..
        } = self;
        let parts = &parts[..*trained];
        joined.outputs.resize(parts[0].output_nodes().len(), Vec::new());
        for (node, to) in parts[0].output_nodes().iter().zip(&mut joined.outputs) {
            gather(parts, to, |part| part.activation(*node));
        }
        for node in whole.observed() {
            gather(parts, joined.values.entry(*node).or_default(), |part| {
                part.activation(*node)
            });
        }
        joined.heads.resize(heads.len(), Vec::new());
        for (head, (node, gradient)) in heads.iter().zip(&mut joined.heads).enumerate() {
            let place = parts[0].output_nodes().iter().position(|output| output == node);
            if let (Some(place), true) = (place, parts[0].propagates(*node)) {
                let output = &joined.outputs[place];
                gradient.resize(output.len(), E::ZERO);
                losses(head, output, gradient)?;
            }
        }
        Ok(())
    }

    /// Adds up the parts' gradients of parameters in the first part, and puts those of observed nodes in one piece.
    fn join(&mut self) {
        let parts = &mut self.parts[..self.trained];
        for node in self.whole.observed_gradients() {
            let to = self.joined.gradients.entry(*node).or_default();
            gather(parts, to, |part| part.activation_gradient(*node));
        }
        let Some((first, others)) = parts.split_first_mut() else {
            return;
        };
        for parameter in first.trained_now() {
            let terms: Vec<&[E]> = others.iter().map(|part| part.gradient(parameter)).collect();
            add(first.gradient_mut(parameter), &terms, self.threads.count());
        }
    }

    /// The workspace that holds the gradients of the last backward pass.
    fn holder(&self) -> &Workspace<E> {
        if self.trained > 1 { &self.parts[0] } else { &self.whole }
    }

    fn holder_mut(&mut self) -> &mut Workspace<E> {
        if self.trained > 1 {
            &mut self.parts[0]
        } else {
            &mut self.whole
        }
    }
}

impl<E: Element> Engine<E> for Workspaces<E> {
    fn set_threads(&mut self, threads: Threads) {
        self.threads = threads;
        self.whole.set_threads(threads);
    }

    fn set_parts(&mut self, parts: usize) -> Result<()> {
        if parts == 0 {
            return Err(Error::Setting {
                field: "parts",
                expected: "at least 1".to_owned(),
                found: parts.to_string(),
            });
        }
        self.count = parts;
        self.parts.clear();
        self.trained = 1;
        self.is_cut = false;
        Ok(())
    }

    fn set_background(&mut self, input: usize, background: Option<E>) {
        self.all()
            .for_each(|workspace| workspace.set_background(input, background));
    }

    fn release(&mut self) {
        self.whole.release();
        self.parts.clear();
        self.joined = Joined::default();
        self.trained = 1;
        self.is_cut = false;
    }

    fn observe(&mut self, nodes: &[NodeId]) {
        self.all().for_each(|workspace| workspace.observe(nodes));
    }

    fn observe_gradients(&mut self, nodes: &[NodeId]) {
        self.all().for_each(|workspace| workspace.observe_gradients(nodes));
    }

    fn forward(
        &mut self,
        network: &Network<E>,
        inputs: &[&[E]],
        mode: Mode,
        stream: &mut Stream,
    ) -> Result<Outputs<'_, E>> {
        self.is_cut = false;
        self.whole.forward(network, inputs, mode, stream)
    }

    fn evaluate_ablated(
        &mut self,
        network: &Network<E>,
        inputs: &[&[E]],
        ablation: Ablation,
        _stream: &mut Stream,
    ) -> Result<Outputs<'_, E>> {
        self.is_cut = false;
        self.whole.evaluate_ablated(network, inputs, ablation)
    }

    fn train(
        &mut self,
        network: &Network<E>,
        inputs: &[&[E]],
        heads: &[NodeId],
        stream: &mut Stream,
        losses: &mut Losses<'_, E>,
    ) -> Result<()> {
        self.all().for_each(|workspace| workspace.set_losses(heads));
        let samples = count_samples(network, inputs)?;
        let parts = self.count.min(samples).max(1);
        (self.trained, self.is_cut) = (parts, parts > 1);
        if parts == 1 {
            self.whole.forward(network, inputs, Mode::Train, stream)?;
            return self.whole.backward(network, inputs, losses);
        }
        let cut = Cut { inputs, samples, parts };
        self.prepare(network, &cut)?;
        self.draw(&cut, stream);
        self.side_by_side(&cut, |part, workspace| {
            workspace.forward_drawn(network, &cut.inputs(part)).map(|_| ())
        })?;
        self.look(heads, losses)?;
        let given = std::mem::take(&mut self.joined.heads);
        let outcome = self.side_by_side(&cut, |part, workspace| {
            workspace.backward(network, &cut.inputs(part), |head, _, to| {
                to.copy_from_slice(&given[head][cut.range(part, given[head].len())]);
                Ok(())
            })
        });
        self.joined.heads = given;
        outcome?;
        self.join();
        Ok(())
    }

    fn update_running(&mut self, network: &mut Network<E>) {
        if !self.is_cut {
            self.whole.update_running(network);
        }
    }

    fn outputs(&self) -> Outputs<'_, E> {
        if self.is_cut {
            Outputs::copies(&self.joined.outputs)
        } else {
            self.whole.outputs()
        }
    }

    fn activation(&self, node: NodeId) -> Option<&[E]> {
        if !self.is_cut {
            return self.whole.activation(node);
        }
        let output = self.parts[0].output_nodes().iter().position(|output| *output == node);
        let observed = || {
            let kept = self.whole.observed().contains(&node);
            kept.then(|| self.joined.values.get(&node))?.map(Vec::as_slice)
        };
        output.map_or_else(observed, |place| Some(&self.joined.outputs[place]))
    }

    fn activation_gradient(&self, node: NodeId) -> Option<&[E]> {
        if !self.is_cut {
            return self.whole.activation_gradient(node);
        }
        let asked = self.whole.observed_gradients().contains(&node);
        let found = asked.then(|| self.joined.gradients.get(&node))?;
        found.map(Vec::as_slice).filter(|values| !values.is_empty())
    }

    fn gradient(&self, parameter: ParameterId) -> &[E] {
        self.holder().gradient(parameter)
    }

    fn gradient_mut(&mut self, parameter: ParameterId) -> &mut [E] {
        self.holder_mut().gradient_mut(parameter)
    }

    fn gradients_mut(&mut self) -> Vec<&mut [E]> {
        self.holder_mut().gradients_mut()
    }

    /// None: everything is in the host's memory.
    fn traffic(&self) -> Traffic {
        Traffic::default()
    }

    fn bytes(&self) -> Bytes {
        let mut bytes = self.whole.bytes();
        for part in self.parts.iter().map(Workspace::bytes) {
            bytes.activations += part.activations;
            bytes.parameters += part.parameters;
            bytes.scratch += part.scratch;
        }
        let joined = &self.joined;
        let lists = joined.outputs.iter().chain(&joined.heads);
        let values = lists.chain(joined.values.values()).chain(joined.gradients.values());
        bytes.scratch += values.map(Vec::capacity).sum::<usize>() * size_of::<E>() + joined.mask.capacity();
        bytes
    }
}

/// Writes what the parts have of a node one behind the other; nothing where they have none.
fn gather<'a, E: Element>(
    parts: &'a [Workspace<E>],
    to: &mut Vec<E>,
    of: impl Fn(&'a Workspace<E>) -> Option<&'a [E]>,
) {
    to.clear();
    parts
        .iter()
        .filter_map(of)
        .for_each(|values| to.extend_from_slice(values));
}

/// Runs `work` on parts, of which the first has the given number; each thread has neighbours.
fn share<E: Element, W>(parts: &mut [Workspace<E>], first: usize, threads: usize, work: &W) -> Result<()>
where
    W: Fn(usize, &mut Workspace<E>) -> Result<()> + Sync,
{
    if threads < 2 || parts.len() < 2 {
        let mut numbered = parts.iter_mut().enumerate();
        return numbered.try_for_each(|(part, workspace)| work(first + part, workspace));
    }
    let left_threads = threads / 2;
    let middle = (parts.len() * left_threads / threads).max(1);
    let (left, right) = parts.split_at_mut(middle);
    let (left, right) = rayon::join(
        || share(left, first, left_threads, work),
        || share(right, first + middle, threads - left_threads, work),
    );
    left.and(right)
}

/// Adds the terms to `sum` one after the other; threads take pieces of the arrays, so that no sum depends on them.
fn add<E: Element>(sum: &mut [E], terms: &[&[E]], threads: usize) {
    if threads > 1 && sum.len() / threads >= GRAIN {
        let left_threads = threads / 2;
        let middle = sum.len() * left_threads / threads;
        let (left, right) = sum.split_at_mut(middle);
        let (before, behind): (Vec<&[E]>, Vec<&[E]>) = terms.iter().map(|term| term.split_at(middle)).unzip();
        rayon::join(
            || add(left, &before, left_threads),
            || add(right, &behind, threads - left_threads),
        );
        return;
    }
    for (block, sum) in sum.chunks_mut(BLOCK).enumerate() {
        for term in terms {
            pointwise::add(sum, &term[block * BLOCK..]);
        }
    }
}
