//! A network input.

use std::ops::RangeInclusive;

use super::rules::{ChannelFlow, Rules};

pub(super) struct Input;

impl Rules for Input {
    fn name(&self) -> &'static str {
        "input"
    }

    fn inputs(&self) -> RangeInclusive<usize> {
        0..=0
    }

    fn channels(&self) -> ChannelFlow {
        ChannelFlow::New
    }

    fn frozen(&self, name: &str) -> Option<String> {
        Some(format!("it touches the network input `{name}`"))
    }
}
