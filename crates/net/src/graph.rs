//! Nodes of the graph, and the rules of shape that hold between them.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::layer::Layer;
use crate::parameter::{ParameterId, Role, Space};

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
    pub fn space(&self) -> &[crate::GroupId] {
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
}

/// Map and width that a layer gives, from those of its inputs; `units` is the width asked for.
pub(crate) fn output_shape(
    name: &str,
    layer: &Layer,
    inputs: &[([usize; 2], usize)],
    units: usize,
) -> Result<([usize; 2], usize)> {
    let ([height, width], channels) = *inputs
        .first()
        .ok_or_else(|| Error::layer(name, "at least one input", "none"))?;
    let map = [height, width];
    let windowed = |window: &crate::Window| {
        window.output(map).ok_or_else(|| {
            Error::layer(
                name,
                format!("a map that holds a {:?} window", window.kernel),
                format!("a {height}×{width} map"),
            )
        })
    };
    match layer {
        Layer::Dense { .. } if map != [1, 1] => Err(Error::layer(
            name,
            "a vector (flatten the map first)",
            format!("a {height}×{width} map of {channels} channels"),
        )),
        Layer::Dense { .. } => Ok(([1, 1], units)),
        Layer::Conv { window, groups, .. } => {
            if *groups == 0 || !channels.is_multiple_of(*groups) || !units.is_multiple_of(*groups) {
                return Err(Error::layer(
                    name,
                    format!("channels in and out divisible by {groups} groups"),
                    format!("{channels} in, {units} out"),
                ));
            }
            Ok((windowed(window)?, units))
        }
        Layer::MaxPool { window } | Layer::AvgPool { window } => {
            if window.padding[0] * 2 > window.kernel[0] || window.padding[1] * 2 > window.kernel[1] {
                return Err(Error::layer(
                    name,
                    "padding of at most half the window",
                    format!("{:?} for {:?}", window.padding, window.kernel),
                ));
            }
            Ok((windowed(window)?, channels))
        }
        Layer::AdaptiveAvgPool { output } => {
            if output[0] == 0 || output[1] == 0 || output[0] > height || output[1] > width {
                return Err(Error::layer(
                    name,
                    format!("a grid within 1×1 and {height}×{width}"),
                    format!("{output:?}"),
                ));
            }
            Ok((*output, channels))
        }
        Layer::Flatten => Ok(([1, 1], height * width * channels)),
        Layer::Concat => {
            same_maps(name, inputs)?;
            Ok((map, inputs.iter().map(|(_, c)| c).sum()))
        }
        Layer::Slice { start, end } if start >= end || *end > channels => Err(Error::layer(
            name,
            format!("a non-empty range within 0..{channels}"),
            format!("{start}..{end}"),
        )),
        Layer::Slice { start, end } => Ok((map, end - start)),
        Layer::Sum => {
            same_maps(name, inputs)?;
            match inputs.iter().find(|(_, c)| *c != channels) {
                Some((_, other)) => Err(Error::layer(
                    name,
                    format!("inputs of {channels} channels"),
                    format!("{other} channels"),
                )),
                None => Ok((map, channels)),
            }
        }
        Layer::GroupNorm { groups, .. } if *groups == 0 || !channels.is_multiple_of(*groups) => Err(Error::layer(
            name,
            format!("channels divisible by {groups} groups"),
            format!("{channels}"),
        )),
        _ => Ok((map, channels)),
    }
}

fn same_maps(name: &str, inputs: &[([usize; 2], usize)]) -> Result<()> {
    let map = inputs[0].0;
    match inputs.iter().find(|(other, _)| *other != map) {
        Some((other, _)) => Err(Error::layer(
            name,
            format!("inputs with {map:?} maps"),
            format!("{other:?}"),
        )),
        None => Ok(()),
    }
}
