//! A strategy that is asked later, or less often.

use espalier_net::Network;

use super::forward;
use crate::error::{Result, check_setting};
use crate::oracle::Oracle;
use crate::proposal::{Outcome, Proposal};
use crate::state::State;
use crate::strategy::Strategy;
use crate::view::{Occasion, View};

/// Asks a strategy for proposals only after a number of epochs; its penalties and gates act from the beginning.
#[derive(Clone, Debug, PartialEq)]
pub struct Delayed<S> {
    inner: S,
    epochs: u64,
}

impl<S: Strategy> Delayed<S> {
    /// Delays a strategy until `epochs` epochs are done.
    #[must_use]
    pub fn new(inner: S, epochs: u64) -> Self {
        Self { inner, epochs }
    }
}

impl<S: Strategy> Strategy for Delayed<S> {
    forward!();

    fn prepare(&mut self, network: &Network<f32>) -> Result<()> {
        self.inner.prepare(network)
    }

    fn propose(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        if view.clock.epoch < self.epochs {
            Ok(None)
        } else {
            self.inner.propose(view, oracle)
        }
    }

    fn settled(&mut self, outcome: &Outcome, network: &Network<f32>) -> Result<()> {
        self.inner.settled(outcome, network)
    }

    fn state(&self) -> Result<State> {
        self.inner.state()
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.inner.restore(state)
    }
}

/// Asks a strategy for proposals only at the end of every k-th epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct EveryKEpochs<S> {
    inner: S,
    epochs: u64,
}

impl<S: Strategy> EveryKEpochs<S> {
    /// Makes every `epochs`-th epoch the strategy's occasion.
    #[must_use]
    pub fn new(inner: S, epochs: u64) -> Self {
        Self { inner, epochs }
    }
}

impl<S: Strategy> Strategy for EveryKEpochs<S> {
    forward!();

    fn prepare(&mut self, network: &Network<f32>) -> Result<()> {
        check_setting(
            self.inner.name(),
            "every_epochs",
            self.epochs > 0,
            "at least 1",
            self.epochs,
        )?;
        self.inner.prepare(network)
    }

    fn propose(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        let due = view.occasion == Occasion::Epoch && view.clock.epoch.is_multiple_of(self.epochs);
        if due {
            self.inner.propose(view, oracle)
        } else {
            Ok(None)
        }
    }

    fn settled(&mut self, outcome: &Outcome, network: &Network<f32>) -> Result<()> {
        self.inner.settled(outcome, network)
    }

    fn state(&self) -> Result<State> {
        self.inner.state()
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.inner.restore(state)
    }
}
