//! The networks on which every strategy is tried.

use espalier_net::models::CnnOptions;
use espalier_net::{Network, Window, models};
use espalier_seed::Seed;

use crate::error::Result;

/// A named network with the width of one input sample.
#[derive(Clone, Debug)]
pub struct Reference {
    /// What kind of graph it is.
    pub name: &'static str,
    /// The network.
    pub network: Network<f32>,
}

/// The reference networks: MLP, convolutions with batch norm, residual, conv → flatten → dense, concat; three classes each.
///
/// # Errors
/// Fails only where the network crate refuses its own models.
pub fn references(seed: &Seed) -> Result<Vec<Reference>> {
    let cnn = |batch_norm, hidden: &[usize]| CnnOptions {
        map: [8, 8],
        inputs: 1,
        channels: vec![4, 5],
        window: Window::same(3),
        hidden: hidden.to_vec(),
        outputs: 3,
        batch_norm,
    };
    Ok(vec![
        Reference {
            name: "mlp",
            network: models::mlp(6, &[8, 7], 3, &seed.named("mlp"))?,
        },
        Reference {
            name: "conv + batch norm",
            network: models::cnn(&cnn(true, &[]), &seed.named("norm"))?,
        },
        Reference {
            name: "residual",
            network: models::residual_mlp(6, 6, 8, 2, 3, &seed.named("residual"))?,
        },
        Reference {
            name: "conv, flatten, dense",
            network: models::cnn(&cnn(false, &[6]), &seed.named("flatten"))?,
        },
        Reference {
            name: "concat",
            network: models::concat_net(6, [4, 5], 6, 3, &seed.named("concat"))?,
        },
    ])
}
