//! A dense layer of gated units, y = f(x·W_gate + b_gate) ⊗ (x·W_value + b_value).
//!
//! Both halves of a unit stand in one weight (in, 2·units), all gates before all values, so that the second axis lists the
//! units' groups twice: an edit of a unit takes its two columns along. PyTorch has no such module; the weight is exported
//! as that of a linear layer with 2·units outputs, whose first half passes through f and multiplies the second.
//!
//! # Paper
//! Shazeer 2020, eqs. 5 and 6: GEGLU with f = GELU, SwiGLU with f = SiLU.

use std::ops::Range;

use super::dense::vector;
use super::extent::product;
use super::rules::{ChannelFlow, Neighbours, Rules, Shape};
use crate::error::Result;
use crate::kernels::activation::Activation;
use crate::layer::parameter::{Axis, Role};

pub(super) struct GatedDense {
    pub function: Activation,
    pub bias: bool,
}

impl Rules for GatedDense {
    fn name(&self) -> &'static str {
        "gated_dense"
    }

    fn misfit(&self) -> Option<&'static str> {
        super::pointwise::slope_misfit(self.function)
    }

    fn shape(&self, name: &str, inputs: &[Shape], units: usize) -> Result<Shape> {
        vector(name, inputs[0], units)
    }

    fn channels(&self) -> ChannelFlow {
        ChannelFlow::New
    }

    fn parameters(&self, around: &Neighbours) -> Vec<(Role, Vec<Axis>)> {
        let halves = Axis::Units(around.own.repeat(2));
        let mut parameters = vec![(Role::Weight, vec![Axis::Units(around.input.clone()), halves.clone()])];
        if self.bias {
            parameters.push((Role::Bias, vec![halves]));
        }
        parameters
    }

    fn has_weights(&self) -> bool {
        true
    }

    fn columns_per_unit(&self) -> usize {
        2
    }

    fn factor_places(&self, width: usize) -> Option<Range<usize>> {
        // The values are linear up to the output, the gates are not.
        Some(width..2 * width)
    }

    fn macs(&self, fan_in: usize, width: usize, _positions: usize) -> Option<u64> {
        product(&[2, fan_in, width])
    }

    fn scale_obstacle(&self) -> Option<String> {
        Some("multiplies two halves that both take a fan-in scale".to_owned())
    }
}
