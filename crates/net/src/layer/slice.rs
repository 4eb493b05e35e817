//! A range of the input's channels.

use super::rules::{ChannelFlow, Passage, Rules, Shape, Sign};
use crate::error::{Error, Result};

pub(super) struct Slice {
    pub start: usize,
    pub end: usize,
}

impl Rules for Slice {
    fn name(&self) -> &'static str {
        "slice"
    }

    fn shape(&self, name: &str, inputs: &[Shape], _units: usize) -> Result<Shape> {
        let (Self { start, end }, channels) = (self, inputs[0].channels);
        if start >= end || *end > channels {
            return Err(Error::layer(
                name,
                format!("a non-empty range within 0..{channels}"),
                format!("{start}..{end}"),
            ));
        }
        Ok(Shape {
            channels: end - start,
            ..inputs[0]
        })
    }

    fn channels(&self) -> ChannelFlow {
        ChannelFlow::Part {
            start: self.start,
            end: self.end,
        }
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
