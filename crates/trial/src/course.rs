//! How a training goes from epoch to epoch: over one data set or a stream of them, for so many epochs or so much computation.

use std::sync::Arc;
use std::time::Instant;

use espalier_data::Dataset;
use espalier_experiment::RunningTrial;
use espalier_train::{EpochSummary, Trainer, train_together};

/// Gives the data set of a task, counted from 0.
type Task<'c> = Box<dyn Fn(u64) -> anyhow::Result<Arc<Dataset>> + 'c>;

/// A stream of data sets, an epoch on each.
pub(crate) struct Stream<'c> {
    pub tasks: u64,
    pub task: Task<'c>,
}

/// Computation that a training may spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    /// Multiply–accumulates, forward and backward counted as three forwards.
    pub macs: u64,
    /// Whether decisions of strategies are paid from it.
    pub decisions: bool,
}

/// What carries a training on.
#[derive(Default)]
pub(crate) struct Course<'c> {
    pub stream: Option<Stream<'c>>,
    pub budget: Option<Budget>,
}

impl Course<'_> {
    /// Puts the data set in place that the trainer saw last, as one that is taken up from a checkpoint needs it.
    pub fn take_up(&self, trainer: &mut Trainer) -> anyhow::Result<()> {
        if let (Some(stream), Some(last)) = (&self.stream, trainer.epoch().checked_sub(1)) {
            trainer.continue_on((stream.task)(last)?, 0)?;
        }
        Ok(())
    }

    /// Trains the next epoch, or the part of it that the budget still pays for; `None` when there is nothing left to train.
    pub fn advance(
        &self,
        context: &mut RunningTrial<'_>,
        trainer: &mut Trainer,
    ) -> anyhow::Result<Option<EpochSummary>> {
        if let Some(budget) = self.budget {
            context.run_by_itself("a budget of computation ends within an epoch")?;
            return timed(context, || budget.advance(trainer));
        }
        if let Some(stream) = self.stream.as_ref().filter(|stream| trainer.epoch() < stream.tasks)
            && trainer.epoch() > 0
        {
            trainer.continue_on((stream.task)(trainer.epoch())?, 1)?;
        }
        train_epoch(context, trainer)
    }

    /// How far training is, and how far it goes: in 10⁹ multiply–accumulates where they are what ends it, else in epochs.
    pub fn progress(&self, trainer: &Trainer, epochs: u64) -> (u64, u64) {
        let giga = |macs: u64| macs / 1_000_000_000;
        self.budget.map_or((trainer.epoch(), epochs), |budget| {
            (giga(budget.spent(trainer)), giga(budget.macs))
        })
    }

    /// The epochs in all, of which the regime says how many there are at least.
    pub fn epochs(&self, trainer: &Trainer, regime: u64) -> u64 {
        let own = self.stream.as_ref().map_or(regime, |stream| stream.tasks);
        own.max(trainer.epoch())
    }
}

impl Budget {
    /// What counts as spent so far.
    pub fn spent(self, trainer: &Trainer) -> u64 {
        let decided = trainer.events().map_or(0, |events| events.decision_macs);
        trainer.train_macs() + if self.decisions { decided } else { 0 }
    }

    fn advance(self, trainer: &mut Trainer) -> anyhow::Result<Option<EpochSummary>> {
        if trainer.steps() == 0 {
            // Before the first step strategies decide, at a cost that must be known before the rest is planned.
            trainer.train_steps(1)?;
        }
        if trainer.stopped().is_some() {
            return Ok(None);
        }
        let (images, batch) = (trainer.data().train.len() as u64, trainer.batch() as u64);
        let per_image = 3 * trainer.network().cost().macs;
        // The first step belongs to the epoch that is planned now.
        let ahead = u64::from(trainer.epoch() == 0);
        let left = (self.macs + ahead * batch * per_image).saturating_sub(self.spent(trainer));
        if left >= per_image * images {
            return Ok(trainer.train_epoch()?);
        }
        let more = trainer.train_steps((left / (per_image * batch)).saturating_sub(ahead))?;
        Ok((ahead + more > 0 && trainer.stopped().is_none()).then(|| part(trainer)))
    }
}

/// Trains an epoch, beside those of the other trials where that can be.
fn train_epoch(context: &mut RunningTrial<'_>, trainer: &mut Trainer) -> anyhow::Result<Option<EpochSummary>> {
    if context.has_company() {
        if !trainer.can_stack() {
            context.run_by_itself("strategies may look at the network between steps")?;
        } else if let Some(epoch) = trainer.hand_out_epoch()? {
            // What trials on one device wait for each other is training too.
            let start = Instant::now();
            let trained = context.meet(epoch, train_together)?;
            context.trained_for(start.elapsed());
            return Ok(trainer.take_back_epoch(trained)?);
        }
    }
    timed(context, || Ok(trainer.train_epoch()?))
}

/// Counts what work takes as training.
fn timed<T>(context: &mut RunningTrial<'_>, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let start = Instant::now();
    let done = work();
    context.trained_for(start.elapsed());
    done
}

/// What there is to say of an epoch that the budget did not pay for as a whole.
fn part(trainer: &Trainer) -> EpochSummary {
    EpochSummary {
        epoch: trainer.epoch(),
        steps: trainer.steps(),
        train_loss: f64::NAN,
        train_accuracy: None,
        train_macs: trainer.train_macs(),
        parameters: trainer.network().parameter_count(),
    }
}
