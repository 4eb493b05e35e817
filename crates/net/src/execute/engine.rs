//! What runs the passes of a session, behind one interface.
//!
//! Programs hold an engine by its interface alone. So the steps of a pass, with all kernels in them, are compiled in this crate
//! once for each number type, at its level of optimization, and not anew into each program that makes a session.

use std::fmt::Debug;

use espalier_seed::Stream;

use super::{Ablation, Bytes, Mode, Outputs, Traffic};
use crate::error::Result;
use crate::graph::{Network, NodeId};
use crate::kernels::{Element, Threads};
use crate::layer::parameter::ParameterId;

/// Writes the gradient of the loss with respect to an output: the head's place, the output, the gradient.
pub type Losses<'a, E> = dyn FnMut(usize, &[E], &mut [E]) -> Result<()> + 'a;

/// Runs one network: what of a session depends on where it computes.
pub trait Engine<E: Element>: Debug + Send + Sync {
    /// Sets how many threads a pass may use.
    fn set_threads(&mut self, threads: Threads);

    /// Sets into how many parts training batches are cut.
    ///
    /// # Errors
    /// Refuses 0, and what the engine cannot do.
    fn set_parts(&mut self, parts: usize) -> Result<()>;

    /// Says which value most elements of an input have.
    fn set_background(&mut self, input: usize, background: Option<E>);

    /// Frees all buffers; the next pass makes those that it needs.
    fn release(&mut self);

    /// Keeps the values of these nodes.
    fn observe(&mut self, nodes: &[NodeId]);

    /// Keeps the gradients of these nodes.
    fn observe_gradients(&mut self, nodes: &[NodeId]);

    /// Runs a batch forwards.
    ///
    /// # Errors
    /// Refuses inputs that do not fit the network.
    fn forward(
        &mut self,
        network: &Network<E>,
        inputs: &[&[E]],
        mode: Mode,
        stream: &mut Stream,
    ) -> Result<Outputs<'_, E>>;

    /// Runs a batch forwards in evaluation mode with one unit silenced.
    ///
    /// # Errors
    /// As [`Engine::forward`]; refuses a unit that does not exist.
    fn evaluate_ablated(
        &mut self,
        network: &Network<E>,
        inputs: &[&[E]],
        ablation: Ablation,
        stream: &mut Stream,
    ) -> Result<Outputs<'_, E>>;

    /// Runs a training batch forwards and backwards; `losses` writes the gradient of each head's output.
    ///
    /// # Errors
    /// Refuses inputs that do not fit the network, and to cut a batch over which a batch norm takes its statistics.
    fn train(
        &mut self,
        network: &Network<E>,
        inputs: &[&[E]],
        heads: &[NodeId],
        stream: &mut Stream,
        losses: &mut Losses<'_, E>,
    ) -> Result<()>;

    /// Stores the running statistics that the last training pass arrived at in the network.
    fn update_running(&mut self, network: &mut Network<E>);

    /// The outputs of the last pass.
    fn outputs(&self) -> Outputs<'_, E>;

    /// The values of an output or an observed node in the last pass.
    fn activation(&self, node: NodeId) -> Option<&[E]>;

    /// The gradient of an observed node in the last pass.
    fn activation_gradient(&self, node: NodeId) -> Option<&[E]>;

    /// The gradient of a parameter from the last backward pass; empty for one that no gradient trains.
    fn gradient(&self, parameter: ParameterId) -> &[E];

    /// The same, to be changed.
    fn gradient_mut(&mut self, parameter: ParameterId) -> &mut [E];

    /// The gradients of all trained parameters in their order.
    fn gradients_mut(&mut self) -> Vec<&mut [E]>;

    /// The bytes of arrays that were copied to and from a device so far.
    fn traffic(&self) -> Traffic;

    /// The bytes that the engine keeps alive.
    fn bytes(&self) -> Bytes;
}
