//! Multi-layer perceptrons with what experiments build into them.

use espalier_data::Dataset;
use espalier_net::{Activation, GateForm, Initializer, Layer, Network, NetworkBuilder};
use espalier_seed::Seed;

/// What the layers of a multi-layer perceptron with ReLUs have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Perceptron {
    /// How weights are drawn.
    pub initializer: Initializer,
    /// Whether dense layers have biases.
    pub biases: bool,
    /// A gate layer `gateK` behind each ReLU.
    pub gates: Option<GateForm>,
    /// Whether the weights of hidden layers have masks.
    pub masks: bool,
}

impl Perceptron {
    /// What [`espalier_net::models::mlp`] gives them: PyTorch's initialisation and biases.
    pub const PLAIN: Self = Self {
        initializer: Initializer::TorchDefault,
        biases: true,
        gates: None,
        masks: false,
    };

    /// Builds the network for a data set, with layers called `hiddenK`, `reluK` and `logits` as in
    /// [`espalier_net::models::mlp`].
    ///
    /// # Errors
    /// Refuses widths of 0.
    pub fn build(self, data: &Dataset, widths: &[usize], seed: &Seed) -> anyhow::Result<Network<f32>> {
        let mut layers = NetworkBuilder::new();
        layers.initializer(self.initializer);
        let dense = || Layer::Dense { bias: self.biases };
        let mut top = layers.input("x", [1, 1], data.info.features)?;
        for (k, width) in (1..).zip(widths) {
            top = layers.layer(&format!("hidden{k}"), dense(), &[top], *width)?;
            if self.masks {
                layers.mask(top)?;
            }
            top = layers.activation(&format!("relu{k}"), top, Activation::Relu)?;
            if let Some(form) = self.gates {
                top = layers.gate(&format!("gate{k}"), top, form)?;
            }
        }
        let logits = layers.layer("logits", dense(), &[top], data.info.targets.outputs())?;
        Ok(layers.build(&[logits], seed)?)
    }
}
