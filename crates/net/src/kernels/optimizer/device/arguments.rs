//! What the kernel of `update.cu` takes besides arrays.

use super::DeviceUpdate;
use crate::kernels::optimizer::Update;

/// The kernel's source.
pub const SOURCE: &str = include_str!("update.cu");

/// Numbers that say which rule runs, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arguments {
    pub rule: i32,
    pub flag: i32,
    pub step: f64,
    pub rate: f64,
    pub constants: [f64; 3],
    pub decay: f64,
}

impl Arguments {
    pub fn of(update: &DeviceUpdate) -> Self {
        let (rule, flag, rate, constants, decay) = match update.update {
            Update::Sgd(s) if s.momentum == 0.0 => (0, false, s.learning_rate, [0.0; 3], s.weight_decay),
            Update::Sgd(s) => (
                1,
                s.nesterov,
                s.learning_rate,
                [s.momentum, s.dampening, 0.0],
                s.weight_decay,
            ),
            Update::Adam(s) => (
                2,
                s.decoupled,
                s.learning_rate,
                [s.beta1, s.beta2, s.epsilon],
                s.weight_decay,
            ),
            Update::AdaMax(s) => (3, false, s.learning_rate, [s.beta1, s.beta2, s.epsilon], s.weight_decay),
            Update::Adagrad(s) => (
                4,
                false,
                s.learning_rate,
                [s.rate_decay, 0.0, s.epsilon],
                s.weight_decay,
            ),
            Update::RmsProp(s) => (
                5,
                s.centered,
                s.learning_rate,
                [s.alpha, s.momentum, s.epsilon],
                s.weight_decay,
            ),
        };
        Self {
            rule,
            flag: i32::from(flag),
            step: update.step as f64,
            rate,
            constants,
            decay,
        }
    }
}
