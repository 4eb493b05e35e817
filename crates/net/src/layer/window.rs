//! The geometry of windows that slide over a map.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The geometry of a convolution or pooling window: height first, then width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Kernel size.
    pub kernel: [usize; 2],
    /// Step between windows.
    pub stride: [usize; 2],
    /// Zeros (for pooling: ignored positions) added on each side.
    pub padding: [usize; 2],
}

impl Window {
    /// A square window with stride 1 and no padding.
    #[must_use]
    pub fn square(kernel: usize) -> Self {
        Self {
            kernel: [kernel; 2],
            stride: [1; 2],
            padding: [0; 2],
        }
    }

    /// A square window with stride 1 whose padding keeps the map's size (odd kernels).
    #[must_use]
    pub fn same(kernel: usize) -> Self {
        Self::square(kernel).padded(kernel / 2)
    }

    /// A square window as wide as its stride, as pooling uses it.
    #[must_use]
    pub fn pool(kernel: usize) -> Self {
        Self::square(kernel).strided(kernel)
    }

    /// A window along the width only, for sequences (maps of height 1).
    #[must_use]
    pub fn line(kernel: usize) -> Self {
        Self {
            kernel: [1, kernel],
            stride: [1; 2],
            padding: [0; 2],
        }
    }

    /// Sets the stride of both axes.
    #[must_use]
    pub fn strided(mut self, stride: usize) -> Self {
        self.stride = [stride; 2];
        self
    }

    /// Sets the padding of both axes; of a window of height 1, of the width only.
    #[must_use]
    pub fn padded(mut self, padding: usize) -> Self {
        self.padding = [if self.kernel[0] == 1 { 0 } else { padding }, padding];
        self
    }

    /// Counts the window's positions along each axis of a `[height, width]` map, or says that none fits or
    /// the padded map is larger than can be counted.
    #[must_use]
    pub fn output(&self, map: [usize; 2]) -> Option<[usize; 2]> {
        let mut out = [0; 2];
        for axis in 0..2 {
            let padded = self.padding[axis].checked_mul(2)?.checked_add(map[axis])?;
            if self.stride[axis] == 0 || self.kernel[axis] == 0 || padded < self.kernel[axis] {
                return None;
            }
            out[axis] = (padded - self.kernel[axis]) / self.stride[axis] + 1;
        }
        Some(out)
    }

    /// The number of kernel positions, height × width.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.kernel[0].saturating_mul(self.kernel[1])
    }

    /// All sizes, the number of kernel positions among them.
    pub(crate) fn sizes(&self) -> Vec<usize> {
        let mut sizes = [self.kernel, self.stride, self.padding].concat();
        sizes.push(self.positions());
        sizes
    }

    /// The map of the window's positions, for a layer of that name.
    pub(crate) fn fit(&self, name: &str, map: [usize; 2]) -> Result<[usize; 2]> {
        self.output(map).ok_or_else(|| {
            let [height, width] = map;
            Error::layer(
                name,
                format!("a map that holds a {:?} window", self.kernel),
                format!("a {height}×{width} map"),
            )
        })
    }
}
