//! Rows that every trial which trains networks records alike, so that reports need no reader of their own.

use serde::{Deserialize, Serialize};

use crate::rows::Row;

/// A network after an epoch.
///
/// # Units
/// Losses in nats for classification, in squared target units for regression; the score is the accuracy, a fraction, and NaN
/// for regression. Costs in multiply–accumulates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Which of the trial's networks.
    pub net: String,
    /// Epochs done.
    pub epoch: u64,
    /// Steps so far.
    pub steps: u64,
    /// Spent in training so far.
    pub train_macs: u64,
    /// Trained values.
    pub parameters: u64,
    /// The mean over the epoch, each sample's just before the step on its batch.
    pub train_loss: f64,
    /// On the validation split.
    pub validation_loss: f64,
    /// On the validation split.
    pub validation_score: f64,
}
impl Row for Epoch {
    const TABLE: &'static str = "epochs";
}

/// A number about a layer or group at the end of an epoch: a width, or what a strategy has learned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Which of the trial's networks.
    pub net: String,
    /// Epochs done.
    pub epoch: u64,
    /// The layer or group.
    pub of: String,
    /// What it is: `width`, or as the strategy names it.
    pub name: String,
    /// Its value.
    pub value: f64,
}
impl Row for Reading {
    const TABLE: &'static str = "readings";
}

/// A trained network; scores as in [`Epoch`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Which of the trial's networks.
    pub net: String,
    /// Whether training diverged; all scores are then the worst.
    pub diverged: bool,
    /// Epochs done.
    pub epochs: u64,
    /// Steps done.
    pub steps: u64,
    /// Trained values.
    pub parameters: u64,
    /// Of one sample's forward pass.
    pub macs: u64,
    /// Spent in training.
    pub train_macs: u64,
    /// Spent on strategies' questions.
    pub decision_macs: u64,
    /// Spent on what only the record of edits needs.
    pub recording_macs: u64,
    /// Edits that were applied, those before the first step left out.
    pub edits: u64,
    /// On the validation split.
    pub validation_loss: f64,
    /// On the validation split.
    pub validation_score: f64,
    /// On the test split, which was read once; NaN where it was left alone.
    pub test_loss: f64,
    /// On the test split.
    pub test_score: f64,
}
impl Row for Outcome {
    const TABLE: &'static str = "outcomes";
}
