//! What is recorded of every net.

use espalier_report::tables;
use serde::{Deserialize, Serialize};

/// A net after an epoch; the score is an accuracy, NaN for regression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// `gated`, or `twin` for the static net after it.
    pub net: String,
    pub epoch: u64,
    pub train_macs: u64,
    /// Hidden units after the epoch's end.
    pub units: u64,
    pub train_loss: f64,
    pub validation_loss: f64,
    pub validation_score: f64,
}

/// How long an epoch took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    pub net: String,
    pub epoch: u64,
    /// Of training, the collection of dead units included.
    pub seconds: f64,
    /// Of collection until now, with the measurement of what it does to outputs.
    pub collecting: f64,
}

/// How long a sample takes in a forward pass on the CPU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    pub net: String,
    pub batch: u64,
    pub microseconds: f64,
}

/// What the collections of a net did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Collected {
    pub diverged: bool,
    pub edits: u64,
    /// The largest relative change of any output by an edit.
    pub deviation: f64,
}

tables! { Epoch: "epochs", Pace: "timings-epochs", Latency: "timings-latency", Collected: "collected" }
