//! The size-gate strategy with a window on the size that it has learned.

use std::sync::{Arc, Mutex, PoisonError};

use espalier_net::Network;
use espalier_size_gate::SizeGate;
use espalier_strategy::{Occasion, Oracle, Proposal, Result, Strategy, View};

/// x₀ and ∫gate.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    pub x0: f64,
    pub size: f64,
}

/// Where the last reading lies.
#[derive(Clone, Debug)]
pub struct Window(Arc<Mutex<Reading>>);

impl Window {
    /// The reading at the end of the last epoch.
    pub fn read(&self) -> Reading {
        // A reading is written whole, so that even a poisoned lock holds one.
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Trainers own their strategies; this one leaves its size where the trial can read it.
pub struct Watched {
    inner: SizeGate,
    gate: &'static str,
    seen: Window,
}

impl Watched {
    /// Watches the gate layer of that name, whose x₀ starts at `start`.
    pub fn new(inner: SizeGate, gate: &'static str, start: f64) -> (Self, Window) {
        let seen = Window(Arc::new(Mutex::new(Reading {
            x0: start,
            size: f64::NAN,
        })));
        let window = seen.clone();
        (Self { inner, gate, seen }, window)
    }

    fn look(&self, network: &Network<f32>) {
        let size = self
            .inner
            .sizes(network)
            .into_iter()
            .find(|(name, _)| name == self.gate);
        if let (Some(dial), Some((_, size))) = (self.inner.dial(self.gate), size) {
            *self.seen.0.lock().unwrap_or_else(PoisonError::into_inner) = Reading { x0: dial.x0, size };
        }
    }
}

impl Strategy for Watched {
    espalier_strategy::forward!(
        inner: name, territory, needs, control, penalty, gradients, settled, followed, state, restore
    );

    fn prepare(&mut self, network: &Network<f32>) -> Result<()> {
        self.inner.prepare(network)?;
        self.look(network);
        Ok(())
    }

    fn propose(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        if view.occasion == Occasion::Epoch {
            // Before closed units are taken out, which the integral over all ranks counts in part.
            self.look(view.network);
        }
        self.inner.propose(view, oracle)
    }
}
