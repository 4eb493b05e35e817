//! The update of parameters on a Candle device: one pass in place over parameters and states that lie in one array.
//!
//! On Candle's CPU device the pass is that of the CPU kernels; on CUDA it is the kernel of `device/update.cu`, which is
//! compiled when it is first used.

use candle_core::{CpuStorage, InplaceOp2, InplaceOp3, Layout, Result, bail};

#[cfg(any(test, feature = "cuda"))]
mod arguments;
#[cfg(feature = "cuda")]
mod cuda;
#[cfg(test)]
mod tests;

use super::{Rates, Schedule, Steps, Update};
use crate::kernels::Element;

/// An update of an array (1 + states, values), parameters first, along a gradient (values).
///
/// With a third argument (2, values) in f64, each value has its own birth, which is subtracted from the step, and its own
/// factor on the learning rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeviceUpdate {
    /// The rule.
    pub update: Update,
    /// The step, counted from 1.
    pub step: u64,
}

impl InplaceOp2 for DeviceUpdate {
    fn name(&self) -> &'static str {
        "update"
    }

    fn cpu_fwd(&self, packed: &mut CpuStorage, at: &Layout, gradient: &CpuStorage, from: &Layout) -> Result<()> {
        self.run_on_cpu(packed, at, gradient, from, None)
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        packed: &mut candle_core::CudaStorage,
        at: &Layout,
        gradient: &candle_core::CudaStorage,
        from: &Layout,
    ) -> Result<()> {
        cuda::run(self, (packed, at), (gradient, from), None)
    }
}

/// As [`DeviceUpdate`], with births and rates of each value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AgedUpdate(pub DeviceUpdate);

impl InplaceOp3 for AgedUpdate {
    fn name(&self) -> &'static str {
        "aged update"
    }

    fn cpu_fwd(
        &self,
        packed: &mut CpuStorage,
        at: &Layout,
        gradient: &CpuStorage,
        from: &Layout,
        ages: &CpuStorage,
        ages_at: &Layout,
    ) -> Result<()> {
        let (CpuStorage::F64(ages), Some((start, end))) = (ages, ages_at.contiguous_offsets()) else {
            bail!("births and rates: expected a contiguous array in f64");
        };
        self.0.run_on_cpu(packed, at, gradient, from, Some(&ages[start..end]))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        packed: &mut candle_core::CudaStorage,
        at: &Layout,
        gradient: &candle_core::CudaStorage,
        from: &Layout,
        ages: &candle_core::CudaStorage,
        ages_at: &Layout,
    ) -> Result<()> {
        cuda::run(&self.0, (packed, at), (gradient, from), Some((ages, ages_at)))
    }
}

impl DeviceUpdate {
    fn run_on_cpu(
        &self,
        packed: &mut CpuStorage,
        at: &Layout,
        gradient: &CpuStorage,
        from: &Layout,
        ages: Option<&[f64]>,
    ) -> Result<()> {
        let (Some(at), Some(from)) = (at.contiguous_offsets(), from.contiguous_offsets()) else {
            bail!("an update: expected contiguous arrays");
        };
        match (packed, gradient) {
            (CpuStorage::F32(packed), CpuStorage::F32(gradient)) => {
                self.over(&mut packed[at.0..at.1], &gradient[from.0..from.1], ages)
            }
            (CpuStorage::F64(packed), CpuStorage::F64(gradient)) => {
                self.over(&mut packed[at.0..at.1], &gradient[from.0..from.1], ages)
            }
            _ => bail!("an update: expected parameters and gradient both in f32 or both in f64"),
        }
    }

    fn over<E: Element>(&self, packed: &mut [E], gradient: &[E], ages: Option<&[f64]>) -> Result<()> {
        let count = gradient.len();
        if packed.len() != (1 + self.update.states()) * count {
            bail!("an update: expected {} states of {count} values", self.update.states());
        }
        if count == 0 {
            return Ok(());
        }
        let mut parts = packed.chunks_exact_mut(count);
        let mut part = || parts.next().unwrap_or_default();
        let (values, states) = (part(), [part(), part(), part()]);
        let Some(ages) = ages else {
            self.update.step(values, gradient, states, Schedule::uniform(self.step));
            return Ok(());
        };
        let (births, rates) = ages.split_at(count);
        let steps: Vec<u64> = births.iter().map(|birth| self.step - *birth as u64).collect();
        let rates: Vec<E> = rates.iter().map(|rate| E::from_f64(*rate)).collect();
        let schedule = Schedule {
            columns: count,
            steps: Steps::Columns(&steps),
            rates: Rates::Elements(&rates),
        };
        self.update.step(values, gradient, states, schedule);
        Ok(())
    }
}
