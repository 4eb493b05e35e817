//! What a network scores on a split.

use serde::{Deserialize, Serialize};

/// The mean loss and the accuracy of a network on a split.
///
/// # Units
/// `loss` in nats for classification, in squared target units for regression; `accuracy` is a
/// fraction, `None` for regression.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The mean loss over all samples.
    pub loss: f64,
    /// The share of samples whose largest output is their class.
    pub accuracy: Option<f64>,
    /// The number of samples.
    pub samples: usize,
}
