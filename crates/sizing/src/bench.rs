//! Where a sizer trains: it sees widths, validation scores and nets, and everything is charged.

use std::sync::Arc;
use std::time::Instant;

use espalier_data::{Split, Targets};
use espalier_net::{DeviceChoice, Network, Session};
use espalier_seed::{Seed, Stream};
use espalier_strategy::Strategy;
use espalier_train::{Evaluation, Trainer};

use crate::error::{Error, Result};
use crate::reading::{READ_ROWS, Reading};
use crate::sizer::{Bill, Budget};
use crate::task::{Task, variance};

/// A sizer's workplace.
#[derive(Debug)]
pub struct Bench<'a> {
    task: &'a Task,
    seed: Seed,
    budget: Budget,
    bill: Bill,
}

/// A net under training.
pub struct Candidate {
    trainer: Trainer,
    width: usize,
    best: Option<Best>,
    waited: u64,
    charged: Charged,
    keeps: Keeps,
}

/// Which epoch of a training counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// The one with the lowest validation loss: static nets, and nets that grow.
    BestEpoch,
    /// The last one, and a change of size counts as progress: nets that shrink, whose best epoch had another size.
    LastEpoch,
}

struct Best {
    loss: f64,
    score: f64,
    network: Network<f32>,
}

#[derive(Clone, Copy, Default)]
struct Charged {
    train: u64,
    decisions: u64,
}

/// A net whose validation loss has stopped falling.
#[derive(Clone, Debug)]
pub struct Trained {
    network: Network<f32>,
    width: f64,
    validation: f64,
    epochs: u64,
    remark: Option<String>,
}

impl Trained {
    /// The net.
    #[must_use]
    pub fn network(&self) -> &Network<f32> {
        &self.network
    }

    /// Units of a hidden layer, the mean over the layers.
    #[must_use]
    pub fn width(&self) -> f64 {
        self.width
    }

    /// The validation score: accuracy, or R² for values; minus infinity where training diverged.
    #[must_use]
    pub fn validation(&self) -> f64 {
        self.validation
    }

    /// The epochs that it was trained for.
    #[must_use]
    pub fn epochs(&self) -> u64 {
        self.epochs
    }

    /// What a reader should know of how it came about.
    #[must_use]
    pub fn remark(&self) -> Option<&str> {
        self.remark.as_deref()
    }

    /// Adds what a reader should know.
    #[must_use]
    pub fn remarked(mut self, remark: impl Into<String>) -> Self {
        self.remark = Some(remark.into());
        self
    }

    /// Gives the net away.
    #[must_use]
    pub fn into_network(self) -> Network<f32> {
        self.network
    }
}

impl Candidate {
    /// The width that it began with.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Its best validation score so far; minus infinity before the first epoch and where it diverged.
    #[must_use]
    pub fn score(&self) -> f64 {
        self.best.as_ref().map_or(f64::NEG_INFINITY, |best| best.score)
    }
}

impl<'a> Bench<'a> {
    pub(crate) fn new(task: &'a Task, seed: &Seed, budget: Budget) -> Self {
        Self {
            task,
            seed: seed.clone(),
            budget,
            bill: Bill::default(),
        }
    }

    /// The widest width that may be trained.
    #[must_use]
    pub fn widest(&self) -> usize {
        self.task.widest()
    }

    /// The number of hidden layers.
    #[must_use]
    pub fn hidden_layers(&self) -> usize {
        self.task.hidden_layers()
    }

    /// The number of inputs of a net.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.task.inputs()
    }

    /// The number of outputs of a net.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.task.outputs()
    }

    /// The most epochs that a net is trained for.
    #[must_use]
    pub fn most_epochs(&self) -> u64 {
        self.task.training().most_epochs
    }

    /// The plain net of a width as it is before training.
    ///
    /// # Errors
    /// As [`Task::network`].
    pub fn network(&self, width: usize) -> Result<Network<f32>> {
        self.task.network(width, &self.seed)
    }

    /// A net of a width with gates or masks, before training.
    ///
    /// # Errors
    /// As [`Task::network_ending`].
    pub fn network_ending(&self, width: usize, end: crate::Ends) -> Result<Network<f32>> {
        self.task.network_ending(width, end, &self.seed)
    }

    /// A random stream of the sizer's own.
    #[must_use]
    pub fn stream(&self, what: &str) -> Stream {
        self.seed.named("sizer").named(what).stream()
    }

    /// The seed of initial weights, for nets that the bench does not build.
    #[must_use]
    pub fn network_seed(&self) -> Seed {
        self.seed.named("network")
    }

    /// What was spent so far.
    #[must_use]
    pub fn bill(&self) -> Bill {
        self.bill
    }

    /// Trains the plain net of a width until the validation loss has stopped falling, and keeps its best epoch.
    ///
    /// # Errors
    /// Fails beyond [`Bench::widest`], on a width of 0 and when the budget is spent.
    pub fn train(&mut self, width: usize) -> Result<Trained> {
        let candidate = self.begin(width)?;
        self.finish(candidate)
    }

    /// Begins to train the plain net of a width.
    ///
    /// # Errors
    /// As [`Bench::train`].
    pub fn begin(&mut self, width: usize) -> Result<Candidate> {
        if !(1..=self.widest()).contains(&width) {
            return Err(Error::range("width", format!("1 to {}", self.widest()), width));
        }
        let network = self.network(width)?;
        self.begin_with(network, Vec::new(), Keeps::BestEpoch)
    }

    /// Begins to train a net with strategies that change it.
    ///
    /// # Errors
    /// Fails when the budget is spent or the strategies refuse the net.
    pub fn begin_with(
        &mut self,
        network: Network<f32>,
        strategies: Vec<Box<dyn Strategy>>,
        keeps: Keeps,
    ) -> Result<Candidate> {
        if let Some(budget) = self.budget.macs
            && self.bill.macs() >= budget
        {
            let spent = self.bill.macs();
            return Err(Error::Spent { budget, spent });
        }
        let (data, regime) = (Arc::clone(self.task.data()), self.task.regime());
        let width = units(&network) / self.hidden_layers();
        let mut trainer = Trainer::new(network, data, regime, &self.seed)?;
        if !strategies.is_empty() {
            trainer = trainer.with_strategies(strategies)?;
        }
        self.bill.trainings += 1;
        Ok(Candidate {
            trainer,
            width,
            best: None,
            waited: 0,
            charged: Charged::default(),
            keeps,
        })
    }

    /// Trains for some epochs more and returns the best validation score so far.
    ///
    /// # Errors
    /// Fails where training does.
    pub fn advance(&mut self, candidate: &mut Candidate, epochs: u64) -> Result<f64> {
        for _ in 0..epochs {
            if !self.epoch(candidate)? {
                break;
            }
        }
        Ok(candidate.score())
    }

    /// Trains until the validation loss has stopped falling.
    ///
    /// # Errors
    /// Fails where training does.
    pub fn finish(&mut self, mut candidate: Candidate) -> Result<Trained> {
        let patience = self.task.training().patience;
        while candidate.waited < patience && self.epoch(&mut candidate)? {}
        self.trained(candidate)
    }

    fn trained(&self, candidate: Candidate) -> Result<Trained> {
        let epochs = candidate.trainer.epoch();
        let (network, validation) = match candidate.best {
            Some(best) if candidate.trainer.diverged().is_none() => (best.network, best.score),
            _ => (candidate.trainer.into_network(), f64::NEG_INFINITY),
        };
        Ok(Trained {
            width: units(&network) as f64 / self.hidden_layers() as f64,
            network,
            validation,
            epochs,
            remark: None,
        })
    }

    /// Trains one epoch; `false` where there was none left.
    fn epoch(&mut self, candidate: &mut Candidate) -> Result<bool> {
        let before = units(candidate.trainer.network());
        let began = Instant::now();
        let done = candidate.trainer.train_epoch()?;
        self.bill.training += began.elapsed();
        let Some(done) = done else {
            return Ok(false);
        };
        let decisions = candidate.trainer.events().map_or(0, |events| events.decision_macs);
        self.bill.train_macs += done.train_macs - candidate.charged.train;
        self.bill.decision_macs += decisions - candidate.charged.decisions;
        candidate.charged = Charged {
            train: done.train_macs,
            decisions,
        };
        if candidate.trainer.diverged().is_some() {
            candidate.best = None;
            return Ok(false);
        }
        let scored = candidate.trainer.evaluate(Split::Validation)?;
        let network = candidate.trainer.network();
        self.bill.decision_macs += network.cost().macs * scored.samples as u64;
        let moved = candidate.keeps == Keeps::LastEpoch && units(network) != before;
        let least = candidate.best.as_ref().map_or(f64::INFINITY, |best| best.loss);
        let better = scored.loss < least || moved;
        candidate.waited = if better { 0 } else { candidate.waited + 1 };
        if better || candidate.keeps == Keeps::LastEpoch {
            candidate.best = Some(Best {
                loss: if moved { scored.loss } else { scored.loss.min(least) },
                score: score(&scored, self.task.data().validation.targets()),
                network: network.clone(),
            });
        }
        Ok(true)
    }

    /// Scores a net on the validation split.
    ///
    /// # Errors
    /// Fails where the net does not fit the data.
    pub fn validate(&mut self, network: &Network<f32>) -> Result<f64> {
        let split = &self.task.data().validation;
        let scored = Evaluation::of(network, split, self.task.regime().loss)?;
        self.bill.decision_macs += network.cost().macs * scored.samples as u64;
        Ok(score(&scored, split.targets()))
    }

    /// Reads the hidden layers of a plain net on training rows.
    ///
    /// # Errors
    /// Fails where the net has other layers than [`Bench::network`]'s.
    pub fn read(&mut self, trained: &Trained) -> Result<Vec<Reading>> {
        let (network, split) = (trained.network(), &self.task.data().train);
        let rows = split.len().min(READ_ROWS);
        let names = (1..=self.hidden_layers()).map(|layer| network.find(&format!("relu{layer}")));
        let nodes = names.collect::<espalier_net::Result<Vec<_>>>()?;
        let mut session = Session::new(network, rows, &DeviceChoice::Cpu, &Seed::new(0))?;
        session.observe(&nodes);
        session.evaluate(network, &[&split.features()[..rows * split.width()]])?;
        self.bill.decision_macs += network.cost().macs * rows as u64;
        let layer = |(number, node): (usize, &espalier_net::NodeId)| {
            let weight = network.parameter(network.find_parameter(&format!("hidden{}.weight", number + 1))?);
            Ok(Reading {
                units: weight.shape()[1],
                activations: session.activation(*node).map(<[f32]>::to_vec).unwrap_or_default(),
                weight: weight.values().to_vec(),
            })
        };
        nodes.iter().enumerate().map(layer).collect()
    }
}

/// Hidden units of all layers.
pub(crate) fn units(network: &Network<f32>) -> usize {
    let groups = network.editable_groups();
    groups.iter().map(|group| network.group(*group).width()).sum()
}

/// Accuracy, or R² for values.
pub(crate) fn score(evaluation: &Evaluation, targets: &Targets) -> f64 {
    match (evaluation.accuracy, variance(targets)) {
        (Some(accuracy), _) => accuracy,
        (None, Some(variance)) if variance > 0.0 => 1.0 - evaluation.loss / variance,
        _ => -evaluation.loss,
    }
}
