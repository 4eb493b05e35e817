//! Timing nets of the shape that unit pruning leaves.
//!
//! The harness keeps each trial's wall seconds in the table `timings`, which alone may differ between two runs. A timed trial
//! does nothing but pass batches through a net, as many as make a fixed number of multiply–accumulates.

use std::hint::black_box;

use espalier_experiment::TrialContext;
use espalier_magnitude_prune::share;
use espalier_net::{DeviceChoice, Session};
use espalier_trial::Perceptron;

use crate::Setup;
use crate::arms::Variant;
use crate::rows::Timed;
use crate::training::KERAS;

/// Passes batches through a net without that share of its units; the time does not depend on its weights.
pub fn run(percent: u64, context: &mut TrialContext<'_, Variant>, setup: &Setup) -> anyhow::Result<()> {
    let data = context.dataset()?;
    let keep = |width: usize| (width - share(percent as f64 / 100.0, width)).max(1);
    let widths: Vec<usize> = setup.widths.iter().map(|width| keep(*width)).collect();
    let net = Perceptron {
        initializer: KERAS,
        ..Perceptron::PLAIN
    };
    let network = net.build(data, &widths, &context.seed().named("network"))?;
    let batch = setup.latency_batch.clamp(1, data.validation.len());
    let block = &data.validation.features()[..batch * data.info.features];
    let macs = network.cost().macs;
    let passes = setup.latency_gmacs * 1e9 / (macs * batch as u64) as f64;
    let passes = passes.ceil().max(1.0) as u64;
    let device: DeviceChoice = context.device().parse()?;
    let mut session = Session::new(&network, batch, &device, &context.seed())?;
    for _ in 0..passes {
        black_box(session.evaluate(&network, &[block])?);
    }
    Ok(context.record(&Timed {
        percent,
        batch: batch as u64,
        passes,
        parameters: network.parameter_count(),
        macs,
    })?)
}
