//! A session: a network's buffers, its random stream for dropout, and the passes over batches.

pub(crate) mod loss;
mod precision;
mod scoring;

use std::str::FromStr;

use espalier_seed::{Seed, Stream, StreamState};

use self::loss::{Head, LossKind, StepOutcome, Target};
pub use self::precision::Precision;
use crate::error::{Error, Result};
use crate::execute::engine::{Engine, Losses};
use crate::execute::{Ablation, Bytes, Mode, Outputs, Traffic, count_samples};
use crate::graph::{Network, NodeId};
use crate::kernels::{Element, Threads};
use crate::layer::parameter::ParameterId;

/// Where a session computes.
///
/// # Example
/// ```
/// use espalier_net::DeviceChoice;
///
/// let device: DeviceChoice = "cpu".parse()?;
/// assert!(matches!(device, DeviceChoice::Cpu));
/// # Ok::<(), espalier_net::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum DeviceChoice {
    /// On this crate's CPU kernels.
    #[default]
    Cpu,
    /// On Candle's operations.
    Candle(candle_core::Device),
}

impl FromStr for DeviceChoice {
    type Err = Error;

    /// Reads `cpu`, `candle-cpu`, `cuda` or `cuda:N`.
    fn from_str(name: &str) -> Result<Self> {
        let ordinal = match name {
            "cpu" => return Ok(Self::Cpu),
            "candle-cpu" => return Ok(Self::Candle(candle_core::Device::Cpu)),
            "cuda" => Some(0),
            _ => name.strip_prefix("cuda:").and_then(|number| number.parse().ok()),
        };
        match ordinal {
            Some(ordinal) if cfg!(feature = "cuda") => Ok(Self::Candle(candle_core::Device::new_cuda(ordinal)?)),
            Some(_) => Err(Error::Setting {
                field: "device",
                expected: "`cpu` or `candle-cpu`, for this program was built without the feature `cuda`".to_owned(),
                found: name.to_owned(),
            }),
            None => Err(Error::Setting {
                field: "device",
                expected: "`cpu`, `candle-cpu`, `cuda` or `cuda:N`".to_owned(),
                found: name.to_owned(),
            }),
        }
    }
}

/// Runs one network: holds what outlives a batch and is no part of the network.
///
/// The network owns its parameters, the [`crate::Optimizer`] its state, the session buffers and the stream of dropout masks.
/// So the order of a training step is: [`Session::loss_and_gradients`] runs a batch forwards and backwards and leaves a
/// gradient for each parameter; [`Session::gradient_mut`] and [`Session::clip_gradients`] may change them;
/// `Optimizer::step` reads them and changes the network. To only look:
///
/// | question | method |
/// |---|---|
/// | what does the network say? | [`Session::evaluate`], then [`Session::outputs`] |
/// | how good is that? | [`Session::score`] |
/// | what if a unit were silent? | [`Session::evaluate_ablated`] |
/// | what do layers emit, and what gradient reaches them? | [`Session::observe`] and [`Session::observe_gradients`] before a pass, [`Session::activation`] and [`Session::activation_gradient`] after it |
/// | which gradients would training take, without touching running statistics? | [`Session::probe`] |
///
/// An edit of the network needs no word to the session: the next pass finds that it changed and makes its buffers anew.
///
/// # Method
/// On the CPU, passes run in a [`crate::execute::Workspace`] of this crate's kernels. On a Candle device the same graph is a
/// composition of Candle's operations; its gradients are copied to the host, where the optimizer steps,
/// and changed parameters are copied back before the next pass. Outputs, gradients and random draws have the same meaning on both.
///
/// # Example
/// ```
/// use espalier_net::{DeviceChoice, LossKind, Session, Target, models};
/// use espalier_seed::Seed;
///
/// let seed = Seed::new(1);
/// let mut network = models::mlp::<f32>(4, &[8], 3, &seed)?;
/// let mut session = Session::new(&network, 2, &DeviceChoice::Cpu, &seed)?;
/// let batch = [0.1, 0.2, 0.3, 0.4, -0.1, -0.2, -0.3, -0.4];
/// let target = Target::Classes { labels: &[0, 2], weights: None };
/// let outcome = session.loss_and_gradients(&mut network, &[&batch], target, LossKind::CrossEntropy)?;
/// assert_eq!(outcome.samples, 2);
/// let weight = network.find_parameter("hidden1.weight")?;
/// assert_eq!(session.gradient(weight).len(), 4 * 8);
/// # Ok::<(), espalier_net::Error>(())
/// ```
#[derive(Debug)]
pub struct Session<E: Precision> {
    engine: Box<dyn Engine<E>>,
    stream: Stream,
    /// The outputs with a loss in the last backward pass.
    heads: Vec<NodeId>,
    /// Where scoring writes gradients that nothing reads.
    unread: Vec<E>,
}

impl<E: Precision> Session<E> {
    /// Starts a session for evaluation batches of up to `batch` samples; buffers for training are made in the first training
    /// pass, and larger batches make buffers grow. Dropout draws from the stream `dropout` of `seed`.
    ///
    /// # Errors
    /// Refuses a network whose nodes lack parameters; reports a failing device.
    pub fn new(network: &Network<E>, batch: usize, device: &DeviceChoice, seed: &Seed) -> Result<Self> {
        Ok(Self {
            engine: E::engine(network, batch, device)?,
            stream: seed.named("dropout").stream(),
            heads: Vec::new(),
            unread: Vec::new(),
        })
    }

    /// Sets how many threads a pass may use; results do not depend on it. Candle devices choose by themselves.
    ///
    /// Threads share the parts of a training batch ([`Session::set_parts`]), else the rows and columns of each product.
    pub fn set_threads(&mut self, threads: Threads) {
        self.engine.set_threads(threads);
    }

    /// Cuts training batches into so many parts of neighbouring samples, which several threads run side by side. The loss is
    /// that of the whole batch, gradients of parameters are sums over the parts in their order, dropout draws the same masks.
    ///
    /// Results differ by rounding from those of another number of parts, and do not depend on the number of threads
    /// ([`Session::set_threads`]). A batch of fewer samples has as many parts as samples; passes without a loss are not cut.
    ///
    /// # Errors
    /// Refuses 0 parts, and more than one on a Candle device. A training pass refuses to cut the batch of a batch norm, whose
    /// statistics are those of the whole batch.
    ///
    /// # Example
    /// ```
    /// use espalier_net::{DeviceChoice, LossKind, Session, Target, Threads, models};
    /// use espalier_seed::Seed;
    ///
    /// let seed = Seed::new(1);
    /// let mut network = models::mlp::<f32>(2, &[8], 2, &seed)?;
    /// let mut session = Session::new(&network, 4, &DeviceChoice::Cpu, &seed)?;
    /// let batch = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
    /// let target = Target::Classes { labels: &[0, 1, 1, 0], weights: None };
    /// let whole = session.loss_and_gradients(&mut network, &[&batch], target, LossKind::CrossEntropy)?;
    /// session.set_parts(2)?;
    /// session.set_threads(Threads::Pool(2));
    /// let cut = session.loss_and_gradients(&mut network, &[&batch], target, LossKind::CrossEntropy)?;
    /// assert!((whole.loss - cut.loss).abs() < 1e-6);
    /// # Ok::<(), espalier_net::Error>(())
    /// ```
    pub fn set_parts(&mut self, parts: usize) -> Result<()> {
        self.engine.set_parts(parts)
    }

    /// Says that most elements of a network input have one value, so that dense layers on it multiply the others only:
    /// about a third of the time where four fifths are background. On Candle devices nothing changes.
    ///
    /// Results differ by rounding from those without a background. Any batch may be passed: one in which the value
    /// is rare is slow, not wrong; from a share of [`crate::LEAST_BACKGROUND`] on it is fast. `None` goes back to dense products.
    ///
    /// # Shapes
    /// `input` is the input's position in [`Network::inputs`].
    ///
    /// # Example
    /// ```
    /// use espalier_net::{DeviceChoice, Session, models};
    /// use espalier_seed::Seed;
    ///
    /// let seed = Seed::new(1);
    /// let network = models::mlp::<f32>(4, &[8], 3, &seed)?;
    /// let mut session = Session::new(&network, 1, &DeviceChoice::Cpu, &seed)?;
    /// let image = [-0.4, -0.4, 2.8, -0.4];
    /// let plain = session.evaluate(&network, &[&image])?.first().to_vec();
    /// session.set_background(0, Some(-0.4));
    /// let sparse = session.evaluate(&network, &[&image])?.first();
    /// assert!(plain.iter().zip(sparse).all(|(a, b)| (a - b).abs() < 1e-6));
    /// # Ok::<(), espalier_net::Error>(())
    /// ```
    pub fn set_background(&mut self, input: usize, background: Option<E>) {
        self.engine.set_background(input, background);
    }

    /// Frees all buffers; the next pass makes those that it needs. For batches that have become smaller.
    pub fn release(&mut self) {
        self.unread = Vec::new();
        self.engine.release();
    }

    pub(crate) fn unread_mut(&mut self) -> &mut Vec<E> {
        &mut self.unread
    }

    /// The position of the random stream.
    #[must_use]
    pub fn stream_state(&self) -> StreamState {
        self.stream.state()
    }

    /// Puts the random stream to a saved position.
    pub fn restore_stream(&mut self, state: &StreamState) {
        self.stream = Stream::restore(state);
    }

    /// Keeps the values of these nodes, to be read by [`Session::activation`] after each pass.
    pub fn observe(&mut self, nodes: &[NodeId]) {
        self.engine.observe(nodes);
    }

    /// Keeps the gradients of these nodes, to be read by [`Session::activation_gradient`] after each backward pass.
    pub fn observe_gradients(&mut self, nodes: &[NodeId]) {
        self.engine.observe_gradients(nodes);
    }

    /// Runs a pass forwards. No running statistics change.
    ///
    /// # Shapes
    /// One slice for each network input, (samples, height · width · channels).
    ///
    /// # Errors
    /// Refuses inputs that do not fit the network.
    pub fn forward(&mut self, network: &Network<E>, inputs: &[&[E]], mode: Mode) -> Result<Outputs<'_, E>> {
        self.engine.forward(network, inputs, mode, &mut self.stream)
    }

    /// Runs a pass in evaluation mode.
    ///
    /// # Errors
    /// As [`Session::forward`].
    pub fn evaluate(&mut self, network: &Network<E>, inputs: &[&[E]]) -> Result<Outputs<'_, E>> {
        self.forward(network, inputs, Mode::Eval)
    }

    /// Runs a pass in evaluation mode with one unit silenced towards all its readers.
    ///
    /// # Errors
    /// As [`Session::forward`]; refuses a unit that does not exist.
    pub fn evaluate_ablated(
        &mut self,
        network: &Network<E>,
        inputs: &[&[E]],
        ablation: Ablation,
    ) -> Result<Outputs<'_, E>> {
        self.engine
            .evaluate_ablated(network, inputs, ablation, &mut self.stream)
    }

    /// Runs a training batch: forwards, the loss on the first output, backwards; blends running statistics.
    ///
    /// Gradients of the mean loss are then at [`Session::gradient`].
    ///
    /// # Errors
    /// Refuses inputs and targets that do not fit the network or the loss.
    pub fn loss_and_gradients(
        &mut self,
        network: &mut Network<E>,
        inputs: &[&[E]],
        target: Target<'_, E>,
        loss: LossKind,
    ) -> Result<StepOutcome> {
        self.heads_and_gradients(
            network,
            inputs,
            &[Head {
                output: 0,
                target,
                loss,
                weight: 1.0,
            }],
        )
    }

    /// As [`Session::loss_and_gradients`], with a loss for each of several outputs.
    ///
    /// # Errors
    /// As [`Session::loss_and_gradients`]; refuses two losses on one output.
    pub fn heads_and_gradients(
        &mut self,
        network: &mut Network<E>,
        inputs: &[&[E]],
        heads: &[Head<'_, E>],
    ) -> Result<StepOutcome> {
        let outcome = self.probe(network, inputs, heads)?;
        self.engine.update_running(network);
        Ok(outcome)
    }

    /// As [`Session::heads_and_gradients`], leaving running statistics as they are: for measuring gradients.
    ///
    /// # Errors
    /// As [`Session::heads_and_gradients`].
    pub fn probe(&mut self, network: &Network<E>, inputs: &[&[E]], heads: &[Head<'_, E>]) -> Result<StepOutcome> {
        let mut outcome = StepOutcome {
            samples: count_samples(network, inputs)?,
            ..StepOutcome::default()
        };
        let mut correct = None;
        self.backward(
            network,
            inputs,
            heads.iter().map(|head| head.output),
            &mut |index, output, gradient| {
                let head = &heads[index];
                let classes = network.width(network.outputs()[head.output]);
                let (loss, right) = E::loss(head, classes, output, gradient)?;
                outcome.loss += loss;
                correct = correct.or(right);
                Ok(())
            },
        )?;
        outcome.correct = correct.unwrap_or(0);
        Ok(outcome)
    }

    /// Runs a batch forwards in training mode and back from given gradients of outputs, in place of a loss.
    ///
    /// Each entry of `gradients` is an output's position and dL/d(output).
    ///
    /// # Errors
    /// Refuses inputs and gradients that do not fit the network.
    pub fn propagate(&mut self, network: &Network<E>, inputs: &[&[E]], gradients: &[(usize, &[E])]) -> Result<()> {
        self.backward(
            network,
            inputs,
            gradients.iter().map(|(output, _)| *output),
            &mut |index, _, to| {
                let from = gradients[index].1;
                if from.len() != to.len() {
                    return Err(Error::length("gradient of an output", to.len(), from.len()));
                }
                to.copy_from_slice(from);
                Ok(())
            },
        )
    }

    fn backward(
        &mut self,
        network: &Network<E>,
        inputs: &[&[E]],
        positions: impl Iterator<Item = usize>,
        losses: &mut Losses<'_, E>,
    ) -> Result<()> {
        output_nodes(network, positions, &mut self.heads)?;
        self.engine
            .train(network, inputs, &self.heads, &mut self.stream, losses)
    }

    /// The outputs of the last pass.
    #[must_use]
    pub fn outputs(&self) -> Outputs<'_, E> {
        self.engine.outputs()
    }

    /// The values of an output or an observed node in the last pass.
    #[must_use]
    pub fn activation(&self, node: NodeId) -> Option<&[E]> {
        self.engine.activation(node)
    }

    /// The gradient of the loss with respect to a node's values, if it was asked for and the loss depends on the node.
    #[must_use]
    pub fn activation_gradient(&self, node: NodeId) -> Option<&[E]> {
        self.engine.activation_gradient(node)
    }

    /// The gradient of a parameter from the last backward pass; empty for one that no gradient trains.
    #[must_use]
    pub fn gradient(&self, parameter: ParameterId) -> &[E] {
        self.engine.gradient(parameter)
    }

    /// The gradient of a parameter, to be changed before an optimizer reads it.
    pub fn gradient_mut(&mut self, parameter: ParameterId) -> &mut [E] {
        self.engine.gradient_mut(parameter)
    }

    /// The gradients of all trained parameters, in the order of [`Network::parameters`].
    pub fn gradients_mut(&mut self) -> Vec<&mut [E]> {
        self.engine.gradients_mut()
    }

    /// The bytes of arrays that were copied to and from a Candle device so far; none on the CPU.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.engine.traffic()
    }

    /// The bytes that the session keeps alive; of a Candle device only parameters and their gradients are counted.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        let mut bytes = self.engine.bytes();
        bytes.scratch += self.unread.capacity() * size_of::<E>();
        bytes
    }
}

/// Checks positions of outputs, and writes their nodes, each at most once, over `nodes`.
fn output_nodes<E: Element>(
    network: &Network<E>,
    positions: impl Iterator<Item = usize>,
    nodes: &mut Vec<NodeId>,
) -> Result<()> {
    let outputs = network.outputs();
    nodes.clear();
    for position in positions {
        let node = outputs.get(position).copied().filter(|node| !nodes.contains(node));
        nodes.push(node.ok_or_else(|| Error::Setting {
            field: "output",
            expected: format!("each of the {} outputs at most once", outputs.len()),
            found: position.to_string(),
        })?);
    }
    Ok(())
}
