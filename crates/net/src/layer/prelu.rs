//! A leaky ReLU with one learned slope for each channel.
//!
//! # Paper
//! He et al. 2015, eq. 1.

use super::rules::{Neighbours, Passage, Rules};
use crate::layer::parameter::{Axis, Role};

pub(super) struct PRelu;

impl Rules for PRelu {
    fn name(&self) -> &'static str {
        "prelu"
    }

    fn parameters(&self, around: &Neighbours) -> Vec<(Role, Vec<Axis>)> {
        around.by_channel(&[Role::Slope])
    }

    fn passage(&self) -> Passage {
        Passage::NonNegative
    }

    fn constant(&self, input: Option<f64>, value: &dyn Fn(Role) -> f64) -> Option<f64> {
        let x = input?;
        Some(if x > 0.0 { x } else { value(Role::Slope) * x })
    }
}
