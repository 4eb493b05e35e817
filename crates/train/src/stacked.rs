//! Epochs of several trainings that a device takes together.

use std::collections::BTreeMap;
use std::sync::Arc;

use espalier_data::{Dataset, Targets};
use espalier_net::{DeviceChoice, Network, Optimizer, Stack, StepOutcome, StepSettings, Target, Traffic};
use espalier_seed::{Seed, StreamState};

use crate::error::{Error, Result};
use crate::resident::{DATA_BYTES, MOST_UNREAD};
use crate::trainer::{EpochSummary, StopReason, Trainer};

/// An epoch of a training, handed out to be taken beside those of others: see [`train_together`].
///
/// It holds copies of the network and its optimizer, the order of its batches and what its steps ask for; the training stands
/// still until the epoch comes back to [`Trainer::take_back_epoch`].
#[derive(Debug)]
pub struct StackedEpoch {
    network: Network<f32>,
    optimizer: Optimizer<f32>,
    /// Where its dropout masks come from, and how far it is there.
    dropout: (Seed, StreamState),
    data: Arc<Dataset>,
    weights: Option<Vec<f32>>,
    device: DeviceChoice,
    step: u64,
    batches: Vec<Vec<u32>>,
    settings: Vec<StepSettings>,
    /// The stack of the last epoch, with one of those that were in it.
    kept: Option<Box<Kept>>,
    taken: Option<Result<Taken>>,
    traffic: Traffic,
    side_by_side: usize,
}

/// A stack with what it was made for, which later epochs need not copy again.
#[derive(Debug)]
pub(crate) struct Kept {
    stack: Stack<f32>,
    networks: usize,
    data: Arc<Dataset>,
    weights: Option<Vec<f32>>,
}

/// What an epoch came to.
#[derive(Clone, Debug, Default)]
struct Taken {
    outcomes: Vec<StepOutcome>,
    /// Bytes that the steps themselves copied, of all networks.
    in_steps: Traffic,
}

impl StackedEpoch {
    /// How many networks took the epoch as one stack, this one among them; 0 before it was taken.
    #[must_use]
    pub fn side_by_side(&self) -> usize {
        self.side_by_side
    }

    /// The bytes that the epoch's steps copied for all networks of the stack, without what goes up before the first step and
    /// comes back when losses are read.
    #[must_use]
    pub fn copied_in_steps(&self) -> Traffic {
        match &self.taken {
            Some(Ok(taken)) => taken.in_steps,
            _ => Traffic::default(),
        }
    }

    /// Whether both can be in one stack, as far as it is known before one is made.
    fn fits(&self, other: &Self) -> bool {
        let shapes = |network: &Network<f32>| -> Vec<(String, usize)> {
            let parameters = network.parameters().iter();
            parameters.map(|p| (p.name().to_owned(), p.values().len())).collect()
        };
        self.step == other.step
            && self.weights == other.weights
            && self.settings == other.settings
            && self.batches.iter().map(Vec::len).eq(other.batches.iter().map(Vec::len))
            && shapes(&self.network) == shapes(&other.network)
            && is_same(&self.data, &other.data)
    }
}

/// Whether two sets train on the same rows; trials that shorten a set have copies of their own.
fn is_same(left: &Arc<Dataset>, right: &Arc<Dataset>) -> bool {
    let (one, other) = (&left.train, &right.train);
    let targets = || match (one.targets(), other.targets()) {
        (Targets::Classes(one), Targets::Classes(other)) => one == other,
        (Targets::Values { values: one, .. }, Targets::Values { values: other, .. }) => one == other,
        _ => false,
    };
    Arc::ptr_eq(left, right) || (targets() && one.features() == other.features())
}

/// Takes epochs on their device: those of networks of one graph, at one step and on one data set as one stack, each on its own
/// batches and with its own dropout; the others in stacks of their own, one after another.
///
/// Each comes to what it would by itself, within rounding. A network whose loss is not finite ends at its step, and the others
/// go on. Epochs come back in the order in which they were given. What fails is told when the epoch is taken back; where a
/// stack of several fails, each of them is tried by itself.
#[must_use]
pub fn train_together(epochs: Vec<StackedEpoch>) -> Vec<StackedEpoch> {
    let mut groups: Vec<(Vec<usize>, Vec<StackedEpoch>)> = Vec::new();
    for (place, epoch) in epochs.into_iter().enumerate() {
        match groups.iter_mut().find(|(_, group)| group[0].fits(&epoch)) {
            Some((places, group)) => {
                places.push(place);
                group.push(epoch);
            }
            None => groups.push((vec![place], vec![epoch])),
        }
    }
    groups.iter_mut().for_each(|(_, group)| take_or_part(group));
    let taken = groups
        .into_iter()
        .flat_map(|(places, group)| places.into_iter().zip(group));
    let taken: BTreeMap<usize, StackedEpoch> = taken.collect();
    taken.into_values().collect()
}

/// Takes the epochs of one stack, or one by one where that fails.
fn take_or_part(group: &mut [StackedEpoch]) {
    match take(group) {
        Ok(()) => {}
        Err(error) if group.len() == 1 => group[0].taken = Some(Err(error)),
        Err(_) => group.chunks_mut(1).for_each(take_or_part),
    }
}

/// Takes the epochs of one stack; where that fails they are as before.
fn take(group: &mut [StackedEpoch]) -> Result<()> {
    let kept = group.iter_mut().filter_map(|epoch| epoch.kept.take()).next();
    let kept = kept.filter(|kept| {
        kept.networks == group.len() && is_same(&kept.data, &group[0].data) && kept.weights == group[0].weights
    });
    let before = kept.as_ref().map_or_else(Traffic::default, |kept| kept.stack.traffic());
    let mut kept = match kept {
        Some(mut kept) => {
            kept.stack.reload(&members(group))?;
            kept
        }
        None => fresh(group)?,
    };
    let stack = &mut kept.stack;
    for (index, epoch) in group.iter().enumerate() {
        stack.restore_stream(index, &epoch.dropout.1);
    }
    let taken = all_steps(stack, group)?;
    let read = group.iter().enumerate();
    let read: Vec<_> = read
        .map(|(index, epoch)| read_back(stack, index, epoch))
        .collect::<Result<_>>()?;
    let share = share(stack.traffic().since(before), group.len());
    let count = group.len();
    for ((epoch, taken), (network, optimizer)) in group.iter_mut().zip(taken).zip(read) {
        (epoch.network, epoch.optimizer) = (network, optimizer);
        (epoch.traffic, epoch.side_by_side) = (share, count);
        epoch.taken = Some(Ok(taken));
    }
    for (index, epoch) in group.iter_mut().enumerate() {
        epoch.dropout.1 = stack.stream_state(index);
    }
    group[0].kept = Some(kept);
    Ok(())
}

/// A network and its optimizer as the device has them.
fn read_back(stack: &mut Stack<f32>, index: usize, epoch: &StackedEpoch) -> Result<(Network<f32>, Optimizer<f32>)> {
    let (mut network, mut optimizer) = (epoch.network.clone(), epoch.optimizer.clone());
    stack.read_network(index, &mut network)?;
    stack.read_optimizer(index, &mut optimizer)?;
    Ok((network, optimizer))
}

fn share(copied: Traffic, networks: usize) -> Traffic {
    Traffic {
        to_device: copied.to_device / networks as u64,
        to_host: copied.to_host / networks as u64,
    }
}

fn members(group: &[StackedEpoch]) -> Vec<(&Network<f32>, &Optimizer<f32>)> {
    group.iter().map(|epoch| (&epoch.network, &epoch.optimizer)).collect()
}

fn fresh(group: &[StackedEpoch]) -> Result<Box<Kept>> {
    let seeds: Vec<Seed> = group.iter().map(|epoch| epoch.dropout.0.clone()).collect();
    let mut stack = Stack::new(&members(group), &seeds, &group[0].device)?;
    let target = match group[0].data.train.targets() {
        Targets::Classes(labels) => Target::Classes {
            labels,
            weights: group[0].weights.as_deref(),
        },
        Targets::Values { values, .. } => Target::Values(values),
    };
    stack.load(group[0].data.train.features(), target, DATA_BYTES)?;
    Ok(Box::new(Kept {
        stack,
        networks: group.len(),
        data: Arc::clone(&group[0].data),
        weights: group[0].weights.clone(),
    }))
}

/// Takes all steps of the epoch and reads their losses, for each network up to one that is not finite.
fn all_steps(stack: &mut Stack<f32>, group: &[StackedEpoch]) -> Result<Vec<Taken>> {
    let mut taken = vec![Taken::default(); group.len()];
    let mut in_steps = Traffic::default();
    let steps: Vec<usize> = (0..group[0].batches.len()).collect();
    for part in steps.chunks(MOST_UNREAD) {
        let before = stack.traffic();
        for &at in part {
            let batches: Vec<&[u32]> = group.iter().map(|epoch| epoch.batches[at].as_slice()).collect();
            stack.step(&batches, group[0].settings[at])?;
        }
        let copied = stack.traffic().since(before);
        in_steps.to_device += copied.to_device;
        in_steps.to_host += copied.to_host;
        for (one, outcomes) in taken.iter_mut().zip(stack.settle()?) {
            one.outcomes.extend(outcomes);
        }
    }
    taken.iter_mut().for_each(|one| one.in_steps = in_steps);
    Ok(taken)
}

impl Trainer {
    /// Hands out the next epoch, to be taken beside those of others; `None` where this training must take it by itself
    /// ([`Trainer::train_epoch`]): off Candle's devices, where strategies look at the network between steps, within an epoch,
    /// and where nothing is left to train.
    ///
    /// # Errors
    /// Fails where the device does.
    pub fn hand_out_epoch(&mut self) -> Result<Option<StackedEpoch>> {
        let is_over = self.stopped.is_some() || self.epoch >= self.regime.epochs;
        if is_over || self.part.samples > 0 || !self.can_stack() {
            return Ok(None);
        }
        self.bring_home()?;
        self.fit_batch()?;
        self.draw_order();
        let batches = self.batches_left();
        let steps = (self.step..).take(batches.len());
        let settings = steps.map(|step| self.step_settings(step)).collect();
        let weights = match self.buffer.held(0).1 {
            Target::Classes { weights, .. } => weights.map(<[f32]>::to_vec),
            Target::Values(_) => None,
        };
        Ok(Some(StackedEpoch {
            network: self.network.clone(),
            optimizer: self.optimizer.clone(),
            dropout: (self.seed.named("dropout"), self.session.stream_state()),
            data: Arc::clone(&self.data),
            weights,
            device: self.device.clone(),
            step: self.step,
            batches,
            settings,
            kept: self.kept.take(),
            taken: None,
            traffic: Traffic::default(),
            side_by_side: 0,
        }))
    }

    /// Says whether epochs of this training can be taken beside those of others: on a Candle device, and without strategies,
    /// which may look at the network, and edit it, between steps.
    #[must_use]
    pub fn can_stack(&self) -> bool {
        matches!(self.device, DeviceChoice::Candle(_)) && self.hooks.is_none() && self.waiting.is_none()
    }

    /// Goes on behind an epoch that was handed out; `None` where training diverged in it.
    ///
    /// # Errors
    /// What kept the epoch from being taken; and refuses an epoch that was not taken, or that begins at another step.
    pub fn take_back_epoch(&mut self, epoch: StackedEpoch) -> Result<Option<EpochSummary>> {
        let reason = format!("expected an epoch that was taken from step {} on", self.step);
        let taken = match epoch.taken {
            Some(taken) if epoch.step == self.step => taken?,
            _ => return Err(Error::Stack { reason }),
        };
        self.kept = epoch.kept;
        self.stacked.to_device += epoch.traffic.to_device;
        self.stacked.to_host += epoch.traffic.to_host;
        (self.network, self.optimizer) = (epoch.network, epoch.optimizer);
        self.session.restore_stream(&epoch.dropout.1);
        self.leave_device_behind();
        for outcome in &taken.outcomes {
            if !outcome.loss.is_finite() {
                self.stopped = Some(StopReason::Diverged { step: self.step });
                return Ok(None);
            }
            self.part.add(outcome, self.regime.loss);
            self.count_step(outcome.samples);
        }
        self.end_epoch().map(Some)
    }
}
