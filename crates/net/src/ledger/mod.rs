//! Edits as data, and the record of every edit, from which widths at any step reconstruct.

mod cost;
pub(crate) mod edit;

use serde::{Deserialize, Serialize};

pub use self::cost::Cost;
use self::edit::Edit;
use crate::groups::Group;

/// One applied plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The training step at which it was applied.
    pub step: u64,
    /// Why the plan was made, in its author's words.
    pub reason: String,
    /// The edits, with the weights that they carry.
    pub edits: Vec<Edit>,
    /// The cost before.
    pub before: Cost,
    /// The cost after, as counted.
    pub after: Cost,
    /// The width of each group after, by name.
    pub widths: Vec<(String, usize)>,
    /// The largest output change relative to the largest output, where it was measured.
    pub deviation: Option<f64>,
}

/// All edits of a network since it was built.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    initial: Vec<(String, usize)>,
    entries: Vec<Entry>,
}

impl Ledger {
    pub(crate) fn begin(&mut self, groups: &[Group]) {
        self.initial = named_widths(groups);
        self.entries.clear();
    }

    pub(crate) fn entries_mut(&mut self) -> &mut [Entry] {
        &mut self.entries
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// The applied plans, oldest first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The name and width of each group as built.
    #[must_use]
    pub fn initial_widths(&self) -> &[(String, usize)] {
        &self.initial
    }

    /// The name and width of each group at the end of the given training step.
    #[must_use]
    pub fn widths_at(&self, step: u64) -> &[(String, usize)] {
        let past = self.entries.iter().take_while(|e| e.step <= step);
        past.last().map_or(&self.initial, |e| &e.widths)
    }
}

pub(crate) fn named_widths(groups: &[Group]) -> Vec<(String, usize)> {
    groups.iter().map(|g| (g.name.clone(), g.units.len())).collect()
}
