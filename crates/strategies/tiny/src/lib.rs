#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod growth;
mod settings;
mod site;
mod solution;

use espalier_net::{GroupId, Network};
use espalier_strategy::{
    Clock, EveryEpochs, Needs, Oracle, Proposal, Result, State, Strategy, Territory, Trigger, View,
};

pub use settings::TinySettings;
pub use solution::{Solution, solve};

const NAME: &str = "tiny";

/// Adds the units that come nearest to what the present weights cannot express.
///
/// # Paper
/// Verbockhaven et al. 2024.
///
/// # Example
/// ```
/// use espalier_strategy::Plateau;
/// use espalier_tiny::{Tiny, TinySettings};
///
/// let every_fifth_epoch = Tiny::new(TinySettings::default());
/// let on_plateaus = Tiny::when(Plateau::new(3, 0.0), TinySettings { new_units: 8, ..TinySettings::default() });
/// # let _ = (every_fifth_epoch, on_plateaus);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Tiny<T = EveryEpochs> {
    settings: TinySettings,
    trigger: T,
}

impl Tiny {
    /// Makes the strategy.
    #[must_use]
    pub fn new(settings: TinySettings) -> Self {
        Self::when(EveryEpochs(settings.every_epochs), settings)
    }
}

impl<T: Trigger> Tiny<T> {
    /// Makes the strategy with another trigger; `every_epochs` then says nothing.
    #[must_use]
    pub fn when(trigger: T, settings: TinySettings) -> Self {
        Self { settings, trigger }
    }
}

impl<T: Trigger> Strategy for Tiny<T> {
    fn name(&self) -> &str {
        NAME
    }

    fn prepare(&mut self, network: &Network<f32>) -> Result<()> {
        self.settings.check(NAME)?;
        self.trigger.prepare(NAME, network)?;
        site::supported(&self.settings.groups, network).map(|_| ())
    }

    fn territory(&self, network: &Network<f32>) -> Territory {
        let sites = site::supported(&self.settings.groups, network).unwrap_or_default();
        let edits: Vec<GroupId> = sites.iter().map(|site| site.group).collect();
        Territory {
            edits,
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
        growth::propose(&self.settings, view.network, oracle)
    }

    fn state(&self) -> Result<State> {
        self.trigger.state()
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.trigger.restore(state)
    }
}
