//! One of our models with all that its steps need, through the public interface.

use std::time::Instant;

use anyhow::{Context as _, Result};
use espalier_data::{Batches, Examples, TargetsMut};
use espalier_metrics::{DeadRule, DeadUnits, UnitMoments};
use espalier_net::{
    Activation, ApplyOptions, DeviceChoice, GateForm, LEAST_BACKGROUND, Layer, LossKind, Network, NetworkBuilder,
    NodeId, Optimizer, OptimizerKind, Plan, Scales, Session, Target, Threads, Transplant, Units, Window,
};
use espalier_seed::{Seed, Stream};

use crate::cell::Net;

/// Builds a network; with gates, each ReLU has one behind it.
///
/// # Errors
/// Fails where the builder does.
pub fn network(net: &Net, gated: bool, seed: &Seed) -> Result<Network<f32>> {
    let mut layers = NetworkBuilder::new();
    let (map, inputs, channels, hidden): (_, _, &[usize], _) = match net {
        Net::Mlp { hidden } => ([1, 1], 784, &[], hidden),
        Net::Cnn { channels, hidden } => ([28, 28], 1, channels, hidden),
    };
    let mut top = layers.input("x", map, inputs)?;
    for (k, &width) in channels.iter().enumerate() {
        top = layers.conv(&format!("conv{k}"), top, width, Window::same(3))?;
        top = rectified(&mut layers, &format!("conv{k}"), top, gated)?;
        top = layers.max_pool(&format!("pool{k}"), top, 2)?;
    }
    if !channels.is_empty() {
        top = layers.flatten("flatten", top)?;
    }
    for (k, &width) in hidden.iter().enumerate() {
        top = layers.dense(&format!("hidden{k}"), top, width)?;
        top = rectified(&mut layers, &format!("hidden{k}"), top, gated)?;
    }
    let logits = layers.dense("logits", top, 10)?;
    Ok(layers.build(&[logits], seed)?)
}

fn rectified(layers: &mut NetworkBuilder, name: &str, top: NodeId, gated: bool) -> Result<NodeId> {
    let top = layers.activation(&format!("{name}.relu"), top, Activation::Relu)?;
    Ok(if gated {
        layers.gate(&format!("{name}.gate"), top, GateForm::Rectified)?
    } else {
        top
    })
}

/// A model in training: weights, Adam, buffers, and an order of batches of its own.
#[derive(Debug)]
pub struct Model {
    network: Network<f32>,
    optimizer: Optimizer<f32>,
    session: Session<f32>,
    order: Batches,
    stream: Stream,
    features: Vec<f32>,
    labels: Vec<u32>,
    observed: Vec<(NodeId, UnitMoments)>,
    loss: f64,
    steps: u64,
}

impl Model {
    /// Prepares a model for batches of `batch` of these examples, on our kernels.
    ///
    /// # Errors
    /// As [`Model::on`].
    pub fn new(network: Network<f32>, examples: &Examples, batch: usize, seed: &Seed) -> Result<Self> {
        Self::on(&DeviceChoice::Cpu, network, examples, batch, seed)
    }

    /// Prepares a model for batches of `batch` of these examples, on a device. Dense layers on the inputs skip their
    /// background, if they have one.
    ///
    /// # Errors
    /// Fails where the network's session or optimizer does.
    pub fn on(
        device: &DeviceChoice,
        network: Network<f32>,
        examples: &Examples,
        batch: usize,
        seed: &Seed,
    ) -> Result<Self> {
        let mut stream = seed.named("order").stream();
        let mut session = Session::new(&network, batch, device, seed)?;
        let background = examples.background().filter(|(_, share)| *share >= LEAST_BACKGROUND);
        session.set_background(0, background.map(|(value, _)| value));
        Ok(Self {
            optimizer: Optimizer::new(OptimizerKind::adam(), &network)?,
            session,
            order: Batches::shuffled(examples.len(), batch, &mut stream).dropping_last(true),
            stream,
            features: vec![0.0; batch * examples.width()],
            labels: vec![0; batch],
            observed: Vec::new(),
            network,
            loss: f64::NAN,
            steps: 0,
        })
    }

    /// Multiplies the inputs' background like everything else, as the peers do.
    pub fn multiply_background(&mut self) {
        self.session.set_background(0, None);
    }

    /// Sets how many threads one step may use.
    pub fn set_threads(&mut self, threads: Threads) {
        self.session.set_threads(threads);
        self.optimizer.set_threads(threads);
    }

    /// Cuts each training batch into parts, which the threads share.
    ///
    /// # Errors
    /// Refuses 0 parts.
    pub fn cut_batches(&mut self, parts: usize) -> Result<()> {
        Ok(self.session.set_parts(parts)?)
    }

    /// Observes spread, firing and dead units of every ReLU on every batch from now on.
    ///
    /// # Errors
    /// Fails where the metric does.
    pub fn observe_every_layer(&mut self) -> Result<()> {
        let is_relu = |&id: &NodeId| matches!(self.network.node(id).layer(), Layer::Activation { .. });
        let nodes: Vec<NodeId> = self.network.order().iter().copied().filter(is_relu).collect();
        self.session.observe(&nodes);
        for id in nodes {
            self.observed.push((id, UnitMoments::new(self.network.width(id))?));
        }
        Ok(())
    }

    /// Units that never fired in any batch observed.
    #[must_use]
    pub fn dead_units(&self) -> usize {
        self.observed
            .iter()
            .map(|(_, moments)| DeadUnits::of(moments, DeadRule::Spread(0.0)).count())
            .sum()
    }

    /// The loss of the last batch.
    #[must_use]
    pub fn loss(&self) -> f64 {
        self.loss
    }

    /// Bytes of activations that the session keeps.
    #[must_use]
    pub fn activation_bytes(&self) -> usize {
        self.session.bytes().activations
    }

    /// All bytes that a trial keeps alive: session, parameters and Adam's moments.
    #[must_use]
    pub fn live_bytes(&self) -> usize {
        let parameters = self.network.parameter_count() as usize + self.optimizer.state_count();
        self.session.bytes().total() + parameters * size_of::<f32>() + (self.features.len() + self.labels.len()) * 4
    }

    fn gather(&mut self, examples: &Examples) -> Result<()> {
        if self.order.position() == self.order.len() {
            self.order.reshuffle(&mut self.stream);
        }
        let rows = self
            .order
            .next_batch()
            .context("a set with less than one batch of images")?;
        examples.gather(rows, &mut self.features, TargetsMut::Classes(&mut self.labels))?;
        Ok(())
    }

    /// Trains on the next batch.
    ///
    /// # Errors
    /// Fails where the network does.
    pub fn train(&mut self, examples: &Examples) -> Result<()> {
        self.gather(examples)?;
        let target = Target::Classes {
            labels: &self.labels,
            weights: None,
        };
        let outcome =
            self.session
                .loss_and_gradients(&mut self.network, &[&self.features], target, LossKind::CrossEntropy)?;
        self.loss = outcome.loss;
        for (node, moments) in &mut self.observed {
            let values = self
                .session
                .activation(*node)
                .context("an observed node without values")?;
            moments.observe(values, moments.units())?;
        }
        let session = &self.session;
        self.optimizer
            .step(&mut self.network, |id| session.gradient(id), 1e-3)?;
        self.steps += 1;
        self.network.set_step(self.steps);
        Ok(())
    }

    /// Evaluates the next batch.
    ///
    /// # Errors
    /// Fails where the network does.
    pub fn infer(&mut self, examples: &Examples) -> Result<()> {
        self.gather(examples)?;
        let outputs = self.session.evaluate(&self.network, &[&self.features])?;
        self.loss = f64::from(outputs.first()[0]);
        Ok(())
    }

    /// The share of these examples that are classified rightly.
    ///
    /// # Errors
    /// Fails where the network does.
    pub fn accuracy(&mut self, examples: &Examples) -> Result<f64> {
        let mut correct = 0;
        for rows in Batches::sequential(examples.len(), self.labels.len()).iter() {
            let features = &mut self.features[..rows.len() * examples.width()];
            let labels = &mut self.labels[..rows.len()];
            examples.gather(rows, features, TargetsMut::Classes(labels))?;
            let target = Target::Classes { labels, weights: None };
            let outcome = self
                .session
                .score(&self.network, &[features], target, LossKind::CrossEntropy)?;
            correct += outcome.correct;
        }
        Ok(correct as f64 / examples.len() as f64)
    }

    /// Splits a unit of the first hidden layer, or prunes it, with the optimizer's state; gives the seconds.
    ///
    /// # Errors
    /// Fails where the edit does.
    pub fn edit(&mut self, split: bool) -> Result<f64> {
        let start = Instant::now();
        let group = self.network.find_group("hidden0")?;
        let units = Units::of(&self.network, group);
        let (units, cause) = if split {
            (units.split(7, &Scales::equal(2))?, "split")
        } else {
            (units.prune(&[7])?, "prune")
        };
        let plan = Plan::new("benchmark").with(units.edit(cause));
        let applied = self.network.apply(&plan, &ApplyOptions::default())?;
        self.optimizer.follow(&applied, &self.network, Transplant::Exact)?;
        Ok(start.elapsed().as_secs_f64())
    }
}
