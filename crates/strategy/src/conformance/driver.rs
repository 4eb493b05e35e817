//! A training loop in miniature, to drive strategies without the trainer.

use espalier_net::{Cost, DeviceChoice, LossKind, Network, Optimizer, OptimizerKind, Session};
use espalier_seed::Seed;

use super::broken::BrokenOracle;
use super::data::Samples;
use crate::controls::{Controls, Setting};
use crate::error::{Error, Result};
use crate::gradients::Gradients;
use crate::observations::Observations;
use crate::oracle::{Oracle, Sample, SampleOracle, Spent};
use crate::proposal::{Outcome, Proposal};
use crate::strategy::Strategy;
use crate::view::{Clock, Occasion, View};

/// How the driver trains.
///
/// | field | default | meaning |
/// |---|---|---|
/// | `epochs` | 4 | passes over the samples |
/// | `samples` | 96 | training samples; a third as many for validation |
/// | `batch` | 16 | samples per step |
/// | `rate` | 0.05 | learning rate of plain gradient descent with momentum 0.9 |
/// | `corrupt` | none | overwrites all observations with this value before each decision, and the oracle's answers |
/// | `blind` | false | takes all observations away before each decision; the oracle refuses to answer |
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DriverOptions {
    /// Passes over the samples.
    pub epochs: u64,
    /// Training samples.
    pub samples: usize,
    /// Samples per step.
    pub batch: usize,
    /// The learning rate.
    pub rate: f64,
    /// Overwrites all observations with this value before each decision, and the oracle's answers.
    pub corrupt: Option<f64>,
    /// Takes all observations away before each decision; the oracle refuses to answer.
    pub blind: bool,
}

impl Default for DriverOptions {
    fn default() -> Self {
        Self {
            epochs: 4,
            samples: 96,
            batch: 16,
            rate: 0.05,
            corrupt: None,
            blind: false,
        }
    }
}

/// A proposal and what became of it.
#[derive(Clone, Debug)]
pub struct Settled {
    /// The step.
    pub step: u64,
    /// The proposal.
    pub proposal: Proposal,
    /// What became of it.
    pub outcome: Outcome,
    /// The network just before.
    pub before: Network<f32>,
    /// The network just after.
    pub after: Network<f32>,
}

/// Trains a network on generated samples with one strategy.
pub struct Driver {
    /// The network.
    pub network: Network<f32>,
    /// What was proposed so far.
    pub settled: Vec<Settled>,
    /// Decisions that were refused because of what was observed.
    pub refusals: Vec<String>,
    /// The network's cost after every step.
    pub costs: Vec<Cost>,
    optimizer: Optimizer<f32>,
    session: Session<f32>,
    oracle_session: Session<f32>,
    observed: Observations,
    train: Samples,
    validation: Samples,
    options: DriverOptions,
    seed: Seed,
    clock: Clock,
}

impl Driver {
    /// Prepares strategy and network.
    ///
    /// # Errors
    /// What the strategy refuses.
    pub fn new(
        network: Network<f32>,
        strategy: &mut dyn Strategy,
        options: DriverOptions,
        seed: &Seed,
    ) -> Result<Self> {
        strategy.prepare(&network)?;
        let device = DeviceChoice::Cpu;
        Ok(Self {
            optimizer: Optimizer::new(OptimizerKind::sgd(0.9), &network)?,
            session: Session::new(&network, options.batch, &device, &seed.named("session"))?,
            oracle_session: Session::new(&network, options.samples, &device, &seed.named("oracle"))?,
            observed: Observations::default(),
            train: Samples::for_network(&network, options.samples, &seed.named("samples")),
            validation: Samples::for_network(
                &network,
                (options.samples / 3).max(2),
                &seed.named("samples").named("validation"),
            ),
            settled: Vec::new(),
            refusals: Vec::new(),
            costs: Vec::new(),
            clock: Clock {
                steps_per_epoch: (options.samples / options.batch) as u64,
                epochs: options.epochs,
                learning_rate: options.rate,
                ..Clock::default()
            },
            network,
            options,
            seed: seed.clone(),
        })
    }

    /// The samples on which candidates and edits are measured: all training samples.
    #[must_use]
    pub fn growth(&self) -> &Samples {
        &self.train
    }

    /// Trains all epochs.
    ///
    /// # Errors
    /// What strategy and network refuse, but for observations: those are counted in `refusals`.
    pub fn run(&mut self, strategy: &mut dyn Strategy) -> Result<()> {
        self.decide(strategy, Occasion::Start)?;
        for _ in 0..self.options.epochs {
            self.observed.begin_epoch();
            for batch in 0..self.clock.steps_per_epoch as usize {
                self.step(strategy, batch)?;
                self.decide(strategy, Occasion::Step)?;
                self.costs.push(self.network.cost());
            }
            self.clock.epoch += 1;
            let needs = strategy.needs(&self.network, &self.clock);
            if needs.validation_loss() {
                let network = self.network.clone();
                let loss = self.oracle().loss(&network, Sample::Validation)?;
                self.observed.set_validation_loss(Some(loss));
            }
            self.decide(strategy, Occasion::Epoch)?;
            self.costs.push(self.network.cost());
        }
        Ok(())
    }

    fn step(&mut self, strategy: &mut dyn Strategy, batch: usize) -> Result<()> {
        let seed = self.seed.named("strategy").index(self.clock.step).named("hooks");
        let needs = strategy.needs(&self.network, &self.clock);
        let mut controls = Controls::of(&mut self.network, self.clock, &seed);
        strategy.control(Setting::Training, &mut controls)?;
        drop(controls.finish());
        self.session.observe(&needs.nodes());
        self.session.observe_gradients(&needs.gradient_nodes());
        let rows = self
            .train
            .batch(batch * self.options.batch, (batch + 1) * self.options.batch);
        self.session
            .loss_and_gradients(&mut self.network, &[rows.inputs], rows.target, LossKind::CrossEntropy)?;
        self.observed.collect(&needs, &self.network, &self.session)?;
        let view = View {
            network: &self.network,
            clock: self.clock,
            occasion: Occasion::Step,
            observed: &self.observed,
            seed: &seed,
        };
        let mut gradients = Gradients::of(&mut self.session);
        strategy.penalty(&view, &mut gradients)?;
        strategy.gradients(&view, &mut gradients)?;
        let session = &self.session;
        self.optimizer
            .step(&mut self.network, |id| session.gradient(id), self.options.rate)?;
        self.clock.step += 1;
        self.network.set_step(self.clock.step);
        Ok(())
    }

    fn decide(&mut self, strategy: &mut dyn Strategy, occasion: Occasion) -> Result<()> {
        if let Some(value) = self.options.corrupt {
            self.observed.overwrite(value);
        }
        if self.options.blind {
            self.observed = Observations::default();
        }
        let seed = self
            .seed
            .named("strategy")
            .index(self.clock.step)
            .named(&format!("{occasion:?}"));
        let view = View {
            network: &self.network,
            clock: self.clock,
            occasion,
            observed: &self.observed,
            seed: &seed,
        };
        // Not `self.oracle()`, because the view holds other fields of `self`.
        let mut oracle = oracle_over(
            &mut self.oracle_session,
            (&self.train, &self.validation),
            self.options.batch,
        );
        let answered = match (self.options.corrupt, self.options.blind) {
            (None, false) => strategy.propose(&view, &mut oracle),
            (value, blind) => {
                let value = value.filter(|_| !blind);
                strategy.propose(&view, &mut BrokenOracle { inner: oracle, value })
            }
        };
        let proposal = match answered {
            Ok(Some(proposal)) => proposal,
            Ok(None) => return Ok(()),
            Err(error @ (Error::Observation { .. } | Error::Metrics(_))) => {
                self.refusals.push(error.to_string());
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let before = self.network.clone();
        let rows = self.train.batch(0, self.train.len());
        let outcome = proposal.carry_out(&mut self.network, &mut self.optimizer, &[rows.inputs], rows.samples)?;
        if let Some(applied) = outcome.applied() {
            self.observed.follow(applied, &self.network)?;
        }
        self.observed.decided();
        strategy.settled(&outcome, &self.network)?;
        self.settled.push(Settled {
            step: self.clock.step,
            proposal,
            outcome,
            before,
            after: self.network.clone(),
        });
        Ok(())
    }

    /// The loss of a network on the growth samples.
    ///
    /// # Errors
    /// Fails where the network does not fit the samples.
    pub fn growth_loss(&mut self, network: &Network<f32>) -> Result<f64> {
        self.oracle().loss(network, Sample::Growth)
    }

    /// A copy of a network after so many steps as the driver takes them, without any strategy.
    pub(super) fn trained(&mut self, network: &Network<f32>, steps: u64) -> Result<Network<f32>> {
        let (mut trained, rate) = (network.clone(), self.options.rate);
        self.oracle()
            .train(&mut trained, &OptimizerKind::sgd(0.9), rate, steps)?;
        Ok(trained)
    }

    /// An oracle over the driver's samples.
    pub fn oracle(&mut self) -> SampleOracle<'_> {
        oracle_over(
            &mut self.oracle_session,
            (&self.train, &self.validation),
            self.options.batch,
        )
    }
}

fn oracle_over<'a>(
    session: &'a mut Session<f32>,
    (train, validation): (&'a Samples, &'a Samples),
    batch: usize,
) -> SampleOracle<'a> {
    SampleOracle {
        session,
        growth: train.batch(0, train.len()),
        validation: validation.batch(0, validation.len()),
        loss: LossKind::CrossEntropy,
        batch,
        max_macs: None,
        spent: Spent::default(),
    }
}
