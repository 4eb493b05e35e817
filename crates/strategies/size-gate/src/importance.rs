//! The exact importance of a unit.

use espalier_net::{Ablation, GroupId, Network};
use espalier_strategy::{Oracle, Result, Sample};

/// For each unit of a group the loss without it less the loss with it: large for important units.
///
/// # Method
/// One forward pass over the sample per unit and one more; the other units are not rescaled.
///
/// # Errors
/// As [`Oracle::ablated_loss`].
pub fn importances(oracle: &mut dyn Oracle, network: &Network<f32>, group: GroupId, on: Sample) -> Result<Vec<f64>> {
    let whole = oracle.loss(network, on)?;
    let without = |unit| {
        oracle.ablated_loss(
            network,
            Ablation {
                group,
                unit,
                rescale: false,
            },
            on,
        )
    };
    (0..network.group(group).width())
        .map(without)
        .map(|loss| Ok(loss? - whole))
        .collect()
}
