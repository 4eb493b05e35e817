//! Whether the values of a file's tensors can be what they are read as.

use std::path::Path;

use super::file_error;
use crate::error::Result;
use crate::graph::Network;
use crate::kernels::Element;
use crate::layer::parameter::Role;
use crate::optimizer::{Optimizer, Power};

/// Which values a checkpoint may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Values {
    /// Finite ones; variances and averages of squares are not negative.
    #[default]
    Finite,
    /// Any: for a training that has diverged.
    Any,
}

/// The range of a tensor's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Range {
    Finite,
    NotNegative,
}

impl Range {
    pub(crate) fn of_role(role: Role) -> Self {
        match role {
            Role::RunningVariance => Self::NotNegative,
            _ => Self::Finite,
        }
    }

    fn of_state(power: Power) -> Self {
        match power {
            Power::Square | Power::Magnitude => Self::NotNegative,
            Power::Linear | Power::Sign => Self::Finite,
        }
    }

    fn holds(self, value: f64) -> bool {
        value.is_finite() && (self == Self::Finite || value >= 0.0)
    }

    fn words(self) -> &'static str {
        match self {
            Self::Finite => "finite values",
            Self::NotNegative => "finite values of at least 0",
        }
    }
}

/// A tensor of a file.
#[derive(Clone, Copy)]
pub(crate) struct Named<'a> {
    pub(crate) path: &'a Path,
    pub(crate) name: &'a str,
    pub(crate) shape: &'a [usize],
}

impl Named<'_> {
    /// # Errors
    /// Names the file, the tensor, and the first value out of range with its place: as it lies in the file, or as `E` where
    /// only that is out of range.
    pub(crate) fn check<E: Element>(self, range: Range, values: &[f64]) -> Result<()> {
        let kept = |value: f64| range.holds(value) && range.holds(E::from_f64(value).to_f64());
        let Some(at) = values.iter().position(|v| !kept(*v)) else {
            return Ok(());
        };
        let (name, place, value) = (self.name, place(at, self.shape), values[at]);
        let precision = match range.holds(value) {
            true => format!(" in {} bits", 8 * size_of::<E>()),
            false => String::new(),
        };
        let expected = range.words();
        let reason = format!("tensor `{name}`: expected {expected}{precision}, found {value} at {place:?}");
        Err(file_error(self.path, reason))
    }

    fn check_all<E: Element>(self, range: Range, values: &[E]) -> Result<()> {
        let values: Vec<f64> = values.iter().map(|v| v.to_f64()).collect();
        self.check::<E>(range, &values)
    }
}

/// The row, column, … of a row-major place.
fn place(at: usize, shape: &[usize]) -> Vec<usize> {
    let mut rest = at;
    let mut place: Vec<usize> = shape
        .iter()
        .rev()
        .map(|length| {
            let along = rest % length;
            rest /= length;
            along
        })
        .collect();
    place.reverse();
    place
}

/// All parameters of a network that was read.
pub(super) fn network<E: Element>(network: &Network<E>, path: &Path) -> Result<()> {
    for parameter in &network.parameters {
        let tensor = Named {
            path,
            name: &parameter.name,
            shape: &parameter.shape,
        };
        tensor.check_all(Range::of_role(parameter.role), &parameter.values)?;
    }
    Ok(())
}

/// All state of an optimizer that was read; `named` gives the tensor of a state and a parameter.
pub(super) fn optimizer<E: Element>(
    optimizer: &Optimizer<E>,
    path: &Path,
    named: impl Fn(&str, &str) -> String,
) -> Result<()> {
    let states = optimizer.kind.states();
    for (parameter, slot) in &optimizer.slots {
        for (state, values) in states.iter().zip(&slot.states) {
            let tensor = Named {
                path,
                name: &named(state.name, parameter),
                shape: &slot.shape,
            };
            tensor.check_all(Range::of_state(state.power), values)?;
        }
    }
    Ok(())
}
