//! The networks on which every strategy is tried.

use espalier_net::models::CnnOptions;
use espalier_net::{Activation, GateForm, Network, NetworkBuilder, Window, models};
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

/// A perceptron with layers `hidden1`, `hidden2`, … and `logits`, all of which have masks.
///
/// # Errors
/// Refuses widths of 0.
pub fn masked_mlp(inputs: usize, hidden: &[usize], outputs: usize, seed: &Seed) -> Result<Network<f32>> {
    let mut layers = NetworkBuilder::new();
    let mut top = layers.input("x", [1, 1], inputs)?;
    for (k, width) in hidden.iter().enumerate() {
        top = layers.dense(&format!("hidden{}", k + 1), top, *width)?;
        layers.mask(top)?;
        top = layers.activation(&format!("relu{}", k + 1), top, Activation::Relu)?;
    }
    let logits = layers.dense("logits", top, outputs)?;
    layers.mask(logits)?;
    Ok(layers.build(&[logits], seed)?)
}

/// A masked convolution `conv` with batch norm, pooled, then dense: three classes of 8×8 maps.
///
/// # Errors
/// Fails only where the network crate refuses its own layers.
pub fn masked_cnn(seed: &Seed) -> Result<Network<f32>> {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [8, 8], 1)?;
    let conv = layers.conv("conv", x, 6, Window::same(3))?;
    layers.mask(conv)?;
    let norm = layers.batch_norm("norm", conv)?;
    let top = layers.activation("relu", norm, Activation::Relu)?;
    let top = layers.max_pool("pool", top, 2)?;
    let top = layers.flatten("flat", top)?;
    let logits = layers.dense("logits", top, 3)?;
    Ok(layers.build(&[logits], seed)?)
}

/// The reference networks for strategies that set masks: [`masked_mlp`] and [`masked_cnn`].
///
/// # Errors
/// Fails only where the network crate refuses its own layers.
pub fn masked_references(seed: &Seed) -> Result<Vec<Reference>> {
    Ok(vec![
        Reference {
            name: "masked mlp",
            network: masked_mlp(6, &[8, 7], 3, seed)?,
        },
        Reference {
            name: "masked conv + batch norm",
            network: masked_cnn(seed)?,
        },
    ])
}

/// Networks of gated units (SwiGLU, GEGLU) behind an RMS norm of the input; three classes of six features.
///
/// # Errors
/// Fails only where the network crate refuses its own layers.
pub fn gated_unit_references(seed: &Seed) -> Result<Vec<Reference>> {
    let functions = [("swiglu", Activation::Silu), ("geglu", Activation::Gelu)];
    let network = |(name, function): (&'static str, Activation)| {
        let mut layers = NetworkBuilder::new();
        let x = layers.input("x", [1, 1], 6)?;
        let top = layers.rms_norm("norm", x)?;
        let top = layers.gated_dense("gated", top, 8, function)?;
        let top = layers.dense("hidden", top, 7)?;
        let top = layers.activation("relu", top, Activation::Relu)?;
        let logits = layers.dense("logits", top, 3)?;
        let network = layers.build(&[logits], &seed.named(name))?;
        Ok(Reference { name, network })
    };
    functions.into_iter().map(network).collect()
}

/// A perceptron whose only hidden layer, 8 units wide, is followed by a gate: three classes of six features.
///
/// # Errors
/// Fails only where the network crate refuses its own layers.
pub fn gated_mlp(form: GateForm, seed: &Seed) -> Result<Network<f32>> {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 6)?;
    let top = layers.dense("hidden", x, 8)?;
    let top = layers.activation("relu", top, Activation::Relu)?;
    let top = layers.gate("gate", top, form)?;
    let logits = layers.dense("logits", top, 3)?;
    Ok(layers.build(&[logits], seed)?)
}
