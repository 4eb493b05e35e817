//! Inputs joined along channels.

use std::ops::RangeInclusive;

use super::rules::{ChannelFlow, Passage, Rules, Shape, Sign, same_maps};
use crate::error::Result;

pub(super) struct Concat;

impl Rules for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn inputs(&self) -> RangeInclusive<usize> {
        1..=usize::MAX
    }

    fn shape(&self, name: &str, inputs: &[Shape], _units: usize) -> Result<Shape> {
        same_maps(name, inputs)?;
        let joined = |all: usize, input: &Shape| all.saturating_add(input.channels);
        Ok(Shape {
            channels: inputs.iter().fold(0, joined),
            ..inputs[0]
        })
    }

    fn channels(&self) -> ChannelFlow {
        ChannelFlow::Joined
    }

    fn passage(&self) -> Passage {
        Passage::Any
    }

    fn sign(&self) -> Sign {
        Sign::AsInputs
    }

    fn only_relabels(&self) -> bool {
        true
    }
}
