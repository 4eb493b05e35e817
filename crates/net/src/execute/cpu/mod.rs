//! Runs networks on the CPU's kernels, in steps that a graph is compiled to once.

mod backward;
mod buffers;
mod fold;
mod forward;
mod liveness;
mod memory;
mod operation;
mod part;
mod plan;
mod pointwise;
mod weights;
mod workspace;
mod workspaces;

pub(crate) use self::workspace::count_samples;
pub use self::workspace::{Outputs, Workspace};
pub(crate) use self::workspaces::Workspaces;
