//! Runs trials of a plan: the same code under local threads and under every scheduler.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use espalier_report::rows::{Record, TrialKey};

use crate::environment::instruction_set;
use crate::footprint::Memory;
use crate::keeper::Keeper;
use crate::meeting::{Meeting, Seat};
use crate::plan::{Plan, Planned};
use crate::progress::{Display, Event, chain};
use crate::queue::{Entry, Next, Queue};
use crate::signals::Leave;
use crate::store::{Failure, Finished, Owner, Publication, Store, Timing, unix_seconds};
use crate::trial::{RunningTrial, Stopped, World};
use crate::{AnyExperiment, Diverged, Error, Result, TrialContext};

/// How a worker runs.
#[derive(Clone, Debug)]
pub(crate) struct WorkerOptions {
    /// Cores that trials share.
    pub(crate) cores: usize,
    /// Trials side by side.
    pub(crate) jobs: usize,
    /// Bytes that they share.
    pub(crate) memory: Arc<Memory>,
    /// After how long without a renewal a lease may be taken over.
    pub(crate) stale: Duration,
    /// How often long trials write checkpoints.
    pub(crate) checkpoint_every: Duration,
    /// Whether trials run although they have a record; each new record supersedes the old one.
    pub(crate) fresh: bool,
    /// Whether trials run that failed before; a failure is forgotten once the trial has its record.
    pub(crate) retry: bool,
}

/// How a run ended.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Trials recorded by this process.
    pub(crate) finished: usize,
    /// Trials that ended in an error.
    pub(crate) failed: usize,
    /// Trials that gave way.
    pub(crate) paused: usize,
    /// Whether the run left early.
    pub(crate) left: bool,
}

impl Outcome {
    /// Adds what a further run came to.
    pub(crate) fn add(&mut self, other: &Self) {
        self.finished += other.finished;
        self.failed += other.failed;
        self.paused += other.paused;
        self.left |= other.left;
    }
}

/// How long trials have to reach a stop point after a request to leave, so that the whole worker is
/// gone within 20 seconds.
const GRACE: Duration = Duration::from_secs(15);

/// A worker at its plan.
pub(crate) struct Worker<'a> {
    pub(crate) experiment: &'a dyn AnyExperiment,
    pub(crate) plan: &'a Plan,
    pub(crate) options: WorkerOptions,
    pub(crate) leave: Leave,
}

impl Worker<'_> {
    /// Runs the trials with the given numbers until each is recorded or failed, here or elsewhere.
    ///
    /// `settled` is called on the showing thread after each trial that has come to its end.
    pub(crate) fn run(&self, numbers: &[usize], settled: &mut dyn FnMut(&Display)) -> Result<Outcome> {
        let stores: Vec<Store> = self
            .plan
            .sets
            .iter()
            .map(|set| Store::open(set.store.root()))
            .collect::<Result<_>>()?;
        let recorded = stores.iter().map(Store::recorded).collect::<Result<Vec<_>>>()?;
        let mut forgiven = BTreeSet::new();
        if self.options.retry {
            for store in &stores {
                forgiven.extend(store.failed()?);
            }
        }
        let mut entries: Vec<Entry> = numbers
            .iter()
            .map(|&number| (number, &self.plan.trials[number]))
            .filter(|(_, trial)| self.options.fresh || !recorded[trial.set].contains(&trial.id))
            .map(|(number, trial)| Entry {
                number,
                id: trial.id.clone(),
                store: trial.set,
            })
            .collect();
        let done = numbers.len() - entries.len();
        if entries.is_empty() {
            return Ok(Outcome::default());
        }
        let jobs = self.options.jobs.clamp(1, entries.len());
        let meeting = (jobs > 1 && self.plan.device != "cpu").then(Meeting::default);
        if meeting.is_some() {
            // Trials of one arm can train as one stack.
            entries.sort_by_key(|entry| self.place_in_arms(entry.number));
        }
        let queue = Mutex::new(
            Queue::new(stores, entries, self.options.stale)
                .again(self.options.fresh)
                .forgiving(forgiven),
        );
        let mut display = Display::new(&self.plan.experiment, numbers.len(), done);
        let keeper = Keeper::default();
        let outcome = thread::scope(|scope| {
            let (events, inbox) = channel();
            let renewals = (self.options.stale / 5).max(Duration::from_millis(20));
            let (ours, theirs) = (keeper.clone(), events.clone());
            scope.spawn(move || ours.renew_all(renewals, &theirs));
            let mut seats = meeting.as_ref().map_or_else(Vec::new, |meeting| meeting.seats(jobs));
            for _ in 0..jobs {
                let (queue, keeper, events) = (&queue, keeper.clone(), events.clone());
                let seat = seats.pop();
                scope.spawn(move || self.work(jobs, queue, seat.as_ref(), &keeper, &events));
            }
            let outcome = self.supervise(jobs, &inbox, &mut display, &keeper, settled);
            keeper.end();
            outcome
        });
        display.close();
        outcome
    }

    /// Where a trial stands when those of one arm follow each other.
    fn place_in_arms(&self, number: usize) -> (usize, Option<usize>) {
        let trial = &self.plan.trials[number];
        (trial.set, self.plan.rank(trial.variant))
    }

    /// Shows events until all threads are through, or leaves without those that do not stop.
    fn supervise(
        &self,
        jobs: usize,
        inbox: &Receiver<Event>,
        display: &mut Display,
        keeper: &Keeper,
        settled: &mut dyn FnMut(&Display),
    ) -> Result<Outcome> {
        let (mut outcome, mut over, mut broken) = (Outcome::default(), 0, None);
        let mut leaving: Option<Instant> = None;
        while over < jobs {
            match inbox.recv_timeout(Duration::from_millis(100)) {
                Ok(event) => {
                    display.show(&event);
                    match event {
                        Event::Finished { .. } => outcome.finished += 1,
                        Event::Failed { .. } => outcome.failed += 1,
                        Event::Paused { .. } => outcome.paused += 1,
                        Event::ThreadOver => over += 1,
                        Event::Broken(error) => {
                            // The other threads have nowhere to write either: let them stop.
                            self.leave.halt();
                            broken.get_or_insert(error);
                            continue;
                        }
                        _ => continue,
                    }
                    if !self.leave.asked() && over == 0 {
                        settled(display);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.leave.asked() {
                self.hurry(&mut leaving, display, keeper, broken.as_ref());
            }
        }
        outcome.left = self.leave.asked();
        broken.map_or(Ok(outcome), Err)
    }

    /// Waits for trials to reach a stop point, then leaves without them.
    fn hurry(&self, leaving: &mut Option<Instant>, display: &mut Display, keeper: &Keeper, broken: Option<&Error>) {
        let since = *leaving.get_or_insert_with(|| {
            display.note(
                "leaving: finished trials are on disk, those under way stop at their next pause (again: at once)",
            );
            Instant::now()
        });
        if self.leave.count() > 1 || since.elapsed() > GRACE {
            display.close();
            keeper.release_all();
            if let Some(error) = broken {
                display.note(&format!("error: {error}"));
            }
            display.note("left with trials under way; the next run takes them up");
            // The trials' threads do not answer, and a scope would wait for them.
            std::process::exit(i32::from(self.leave.exit_code()));
        }
    }

    /// Takes trials until nothing is left.
    fn work(
        &self,
        jobs: usize,
        queue: &Mutex<Queue>,
        seat: Option<&Seat<'_>>,
        keeper: &Keeper,
        events: &Sender<Event>,
    ) {
        let threads = (self.options.cores / jobs).max(1);
        let outcome = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .map_err(|error| Error::Program {
                program: "threads of a trial".into(),
                message: error.to_string(),
            })
            .and_then(|pool| self.take_turns(&pool, jobs, queue, seat, keeper, events));
        // The showing thread outlives the workers, so nobody is missed.
        if let Err(error) = outcome {
            let _ = events.send(Event::Broken(error));
        }
        let _ = events.send(Event::ThreadOver);
    }

    fn take_turns(
        &self,
        pool: &rayon::ThreadPool,
        jobs: usize,
        queue: &Mutex<Queue>,
        seat: Option<&Seat<'_>>,
        keeper: &Keeper,
        events: &Sender<Event>,
    ) -> Result<()> {
        let owner = Owner::new();
        while !self.leave.asked() {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next(&owner)?;
            let event = match next {
                Next::Over => return Ok(()),
                Next::Wait(pause) => {
                    away(seat, || thread::sleep(pause.min(Duration::from_millis(200))));
                    continue;
                }
                Next::Settled => Event::Settled,
                Next::Run { number, lease } => {
                    keeper.hold(number, lease);
                    let event =
                        pool.install(|| self.attempt(number, pool.current_num_threads(), jobs, seat, &owner, events));
                    let released = keeper.release(number);
                    let event = event?;
                    released?;
                    event
                }
            };
            // As above.
            let _ = events.send(event);
        }
        Ok(())
    }

    /// Runs one trial and writes what came of it.
    fn attempt(
        &self,
        number: usize,
        threads: usize,
        jobs: usize,
        seat: Option<&Seat<'_>>,
        owner: &Owner,
        events: &Sender<Event>,
    ) -> Result<Event> {
        let trial = &self.plan.trials[number];
        let store = &self.plan.sets[trial.set].store;
        // As above.
        let _ = events.send(Event::Started {
            number,
            label: self.plan.label(trial),
        });
        if self.options.fresh {
            store.drop_checkpoint(&trial.id)?;
        }
        let world = World {
            store: Some(store),
            meeting: seat.map(Seat::meeting),
            ..self.world(number, threads, events)
        };
        let data = world.dataset.clone();
        let variant = &self.plan.variants[trial.variant];
        let needed = self.experiment.footprint(variant, &self.plan.settings, data.as_deref());
        let needed = needed.and_then(|needed| self.options.memory.check(&needed).map(|()| needed.total()));
        let needed = match needed {
            Ok(needed) => needed,
            Err(error) => return self.fail(number, &error, owner),
        };
        let Some(_part) = away(seat, || self.options.memory.take(needed, || self.leave.asked())) else {
            return Ok(Event::Paused { number });
        };
        let mut running = RunningTrial::new(variant, world, self.empty_record(trial));
        match run_caught(self.experiment, &mut running) {
            Ok(()) => {}
            Err(error) if error.is::<Stopped>() => return Ok(Event::Paused { number }),
            // A full disk under a checkpoint is no property of the trial.
            Err(error) if matches!(error.downcast_ref(), Some(Error::Io { .. })) => {
                return Err(error.downcast().unwrap_or_else(|error| Error::Program {
                    program: "trial".into(),
                    message: error.to_string(),
                }));
            }
            Err(error) => return self.fail(number, &error, owner),
        }
        let training_seconds = running.training_seconds();
        let (mut record, wall_seconds, resumptions) = running.finish();
        if record.tables.values().all(|table| table.rows().is_empty()) {
            return self.fail(
                number,
                &anyhow::anyhow!("the trial ended without recording a row"),
                owner,
            );
        }
        if let Err(error) = self.experiment.record_variant(variant, &mut record) {
            return self.fail(number, &error, owner);
        }
        let timing = Timing {
            wall_seconds,
            threads: threads as u64,
            jobs: jobs as u64,
            resumptions,
            instruction_set: instruction_set(),
        };
        let identity = self.plan.identity_of(trial).canonical();
        let mut finished = Finished::new(&trial.id, &identity, record, timing, owner.clone())?;
        finished.training_seconds = training_seconds;
        if self.options.fresh {
            store.supersede(&finished)?;
        } else if let Publication::Conflict(path) = store.finish(&finished)? {
            let text = format!(
                "{}: two workers recorded different rows; the first stands, the second is {}",
                self.plan.label(trial),
                path.display()
            );
            // As above.
            let _ = events.send(Event::Note(text));
        }
        store.forgive(&trial.id)?;
        store.drop_checkpoint(&trial.id)?;
        Ok(Event::Finished { number, wall_seconds })
    }

    fn fail(&self, number: usize, error: &anyhow::Error, owner: &Owner) -> Result<Event> {
        let trial = &self.plan.trials[number];
        let message = chain(error);
        let failure = Failure {
            id: trial.id.clone(),
            message: message.clone(),
            owner: owner.clone(),
            at_unix_seconds: unix_seconds(),
        };
        self.plan.sets[trial.set].store.fail(&failure)?;
        Ok(Event::Failed { number, message })
    }

    fn empty_record(&self, trial: &Planned) -> Record {
        let set = &self.plan.sets[trial.set].loaded.name;
        Record::new(TrialKey::new(
            &trial.id,
            &self.plan.names[trial.variant],
            set,
            trial.seed,
        ))
    }

    fn world<'b>(&'b self, number: usize, threads: usize, events: &Sender<Event>) -> World<'b> {
        let trial = &self.plan.trials[number];
        World {
            id: &trial.id,
            number,
            settings: &self.plan.settings,
            preset: &self.plan.preset,
            dataset: self.plan.sets[trial.set].loaded.dataset.clone(),
            seed: self.plan.seed_of(trial),
            device: &self.plan.device,
            threads,
            checkpoint_every: self.options.checkpoint_every,
            store: None,
            events: events.clone(),
            leave: self.leave.clone(),
            meeting: None,
        }
    }

    /// Runs one trial without reading or writing anything on disk, for `verify`.
    pub(crate) fn rehearse(&self, number: usize) -> anyhow::Result<(Record, f64)> {
        let trial = &self.plan.trials[number];
        let mut display = Display::new(&self.plan.experiment, 1, 0);
        let (events, inbox) = channel();
        let outcome = thread::scope(|scope| {
            let runner = scope.spawn(move || {
                // As above.
                let _ = events.send(Event::Started {
                    number,
                    label: self.plan.label(trial),
                });
                let world = self.world(number, cores(), &events);
                let variant = &self.plan.variants[trial.variant];
                let mut running = RunningTrial::new(variant, world, self.empty_record(trial));
                run_caught(self.experiment, &mut running)?;
                let mut done = running.finish();
                self.experiment.record_variant(variant, &mut done.0)?;
                Ok(done)
            });
            while let Ok(event) = inbox.recv() {
                display.show(&event);
            }
            runner
                .join()
                .unwrap_or_else(|_| Err(anyhow::anyhow!("the trial's thread ended in a panic")))
        });
        display.close();
        outcome.map(|(record, wall_seconds, _)| (record, wall_seconds))
    }
}

/// Waits for what others hold, without their waiting for this thread.
fn away<T>(seat: Option<&Seat<'_>>, wait: impl FnOnce() -> T) -> T {
    match seat {
        Some(seat) => seat.meeting().away(wait),
        None => wait(),
    }
}

/// Runs a trial and turns a panic into an error, so that one trial cannot end the whole run.
fn run_caught(experiment: &dyn AnyExperiment, trial: &mut RunningTrial<'_>) -> anyhow::Result<()> {
    match caught(experiment, trial) {
        Err(error) => match error.downcast::<Diverged>() {
            Ok(diverged) => trial.record_divergence(experiment, &diverged),
            Err(error) => Err(error),
        },
        done => done,
    }
}

fn caught(experiment: &dyn AnyExperiment, trial: &mut RunningTrial<'_>) -> anyhow::Result<()> {
    // A trial that panicked is dropped unread.
    catch_unwind(AssertUnwindSafe(|| experiment.trial(TrialContext::of(trial)))).unwrap_or_else(|cause| {
        let text = cause
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| cause.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        Err(anyhow::anyhow!("panicked: {text}"))
    })
}

/// Returns the number of cores that this process may use.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
