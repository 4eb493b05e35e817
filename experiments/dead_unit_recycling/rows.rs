//! What a trial records.

use espalier_trial::rows;

use crate::Variant;

rows! {
    /// The network at the end of one task, and how it did on the way.
    ///
    /// Scores are accuracies for classes, and for the regression the share of the targets' variance that is
    /// explained, 1 − mean squared error ÷ variance, at least −1.
    pub struct Task = "tasks" {
        /// From 1.
        pub task: u64,
        pub steps: u64,
        /// Multiply–accumulates spent in training so far.
        pub train_macs: u64,
        /// Multiply–accumulates of the strategy's questions so far.
        pub decision_macs: u64,
        pub parameters: u64,
        /// The mean loss of the task's batches, each before its step.
        pub online_loss: f64,
        /// The mean score of the task's batches, each before its step.
        pub online_score: f64,
        pub validation_loss: f64,
        pub validation_score: f64,
        pub units: u64,
        /// Units that emit zero on every training row of the task wherever they are read.
        pub dead_units: u64,
        /// Of the last hidden layer's activations on the validation rows.
        pub effective_rank: f64,
        /// Units that the strategy has brought into the world so far.
        pub newborns: u64,
    }

    /// The whole trial.
    pub struct Summary = "summary" {
        pub stream: String,
        pub model: String,
        pub arm: String,
        pub rate: f64,
        pub diverged: bool,
        /// The score on the last task's test rows, read once.
        pub test_score: f64,
        pub edits_applied: u64,
        pub edits_refused: u64,
        /// Plans that moved the outputs further than they claimed and were taken back.
        pub edits_rolled_back: u64,
        /// The largest change of the outputs by an edit, relative to the largest output; NaN without edits.
        pub largest_deviation: f64,
        pub newborns: u64,
    }
}

impl Summary {
    /// The same with what is set for a variant.
    pub fn of(self, variant: Variant) -> Self {
        Self {
            stream: variant.place.stream.name().to_owned(),
            model: variant.place.model.name().to_owned(),
            arm: variant.arm.name().to_owned(),
            rate: variant.rate,
            ..self
        }
    }
}
