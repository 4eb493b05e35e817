//! A learned factor for each channel.

use serde::{Deserialize, Serialize};

use super::rules::{Neighbours, Rules, Sign};
use crate::kernels::Element;
use crate::layer::parameter::{Axis, Role};

/// How a gate's stored value θ becomes the factor that multiplies the unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GateForm {
    /// The factor is θ.
    Linear,
    /// The factor is max(θ, 0); a unit at or below 0 gets no gradient.
    Rectified,
}

impl GateForm {
    /// The factor that a stored value θ stands for.
    #[must_use]
    #[inline]
    pub fn factor<E: Element>(self, stored: E) -> E {
        match self {
            Self::Linear => stored,
            Self::Rectified if stored > E::ZERO => stored,
            Self::Rectified => E::ZERO,
        }
    }
}

pub(super) struct Gate {
    pub form: GateForm,
}

impl Rules for Gate {
    fn name(&self) -> &'static str {
        "gate"
    }

    fn parameters(&self, around: &Neighbours) -> Vec<(Role, Vec<Axis>)> {
        around.by_channel(&[Role::Gate])
    }

    fn gate_form(&self) -> Option<GateForm> {
        Some(self.form)
    }

    fn constant(&self, input: Option<f64>, value: &dyn Fn(Role) -> f64) -> Option<f64> {
        match self.form.factor(value(Role::Gate)) {
            0.0 => Some(0.0),
            factor => input.map(|x| factor * x),
        }
    }

    fn sign(&self) -> Sign {
        match self.form {
            GateForm::Rectified => Sign::AsInputs,
            GateForm::Linear => Sign::Unknown,
        }
    }
}
