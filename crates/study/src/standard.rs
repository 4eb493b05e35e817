//! Networks as every trial records them that trains in the common loop.

use espalier_report::standard::{Epoch, Outcome, Reading};

use crate::Result;
use crate::factor::Factor;
use crate::quantity::Quantity;
use crate::recorded::{Recorded, Trial};

/// Passes over the training split.
pub const EPOCHS: Factor = Factor::setting("epochs");
/// Rows per step.
pub const BATCH: Factor = Factor::setting("batch");
/// The optimizer's rate.
pub const RATE: Factor = Factor::setting("learning rate");

/// What most experiments set alike for all arms, for [`Study::common`](crate::Study::common).
pub fn schedule(epochs: u64, batch: usize, learning_rate: f64) -> [(Factor, f64); 3] {
    [(EPOCHS, epochs as f64), (BATCH, batch as f64), (RATE, learning_rate)]
}

/// A trained network with its rows of the standard tables.
///
/// A trial's first network has the name of its variant; another one, for instance `twin`, is called *twin of* that name. An
/// experiment that records more puts it into a type of its own, which answers [`AsRef`] for the standard quantities.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// What it scores and cost.
    pub outcome: Outcome,
    /// Its epochs, the first one first.
    pub epochs: Vec<Epoch>,
    /// Numbers about layers and groups, epoch by epoch.
    pub readings: Vec<Reading>,
}

impl Trained {
    /// The networks of a trial by the names of their arms.
    ///
    /// # Errors
    /// As [`Trial::rows`].
    pub fn of(trial: &Trial<'_>) -> Result<Vec<(String, Self)>> {
        let (epochs, readings): (Vec<Epoch>, Vec<Reading>) = (trial.rows()?, trial.rows()?);
        let outcomes = trial.rows::<Outcome>()?.into_iter().enumerate();
        let net = |(place, outcome): (usize, Outcome)| {
            let (variant, net) = (&trial.key.variant, &outcome.net);
            let name = match place {
                0 => variant.clone(),
                _ => format!("{net} of {variant}"),
            };
            let own = Self {
                epochs: epochs.iter().filter(|row| row.net == *net).cloned().collect(),
                readings: readings.iter().filter(|row| row.net == *net).cloned().collect(),
                outcome,
            };
            (name, own)
        };
        Ok(outcomes.map(net).collect())
    }

    /// A number about a layer or group after every epoch; of several layers the sum.
    #[must_use]
    pub fn path(&self, name: &str) -> Vec<f64> {
        let of = |epoch: &Epoch| {
            let own = self.readings.iter().filter(|row| row.epoch == epoch.epoch);
            let own = own.filter(|row| row.name == name).map(|row| row.value);
            own.fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
        };
        self.epochs.iter().filter_map(of).collect()
    }

    /// The same when training ended; NaN where nothing of that name was recorded.
    #[must_use]
    pub fn reading(&self, name: &str) -> f64 {
        self.path(name).last().copied().unwrap_or(f64::NAN)
    }
}

impl Recorded for Trained {
    fn nets(trial: &Trial<'_>) -> Result<Vec<(String, Self)>> {
        Self::of(trial)
    }

    fn diverged(&self) -> bool {
        self.outcome.diverged
    }
}

impl AsRef<Self> for Trained {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// Accuracy on the test split, a fraction.
pub const fn test_accuracy<T: AsRef<Trained>>() -> Quantity<T> {
    Quantity::new("accuracy", "test accuracy", |net: &T| net.as_ref().outcome.test_score)
        .unit("fraction", 4)
        .higher_is_better()
}

/// Accuracy on the validation split after every epoch, a fraction.
pub const fn validation_accuracy<T: AsRef<Trained>>() -> Quantity<T> {
    Quantity::new("validation", "validation accuracy", |net: &T| {
        net.as_ref().outcome.validation_score
    })
    .unit("fraction", 4)
    .higher_is_better()
    .over_epochs(|net| net.as_ref().epochs.iter().map(|row| row.validation_score).collect())
}

/// Multiply–accumulates spent in training.
pub const fn train_macs<T: AsRef<Trained>>() -> Quantity<T> {
    Quantity::new("macs", "training", |net: &T| {
        net.as_ref().outcome.train_macs as f64 / 1e9
    })
    .unit("10⁹ MACs", 0)
    .over_epochs(|net| {
        net.as_ref()
            .epochs
            .iter()
            .map(|row| row.train_macs as f64 / 1e9)
            .collect()
    })
}

/// Trained values.
pub const fn parameters<T: AsRef<Trained>>() -> Quantity<T> {
    Quantity::new("parameters", "parameters", |net: &T| {
        net.as_ref().outcome.parameters as f64
    })
    .unit("", 0)
    .over_epochs(|net| net.as_ref().epochs.iter().map(|row| row.parameters as f64).collect())
}

/// Epochs done.
pub const fn epochs<T: AsRef<Trained>>() -> Quantity<T> {
    Quantity::new("epochs", "epochs", |net: &T| net.as_ref().outcome.epochs as f64).unit("", 0)
}
