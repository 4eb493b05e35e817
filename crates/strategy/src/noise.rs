//! Noise that sets copies apart.

use espalier_net::{GroupId, Network, ParameterId, Role};
use espalier_seed::Stream;

use crate::sites::{places, produced_by};

/// The relative noise from which copies with equal shares of the fan-out count as apart.
///
/// Smaller noise does not grow: equal shares get equal gradients but for what the noise changes, and after a hundred steps
/// copies at 0.01 are as far apart as at birth, or nearer. From 0.1 on they are different units from the start.
pub const PARTING_NOISE: f64 = 0.1;

/// Adds normal noise to a unit's fan-in weights and returns the parameters that hold them; its biases stay.
///
/// # Units
/// `sigma` is relative to the root mean square of the unit's weights in each parameter.
pub fn disturb_fan_in(
    network: &mut Network<f32>,
    group: GroupId,
    unit: usize,
    sigma: f64,
    stream: &mut Stream,
) -> Vec<ParameterId> {
    let owners = produced_by(network, group, Role::Weight);
    for owner in &owners {
        let places = places(network, owner, unit);
        let values = network.parameter_mut(owner.parameter).values_mut();
        let squares: f64 = places.iter().map(|i| f64::from(values[*i]).powi(2)).sum();
        let deviation = sigma * (squares / places.len().max(1) as f64).sqrt();
        for i in places {
            values[i] = (f64::from(values[i]) + deviation * stream.normal()) as f32;
        }
    }
    owners.iter().map(|o| o.parameter).collect()
}

/// Whole parameters with their names, each once, as [`crate::Proposal::values`] takes them.
#[must_use]
pub fn named_values(network: &Network<f32>, parameters: &[ParameterId]) -> Vec<(String, Vec<f32>)> {
    let mut ids = parameters.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let of = |id: ParameterId| {
        let parameter = network.parameter(id);
        (parameter.name().to_owned(), parameter.values().to_vec())
    };
    ids.into_iter().map(of).collect()
}

/// The parameters of `to` that differ from those of `from`, as [`crate::Proposal::values`] takes them.
#[must_use]
pub fn changed_values(from: &Network<f32>, to: &Network<f32>) -> Vec<(String, Vec<f32>)> {
    let pairs = from.parameters().iter().zip(to.parameters());
    let moved = pairs.filter(|(old, new)| old.values() != new.values());
    moved
        .map(|(_, new)| (new.name().to_owned(), new.values().to_vec()))
        .collect()
}
