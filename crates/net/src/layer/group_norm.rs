//! Normalisation over groups of channels and all positions of a sample.
//!
//! # Paper
//! Wu and He 2018, eq. 7.

use super::rules::{Neighbours, Rules, Shape, Statistics, normalises};
use crate::error::{Error, Result};
use crate::layer::parameter::{Axis, Role};

pub(super) struct GroupNorm {
    pub groups: usize,
    pub epsilon: f64,
}

impl Rules for GroupNorm {
    fn name(&self) -> &'static str {
        "group_norm"
    }

    fn misfit(&self) -> Option<&'static str> {
        let fits = self.epsilon > 0.0;
        (!fits).then_some("ε > 0")
    }

    fn shape(&self, name: &str, inputs: &[Shape], _units: usize) -> Result<Shape> {
        let channels = inputs[0].channels;
        if self.groups == 0 || !channels.is_multiple_of(self.groups) {
            return Err(Error::layer(
                name,
                format!("channels divisible by {} groups", self.groups),
                format!("{channels}"),
            ));
        }
        Ok(inputs[0])
    }

    fn parameters(&self, around: &Neighbours) -> Vec<(Role, Vec<Axis>)> {
        around.by_channel(&[Role::Scale, Role::Bias])
    }

    fn scale_obstacle(&self) -> Option<String> {
        normalises()
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(Statistics::OverChannels { sets: self.groups })
    }

    fn maps_zero_to_zero(&self) -> bool {
        false
    }
}
