//! The number types that sessions compute in.

use super::DeviceChoice;
use super::loss::{self, Head};
use crate::error::Result;
use crate::execute::Workspaces;
use crate::execute::device::Runner;
use crate::execute::engine::Engine;
use crate::graph::Network;
use crate::kernels::Element;

/// A number type for which sessions are compiled: `f32` or `f64`.
///
/// What runs a batch has one entry for each type here, so that a program which trains a network links the kernels of this
/// crate and compiles none of them again.
pub trait Precision: Element {
    /// Makes what runs a network's passes.
    ///
    /// # Errors
    /// Refuses a network whose nodes lack parameters; reports a failing device.
    #[doc(hidden)]
    fn engine(network: &Network<Self>, batch: usize, device: &DeviceChoice) -> Result<Box<dyn Engine<Self>>>;

    /// The loss of one head, and its gradient with respect to the output of `classes` columns, written over `gradient`.
    ///
    /// # Errors
    /// Refuses targets of another length, classes that do not exist, and a loss that does not fit its target.
    #[doc(hidden)]
    fn loss(
        head: &Head<'_, Self>,
        classes: usize,
        output: &[Self],
        gradient: &mut [Self],
    ) -> Result<(f64, Option<usize>)>;
}

fn engine<E: Element>(network: &Network<E>, batch: usize, device: &DeviceChoice) -> Result<Box<dyn Engine<E>>> {
    Ok(match device {
        DeviceChoice::Cpu => Box::new(Workspaces::new(network, batch)?),
        DeviceChoice::Candle(device) => Box::new(Runner::new(network, device)?),
    })
}

macro_rules! precision {
    ($($number:ty),*) => {$(
        impl Precision for $number {
            fn engine(network: &Network<Self>, batch: usize, device: &DeviceChoice) -> Result<Box<dyn Engine<Self>>> {
                engine(network, batch, device)
            }

            fn loss(
                head: &Head<'_, Self>,
                classes: usize,
                output: &[Self],
                gradient: &mut [Self],
            ) -> Result<(f64, Option<usize>)> {
                loss::evaluate(head, classes, output, gradient)
            }
        }
    )*};
}

precision!(f32, f64);
