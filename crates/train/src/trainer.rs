//! The only training loop.

use std::sync::Arc;
use std::time::Instant;

use espalier_data::{Batches, Dataset, Split};
use espalier_net::{
    Bytes, DeviceChoice, Layer, LossKind, Network, NodeId, Optimizer, ParameterId, Session, StepOutcome, Threads,
    Traffic,
};
use espalier_seed::Seed;
use espalier_strategy::{BatchCut, Clock};
use serde::{Deserialize, Serialize};

use crate::batch::{BatchSource, fits, stretch};
use crate::checkpoint::SavedHooks;
use crate::error::{Error, Result};
use crate::evaluation::{EVALUATION_ROWS, Evaluation, Passes, stretches, summed};
use crate::hooks::Hooks;
use crate::laboratory::Training;
use crate::regime::Regime;
use crate::resident::Resident;
use crate::stacked::Kept;

/// Why a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StopReason {
    /// All epochs are done.
    Finished,
    /// The loss was not finite at this step, counted from 0, and the weights are those before it; or the last step of an
    /// epoch left weights that are not finite, and this is the number of steps until then.
    Diverged {
        /// The step.
        step: u64,
    },
}

/// What one epoch was like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochSummary {
    /// The epoch's number, from 1.
    pub epoch: u64,
    /// Training steps so far.
    pub steps: u64,
    /// The mean over the epoch's samples of the loss, each measured just before the step on its batch.
    pub train_loss: f64,
    /// The share of right answers, measured likewise; `None` for regression.
    pub train_accuracy: Option<f64>,
    /// Multiply–accumulates spent in training so far, forward and backward counted as three forwards.
    pub train_macs: u64,
    /// Trained values of the network.
    pub parameters: u64,
}

/// A network under training on a data set.
///
/// It owns network, optimizer, session and the place in the data; [`Trainer::with_strategies`] adds methods that edit the
/// network meanwhile. [`Trainer::run`] trains to the end, [`Trainer::train_epoch`] and [`Trainer::train_steps`] in parts;
/// [`Trainer::evaluate`] scores a split at any time, [`Trainer::checkpoint`] gives all that [`Trainer::resume`] needs to go
/// on as if nothing had happened.
///
/// # Method
/// One step: the next batch of the epoch's order is gathered; strategies set masks and gates for training; the session runs
/// forwards and backwards; strategies observe, add penalties and change gradients; gradients are clipped and the optimizer
/// steps at the scheduled rate; then strategies may propose an edit, which is applied, measured and recorded
/// ([`Trainer::events`]). After the last batch of an epoch they may propose another, and the epoch's summary goes out. A loss
/// that is not finite ends the run with [`StopReason::Diverged`], which is an outcome and no error.
pub struct Trainer {
    pub(crate) network: Network<f32>,
    pub(crate) optimizer: Optimizer<f32>,
    pub(crate) session: Session<f32>,
    pub(crate) data: Arc<Dataset>,
    pub(crate) regime: Regime,
    pub(crate) seed: Seed,
    pub(crate) buffer: BatchSource,
    /// The value of the inputs that sessions skip.
    background: Option<f32>,
    /// The running epoch's order of samples, in one piece: batches are cut from it as they are taken.
    order: Batches,
    /// How the samples are cut into steps, and the network's revision for which that was decided.
    cut: (BatchCut, u64),
    pub(crate) epoch: u64,
    pub(crate) step: u64,
    pub(crate) train_macs: u64,
    pub(crate) stopped: Option<StopReason>,
    /// The network's revision and MACs per sample when they were last counted.
    counted: (Option<u64>, u64),
    pub(crate) part: EpochPart,
    pub(crate) hooks: Option<Box<Hooks>>,
    /// The strategies' part of a checkpoint, until they are handed over.
    pub(crate) waiting: Option<SavedHooks>,
    pub(crate) device: DeviceChoice,
    threads: Threads,
    /// The network as the device holds it, once it has taken a step there.
    pub(crate) resident: Option<Box<Resident>>,
    /// The stack of the last epoch that was taken beside others, where it is this trainer's to keep.
    pub(crate) kept: Option<Box<Kept>>,
    /// This network's share of what such stacks copied.
    pub(crate) stacked: Traffic,
    /// Wall seconds before this trainer was made, and when it was.
    pub(crate) began: (f64, Instant),
}

/// What has been done of the running epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct EpochPart {
    /// Steps taken; while this is 0 the order of the batches is still that of the epoch before.
    pub steps: usize,
    pub loss: f64,
    pub correct: usize,
    /// Samples seen: where the next batch begins in the order.
    pub samples: usize,
}

impl EpochPart {
    /// Counts one step on a loss of this kind.
    pub fn add(&mut self, outcome: &StepOutcome, loss: LossKind) {
        self.steps += 1;
        self.loss += summed(outcome, loss);
        self.correct += outcome.correct;
        self.samples += outcome.samples;
    }
}

pub(crate) enum Advance {
    Step,
    Epoch(EpochSummary),
    Ended,
}

impl Trainer {
    /// Prepares to train a network from the beginning.
    ///
    /// Batches come from the stream `shuffle/<epoch>` of `seed`, dropout masks from `dropout`.
    ///
    /// # Errors
    /// Refuses a regime outside its ranges, a network that does not fit the data set, and steps of one sample behind a batch
    /// norm, which has no variance there. A leftover of one sample is no such step: see [`BatchCut`]. Refuses to cut the
    /// batches of a network with a batch norm.
    pub fn new(network: Network<f32>, data: Arc<Dataset>, regime: Regime, seed: &Seed) -> Result<Self> {
        regime.check()?;
        check_fit(&network, &data, &regime)?;
        check_whole(&network, &regime)?;
        let cut = cut_for(&network, &data, &regime)?;
        let rows = session_rows(&regime, cut);
        let mut session = Session::new(&network, rows, &DeviceChoice::Cpu, &seed.named("dropout"))?;
        session.set_parts(regime.parts)?;
        let background = regime.background(&data);
        session.set_background(0, background);
        Ok(Self {
            background,
            optimizer: Optimizer::new(regime.optimizer, &network)?,
            session,
            buffer: regime.buffer(&data, cut.largest()),
            order: Batches::sequential(data.train.len(), data.train.len()),
            cut: (cut, network.revision()),
            network,
            data,
            regime,
            seed: seed.clone(),
            epoch: 0,
            step: 0,
            train_macs: 0,
            stopped: None,
            counted: (None, 0),
            part: EpochPart::default(),
            hooks: None,
            waiting: None,
            device: DeviceChoice::Cpu,
            threads: Threads::One,
            resident: None,
            kept: None,
            stacked: Traffic::default(),
            began: (0.0, Instant::now()),
        })
    }

    /// The network as it stands.
    #[must_use]
    pub fn network(&self) -> &Network<f32> {
        &self.network
    }

    /// The optimizer as it stands.
    #[must_use]
    pub fn optimizer(&self) -> &Optimizer<f32> {
        &self.optimizer
    }

    /// The data set.
    #[must_use]
    pub fn data(&self) -> &Dataset {
        &self.data
    }

    /// How it trains.
    #[must_use]
    pub fn regime(&self) -> &Regime {
        &self.regime
    }

    /// The value of the inputs that is skipped, for other sessions on the same data ([`Session::set_background`]); `None`
    /// where too few inputs have one value, or the regime asks for dense products.
    #[must_use]
    pub fn background(&self) -> Option<f32> {
        self.background
    }

    /// Looks for the background of the data set as it is now, and tells all sessions.
    pub(crate) fn look_for_background(&mut self) {
        self.background = self.regime.background(&self.data);
        self.session.set_background(0, self.background);
        if let Some(hooks) = &mut self.hooks {
            hooks.laboratory.session.set_background(0, self.background);
        }
    }

    /// Epochs done.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Steps done.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// Multiply–accumulates spent in training so far, forward and backward counted as three forwards.
    #[must_use]
    pub fn train_macs(&self) -> u64 {
        self.train_macs
    }

    /// Samples per step, which follow the network's size where the regime has a budget of memory.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.cut.0.batch()
    }

    /// Bytes that the training session keeps alive.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        self.session.bytes()
    }

    /// Why training ended, once it has.
    #[must_use]
    pub fn stopped(&self) -> Option<&StopReason> {
        self.stopped.as_ref()
    }

    /// The step at which training diverged, if it did (see [`StopReason::Diverged`]).
    #[must_use]
    pub fn diverged(&self) -> Option<u64> {
        match self.stopped {
            Some(StopReason::Diverged { step }) => Some(step),
            _ => None,
        }
    }

    /// Moves training to a device; without this call it runs on the CPU kernels. Call it again after a resume.
    ///
    /// # Errors
    /// Refuses CUDA where this program was built without it or finds no such device, and batches that are cut into parts.
    pub fn on(mut self, device: &DeviceChoice) -> Result<Self> {
        let stream = self.session.stream_state();
        let rows = session_rows(&self.regime, self.cut.0);
        self.session = Session::new(&self.network, rows, device, &self.seed.named("dropout"))?;
        self.session.restore_stream(&stream);
        self.session.set_background(0, self.background);
        self.session.set_parts(self.regime.parts)?;
        self.session.set_threads(self.threads);
        self.device = device.clone();
        self.resident = None;
        Ok(self)
    }

    /// Sets how many threads of rayon's current pool a step may use; no result depends on it. They share the parts of
    /// [`Regime::parts`], and of a batch in one piece the rows and columns of each product. Call it again after a resume.
    #[must_use]
    pub fn on_threads(mut self, threads: Threads) -> Self {
        self.session.set_threads(threads);
        self.optimizer.set_threads(threads);
        self.threads = threads;
        self
    }

    /// Trains all epochs that are left and calls back after each.
    ///
    /// # Errors
    /// Fails where the network or the data set does; divergence is an outcome, not an error.
    pub fn run(&mut self, on_epoch: &mut dyn FnMut(&EpochSummary)) -> Result<StopReason> {
        loop {
            match self.train_epoch()? {
                Some(summary) => on_epoch(&summary),
                None => return Ok(self.stopped.clone().unwrap_or(StopReason::Finished)),
            }
        }
    }

    /// Trains one epoch; `None` when all epochs are done or training has diverged.
    ///
    /// # Errors
    /// As [`Trainer::run`].
    pub fn train_epoch(&mut self) -> Result<Option<EpochSummary>> {
        loop {
            match self.advance()? {
                Advance::Step => {}
                Advance::Epoch(summary) => return Ok(Some(summary)),
                Advance::Ended => return Ok(None),
            }
        }
    }

    /// Takes up to `steps` steps, over the ends of epochs, and says how many; fewer when training ended.
    ///
    /// # Errors
    /// As [`Trainer::run`].
    pub fn train_steps(&mut self, steps: u64) -> Result<u64> {
        let before = self.step;
        while self.step < before + steps {
            if matches!(self.advance()?, Advance::Ended) {
                break;
            }
        }
        self.bring_home()?;
        Ok(self.step.saturating_sub(before))
    }

    /// Takes one step; tells of the epoch that it ends.
    fn advance(&mut self) -> Result<Advance> {
        if let Some(saved) = &self.waiting {
            let reason = format!(
                "expected `with_strategies` with the {} strategies that it was saved with",
                saved.count()
            );
            return Err(Error::Checkpoint { reason });
        }
        if self.stopped.is_none() && self.epoch >= self.regime.epochs {
            self.stopped = Some(StopReason::Finished);
        }
        if self.stopped.is_some() {
            return Ok(Advance::Ended);
        }
        if self.part.steps == 0 {
            self.draw_order();
            self.with_hooks(Hooks::begin_epoch)?;
        }
        if self.stays_on_device() {
            return self.advance_on_device();
        }
        self.bring_home()?;
        self.leave_device_behind();
        if self.stopped.is_some() {
            return Ok(Advance::Ended);
        }
        let outcome = self.train_step()?;
        if !outcome.loss.is_finite() {
            self.stopped = Some(StopReason::Diverged { step: self.step });
            return Ok(Advance::Ended);
        }
        self.part.add(&outcome, self.regime.loss);
        self.with_hooks(|hooks, training| hooks.after_step(training))?;
        if self.part.samples < self.data.train.len() {
            return Ok(Advance::Step);
        }
        self.end_epoch().map(Advance::Epoch)
    }

    /// Puts the batches in the running epoch's order.
    pub(crate) fn draw_order(&mut self) {
        self.order
            .reshuffle(&mut self.seed.named("shuffle").index(self.epoch).stream());
    }

    pub(crate) fn end_epoch(&mut self) -> Result<EpochSummary> {
        let part = std::mem::take(&mut self.part);
        self.epoch += 1;
        if is_finite(&self.network) {
            self.with_hooks(|hooks, training| hooks.after_epoch(training))?;
        } else {
            self.stopped = Some(StopReason::Diverged { step: self.step });
        }
        let classifies = self.regime.loss == LossKind::CrossEntropy;
        Ok(EpochSummary {
            epoch: self.epoch,
            steps: self.step,
            train_loss: part.loss / part.samples as f64,
            train_accuracy: classifies.then(|| part.correct as f64 / part.samples as f64),
            train_macs: self.train_macs,
            parameters: self.network.parameter_count(),
        })
    }

    /// Steps of the running epoch: those taken, and those left if the batch stays as it is.
    fn steps_per_epoch(&self) -> u64 {
        let left = self.data.train.len() - self.part.samples;
        (self.part.steps + self.cut.0.steps(left)) as u64
    }

    /// Counts the samples per step anew when the network has been edited under a budget of memory.
    pub(crate) fn fit_batch(&mut self) -> Result<()> {
        let revision = self.network.revision();
        if self.regime.memory.is_none() || self.cut.1 == revision {
            return Ok(());
        }
        let cut = cut_for(&self.network, &self.data, &self.regime)?;
        if cut.batch() < self.batch() {
            self.session.release();
        }
        if cut.batch() != self.batch() {
            self.buffer = self.regime.buffer(&self.data, cut.largest());
        }
        self.cut = (cut, revision);
        Ok(())
    }

    pub(crate) fn clock(&self) -> Clock {
        Clock {
            step: self.step,
            epoch: self.epoch,
            steps_per_epoch: self.steps_per_epoch(),
            epochs: self.regime.epochs,
            learning_rate: self.regime.rate.rate(self.step),
            wall_seconds: self.began.0 + self.began.1.elapsed().as_secs_f64(),
        }
    }

    /// Lets the strategies, if there are any, work on the trainer's network.
    pub(crate) fn with_hooks(&mut self, work: impl FnOnce(&mut Hooks, &mut Training<'_>) -> Result<()>) -> Result<()> {
        let Some(mut hooks) = self.hooks.take() else {
            return Ok(());
        };
        let clock = self.clock();
        if let Some(resident) = &mut self.resident {
            resident.touch();
        }
        let mut training = Training {
            stack: self.resident.as_mut().and_then(|resident| resident.following()),
            network: &mut self.network,
            optimizer: &mut self.optimizer,
            session: &mut self.session,
            data: &self.data,
            regime: &self.regime,
            seed: &self.seed,
            clock,
        };
        let result = work(&mut hooks, &mut training);
        self.hooks = Some(hooks);
        result
    }

    fn train_step(&mut self) -> Result<StepOutcome> {
        self.fit_batch()?;
        self.with_hooks(|hooks, training| hooks.before_pass(training))?;
        let rows = self.next_rows().to_vec();
        let (features, target) = self.buffer.gather(&self.data.train, &rows)?;
        let outcome = self
            .session
            .loss_and_gradients(&mut self.network, &[features], target, self.regime.loss)?;
        if !outcome.loss.is_finite() {
            return Ok(outcome);
        }
        self.with_hooks(|hooks, training| hooks.after_pass(training))?;
        if let Some(clipping) = self.regime.clipping {
            self.session.clip_gradients(clipping)?;
        }
        let rate = self.regime.rate.rate(self.step);
        let session = &self.session;
        self.optimizer
            .step(&mut self.network, |id: ParameterId| session.gradient(id), rate)?;
        self.count_step(rows.len());
        Ok(outcome)
    }

    /// The rows of the next batch.
    pub(crate) fn next_rows(&self) -> &[u32] {
        let left = &self.order.get(0).unwrap_or_default()[self.part.samples..];
        &left[..self.cut.0.next(left.len())]
    }

    /// The rows of all batches that are left of the epoch.
    pub(crate) fn batches_left(&self) -> Vec<Vec<u32>> {
        let mut left = &self.order.get(0).unwrap_or_default()[self.part.samples..];
        let mut batches = Vec::new();
        while !left.is_empty() {
            let (next, later) = left.split_at(self.cut.0.next(left.len()));
            batches.push(next.to_vec());
            left = later;
        }
        batches
    }

    /// Counts a step on so many samples.
    pub(crate) fn count_step(&mut self, samples: usize) {
        self.step += 1;
        self.network.set_step(self.step);
        self.train_macs += 3 * self.macs_per_sample() * samples as u64;
    }

    /// The MACs of one sample's forward pass, counted anew when the network has been edited.
    pub(crate) fn macs_per_sample(&mut self) -> u64 {
        let revision = self.network.revision();
        if self.counted.0 != Some(revision) {
            self.counted = (Some(revision), self.network.cost().macs);
        }
        self.counted.1
    }

    /// Scores the network on a split.
    ///
    /// # Errors
    /// Fails where the network does.
    pub fn evaluate(&mut self, split: Split) -> Result<Evaluation> {
        self.fit_batch()?;
        let data = Arc::clone(&self.data);
        let mut restore = espalier_strategy::Restore::default();
        self.with_hooks(|hooks, training| {
            restore = hooks.set_for_evaluation(training)?;
            Ok(())
        })?;
        let rows = evaluation_rows(&self.regime, self.batch());
        let loss = self.regime.loss;
        let evaluation = Passes { rows, loss }.score(&mut self.session, &self.network, data.split(split));
        restore.undo(&mut self.network);
        evaluation
    }

    /// Shows what nodes emit over a whole split in evaluation mode, one pass of rows after the other.
    ///
    /// # Shapes
    /// The callback gets the node's position in `nodes` and a row-major `[rows, channels]` block.
    ///
    /// # Errors
    /// Fails where the network does.
    pub fn observe(&mut self, split: Split, nodes: &[NodeId], see: &mut dyn FnMut(usize, &[f32])) -> Result<()> {
        self.fit_batch()?;
        let data = Arc::clone(&self.data);
        let examples = data.split(split);
        self.session.observe(nodes);
        for (from, to) in stretches(examples, evaluation_rows(&self.regime, self.batch())) {
            let (features, _) = stretch(examples, from, to);
            self.session.evaluate(&self.network, &[features])?;
            for (k, node) in nodes.iter().enumerate() {
                if let Some(values) = self.session.activation(*node) {
                    see(k, values);
                }
            }
        }
        self.session.observe(&[]);
        Ok(())
    }

    /// Gives the network back.
    #[must_use]
    pub fn into_network(self) -> Network<f32> {
        self.network
    }
}

/// Whether all values of a network are finite.
fn is_finite(network: &Network<f32>) -> bool {
    let mut parameters = network.parameters().iter();
    parameters.all(|parameter| parameter.values().iter().all(|value| value.is_finite()))
}

/// How the training split is cut into steps for a network as it stands.
fn cut_for(network: &Network<f32>, data: &Dataset, regime: &Regime) -> Result<BatchCut> {
    let rows = data.train.len();
    let cut = BatchCut::for_network(network, regime.batch_for(network)?.min(rows));
    if cut.is_possible(rows) {
        return Ok(cut);
    }
    Err(Error::Setting {
        field: "batch",
        expected: "at least 2 samples in every step, since the network has a batch norm over one value per sample"
            .to_owned(),
        found: format!("steps of {} of {rows} training rows", cut.batch()),
    })
}

/// Rows for which a session has room at once.
fn session_rows(regime: &Regime, cut: BatchCut) -> usize {
    evaluation_rows(regime, cut.batch()).max(cut.largest())
}

/// Rows per pass in evaluation; under a budget of memory no more than of a training step.
fn evaluation_rows(regime: &Regime, batch: usize) -> usize {
    match regime.memory {
        Some(_) => EVALUATION_ROWS.min(batch),
        None => EVALUATION_ROWS,
    }
}

/// Refuses to cut batches over which a batch norm takes its statistics.
fn check_whole(network: &Network<f32>, regime: &Regime) -> Result<()> {
    let mut norms = network
        .nodes()
        .iter()
        .filter(|node| matches!(node.layer(), Layer::BatchNorm { .. }));
    match norms.next() {
        Some(norm) if regime.parts > 1 => Err(Error::Setting {
            field: "parts",
            expected: format!(
                "1, since the batch norm `{}` takes its statistics over the whole batch",
                norm.name()
            ),
            found: regime.parts.to_string(),
        }),
        _ => Ok(()),
    }
}

fn check_fit(network: &Network<f32>, data: &Dataset, regime: &Regime) -> Result<()> {
    let mismatch = |expected: String, found: String| {
        Err(Error::Mismatch {
            dataset: data.info.name.clone(),
            expected,
            found,
        })
    };
    let inputs = network.inputs();
    let [input] = inputs.as_slice() else {
        return mismatch("one input".to_owned(), format!("{}", inputs.len()));
    };
    let width = network.node(*input).positions() * network.width(*input);
    if width != data.info.features {
        return mismatch(format!("{} input values", data.info.features), width.to_string());
    }
    let outputs = network.outputs().first().map_or(0, |id| network.width(*id));
    if outputs != data.info.targets.outputs() {
        return mismatch(format!("{} outputs", data.info.targets.outputs()), outputs.to_string());
    }
    if !fits(&data.train, regime.loss) {
        return mismatch(
            format!("a loss for {:?}", data.info.targets),
            format!("{:?}", regime.loss),
        );
    }
    if data.train.is_empty() {
        return mismatch("training rows".to_owned(), "none".to_owned());
    }
    Ok(())
}
