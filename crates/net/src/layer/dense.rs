//! A dense layer, y = x·W + b.

use std::ops::Range;

use super::extent::product;
use super::rules::{ChannelFlow, Neighbours, Rules, Shape};
use crate::error::{Error, Result};
use crate::layer::parameter::{Axis, Role};

pub(super) struct Dense {
    pub bias: bool,
}

impl Rules for Dense {
    fn name(&self) -> &'static str {
        "dense"
    }

    fn shape(&self, name: &str, inputs: &[Shape], units: usize) -> Result<Shape> {
        vector(name, inputs[0], units)
    }

    fn channels(&self) -> ChannelFlow {
        ChannelFlow::New
    }

    fn parameters(&self, around: &Neighbours) -> Vec<(Role, Vec<Axis>)> {
        let own = Axis::Units(around.own.clone());
        let mut parameters = vec![(Role::Weight, vec![Axis::Units(around.input.clone()), own.clone()])];
        if self.bias {
            parameters.push((Role::Bias, vec![own]));
        }
        parameters
    }

    fn has_weights(&self) -> bool {
        true
    }

    fn factor_places(&self, width: usize) -> Option<Range<usize>> {
        Some(0..width)
    }

    fn macs(&self, fan_in: usize, width: usize, _positions: usize) -> Option<u64> {
        product(&[fan_in, width])
    }
}

/// The shape of `units` units that read a vector.
pub(super) fn vector(name: &str, input: Shape, units: usize) -> Result<Shape> {
    let Shape { map, channels } = input;
    if map != [1, 1] {
        let [height, width] = map;
        return Err(Error::layer(
            name,
            "a vector (flatten the map first)",
            format!("a {height}×{width} map of {channels} channels"),
        ));
    }
    Ok(Shape { map, channels: units })
}
