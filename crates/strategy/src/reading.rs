//! What a strategy has learned, as numbers for the record.

use serde::{Deserialize, Serialize};

/// A number that a strategy keeps about the network: a learned size, the open gates of a layer.
///
/// A trainer reads them at the end of every epoch, before the strategy proposes anything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The layer or group that it is about.
    pub of: String,
    /// What it is, for instance `size`.
    pub name: String,
    /// Its value.
    pub value: f64,
}

impl Reading {
    /// Reads a number of a layer or group.
    #[must_use]
    pub fn new(of: &str, name: &str, value: f64) -> Self {
        Self {
            of: of.to_owned(),
            name: name.to_owned(),
            value,
        }
    }
}
