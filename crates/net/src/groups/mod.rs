//! Channel groups: channels that stand or fall together, and the lives of their units.

pub(crate) mod genealogy;

use serde::{Deserialize, Serialize};

use self::genealogy::UnitId;

/// The index of a channel group in its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupId(pub(crate) u32);

impl GroupId {
    /// The index into [`crate::Network::groups`].
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Channels that stand or fall together: one width of the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    pub(crate) name: String,
    pub(crate) units: Vec<UnitId>,
    pub(crate) frozen: Option<String>,
    pub(crate) floor: usize,
}

impl Group {
    /// The name of the node that first lists the group, with a running number where it lists several.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of units.
    #[must_use]
    pub fn width(&self) -> usize {
        self.units.len()
    }

    /// The stable ids of the units, in their present order.
    #[must_use]
    pub fn units(&self) -> &[UnitId] {
        &self.units
    }

    /// Why no edit may change the group, if so.
    #[must_use]
    pub fn frozen(&self) -> Option<&str> {
        self.frozen.as_deref()
    }

    /// The smallest width that an edit may leave.
    #[must_use]
    pub fn floor(&self) -> usize {
        self.floor
    }
}
