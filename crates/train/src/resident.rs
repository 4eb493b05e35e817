//! Training steps that stay on a device.

use espalier_data::{Dataset, Targets};
use espalier_net::{DeviceChoice, Network, Stack, StepOutcome, StepSettings, Target, Traffic};
use espalier_strategy::{Clock, Need, Needs};

use crate::error::Result;
use crate::evaluation::summed;
use crate::hooks::Hooks;
use crate::trainer::{Advance, StopReason, Trainer};

/// After so many steps at the latest the losses are read.
pub(crate) const MOST_UNREAD: usize = 512;

/// Room on the device for the features of a training split; of further rows each step copies those of its batch.
pub(crate) const DATA_BYTES: usize = 4 << 30;

/// The network under training as a device holds it.
pub(crate) struct Resident {
    pub stack: Stack<f32>,
    /// Where training stood before the steps whose losses are still on the device, and how many they are.
    unread: Option<Unread>,
    /// Whether the device has taken steps that the host has not seen.
    is_ahead: bool,
    /// Whether the host has taken steps that the device has not seen.
    is_behind: bool,
    /// Whether strategies may have changed the host's network otherwise.
    is_touched: bool,
}

/// Steps whose losses are still on the device.
#[derive(Clone, Copy)]
struct Unread {
    steps: usize,
    /// Counts before them.
    step: u64,
    samples: usize,
    macs: u64,
}

impl Resident {
    fn new(trainer: &Trainer) -> Result<Self> {
        let members = [(&trainer.network, &trainer.optimizer)];
        let mut stack = Stack::new(&members, &[trainer.seed.named("dropout")], &trainer.device)?;
        stack.restore_stream(0, &trainer.session.stream_state());
        let (features, target) = split(&trainer.data, trainer.buffer.held(0).1);
        stack.load(features, target, DATA_BYTES)?;
        Ok(Self {
            stack,
            unread: None,
            is_ahead: false,
            is_behind: false,
            is_touched: false,
        })
    }

    /// The stack, for an edit to follow; none where the device is to be loaded anew anyway.
    pub fn following(&mut self) -> Option<&mut Stack<f32>> {
        (!self.is_behind).then_some(&mut self.stack)
    }

    pub fn touch(&mut self) {
        self.is_touched = true;
    }
}

/// The whole training split, with the class weights of a batch.
fn split<'a>(data: &'a Dataset, batch: Target<'a, f32>) -> (&'a [f32], Target<'a, f32>) {
    let target = match (data.train.targets(), batch) {
        (Targets::Classes(labels), Target::Classes { weights, .. }) => Target::Classes { labels, weights },
        (Targets::Classes(labels), Target::Values(_)) => Target::Classes { labels, weights: None },
        (Targets::Values { values, .. }, _) => Target::Values(values),
    };
    (data.train.features(), target)
}

/// Says whether strategies let the next step pass without looking at it.
pub(crate) fn rest(hooks: &Hooks, network: &Network<f32>, clock: &Clock) -> bool {
    let observes_nothing = |needs: &Needs| needs.items().iter().all(|need| *need == Need::ValidationLoss);
    hooks
        .members
        .iter()
        .all(|member| member.strategy.rests(network, clock) && observes_nothing(&member.strategy.needs(network, clock)))
}

impl Trainer {
    /// The bytes of arrays that were copied to and from the device so far; none on the CPU.
    ///
    /// A training step on a Candle device that no strategy looks at copies the indices of its batch, four bytes a sample, and
    /// reads nothing back. Losses come back every 512 steps and when the epoch ends; the network and its optimizer when
    /// training returns to the caller.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        let session = self.session.traffic();
        let stack = self
            .resident
            .as_ref()
            .map_or_else(Traffic::default, |r| r.stack.traffic());
        Traffic {
            to_device: session.to_device + stack.to_device + self.stacked.to_device,
            to_host: session.to_host + stack.to_host + self.stacked.to_host,
        }
    }

    /// What a step on the device is to do.
    pub(crate) fn step_settings(&self, step: u64) -> StepSettings {
        StepSettings {
            loss: self.regime.loss,
            rate: self.regime.rate.rate(step),
            clipping: self.regime.clipping,
        }
    }

    /// Says whether the next step can be taken without the host's network.
    pub(crate) fn stays_on_device(&self) -> bool {
        let rests = |hooks: &Hooks| rest(hooks, &self.network, &self.clock());
        matches!(self.device, DeviceChoice::Candle(_)) && self.hooks.as_deref().is_none_or(rests)
    }

    /// Takes a step on the device; tells of the epoch that it ends.
    pub(crate) fn advance_on_device(&mut self) -> Result<Advance> {
        self.fit_batch()?;
        let rows = self.next_rows().to_vec();
        let settings = self.step_settings(self.step);
        self.up_to_date()?.stack.step(&[&rows], settings)?;
        self.count_step(rows.len());
        self.part.steps += 1;
        self.part.samples += rows.len();
        let is_over = self.part.samples >= self.data.train.len();
        let is_due = self
            .hooks
            .as_ref()
            .is_some_and(|hooks| hooks.laboratory.is_due(self.step));
        let unread = self.resident.as_ref().and_then(|resident| resident.unread);
        if is_over || is_due {
            self.bring_home()?;
        } else if unread.is_some_and(|unread| unread.steps >= MOST_UNREAD) {
            self.read_losses()?;
        }
        if self.stopped.is_some() {
            return Ok(Advance::Ended);
        }
        if is_due {
            self.with_hooks(|hooks, training| hooks.after_step(training))?;
        }
        if is_over {
            self.end_epoch().map(Advance::Epoch)
        } else {
            Ok(Advance::Step)
        }
    }

    /// The device's side, with all that the host has done.
    fn up_to_date(&mut self) -> Result<&mut Resident> {
        let mut resident = match self.resident.take() {
            Some(resident) => resident,
            None => Box::new(Resident::new(self)?),
        };
        if std::mem::take(&mut resident.is_behind) {
            resident.stack.reload(&[(&self.network, &self.optimizer)])?;
            resident.stack.restore_stream(0, &self.session.stream_state());
        } else if resident.is_touched {
            resident.stack.refresh(0, &self.network, &self.optimizer)?;
        }
        resident.is_touched = false;
        resident.is_ahead = true;
        let unread = resident.unread.get_or_insert(Unread {
            steps: 0,
            step: self.step,
            samples: self.part.samples,
            macs: self.train_macs,
        });
        unread.steps += 1;
        Ok(self.resident.insert(resident))
    }

    /// Notes that the host takes a step by itself.
    pub(crate) fn leave_device_behind(&mut self) {
        if let Some(resident) = &mut self.resident {
            resident.is_behind = true;
        }
    }

    /// Reads the losses of the steps since the last time; one that is not finite ends training at its step.
    fn read_losses(&mut self) -> Result<()> {
        let Some(resident) = &mut self.resident else {
            return Ok(());
        };
        let Some(unread) = resident.unread.take() else {
            return Ok(());
        };
        let outcomes = resident.stack.settle()?.pop().unwrap_or_default();
        for outcome in outcomes.iter().filter(|outcome| outcome.loss.is_finite()) {
            self.part.loss += summed(outcome, self.regime.loss);
            self.part.correct += outcome.correct;
        }
        if outcomes.iter().any(|outcome| !outcome.loss.is_finite()) {
            self.take_back(unread, &outcomes);
        }
        Ok(())
    }

    /// Undoes the counting of the steps behind the last finite loss, and ends training there.
    fn take_back(&mut self, unread: Unread, outcomes: &[StepOutcome]) {
        let good = &outcomes[..outcomes.len() - 1];
        let seen: usize = good.iter().map(|outcome| outcome.samples).sum();
        self.step = unread.step + good.len() as u64;
        self.part.samples = unread.samples + seen;
        self.part.steps -= unread.steps - good.len();
        self.train_macs = unread.macs + 3 * self.macs_per_sample() * seen as u64;
        self.network.set_step(self.step);
        self.stopped = Some(StopReason::Diverged { step: self.step });
    }

    /// Brings network, optimizer, stream and losses of the host up to date with the device.
    pub(crate) fn bring_home(&mut self) -> Result<()> {
        self.read_losses()?;
        let Some(resident) = &mut self.resident else {
            return Ok(());
        };
        if std::mem::take(&mut resident.is_ahead) {
            resident.stack.read_network(0, &mut self.network)?;
            resident.stack.read_optimizer(0, &mut self.optimizer)?;
            self.session.restore_stream(&resident.stack.stream_state(0));
        }
        Ok(())
    }
}
