//! The sum of the inputs.

use std::ops::RangeInclusive;

use super::rules::{ChannelFlow, Rules, Shape, Sign, same_maps};
use crate::error::{Error, Result};

pub(super) struct Sum;

impl Rules for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn inputs(&self) -> RangeInclusive<usize> {
        1..=usize::MAX
    }

    fn shape(&self, name: &str, inputs: &[Shape], _units: usize) -> Result<Shape> {
        same_maps(name, inputs)?;
        let channels = inputs[0].channels;
        match inputs.iter().find(|other| other.channels != channels) {
            Some(other) => Err(Error::layer(
                name,
                format!("inputs of {channels} channels"),
                format!("{} channels", other.channels),
            )),
            None => Ok(inputs[0]),
        }
    }

    fn channels(&self) -> ChannelFlow {
        ChannelFlow::United
    }

    fn sign(&self) -> Sign {
        Sign::AsInputs
    }
}
