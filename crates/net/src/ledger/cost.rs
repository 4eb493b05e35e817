//! What a network costs.

use serde::{Deserialize, Serialize};

/// What a network costs.
///
/// # Units
/// `parameters` counts trained values (weights, biases, scales, slopes, gates; not running
/// statistics, not masks). `macs` counts multiply–accumulates of dense layers and
/// convolutions for one sample's forward pass; 1 MAC = 2 FLOPs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Trained values.
    pub parameters: u64,
    /// Multiply–accumulates of one forward pass of one sample.
    pub macs: u64,
}

impl Cost {
    /// The cost with that of another layer, if both can be counted.
    pub(crate) fn and(self, parameters: Option<u64>, macs: u64) -> Option<Self> {
        Some(Self {
            parameters: self.parameters.checked_add(parameters?)?,
            macs: self.macs.checked_add(macs)?,
        })
    }
}
