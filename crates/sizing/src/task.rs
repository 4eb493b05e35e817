//! What is to be sized.

use std::sync::Arc;

use espalier_data::{Dataset, TargetKind, Targets};
use espalier_net::{Network, NetworkBuilder, OptimizerKind, RateSchedule, models};
use espalier_seed::Seed;
use espalier_train::Regime;

use crate::error::{Error, Result};

/// How every net of a task is trained: until the validation loss has stopped falling.
///
/// | field | default | meaning |
/// |---|---|---|
/// | `most_epochs` | 40 | an upper bound on the epochs |
/// | `patience` | 3 | epochs without a lower validation loss after which training ends |
/// | `batch` | 128 | samples per step |
/// | `rate` | 1e-3 | Adam's learning rate |
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Training {
    /// An upper bound on the epochs.
    pub most_epochs: u64,
    /// Epochs without a lower validation loss after which training ends.
    pub patience: u64,
    /// Samples per step.
    pub batch: usize,
    /// Adam's learning rate.
    pub rate: f64,
}

impl Default for Training {
    fn default() -> Self {
        Self {
            most_epochs: 40,
            patience: 3,
            batch: 128,
            rate: 1e-3,
        }
    }
}

/// A data set, a family of nets and a way of training them.
#[derive(Clone, Debug)]
pub struct Task {
    data: Arc<Dataset>,
    hidden_layers: usize,
    widest: usize,
    training: Training,
}

impl Task {
    /// Takes nets with `hidden_layers` layers of one width, at most `widest`.
    ///
    /// # Errors
    /// Fails when a number is 0.
    pub fn new(data: Arc<Dataset>, hidden_layers: usize, widest: usize, training: Training) -> Result<Self> {
        let numbers = [
            ("hidden layers", hidden_layers as u64),
            ("widest", widest as u64),
            ("most epochs", training.most_epochs),
            ("patience", training.patience),
            ("batch", training.batch as u64),
        ];
        match numbers.iter().find(|(_, number)| *number == 0) {
            Some((what, _)) => Err(Error::range(what, "at least 1", 0)),
            None => Ok(Self {
                data,
                hidden_layers,
                widest,
                training,
            }),
        }
    }

    /// The widest width that a sizer may train.
    #[must_use]
    pub fn widest(&self) -> usize {
        self.widest
    }

    /// The number of hidden layers.
    #[must_use]
    pub fn hidden_layers(&self) -> usize {
        self.hidden_layers
    }

    /// How nets are trained.
    #[must_use]
    pub fn training(&self) -> Training {
        self.training
    }

    /// The data, with the test split: for judges, not for sizers.
    #[must_use]
    pub fn data(&self) -> &Arc<Dataset> {
        &self.data
    }

    /// The same task on other data.
    #[must_use]
    pub fn on(&self, data: Arc<Dataset>) -> Self {
        Self { data, ..self.clone() }
    }

    /// Builds the plain net of a width; equal seeds and widths give equal weights.
    ///
    /// # Errors
    /// Fails on a width of 0.
    pub fn network(&self, width: usize, seed: &Seed) -> Result<Network<f32>> {
        let hidden = vec![width; self.hidden_layers];
        let (inputs, outputs) = (self.inputs(), self.outputs());
        Ok(models::mlp(inputs, &hidden, outputs, &seed.named("network"))?)
    }

    /// Builds a net whose hidden layers end in what `end` adds behind each ReLU, such as a gate or a mask.
    ///
    /// # Errors
    /// Fails on a width of 0 or where `end` does.
    pub fn network_ending(&self, width: usize, end: crate::Ends, seed: &Seed) -> Result<Network<f32>> {
        let mut layers = NetworkBuilder::new();
        let mut top = layers.input("x", [1, 1], self.inputs())?;
        for layer in 1..=self.hidden_layers {
            let hidden = layers.dense(&format!("hidden{layer}"), top, width)?;
            top = layers.activation(&format!("relu{layer}"), hidden, espalier_net::Activation::Relu)?;
            top = end.add(&mut layers, hidden, top, layer)?;
        }
        let outputs = layers.dense("logits", top, self.outputs())?;
        Ok(layers.build(&[outputs], &seed.named("network"))?)
    }

    /// Inputs of a net.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.data.info.features
    }

    /// Outputs of a net.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.data.info.targets.outputs()
    }

    pub(crate) fn regime(&self) -> Regime {
        let regime = match self.data.info.targets {
            TargetKind::Classes(_) => Regime::classification(OptimizerKind::adam()),
            TargetKind::Regression(_) => Regime::regression(OptimizerKind::adam()),
        };
        Regime {
            epochs: self.training.most_epochs,
            batch: self.training.batch.min(self.data.train.len()),
            rate: RateSchedule::constant(self.training.rate),
            ..regime
        }
    }
}

/// The mean squared deviation of targets from their own mean; `None` for classes.
pub(crate) fn variance(targets: &Targets) -> Option<f64> {
    let Targets::Values { values, .. } = targets else {
        return None;
    };
    let count = values.len() as f64;
    let mean = values.iter().map(|x| f64::from(*x)).sum::<f64>() / count;
    Some(values.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / count)
}
