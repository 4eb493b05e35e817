//! Parameters, and what each of their axes means.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::groups::GroupId;
use crate::kernels::Element;

/// What a parameter is to its layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// The weight matrix of a dense layer or convolution, (fan-in, out).
    Weight,
    /// The bias of a dense layer or convolution, or the shift β of a norm.
    Bias,
    /// The scale γ of a norm.
    Scale,
    /// The running mean of a batch norm; not trained by gradients.
    RunningMean,
    /// The running (unbiased) variance of a batch norm; not trained by gradients.
    RunningVariance,
    /// The factors of a gate.
    Gate,
    /// The slopes of a PReLU.
    Slope,
    /// Zeros and ones that multiply a weight; not trained by gradients.
    Mask,
}

impl Role {
    /// The role's name inside a parameter's full name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Weight => "weight",
            Self::Bias => "bias",
            Self::Scale => "scale",
            Self::RunningMean => "running_mean",
            Self::RunningVariance => "running_variance",
            Self::Gate => "gate",
            Self::Slope => "slope",
            Self::Mask => "mask",
        }
    }

    /// What the parameter holds where nothing is known of it: neutral for norms, gates and masks, PyTorch's slope, else 0.
    #[must_use]
    pub fn neutral_value(self) -> f64 {
        match self {
            Self::Scale | Self::RunningVariance | Self::Gate | Self::Mask => 1.0,
            Self::Slope => 0.25,
            Self::Weight | Self::Bias | Self::RunningMean => 0.0,
        }
    }

    /// Says whether gradients train the parameter.
    #[must_use]
    pub fn is_trained(self) -> bool {
        !matches!(self, Self::RunningMean | Self::RunningVariance | Self::Mask)
    }
}

/// Units of channel groups in the order in which an axis or a feature vector lists them.
///
/// Each entry stands for all units of that group, one after the other. A concat lists
/// several groups; a flatten or a kernel lists the same groups once per position. This
/// list alone says which rows or columns belong to a unit.
pub type Space = Vec<GroupId>;

/// What the indices along one axis of a parameter mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    /// Nothing that an edit could change.
    Fixed(usize),
    /// The units of these groups, in this order.
    Units(Space),
}

/// What an axis is to the units that stand on it, which decides the factors of scaled copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Fan-in weights and biases of the units: values × a, gradients × g.
    Incoming,
    /// Fan-out weights, in a consumer: values × g, gradients × a.
    Outgoing,
    /// On the way (norms, gates, slopes, depthwise kernels): values as they are, gradients × a·g.
    Through,
}

/// The index of a parameter in its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ParameterId(pub(crate) u32);

impl ParameterId {
    /// The index into [`crate::Network::parameters`].
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One array of a layer: values in row-major order and the meaning of each axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter<E: Element> {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) axes: Vec<Axis>,
    pub(crate) shape: Vec<usize>,
    /// Shared with snapshots; the first write after a snapshot copies.
    pub(crate) values: Arc<Vec<E>>,
}

impl<E: Element> Parameter<E> {
    /// The full name: the layer's name, a dot, the role.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the parameter is to its layer.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// What each axis means.
    #[must_use]
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// The current extent of each axis.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The values, row-major.
    #[must_use]
    pub fn values(&self) -> &[E] {
        &self.values
    }

    /// The values, to be changed in place.
    pub fn values_mut(&mut self) -> &mut [E] {
        Arc::make_mut(&mut self.values).as_mut_slice()
    }
}
