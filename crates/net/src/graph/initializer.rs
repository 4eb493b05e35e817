//! How weights are drawn.

use espalier_seed::Stream;
use serde::{Deserialize, Serialize};

/// The distribution of fresh weights and biases.
///
/// # Paper
/// Glorot and Bengio 2010 (eq. 16) for `GlorotUniform`; He et al. 2015 (eq. 10) for `HeNormal`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Initializer {
    /// PyTorch's default: weights and bias from U(±1/√fan_in).
    #[default]
    TorchDefault,
    /// Weights from U(±√(6/(fan_in+fan_out))), zero bias.
    GlorotUniform,
    /// Weights from N(0, 2/fan_in), zero bias.
    HeNormal,
    /// Weights from U(±√(6/fan_in)), zero bias.
    HeUniform,
}

impl Initializer {
    /// Draws one weight of a layer with the given numbers of inputs and outputs per unit.
    pub fn weight(self, fan_in: usize, fan_out: usize, stream: &mut Stream) -> f64 {
        let fan_in = fan_in.max(1) as f64;
        match self {
            Self::TorchDefault => symmetric(fan_in.sqrt().recip(), stream),
            Self::GlorotUniform => symmetric((6.0 / (fan_in + fan_out as f64)).sqrt(), stream),
            Self::HeNormal => stream.normal() * (2.0 / fan_in).sqrt(),
            Self::HeUniform => symmetric((6.0 / fan_in).sqrt(), stream),
        }
    }

    /// Draws one bias of a layer with the given number of inputs per unit.
    pub fn bias(self, fan_in: usize, stream: &mut Stream) -> f64 {
        match self {
            Self::TorchDefault => symmetric((fan_in.max(1) as f64).sqrt().recip(), stream),
            Self::GlorotUniform | Self::HeNormal | Self::HeUniform => 0.0,
        }
    }
}

fn symmetric(bound: f64, stream: &mut Stream) -> f64 {
    stream.uniform_in(-bound, bound)
}
