//! A unit silenced without touching a weight.

use crate::error::{Error, Result};
use crate::graph::{Network, NodeId};
use crate::groups::GroupId;
use crate::kernels::Element;
use crate::layer::parameter::{Axis, ParameterId, Role};

/// A unit that an evaluation silences towards all its readers, without touching a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ablation {
    /// The unit's channel group.
    pub group: GroupId,
    /// The unit's position in the group.
    pub unit: usize,
    /// Whether the other units of the group are multiplied by H/(H−1), H being the width.
    pub rescale: bool,
}

impl Ablation {
    /// Checks that the unit exists and that weights read its group.
    pub(crate) fn check<E: Element>(&self, network: &Network<E>) -> Result<()> {
        let group = network.group(self.group);
        if self.unit >= group.width() {
            let reason = format!("it has {} units, unit {} is no unit of it", group.width(), self.unit);
            return Err(Error::refused(group.name(), reason));
        }
        let reads = |id: &NodeId| {
            let weight = network.node(*id).parameter(Role::Weight);
            weight
                .is_some_and(|id| matches!(&network.parameter(id).axes()[0], Axis::Units(s) if s.contains(&self.group)))
        };
        if !network.order().iter().any(reads) {
            return Err(Error::refused(
                group.name(),
                "no weight reads it, so that none can be silenced towards it",
            ));
        }
        Ok(())
    }

    /// What each row of a weight is multiplied by.
    pub(super) fn row_factors<E: Element>(&self, network: &Network<E>, weight: ParameterId) -> Vec<E> {
        let weight = network.parameter(weight);
        let Axis::Units(space) = &weight.axes()[0] else {
            return vec![E::ONE; weight.shape()[0]];
        };
        let width = network.group(self.group).width();
        let others = match (self.rescale, width) {
            (true, 2..) => E::from_f64(width as f64 / (width - 1) as f64),
            _ => E::ONE,
        };
        let mut factors = Vec::with_capacity(weight.shape()[0]);
        for group in space {
            factors.extend(
                (0..network.group(*group).width()).map(|unit| match *group == self.group {
                    true if unit == self.unit => E::ZERO,
                    true => others,
                    false => E::ONE,
                }),
            );
        }
        factors
    }
}
