//! Batch normalisation of each channel.
//!
//! # Paper
//! Ioffe and Szegedy 2015, algorithm 1; in evaluation with running statistics.

use std::ops::Range;

use super::rules::{Neighbours, Rules, Statistics, normalises};
use crate::layer::parameter::{Axis, Role};

pub(super) struct BatchNorm {
    pub epsilon: f64,
    pub momentum: f64,
}

impl Rules for BatchNorm {
    fn name(&self) -> &'static str {
        "batch_norm"
    }

    fn misfit(&self) -> Option<&'static str> {
        let fits = self.epsilon > 0.0 && (0.0..=1.0).contains(&self.momentum);
        (!fits).then_some("ε > 0 and momentum in [0, 1]")
    }

    fn parameters(&self, around: &Neighbours) -> Vec<(Role, Vec<Axis>)> {
        around.by_channel(&[Role::Scale, Role::Bias, Role::RunningMean, Role::RunningVariance])
    }

    fn scale_obstacle(&self) -> Option<String> {
        normalises()
    }

    fn factor_places(&self, width: usize) -> Option<Range<usize>> {
        Some(0..width)
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(Statistics::EachChannel)
    }

    fn constant(&self, input: Option<f64>, value: &dyn Fn(Role) -> f64) -> Option<f64> {
        let deviation = (value(Role::RunningVariance) + self.epsilon).sqrt();
        Some(value(Role::Scale) * (input? - value(Role::RunningMean)) / deviation + value(Role::Bias))
    }

    fn torch_counter(&self) -> Option<&'static str> {
        Some("num_batches_tracked")
    }
}
