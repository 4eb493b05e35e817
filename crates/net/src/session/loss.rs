//! Losses on a network's outputs.

use crate::error::{Error, Result};
use crate::kernels::Element;
use crate::kernels::loss::{Reduction, softmax_cross_entropy, squared_error};

/// How an output is compared with its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LossKind {
    /// Softmax cross-entropy of classes, in nats, the mean over rows (weighted where classes have weights).
    CrossEntropy,
    /// Squared error, the mean over all values.
    MeanSquaredError,
    /// Squared error, the sum over all values.
    SumSquaredError,
}

/// What an output should be.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a, E> {
    /// One class for each row.
    Classes {
        /// The classes.
        labels: &'a [u32],
        /// A weight for each class; the mean is taken over weights, as in PyTorch.
        weights: Option<&'a [E]>,
    },
    /// One value for each value of the output.
    Values(&'a [E]),
}

/// The loss on one output.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a, E> {
    /// The output's position in [`crate::Network::outputs`].
    pub output: usize,
    /// What it should be.
    pub target: Target<'a, E>,
    /// How it is compared.
    pub loss: LossKind,
    /// What its loss is multiplied by in the total.
    pub weight: f64,
}

/// What a training step found out about its batch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StepOutcome {
    /// The loss; of several heads the weighted sum.
    pub loss: f64,
    /// Samples whose largest logit is the target's, of the first head that classifies.
    pub correct: usize,
    /// Samples in the batch.
    pub samples: usize,
}

/// The loss of one head, and its gradient with respect to the output, written over `gradient`.
///
/// # Errors
/// Refuses targets of another length, classes that do not exist, and a loss that does not fit its target.
pub(crate) fn evaluate<E: Element>(
    head: &Head<'_, E>,
    classes: usize,
    output: &[E],
    gradient: &mut [E],
) -> Result<(f64, Option<usize>)> {
    let (loss, correct) = match (head.loss, head.target) {
        (LossKind::CrossEntropy, Target::Classes { labels, weights }) => {
            check_classes(classes, output.len() / classes, labels, weights)?;
            let outcome = softmax_cross_entropy(output, classes, labels, weights, gradient);
            (outcome.loss, Some(outcome.correct))
        }
        (LossKind::MeanSquaredError, Target::Values(values)) => {
            check_length("target values", output.len(), values.len())?;
            (squared_error(output, values, Reduction::Mean, gradient), None)
        }
        (LossKind::SumSquaredError, Target::Values(values)) => {
            check_length("target values", output.len(), values.len())?;
            (squared_error(output, values, Reduction::Sum, gradient), None)
        }
        (loss, target) => {
            let found = match target {
                Target::Classes { .. } => "classes",
                Target::Values(_) => "values",
            };
            return Err(Error::Setting {
                field: "target",
                expected: format!("classes for cross-entropy, values for squared errors (the loss is {loss:?})"),
                found: found.to_owned(),
            });
        }
    };
    if head.weight != 1.0 {
        let weight = E::from_f64(head.weight);
        for value in gradient {
            *value *= weight;
        }
    }
    Ok((loss * head.weight, correct))
}

fn check_length(what: &str, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        Ok(())
    } else {
        Err(Error::length(what, expected, found))
    }
}

fn check_classes<E>(classes: usize, rows: usize, labels: &[u32], weights: Option<&[E]>) -> Result<()> {
    check_length("target classes", rows, labels.len())?;
    if let Some(weights) = weights {
        check_length("class weights", classes, weights.len())?;
    }
    match labels.iter().find(|&&label| label as usize >= classes) {
        Some(label) => Err(Error::Setting {
            field: "labels",
            expected: format!("classes below {classes}"),
            found: label.to_string(),
        }),
        None => Ok(()),
    }
}
