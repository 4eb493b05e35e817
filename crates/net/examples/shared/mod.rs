//! A little task for the examples: which of eight noisy rings does a point lie on?
#![allow(dead_code)]

use espalier_net::{LossKind, Network, Optimizer, Result, Session, Target};
use espalier_seed::{Seed, Stream};

/// The number of classes.
pub const CLASSES: usize = 4;
/// Values per sample.
pub const FEATURES: usize = 16;

/// Samples of the task.
pub struct Batch {
    /// `[samples, FEATURES]`, row-major.
    pub features: Vec<f32>,
    /// One class per sample.
    pub labels: Vec<u32>,
}

/// Draws samples: a random direction in the plane, a radius by class, seen through a fixed random projection.
pub fn draw(samples: usize, stream: &mut Stream) -> Batch {
    let mut projection = Seed::new(0).named("projection").stream();
    let axes: Vec<f64> = (0..2 * FEATURES).map(|_| projection.normal()).collect();
    let mut batch = Batch {
        features: Vec::with_capacity(samples * FEATURES),
        labels: Vec::with_capacity(samples),
    };
    for _ in 0..samples {
        let class = stream.below(CLASSES);
        let radius = 0.5 + class as f64 * 0.5 + 0.08 * stream.normal();
        let angle = stream.uniform_in(0.0, std::f64::consts::TAU);
        let (x, y) = (radius * angle.cos(), radius * angle.sin());
        batch
            .features
            .extend((0..FEATURES).map(|k| (x * axes[2 * k] + y * axes[2 * k + 1]) as f32));
        batch.labels.push(class as u32);
    }
    batch
}

/// Takes `steps` training steps on fresh batches and returns the last loss.
pub fn train(
    network: &mut Network,
    session: &mut Session<f32>,
    optimizer: &mut Optimizer,
    steps: usize,
    stream: &mut Stream,
) -> Result<f64> {
    let mut loss = f64::NAN;
    for _ in 0..steps {
        let batch = draw(64, stream);
        let target = Target::Classes {
            labels: &batch.labels,
            weights: None,
        };
        loss = session
            .loss_and_gradients(network, &[&batch.features], target, LossKind::CrossEntropy)?
            .loss;
        optimizer.step(network, |id| session.gradient(id), 3e-3)?;
        network.set_step(network.step() + 1);
    }
    Ok(loss)
}

/// The accuracy on 2000 samples that are the same at every call.
pub fn accuracy(network: &Network, session: &mut Session<f32>) -> Result<f64> {
    let batch = draw(2000, &mut Seed::new(99).named("test").stream());
    let target = Target::Classes {
        labels: &batch.labels,
        weights: None,
    };
    let score = session.score(network, &[&batch.features], target, LossKind::CrossEntropy)?;
    Ok(score.correct as f64 / score.samples as f64)
}
