//! Networks as graphs of layers: nodes, their channel groups and parameters, and what follows from the graph alone.

pub(crate) mod builder;
mod cost;
mod draw;
mod grouping;
pub(crate) mod initializer;
pub mod models;
mod network;
mod node;
pub(crate) mod owners;
mod path;

pub use self::network::Network;
pub use self::node::{Node, NodeId};
