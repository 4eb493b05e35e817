#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

use espalier_net::Network;
use espalier_strategy::{Oracle, Proposal, Result, Strategy, View};

/// Changes nothing yet.
///
/// # Example
/// ```
/// let strategy = espalier_placeholder::Placeholder::default();
/// # let _ = strategy;
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Placeholder {}

impl Strategy for Placeholder {
    fn name(&self) -> &str {
        "placeholder"
    }

    /// Checks the settings against the network before training: `check_setting` names field, value and range.
    fn prepare(&mut self, _network: &Network<f32>) -> Result<()> {
        Ok(())
    }

    /// Looks and decides; asked before training, after every step and after every epoch.
    fn propose(&mut self, _view: &View<'_>, _oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        Ok(None)
    }
}
