//! What a trial sees of the world while it runs.

use std::any::Any;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use espalier_data::Dataset;
use espalier_report::files;
use espalier_report::rows::{Record, Row};
use espalier_seed::Seed;
use ref_cast::RefCast;

use crate::lacking::{Divergence, stand_in};
use crate::meeting::{Meeting, Turn};
use crate::progress::Event;
use crate::signals::Leave;
use crate::store::{Checkpoint, Store};
use crate::{AnyExperiment, AnyVariant, Diverged, Error, Missing, Preset, Result, Settings};

/// Says that a trial gave way because its worker leaves; its checkpoint, if any, lets it go on.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the worker was asked to leave before the trial was done")]
pub struct Stopped;

/// The parts of a trial's world that do not depend on the variant's type.
pub(crate) struct World<'a> {
    pub(crate) id: &'a str,
    pub(crate) number: usize,
    pub(crate) settings: &'a Settings,
    pub(crate) preset: &'a Preset,
    pub(crate) dataset: Option<Arc<Dataset>>,
    pub(crate) seed: Seed,
    pub(crate) device: &'a str,
    pub(crate) threads: usize,
    pub(crate) checkpoint_every: Duration,
    /// Where checkpoints go; `None` when a trial is only verified.
    pub(crate) store: Option<&'a Store>,
    pub(crate) events: Sender<Event>,
    pub(crate) leave: Leave,
    /// Where trials side by side meet; `None` where each runs by itself anyway.
    pub(crate) meeting: Option<&'a Meeting>,
}

/// A running trial: what it is, what it has, and where its rows go.
///
/// # Example
/// A trial that may be stopped and goes on bit-exactly:
/// ```ignore
/// let (mut epoch, mut state) = match context.load_checkpoint()? {
///     Some(bytes) => restore(&bytes)?,
///     None => (0, State::new(&context.seed())),
/// };
/// while epoch < epochs {
///     state.train_epoch();
///     epoch += 1;
///     context.progress(epoch, epochs, state.loss());
///     context.pause_point(|| encode(epoch, &state))?;
/// }
/// context.record(&state.row())?;
/// ```
#[derive(RefCast)]
#[repr(transparent)]
pub struct TrialContext<'a, V> {
    trial: RunningTrial<'a>,
    #[trivial]
    of: PhantomData<V>,
}

impl<'a, V> TrialContext<'a, V> {
    /// Views a running trial as one of an experiment whose variants are of this type.
    pub(crate) fn of<'b>(trial: &'b mut RunningTrial<'a>) -> &'b mut Self {
        Self::ref_cast_mut(trial)
    }
}

impl<'a, V: 'static> TrialContext<'a, V> {
    /// Returns the variant.
    #[must_use]
    pub fn variant(&self) -> &'a V {
        self.trial.variant.own()
    }
}

impl<'a, V> Deref for TrialContext<'a, V> {
    type Target = RunningTrial<'a>;

    fn deref(&self) -> &RunningTrial<'a> {
        &self.trial
    }
}

impl<'a, V> DerefMut for TrialContext<'a, V> {
    fn deref_mut(&mut self) -> &mut RunningTrial<'a> {
        &mut self.trial
    }
}

/// A running trial of any variant: what it has, and where its rows go.
pub struct RunningTrial<'a> {
    variant: &'a AnyVariant,
    world: World<'a>,
    record: Record,
    started: Instant,
    saved: Instant,
    earlier_seconds: f64,
    training_seconds: Option<f64>,
    resumptions: u64,
    memory: Option<Box<dyn Any>>,
    /// Held by a trial that takes its turn by itself.
    turn: Option<Turn<'a>>,
}

impl<'a> RunningTrial<'a> {
    pub(crate) fn new(variant: &'a AnyVariant, world: World<'a>, record: Record) -> Self {
        let now = Instant::now();
        Self {
            variant,
            world,
            record,
            started: now,
            saved: now,
            earlier_seconds: 0.0,
            training_seconds: None,
            resumptions: 0,
            memory: None,
            turn: None,
        }
    }

    /// Returns the data set.
    ///
    /// # Errors
    /// When the experiment declared that it makes its own data.
    pub fn dataset(&self) -> anyhow::Result<&Arc<Dataset>> {
        self.world
            .dataset
            .as_ref()
            .ok_or_else(|| anyhow::anyhow!("the experiment lists no data set, so its trials have none to read"))
    }

    /// Returns the data set with the first rows of the training split alone, as many as a setting says; all of them for 0.
    ///
    /// # Errors
    /// As [`RunningTrial::dataset`]; refuses more rows than there are.
    pub fn shortened_dataset(&self, setting: &str) -> anyhow::Result<Arc<Dataset>> {
        let (data, rows) = (self.dataset()?, self.settings().count(setting)?);
        let most = data.train.len();
        if rows == 0 || rows == most {
            return Ok(Arc::clone(data));
        }
        anyhow::ensure!(rows <= most, "{setting}: expected at most {most}, found {rows}");
        let mut part = Dataset::clone(data);
        part.train = data.train.select(&(0..rows).collect::<Vec<usize>>());
        Ok(Arc::new(part))
    }

    /// Returns the settings.
    #[must_use]
    pub fn settings(&self) -> &'a Settings {
        self.world.settings
    }

    /// Returns the preset.
    #[must_use]
    pub fn preset(&self) -> &'a Preset {
        self.world.preset
    }

    /// Returns the root of the trial's random streams.
    ///
    /// # Method
    /// It derives from the seed's number, the experiment and the data set but not from the variant:
    /// arms of one seed share what they draw under equal names, so that their differences are paired.
    #[must_use]
    pub fn seed(&self) -> Seed {
        self.world.seed.clone()
    }

    /// Returns the number of the paired seed.
    #[must_use]
    pub fn seed_number(&self) -> u64 {
        self.record.key.seed
    }

    /// Returns the device: `cpu`, `candle-cpu`, `cuda` or `cuda:N`.
    #[must_use]
    pub fn device(&self) -> &'a str {
        self.world.device
    }

    /// Returns the number of threads that the trial may use; rayon's current pool has as many.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.world.threads
    }

    /// Records a row.
    ///
    /// # Errors
    /// When the row cannot be encoded or differs in shape from the table's other rows.
    pub fn record<R: Row>(&mut self, row: &R) -> Result<()> {
        Ok(self.record.push(row)?)
    }

    /// Records rows, and their table even where there are none.
    ///
    /// # Errors
    /// As [`RunningTrial::record`].
    pub fn record_all<R: Row>(&mut self, rows: &[R]) -> Result<()> {
        Ok(self.record.push_all(rows)?)
    }

    /// Keeps a file beside the rows, such as a trained network; the page says which trials' files it takes along
    /// ([`Experiment::kept`](crate::Experiment::kept)). It is no part of the record: neither hashes nor comparisons look at it.
    ///
    /// # Errors
    /// When it cannot be written. A trial that is only verified keeps nothing.
    pub fn keep(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.world
            .store
            .map_or(Ok(()), |store| store.keep(self.world.id, name, bytes))
    }

    /// Returns all rows recorded so far.
    #[must_use]
    pub fn rows(&self) -> &Record {
        &self.record
    }

    /// Returns all rows recorded so far, to add to or to take back to an earlier state.
    pub fn rows_mut(&mut self) -> &mut Record {
        &mut self.record
    }

    /// Returns what a training loop keeps from one net of the trial to the next; empty at first.
    pub fn memory<T: Any + Default>(&mut self) -> &mut T {
        if !self.memory.as_deref().is_some_and(<dyn Any>::is::<T>) {
            self.memory = None;
        }
        let kept = self.memory.get_or_insert_with(|| Box::new(T::default()));
        // What is of another type was dropped above.
        match kept.downcast_mut() {
            Some(kept) => kept,
            None => unreachable!("what is kept is of the type that was just put there"),
        }
    }

    /// Tells whether the trials side by side share a device, on which [`RunningTrial::meet`] lets work be done for all at once;
    /// not while a trial is verified, nor once it runs by itself.
    #[must_use]
    pub fn has_company(&self) -> bool {
        self.world.meeting.is_some() && self.turn.is_none()
    }

    /// Hands in work and waits until all trials side by side have done so or ended; then one of them does all of it, in the
    /// order in which it was handed in, and each takes its own back. Without company it is done at once.
    ///
    /// # Errors
    /// When the work panicked, or gave back less than it was given.
    pub fn meet<T: Send + 'static>(&self, item: T, work: fn(Vec<T>) -> Vec<T>) -> anyhow::Result<T> {
        let done = match self.world.meeting.filter(|_| self.has_company()) {
            Some(meeting) => meeting.meet(item, work),
            None => work(vec![item]).pop(),
        };
        done.ok_or_else(|| anyhow::anyhow!("the work that trials side by side handed in together ended in a panic"))
    }

    /// Leaves the company for the rest of the trial: says why, and waits until no other trial runs by itself.
    ///
    /// # Errors
    /// [`Stopped`] when the worker was asked to leave meanwhile.
    pub fn run_by_itself(&mut self, reason: &str) -> anyhow::Result<()> {
        if let Some(meeting) = self.world.meeting.filter(|_| self.turn.is_none()) {
            let key = &self.record.key;
            let trial = format!("{} · {} · seed {}", key.variant, key.dataset, key.seed);
            self.note(format!("by itself on the device: {trial}: {reason}"));
            self.turn = Some(meeting.turn());
            self.stop_point()?;
        }
        Ok(())
    }

    /// Tells whether checkpoints are written; they are not while a trial is verified.
    #[must_use]
    pub fn keeps_checkpoints(&self) -> bool {
        self.world.store.is_some()
    }

    /// Shows a remark.
    pub fn note(&self, text: impl Into<String>) {
        // As for progress: nobody may be listening.
        let _ = self.world.events.send(Event::Note(text.into()));
    }

    /// Shows how far the trial is.
    pub fn progress(&self, epoch: u64, epochs: u64, loss: f64) {
        // Nobody listens while a trial is verified or once the run is over.
        let _ = self.world.events.send(Event::Progress {
            number: self.world.number,
            epoch,
            epochs,
            loss,
        });
    }

    /// Tells whether the worker was asked to leave, so that the trial should give way.
    #[must_use]
    pub fn should_stop(&self) -> bool {
        self.world.leave.asked()
    }

    /// Gives way if the worker was asked to leave; for trials that keep no checkpoints.
    ///
    /// # Errors
    /// [`Stopped`], to be passed on with `?`.
    pub fn stop_point(&self) -> anyhow::Result<()> {
        if self.should_stop() {
            Err(Stopped.into())
        } else {
            Ok(())
        }
    }

    /// Tells whether a checkpoint is due: the stated time has passed, or the worker leaves.
    #[must_use]
    pub fn checkpoint_due(&self) -> bool {
        self.should_stop() || self.saved.elapsed() >= self.world.checkpoint_every
    }

    /// Writes a checkpoint if one is due, and gives way if the worker leaves.
    ///
    /// # Errors
    /// [`Stopped`] when giving way; otherwise whatever kept the checkpoint from being made.
    pub fn pause_point(&mut self, state: impl FnOnce() -> anyhow::Result<Vec<u8>>) -> anyhow::Result<()> {
        if self.checkpoint_due() {
            self.save_checkpoint(&state()?)?;
        }
        self.stop_point()
    }

    /// Writes a checkpoint: the trial's bytes, together with all rows recorded so far.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save_checkpoint(&mut self, state: &[u8]) -> Result<()> {
        if let Some(store) = self.world.store {
            let checkpoint = Checkpoint {
                record: self.record.clone(),
                wall_seconds: self.wall_seconds(),
                training_seconds: self.training_seconds,
                resumptions: self.resumptions,
                state: state.to_vec(),
            };
            store.save_checkpoint(self.world.id, &checkpoint)?;
        }
        self.saved = Instant::now();
        Ok(())
    }

    /// Reads the last checkpoint's bytes and takes back the rows recorded until then.
    ///
    /// # Errors
    /// When a checkpoint exists and cannot be read. A damaged one is set aside with a notice, and the
    /// trial starts over.
    pub fn load_checkpoint(&mut self) -> Result<Option<Vec<u8>>> {
        let Some(store) = self.world.store else {
            return Ok(None);
        };
        let events = self.world.events.clone();
        let mut note = |text| {
            // As for progress: nobody may be listening.
            let _ = events.send(Event::Note(text));
        };
        let Some(checkpoint) = store.load_checkpoint(self.world.id, &mut note)? else {
            return Ok(None);
        };
        self.record = checkpoint.record;
        self.earlier_seconds = checkpoint.wall_seconds;
        self.training_seconds = checkpoint.training_seconds;
        self.resumptions = checkpoint.resumptions + 1;
        Ok(Some(checkpoint.state))
    }

    /// Returns a folder that lives and goes with the trial's checkpoint, for parts too large to hold in memory.
    ///
    /// # Errors
    /// When it cannot be made, or when the trial is only verified and keeps nothing.
    pub fn checkpoint_dir(&self) -> Result<PathBuf> {
        let store = self.world.store.ok_or_else(|| Error::NothingRecorded {
            path: PathBuf::from("checkpoints"),
            needed: "a trial that is only verified keeps no checkpoint".into(),
        })?;
        let folder = store.checkpoint_dir(self.world.id);
        files::create_folder(&folder).map_err(|e| Error::io("creating the folder", &folder, e))?;
        Ok(folder)
    }

    /// Counts time as spent in training: in steps and in what is decided between them, not in building data and networks, in
    /// scoring, measuring and recording. It stands beside the rows in [`Timing`](crate::store::Timing); what training loops of
    /// the workspace spend is counted by them.
    pub fn trained_for(&mut self, time: Duration) {
        *self.training_seconds.get_or_insert_default() += time.as_secs_f64();
    }

    /// Records that the trial diverged, with rows that count as the worst outcome.
    pub(crate) fn record_divergence(
        &mut self,
        experiment: &dyn AnyExperiment,
        diverged: &Diverged,
    ) -> anyhow::Result<()> {
        let reason = diverged.to_string();
        let key = &self.record.key;
        // As for progress: nobody may be listening.
        let _ = self.world.events.send(Event::Note(format!(
            "diverged: {} · {} · seed {}: {reason}",
            key.variant, key.dataset, key.seed
        )));
        let (settings, missing) = (self.world.settings, Missing::Diverged);
        stand_in(experiment, self.variant, settings, missing, &mut self.record)?;
        Ok(self.record.push(&Divergence { reason })?)
    }

    pub(crate) fn training_seconds(&self) -> Option<f64> {
        self.training_seconds
    }

    pub(crate) fn wall_seconds(&self) -> f64 {
        self.earlier_seconds + self.started.elapsed().as_secs_f64()
    }

    pub(crate) fn finish(self) -> (Record, f64, u64) {
        let wall_seconds = self.wall_seconds();
        (self.record, wall_seconds, self.resumptions)
    }
}
