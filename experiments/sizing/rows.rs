//! What a trial records.

use espalier_report::rows::Row;
use serde::{Deserialize, Serialize};

/// A static net, or what a sizer ended with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sized {
    pub arm: String,
    /// `static`, or the sizer's kind.
    pub kind: String,
    pub diverged: bool,
    /// Units of a hidden layer, the mean over layers.
    pub width: f64,
    pub parameters: u64,
    /// Accuracy, or R² for values.
    pub validation: f64,
    pub test: f64,
    /// Multiply–accumulates of training steps.
    pub train_macs: u64,
    /// Those of validation, of reading nets and of strategies' decisions.
    pub decision_macs: u64,
    /// Nets whose training was begun.
    pub trainings: u64,
    /// What a reader should know; empty where there is nothing.
    pub remark: String,
}
impl Row for Sized {
    const TABLE: &'static str = "sized";
}

/// Losses of the net of [`Sized`]: scores move only where an answer is on the edge, these with every weight.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Losses {
    /// Cross-entropy in nats, or the mean squared error for values.
    pub validation_loss: f64,
    pub test_loss: f64,
}
impl Row for Losses {
    const TABLE: &'static str = "losses";
}

/// What the same data gives an answer that ignores the inputs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Constant {
    /// The validation score of the best such answer: the accuracy of the most frequent class, or R² of the mean.
    pub validation: f64,
}
impl Row for Constant {
    const TABLE: &'static str = "constant";
}

/// The time by the wall.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Time {
    pub wall_seconds: f64,
}
impl Row for Time {
    const TABLE: &'static str = "timings-sizing";
}
