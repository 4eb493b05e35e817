//! Splitting that tells the trial what it saw.

use std::sync::{Arc, Mutex, PoisonError};

use espalier_gradient_split::GradientSplit;
use espalier_net::{Edit, GroupId, Network, NewUnit, Role};
use espalier_strategy::{
    Clock, GradientForm, Need, Needs, Occasion, Oracle, Proposal, Result, Since, State, Strategy, View, places,
    produced_by,
};

use crate::rows::UnitScore;

/// The units of all decisions so far; shared with whoever handed the strategy to a trainer.
#[derive(Clone, Default)]
pub struct Notes(Arc<Mutex<Vec<UnitScore>>>);

impl Notes {
    /// Looks at the notes; a lock that a panicking trial left behind still holds whole ones.
    pub fn with<R>(&self, look: impl FnOnce(&mut Vec<UnitScore>) -> R) -> R {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// [`GradientSplit`] that notes each unit's bias gradients, absolute and signed, and what becomes of the unit.
pub struct Scored {
    pub inner: GradientSplit,
    pub notes: Notes,
}

/// The units of a group, a layer's, at the end of an epoch.
fn units(view: &View<'_>, proposal: Option<&Proposal>, group: GroupId, layer: u32) -> Vec<UnitScore> {
    let (network, name) = (view.network, view.network.group(group).name());
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
    let mut edits = proposal.iter().flat_map(|proposal| &proposal.plan.edits);
    let edit = edits.find_map(|edit| match edit {
        Edit::Units(units) if units.group == name => Some(units),
        _ => None,
    });
    let copies = |unit: usize| {
        let own = |new: &&NewUnit| new.origin() == Some(unit);
        edit.map_or(1, |edit| edit.units.iter().filter(own).count())
    };
    let row = |(unit, (absolute, signed)): (usize, (f64, f64))| UnitScore {
        epoch: view.clock.epoch as u32,
        layer,
        absolute: absolute as f32,
        signed: signed as f32,
        split: copies(unit) > 1,
        removed: copies(unit) == 0,
    };
    scores.into_iter().enumerate().map(row).collect()
}

impl Strategy for Scored {
    espalier_strategy::forward!(inner: name, prepare, territory, settled);

    fn state(&self) -> Result<State> {
        let noted = self.notes.with(|notes| State::of(self.name(), notes))?;
        State::join(self.name(), &[self.inner.state()?, noted])
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        let parts = state.parts(self.name(), 2)?;
        let noted = parts[1].read(self.name())?;
        self.notes.with(|notes| *notes = noted);
        self.inner.restore(&parts[0])
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
            let groups = view.network.editable_groups().into_iter().zip(1..);
            let seen = groups.flat_map(|(group, layer)| units(view, proposal.as_ref(), group, layer));
            self.notes.with(|notes| notes.extend(seen));
        }
        Ok(proposal)
    }
}
