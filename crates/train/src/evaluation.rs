//! What a network scores on a split.

use espalier_data::Examples;
use espalier_net::{DeviceChoice, LossKind, Network, Session, StepOutcome};
use espalier_seed::Seed;
use serde::{Deserialize, Serialize};

use crate::batch::stretch;
use crate::error::Result;

/// Rows per pass in evaluation: large enough for the products, small enough for the cache.
pub(crate) const EVALUATION_ROWS: usize = 500;

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

impl Evaluation {
    /// Scores a network on examples, apart from any training.
    ///
    /// # Errors
    /// Refuses examples that fit neither the network nor the loss.
    ///
    /// # Example
    /// ```
    /// use espalier_data::{LoadOptions, Source, load};
    /// use espalier_net::{LossKind, models};
    /// use espalier_seed::Seed;
    /// use espalier_train::Evaluation;
    ///
    /// let data = load("glyphs", &Source::default(), &LoadOptions::default())?;
    /// let network = models::mlp::<f32>(data.info.features, &[8], 10, &Seed::new(1))?;
    /// let untrained = Evaluation::of(&network, &data.validation, LossKind::CrossEntropy)?;
    /// assert_eq!(untrained.samples, data.validation.len());
    /// assert!(untrained.accuracy < Some(0.5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of(network: &Network<f32>, examples: &Examples, loss: LossKind) -> Result<Self> {
        let mut session = Session::new(network, EVALUATION_ROWS, &DeviceChoice::Cpu, &Seed::new(0))?;
        let passes = Passes {
            rows: EVALUATION_ROWS,
            loss,
        };
        passes.score(&mut session, network, examples)
    }
}

/// How examples are scored: in passes of so many rows, by this loss.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passes {
    pub rows: usize,
    pub loss: LossKind,
}

impl Passes {
    /// Scores a network on examples.
    pub fn score(self, session: &mut Session<f32>, network: &Network<f32>, examples: &Examples) -> Result<Evaluation> {
        let (mut loss, mut correct) = (0.0, 0);
        for (from, to) in stretches(examples, self.rows) {
            let (features, target) = stretch(examples, from, to);
            let outcome = session.score(network, &[features], target, self.loss)?;
            loss += summed(&outcome, self.loss);
            correct += outcome.correct;
        }
        let samples = examples.len();
        let classifies = self.loss == LossKind::CrossEntropy;
        Ok(Evaluation {
            loss: loss / samples as f64,
            accuracy: classifies.then(|| correct as f64 / samples as f64),
            samples,
        })
    }
}

/// The loss of a batch, summed over its samples. Squared errors that are summed over the batch are that already.
pub(crate) fn summed(outcome: &StepOutcome, loss: LossKind) -> f64 {
    match loss {
        LossKind::SumSquaredError => outcome.loss,
        _ => outcome.loss * outcome.samples as f64,
    }
}

/// The rows of examples, at most so many at a time.
pub(crate) fn stretches(examples: &Examples, most: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
    let rows = examples.len();
    (0..rows).step_by(most).map(move |from| (from, (from + most).min(rows)))
}
