//! What the driver and the processes that it measures say to each other, one JSON object a line.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cell::{Mode, Net};

/// A line to a measured process.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "op")]
pub enum Request {
    /// Builds networks, compiles and warms up.
    Setup {
        /// The network.
        net: Net,
        /// What a step is.
        mode: Mode,
        /// How many models this process has.
        models: usize,
        /// Images per step.
        batch: usize,
        /// From which weights and orders are drawn.
        seed: u64,
        /// How long to warm up.
        warm_seconds: f64,
    },
    /// Measures for at least this long.
    Measure {
        /// The shortest duration.
        seconds: f64,
    },
    /// Ends the process.
    Quit,
}

/// A line from a measured process; which fields are there depends on the request.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Answer {
    /// Set-up is done.
    #[serde(default)]
    pub ready: bool,
    /// Versions of what is measured.
    #[serde(default)]
    pub versions: BTreeMap<String, serde_json::Value>,
    /// Model-steps done: one step of each of four models is four.
    #[serde(default)]
    pub steps: f64,
    /// The time that they took.
    #[serde(default)]
    pub seconds: f64,
    /// Whatever else was measured, such as the last loss.
    #[serde(default)]
    pub extra: BTreeMap<String, f64>,
    /// What went wrong, if anything.
    #[serde(default)]
    pub error: Option<String>,
}
