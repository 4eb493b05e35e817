//! Training one network of a trial to its end.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use espalier_data::Dataset;
use espalier_experiment::{Diverged, RunningTrial};
use espalier_net::{GateForm, Network, Threads, models};
use espalier_report::rows::Row;
use espalier_report::standard::{Outcome, Reading as ReadingRow};
use espalier_seed::Seed;
use espalier_strategy::{Reading, Strategy};
use espalier_train::{Evaluation, Regime, Split, Trainer};

use crate::choice::{Choices, Rule};
use crate::course::{Budget, Course, Stream};
use crate::moment::{During, Moment};
use crate::perceptron::Perceptron;
use crate::shelf::{self, Saved};
use crate::trained::Trained;

/// The setting in which experiments say how many training rows are in use; 0 is all.
const TRAINING_ROWS: &str = "train_images";

type Build<'c> = Box<dyn FnOnce(&Dataset, &Seed) -> anyhow::Result<Network<f32>> + 'c>;
type Done<'c> = Box<dyn Fn(&Trainer) -> bool + 'c>;
type Look<'c> = Box<dyn FnMut(&mut Moment<'_>) -> anyhow::Result<()> + 'c>;

/// One network of a trial, about to be trained.
///
/// # Method
/// Weights come from the stream `network` of the seed, batches from `shuffle`, so that networks of equal seeds are paired.
/// After every epoch the validation split is scored, rows are recorded, and a checkpoint is written where one is due. A
/// resumed trial takes up networks that were trained before without training them again, each with the rows of its time,
/// so that what a trial records between two networks is neither lost nor doubled. When training ends, validation and test
/// split are scored; the test split is read nowhere else. Training that diverges ends the trial with [`Diverged`].
///
/// # Defaults
/// The data set is the trial's, with the first rows alone where the setting `train_images` says so; there are no
/// strategies; batches are cut as the setting `batch_parts` says, whose parts the threads of the trial share; after each
/// epoch a row of `epochs` and, for groups that can be edited and for what strategies have learned, rows of `readings` are
/// recorded.
pub struct Training<'c, 'a> {
    context: &'c mut RunningTrial<'a>,
    regime: Regime,
    seed: Seed,
    data: Option<Arc<Dataset>>,
    build: Option<Build<'c>>,
    strategies: Vec<Box<dyn Strategy>>,
    looks: Vec<Look<'c>>,
    choices: Choices,
    course: Course<'c>,
    done: Option<Done<'c>>,
    standard: bool,
    tested: bool,
}

impl<'c, 'a> Training<'c, 'a> {
    /// Begins to describe a training.
    pub fn new(context: &'c mut RunningTrial<'a>, regime: Regime, seed: &Seed) -> Self {
        Self {
            context,
            regime,
            seed: seed.clone(),
            data: None,
            build: None,
            strategies: Vec::new(),
            looks: Vec::new(),
            choices: Choices::default(),
            course: Course::default(),
            done: None,
            standard: true,
            tested: true,
        }
    }

    /// Trains on another data set than the trial's.
    #[must_use]
    pub fn data(mut self, data: Arc<Dataset>) -> Self {
        self.data = Some(data);
        self
    }

    /// Says how the network is made, from the data set and the stream of its weights.
    #[must_use]
    pub fn network(mut self, build: impl FnOnce(&Dataset, &Seed) -> anyhow::Result<Network<f32>> + 'c) -> Self {
        self.build = Some(Box::new(build));
        self
    }

    /// Trains a plain multi-layer perceptron with these hidden widths.
    #[must_use]
    pub fn mlp(self, widths: &[usize]) -> Self {
        let widths = widths.to_vec();
        self.network(move |data, seed| {
            let info = &data.info;
            Ok(models::mlp(info.features, &widths, info.targets.outputs(), seed)?)
        })
    }

    /// Trains a multi-layer perceptron with these hidden widths and a gate layer `gateK` behind each ReLU `reluK`.
    #[must_use]
    pub fn gated_mlp(self, widths: &[usize], form: GateForm) -> Self {
        let widths = widths.to_vec();
        self.network(move |data, seed| gated_mlp(data, &widths, form, seed))
    }

    /// Lets a strategy change the network while it trains; call it again for another one beside it.
    #[must_use]
    pub fn strategy(mut self, strategy: impl Strategy + 'static) -> Self {
        self.strategies.push(Box::new(strategy));
        self
    }

    /// Looks at the network after each epoch, for instance to record rows of an own table.
    ///
    /// What a closure keeps from epoch to epoch is lost when a trial is resumed; what it needs must be in the [`Moment`].
    #[must_use]
    pub fn each_epoch(mut self, look: impl FnMut(&mut Moment<'_>) -> anyhow::Result<()> + 'c) -> Self {
        self.looks.push(Box::new(look));
        self
    }

    /// Records this row after each epoch in place of the standard tables `epochs` and `readings`.
    #[must_use]
    pub fn epochs_as<R: Row>(mut self, mut row: impl FnMut(&mut Moment<'_>) -> anyhow::Result<R> + 'c) -> Self {
        self.standard = false;
        self.each_epoch(move |moment| {
            let row = row(moment)?;
            moment.record(&row)
        })
    }

    /// Records no rows after epochs, for networks of which only the end counts.
    #[must_use]
    pub fn unrecorded(mut self) -> Self {
        self.standard = false;
        self
    }

    /// Trains on a stream of so many tasks, an epoch on the data set of each, whatever the regime's epochs are.
    ///
    /// The first task, counted from 0, is what the network is built for; the test split of the last one alone is read.
    #[must_use]
    pub fn tasks(mut self, tasks: u64, task: impl Fn(u64) -> anyhow::Result<Arc<Dataset>> + 'c) -> Self {
        let task = Box::new(task);
        self.course.stream = Some(Stream { tasks, task });
        self
    }

    /// Trains until so many multiply–accumulates are spent, forward and backward counted as three forwards, with what
    /// strategies spend on decisions where `decisions` says so; the regime's epochs must be more than that pays for.
    ///
    /// # Method
    /// What does not pay for a whole epoch is spent on the steps that it pays for; their end counts as the end of an epoch,
    /// without a training loss. Decisions at the end of the last whole epoch may overdraw the budget.
    #[must_use]
    pub fn within(mut self, macs: u64, decisions: bool) -> Self {
        self.course.budget = Some(Budget { macs, decisions });
        self
    }

    /// Keeps the network of the best epoch among those behind a share of all epochs: 0 looks at all, 0.5 at the second half.
    ///
    /// # Method
    /// The best epoch is the first one of highest validation accuracy, for regression of lowest validation loss. Its network
    /// is kept as it stands behind the edits of that epoch's end, scored on the test split when training has ended, and
    /// handed out by [`Trained::chosen`].
    #[must_use]
    pub fn choose(mut self, name: &'static str, behind: f64) -> Self {
        self.choices.add(Rule { name, behind });
        self
    }

    /// Ends training before its last epoch where the trainer, asked between epochs, shows that it is done: when a strategy's
    /// search is over, for instance.
    ///
    /// A resumed trial asks again; the answer must follow from the trainer alone.
    #[must_use]
    pub fn until(mut self, done: impl Fn(&Trainer) -> bool + 'c) -> Self {
        self.done = Some(Box::new(done));
        self
    }

    /// Leaves the test split alone, for networks that only help to choose.
    #[must_use]
    pub fn untested(mut self) -> Self {
        self.tested = false;
        self
    }

    /// Trains the network under a name that no other one of the trial has, or takes it up where it was left.
    ///
    /// # Errors
    /// [`Diverged`], [`espalier_experiment::Stopped`], and whatever keeps the network from being built or trained.
    pub fn run(mut self, net: &str) -> anyhow::Result<Trained> {
        let saved = shelf::take(self.context, net)?;
        let (mut trainer, mut readings) = self.begin(saved.as_ref())?;
        let outcome = match saved.and_then(|saved| Some((saved.outcome.clone()?, saved))) {
            Some((outcome, saved)) => {
                shelf::put(self.context, saved);
                outcome
            }
            None => {
                let outcome = self.train(net, &mut trainer, &mut readings)?;
                if self.context.keeps_checkpoints() {
                    let mut saved = Saved::new(self.context, net, &trainer, &readings, &self.choices)?;
                    saved.outcome = Some(outcome.clone());
                    shelf::put(self.context, saved);
                }
                outcome
            }
        };
        Ok(Trained {
            outcome,
            readings,
            chosen: self.choices.test(net, &trainer, self.tested)?,
            trainer,
        })
    }

    /// Trains the network as [`Training::run`] does and keeps its outcome alone, for trials of many networks: checkpoints
    /// do not hold it any more once it is trained.
    ///
    /// # Errors
    /// As [`Training::run`].
    pub fn outcome(mut self, net: &str) -> anyhow::Result<Outcome> {
        let saved = shelf::take(self.context, net)?;
        if let Some((outcome, saved)) = saved.as_ref().and_then(|saved| Some((saved.outcome.clone()?, saved))) {
            shelf::put(self.context, saved.clone());
            return Ok(outcome);
        }
        let (mut trainer, mut readings) = self.begin(saved.as_ref())?;
        let outcome = self.train(net, &mut trainer, &mut readings)?;
        if self.context.keeps_checkpoints() {
            let saved = Saved::without_network(self.context, net, &outcome)?;
            shelf::put(self.context, saved);
        }
        Ok(outcome)
    }

    /// The network at its beginning, or as it was saved, with what strategies had learned by then.
    fn begin(&mut self, saved: Option<&Saved>) -> anyhow::Result<(Trainer, Vec<Reading>)> {
        let data = self.dataset()?;
        let trainer = self.trainer(data, saved)?;
        if let Some(saved) = saved {
            self.choices.restore(&saved.choices)?;
        }
        Ok((trainer, saved.map_or_else(Vec::new, |saved| saved.readings.clone())))
    }

    /// Trains to the end and scores the network.
    fn train(&mut self, net: &str, trainer: &mut Trainer, readings: &mut Vec<Reading>) -> anyhow::Result<Outcome> {
        self.train_epochs(net, trainer, readings)?;
        Diverged::check(trainer.diverged())?;
        outcome(net, trainer, self.tested)
    }

    fn dataset(&mut self) -> anyhow::Result<Arc<Dataset>> {
        if let Some(data) = self.data.take() {
            return Ok(data);
        }
        if let Some(stream) = &self.course.stream {
            return (stream.task)(0);
        }
        let shortened = self.context.settings().iter().any(|(name, _)| name == TRAINING_ROWS);
        if shortened {
            self.context.shortened_dataset(TRAINING_ROWS)
        } else {
            Ok(Arc::clone(self.context.dataset()?))
        }
    }

    fn trainer(&mut self, data: Arc<Dataset>, saved: Option<&Saved>) -> anyhow::Result<Trainer> {
        let regime = Regime {
            parts: self.context.settings().batch_parts().max(self.regime.parts),
            ..self.regime.clone()
        };
        let device = self.context.device().parse()?;
        let threads = self.context.threads().min(regime.parts);
        let trainer = if let Some(saved) = saved {
            let mut trainer = Trainer::resume(saved.trainer(), data, regime, &self.seed)?;
            self.course.take_up(&mut trainer)?;
            trainer
        } else {
            let build = self
                .build
                .take()
                .context("a training needs a network: `.network` or `.mlp`")?;
            let network = build(&data, &self.seed.named("network"))?;
            Trainer::new(network, data, regime, &self.seed)?
        };
        let strategies = std::mem::take(&mut self.strategies);
        let trainer = trainer.on(&device)?.on_threads(Threads::Pool(threads));
        Ok(trainer.with_strategies(strategies)?)
    }

    fn train_epochs(&mut self, net: &str, trainer: &mut Trainer, readings: &mut Vec<Reading>) -> anyhow::Result<()> {
        let epochs = self.course.epochs(trainer, self.regime.epochs);
        while !self.done.as_ref().is_some_and(|done| done(trainer)) {
            let mut during = During::of(trainer);
            let (start, before) = (Instant::now(), trainer.epoch());
            let Some(done) = self.course.advance(self.context, trainer)? else {
                break;
            };
            during.seconds = start.elapsed().as_secs_f64();
            // Before the evaluation, which fits both to the network as it has become.
            (during.batch, during.activation_bytes) = (trainer.batch(), trainer.bytes().activations);
            *readings = trainer.readings().to_vec();
            let validation = trainer.evaluate(Split::Validation)?;
            self.choices.look(trainer, epochs, validation);
            let mut moment = Moment {
                net,
                done: &done,
                during: &during,
                validation,
                readings,
                trainer,
                record: self.context.rows_mut(),
            };
            if self.standard {
                record(&mut moment)?;
            }
            self.looks.iter_mut().try_for_each(|look| look(&mut moment))?;
            let (at, of) = self.course.progress(trainer, epochs);
            self.context.progress(at, of, done.train_loss);
            if trainer.epoch() == before {
                // The part of an epoch with which a budget ends.
                break;
            }
            shelf::pause(self.context, net, trainer, readings, &self.choices)?;
        }
        Ok(())
    }
}

/// A multi-layer perceptron for a data set, with layers named as in [`models::mlp`] and a gate layer `gateK` behind each
/// ReLU.
///
/// # Errors
/// Refuses widths of 0.
pub fn gated_mlp(data: &Dataset, widths: &[usize], form: GateForm, seed: &Seed) -> anyhow::Result<Network<f32>> {
    let gates = Some(form);
    let gated = Perceptron {
        gates,
        ..Perceptron::PLAIN
    };
    gated.build(data, widths, seed)
}

/// Records the standard rows of an epoch.
fn record(moment: &mut Moment<'_>) -> anyhow::Result<()> {
    moment.record(&moment.standard())?;
    let network = moment.network();
    let width = |group| {
        Reading::new(
            network.group(group).name(),
            "width",
            network.group(group).width() as f64,
        )
    };
    let widths: Vec<Reading> = network.editable_groups().into_iter().map(width).collect();
    for reading in widths.iter().chain(moment.readings) {
        moment.record.push(&ReadingRow {
            net: moment.net.to_owned(),
            epoch: moment.done.epoch,
            of: reading.of.clone(),
            name: reading.name.clone(),
            value: reading.value,
        })?;
    }
    Ok(())
}

/// Scores a trained network; the only place where the test split is read.
fn outcome(net: &str, trainer: &mut Trainer, tested: bool) -> anyhow::Result<Outcome> {
    let validation = trainer.evaluate(Split::Validation)?;
    let test = if tested {
        Some(trainer.evaluate(Split::Test)?)
    } else {
        None
    };
    let cost = trainer.network().cost();
    let events = trainer.events();
    let applied = |events: &espalier_train::Events| {
        let edits = events
            .edits
            .iter()
            .filter(|edit| edit.step > 0 && edit.outcome == "applied");
        edits.count() as u64
    };
    let score = |evaluation: Evaluation| evaluation.accuracy.unwrap_or(f64::NAN);
    Ok(Outcome {
        net: net.to_owned(),
        diverged: false,
        epochs: trainer.epoch(),
        steps: trainer.steps(),
        parameters: cost.parameters,
        macs: cost.macs,
        train_macs: trainer.train_macs(),
        decision_macs: events.map_or(0, |events| events.decision_macs),
        recording_macs: events.map_or(0, |events| events.recording_macs),
        edits: events.map_or(0, applied),
        validation_loss: validation.loss,
        validation_score: score(validation),
        test_loss: test.map_or(f64::NAN, |test| test.loss),
        test_score: test.map_or(f64::NAN, score),
    })
}
