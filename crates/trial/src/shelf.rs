//! The networks of a trial as its checkpoints hold them: those that are trained, and the one under training.

use anyhow::Context as _;
use espalier_experiment::RunningTrial;
use espalier_report::rows::Record;
use espalier_report::standard::Outcome;
use espalier_strategy::{Reading, State};
use espalier_train::Trainer;
use serde::{Deserialize, Serialize};

use crate::choice::{Choices, SavedBest};

/// A network with the rows that the trial had recorded when it was saved.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Saved {
    pub net: String,
    trainer: Vec<u8>,
    rows: String,
    pub readings: Vec<Reading>,
    /// The best epochs so far.
    pub choices: Vec<SavedBest>,
    /// Once it is trained.
    pub outcome: Option<Outcome>,
}

/// What is kept from one network of a trial to the next.
#[derive(Default)]
pub(crate) struct Shelf {
    /// Whether the trial's checkpoint was looked for.
    looked: bool,
    /// What the checkpoint held and is still to be taken up.
    found: Vec<Saved>,
    /// What this run has trained or taken up.
    done: Vec<Saved>,
}

impl Saved {
    pub fn new(
        context: &RunningTrial<'_>,
        net: &str,
        trainer: &Trainer,
        readings: &[Reading],
        choices: &Choices,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            net: net.to_owned(),
            trainer: trainer.checkpoint()?,
            rows: serde_json::to_string(context.rows())?,
            readings: readings.to_vec(),
            choices: choices.save()?,
            outcome: None,
        })
    }

    /// A trained network of which the outcome alone is kept.
    pub fn without_network(context: &RunningTrial<'_>, net: &str, outcome: &Outcome) -> anyhow::Result<Self> {
        Ok(Self {
            net: net.to_owned(),
            trainer: Vec::new(),
            rows: serde_json::to_string(context.rows())?,
            readings: Vec::new(),
            choices: Vec::new(),
            outcome: Some(outcome.clone()),
        })
    }

    pub fn trainer(&self) -> &[u8] {
        &self.trainer
    }

    pub fn rows(&self) -> anyhow::Result<Record> {
        serde_json::from_str(&self.rows).context("the rows of a checkpoint")
    }
}

/// Takes a network up from the trial's checkpoint, with the rows of its time.
pub(crate) fn take(context: &mut RunningTrial<'_>, net: &str) -> anyhow::Result<Option<Saved>> {
    if !std::mem::replace(&mut context.memory::<Shelf>().looked, true) {
        let own = context.rows().clone();
        let bytes = context.load_checkpoint()?;
        // Rows are taken back network by network; until then those of this run hold.
        *context.rows_mut() = own;
        let found = bytes.map(|bytes| State::from_bytes(bytes).read::<Vec<Saved>>("trial"));
        match found.transpose() {
            Ok(found) => context.memory::<Shelf>().found = found.unwrap_or_default(),
            Err(error) => context.note(format!("unreadable checkpoint, the trial starts over: {error}")),
        }
    }
    let found = &mut context.memory::<Shelf>().found;
    let Some(place) = found.iter().position(|saved| saved.net == net) else {
        return Ok(None);
    };
    let saved = found.remove(place);
    *context.rows_mut() = saved.rows()?;
    Ok(Some(saved))
}

/// Puts a trained network among those that later checkpoints hold.
pub(crate) fn put(context: &mut RunningTrial<'_>, saved: Saved) {
    context.memory::<Shelf>().done.push(saved);
}

/// Writes a checkpoint if one is due, and gives way if the worker leaves.
pub(crate) fn pause(
    context: &mut RunningTrial<'_>,
    net: &str,
    trainer: &Trainer,
    readings: &[Reading],
    choices: &Choices,
) -> anyhow::Result<()> {
    if context.keeps_checkpoints() && context.checkpoint_due() {
        let running = Saved::new(context, net, trainer, readings, choices)?;
        let all: Vec<Saved> = [context.memory::<Shelf>().done.clone(), vec![running]].concat();
        context.save_checkpoint(State::of("trial", &all)?.bytes())?;
    }
    context.stop_point()
}
