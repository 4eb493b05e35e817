//! What the rest of the crate asks a kind of layer.

use std::ops::{Range, RangeInclusive};

use super::gate::GateForm;
use crate::error::{Error, Result};
use crate::kernels::activation::Activation;
use crate::layer::parameter::{Axis, Role, Space};

/// Height and width of a map, and its channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub map: [usize; 2],
    pub channels: usize,
}

/// How a layer's output channels come from those of its inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelFlow {
    /// The layer makes channels of its own.
    New,
    /// Channel c is the input's channel c.
    Kept,
    /// The input's channels, once for each position of its map.
    Repeated,
    /// All channels of the first input, then those of the second, and so on.
    Joined,
    /// The input's channels `start..end`.
    Part {
        /// First channel.
        start: usize,
        /// One past the last channel.
        end: usize,
    },
    /// Channel c of every input, in one.
    United,
}

/// What a norm takes its statistics over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Statistics {
    /// Each channel on its own.
    EachChannel,
    /// Several channels of a sample at once, so that an edit of one moves the others.
    OverChannels {
        /// The number of sets that the channels are divided into, in order.
        sets: usize,
    },
}

/// Which factors of a channel pass a layer unchanged, f(θ·x) = θ·f(x).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    Any,
    NonNegative,
    Never,
}

impl Passage {
    /// Says whether all of these factors pass.
    pub fn lets(self, factors: &[f64]) -> bool {
        match self {
            Self::Any => true,
            Self::NonNegative => factors.iter().all(|f| *f >= 0.0),
            Self::Never => false,
        }
    }
}

/// What is known of the sign of a layer's outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    NonNegative,
    /// Non-negative where all inputs are.
    AsInputs,
    Unknown,
}

/// The channels around a node, from which its parameters' axes follow.
#[derive(Clone, Debug)]
pub(crate) struct Neighbours {
    /// The (first) input's channels.
    pub input: Space,
    /// Their number.
    pub input_width: usize,
    /// The node's own channels.
    pub own: Space,
}

impl Neighbours {
    /// Parameters with one value for each of the node's channels.
    pub fn by_channel(&self, roles: &[Role]) -> Vec<(Role, Vec<Axis>)> {
        let own = || vec![Axis::Units(self.own.clone())];
        roles.iter().map(|role| (*role, own())).collect()
    }
}

/// The answers of one kind of layer. What is not answered holds for a layer without parameters that keeps shape and channels.
pub(crate) trait Rules {
    /// The kind in a word, as in errors and drawings.
    fn name(&self) -> &'static str;

    /// How many inputs it reads.
    fn inputs(&self) -> RangeInclusive<usize> {
        1..=1
    }

    /// What was expected of the settings, where they are out of range.
    fn misfit(&self) -> Option<&'static str> {
        None
    }

    /// The sizes among the settings, which may not be huge.
    fn sizes(&self) -> Vec<usize> {
        Vec::new()
    }

    /// Map and channels of the output, from those of the inputs (at least one); `units` is the width asked for.
    fn shape(&self, _name: &str, inputs: &[Shape], _units: usize) -> Result<Shape> {
        Ok(inputs[0])
    }

    /// How the output's channels come from the inputs'.
    fn channels(&self) -> ChannelFlow {
        ChannelFlow::Kept
    }

    /// Says whether each output channel reads the input's channel of the same number alone, by a weight of its own.
    fn is_depthwise(&self, _channels: usize, _width: usize) -> bool {
        false
    }

    /// Why neither its channels nor its inputs' may be edited, if so.
    fn frozen(&self, _name: &str) -> Option<String> {
        None
    }

    /// Roles and axes of its parameters, in order; a mask is the builder's to add.
    fn parameters(&self, _around: &Neighbours) -> Vec<(Role, Vec<Axis>)> {
        Vec::new()
    }

    /// Says whether it has a weight, by which it makes its units.
    fn has_weights(&self) -> bool {
        false
    }

    /// Columns of the weight that make one unit.
    fn columns_per_unit(&self) -> usize {
        1
    }

    /// Kernel positions for each input unit.
    fn kernel_positions(&self) -> usize {
        1
    }

    /// Says whether zeros outside the map enter its sums.
    fn pads(&self) -> bool {
        false
    }

    /// Multiply–accumulates for one sample, with `fan_in` channels in, `width` out and `positions` in the output's map, if
    /// they can be counted; at one position as many as weights.
    fn macs(&self, _fan_in: usize, _width: usize, _positions: usize) -> Option<u64> {
        Some(0)
    }

    /// Why a positive scale of a unit's fan-in does not reach the layer's outputs as the same scale, if so.
    fn scale_obstacle(&self) -> Option<String> {
        None
    }

    /// Which factors of a channel pass unchanged.
    fn passage(&self) -> Passage {
        Passage::Never
    }

    /// The places on the last axis of its weight, scale and bias into which factors of its channels can be multiplied.
    fn factor_places(&self, _width: usize) -> Option<Range<usize>> {
        None
    }

    /// How a gate's stored values become factors.
    fn gate_form(&self) -> Option<GateForm> {
        None
    }

    /// The pointwise function, if that is what it is.
    fn activation(&self) -> Option<Activation> {
        None
    }

    /// Says whether training draws random numbers for it.
    fn is_random(&self) -> bool {
        false
    }

    /// What a norm takes its statistics over.
    fn statistics(&self) -> Option<Statistics> {
        None
    }

    /// What a channel always is, given what its input's channel always is, if that is known.
    ///
    /// Asked of layers that keep channels; `value` reads the channel's parameters.
    fn constant(&self, _input: Option<f64>, _value: &dyn Fn(Role) -> f64) -> Option<f64> {
        None
    }

    /// What is known of the sign of its outputs.
    fn sign(&self) -> Sign {
        Sign::Unknown
    }

    /// Says whether each value goes on as it is in evaluation.
    fn only_relabels(&self) -> bool {
        false
    }

    /// Says whether a silent channel stays silent and can go without a trace; statistics over channels count it.
    fn maps_zero_to_zero(&self) -> bool {
        true
    }

    /// Height and width of the kernel that PyTorch keeps as axes of the weight, if it does.
    fn torch_kernel(&self) -> Option<[usize; 2]> {
        None
    }

    /// The name of a counter that PyTorch keeps and this project does not need.
    fn torch_counter(&self) -> Option<&'static str> {
        None
    }
}

/// Refuses inputs whose maps differ.
pub(super) fn same_maps(name: &str, inputs: &[Shape]) -> Result<()> {
    let map = inputs[0].map;
    match inputs.iter().find(|other| other.map != map) {
        Some(other) => Err(Error::layer(
            name,
            format!("inputs with {map:?} maps"),
            format!("{:?}", other.map),
        )),
        None => Ok(()),
    }
}

/// The reason that all norms give for [`Rules::scale_obstacle`].
pub(super) fn normalises() -> Option<String> {
    Some("normalises scales away".to_owned())
}
