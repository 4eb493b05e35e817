//! The kinds of layer that a network's graph is made of.

use serde::{Deserialize, Serialize};

/// A pointwise function of the pre-activation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Activation {
    /// x
    Identity,
    /// max(x, 0), with derivative 0 at 0
    Relu,
    /// max(x, slope·x)
    LeakyRelu {
        /// The slope for negative x, in (0, 1).
        slope: f64,
    },
    /// 1 / (1 + e^−x)
    Sigmoid,
    /// tanh x
    Tanh,
    /// x·Φ(x), with the exact normal distribution function
    Gelu,
}

impl Activation {
    /// Says whether f(a·x) = a·f(x) for every a > 0, the condition under which incoming scales pass.
    #[must_use]
    pub fn is_positively_homogeneous(self) -> bool {
        matches!(self, Self::Identity | Self::Relu | Self::LeakyRelu { .. })
    }

    /// Says whether f(0) = 0, so that a unit with zero weights emits nothing.
    #[must_use]
    pub fn maps_zero_to_zero(self) -> bool {
        !matches!(self, Self::Sigmoid)
    }
}

/// The geometry of a convolution or pooling window: height first, then width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Kernel size.
    pub kernel: [usize; 2],
    /// Step between windows.
    pub stride: [usize; 2],
    /// Zeros (for pooling: ignored positions) added on each side.
    pub padding: [usize; 2],
}

impl Window {
    /// A square window with stride 1 and no padding.
    #[must_use]
    pub fn square(kernel: usize) -> Self {
        Self {
            kernel: [kernel; 2],
            stride: [1; 2],
            padding: [0; 2],
        }
    }

    /// A square window with stride 1 whose padding keeps the map's size (odd kernels).
    #[must_use]
    pub fn same(kernel: usize) -> Self {
        Self::square(kernel).padded(kernel / 2)
    }

    /// A square window as wide as its stride, as pooling uses it.
    #[must_use]
    pub fn pool(kernel: usize) -> Self {
        Self::square(kernel).strided(kernel)
    }

    /// A window along the width only, for sequences (maps of height 1).
    #[must_use]
    pub fn line(kernel: usize) -> Self {
        Self {
            kernel: [1, kernel],
            stride: [1; 2],
            padding: [0; 2],
        }
    }

    /// Sets the stride of both axes.
    #[must_use]
    pub fn strided(mut self, stride: usize) -> Self {
        self.stride = [stride; 2];
        self
    }

    /// Sets the padding of both axes; of a window of height 1, of the width only.
    #[must_use]
    pub fn padded(mut self, padding: usize) -> Self {
        self.padding = [if self.kernel[0] == 1 { 0 } else { padding }, padding];
        self
    }

    /// Counts the window's positions along each axis of a `[height, width]` map, or says that none fits.
    #[must_use]
    pub fn output(&self, map: [usize; 2]) -> Option<[usize; 2]> {
        let mut out = [0; 2];
        for axis in 0..2 {
            let padded = map[axis] + 2 * self.padding[axis];
            if self.stride[axis] == 0 || self.kernel[axis] == 0 || padded < self.kernel[axis] {
                return None;
            }
            out[axis] = (padded - self.kernel[axis]) / self.stride[axis] + 1;
        }
        Some(out)
    }
}

/// What a node of the graph computes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "layer")]
#[non_exhaustive]
pub enum Layer {
    /// The network's input.
    Input,
    /// y = x·W + b with W of shape (in, out).
    Dense {
        /// Whether there is a bias.
        bias: bool,
    },
    /// A convolution with W of shape (kh·kw·in/groups, out); a Conv1d is one over maps of height 1.
    Conv {
        /// The window.
        window: Window,
        /// The number of groups; as many as channels for a depthwise convolution.
        groups: usize,
        /// Whether there is a bias.
        bias: bool,
    },
    /// Batch normalisation per channel, with running statistics for evaluation.
    BatchNorm {
        /// Added to the variance.
        epsilon: f64,
        /// The weight of the new batch in the running statistics.
        momentum: f64,
    },
    /// Normalisation over the channels of each position.
    LayerNorm {
        /// Added to the variance.
        epsilon: f64,
    },
    /// Normalisation over groups of channels and all positions of a sample.
    GroupNorm {
        /// The number of channel groups of the norm.
        groups: usize,
        /// Added to the variance.
        epsilon: f64,
    },
    /// A pointwise function.
    Activation {
        /// The function.
        function: Activation,
    },
    /// max(x, 0) + slope·min(x, 0), with one learned slope per channel.
    PRelu,
    /// The largest value of each window; the first of equals takes the gradient.
    MaxPool {
        /// The window.
        window: Window,
    },
    /// The mean of each window, padding not counted.
    AvgPool {
        /// The window.
        window: Window,
    },
    /// The mean over a grid of `[height, width]` cells that cover the map.
    AdaptiveAvgPool {
        /// The grid.
        output: [usize; 2],
    },
    /// Drops values in training with the given probability and rescales the rest.
    Dropout {
        /// The probability.
        probability: f64,
    },
    /// Lays a map out as one vector, position by position, channels innermost.
    Flatten,
    /// Joins its inputs along channels.
    Concat,
    /// Takes the channels `start..end` of its input.
    Slice {
        /// First channel; edits of the input keep it up to date.
        start: usize,
        /// One past the last channel.
        end: usize,
    },
    /// Adds its inputs.
    Sum,
    /// Multiplies each channel by one learned value.
    Gate {
        /// How the stored value becomes the factor.
        form: GateForm,
    },
}

/// How a gate's stored value θ becomes the factor that multiplies the unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GateForm {
    /// The factor is θ.
    Linear,
    /// The factor is max(θ, 0); a unit at or below 0 gets no gradient.
    Rectified,
}

impl Layer {
    /// The layer's kind in a word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Dense { .. } => "dense",
            Self::Conv { .. } => "conv",
            Self::BatchNorm { .. } => "batch_norm",
            Self::LayerNorm { .. } => "layer_norm",
            Self::GroupNorm { .. } => "group_norm",
            Self::Activation { .. } => "activation",
            Self::PRelu => "prelu",
            Self::MaxPool { .. } => "max_pool",
            Self::AvgPool { .. } => "avg_pool",
            Self::AdaptiveAvgPool { .. } => "adaptive_avg_pool",
            Self::Dropout { .. } => "dropout",
            Self::Flatten => "flatten",
            Self::Concat => "concat",
            Self::Slice { .. } => "slice",
            Self::Sum => "sum",
            Self::Gate { .. } => "gate",
        }
    }
}
