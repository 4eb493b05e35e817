//! A strategy made of a trigger, a selector and an initializer.

use espalier_net::Network;

use crate::error::Result;
use crate::initializer::Initializer;
use crate::needs::Needs;
use crate::oracle::Oracle;
use crate::proposal::Proposal;
use crate::reading::Reading;
use crate::selector::Selector;
use crate::state::State;
use crate::strategy::{Strategy, Territory};
use crate::trigger::Trigger;
use crate::view::{Clock, View};

/// When (trigger), where (selector) and how (initializer), as one strategy.
#[derive(Clone, Debug, PartialEq)]
pub struct Composed<T, S, I> {
    name: String,
    /// When.
    pub trigger: T,
    /// Where, and how many.
    pub selector: S,
    /// How.
    pub initializer: I,
}

impl<T: Trigger, S: Selector, I: Initializer> Composed<T, S, I> {
    /// Puts the parts together.
    #[must_use]
    pub fn new(name: &str, trigger: T, selector: S, initializer: I) -> Self {
        Self {
            name: name.to_owned(),
            trigger,
            selector,
            initializer,
        }
    }
}

impl<T: Trigger, S: Selector, I: Initializer> Strategy for Composed<T, S, I> {
    fn name(&self) -> &str {
        &self.name
    }

    fn prepare(&mut self, network: &Network<f32>) -> Result<()> {
        self.trigger.prepare(&self.name, network)?;
        self.selector.prepare(&self.name, network)
    }

    fn territory(&self, network: &Network<f32>) -> Territory {
        let edits = self.selector.groups().resolve(&self.name, network).unwrap_or_default();
        Territory {
            edits,
            controls: Vec::new(),
        }
    }

    fn needs(&self, network: &Network<f32>, clock: &Clock) -> Needs {
        let where_and_how = self
            .selector
            .needs(network, clock)
            .and(self.initializer.needs(network, clock));
        self.trigger.needs(network, clock).and(where_and_how)
    }

    fn rests(&self, _: &Network<f32>, clock: &Clock) -> bool {
        self.trigger.rests(clock)
    }

    fn propose(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        if !self.trigger.fires(view)? {
            return Ok(None);
        }
        let selections = self.selector.select(view, oracle)?;
        if selections.is_empty() {
            return Ok(None);
        }
        let chosen = selections.iter().map(|s| {
            let group = view.network.group(s.group).name();
            if s.units.is_empty() {
                format!("{group} +{}", s.extra)
            } else {
                format!("{group} {:?}", s.units)
            }
        });
        let reason = format!("{}: {}", self.name, chosen.collect::<Vec<_>>().join(", "));
        let proposal = self.initializer.propose(view, oracle, &selections, &reason)?;
        let chosen = selections.iter().flat_map(|s| s.chosen(view.network));
        Ok((!proposal.plan.edits.is_empty()).then(|| proposal.choosing(chosen)))
    }

    fn readings(&self, _: &Network<f32>) -> Vec<Reading> {
        self.selector.readings()
    }

    fn state(&self) -> Result<State> {
        State::join(&self.name, &[self.trigger.state()?, self.selector.state()?])
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        let parts = state.parts(&self.name, 2)?;
        self.trigger.restore(&parts[0])?;
        self.selector.restore(&parts[1])
    }
}
