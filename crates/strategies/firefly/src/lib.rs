#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod candidates;
mod settings;

use espalier_net::Network;
use espalier_strategy::{
    Clock, EveryEpochs, Needs, Oracle, Proposal, Result, State, Strategy, Territory, Trigger, View,
};

pub use settings::FireflySettings;

const NAME: &str = "firefly";

/// Trains candidate units for a few steps and keeps those that promise most.
///
/// # Paper
/// Wu et al. 2020.
///
/// # Example
/// ```
/// use espalier_firefly::{Firefly, FireflySettings};
/// use espalier_strategy::Plateau;
///
/// let every_fifth_epoch = Firefly::new(FireflySettings::default());
/// let on_plateaus = Firefly::when(Plateau::new(3, 0.0), FireflySettings { steps: 20, ..FireflySettings::default() });
/// # let _ = (every_fifth_epoch, on_plateaus);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Firefly<T = EveryEpochs> {
    settings: FireflySettings,
    trigger: T,
}

impl Firefly {
    /// Makes the strategy.
    #[must_use]
    pub fn new(settings: FireflySettings) -> Self {
        Self::when(EveryEpochs(settings.every_epochs), settings)
    }
}

impl<T: Trigger> Firefly<T> {
    /// Makes the strategy with another trigger; `every_epochs` then says nothing.
    #[must_use]
    pub fn when(trigger: T, settings: FireflySettings) -> Self {
        Self { settings, trigger }
    }
}

impl<T: Trigger> Strategy for Firefly<T> {
    fn name(&self) -> &str {
        NAME
    }

    fn prepare(&mut self, network: &Network<f32>) -> Result<()> {
        self.settings.check(NAME)?;
        self.trigger.prepare(NAME, network)?;
        self.settings.groups.resolve(NAME, network).map(|_| ())
    }

    fn territory(&self, network: &Network<f32>) -> Territory {
        Territory {
            edits: self.settings.groups.resolve(NAME, network).unwrap_or_default(),
            controls: Vec::new(),
        }
    }

    fn needs(&self, network: &Network<f32>, clock: &Clock) -> Needs {
        self.trigger.needs(network, clock)
    }

    fn rests(&self, _: &Network<f32>, clock: &Clock) -> bool {
        self.trigger.rests(clock)
    }

    fn propose(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        if !self.trigger.fires(view)? {
            return Ok(None);
        }
        candidates::propose(&self.settings, view, oracle)
    }

    fn state(&self) -> Result<State> {
        self.trigger.state()
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.trigger.restore(state)
    }
}
