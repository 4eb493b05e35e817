//! What a trial records.

use espalier_trial::rows;

rows! {
    /// The state of things after an epoch.
    pub struct Epoch = "epochs" {
        pub epoch: u64,
        /// Multiply–accumulates of training so far.
        pub train_macs: u64,
        /// Multiply–accumulates of decisions so far.
        pub decision_macs: u64,
        /// Trained values; weights that a mask holds at 0 are not counted.
        pub parameters: u64,
        /// Hidden units of all layers.
        pub units: u64,
        pub train_loss: f64,
        pub validation_loss: f64,
        pub validation_accuracy: f64,
    }

    /// The end of a trial.
    pub struct Summary = "summary" {
        pub parameters: u64,
        pub units: u64,
        pub macs_per_sample: u64,
        pub train_macs: u64,
        pub decision_macs: u64,
        /// Spent only for the record: losses around edits, certificates.
        pub recording_macs: u64,
        pub applied: u64,
        pub refused: u64,
        pub diverged: bool,
        pub validation_accuracy: f64,
        pub test_accuracy: f64,
    }

    /// One proposal, and what became of it.
    pub struct Edit = "edits" {
        pub edit: u64,
        pub step: u64,
        pub epoch: u64,
        pub outcome: String,
        pub parameters_before: u64,
        pub parameters_after: u64,
        pub newborns: u64,
        pub predicted_decrease: Option<f64>,
        pub predicted_effect: Option<String>,
        pub measured_decrease: Option<f64>,
        pub loss_before: f64,
        pub loss_after: Option<f64>,
        pub loss_after_1: Option<f64>,
        pub loss_after_10: Option<f64>,
        pub loss_after_100: Option<f64>,
        /// The newborns' share of the squared gradient just after the edit.
        pub newborn_gradient_share: Option<f64>,
        /// The share of samples for which newborns fire just after the edit.
        pub newborn_firing_rate: Option<f64>,
        /// What the strategy claims at most, relative to the largest output.
        pub claimed_deviation: Option<f64>,
        pub deviation: Option<f64>,
        pub decision_macs: u64,
    }

    /// The life of one unit; recorded for the first seed.
    pub struct Unit = "units" {
        pub unit: u32,
        pub layer: String,
        pub born: u32,
        /// The step of its end; none if it lived to the end of training.
        pub died: Option<u32>,
        /// The unit from which it was made; none for founders and fresh units.
        pub parent: Option<u32>,
        pub cause_of_death: Option<String>,
        /// The last step of training.
        pub last_step: u32,
    }

    /// Wall-clock cost of decisions, in one or several rows of a trial that add up: different in every run.
    pub struct DecisionTime = "timings-decisions" {
        /// Of all questions and edits.
        pub decision_seconds: f64,
        /// Of all epochs, decisions included, evaluation of the validation split excluded.
        pub training_seconds: f64,
    }
}
