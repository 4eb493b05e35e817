//! What callers want of a pass besides its outputs.

use std::collections::BTreeSet;

use crate::graph::NodeId;

/// Whose values and gradients a caller wants to read, and which outputs have a loss.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Requests {
    pub values: BTreeSet<NodeId>,
    pub gradients: BTreeSet<NodeId>,
    pub losses: Vec<NodeId>,
}
