//! Normalisation over the channels of each position.
//!
//! # Paper
//! Ba, Kiros and Hinton 2016, eq. 3.

use super::rules::{Neighbours, Rules, Statistics, normalises};
use crate::layer::parameter::{Axis, Role};

pub(super) struct LayerNorm {
    pub epsilon: f64,
}

impl Rules for LayerNorm {
    fn name(&self) -> &'static str {
        "layer_norm"
    }

    fn misfit(&self) -> Option<&'static str> {
        let fits = self.epsilon > 0.0;
        (!fits).then_some("ε > 0")
    }

    fn parameters(&self, around: &Neighbours) -> Vec<(Role, Vec<Axis>)> {
        around.by_channel(&[Role::Scale, Role::Bias])
    }

    fn scale_obstacle(&self) -> Option<String> {
        normalises()
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(Statistics::OverChannels { sets: 1 })
    }

    fn maps_zero_to_zero(&self) -> bool {
        false
    }
}
