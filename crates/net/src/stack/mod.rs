//! Training that stays on a Candle device: stacks of networks of one shape.

mod arrays;
mod backward;
mod data;
mod follow;
mod forward;
mod loss;
mod tape;

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};
use espalier_seed::{Seed, Stream, StreamState};

use self::arrays::Held;
use self::data::Data;
use self::loss::Classes;
use self::tape::Geometry;
use crate::error::{Error, Result};
use crate::execute::Traffic;
use crate::execute::device::transfer::Link;
use crate::graph::{Network, NodeId};
use crate::kernels::Element;
use crate::kernels::optimizer::device::{AgedUpdate, DeviceUpdate};
use crate::layer::Layer;
use crate::optimizer::Optimizer;
use crate::optimizer::schedule::Clipping;
use crate::session::DeviceChoice;
use crate::session::loss::{LossKind, StepOutcome, Target};

/// How one training step is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepSettings {
    /// The loss on the first output.
    pub loss: LossKind,
    /// The learning rate.
    pub rate: f64,
    /// How gradients are clipped, each network's by themselves.
    pub clipping: Option<Clipping>,
}

/// Networks of one graph and shape that train together on a Candle device, each on batches of its own.
///
/// Parameters, gradients, the optimizers' state, the training data and the losses live on the device. A step copies the
/// indices of its batches there (and, behind dropout, its masks, a byte for each value) and reads nothing back; losses come back
/// when [`Stack::settle`] asks, arrays when [`Stack::read_network`] and [`Stack::read_optimizer`] do. An edit moves only the
/// arrays that it changes ([`Stack::follow`]). [`Stack::traffic`] counts all of it.
///
/// # Method
/// Arrays of k networks lie side by side, (k, in, out), so that a layer of all of them is one batched product. Layers go
/// backwards by written-out derivatives, without a tape; an optimizer is one pass over parameters, states and gradient.
/// Results equal those of a [`crate::Session`] with a [`crate::Optimizer`] within rounding; dropout draws the same masks.
///
/// A network whose loss is not finite ends there: its arrays stay as they were before that step, the others go on.
///
/// # Example
/// ```
/// use espalier_net::{DeviceChoice, LossKind, Optimizer, OptimizerKind, Stack, StepSettings, Target, models};
/// use espalier_seed::Seed;
///
/// let seeds = [Seed::new(1), Seed::new(2)];
/// let mut networks = seeds.iter().map(|seed| models::mlp::<f32>(2, &[4], 2, seed)).collect::<Result<Vec<_>, _>>()?;
/// let optimizers = networks.iter().map(|n| Optimizer::new(OptimizerKind::adam(), n)).collect::<Result<Vec<_>, _>>()?;
/// let members: Vec<_> = networks.iter().zip(&optimizers).collect();
/// let mut stack = Stack::new(&members, &seeds, &"candle-cpu".parse::<DeviceChoice>()?)?;
/// let labels = Target::Classes { labels: &[0, 1, 1], weights: None };
/// stack.load(&[0.0, 1.0, 1.0, 0.0, 1.0, 1.0], labels, usize::MAX)?;
/// let settings = StepSettings { loss: LossKind::CrossEntropy, rate: 1e-2, clipping: None };
/// stack.step(&[&[0, 1], &[2, 0]], settings)?;
/// let outcomes = stack.settle()?;
/// assert!(outcomes.iter().all(|steps| steps.len() == 1 && steps[0].loss > 0.0));
/// stack.read_network(1, &mut networks[1])?;
/// # Ok::<(), espalier_net::Error>(())
/// ```
#[derive(Debug)]
pub struct Stack<E: Element> {
    link: Link,
    /// The networks as the host last knew them.
    hosts: Vec<Network<E>>,
    held: Vec<Held>,
    geometries: BTreeMap<NodeId, Geometry>,
    classes: Option<Classes>,
    data: Option<Data<E>>,
    streams: Vec<Stream>,
    /// The steps since losses were last read, and what there was before them.
    taken: Vec<Taken>,
    before: Option<Snapshot>,
    /// The arrays of networks whose loss was not finite.
    ended: BTreeMap<usize, Ended>,
    /// Whether the host has all that the device has.
    is_known: bool,
}

/// What a network was before its loss was not finite, by parameter.
#[derive(Debug)]
struct Ended {
    arrays: Vec<Tensor>,
    steps: Vec<u64>,
}

/// A step whose losses were not read yet.
#[derive(Debug)]
struct Taken {
    batches: Vec<Vec<u32>>,
    settings: StepSettings,
    /// Losses, then counts of right answers: (2, networks).
    outcome: Tensor,
}

/// All that steps change.
#[derive(Debug)]
struct Snapshot {
    arrays: Vec<Tensor>,
    steps: Vec<u64>,
    streams: Vec<Stream>,
}

impl<E: Element> Stack<E> {
    /// Copies networks and their optimizers' state to a device. Dropout draws as that of a [`crate::Session`] with the same seed.
    ///
    /// # Errors
    /// Refuses networks of different graphs or shapes, optimizers with different settings or counts of steps, and a device
    /// that is not Candle's.
    pub fn new(members: &[(&Network<E>, &Optimizer<E>)], seeds: &[Seed], device: &DeviceChoice) -> Result<Self> {
        let DeviceChoice::Candle(device) = device else {
            return Err(setting("device", "a Candle device", "cpu"));
        };
        let mut stack = Self::empty(members, seeds, device)?;
        stack.held = arrays::hold(members, &stack.link)?;
        stack.prepare()?;
        Ok(stack)
    }

    fn empty(members: &[(&Network<E>, &Optimizer<E>)], seeds: &[Seed], device: &Device) -> Result<Self> {
        if members.is_empty() || members.len() != seeds.len() {
            return Err(Error::length(
                "seeds of a stack's networks",
                members.len().max(1),
                seeds.len(),
            ));
        }
        arrays::check_alike(members)?;
        Ok(Self {
            link: Link::new(device),
            hosts: members.iter().map(|(network, _)| (*network).clone()).collect(),
            held: Vec::new(),
            geometries: BTreeMap::new(),
            classes: None,
            data: None,
            streams: seeds.iter().map(|seed| seed.named("dropout").stream()).collect(),
            taken: Vec::new(),
            before: None,
            ended: BTreeMap::new(),
            is_known: true,
        })
    }

    /// Makes what depends on the graph alone.
    fn prepare(&mut self) -> Result<()> {
        let network = &self.hosts[0];
        for &id in network.order() {
            if let std::collections::btree_map::Entry::Vacant(entry) = self.geometries.entry(id)
                && let Some(geometry) = Geometry::of::<E>(network, id, &self.link)?
            {
                entry.insert(geometry);
            }
        }
        let width = network.outputs().first().map_or(0, |id| network.width(*id));
        if self.classes.as_ref().is_none_or(|classes| classes.count() != width) {
            self.classes = Some(Classes::new(width, &self.link)?);
        }
        Ok(())
    }

    /// Copies the training data to the device: the rows for which `most_bytes` has room; of the others each step copies those
    /// that its batches name. Targets go there whole.
    ///
    /// # Shapes
    /// features (rows, values of the network's input), row-major.
    ///
    /// # Errors
    /// Refuses features and targets that do not fit the networks.
    pub fn load(&mut self, features: &[E], target: Target<'_, E>, most_bytes: usize) -> Result<()> {
        let network = &self.hosts[0];
        let inputs = network.inputs();
        let [input] = inputs.as_slice() else {
            return Err(setting("network", "one input", &inputs.len().to_string()));
        };
        let width = network.node(*input).positions() * network.width(*input);
        let outputs = network.outputs().first().map_or(0, |id| network.width(*id));
        self.data = Some(Data::new(&self.link, (features, width), (target, outputs), most_bytes)?);
        Ok(())
    }

    /// Takes one step of all networks, each on its batch of rows of the data.
    ///
    /// # Errors
    /// Refuses batches that are not as many as networks, not equally long, or name rows that there are not.
    pub fn step(&mut self, batches: &[&[u32]], settings: StepSettings) -> Result<()> {
        let count = batches.first().map_or(0, |batch| batch.len());
        if batches.len() != self.hosts.len() || count == 0 || batches.iter().any(|batch| batch.len() != count) {
            let found: Vec<usize> = batches.iter().map(|batch| batch.len()).collect();
            let expected = format!("{} batches of equal length above 0", self.hosts.len());
            return Err(setting("batches", &expected, &format!("{found:?}")));
        }
        if self.before.is_none() {
            self.before = Some(self.snapshot()?);
        }
        let batches: Vec<Vec<u32>> = batches.iter().map(|batch| batch.to_vec()).collect();
        let outcome = self.take(&batches, settings)?;
        self.taken.push(Taken {
            batches,
            settings,
            outcome,
        });
        Ok(())
    }

    fn take(&mut self, batches: &[Vec<u32>], settings: StepSettings) -> Result<Tensor> {
        let Some(data) = &self.data else {
            return Err(setting("data", "data that were loaded before the first step", "none"));
        };
        let (features, targets) = data.gather(&self.link, batches)?;
        self.is_known = false;
        let (outcome, mut gradients) = self.pass(&features, &targets, (batches[0].len(), settings.loss))?;
        if let Some(clipping) = settings.clipping {
            loss::clip(&mut gradients, clipping)?;
        }
        self.update(&gradients, settings.rate)?;
        Ok(outcome)
    }

    /// Moves all trained arrays along their gradients; where the loss does not reach one, its gradient is 0.
    fn update(&mut self, gradients: &[Option<Tensor>], rate: f64) -> Result<()> {
        for (held, gradient) in self.held.iter_mut().zip(gradients) {
            let Some(rule) = held.rule(rate) else { continue };
            held.steps += 1;
            let update = DeviceUpdate {
                update: rule,
                step: held.steps,
            };
            let gradient = match gradient {
                Some(gradient) => gradient.contiguous()?,
                None => held.values()?.zeros_like()?,
            };
            match &held.ages {
                Some(ages) => held.packed.inplace_op3(&gradient, ages, &AgedUpdate(update))?,
                None => held.packed.inplace_op2(&gradient, &update)?,
            }
        }
        Ok(())
    }

    /// Reads the losses of all steps since the last call: for each network its steps, up to the first whose loss is not finite.
    ///
    /// A network with such a loss has ended, here or before: its arrays are those before that step, and later calls have no
    /// steps of it.
    ///
    /// # Errors
    /// Reports a failing device.
    pub fn settle(&mut self) -> Result<Vec<Vec<StepOutcome>>> {
        let Some(before) = self.before.take() else {
            return Ok(vec![Vec::new(); self.hosts.len()]);
        };
        let taken = std::mem::take(&mut self.taken);
        let outcomes = self.outcomes(&taken)?;
        let mut settled = Vec::with_capacity(self.hosts.len());
        let mut diverged = Vec::new();
        for (index, mut steps) in outcomes.into_iter().enumerate() {
            if self.ended.contains_key(&index) {
                steps.clear();
            } else if let Some(first) = steps.iter().position(|step| !step.loss.is_finite()) {
                steps.truncate(first + 1);
                diverged.push((first, index));
            }
            settled.push(steps);
        }
        self.go_back(&before, &taken, diverged)?;
        Ok(settled)
    }

    fn outcomes(&self, taken: &[Taken]) -> Result<Vec<Vec<StepOutcome>>> {
        let tensors: Vec<&Tensor> = taken.iter().map(|one| &one.outcome).collect();
        let values: Vec<E> = self.link.download(&Tensor::cat(&tensors, 0)?)?;
        let networks = self.hosts.len();
        let of = |index: usize| {
            let steps = taken.iter().zip(values.chunks_exact(2 * networks));
            let outcome = |(one, values): (&Taken, &[E])| StepOutcome {
                loss: values[index].to_f64(),
                correct: values[networks + index].to_f64() as usize,
                samples: one.batches[index].len(),
            };
            steps.map(outcome).collect()
        };
        Ok((0..networks).map(of).collect())
    }

    /// Takes the steps before each divergence again, which gives the arrays of then, and returns to the present.
    fn go_back(&mut self, before: &Snapshot, taken: &[Taken], mut diverged: Vec<(usize, usize)>) -> Result<()> {
        if diverged.is_empty() {
            return Ok(());
        }
        let present = self.snapshot()?;
        self.restore(before)?;
        diverged.sort_unstable();
        let mut done = 0;
        for (step, index) in diverged {
            for one in &taken[done..step] {
                self.take(&one.batches, one.settings)?;
            }
            done = step;
            let arrays = self.held.iter().map(|held| held.of_network(index));
            let ended = Ended {
                arrays: arrays.collect::<Result<_>>()?,
                steps: self.held.iter().map(|held| held.steps).collect(),
            };
            self.ended.insert(index, ended);
        }
        self.restore(&present)
    }

    fn snapshot(&self) -> Result<Snapshot> {
        Ok(Snapshot {
            arrays: self.held.iter().map(|h| Ok(h.packed.copy()?)).collect::<Result<_>>()?,
            steps: self.held.iter().map(|h| h.steps).collect(),
            streams: self.streams.clone(),
        })
    }

    fn restore(&mut self, snapshot: &Snapshot) -> Result<()> {
        for ((held, array), steps) in self.held.iter_mut().zip(&snapshot.arrays).zip(&snapshot.steps) {
            held.packed = array.copy()?;
            held.steps = *steps;
        }
        self.streams.clone_from(&snapshot.streams);
        Ok(())
    }

    /// Brings a network up to date with the device.
    ///
    /// # Errors
    /// Refuses a network of another shape, and steps whose losses were not read ([`Stack::settle`]).
    pub fn read_network(&mut self, index: usize, network: &mut Network<E>) -> Result<()> {
        self.check_settled()?;
        arrays::check_shapes(&self.hosts[index], network)?;
        for (at, held) in self.held.iter().enumerate() {
            let packed = self.packed(index, at, held)?;
            let values = std::sync::Arc::new(self.link.download(&packed.narrow(0, 0, 1)?)?);
            network.parameters[at].values = std::sync::Arc::clone(&values);
            self.hosts[index].parameters[at].values = values;
        }
        self.is_known = true;
        Ok(())
    }

    /// Brings an optimizer up to date with the device: its state and its counts of steps.
    ///
    /// # Errors
    /// As [`Stack::read_network`].
    pub fn read_optimizer(&self, index: usize, optimizer: &mut Optimizer<E>) -> Result<()> {
        self.check_settled()?;
        for (at, (held, parameter)) in self.held.iter().zip(self.hosts[index].parameters()).enumerate() {
            let Some(slot) = optimizer.slots.get_mut(parameter.name()) else {
                continue;
            };
            let packed = self.packed(index, at, held)?;
            for (state, values) in slot.states.iter_mut().enumerate() {
                *values = self.link.download(&packed.narrow(0, 1 + state, 1)?)?;
            }
        }
        self.read_counts(index, optimizer);
        Ok(())
    }

    /// Brings an optimizer's counts of steps up to date, which an edit needs; nothing is copied.
    pub fn read_counts(&self, index: usize, optimizer: &mut Optimizer<E>) {
        let ended = self.ended.get(&index);
        for (at, (held, parameter)) in self.held.iter().zip(self.hosts[index].parameters()).enumerate() {
            if let Some(slot) = optimizer.slots.get_mut(parameter.name()) {
                slot.steps = ended.map_or(held.steps, |ended| ended.steps[at]);
            }
        }
    }

    /// Values and states of one parameter of a network: (1 + states, values).
    fn packed(&self, index: usize, at: usize, held: &Held) -> Result<Tensor> {
        match self.ended.get(&index) {
            Some(ended) => Ok(ended.arrays[at].clone()),
            None => held.of_network(index),
        }
    }

    /// Takes networks and optimizers as the host has them, in the place of those on the device; the data stay.
    ///
    /// # Errors
    /// As [`Stack::new`]; refuses steps whose losses were not read.
    pub fn reload(&mut self, members: &[(&Network<E>, &Optimizer<E>)]) -> Result<()> {
        self.check_settled()?;
        if members.len() != self.hosts.len() {
            return Err(Error::length("networks of a stack", self.hosts.len(), members.len()));
        }
        arrays::check_alike(members)?;
        self.held = arrays::hold(members, &self.link)?;
        self.hosts = members.iter().map(|(network, _)| (*network).clone()).collect();
        self.ended.clear();
        self.is_known = true;
        self.geometries.clear();
        self.prepare()
    }

    fn check_settled(&self) -> Result<()> {
        if self.taken.is_empty() {
            return Ok(());
        }
        let found = format!("{} steps whose losses were not read", self.taken.len());
        Err(setting("steps", "`settle` before arrays are read", &found))
    }

    /// The bytes of arrays that were copied to and from the device so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.link.traffic()
    }

    /// The position of a network's stream of dropout masks.
    #[must_use]
    pub fn stream_state(&self, index: usize) -> StreamState {
        self.streams[index].state()
    }

    /// Puts a network's stream of dropout masks to a saved position.
    pub fn restore_stream(&mut self, index: usize, state: &StreamState) {
        self.streams[index] = Stream::restore(state);
    }

    /// Says whether a step copies more than indices: dropout masks are drawn on the host.
    #[must_use]
    pub fn draws_masks(&self) -> bool {
        let drops = |layer: &Layer| matches!(layer, Layer::Dropout { probability } if *probability > 0.0);
        self.hosts[0].nodes().iter().any(|node| drops(node.layer()))
    }
}

fn setting(field: &'static str, expected: &str, found: &str) -> Error {
    Error::Setting {
        field,
        expected: expected.to_owned(),
        found: found.to_owned(),
    }
}
