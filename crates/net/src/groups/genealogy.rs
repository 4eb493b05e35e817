//! Where units come from and what becomes of them.

use serde::{Deserialize, Serialize};

/// The stable name of a unit: it keeps it for life, wherever it stands in its layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UnitId(pub(crate) u64);

impl UnitId {
    /// The running number of the unit in its network, from 0.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

/// The life of one unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitRecord {
    /// The group in which it was born.
    pub group: String,
    /// The training step of its birth; 0 for the founders.
    pub birth_step: u64,
    /// The units whose weights it was made from; empty for founders and fresh units.
    pub parents: Vec<UnitId>,
    /// The step and the cause of its end, once it has ended.
    pub death: Option<(u64, String)>,
}

/// The lives of all units that a network has ever had.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Genealogy {
    records: Vec<UnitRecord>,
}

impl Genealogy {
    pub(crate) fn found(&mut self, group: &str) -> UnitId {
        self.born(group, 0, Vec::new())
    }

    pub(crate) fn born(&mut self, group: &str, step: u64, parents: Vec<UnitId>) -> UnitId {
        self.records.push(UnitRecord {
            group: group.to_owned(),
            birth_step: step,
            parents,
            death: None,
        });
        UnitId(self.records.len() as u64 - 1)
    }

    pub(crate) fn ended(&mut self, unit: UnitId, step: u64, cause: &str) {
        if let Some(record) = self.records.get_mut(unit.0 as usize) {
            record.death.get_or_insert((step, cause.to_owned()));
        }
    }

    /// The life of a unit, if the network ever had it.
    #[must_use]
    pub fn unit(&self, unit: UnitId) -> Option<&UnitRecord> {
        self.records.get(unit.0 as usize)
    }

    /// All lives, in order of birth.
    pub fn units(&self) -> impl Iterator<Item = (UnitId, &UnitRecord)> {
        self.records.iter().enumerate().map(|(i, r)| (UnitId(i as u64), r))
    }

    /// The number of units that there have ever been.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Says whether there has never been a unit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}
