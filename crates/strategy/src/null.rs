//! The rivals that every method must beat: no change at all, and change without a method.

use espalier_net::Network;

use crate::composed::Composed;
use crate::error::Result;
use crate::initializer::WidenRandom;
use crate::oracle::Oracle;
use crate::proposal::Proposal;
use crate::selector::NewUnits;
use crate::sites::Groups;
use crate::strategy::{Strategy, Territory};
use crate::trigger::Trigger;
use crate::view::{Clock, View};

/// Never changes anything: a fixed network, small or large.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fixed;

impl Strategy for Fixed {
    fn name(&self) -> &str {
        "fixed"
    }

    fn territory(&self, _network: &Network<f32>) -> Territory {
        Territory::default()
    }

    fn rests(&self, _network: &Network<f32>, _clock: &Clock) -> bool {
        true
    }

    fn propose(&mut self, _view: &View<'_>, _oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
        Ok(None)
    }
}

/// Adds `count` units with random fan-in and zero fan-out weights to each group whenever the trigger fires: growth on the
/// schedule of the method that it is compared with.
#[must_use]
pub fn random_growth<T: Trigger>(trigger: T, groups: Groups, count: usize) -> Composed<T, NewUnits, WidenRandom> {
    Composed::new(
        "random-growth",
        trigger,
        NewUnits { groups, count },
        WidenRandom::default(),
    )
}
