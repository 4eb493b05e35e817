//! A network that is trained to its end.

use anyhow::{Context as _, ensure};
use espalier_experiment::RunningTrial;
use espalier_net::Network;
use espalier_report::rows::Row;
use espalier_report::standard::Outcome;
use espalier_strategy::Reading;
use espalier_train::{Evaluation, Events, Split, Trainer};

use crate::choice::ChosenEpoch;
use crate::moment::only;
use crate::rows::{ChosenRow, EditRow, FollowUpRow, own_row};

/// A trained network with what it scores.
pub struct Trained {
    pub(crate) outcome: Outcome,
    pub(crate) readings: Vec<Reading>,
    pub(crate) chosen: Vec<ChosenEpoch>,
    pub(crate) trainer: Trainer,
}

impl Trained {
    /// What it scores and cost.
    #[must_use]
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Begins a row of an experiment's own from the outcome, as [`own_row`] does.
    ///
    /// # Errors
    /// As [`own_row`].
    pub fn row<R: Row>(&self) -> anyhow::Result<R> {
        own_row(&self.outcome)
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &Network<f32> {
        self.trainer.network()
    }

    /// The network that a rule of [`crate::Training::choose`] has chosen.
    ///
    /// # Errors
    /// Where there is no rule of that name, or no epoch that counts under it.
    pub fn chosen(&self, choice: &str) -> anyhow::Result<&ChosenEpoch> {
        let names = || {
            self.chosen
                .iter()
                .map(|chosen| chosen.row.choice.as_str())
                .collect::<Vec<_>>()
        };
        let found = self.chosen.iter().find(|chosen| chosen.row.choice == choice);
        found.with_context(|| format!("choice `{choice}`: expected one of {:?}", names()))
    }

    /// The trainer, to observe activations.
    pub fn trainer(&mut self) -> &mut Trainer {
        &mut self.trainer
    }

    /// Gives the network back.
    #[must_use]
    pub fn into_network(self) -> Network<f32> {
        self.trainer.into_network()
    }

    /// What was recorded of edits.
    ///
    /// # Errors
    /// Where no strategy took part.
    pub fn events(&self) -> anyhow::Result<&Events> {
        self.trainer
            .events()
            .context("a network without strategies has no edits")
    }

    /// The rows of its edits, as the standard table `edits` has them.
    ///
    /// # Errors
    /// Where no strategy took part.
    pub fn edits(&self) -> anyhow::Result<Vec<EditRow>> {
        let edits = self.events()?.edits.iter();
        Ok(edits.map(|edit| EditRow::new(&self.outcome.net, edit)).collect())
    }

    /// A number that a strategy had learned when training ended, by its name.
    ///
    /// # Errors
    /// Where no strategy or more than one layer has it.
    pub fn reading(&self, name: &str) -> anyhow::Result<f64> {
        only(&self.readings, name)
    }

    /// A number that a strategy had learned of one layer when training ended.
    ///
    /// # Errors
    /// Where no strategy has it, or more than one.
    pub fn reading_of(&self, layer: &str, name: &str) -> anyhow::Result<f64> {
        let own: Vec<Reading> = self
            .readings
            .iter()
            .filter(|reading| reading.of == layer)
            .cloned()
            .collect();
        only(&own, name).with_context(|| format!("layer `{layer}`"))
    }

    /// Scores the network on a split.
    ///
    /// # Errors
    /// Refuses the test split: its scores are in [`Trained::outcome`].
    pub fn evaluate(&mut self, split: Split) -> anyhow::Result<Evaluation> {
        ensure!(
            split != Split::Test,
            "the test split was read when training ended; its scores are in the outcome"
        );
        Ok(self.trainer.evaluate(split)?)
    }

    /// Records the network's row in `outcomes`, those of the epochs that were chosen in `choices` and, where strategies took
    /// part, its `edits`, `chosen` units and `follow-ups`.
    ///
    /// # Errors
    /// When a row cannot be encoded.
    pub fn record(&self, context: &mut RunningTrial<'_>) -> anyhow::Result<()> {
        context.record(&self.outcome)?;
        self.record_choices(context)?;
        let net = &self.outcome.net;
        if let Some(events) = self.trainer.events() {
            context.record_all(&self.edits()?)?;
            let chosen = events.edits.iter().flat_map(|edit| ChosenRow::all(net, edit));
            context.record_all(&chosen.collect::<Vec<_>>())?;
            let follow_ups = events.follow_ups.iter().map(|after| FollowUpRow::new(net, after));
            context.record_all(&follow_ups.collect::<Vec<_>>())?;
        }
        Ok(())
    }

    /// Records the rows of the epochs that were chosen.
    ///
    /// # Errors
    /// When a row cannot be encoded.
    pub fn record_choices(&self, context: &mut RunningTrial<'_>) -> anyhow::Result<()> {
        let rows = self.chosen.iter().map(|chosen| chosen.row.clone());
        Ok(context.record_all(&rows.collect::<Vec<_>>())?)
    }
}
