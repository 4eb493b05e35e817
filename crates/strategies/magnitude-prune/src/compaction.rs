//! From a masked network to a smaller dense one.

use espalier_net::{GroupId, Network, Plan, Units};
use espalier_strategy::{Result, places};

use crate::pruning::{constants, fan_in};

/// The units of a group that emit 0 whatever the input: all fan-in weights, biases, norm shifts and running means are 0, and
/// every activation on the way maps 0 to 0.
///
/// A group that a layer or group norm runs over has none: the norm moves a unit that is 0 by what the other units are.
#[must_use]
pub fn silent_units(network: &Network<f32>, group: GroupId) -> Vec<usize> {
    let mut on_the_way = network.nodes().iter().filter(|n| n.space().contains(&group));
    let fan_in = fan_in(network, group);
    if fan_in.is_empty() || !on_the_way.all(|n| n.layer().maps_zero_to_zero()) {
        return Vec::new();
    }
    let constants = constants(network, group);
    let silent = |unit: &usize| {
        let weightless = fan_in
            .iter()
            .all(|(o, w)| places(network, o, *unit).iter().all(|i| w[*i] == 0.0));
        weightless
            && constants.iter().all(|o| {
                let values = network.parameter(o.parameter).values();
                places(network, o, *unit).iter().all(|i| values[*i] == 0.0)
            })
    };
    (0..network.group(group).width()).filter(silent).collect()
}

/// Plans the removal of all silent units of all editable groups, down to each group's floor; the outputs stay the same up to
/// rounding.
///
/// # Errors
/// Fails only where the network refuses its own units.
///
/// # Example
/// ```
/// use espalier_magnitude_prune::compaction;
/// use espalier_net::{ApplyOptions, models};
/// use espalier_seed::Seed;
///
/// let mut network = models::mlp::<f32>(4, &[3], 2, &Seed::new(1))?;
/// let plan = compaction(&network)?;
/// network.apply(&plan, &ApplyOptions::default())?;
/// assert_eq!(network.parameter_count(), 4 * 3 + 3 + 3 * 2 + 2, "no unit of a fresh network is silent");
/// # Ok::<(), espalier_strategy::Error>(())
/// ```
pub fn compaction(network: &Network<f32>) -> Result<Plan> {
    let mut plan = Plan::new("silent units cut out");
    for group in network.editable_groups() {
        let place = network.group(group);
        let mut silent = silent_units(network, group);
        silent.truncate(place.width().saturating_sub(place.floor()));
        if !silent.is_empty() {
            plan = plan.with(Units::of(network, group).prune(&silent)?.edit("silent"));
        }
    }
    Ok(plan)
}
