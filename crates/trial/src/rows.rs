//! Rows about edits, and those that stand in for a network without a result.

use espalier_experiment::Missing;
use espalier_report::rows::{Cell, Record, Row, fields, named};
use espalier_report::standard::{Epoch, Outcome, Reading};
use espalier_strategy::Chosen;
use espalier_train::{EditEvent, FollowUp};
use serde::{Deserialize, Serialize};

/// Declares rows of an experiment's own, each with its table: flat structs that are cloned, shown and recorded.
///
/// # Example
/// ```
/// use espalier_trial::prelude::*;
///
/// rows! {
///     /// The size after an epoch.
///     pub struct Size = "sizes" {
///         pub epoch: u64,
///         /// Hidden units.
///         pub units: u64,
///     }
/// }
/// assert_eq!(Size::TABLE, "sizes");
/// ```
#[macro_export]
macro_rules! rows {
    ($(
        $(#[$attribute:meta])*
        $visibility:vis struct $name:ident = $table:literal { $($fields:tt)* }
    )+) => { $(
        $(#[$attribute])*
        #[derive(Clone, Debug, $crate::prelude::Serialize, $crate::prelude::Deserialize)]
        $visibility struct $name { $($fields)* }

        impl $crate::prelude::Row for $name {
            const TABLE: &'static str = $table;
        }
    )+ };
}

/// A proposal and what became of it; see [`EditEvent`] for units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EditRow {
    /// Which of the trial's networks.
    pub net: String,
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
    /// The loss just before.
    pub loss_before: f64,
    /// The loss just after, for an applied plan.
    pub loss_after: Option<f64>,
    /// The decrease that was measured, positive for a lower loss.
    pub measured_decrease: Option<f64>,
    /// The largest relative output change, measured.
    pub deviation: Option<f64>,
    /// What the decision cost.
    pub decision_macs: u64,
}
impl Row for EditRow {
    const TABLE: &'static str = "edits";
}

impl EditRow {
    /// The row of an edit of one of a trial's networks.
    #[must_use]
    pub fn new(net: &str, event: &EditEvent) -> Self {
        Self {
            net: net.to_owned(),
            edit: event.edit,
            step: event.step,
            epoch: event.epoch,
            strategy: event.strategy.clone(),
            reason: event.refusal.clone().unwrap_or_else(|| event.reason.clone()),
            outcome: event.outcome.clone(),
            parameters_before: event.parameters_before,
            parameters_after: event.parameters_after,
            macs_before: event.macs_before,
            macs_after: event.macs_after,
            newborns: event.newborns,
            predicted_decrease: event.predicted_decrease,
            loss_before: event.loss_before,
            loss_after: event.loss_after,
            measured_decrease: event.measured_decrease,
            deviation: event.deviation,
            decision_macs: event.decision_macs,
        }
    }
}

/// A unit that an edit was about: chosen by a score, or split, replaced or removed without one.
///
/// Trials that were recorded before this table have no rows in it; whether a trial edited anything stands in `edits`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChosenRow {
    /// Which of the trial's networks.
    pub net: String,
    /// The edit.
    pub edit: u64,
    /// The unit's group.
    pub group: String,
    /// Its place in the group before the edit; a candidate's is behind all living units.
    pub unit: u64,
    /// Its lasting number; none for a candidate.
    pub id: Option<u64>,
    /// The score by which it was chosen, in the strategy's own unit; none where nothing was scored.
    pub score: Option<f64>,
}
impl Row for ChosenRow {
    const TABLE: &'static str = "chosen";
}

impl ChosenRow {
    pub(crate) fn all(net: &str, event: &EditEvent) -> Vec<Self> {
        let row = |chosen: &Chosen| Self {
            net: net.to_owned(),
            edit: event.edit,
            group: chosen.group.clone(),
            unit: chosen.unit as u64,
            id: chosen.id,
            score: chosen.score,
        };
        event.chosen.iter().map(row).collect()
    }
}

/// The state of things some steps behind an edit, on the same growth batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FollowUpRow {
    /// Which of the trial's networks.
    pub net: String,
    /// The edit.
    pub edit: u64,
    /// Steps since.
    pub steps_after: u64,
    /// The loss.
    pub loss: f64,
    /// The newborns' share of the squared gradient of all weights.
    pub newborn_gradient_share: Option<f64>,
    /// The share of samples and positions at which newborns are above 0.
    pub newborn_firing_rate: Option<f64>,
}
impl Row for FollowUpRow {
    const TABLE: &'static str = "follow-ups";
}

impl FollowUpRow {
    pub(crate) fn new(net: &str, event: &FollowUp) -> Self {
        Self {
            net: net.to_owned(),
            edit: event.edit,
            steps_after: event.steps_after,
            loss: event.loss,
            newborn_gradient_share: event.newborn_gradient_share,
            newborn_firing_rate: event.newborn_firing_rate,
        }
    }
}

/// Makes a row of an experiment's own from a standard one: columns of the same name hold the same, and an accuracy is what the
/// score of that name is; any other column is left blank.
///
/// # Errors
/// As [`named`].
pub fn own_row<R: Row>(standard: &impl Row) -> anyhow::Result<R> {
    own_row_of(&fields(standard)?)
}

/// [`own_row`] of several rows.
///
/// # Errors
/// As [`own_row`].
pub fn own_rows<R: Row>(standard: &[impl Row]) -> anyhow::Result<Vec<R>> {
    standard.iter().map(own_row).collect()
}

pub(crate) fn own_row_of<R: Row>(known: &[(&'static str, Cell)]) -> anyhow::Result<R> {
    let accuracy = |(name, cell): &(&str, Cell)| {
        let split = name.strip_suffix("_score")?;
        Some((format!("{split}_accuracy"), cell.clone()))
    };
    let accuracies: Vec<(String, Cell)> = known.iter().filter_map(accuracy).collect();
    let accuracies = accuracies.iter().map(|(name, cell)| (name.as_str(), cell.clone()));
    let known: Vec<(&str, Cell)> = known.iter().cloned().chain(accuracies).collect();
    Ok(named(&known)?)
}

/// Makes the row of a network that has no result: `diverged` says whether it diverged, losses of the validation and test split
/// and scores or accuracies of all splits are those that stand in; any other column is left blank.
///
/// # Errors
/// As [`named`].
pub fn absent<R: Row>(missing: Missing) -> anyhow::Result<R> {
    let (loss, score) = (Cell::Float(missing.loss()), Cell::Float(missing.accuracy()));
    own_row_of(&[
        ("diverged", Cell::Bool(missing.diverged())),
        ("train_score", score.clone()),
        ("validation_loss", loss.clone()),
        ("validation_score", score.clone()),
        ("test_loss", loss),
        ("test_score", score),
    ])
}

/// Fills in the rows of networks that have no result, for [`espalier_experiment::Experiment::stand_in`].
///
/// # Errors
/// When a row cannot be encoded.
pub fn stand_in(nets: &[&str], missing: Missing, rows: &mut Record) -> anyhow::Result<()> {
    rows.declare_all::<(Epoch, Reading, EditRow)>()?;
    for net in nets {
        rows.push(&Outcome {
            net: (*net).to_owned(),
            ..absent(missing)?
        })?;
    }
    Ok(())
}
