//! What a trial records.

use espalier_trial::rows;

rows! {
    /// The state after an epoch and its edit, and at the end of the budget.
    pub struct Point = "points" {
        /// Whole epochs done.
        pub epoch: u64,
        /// Multiply–accumulates so far: training and, but for the sweep over rolls, decisions.
        pub spent_macs: u64,
        /// Mean over the epoch's images; NaN for the part of an epoch that the budget's rest allowed.
        pub train_loss: f64,
        pub validation_loss: f64,
        pub validation_accuracy: f64,
        pub parameters: u64,
        pub conv1: u64,
        pub conv2: u64,
        pub hidden1: u64,
    }

    /// Seconds of training and decisions until a point.
    pub struct Pace = "timings-points" {
        pub epoch: u64,
        pub seconds: f64,
    }

    /// One unit at the end of an epoch: its scores and what became of it.
    pub struct UnitScore = "scores" {
        pub epoch: u32,
        /// 1 and 2 are convolutions, 3 the dense layer.
        pub layer: u32,
        /// Mean over batches of |∂L/∂b|.
        pub absolute: f32,
        /// Mean over batches of ∂L/∂b.
        pub signed: f32,
        pub split: bool,
        pub removed: bool,
    }

    /// One edit of the network.
    pub struct Change = "changes" {
        pub epoch: u64,
        pub parameters_before: u64,
        pub parameters_after: u64,
        /// Loss on 512 training images just before and just after.
        pub loss_before: f64,
        pub loss_after: f64,
        /// Largest output change relative to the largest output.
        pub deviation: f64,
    }

    /// How far copies are apart some steps after a split of every unit.
    pub struct Gap = "gaps" {
        /// What sets them apart.
        pub means: String,
        pub steps: u64,
        /// Distance of the fan-in weights and biases of two copies relative to one's, over all pairs of the net.
        pub median: f64,
        pub least: f64,
        pub largest: f64,
    }

    /// What the dice showed.
    pub struct Dice = "dice" {
        pub rolls: u64,
        /// The kept one, counted from 0; 0 is the initialisation that the arm without dice has.
        pub winner: u64,
        pub mean: f64,
        pub standard_deviation: f64,
        pub least: f64,
        pub largest: f64,
        pub diverged: u64,
    }

    /// The trained net's scores, at the end of the budget and at the best epoch by validation accuracy.
    pub struct Outcome = "outcomes" {
        pub arm: String,
        /// Relative to the starting size; 1 for the arms of the trials.
        pub scale: f64,
        pub rolls: u64,
        pub diverged: bool,
        pub epochs: u64,
        pub budget_macs: u64,
        pub spent_macs: u64,
        pub decision_macs: u64,
        pub parameters: u64,
        pub conv1: u64,
        pub conv2: u64,
        pub hidden1: u64,
        pub validation_accuracy: f64,
        pub test_loss: f64,
        pub test_accuracy: f64,
        pub best_epoch: u64,
        pub best_spent_macs: u64,
        pub best_parameters: u64,
        pub best_validation_accuracy: f64,
        pub best_test_loss: f64,
        pub best_test_accuracy: f64,
    }
}
