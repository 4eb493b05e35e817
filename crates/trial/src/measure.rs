//! What experiments measure of trained networks.

use anyhow::Context as _;
use espalier_data::{Examples, Split};
use espalier_net::{LossKind, Network, NodeId};
use espalier_train::{Evaluation, Trainer};

/// The share of examples of a set of classes that a network classifies as they are labelled.
///
/// # Errors
/// For targets that are no classes, and where the network fails.
pub fn accuracy(network: &Network<f32>, examples: &Examples) -> anyhow::Result<f64> {
    let scored = Evaluation::of(network, examples, LossKind::CrossEntropy)?;
    scored.accuracy.context("a set of classes is needed")
}

/// Shows what nodes emit over a split, as [`Trainer::observe`] does, to what may fail.
///
/// # Errors
/// The first failure, and where the network fails.
pub fn observe<E: Into<anyhow::Error>>(
    trainer: &mut Trainer,
    split: Split,
    nodes: &[NodeId],
    mut see: impl FnMut(usize, &[f32]) -> Result<(), E>,
) -> anyhow::Result<()> {
    let mut fault = None;
    trainer.observe(split, nodes, &mut |k, values| {
        if fault.is_none() {
            fault = see(k, values).err();
        }
    })?;
    fault.map_or(Ok(()), |fault| Err(fault.into()))
}
