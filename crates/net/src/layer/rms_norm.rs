//! Normalisation of each position by the root mean square of its channels.
//!
//! # Paper
//! Zhang and Sennrich 2019, eq. 4.

use super::rules::{Neighbours, Rules, Statistics, normalises};
use crate::layer::parameter::{Axis, Role};

pub(super) struct RmsNorm {
    pub epsilon: f64,
}

impl Rules for RmsNorm {
    fn name(&self) -> &'static str {
        "rms_norm"
    }

    fn misfit(&self) -> Option<&'static str> {
        let fits = self.epsilon > 0.0;
        (!fits).then_some("ε > 0")
    }

    fn parameters(&self, around: &Neighbours) -> Vec<(Role, Vec<Axis>)> {
        around.by_channel(&[Role::Scale])
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
