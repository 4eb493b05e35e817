//! A map laid out as one vector.

use super::rules::{ChannelFlow, Passage, Rules, Shape, Sign};
use crate::error::Result;

pub(super) struct Flatten;

impl Rules for Flatten {
    fn name(&self) -> &'static str {
        "flatten"
    }

    fn shape(&self, _name: &str, inputs: &[Shape], _units: usize) -> Result<Shape> {
        let Shape {
            map: [height, width],
            channels,
        } = inputs[0];
        Ok(Shape {
            map: [1, 1],
            channels: height.saturating_mul(width).saturating_mul(channels),
        })
    }

    fn channels(&self) -> ChannelFlow {
        ChannelFlow::Repeated
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
