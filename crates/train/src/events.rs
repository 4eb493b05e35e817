//! What is recorded of each edit.

use espalier_strategy::Chosen;
use serde::{Deserialize, Serialize};

/// One proposal of a strategy, and what became of it. The same for every run with the same seed.
///
/// # Units
/// Losses are means over the growth batch in evaluation mode; costs of decisions in multiply–accumulates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EditEvent {
    /// Counts proposals from 0.
    pub edit: u64,
    /// The training step.
    pub step: u64,
    /// Epochs done.
    pub epoch: u64,
    /// The strategy.
    pub strategy: String,
    /// The plan's reason, or why the strategy declined to decide.
    pub reason: String,
    /// `applied`, `refused`, `rolled_back` or `declined`.
    pub outcome: String,
    /// Why a plan was refused.
    pub refusal: Option<String>,
    /// Trained values before.
    pub parameters_before: u64,
    /// Trained values after.
    pub parameters_after: u64,
    /// Multiply–accumulates per sample before.
    pub macs_before: u64,
    /// Multiply–accumulates per sample after.
    pub macs_after: u64,
    /// Units that the plan brought into the world.
    pub newborns: u64,
    /// The decrease of the loss that the method's formula promises.
    pub predicted_decrease: Option<f64>,
    /// Of what it is the effect: `edit` or `gradient_step`.
    pub predicted_effect: Option<String>,
    /// The loss just before.
    pub loss_before: f64,
    /// The loss just after, for an applied plan.
    pub loss_after: Option<f64>,
    /// Their difference, positive for a lower loss; for a predicted effect `gradient_step` the decrease by one
    /// plain gradient step on the newborns' own weights at the predicted rate, taken on a copy.
    pub measured_decrease: Option<f64>,
    /// What the engine says of the function: `exact`, `conditional` or `changed`.
    pub preservation: Option<String>,
    /// The largest relative output change that the strategy claimed.
    pub claimed_deviation: Option<f64>,
    /// The largest relative output change, measured.
    pub deviation: Option<f64>,
    /// What the decision cost.
    pub decision_macs: u64,
    /// The units that it was about, with the scores by which they were chosen.
    #[serde(default)]
    pub chosen: Vec<Chosen>,
}

/// The state of things 0, 1, 10 or 100 steps behind an edit, on the same growth batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FollowUp {
    /// The edit.
    pub edit: u64,
    /// Steps since.
    pub steps_after: u64,
    /// The loss.
    pub loss: f64,
    /// The newborns' share of the squared gradient of all weights; none without newborns.
    pub newborn_gradient_share: Option<f64>,
    /// The share of samples and positions at which newborns are above 0; none without newborns.
    pub newborn_firing_rate: Option<f64>,
}

/// Seconds by the wall: different in every run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EditTiming {
    /// The edit.
    pub edit: u64,
    /// Of the strategy's decision, its questions to the oracle included.
    pub decision_seconds: f64,
    /// Of applying the plan.
    pub apply_seconds: f64,
}

/// All that was recorded of edits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Events {
    /// One for each proposal.
    pub edits: Vec<EditEvent>,
    /// Up to four for each applied one.
    pub follow_ups: Vec<FollowUp>,
    /// One for each proposal.
    pub timings: Vec<EditTiming>,
    /// Multiply–accumulates of all questions, whether or not they led to a proposal.
    pub decision_macs: u64,
    /// Multiply–accumulates of what only the record needs.
    pub recording_macs: u64,
    /// Seconds of all questions, whether or not they led to a proposal, and of applying plans.
    pub decision_seconds: f64,
}
