//! A strategy within bounds of size and time.

use espalier_net::Network;

use super::forward;
use crate::error::{Error, Result, check_setting};
use crate::oracle::Oracle;
use crate::proposal::{Limits, Outcome, Proposal};
use crate::state::State;
use crate::strategy::Strategy;
use crate::view::View;

/// Keeps a strategy within bounds: checked at the start, handed to the engine with every proposal (which refuses or cuts
/// what would pass them), and checked again behind every edit.
///
/// A bound on wall time makes results depend on the machine; bounds on size do not.
#[derive(Clone, Debug, PartialEq)]
pub struct Budgeted<S> {
    inner: S,
    limits: Limits,
    wall_seconds: Option<f64>,
}

impl<S: Strategy> Budgeted<S> {
    /// Bounds the network's size.
    #[must_use]
    pub fn new(inner: S, limits: Limits) -> Self {
        Self {
            inner,
            limits,
            wall_seconds: None,
        }
    }

    /// Bounds the time after which nothing is proposed any more.
    #[must_use]
    pub fn within_seconds(mut self, wall_seconds: f64) -> Self {
        self.wall_seconds = Some(wall_seconds);
        self
    }
}

impl<S: Strategy> Strategy for Budgeted<S> {
    forward!();

    fn prepare(&mut self, network: &Network<f32>) -> Result<()> {
        if let Some(seconds) = self.wall_seconds {
            let usable = seconds > 0.0 && seconds.is_finite();
            check_setting(self.inner.name(), "wall_seconds", usable, "above 0", seconds)?;
        }
        self.limits.check(self.inner.name(), network)?;
        self.inner.prepare(network)
    }

    fn propose(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        if self.wall_seconds.is_some_and(|s| view.clock.wall_seconds >= s) {
            return Ok(None);
        }
        let proposal = self.inner.propose(view, oracle)?;
        Ok(proposal.map(|p| Proposal {
            limits: p.limits.and(self.limits),
            ..p
        }))
    }

    fn settled(&mut self, outcome: &Outcome, network: &Network<f32>) -> Result<()> {
        if outcome.applied().is_some() {
            self.limits.check(self.inner.name(), network)?;
        }
        self.inner.settled(outcome, network)
    }

    fn state(&self) -> Result<State> {
        self.inner.state()
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.inner.restore(state)
    }
}

impl<S> Budgeted<S> {
    /// The bounds on size.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Refuses a network above the bounds.
    ///
    /// # Errors
    /// [`Error::Budget`].
    pub fn check(&self, name: &str, network: &Network<f32>) -> std::result::Result<(), Error> {
        self.limits.check(name, network)
    }
}
