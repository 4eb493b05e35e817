//! Strategies that tell the trial what they saw.

use std::sync::{Arc, Mutex, PoisonError};

use espalier_dice_roll::{DiceRoll, Rolls};
use espalier_gradient_split::GradientSplit;
use espalier_net::{Edit, Network, NewUnit, Role, UnitEdit};
use espalier_strategy::{
    Clock, GradientForm, Need, Needs, Occasion, Oracle, Proposal, Result, Since, State, Strategy, View, places,
    produced_by,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The scores of one group's units at one decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    pub epoch: u64,
    pub group: String,
    /// Mean over batches of |∂L/∂b| and of ∂L/∂b.
    pub scores: Vec<(f64, f64)>,
    pub split: Vec<bool>,
    pub removed: Vec<bool>,
}

/// What was noted so far; shared with whoever handed the strategy to a trainer.
pub type Notes<T> = Arc<Mutex<Vec<T>>>;

/// Takes the notes; a lock that a panicking trial left behind still holds whole ones.
pub fn taken<T>(notes: &Notes<T>) -> Vec<T> {
    std::mem::take(&mut *notes.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A strategy's state with the notes on it, which a resumed training must not lose.
fn with_notes<T: Serialize>(name: &str, inner: State, notes: &Notes<T>) -> Result<State> {
    let kept = notes.lock().unwrap_or_else(PoisonError::into_inner);
    State::join(name, &[inner, State::of(name, &*kept)?])
}

/// Takes the notes up again and gives the strategy's own state.
fn without_notes<T: DeserializeOwned>(name: &str, state: &State, notes: &Notes<T>) -> Result<State> {
    let mut parts = state.parts(name, 2)?;
    let kept = parts.pop().unwrap_or_default();
    *notes.lock().unwrap_or_else(PoisonError::into_inner) = kept.read(name)?;
    Ok(parts.pop().unwrap_or_default())
}

fn note<T>(notes: &Notes<T>, one: T) {
    notes.lock().unwrap_or_else(PoisonError::into_inner).push(one);
}

/// [`GradientSplit`] that notes each unit's bias gradients, absolute and signed, and what becomes of the unit.
pub struct WatchedSplit {
    inner: GradientSplit,
    notes: Notes<Scored>,
}

impl WatchedSplit {
    pub fn new(inner: GradientSplit) -> (Self, Notes<Scored>) {
        let notes = Notes::default();
        let kept = Arc::clone(&notes);
        (Self { inner, notes }, kept)
    }

    /// Reads the sums that were collected for this decision.
    fn look(view: &View<'_>, proposal: Option<&Proposal>) -> Vec<Scored> {
        let network = view.network;
        let mut all = Vec::new();
        for group in network.editable_groups() {
            let name = network.group(group).name();
            let mut scores = vec![(0.0, 0.0); network.group(group).width()];
            for owner in produced_by(network, group, Role::Bias) {
                let mean = |form| view.gradient(owner.parameter, form, Since::Epoch).map(|g| g.mean());
                let (Some(absolute), Some(signed)) = (mean(GradientForm::Absolute), mean(GradientForm::Signed)) else {
                    continue;
                };
                for (unit, score) in scores.iter_mut().enumerate() {
                    for place in places(network, &owner, unit) {
                        *score = (score.0 + absolute[place], score.1 + signed[place]);
                    }
                }
            }
            let edit = proposal.and_then(|p| edit_of(p, name));
            let copies = |unit: usize| {
                edit.map_or(1, |edit| {
                    let origins = edit.units.iter().filter_map(NewUnit::origin);
                    origins.filter(|origin| *origin == unit).count()
                })
            };
            let copies: Vec<usize> = (0..scores.len()).map(copies).collect();
            all.push(Scored {
                epoch: view.clock.epoch,
                group: name.to_owned(),
                split: copies.iter().map(|n| *n > 1).collect(),
                removed: copies.iter().map(|n| *n == 0).collect(),
                scores,
            });
        }
        all
    }
}

fn edit_of<'a>(proposal: &'a Proposal, group: &str) -> Option<&'a UnitEdit> {
    proposal.plan.edits.iter().find_map(|edit| match edit {
        Edit::Units(units) if units.group == group => Some(units),
        _ => None,
    })
}

impl Strategy for WatchedSplit {
    espalier_strategy::forward!(inner: name, prepare, territory, settled);

    fn state(&self) -> Result<State> {
        with_notes(self.name(), self.inner.state()?, &self.notes)
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        let inner = without_notes(self.name(), state, &self.notes)?;
        self.inner.restore(&inner)
    }

    fn needs(&self, network: &Network<f32>, clock: &Clock) -> Needs {
        let own = self.inner.needs(network, clock);
        let signed = own.items().iter().filter_map(|need| match need {
            Need::Gradient { parameter, since, .. } => Some(Need::Gradient {
                parameter: *parameter,
                form: GradientForm::Signed,
                since: *since,
            }),
            _ => None,
        });
        let signed: Needs = signed.collect();
        own.and(signed)
    }

    fn propose(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        let proposal = self.inner.propose(view, oracle)?;
        if view.occasion == Occasion::Epoch {
            for scored in Self::look(view, proposal.as_ref()) {
                note(&self.notes, scored);
            }
        }
        Ok(proposal)
    }
}

/// [`DiceRoll`] that tells its scores.
pub struct WatchedDice {
    inner: DiceRoll,
    notes: Notes<Rolls>,
}

impl WatchedDice {
    pub fn new(inner: DiceRoll) -> (Self, Notes<Rolls>) {
        let notes = Notes::default();
        let kept = Arc::clone(&notes);
        (Self { inner, notes }, kept)
    }
}

impl Strategy for WatchedDice {
    espalier_strategy::forward!(inner: name, prepare, territory);

    fn state(&self) -> Result<State> {
        with_notes(self.name(), self.inner.state()?, &self.notes)
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        let inner = without_notes(self.name(), state, &self.notes)?;
        self.inner.restore(&inner)
    }

    fn propose(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        let proposal = self.inner.propose(view, oracle)?;
        if let (Some(_), Some(rolls)) = (&proposal, self.inner.rolls()) {
            note(&self.notes, rolls.clone());
        }
        Ok(proposal)
    }
}
