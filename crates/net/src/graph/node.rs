//! Nodes of the graph, and the rules of shape that hold between them.

use serde::{Deserialize, Serialize};

use crate::groups::GroupId;
use crate::layer::parameter::{ParameterId, Role, Space};
use crate::layer::{ChannelFlow, Layer, Rules};

/// The index of a node in its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    /// The index into [`crate::Network::nodes`].
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One layer in the graph.
///
/// # Shapes
/// A node's output is a row-major matrix with `samples × height × width` rows and one
/// column per channel; vectors are maps of height and width 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    pub(crate) name: String,
    pub(crate) layer: Layer,
    pub(crate) inputs: Vec<NodeId>,
    pub(crate) map: [usize; 2],
    /// Channels at construction; afterwards the widths of the groups in `space` decide.
    pub(crate) built_width: usize,
    /// Whether a convolution treats each channel on its own, so that its outputs are its inputs' units.
    pub(crate) depthwise: bool,
    pub(crate) space: Space,
    pub(crate) parameters: Vec<(Role, ParameterId)>,
}

impl Node {
    /// The layer's name, unique in the network.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the node computes.
    #[must_use]
    pub fn layer(&self) -> &Layer {
        &self.layer
    }

    /// The nodes whose outputs it reads.
    #[must_use]
    pub fn inputs(&self) -> &[NodeId] {
        &self.inputs
    }

    /// Height and width of its output map.
    #[must_use]
    pub fn map(&self) -> [usize; 2] {
        self.map
    }

    /// The number of positions of its output map.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.map.iter().product()
    }

    /// Its output channels, as whole groups in order.
    #[must_use]
    pub fn space(&self) -> &[GroupId] {
        &self.space
    }

    /// Its parameters by role.
    #[must_use]
    pub fn parameters(&self) -> &[(Role, ParameterId)] {
        &self.parameters
    }

    /// Its parameter in the given role, if it has one.
    #[must_use]
    pub fn parameter(&self, role: Role) -> Option<ParameterId> {
        self.parameters.iter().find_map(|&(r, id)| (r == role).then_some(id))
    }

    /// Says whether the node is a convolution of each channel on its own.
    #[must_use]
    pub fn is_depthwise(&self) -> bool {
        self.depthwise
    }

    /// The answers of its kind of layer.
    pub(crate) fn rules(&self) -> Box<dyn Rules> {
        self.layer.rules(self.depthwise)
    }

    /// How its channels come from those of its inputs.
    #[must_use]
    pub fn channels(&self) -> ChannelFlow {
        self.rules().channels()
    }

    /// Says whether the node makes its units by weights: a dense layer or a convolution that is not depthwise.
    #[must_use]
    pub fn makes_units(&self) -> bool {
        self.layer.has_weights() && !self.depthwise
    }
}
