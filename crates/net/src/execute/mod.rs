//! Runs networks forwards and backwards.
//!
//! A [`Workspace`] compiles a network's graph into steps over buffers that it allocates once.
//! Layers that only relabel (flatten, identity, dropout in evaluation, a gate that a later weight
//! absorbs) become views and cost nothing; a dense layer or convolution runs with its bias and the
//! pointwise function behind it in one kernel, and in evaluation a convolution hands a max pool a few
//! samples at a time; buffers whose lifetimes do not overlap share memory.

mod ablation;
mod bytes;
mod cpu;
pub(crate) mod device;
pub(crate) mod engine;
mod mode;
mod requests;
mod signature;

pub use self::ablation::Ablation;
pub use self::bytes::Bytes;
pub use self::cpu::{Outputs, Workspace};
pub(crate) use self::cpu::{Workspaces, count_samples};
pub use self::device::transfer::Traffic;
pub use self::mode::Mode;
use crate::error::{Error, Result};
use crate::graph::Network;
use crate::graph::Node;
use crate::kernels::Element;

/// Evaluates a network on the CPU, in a workspace of its own: a pure function of its arguments.
///
/// # Shapes
/// One slice of `samples` samples for each network input, (samples, height · width · channels); one vector for each
/// output, in the order of [`Network::outputs`].
///
/// # Errors
/// Refuses inputs that do not fit the network.
pub fn evaluate<E: Element>(network: &Network<E>, inputs: &[&[E]], samples: usize) -> Result<Vec<Vec<E>>> {
    let found = count_samples(network, inputs)?;
    if found != samples {
        return Err(Error::length("samples of the inputs", samples, found));
    }
    let mut workspace = Workspace::new(network, samples)?;
    workspace.evaluate(network, inputs)?;
    let outputs = workspace.outputs();
    Ok(outputs.iter().map(<[E]>::to_vec).collect())
}

/// A depthwise convolution keeps one group per channel, however many channels there are.
fn groups_now(node: &Node, groups: usize, width: usize) -> usize {
    if node.is_depthwise() { width.max(1) } else { groups }
}
