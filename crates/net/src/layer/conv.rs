//! A convolution, plain, grouped or depthwise.

use std::ops::Range;

use super::extent::product;
use super::rules::{ChannelFlow, Neighbours, Rules, Shape};
use super::window::Window;
use crate::error::{Error, Result};
use crate::layer::parameter::{Axis, Role};

pub(super) struct Conv {
    pub window: Window,
    /// As built; a depthwise convolution has one group per channel, however many there are now.
    pub groups: usize,
    pub bias: bool,
    pub depthwise: bool,
}

impl Conv {
    fn groups_for(&self, width: usize) -> usize {
        if self.depthwise { width.max(1) } else { self.groups }
    }
}

impl Rules for Conv {
    fn name(&self) -> &'static str {
        "conv"
    }

    fn sizes(&self) -> Vec<usize> {
        let mut sizes = self.window.sizes();
        sizes.push(self.groups);
        sizes
    }

    fn shape(&self, name: &str, inputs: &[Shape], units: usize) -> Result<Shape> {
        let channels = inputs[0].channels;
        let groups = self.groups_for(channels);
        if groups == 0 || !channels.is_multiple_of(groups) || !units.is_multiple_of(groups) {
            return Err(Error::layer(
                name,
                format!("channels in and out divisible by {groups} groups"),
                format!("{channels} in, {units} out"),
            ));
        }
        let map = self.window.fit(name, inputs[0].map)?;
        Ok(Shape { map, channels: units })
    }

    fn channels(&self) -> ChannelFlow {
        if self.depthwise {
            ChannelFlow::Kept
        } else {
            ChannelFlow::New
        }
    }

    fn is_depthwise(&self, channels: usize, width: usize) -> bool {
        self.groups > 1 && self.groups == width && self.groups == channels
    }

    fn frozen(&self, name: &str) -> Option<String> {
        let grouped = self.groups > 1 && !self.depthwise;
        grouped.then(|| format!("layer `{name}` convolves in {} groups", self.groups))
    }

    fn parameters(&self, around: &Neighbours) -> Vec<(Role, Vec<Axis>)> {
        let positions = self.window.positions();
        let fan_in = if self.depthwise {
            Axis::Fixed(positions)
        } else if self.groups == 1 {
            Axis::Units(around.input.repeat(positions))
        } else {
            Axis::Fixed(positions * around.input_width / self.groups)
        };
        let own = Axis::Units(around.own.clone());
        let mut parameters = vec![(Role::Weight, vec![fan_in, own.clone()])];
        if self.bias {
            parameters.push((Role::Bias, vec![own]));
        }
        parameters
    }

    fn has_weights(&self) -> bool {
        true
    }

    fn kernel_positions(&self) -> usize {
        self.window.positions()
    }

    fn pads(&self) -> bool {
        self.window.padding != [0, 0]
    }

    fn factor_places(&self, width: usize) -> Option<Range<usize>> {
        Some(0..width)
    }

    fn macs(&self, fan_in: usize, width: usize, positions: usize) -> Option<u64> {
        let column = product(&[self.window.positions(), fan_in])? / self.groups_for(width) as u64;
        column.checked_mul(product(&[width, positions])?)
    }

    fn torch_kernel(&self) -> Option<[usize; 2]> {
        Some(self.window.kernel)
    }
}
