//! Losses with their gradients in one pass.

use super::Element;

/// What a classification loss found out about a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassificationOutcome {
    /// The mean cross-entropy in nats, weighted where class weights are given.
    pub loss: f64,
    /// Rows whose largest logit (the first among equals) is the target's.
    pub correct: usize,
}

/// Averages or adds squared errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// Mean over all elements.
    Mean,
    /// Sum over all elements.
    Sum,
}

/// Computes the mean softmax cross-entropy of a batch and its gradient.
///
/// # Shapes
/// logits and gradient (rows, classes), targets (rows), weights (classes).
///
/// # Method
/// ℓ = Σᵢ w(tᵢ)·(ln Σⱼ e^zᵢⱼ − z(tᵢ)) / Σᵢ w(tᵢ), each row shifted by its largest logit. The gradient is
/// (softmax − one-hot) · w(tᵢ) / Σ w. Exponentials run over the whole batch at once, so that few classes vectorise as well as many.
///
/// # Panics
/// Panics if a slice does not fit the shape or a target is no class.
pub fn softmax_cross_entropy<E: Element>(
    logits: &[E],
    classes: usize,
    targets: &[u32],
    weights: Option<&[E]>,
    gradient: &mut [E],
) -> ClassificationOutcome {
    assert_eq!(
        logits.len(),
        targets.len() * classes,
        "one row of logits for each target"
    );
    let gradient = &mut gradient[..logits.len()];
    let mut correct = 0;
    for ((z, d), &target) in logits
        .chunks_exact(classes)
        .zip(gradient.chunks_exact_mut(classes))
        .zip(targets)
    {
        let (largest, at) = largest(z);
        correct += usize::from(at == target as usize);
        for (d, &z) in d.iter_mut().zip(z) {
            *d = z - largest;
        }
    }
    let weight = |target: u32| weights.map_or(1.0, |weights| weights[target as usize].to_f64());
    let total: f64 = targets.iter().map(|&target| weight(target)).sum();
    // The target's shifted logit goes into the loss before the exponential overwrites it.
    let mut loss = 0.0;
    for (d, &target) in gradient.chunks_exact(classes).zip(targets) {
        loss -= weight(target) * d[target as usize].to_f64();
    }
    exponentiate(gradient);
    for (d, &target) in gradient.chunks_exact_mut(classes).zip(targets) {
        let sum: E = d.iter().copied().sum();
        loss += weight(target) * sum.ln().to_f64();
        let scale = weight(target) / total;
        let factor = E::from_f64(scale) / sum;
        for d in &mut *d {
            *d *= factor;
        }
        d[target as usize] -= E::from_f64(scale);
    }
    ClassificationOutcome {
        loss: loss / total,
        correct,
    }
}

multiversion! {
    fn exponentiate<E: Element>(values: &mut [E]) {
        for value in values {
            *value = value.exp();
        }
    }
}

/// Finds the largest value and its first place; NaN counts as the largest.
fn largest<E: Element>(row: &[E]) -> (E, usize) {
    let mut best = (row[0], 0);
    for (i, &value) in row.iter().enumerate().skip(1) {
        if value > best.0 || (value.is_nan() && !best.0.is_nan()) {
            best = (value, i);
        }
    }
    best
}

/// Counts rows whose largest logit (the first among equals) is the target's.
///
/// # Shapes
/// logits (rows, classes), targets (rows).
#[must_use]
pub fn count_correct<E: Element>(logits: &[E], classes: usize, targets: &[u32]) -> usize {
    logits
        .chunks_exact(classes)
        .zip(targets)
        .filter(|(row, target)| largest(row).1 == **target as usize)
        .count()
}

/// Computes the squared error of a batch and its gradient.
///
/// # Shapes
/// prediction, target and gradient have the same length.
///
/// # Panics
/// Panics if the lengths differ.
pub fn squared_error<E: Element>(prediction: &[E], target: &[E], reduction: Reduction, gradient: &mut [E]) -> f64 {
    assert_eq!(prediction.len(), target.len(), "one target for each prediction");
    assert_eq!(prediction.len(), gradient.len(), "one gradient for each prediction");
    let scale = match reduction {
        Reduction::Mean => 1.0 / prediction.len().max(1) as f64,
        Reduction::Sum => 1.0,
    };
    difference(prediction, target, gradient, E::from_f64(2.0 * scale)) * scale
}

multiversion! {
    /// Writes factor · (prediction − target) and returns the sum of squared differences.
    fn difference<E: Element>(prediction: &[E], target: &[E], gradient: &mut [E], factor: E) -> f64 {
        const PART: usize = 64;
        let mut sum = 0.0;
        for ((p, t), d) in prediction.chunks(PART).zip(target.chunks(PART)).zip(gradient.chunks_mut(PART)) {
            let mut part = E::ZERO;
            for ((&p, &t), d) in p.iter().zip(t).zip(d) {
                let difference = p - t;
                part += difference * difference;
                *d = factor * difference;
            }
            sum += part.to_f64();
        }
        sum
    }
}
