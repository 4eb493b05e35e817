//! What a compiled step computes, with the shapes and parameters that it needs.

use crate::kernels::dropout::DropRate;
use crate::kernels::norm::GroupShape;
use crate::layer::parameter::ParameterId;
use crate::layer::{Activation, GateForm, Window};

/// The index of a buffer's logical content: the output of one or more nodes.
pub(super) type ValueId = usize;

/// The parameters of a dense layer or convolution.
#[derive(Clone, Debug)]
pub(super) struct Weights {
    pub weight: ParameterId,
    pub bias: Option<ParameterId>,
    pub mask: Option<ParameterId>,
    /// A gate on the layer's input that multiplies the weight's rows instead of the activation.
    pub gate: Option<(ParameterId, GateForm)>,
    /// Rows and columns of the weight.
    pub shape: [usize; 2],
}

impl Weights {
    /// Says whether the product runs on a multiplied copy of the weight.
    pub fn is_effective(&self) -> bool {
        self.mask.is_some() || self.gate.is_some()
    }
}

/// Maps of an operation that slides a window, height before width.
#[derive(Clone, Copy, Debug)]
pub(super) struct Windowed {
    pub window: Window,
    pub input: [usize; 2],
    pub channels: usize,
}

/// The parameters of a norm.
#[derive(Clone, Copy, Debug)]
pub(super) struct Norm {
    pub scale: ParameterId,
    pub bias: ParameterId,
    pub epsilon: f64,
    pub channels: usize,
    pub positions: usize,
}

impl Norm {
    /// The shape of a group norm's kernel call.
    pub fn shape(&self, groups: usize) -> GroupShape {
        GroupShape {
            positions: self.positions,
            channels: self.channels,
            groups,
        }
    }
}

/// What a step computes.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    Copy,
    Dense {
        weights: Weights,
        activation: Activation,
    },
    Conv {
        weights: Weights,
        windowed: Windowed,
        groups: usize,
        activation: Activation,
        /// The maxima taken of the output right away: in evaluation, where nothing else reads it.
        pool: Option<Windowed>,
    },
    BatchNorm {
        norm: Norm,
        momentum: f64,
        running: [ParameterId; 2],
    },
    GroupNorm {
        norm: Norm,
        groups: usize,
    },
    LayerNorm {
        norm: Norm,
    },
    RmsNorm {
        scale: ParameterId,
        epsilon: f64,
        channels: usize,
    },
    GatedDense {
        weights: Weights,
        function: Activation,
    },
    Activation {
        function: Activation,
    },
    PRelu {
        slope: ParameterId,
    },
    MaxPool {
        windowed: Windowed,
    },
    AvgPool {
        windowed: Windowed,
    },
    AdaptiveAvgPool {
        input: [usize; 2],
        output: [usize; 2],
        channels: usize,
    },
    Dropout {
        rate: DropRate,
    },
    Concat {
        widths: Vec<usize>,
    },
    Slice {
        start: usize,
        width: usize,
        from: usize,
    },
    Sum,
    Gate {
        gate: ParameterId,
        form: GateForm,
        channels: usize,
    },
}

/// What a step's backward pass reads besides the gradient of its output.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reads {
    pub input: bool,
    pub output: bool,
}

impl Operation {
    /// The parameters of its matrix product, if it is one.
    pub fn weights(&self) -> Option<&Weights> {
        match self {
            Self::Dense { weights, .. } | Self::GatedDense { weights, .. } | Self::Conv { weights, .. } => {
                Some(weights)
            }
            _ => None,
        }
    }

    /// What the backward pass reads.
    pub fn backward_reads(&self) -> Reads {
        let identity = |a: &Activation| *a == Activation::Identity;
        match self {
            Self::Dense { activation, .. } | Self::Conv { activation, .. } => Reads {
                input: true,
                output: !identity(activation),
            },
            Self::Activation { function } => {
                let input = function.needs_preactivation();
                Reads { input, output: !input }
            }
            Self::GatedDense { .. }
            | Self::BatchNorm { .. }
            | Self::GroupNorm { .. }
            | Self::LayerNorm { .. }
            | Self::RmsNorm { .. }
            | Self::PRelu { .. }
            | Self::Gate { .. } => Reads {
                input: true,
                output: false,
            },
            _ => Reads::default(),
        }
    }

    /// Says whether the output may be written over an input of equal size that nothing reads any more.
    pub fn runs_in_place(&self) -> bool {
        matches!(
            self,
            Self::Activation { .. } | Self::PRelu { .. } | Self::Dropout { .. } | Self::Sum | Self::Gate { .. }
        )
    }

    /// Says whether the gradient of the input may be written over that of the output.
    pub fn runs_back_in_place(&self) -> bool {
        self.runs_in_place() || matches!(self, Self::Copy)
    }

    /// Says whether the gradient of the input can be added to what is there without a detour.
    pub fn accumulates(&self) -> bool {
        matches!(
            self,
            Self::Dense { .. }
                | Self::GatedDense { .. }
                | Self::Copy
                | Self::Sum
                | Self::Concat { .. }
                | Self::Slice { .. }
        )
    }

    /// The parameters that its backward pass trains.
    pub fn trained(&self) -> Vec<ParameterId> {
        match self {
            Self::Dense { weights, .. } | Self::GatedDense { weights, .. } | Self::Conv { weights, .. } => {
                let gate = weights.gate.map(|(id, _)| id);
                [Some(weights.weight), weights.bias, gate]
                    .into_iter()
                    .flatten()
                    .collect()
            }
            Self::BatchNorm { norm, .. } | Self::GroupNorm { norm, .. } | Self::LayerNorm { norm } => {
                vec![norm.scale, norm.bias]
            }
            Self::RmsNorm { scale, .. } => vec![*scale],
            Self::PRelu { slope, .. } => vec![*slope],
            Self::Gate { gate, .. } => vec![*gate],
            _ => Vec::new(),
        }
    }
}
