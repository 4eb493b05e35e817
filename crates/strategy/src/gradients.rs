//! The gradients of a step, as strategies may read and change them.

use espalier_net::{ParameterId, Session};

/// The loss gradients of all parameters between the backward pass and the optimizer's step.
#[derive(Debug)]
pub struct Gradients<'a> {
    session: &'a mut Session<f32>,
}

impl<'a> Gradients<'a> {
    /// Takes the gradients of a session's last backward pass.
    pub fn of(session: &'a mut Session<f32>) -> Self {
        Self { session }
    }

    /// The gradient of a parameter; empty for one that no gradient trains.
    #[must_use]
    pub fn get(&self, parameter: ParameterId) -> &[f32] {
        self.session.gradient(parameter)
    }

    /// The gradient of a parameter, to be added to or changed.
    pub fn get_mut(&mut self, parameter: ParameterId) -> &mut [f32] {
        self.session.gradient_mut(parameter)
    }
}
