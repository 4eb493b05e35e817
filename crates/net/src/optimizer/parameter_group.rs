//! Which parameters and units take a weight decay or learning rate of their own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::kind::at_least_zero;
use crate::error::Result;
use crate::graph::Network;
use crate::groups::genealogy::UnitId;
use crate::kernels::Element;
use crate::layer::parameter::{Axis, Parameter, ParameterId, Role};

/// Which parameters a group holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ParameterSelector {
    /// All of them.
    All,
    /// Those in one of these roles.
    Roles(Vec<Role>),
    /// Those with one of these names.
    Names(Vec<String>),
    /// Those whose name matches; `*` stands for any number of characters.
    Pattern(String),
}

impl ParameterSelector {
    /// Selects the given parameters of a network, by their names.
    #[must_use]
    pub fn parameters<E: Element>(network: &Network<E>, ids: &[ParameterId]) -> Self {
        Self::Names(ids.iter().map(|id| network.parameter(*id).name().to_owned()).collect())
    }

    /// Says whether a parameter is selected.
    #[must_use]
    pub fn selects(&self, name: &str, role: Role) -> bool {
        match self {
            Self::All => true,
            Self::Roles(roles) => roles.contains(&role),
            Self::Names(names) => names.iter().any(|n| n == name),
            Self::Pattern(pattern) => matches(pattern, name),
        }
    }
}

/// Says whether `name` has the form of `pattern`, in which `*` stands for any characters.
fn matches(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else {
        return rest.is_empty();
    };
    for piece in middle {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// A weight decay and a learning-rate factor for some parameters; of several groups, the last that selects one decides.
///
/// | Field | Default | Range |
/// |---|---|---|
/// | `weight_decay` | the optimizer's | ≥ 0 |
/// | `rate_factor` | 1 | ≥ 0; 0 holds the parameters still |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParameterGroup {
    /// The parameters.
    pub select: ParameterSelector,
    /// Their weight decay, if it is not the optimizer's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// The factor on their learning rate.
    #[serde(default = "one")]
    pub rate_factor: f64,
}

fn one() -> f64 {
    1.0
}

impl ParameterGroup {
    /// Makes a group that changes nothing yet.
    #[must_use]
    pub fn new(select: ParameterSelector) -> Self {
        Self {
            select,
            weight_decay: None,
            rate_factor: 1.0,
        }
    }

    /// Sets the weight decay.
    #[must_use]
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = Some(weight_decay);
        self
    }

    /// Sets the factor on the learning rate.
    #[must_use]
    pub fn rate_factor(mut self, factor: f64) -> Self {
        self.rate_factor = factor;
        self
    }

    pub(crate) fn validate(&self) -> Result<()> {
        at_least_zero("weight_decay", self.weight_decay.unwrap_or(0.0))?;
        at_least_zero("rate_factor", self.rate_factor)
    }
}

/// The learning-rate factors of each place of a parameter's rows and columns, where some unit has its own.
pub(crate) struct PlaceRates {
    /// By row; empty where no unit on that axis has a factor.
    pub rows: Vec<f64>,
    /// By column, likewise.
    pub columns: Vec<f64>,
}

impl PlaceRates {
    /// Looks the factors of a parameter's units up.
    pub fn of<E: Element>(network: &Network<E>, parameter: &Parameter<E>, units: &BTreeMap<UnitId, f64>) -> Self {
        let along = |axis: Option<&Axis>| match axis {
            Some(axis) if !units.is_empty() => axis_rates(network, axis, units),
            _ => Vec::new(),
        };
        let last = parameter.axes.len().saturating_sub(1);
        Self {
            rows: along(parameter.axes[..last].first()),
            columns: along(parameter.axes.last()),
        }
    }
}

fn axis_rates<E: Element>(network: &Network<E>, axis: &Axis, units: &BTreeMap<UnitId, f64>) -> Vec<f64> {
    let Axis::Units(space) = axis else {
        return Vec::new();
    };
    let places = space.iter().flat_map(|g| network.group(*g).units());
    let rates: Vec<f64> = places.map(|unit| units.get(unit).copied().unwrap_or(1.0)).collect();
    if rates.iter().all(|r| *r == 1.0) {
        Vec::new()
    } else {
        rates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        let cases = [
            ("*", "hidden1.weight", true),
            ("*.bias", "hidden1.bias", true),
            ("*.bias", "hidden1.bias2", false),
            ("hidden*.weight", "hidden12.weight", true),
            ("hidden*.weight", "hidden.bias", false),
            ("a*b*c", "a.b.b.c", true),
            ("a*b*c", "a.c.b", false),
            ("hidden1.weight", "hidden1.weight", true),
            ("hidden1", "hidden1.weight", false),
            // The prefix and the suffix may not share characters.
            ("ab*ba", "aba", false),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(matches(pattern, name), expected, "{pattern} on {name}");
        }
    }
}
