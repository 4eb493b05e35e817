//! How a network is trained.

use espalier_net::{Clipping, LossKind, OptimizerKind, RateSchedule};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The settings of a training run.
///
/// | field | default | range | meaning |
/// |---|---|---|---|
/// | `epochs` | 10 | ≥ 0 | passes over the training split |
/// | `batch` | 128 | ≥ 1 | samples per step; the last batch of an epoch may be smaller |
/// | `rate` | constant 1e-3 | > 0 | the learning rate over the steps |
/// | `optimizer` | – | – | the update rule |
/// | `loss` | cross-entropy | – | the loss on the first output |
/// | `clipping` | none | – | a bound on the gradient |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Regime {
    /// Passes over the training split.
    pub epochs: u64,
    /// Samples per step.
    pub batch: usize,
    /// The learning rate over the steps.
    pub rate: RateSchedule,
    /// The update rule.
    pub optimizer: OptimizerKind,
    /// The loss on the network's first output.
    pub loss: LossKind,
    /// A bound on the gradient.
    pub clipping: Option<Clipping>,
}

impl Regime {
    /// Ten epochs of classification with batches of 128 and a learning rate of 1e-3.
    #[must_use]
    pub fn classification(optimizer: OptimizerKind) -> Self {
        Self {
            epochs: 10,
            batch: 128,
            rate: RateSchedule::constant(1e-3),
            optimizer,
            loss: LossKind::CrossEntropy,
            clipping: None,
        }
    }

    /// The same with the mean squared error.
    #[must_use]
    pub fn regression(optimizer: OptimizerKind) -> Self {
        Self {
            loss: LossKind::MeanSquaredError,
            ..Self::classification(optimizer)
        }
    }

    pub(crate) fn check(&self) -> Result<()> {
        if self.batch == 0 {
            return Err(Error::Setting {
                field: "batch",
                expected: "at least 1".to_owned(),
                found: "0".to_owned(),
            });
        }
        self.optimizer.validate()?;
        Ok(self.rate.validate()?)
    }
}
