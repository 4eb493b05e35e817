//! Dropout, which does nothing in evaluation.
//!
//! # Paper
//! Srivastava et al. 2014, section 4; the survivors are rescaled in training.

use super::rules::{Passage, Rules, Sign};
use crate::layer::parameter::Role;

pub(super) struct Dropout {
    pub probability: f64,
}

impl Rules for Dropout {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn misfit(&self) -> Option<&'static str> {
        let fits = (0.0..1.0).contains(&self.probability);
        (!fits).then_some("a probability in [0, 1)")
    }

    fn is_random(&self) -> bool {
        true
    }

    fn passage(&self) -> Passage {
        Passage::Any
    }

    fn constant(&self, input: Option<f64>, _value: &dyn Fn(Role) -> f64) -> Option<f64> {
        input
    }

    fn sign(&self) -> Sign {
        Sign::AsInputs
    }

    fn only_relabels(&self) -> bool {
        true
    }
}
