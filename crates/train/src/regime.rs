//! How a network is trained.

use espalier_data::Dataset;
use espalier_net::{Clipping, LEAST_BACKGROUND, LossKind, Network, OptimizerKind, RateSchedule};
use serde::{Deserialize, Serialize};

use crate::batch::BatchSource;
use crate::error::{Error, Result};

/// The settings of a training run.
///
/// | field | default | range | meaning |
/// |---|---|---|---|
/// | `epochs` | 10 | ≥ 0 | passes over the training split |
/// | `batch` | 128 | ≥ 1 | samples per step; the last batches of an epoch may be smaller (see [`espalier_strategy::BatchCut`]) |
/// | `rate` | constant 1e-3 | > 0 | the learning rate over the steps |
/// | `optimizer` | – | – | the update rule |
/// | `loss` | cross-entropy | – | the loss on the first output |
/// | `clipping` | none | – | a bound on the gradient |
/// | `skips_background` | true | – | whether dense layers on the input multiply only what stands out from its background |
/// | `class_weights` | equal | – | how much the classes of a training batch count |
/// | `memory` | none | – | a budget that the samples per step follow instead of `batch` |
/// | `parts` | 1 | ≥ 1 | parts into which each batch is cut, so that as many cores train one network |
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
    /// Whether dense layers on the input multiply only what stands out from its background, where most of the training
    /// split is one value ([`espalier_net::Session::set_background`]). Results differ by rounding alone.
    #[serde(default)]
    pub skips_background: bool,
    /// How much the classes of a batch count in the loss that is trained; splits are scored without.
    #[serde(default, skip_serializing_if = "ClassWeights::are_equal")]
    pub class_weights: ClassWeights,
    /// Bytes of activations that decide on the samples per step as the network changes its size; `batch` then only
    /// counts for questions of strategies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryBudget>,
    /// Parts into which each training batch is cut ([`espalier_net::Session::set_parts`]), which the threads of
    /// [`crate::Trainer::on_threads`] share. Results differ by rounding alone; they do not depend on the threads.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub parts: usize,
}

fn one() -> usize {
    1
}

fn is_one(parts: &usize) -> bool {
    *parts == 1
}

/// How much the classes count in the loss of a training batch, which is the mean over weights.
///
/// # Example
/// ```
/// use espalier_train::ClassWeights;
///
/// // Three rows of class 0, one of class 1, none of class 2: 4 / (2·3), 4 / (2·1), and nothing.
/// assert_eq!(ClassWeights::Inverse.of(&[0, 0, 1, 0], 3), [2.0 / 3.0, 2.0, 0.0]);
/// assert!(ClassWeights::Equal.of(&[0, 0, 1, 0], 3).is_empty());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassWeights {
    /// All alike.
    #[default]
    Equal,
    /// By the inverse of their share of the training rows, so that all classes that occur weigh alike together.
    Inverse,
}

impl ClassWeights {
    /// The weight of each class, 1 in the mean over `labels`; empty where all count alike.
    #[must_use]
    pub fn of(self, labels: &[u32], classes: usize) -> Vec<f32> {
        if self == Self::Equal {
            return Vec::new();
        }
        let mut counts = vec![0_usize; classes];
        labels.iter().for_each(|label| counts[*label as usize] += 1);
        let present = counts.iter().filter(|count| **count > 0).count();
        let weight = |count: usize| labels.len() as f64 / (present * count.max(1)) as f64;
        let weights = counts
            .into_iter()
            .map(|count| if count == 0 { 0.0 } else { weight(count) });
        weights.map(|weight| weight as f32).collect()
    }

    fn are_equal(&self) -> bool {
        *self == Self::Equal
    }
}

/// A bound on the bytes of activations, filled by the largest batch that fits: fewer channels, more samples per step.
///
/// # Method
/// A step takes the most samples whose [`Network::activation_bytes`] are within the bound. They are counted anew when
/// the network has been edited; an epoch keeps its order of samples and goes on where it was. At least four fifths of
/// the budget are used wherever four samples fit, but for `most` and the size of the training split. The learning rate
/// does not follow the batch.
///
/// What the budget does not bound: the batch's inputs, nodes that strategies observe, and their questions, which run
/// in a session of their own.
///
/// # Units
/// `bytes` counts bytes, `most` samples.
///
/// # Example
/// ```
/// use espalier_net::models;
/// use espalier_seed::Seed;
/// use espalier_train::MemoryBudget;
///
/// let budget = MemoryBudget { bytes: 20_000, most: 1024 };
/// let wide = models::mlp(10, &[49], 1, &Seed::new(1))?;
/// let narrow = models::mlp(10, &[24], 1, &Seed::new(1))?;
/// // Hidden layer, output and their gradients: 2 · (49 + 1) · 4 = 400 bytes a sample, then 2 · (24 + 1) · 4 = 200.
/// assert_eq!((budget.batch(&wide)?, budget.batch(&narrow)?), (50, 100));
/// # Ok::<(), espalier_train::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryBudget {
    /// The bound, at least what one sample takes.
    pub bytes: usize,
    /// The most samples of a step, at least 1.
    pub most: usize,
}

impl MemoryBudget {
    /// The most samples per step for a network as it stands.
    ///
    /// # Errors
    /// Refuses a network of which not even one sample fits.
    pub fn batch(&self, network: &Network<f32>) -> Result<usize> {
        let one = network.activation_bytes(1)?;
        // What does not grow with the batch are the statistics of batch norms.
        let each = network.activation_bytes(2)? - one;
        if one > self.bytes {
            return Err(Error::Setting {
                field: "memory.bytes",
                expected: format!("at least the {one} that the activations of one sample take"),
                found: self.bytes.to_string(),
            });
        }
        Ok((1 + (self.bytes - one) / each.max(1)).min(self.most))
    }
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
            skips_background: true,
            class_weights: ClassWeights::Equal,
            memory: None,
            parts: 1,
        }
    }

    /// Classification by Adam for so many epochs, with batches of so many rows and a constant learning rate.
    #[must_use]
    pub fn adam(epochs: u64, batch: usize, learning_rate: f64) -> Self {
        Self {
            epochs,
            batch,
            rate: RateSchedule::constant(learning_rate),
            ..Self::classification(OptimizerKind::adam())
        }
    }

    /// As [`Regime::classification`], with the mean squared error.
    #[must_use]
    pub fn regression(optimizer: OptimizerKind) -> Self {
        Self {
            loss: LossKind::MeanSquaredError,
            ..Self::classification(optimizer)
        }
    }

    /// Trains for as many whole epochs, at least one, as come nearest to so many multiply–accumulates on a network and a
    /// training split of so many rows; a training pass counts as three forward passes.
    ///
    /// # Example
    /// ```
    /// use espalier_net::{OptimizerKind, models};
    /// use espalier_seed::Seed;
    /// use espalier_train::Regime;
    ///
    /// let network = models::mlp::<f32>(4, &[8], 3, &Seed::new(1))?;
    /// // 4·8 + 8·3 = 56 a row, 3·56·100 = 16 800 an epoch.
    /// let regime = Regime::classification(OptimizerKind::adam()).spending(45_000, &network, 100);
    /// assert_eq!(regime.epochs, 3);
    /// # Ok::<(), espalier_net::Error>(())
    /// ```
    #[must_use]
    pub fn spending(self, macs: u64, network: &Network<f32>, rows: usize) -> Self {
        let epoch = 3.0 * network.cost().macs as f64 * rows as f64;
        let epochs = (macs as f64 / epoch).round().max(1.0) as u64;
        Self { epochs, ..self }
    }

    /// Samples per step, before the size of the training split is looked at.
    pub(crate) fn batch_for(&self, network: &Network<f32>) -> Result<usize> {
        match &self.memory {
            Some(budget) => budget.batch(network),
            None => Ok(self.batch),
        }
    }

    /// The background that a session of this regime skips in the inputs of a data set.
    pub(crate) fn background(&self, data: &Dataset) -> Option<f32> {
        let (value, share) = data.train.background().filter(|_| self.skips_background)?;
        (share >= LEAST_BACKGROUND).then_some(value)
    }

    /// A buffer for training batches of a data set, with the weights of its classes.
    pub(crate) fn buffer(&self, data: &Dataset, rows: usize) -> BatchSource {
        let (labels, classes) = (data.train.classes().unwrap_or_default(), data.info.targets.outputs());
        BatchSource::new(&data.train, rows).weighted(self.class_weights.of(labels, classes))
    }

    pub(crate) fn check(&self) -> Result<()> {
        if self.batch == 0 {
            return Err(Error::Setting {
                field: "batch",
                expected: "at least 1".to_owned(),
                found: "0".to_owned(),
            });
        }
        if let Some(MemoryBudget { most: 0, .. }) = self.memory {
            return Err(Error::Setting {
                field: "memory.most",
                expected: "at least 1".to_owned(),
                found: "0".to_owned(),
            });
        }
        self.check_parts()?;
        self.optimizer.validate()?;
        Ok(self.rate.validate()?)
    }

    fn check_parts(&self) -> Result<()> {
        let expected = match self.parts {
            0 => "at least 1",
            1 => return Ok(()),
            // The budget counts the activations of a batch in one piece.
            _ if self.memory.is_some() => "1 under a budget of memory",
            _ => return Ok(()),
        };
        Err(Error::Setting {
            field: "parts",
            expected: expected.to_owned(),
            found: self.parts.to_string(),
        })
    }
}
