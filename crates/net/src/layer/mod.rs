//! The kinds of layer that a network's graph is made of.
//!
//! Each kind has a file that answers, as [`Rules`], what the rest of the crate asks about it: shapes, channels,
//! parameters, what passes through it, its cost and its place in PyTorch. Nothing else of the crate tells kinds apart but
//! the executors, which compute them. A new kind is one file, a variant and a line in [`Layer::rules`], and its executors.

mod batch_norm;
mod concat;
mod conv;
mod dense;
mod dropout;
pub(crate) mod extent;
mod flatten;
mod gate;
mod gated_dense;
mod group_norm;
mod input;
mod layer_norm;
pub(crate) mod parameter;
mod pointwise;
mod pool;
mod prelu;
mod recurrent;
mod rms_norm;
mod rules;
mod slice;
mod sum;
mod window;

use serde::{Deserialize, Serialize};

pub use self::gate::GateForm;
pub use self::recurrent::Recurrent;
pub use self::rules::{ChannelFlow, Statistics};
pub(crate) use self::rules::{Neighbours, Rules, Shape, Sign};
pub use self::window::Window;
pub use crate::kernels::activation::Activation;

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
    /// Division of each position by the root mean square of its channels, with a scale for each channel.
    RmsNorm {
        /// Added to the mean square.
        epsilon: f64,
    },
    /// y = f(x·W_gate + b_gate) ⊗ (x·W_value + b_value), with both halves in one weight of shape (in, 2·units), gates first.
    GatedDense {
        /// f: SiLU for SwiGLU, GELU for GEGLU, sigmoid for the GLU.
        function: Activation,
        /// Whether there are biases.
        bias: bool,
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

impl Layer {
    /// The kind's answers; `depthwise` says whether a convolution treats each channel on its own, which only its inputs tell.
    pub(crate) fn rules(&self, depthwise: bool) -> Box<dyn Rules> {
        match *self {
            Self::Input => Box::new(input::Input),
            Self::Dense { bias } => Box::new(dense::Dense { bias }),
            Self::Conv { window, groups, bias } => Box::new(conv::Conv {
                window,
                groups,
                bias,
                depthwise,
            }),
            Self::BatchNorm { epsilon, momentum } => Box::new(batch_norm::BatchNorm { epsilon, momentum }),
            Self::LayerNorm { epsilon } => Box::new(layer_norm::LayerNorm { epsilon }),
            Self::GroupNorm { groups, epsilon } => Box::new(group_norm::GroupNorm { groups, epsilon }),
            Self::RmsNorm { epsilon } => Box::new(rms_norm::RmsNorm { epsilon }),
            Self::GatedDense { function, bias } => Box::new(gated_dense::GatedDense { function, bias }),
            Self::Activation { function } => Box::new(pointwise::Pointwise { function }),
            Self::PRelu => Box::new(prelu::PRelu),
            Self::MaxPool { window } => Box::new(pool::MaxPool { window }),
            Self::AvgPool { window } => Box::new(pool::AvgPool { window }),
            Self::AdaptiveAvgPool { output } => Box::new(pool::AdaptiveAvgPool { output }),
            Self::Dropout { probability } => Box::new(dropout::Dropout { probability }),
            Self::Flatten => Box::new(flatten::Flatten),
            Self::Concat => Box::new(concat::Concat),
            Self::Slice { start, end } => Box::new(slice::Slice { start, end }),
            Self::Sum => Box::new(sum::Sum),
            Self::Gate { form } => Box::new(gate::Gate { form }),
        }
    }

    /// Makes a group norm take its statistics over so many sets of channels.
    pub(crate) fn divide_into(&mut self, sets: usize) {
        if let Self::GroupNorm { groups, .. } = self {
            *groups = sets;
        }
    }

    /// Makes a slice take these channels of its input.
    pub(crate) fn take_part(&mut self, first: usize, beyond: usize) {
        if let Self::Slice { start, end } = self {
            (*start, *end) = (first, beyond);
        }
    }

    /// The layer's kind in a word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.rules(false).name()
    }

    /// Says whether the layer has a weight, by which it makes its units from all inputs that it reads.
    #[must_use]
    pub fn has_weights(&self) -> bool {
        self.rules(false).has_weights()
    }

    /// The number of the weight's columns that make one unit: 2 in a gated layer, whose halves stand one after the other.
    #[must_use]
    pub fn columns_per_unit(&self) -> usize {
        self.rules(false).columns_per_unit()
    }

    /// The number of kernel positions kh·kw that each weight of an input unit is repeated for; 1 but for convolutions.
    #[must_use]
    pub fn kernel_positions(&self) -> usize {
        self.rules(false).kernel_positions()
    }

    /// How the output's channels come from the inputs'; a depthwise convolution counts as making its own.
    #[must_use]
    pub fn channels(&self) -> ChannelFlow {
        self.rules(false).channels()
    }

    /// What a norm takes its statistics over; none for other layers.
    #[must_use]
    pub fn statistics(&self) -> Option<Statistics> {
        self.rules(false).statistics()
    }

    /// How a gate's stored values become factors; none for other layers.
    #[must_use]
    pub fn gate_form(&self) -> Option<GateForm> {
        self.rules(false).gate_form()
    }

    /// The pointwise function, if that is what the layer is.
    #[must_use]
    pub fn activation(&self) -> Option<Activation> {
        self.rules(false).activation()
    }

    /// Says whether the layer is a norm whose statistics run over several channels, so that an edit of one moves others.
    #[must_use]
    pub fn mixes_channels(&self) -> bool {
        matches!(self.statistics(), Some(Statistics::OverChannels { .. }))
    }

    /// Says whether training draws random numbers for the layer.
    #[must_use]
    pub fn is_random(&self) -> bool {
        self.rules(false).is_random()
    }

    /// Says whether each value goes on as it is in evaluation, in its place or another.
    #[must_use]
    pub fn only_relabels(&self) -> bool {
        self.rules(false).only_relabels()
    }

    /// Says whether a channel that is 0 everywhere stays 0, given that the layer's shifts for it are 0, and moves no other
    /// channel, as it does where a norm takes its statistics over channels.
    #[must_use]
    pub fn maps_zero_to_zero(&self) -> bool {
        self.rules(false).maps_zero_to_zero()
    }
}
