//! Strategies that take turns.

use espalier_net::{Applied, Network};

use crate::controls::{Controls, Setting};
use crate::error::{Result, check_setting};
use crate::gradients::Gradients;
use crate::needs::Needs;
use crate::oracle::Oracle;
use crate::proposal::{Outcome, Proposal};
use crate::reading::Reading;
use crate::state::State;
use crate::strategy::{Strategy, Territory};
use crate::view::{Clock, View};

/// Lets strategies take turns, so that several may edit the same groups: one proposes until a proposal of its own has
/// been settled, then it is the next one's turn.
///
/// Penalties, gradients and gates of all of them act all the time; only the one whose turn it is gets its observations
/// and is asked for proposals.
pub struct Alternating {
    name: String,
    members: Vec<Box<dyn Strategy>>,
    turn: usize,
}

impl Alternating {
    /// Puts strategies in a round.
    #[must_use]
    pub fn new(name: &str, members: Vec<Box<dyn Strategy>>) -> Self {
        Self {
            name: name.to_owned(),
            members,
            turn: 0,
        }
    }

    /// The position of the strategy whose turn it is.
    #[must_use]
    pub fn turn(&self) -> usize {
        self.turn
    }
}

impl Strategy for Alternating {
    fn name(&self) -> &str {
        &self.name
    }

    fn prepare(&mut self, network: &Network<f32>) -> Result<()> {
        check_setting(
            &self.name,
            "members",
            !self.members.is_empty(),
            "at least 1",
            self.members.len(),
        )?;
        self.members.iter_mut().try_for_each(|m| m.prepare(network))
    }

    fn territory(&self, network: &Network<f32>) -> Territory {
        let mut all = Territory::default();
        for member in &self.members {
            let own = member.territory(network);
            all.edits.extend(own.edits);
            all.controls.extend(own.controls);
        }
        all.edits.sort_unstable();
        all.edits.dedup();
        all.controls.sort_unstable();
        all.controls.dedup();
        all
    }

    fn needs(&self, network: &Network<f32>, clock: &Clock) -> Needs {
        self.members
            .get(self.turn)
            .map_or_else(Needs::none, |m| m.needs(network, clock))
    }

    fn rests(&self, network: &Network<f32>, clock: &Clock) -> bool {
        self.members.iter().all(|member| member.rests(network, clock))
    }

    fn control(&mut self, setting: Setting, controls: &mut Controls<'_>) -> Result<()> {
        self.members.iter_mut().try_for_each(|m| m.control(setting, controls))
    }

    fn penalty(&mut self, view: &View<'_>, gradients: &mut Gradients<'_>) -> Result<f64> {
        self.members.iter_mut().map(|m| m.penalty(view, gradients)).sum()
    }

    fn gradients(&mut self, view: &View<'_>, gradients: &mut Gradients<'_>) -> Result<()> {
        self.members.iter_mut().try_for_each(|m| m.gradients(view, gradients))
    }

    fn propose(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        match self.members.get_mut(self.turn) {
            Some(member) => member.propose(view, oracle),
            None => Ok(None),
        }
    }

    fn settled(&mut self, outcome: &Outcome, network: &Network<f32>) -> Result<()> {
        let turn = self.turn;
        self.turn = (turn + 1) % self.members.len().max(1);
        for (index, member) in self.members.iter_mut().enumerate() {
            match outcome.applied() {
                _ if index == turn => member.settled(outcome, network)?,
                Some(applied) => member.followed(applied, network)?,
                None => {}
            }
        }
        Ok(())
    }

    fn followed(&mut self, applied: &Applied, network: &Network<f32>) -> Result<()> {
        self.members.iter_mut().try_for_each(|m| m.followed(applied, network))
    }

    fn readings(&self, network: &Network<f32>) -> Vec<Reading> {
        self.members.iter().flat_map(|m| m.readings(network)).collect()
    }

    fn state(&self) -> Result<State> {
        let mut parts = vec![State::of(&self.name, &self.turn)?];
        for member in &self.members {
            parts.push(member.state()?);
        }
        State::join(&self.name, &parts)
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        let parts = state.parts(&self.name, self.members.len() + 1)?;
        self.turn = parts[0].read(&self.name)?;
        for (member, part) in self.members.iter_mut().zip(&parts[1..]) {
            member.restore(part)?;
        }
        Ok(())
    }
}
