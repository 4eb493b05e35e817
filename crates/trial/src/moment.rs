//! The end of an epoch, as an experiment sees it.

use anyhow::{Context as _, ensure};
use espalier_net::Network;
use espalier_report::rows::{Cell, Record, Row, fields};
use espalier_report::standard::Epoch;
use espalier_strategy::Reading;
use espalier_train::{EpochSummary, Evaluation, Events, Split, Trainer};

use crate::rows::own_row_of;

/// What held while an epoch was trained; edits at its end change the network only behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct During {
    /// Multiply–accumulates of one sample's forward pass.
    pub macs: u64,
    /// Trained values.
    pub parameters: u64,
    /// The width of every group, by name.
    pub widths: Vec<(String, usize)>,
    /// Samples per step when the epoch ended.
    pub batch: usize,
    /// Bytes of activations that were allocated when the epoch ended.
    pub activation_bytes: usize,
    /// Seconds by the wall, of training alone.
    pub seconds: f64,
}

impl During {
    pub(crate) fn of(trainer: &Trainer) -> Self {
        let (network, cost) = (trainer.network(), trainer.network().cost());
        let width = |group: &espalier_net::Group| (group.name().to_owned(), group.width());
        Self {
            macs: cost.macs,
            parameters: cost.parameters,
            widths: network.groups().iter().map(width).collect(),
            batch: trainer.batch(),
            activation_bytes: 0,
            seconds: 0.0,
        }
    }

    /// The width of a group.
    ///
    /// # Errors
    /// Names the groups where there is none of that name.
    pub fn width(&self, group: &str) -> anyhow::Result<usize> {
        let found = self.widths.iter().find(|(name, _)| name == group);
        let names = || self.widths.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>();
        let (_, width) = found.with_context(|| format!("group `{group}`: expected one of {:?}", names()))?;
        Ok(*width)
    }
}

/// The end of an epoch: what was measured, and where rows go.
pub struct Moment<'m> {
    /// Which of the trial's networks is trained.
    pub net: &'m str,
    /// What the epoch was like.
    pub done: &'m EpochSummary,
    /// What held while it was trained.
    pub during: &'m During,
    /// What the network scores on the validation split, behind all edits of this epoch's end.
    pub validation: Evaluation,
    /// What strategies had learned when the epoch ended, before they proposed anything.
    pub readings: &'m [Reading],
    pub(crate) trainer: &'m mut Trainer,
    pub(crate) record: &'m mut Record,
}

impl Moment<'_> {
    /// The network as it stands.
    #[must_use]
    pub fn network(&self) -> &Network<f32> {
        self.trainer.network()
    }

    /// The trainer, to observe activations or to look at the optimizer.
    pub fn trainer(&mut self) -> &mut Trainer {
        self.trainer
    }

    /// What was recorded of edits so far; none without strategies.
    #[must_use]
    pub fn events(&self) -> Option<&Events> {
        self.trainer.events()
    }

    /// The rows of a table that the trial has recorded so far, those of before it was resumed included.
    ///
    /// # Errors
    /// When the rows are no such rows.
    pub fn recorded<R: Row>(&self) -> anyhow::Result<Vec<R>> {
        if self.record.tables.contains_key(R::TABLE) {
            return Ok(self.record.get()?);
        }
        Ok(Vec::new())
    }

    /// Records a row.
    ///
    /// # Errors
    /// As [`Record::push`].
    pub fn record<R: Row>(&mut self, row: &R) -> anyhow::Result<()> {
        Ok(self.record.push(row)?)
    }

    /// Begins a row of an experiment's own: columns of the names of the standard table `epochs` hold what stands there,
    /// accuracies its scores, `running_train_accuracy` that of the batches, each before its step, and `decision_macs` what
    /// strategies' questions have cost so far; any other column is left blank.
    ///
    /// # Errors
    /// As [`espalier_report::rows::named`].
    pub fn row<R: Row>(&self) -> anyhow::Result<R> {
        let running = self.done.train_accuracy.map_or(Cell::Null, Cell::Float);
        let decisions = self.events().map_or(0, |events| events.decision_macs);
        let mut known = fields(&self.standard())?;
        known.push(("running_train_accuracy", running));
        known.push(("decision_macs", Cell::Int(i64::try_from(decisions)?)));
        own_row_of(&known)
    }

    /// The row of the standard table.
    pub(crate) fn standard(&self) -> Epoch {
        let done = self.done;
        Epoch {
            net: self.net.to_owned(),
            epoch: done.epoch,
            steps: done.steps,
            train_macs: done.train_macs,
            parameters: done.parameters,
            train_loss: done.train_loss,
            validation_loss: self.validation.loss,
            validation_score: self.validation.accuracy.unwrap_or(f64::NAN),
        }
    }

    /// Scores the network on a split.
    ///
    /// # Errors
    /// Refuses the test split, which is read once, after training.
    pub fn evaluate(&mut self, split: Split) -> anyhow::Result<Evaluation> {
        ensure!(
            split != Split::Test,
            "the test split is read once, when training has ended"
        );
        Ok(self.trainer.evaluate(split)?)
    }

    /// The accuracy on the validation split.
    ///
    /// # Errors
    /// For regression.
    pub fn accuracy(&self) -> anyhow::Result<f64> {
        self.validation.accuracy.context("a set of classes is needed")
    }

    /// A number that a strategy has learned, by its name.
    ///
    /// # Errors
    /// Where no strategy or more than one layer has it.
    pub fn reading(&self, name: &str) -> anyhow::Result<f64> {
        only(self.readings, name)
    }
}

/// The only reading of a name.
pub(crate) fn only(readings: &[Reading], name: &str) -> anyhow::Result<f64> {
    let found: Vec<&Reading> = readings.iter().filter(|reading| reading.name == name).collect();
    let all = || -> Vec<String> { readings.iter().map(|r| format!("{} of {}", r.name, r.of)).collect() };
    match found.as_slice() {
        [reading] => Ok(reading.value),
        _ => anyhow::bail!(
            "reading `{name}`: expected one, found {} among {:?}",
            found.len(),
            all()
        ),
    }
}
