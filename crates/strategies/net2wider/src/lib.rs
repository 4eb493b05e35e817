#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod parts;
mod settings;

use espalier_net::Network;
use espalier_strategy::{Clock, Composed, Needs, Oracle, Proposal, Result, Schedule, State, Strategy, Territory, View};

pub use parts::{NoisyCopies, Widening};
pub use settings::Net2WiderSettings;

const NAME: &str = "net2wider";

/// Widens layers by copies of units chosen at random.
///
/// # Paper
/// Chen et al. 2016, algorithm 1.
///
/// # Example
/// ```
/// use espalier_net2wider::{Net2Wider, Net2WiderSettings};
///
/// let strategy = Net2Wider::new(Net2WiderSettings { factor: 2.0, ..Default::default() });
/// # let _ = strategy;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Net2Wider {
    settings: Net2WiderSettings,
    parts: Composed<Schedule, Widening, NoisyCopies>,
}

impl Net2Wider {
    /// Makes the strategy.
    #[must_use]
    pub fn new(settings: Net2WiderSettings) -> Self {
        let widening = Widening {
            groups: settings.groups.clone(),
            factor: settings.factor,
        };
        let parts = Composed::new(
            NAME,
            settings.when.clone(),
            widening,
            NoisyCopies { noise: settings.noise },
        );
        Self { settings, parts }
    }
}

impl Strategy for Net2Wider {
    fn name(&self) -> &str {
        NAME
    }

    fn prepare(&mut self, network: &Network<f32>) -> Result<()> {
        self.settings.check(NAME)?;
        self.parts.prepare(network)
    }

    fn territory(&self, network: &Network<f32>) -> Territory {
        self.settings.groups.territory(NAME, network)
    }

    fn needs(&self, network: &Network<f32>, clock: &Clock) -> Needs {
        self.parts.needs(network, clock)
    }

    fn rests(&self, network: &Network<f32>, clock: &Clock) -> bool {
        self.parts.rests(network, clock)
    }

    fn propose(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        self.parts.propose(view, oracle)
    }

    fn state(&self) -> Result<State> {
        self.parts.state()
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.parts.restore(state)
    }
}
