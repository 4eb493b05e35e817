//! Batches gathered into buffers that are allocated once.

use espalier_data::{Examples, Targets, TargetsMut};
use espalier_net::{LossKind, Target};

use crate::error::Result;

/// A buffer for one batch of a split.
#[derive(Clone, Debug)]
pub struct BatchSource {
    features: Vec<f32>,
    labels: Vec<u32>,
    values: Vec<f32>,
    width: usize,
    outputs: usize,
    /// A weight for each class; empty where they count alike.
    weights: Vec<f32>,
}

impl BatchSource {
    /// Allocates for batches of up to `batch` rows of `examples`.
    #[must_use]
    pub fn new(examples: &Examples, batch: usize) -> Self {
        let outputs = match examples.targets() {
            Targets::Classes(_) => 0,
            Targets::Values { width, .. } => *width,
        };
        Self {
            features: vec![0.0; batch * examples.width()],
            labels: vec![0; if outputs == 0 { batch } else { 0 }],
            values: vec![0.0; batch * outputs],
            width: examples.width(),
            outputs,
            weights: Vec::new(),
        }
    }

    /// Hands out targets with a weight for each class; none where classes count alike.
    #[must_use]
    pub fn weighted(mut self, weights: Vec<f32>) -> Self {
        self.weights = weights;
        self
    }

    /// Copies rows into the buffer and returns features and targets of just these.
    ///
    /// # Errors
    /// Fails for a row that does not exist.
    ///
    /// # Panics
    /// Panics for more rows than the buffer was allocated for.
    pub fn gather<'s>(&'s mut self, examples: &Examples, rows: &[u32]) -> Result<(&'s [f32], Target<'s, f32>)> {
        let n = rows.len();
        let features = &mut self.features[..n * self.width];
        if self.outputs == 0 {
            examples.gather(rows, features, TargetsMut::Classes(&mut self.labels[..n]))?;
        } else {
            let values = &mut self.values[..n * self.outputs];
            examples.gather(rows, features, TargetsMut::Values(values))?;
        }
        Ok(self.held(n))
    }

    /// The first `n` rows of those gathered last.
    pub(crate) fn held(&self, n: usize) -> (&[f32], Target<'_, f32>) {
        let target = if self.outputs == 0 {
            Target::Classes {
                labels: &self.labels[..n],
                weights: Some(&self.weights[..]).filter(|weights| !weights.is_empty()),
            }
        } else {
            Target::Values(&self.values[..n * self.outputs])
        };
        (&self.features[..n * self.width], target)
    }
}

/// Rows `from..to` of a split as they lie in memory: nothing is copied.
pub(crate) fn stretch(examples: &Examples, from: usize, to: usize) -> (&[f32], Target<'_, f32>) {
    let width = examples.width();
    let features = &examples.features()[from * width..to * width];
    let target = match examples.targets() {
        Targets::Classes(labels) => Target::Classes {
            labels: &labels[from..to],
            weights: None,
        },
        Targets::Values { values, width } => Target::Values(&values[from * width..to * width]),
    };
    (features, target)
}

/// The loss that a set's targets ask for must be the regime's.
pub(crate) fn fits(examples: &Examples, loss: LossKind) -> bool {
    matches!(examples.targets(), Targets::Classes(_)) == (loss == LossKind::CrossEntropy)
}
