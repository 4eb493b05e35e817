//! Notes which unit a strategy splits, and the scores by which it chose.

use std::sync::{Arc, Mutex};

use espalier_metrics::UnitMoments;
use espalier_net::{Ablation, Edit, Network, NodeId, OptimizerKind};
use espalier_random_split::RandomSplit;
use espalier_strategy::{Oracle, Probe, Proposal, Result, Sample, Spent, Strategy, View};

/// One choice.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    pub epoch: u64,
    /// Units that were there to choose from.
    pub candidates: u64,
    pub unit: u64,
    pub scored_by: &'static str,
    /// One score per unit; empty where nothing was scored.
    pub scores: Vec<f64>,
}

/// What was noted so far; shared with whoever handed the strategy to a trainer.
pub type Notes = Arc<Mutex<Vec<Choice>>>;

/// [`RandomSplit`], with every answer of the oracle noted: the scores are those that it saw, nothing is measured twice.
pub struct Listening {
    inner: RandomSplit,
    notes: Notes,
}

impl Listening {
    pub fn new(inner: RandomSplit) -> (Self, Notes) {
        let notes = Notes::default();
        (
            Self {
                inner,
                notes: Arc::clone(&notes),
            },
            notes,
        )
    }
}

impl Strategy for Listening {
    espalier_strategy::forward!(inner: name, prepare, territory, needs, state, restore);

    fn propose(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        let mut overhearing = Overhearing {
            oracle,
            scored_by: "nothing",
            scores: Vec::new(),
        };
        let proposal = self.inner.propose(view, &mut overhearing)?;
        if let Some((unit, candidates)) = proposal.as_ref().and_then(split_unit) {
            let choice = Choice {
                epoch: view.clock.epoch,
                candidates,
                unit,
                scored_by: overhearing.scored_by,
                scores: overhearing.scores,
            };
            // A lock that a panicking trial left behind still holds whole choices.
            let mut notes = self.notes.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            notes.push(choice);
        }
        Ok(proposal)
    }
}

/// The unit that a plan makes two of, and the number of units before it.
fn split_unit(proposal: &Proposal) -> Option<(u64, u64)> {
    let Some(Edit::Units(edit)) = proposal.plan.edits.first() else {
        return None;
    };
    let origins: Vec<usize> = edit.units.iter().filter_map(espalier_net::NewUnit::origin).collect();
    let twice = origins
        .iter()
        .enumerate()
        .find(|(place, unit)| origins[..*place].contains(unit));
    twice.map(|(_, unit)| (*unit as u64, edit.units.len() as u64 - 1))
}

/// An oracle that keeps what it answers.
struct Overhearing<'a> {
    oracle: &'a mut dyn Oracle,
    scored_by: &'static str,
    scores: Vec<f64>,
}

impl Oracle for Overhearing<'_> {
    fn loss(&mut self, network: &Network<f32>, on: Sample) -> Result<f64> {
        self.oracle.loss(network, on)
    }

    fn ablated_loss(&mut self, network: &Network<f32>, ablation: Ablation, on: Sample) -> Result<f64> {
        let loss = self.oracle.ablated_loss(network, ablation, on)?;
        self.scored_by = "ablation loss";
        self.scores.push(loss);
        Ok(loss)
    }

    fn probe(&mut self, network: &Network<f32>, nodes: &[NodeId]) -> Result<Probe> {
        self.oracle.probe(network, nodes)
    }

    fn activations(
        &mut self,
        network: &Network<f32>,
        nodes: &[NodeId],
        on: Sample,
        see: &mut dyn FnMut(usize, &[f32]),
    ) -> Result<()> {
        self.oracle.activations(network, nodes, on, see)
    }

    fn train(&mut self, network: &mut Network<f32>, optimizer: &OptimizerKind, rate: f64, steps: u64) -> Result<f64> {
        self.oracle.train(network, optimizer, rate, steps)
    }

    fn spent(&self) -> Spent {
        self.oracle.spent()
    }

    fn moments(&mut self, network: &Network<f32>, node: NodeId, on: Sample) -> Result<UnitMoments> {
        let moments = self.oracle.moments(network, node, on)?;
        self.scored_by = "firing rate";
        self.scores = moments.firing_rate();
        Ok(moments)
    }
}
