//! Builders of common networks.

use espalier_seed::Seed;

use crate::error::Result;
use crate::graph::Network;
use crate::graph::NodeId;
use crate::graph::builder::NetworkBuilder;
use crate::kernels::Element;
use crate::layer::{Activation, Layer, Window};

/// Builds a ReLU multi-layer perceptron; hidden layers are called `hidden1`, `hidden2`, …, the output `logits`.
///
/// # Errors
/// Refuses widths of 0.
pub fn mlp<E: Element>(inputs: usize, hidden: &[usize], outputs: usize, seed: &Seed) -> Result<Network<E>> {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], inputs)?;
    let top = dense_stack(&mut layers, x, hidden)?;
    let logits = layers.dense("logits", top, outputs)?;
    layers.build(&[logits], seed)
}

/// Adds `hiddenK` dense layers with ReLUs `reluK` on top of a node.
fn dense_stack(layers: &mut NetworkBuilder, mut top: NodeId, widths: &[usize]) -> Result<NodeId> {
    for (k, &width) in widths.iter().enumerate() {
        top = layers.dense(&format!("hidden{}", k + 1), top, width)?;
        top = layers.activation(&format!("relu{}", k + 1), top, Activation::Relu)?;
    }
    Ok(top)
}

/// A convolutional network: per entry of `channels` a 3×3 convolution that keeps the map, a ReLU and a 2×2 max pool,
/// then dense layers of the widths in `hidden`.
#[derive(Clone, Debug, PartialEq)]
pub struct CnnOptions {
    /// Height and width of the input.
    pub map: [usize; 2],
    /// Input channels.
    pub inputs: usize,
    /// Output channels of each convolution.
    pub channels: Vec<usize>,
    /// The convolution's window.
    pub window: Window,
    /// Widths of the dense layers behind the flatten.
    pub hidden: Vec<usize>,
    /// The number of classes or target values.
    pub outputs: usize,
    /// Whether a batch norm stands behind each convolution.
    pub batch_norm: bool,
}

/// Builds the convolutional network that `options` describes; layers are called `convK`, `reluK`, `poolK`, `hiddenK`, `logits`.
///
/// # Errors
/// Refuses maps that become too small to pool.
pub fn cnn<E: Element>(options: &CnnOptions, seed: &Seed) -> Result<Network<E>> {
    let mut layers = NetworkBuilder::new();
    let mut top = layers.input("x", options.map, options.inputs)?;
    for (k, &width) in options.channels.iter().enumerate() {
        let k = k + 1;
        top = layers.conv(&format!("conv{k}"), top, width, options.window)?;
        if options.batch_norm {
            top = layers.batch_norm(&format!("norm{k}"), top)?;
        }
        top = layers.activation(&format!("conv{k}.relu"), top, Activation::Relu)?;
        top = layers.max_pool(&format!("pool{k}"), top, 2)?;
    }
    top = layers.flatten("flatten", top)?;
    top = dense_stack(&mut layers, top, &options.hidden)?;
    let logits = layers.dense("logits", top, options.outputs)?;
    layers.build(&[logits], seed)
}

/// Builds a residual perceptron: a dense stem, then `blocks` blocks x + dense(relu(dense(x))) with a ReLU behind the sum.
///
/// # Errors
/// Refuses widths of 0.
pub fn residual_mlp<E: Element>(
    inputs: usize,
    width: usize,
    inner: usize,
    blocks: usize,
    outputs: usize,
    seed: &Seed,
) -> Result<Network<E>> {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], inputs)?;
    let stem = layers.dense("stem", x, width)?;
    let mut top = layers.activation("stem.relu", stem, Activation::Relu)?;
    for k in 1..=blocks {
        let up = layers.dense(&format!("block{k}.up"), top, inner)?;
        let up = layers.activation(&format!("block{k}.relu"), up, Activation::Relu)?;
        let down = layers.dense(&format!("block{k}.down"), up, width)?;
        let sum = layers.sum(&format!("block{k}.sum"), &[top, down])?;
        top = layers.activation(&format!("block{k}.out"), sum, Activation::Relu)?;
    }
    let logits = layers.dense("logits", top, outputs)?;
    layers.build(&[logits], seed)
}

/// Builds a small residual convolutional network for `[height, width]` maps: a 3×3 stem, then one stage per entry of
/// `stages` with two convolutions and batch norms; stages after the first halve the map and project the shortcut.
///
/// # Errors
/// Refuses widths of 0 and maps that become empty.
pub fn resnet<E: Element>(
    map: [usize; 2],
    inputs: usize,
    stages: &[usize],
    outputs: usize,
    seed: &Seed,
) -> Result<Network<E>> {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", map, inputs)?;
    let first = stages.first().copied().unwrap_or(16);
    let mut top = conv_norm(&mut layers, "stem", x, first, Window::same(3))?;
    top = layers.activation("stem.relu", top, Activation::Relu)?;
    for (k, &width) in stages.iter().enumerate() {
        let name = format!("stage{}", k + 1);
        let stride = if k == 0 { 1 } else { 2 };
        let shortcut = if k == 0 {
            top
        } else {
            conv_norm(
                &mut layers,
                &format!("{name}.shortcut"),
                top,
                width,
                Window::square(1).strided(2),
            )?
        };
        let inner = conv_norm(
            &mut layers,
            &format!("{name}.a"),
            top,
            width,
            Window::same(3).strided(stride),
        )?;
        let inner = layers.activation(&format!("{name}.a.relu"), inner, Activation::Relu)?;
        let inner = conv_norm(&mut layers, &format!("{name}.b"), inner, width, Window::same(3))?;
        let sum = layers.sum(&format!("{name}.sum"), &[shortcut, inner])?;
        top = layers.activation(&format!("{name}.relu"), sum, Activation::Relu)?;
    }
    let pooled = layers.layer("pool", Layer::AdaptiveAvgPool { output: [1, 1] }, &[top], 0)?;
    let flat = layers.flatten("flatten", pooled)?;
    let logits = layers.dense("logits", flat, outputs)?;
    layers.build(&[logits], seed)
}

fn conv_norm(layers: &mut NetworkBuilder, name: &str, input: NodeId, width: usize, window: Window) -> Result<NodeId> {
    let layer = Layer::Conv {
        window,
        groups: 1,
        bias: false,
    };
    let conv = layers.layer(name, layer, &[input], width)?;
    layers.batch_norm(&format!("{name}.norm"), conv)
}

/// Builds a perceptron with two hidden branches of their own widths that a concat joins before `joint` more units.
///
/// # Errors
/// Refuses widths of 0.
pub fn concat_net<E: Element>(
    inputs: usize,
    branches: [usize; 2],
    joint: usize,
    outputs: usize,
    seed: &Seed,
) -> Result<Network<E>> {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], inputs)?;
    let mut tops = Vec::new();
    for (name, width) in ["left", "right"].into_iter().zip(branches) {
        let hidden = layers.dense(name, x, width)?;
        tops.push(layers.activation(&format!("{name}.relu"), hidden, Activation::Relu)?);
    }
    let both = layers.concat("both", &tops)?;
    let hidden = layers.dense("joint", both, joint)?;
    let hidden = layers.activation("joint.relu", hidden, Activation::Relu)?;
    let logits = layers.dense("logits", hidden, outputs)?;
    layers.build(&[logits], seed)
}
