//! What is recorded of every net.

use espalier_trial::rows;

rows! {
    /// A net after an epoch; the score is an accuracy, NaN for regression.
    #[derive(PartialEq)]
    pub struct Epoch = "epochs" {
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
    #[derive(PartialEq)]
    pub struct Pace = "timings-epochs" {
        pub net: String,
        pub epoch: u64,
        /// Of training, the collection of dead units included.
        pub seconds: f64,
        /// Of collection until now, with the measurement of what it does to outputs.
        pub collecting: f64,
    }

    /// How long a sample takes in a forward pass on the CPU.
    #[derive(PartialEq)]
    pub struct Latency = "timings-latency" {
        pub net: String,
        pub batch: u64,
        pub microseconds: f64,
    }

    /// What the collections of a net did.
    #[derive(PartialEq)]
    pub struct Collected = "collected" {
        pub diverged: bool,
        pub edits: u64,
        /// The largest relative change of any output by an edit.
        pub deviation: f64,
    }
}
