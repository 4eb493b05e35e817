//! Generated samples: a random linear teacher's classes of normal inputs.

use espalier_net::{Network, Target};
use espalier_seed::Seed;

use crate::oracle::Batch;

/// Labelled samples in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    width: usize,
    features: Vec<f32>,
    labels: Vec<u32>,
}

impl Samples {
    /// Draws samples that fit a network's first input and output.
    #[must_use]
    pub fn for_network(network: &Network<f32>, count: usize, seed: &Seed) -> Self {
        let width = network
            .inputs()
            .first()
            .map_or(1, |id| network.node(*id).positions() * network.width(*id));
        let classes = network.outputs().first().map_or(1, |id| network.width(*id));
        let mut teacher = seed.named("teacher").stream();
        let weights: Vec<f64> = (0..width * classes).map(|_| teacher.normal()).collect();
        let mut stream = seed.named("features").stream();
        let features: Vec<f32> = (0..count * width).map(|_| stream.normal() as f32).collect();
        let label = |row: &[f32]| {
            let score = |c: usize| {
                row.iter()
                    .enumerate()
                    .map(|(i, x)| f64::from(*x) * weights[i * classes + c])
                    .sum::<f64>()
            };
            let scores: Vec<f64> = (0..classes).map(score).collect();
            crate::largest(&scores).unwrap_or(0) as u32
        };
        let labels = features.chunks_exact(width).map(label).collect();
        Self {
            width,
            features,
            labels,
        }
    }

    /// The number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Says whether there is no sample.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The samples `from..to`.
    #[must_use]
    pub fn batch(&self, from: usize, to: usize) -> Batch<'_> {
        Batch {
            inputs: &self.features[from * self.width..to * self.width],
            target: Target::Classes {
                labels: &self.labels[from..to],
                weights: None,
            },
            samples: to - from,
        }
    }
}
