//! Whether nets trained with our kernels are as accurate as nets trained with Candle's plain operations.

use std::fmt::Write as _;

use anyhow::Result;
use espalier_data::Dataset;
use espalier_net::DeviceChoice;
use espalier_seed::Seed;
use serde::Serialize;

use crate::cell::{BATCH, Net};
use crate::interval::{estimate, median};
use crate::model::{Model, network};

/// One net trained twice from the same weights on the same batches.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// The net's label.
    pub net: String,
    /// The seed of weights and batches.
    pub seed: u64,
    /// Training steps.
    pub steps: usize,
    /// Share of the test images that the net trained with our kernels classifies rightly.
    pub kernels: f64,
    /// The same for the net trained with Candle's operations.
    pub candle: f64,
}

impl Pair {
    /// Trains a net on both paths and scores each on its own path.
    ///
    /// # Errors
    /// Fails where the network does.
    pub fn measure(net: &Net, data: &Dataset, (seed, steps): (u64, usize)) -> Result<Self> {
        let mut accuracies = [0.0; 2];
        for (accuracy, device) in accuracies.iter_mut().zip(["cpu", "candle-cpu"]) {
            let (device, draw): (DeviceChoice, _) = (device.parse()?, Seed::new(seed));
            let mut model = Model::on(&device, network(net, false, &draw)?, &data.train, BATCH, &draw)?;
            for _ in 0..steps {
                model.train(&data.train)?;
            }
            *accuracy = model.accuracy(&data.test)?;
        }
        let [kernels, candle] = accuracies;
        Ok(Self {
            net: net.label(),
            seed,
            steps,
            kernels,
            candle,
        })
    }
}

/// The table of all nets: what both paths reach, and the paired difference beside the spread among seeds.
#[must_use]
pub fn page(pairs: &[Pair], told: &str) -> String {
    let mut text = format!(
        "# Accuracy with our kernels and with Candle's operations\n\n\
         {told}, batch {BATCH}, Adam at 10⁻³; both paths start from the same weights and see the same batches. Medians over \
         seeds; the interval of the difference is of order statistics. *Spread* is the range among seeds on Candle's path.\n\n\
         | net | steps | seeds | kernels | Candle | difference | spread | |\n|---|---|---|---|---|---|---|---|\n"
    );
    let mut nets: Vec<&str> = Vec::new();
    for pair in pairs {
        if !nets.contains(&pair.net.as_str()) {
            nets.push(&pair.net);
        }
    }
    for net in nets {
        let of: Vec<&Pair> = pairs.iter().filter(|pair| pair.net == net).collect();
        let column = |value: fn(&Pair) -> f64| of.iter().map(|pair| value(pair)).collect::<Vec<_>>();
        let (kernels, candle) = (column(|p| p.kernels), column(|p| p.candle));
        let difference = estimate(&column(|p| p.kernels - p.candle));
        let highest = candle.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let spread = highest - candle.iter().copied().fold(f64::INFINITY, f64::min);
        let agrees = difference.low <= 0.0 && difference.high >= 0.0;
        let _ = writeln!(
            text,
            "| {net} | {} | {} | {:.4} | {:.4} | {:+.4} [{:+.4}, {:+.4}] | {spread:.4} | {} |",
            of.first().map_or(0, |pair| pair.steps),
            of.len(),
            median(&kernels),
            median(&candle),
            difference.median,
            difference.low,
            difference.high,
            if agrees { "agree" } else { "differ" }
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(seed: u64, kernels: f64, candle: f64) -> Pair {
        Pair {
            net: "784-32-10".to_owned(),
            seed,
            steps: 1,
            kernels,
            candle,
        }
    }

    #[test]
    fn differences_on_one_side_of_zero_are_no_agreement() {
        let both: Vec<Pair> = (0..6).map(|k| pair(k, 0.9 + 0.001 * (k % 2) as f64, 0.9005)).collect();
        assert!(page(&both, "MNIST").contains("| agree |"));
        let below: Vec<Pair> = (0..6).map(|k| pair(k, 0.9, 0.91 + 0.001 * k as f64)).collect();
        assert!(page(&below, "MNIST").contains("| differ |"));
    }
}
