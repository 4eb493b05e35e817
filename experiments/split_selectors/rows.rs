//! What a trial records.

use espalier_trial::rows;

rows! {
    /// The state after an epoch and its split; epoch 0 is the beginning.
    pub struct Epoch = "epochs" {
        pub epoch: u64,
        /// Mean over the epoch's images, each measured just before the step on its batch; NaN at the beginning.
        pub train_loss: f64,
        pub validation_loss: f64,
        pub validation_accuracy: f64,
        pub parameters: u64,
        /// Hidden units.
        pub hidden: u64,
    }

    /// One split: which unit, and why.
    pub struct Split = "splits" {
        pub epoch: u64,
        /// Hidden units that were there to choose from.
        pub candidates: u64,
        /// The chosen one's place.
        pub unit: u64,
        /// By what units were scored: `ablation loss`, `firing rate` or `nothing`.
        pub scored_by: String,
        /// The chosen unit's score; NaN where nothing was scored.
        pub score: f64,
        /// The least score of all units.
        pub lowest: f64,
        pub highest: f64,
        /// Largest output change on 512 training images, relative to the largest output.
        pub deviation: f64,
        /// Multiply–accumulates that the choice cost.
        pub decision_macs: u64,
    }

    /// The trained net's scores.
    pub struct Outcome = "outcomes" {
        pub arm: String,
        pub learning_rate: f64,
        pub diverged: bool,
        pub parameters: u64,
        pub hidden: u64,
        pub train_macs: u64,
        pub decision_macs: u64,
        pub validation_loss: f64,
        pub validation_accuracy: f64,
        pub test_loss: f64,
        pub test_accuracy: f64,
        /// The same net on test images that are scaled as u × 0.5, the study's mistake.
        pub halved_test_loss: f64,
        pub halved_test_accuracy: f64,
    }
}
