//! The contract between a strategy and whoever trains the network.

use espalier_net::{Applied, GroupId, Network, NodeId};

use crate::controls::{Controls, Setting};
use crate::error::{Error, Result};
use crate::gradients::Gradients;
use crate::needs::Needs;
use crate::oracle::Oracle;
use crate::proposal::{Outcome, Proposal};
use crate::reading::Reading;
use crate::state::State;
use crate::view::{Clock, View};

/// What a strategy alone may change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Territory {
    /// The groups whose units it edits.
    pub edits: Vec<GroupId>,
    /// The layers whose gates or masks it sets.
    pub controls: Vec<NodeId>,
}

/// Decides when, where and how a network changes.
///
/// # Method
/// A training step calls, in this order: [`needs`](Self::needs), [`control`](Self::control), the passes,
/// [`penalty`](Self::penalty), [`gradients`](Self::gradients), the optimizer, [`propose`](Self::propose) and, for a
/// proposal, [`settled`](Self::settled). Before the first step comes [`prepare`](Self::prepare) and a proposal on the
/// occasion `Start`. Only [`name`](Self::name) and [`propose`](Self::propose) must be written.
///
/// A strategy draws from [`View::stream`] and keeps no stream; what it keeps otherwise goes through
/// [`state`](Self::state) and [`restore`](Self::restore), so that training resumes bit for bit. What belongs to a unit
/// is best kept by [`espalier_net::UnitId`], which no edit changes.
pub trait Strategy: Send {
    /// The method's name, for reports and errors.
    fn name(&self) -> &str;

    /// Checks settings and network once, before the first step; after a checkpoint was read again, and then
    /// [`restore`](Self::restore) follows.
    ///
    /// # Errors
    /// [`Error::Setting`] for a setting outside its range, [`Error::Unsupported`] for a network it cannot work on,
    /// [`Error::Budget`] for a budget below the present size.
    fn prepare(&mut self, _network: &Network<f32>) -> Result<()> {
        Ok(())
    }

    /// What it alone may change; by default every editable group and no gate or mask.
    fn territory(&self, network: &Network<f32>) -> Territory {
        Territory {
            edits: network.editable_groups(),
            controls: Vec::new(),
        }
    }

    /// What must be observed in the next step.
    fn needs(&self, _network: &Network<f32>, _clock: &Clock) -> Needs {
        Needs::none()
    }

    /// Says whether the strategy lets the step that comes next pass: it would set no gate or mask for it, add no penalty, change no
    /// gradient, and propose nothing behind it. Where it observes nothing either, a trainer may then take the step without
    /// asking it, which keeps a network on its device; `clock` is that before the step. Never, by default.
    fn rests(&self, _network: &Network<f32>, _clock: &Clock) -> bool {
        false
    }

    /// Sets its own gates and masks before a step or an evaluation.
    ///
    /// # Errors
    /// Fails where the network has no such gate or mask.
    fn control(&mut self, _setting: Setting, _controls: &mut Controls<'_>) -> Result<()> {
        Ok(())
    }

    /// Returns a penalty and adds its gradient.
    ///
    /// # Errors
    /// Fails where the penalty cannot be computed.
    fn penalty(&mut self, _view: &View<'_>, _gradients: &mut Gradients<'_>) -> Result<f64> {
        Ok(0.0)
    }

    /// Reads and changes the gradients of loss and penalties before they are clipped and used.
    ///
    /// # Errors
    /// Fails where the strategy does.
    fn gradients(&mut self, _view: &View<'_>, _gradients: &mut Gradients<'_>) -> Result<()> {
        Ok(())
    }

    /// Proposes a change, or nothing.
    ///
    /// # Errors
    /// [`Error::Observation`] where what was observed cannot be decided on (the trainer records it as a refusal), other
    /// errors end training.
    fn propose(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Option<Proposal>>;

    /// Learns what became of its own proposal; `network` is the network after it.
    ///
    /// # Errors
    /// Fails where the strategy cannot go on.
    fn settled(&mut self, _outcome: &Outcome, _network: &Network<f32>) -> Result<()> {
        Ok(())
    }

    /// Learns of a plan of another strategy.
    ///
    /// # Errors
    /// Fails where the strategy cannot go on.
    fn followed(&mut self, _applied: &Applied, _network: &Network<f32>) -> Result<()> {
        Ok(())
    }

    /// Tells what it has learned, for the record; asked for at the end of every epoch, before it proposes.
    fn readings(&self, _network: &Network<f32>) -> Vec<Reading> {
        Vec::new()
    }

    /// Saves what it keeps between steps.
    ///
    /// # Errors
    /// Fails where that cannot be serialised.
    fn state(&self) -> Result<State> {
        Ok(State::none())
    }

    /// Takes up a saved state, after [`prepare`](Self::prepare) has seen the network as it was saved.
    ///
    /// # Errors
    /// Fails where the state is not one of this strategy.
    fn restore(&mut self, state: &State) -> Result<()> {
        expect_stateless(self.name(), state)
    }
}

/// Refuses a state where none is kept.
pub(crate) fn expect_stateless(name: &str, state: &State) -> Result<()> {
    if state.is_empty() {
        return Ok(());
    }
    let reason = format!("expected none, found {} bytes", state.bytes().len());
    Err(Error::State {
        strategy: name.to_owned(),
        reason,
    })
}

impl<S: Strategy + ?Sized> Strategy for Box<S> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn prepare(&mut self, network: &Network<f32>) -> Result<()> {
        (**self).prepare(network)
    }

    fn territory(&self, network: &Network<f32>) -> Territory {
        (**self).territory(network)
    }

    fn needs(&self, network: &Network<f32>, clock: &Clock) -> Needs {
        (**self).needs(network, clock)
    }

    fn rests(&self, network: &Network<f32>, clock: &Clock) -> bool {
        (**self).rests(network, clock)
    }

    fn control(&mut self, setting: Setting, controls: &mut Controls<'_>) -> Result<()> {
        (**self).control(setting, controls)
    }

    fn penalty(&mut self, view: &View<'_>, gradients: &mut Gradients<'_>) -> Result<f64> {
        (**self).penalty(view, gradients)
    }

    fn gradients(&mut self, view: &View<'_>, gradients: &mut Gradients<'_>) -> Result<()> {
        (**self).gradients(view, gradients)
    }

    fn propose(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        (**self).propose(view, oracle)
    }

    fn settled(&mut self, outcome: &Outcome, network: &Network<f32>) -> Result<()> {
        (**self).settled(outcome, network)
    }

    fn followed(&mut self, applied: &Applied, network: &Network<f32>) -> Result<()> {
        (**self).followed(applied, network)
    }

    fn readings(&self, network: &Network<f32>) -> Vec<Reading> {
        (**self).readings(network)
    }

    fn state(&self) -> Result<State> {
        (**self).state()
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        (**self).restore(state)
    }
}

/// Prepares strategies that shall work side by side.
///
/// # Errors
/// What [`Strategy::prepare`] refuses; [`Error::Conflict`] where two of them edit the same group or set the same gate or mask.
pub fn prepare_all(strategies: &mut [Box<dyn Strategy>], network: &Network<f32>) -> Result<()> {
    for strategy in strategies.iter_mut() {
        strategy.prepare(network)?;
    }
    let territories: Vec<Territory> = strategies.iter().map(|s| s.territory(network)).collect();
    for (later, second) in territories.iter().enumerate() {
        for (earlier, first) in territories[..later].iter().enumerate() {
            let group = second
                .edits
                .iter()
                .find(|g| first.edits.contains(g))
                .map(|g| ("edit the group", network.group(*g).name()));
            let node = second
                .controls
                .iter()
                .find(|n| first.controls.contains(n))
                .map(|n| ("set the gates or masks of", network.node(*n).name()));
            if let Some((what, name)) = group.or(node) {
                return Err(Error::Conflict {
                    first: strategies[earlier].name().to_owned(),
                    second: strategies[later].name().to_owned(),
                    what,
                    name: name.to_owned(),
                });
            }
        }
    }
    Ok(())
}
