//! A pointwise function of every value.

use super::rules::{Passage, Rules, Sign};
use crate::kernels::activation::Activation;
use crate::layer::parameter::Role;

pub(super) struct Pointwise {
    pub function: Activation,
}

impl Rules for Pointwise {
    fn name(&self) -> &'static str {
        "activation"
    }

    fn misfit(&self) -> Option<&'static str> {
        slope_misfit(self.function)
    }

    fn scale_obstacle(&self) -> Option<String> {
        let function = self.function;
        (!function.is_positively_homogeneous()).then(|| format!("({function:?}) is not positively homogeneous"))
    }

    fn activation(&self) -> Option<Activation> {
        Some(self.function)
    }

    fn passage(&self) -> Passage {
        match self.function {
            Activation::Identity => Passage::Any,
            function if function.is_positively_homogeneous() => Passage::NonNegative,
            _ => Passage::Never,
        }
    }

    fn constant(&self, input: Option<f64>, _value: &dyn Fn(Role) -> f64) -> Option<f64> {
        Some(self.function.value(input?))
    }

    fn sign(&self) -> Sign {
        match self.function {
            Activation::Relu | Activation::Sigmoid => Sign::NonNegative,
            Activation::Identity => Sign::AsInputs,
            _ => Sign::Unknown,
        }
    }

    fn maps_zero_to_zero(&self) -> bool {
        self.function.maps_zero_to_zero()
    }
}

/// What was expected of a function's slope, where it is out of range.
pub(super) fn slope_misfit(function: Activation) -> Option<&'static str> {
    match function {
        Activation::LeakyRelu { slope } if slope > 0.0 && slope < 1.0 => None,
        Activation::LeakyRelu { .. } => Some("a slope in (0, 1)"),
        _ => None,
    }
}
