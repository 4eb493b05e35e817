//! One update rule out of all, for callers that learn at run time which one it is.

use super::{AdaMax, Adagrad, Adam, RmsProp, Schedule, Sgd};
use crate::kernels::Element;

/// A rule with its settings and the learning rate of the step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Update {
    /// Stochastic gradient descent, with momentum where it is not 0.
    Sgd(Sgd),
    /// Adam or AdamW.
    Adam(Adam),
    /// AdaMax.
    AdaMax(AdaMax),
    /// Adagrad.
    Adagrad(Adagrad),
    /// RMSprop.
    RmsProp(RmsProp),
}

impl Update {
    /// The number of state arrays that the rule reads and writes.
    #[must_use]
    pub fn states(&self) -> usize {
        match self {
            Self::Sgd(sgd) => usize::from(sgd.momentum != 0.0),
            Self::Adam(_) | Self::AdaMax(_) => 2,
            Self::Adagrad(_) => 1,
            Self::RmsProp(_) => 3,
        }
    }

    /// Updates parameters and the states that the rule has; the others may be empty.
    ///
    /// # Panics
    /// Panics if the slices in use differ in length.
    pub fn step<E: Element>(
        &self,
        values: &mut [E],
        gradients: &[E],
        [first, second, third]: [&mut [E]; 3],
        schedule: Schedule<'_, E>,
    ) {
        match self {
            Self::Sgd(sgd) if sgd.momentum == 0.0 => sgd.step_plain(values, gradients, schedule),
            Self::Sgd(sgd) => sgd.step(values, gradients, first, schedule),
            Self::Adam(adam) => adam.step(values, gradients, [first, second], schedule),
            Self::AdaMax(adamax) => adamax.step(values, gradients, [first, second], schedule),
            Self::Adagrad(adagrad) => adagrad.step(values, gradients, first, schedule),
            Self::RmsProp(rmsprop) => rmsprop.step(values, gradients, [first, second, third], schedule),
        }
    }
}
