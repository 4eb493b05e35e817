//! A strategy that is made anew from its saved state before every step: what it keeps beside its state is lost.

use espalier_net::{Applied, Network};

use crate::controls::{Controls, Setting};
use crate::error::Result;
use crate::gradients::Gradients;
use crate::needs::Needs;
use crate::oracle::Oracle;
use crate::proposal::{Outcome, Proposal};
use crate::strategy::{Strategy, Territory};
use crate::view::{Clock, View};

/// What makes a fresh strategy of the kind under test.
pub(super) type Make<'a> = &'a (dyn Fn() -> Box<dyn Strategy> + Sync);

pub(super) struct Reborn<'a> {
    make: Make<'a>,
    inner: Box<dyn Strategy>,
}

impl<'a> Reborn<'a> {
    pub fn new(make: Make<'a>) -> Self {
        Self { make, inner: make() }
    }

    fn renew(&mut self, network: &Network<f32>) -> Result<()> {
        let state = self.inner.state()?;
        let mut next = (self.make)();
        next.prepare(network)?;
        next.restore(&state)?;
        self.inner = next;
        Ok(())
    }
}

impl Strategy for Reborn<'_> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn prepare(&mut self, network: &Network<f32>) -> Result<()> {
        self.inner.prepare(network)
    }

    fn territory(&self, network: &Network<f32>) -> Territory {
        self.inner.territory(network)
    }

    fn needs(&self, network: &Network<f32>, clock: &Clock) -> Needs {
        self.inner.needs(network, clock)
    }

    fn control(&mut self, setting: Setting, controls: &mut Controls<'_>) -> Result<()> {
        self.renew(controls.network())?;
        self.inner.control(setting, controls)
    }

    fn penalty(&mut self, view: &View<'_>, gradients: &mut Gradients<'_>) -> Result<f64> {
        self.inner.penalty(view, gradients)
    }

    fn gradients(&mut self, view: &View<'_>, gradients: &mut Gradients<'_>) -> Result<()> {
        self.inner.gradients(view, gradients)
    }

    fn propose(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        self.inner.propose(view, oracle)
    }

    fn settled(&mut self, outcome: &Outcome, network: &Network<f32>) -> Result<()> {
        self.inner.settled(outcome, network)
    }

    fn followed(&mut self, applied: &Applied, network: &Network<f32>) -> Result<()> {
        self.inner.followed(applied, network)
    }
}
