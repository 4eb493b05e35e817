#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod auxiliary;
mod directions;
mod growth;
mod layers;
mod path;
mod settings;
mod where_to;

use espalier_net::{Network, Transplant};
use espalier_strategy::{
    Clock, Composed, EveryEpochs, Needs, Oracle, Proposal, Result, State, Strategy, Territory, Trigger, View,
};

pub use auxiliary::AuxiliaryGradient;
pub use directions::directions;
pub use growth::MaximalGradient;
pub use settings::{FanOutNorm, GradMaxSettings, Search};
pub use where_to::DifferentiableGroups;

const NAME: &str = "gradmax";

/// Adds units whose fan-in is zero and whose fan-out gives that fan-in the largest gradient.
///
/// # Paper
/// Evci et al. 2022.
///
/// # Example
/// ```
/// use espalier_gradmax::{GradMax, GradMaxSettings, Search};
/// use espalier_strategy::Plateau;
///
/// let every_fifth_epoch = GradMax::new(GradMaxSettings::default());
/// let optimised = GradMaxSettings { search: Search::OPTIMISED, ..Default::default() };
/// let on_plateaus = GradMax::when(Plateau::new(3, 0.0), optimised);
/// # let _ = (every_fifth_epoch, on_plateaus);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct GradMax<T = EveryEpochs> {
    settings: GradMaxSettings,
    parts: Composed<T, DifferentiableGroups, MaximalGradient>,
}

impl GradMax {
    /// Makes the strategy.
    #[must_use]
    pub fn new(settings: GradMaxSettings) -> Self {
        Self::when(EveryEpochs(settings.every_epochs), settings)
    }
}

impl<T: Trigger> GradMax<T> {
    /// Makes the strategy with another trigger; `every_epochs` then says nothing.
    #[must_use]
    pub fn when(trigger: T, settings: GradMaxSettings) -> Self {
        let selector = DifferentiableGroups {
            groups: settings.groups.clone(),
            count: settings.new_units,
        };
        let initializer = MaximalGradient {
            search: settings.search,
            norm: settings.norm,
            rate: settings.rate,
            reach_steps: settings.reach_steps,
        };
        Self {
            parts: Composed::new(NAME, trigger, selector, initializer),
            settings,
        }
    }

    fn transplant(&self) -> Transplant {
        self.settings.transplant
    }
}

impl<T: Trigger> Strategy for GradMax<T> {
    fn name(&self) -> &str {
        NAME
    }

    fn prepare(&mut self, network: &Network<f32>) -> Result<()> {
        self.settings.check(NAME)?;
        self.parts.prepare(network)
    }

    fn territory(&self, network: &Network<f32>) -> Territory {
        Territory {
            edits: self.parts.selector.supported(network).unwrap_or_default(),
            controls: Vec::new(),
        }
    }

    fn needs(&self, network: &Network<f32>, clock: &Clock) -> Needs {
        self.parts.needs(network, clock)
    }

    fn rests(&self, network: &Network<f32>, clock: &Clock) -> bool {
        self.parts.rests(network, clock)
    }

    fn propose(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        let proposal = self.parts.propose(view, oracle)?;
        Ok(proposal.map(|p| p.transplanting(self.transplant())))
    }

    fn state(&self) -> Result<State> {
        self.parts.state()
    }

    fn restore(&mut self, state: &State) -> Result<()> {
        self.parts.restore(state)
    }
}
