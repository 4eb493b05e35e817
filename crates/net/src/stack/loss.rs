//! Losses and the clipping of gradients as operations of the device.

use candle_core::{D, DType, Tensor};

use super::data::BatchTargets;
use super::setting;
use crate::error::Result;
use crate::execute::device::transfer::Link;
use crate::optimizer::schedule::Clipping;
use crate::session::loss::LossKind;

/// The numbers of the classes: (1, 1, classes).
#[derive(Debug)]
pub(super) struct Classes(Tensor);

impl Classes {
    pub fn new(count: usize, link: &Link) -> Result<Self> {
        let numbers: Vec<u32> = (0..count as u32).collect();
        Ok(Self(link.upload_indices(&numbers, &[1, 1, count])?))
    }

    pub fn count(&self) -> usize {
        self.0.elem_count()
    }
}

/// The loss of each network with its right answers, (2, networks), and the gradient of the output.
pub(super) fn evaluate(
    output: &Tensor,
    targets: &BatchTargets,
    kind: LossKind,
    classes: &Classes,
) -> Result<(Tensor, Tensor)> {
    match (kind, targets) {
        (LossKind::CrossEntropy, BatchTargets::Classes { labels, weights }) => {
            cross_entropy(output, (labels, weights.as_ref()), classes)
        }
        (LossKind::MeanSquaredError, BatchTargets::Values(values)) => {
            let (_, samples, outputs) = output.dims3()?;
            squared_error(output, values, 1.0 / (samples * outputs) as f64)
        }
        (LossKind::SumSquaredError, BatchTargets::Values(values)) => squared_error(output, values, 1.0),
        (loss, targets) => {
            let found = match targets {
                BatchTargets::Classes { .. } => "classes",
                BatchTargets::Values(_) => "values",
            };
            let expected = format!("classes for cross-entropy, values for squared errors (the loss is {loss:?})");
            Err(setting("target", &expected, found))
        }
    }
}

/// The mean softmax cross-entropy, each row shifted by its largest logit and weighted by its class; its gradient is
/// (softmax − one-hot) · w / Σ w.
fn cross_entropy(
    logits: &Tensor,
    (labels, weights): (&Tensor, Option<&Tensor>),
    classes: &Classes,
) -> Result<(Tensor, Tensor)> {
    let dtype = logits.dtype();
    let labels = labels.unsqueeze(2)?;
    let shifted = logits.broadcast_sub(&logits.max_keepdim(D::Minus1)?)?;
    let powers = shifted.exp()?;
    let sums = powers.sum_keepdim(D::Minus1)?;
    let own = shifted.gather(&labels, D::Minus1)?;
    let losses = (sums.log()? - &own)?;
    let is_own = classes.0.broadcast_eq(&labels)?.to_dtype(dtype)?;
    let slopes = (powers.broadcast_div(&sums)? - is_own)?;
    let (loss, gradient) = match weights {
        Some(weights) => {
            let shares = weights.broadcast_div(&weights.sum_keepdim(1)?)?;
            ((losses * &shares)?.sum((1, 2))?, slopes.broadcast_mul(&shares)?)
        }
        None => {
            let samples = logits.dim(1)? as f64;
            ((losses.sum((1, 2))? / samples)?, (slopes / samples)?)
        }
    };
    // Right where the own logit is the largest and no class before it equals it: the first among equals.
    let zeros = shifted.zeros_like()?;
    let equal_before = (shifted.eq(&zeros)?.to_dtype(dtype)? * classes.0.broadcast_lt(&labels)?.to_dtype(dtype)?)?;
    let rivals = equal_before.sum_keepdim(D::Minus1)?;
    let beaten = (rivals - own)?;
    let correct = beaten.eq(&beaten.zeros_like()?)?.to_dtype(dtype)?.sum((1, 2))?;
    Ok((Tensor::stack(&[loss, correct], 0)?, gradient))
}

/// The squared error times `scale`.
fn squared_error(output: &Tensor, values: &Tensor, scale: f64) -> Result<(Tensor, Tensor)> {
    let difference = (output - values)?;
    let loss = (difference.sqr()?.sum((1, 2))? * scale)?;
    let none = loss.zeros_like()?;
    Ok((Tensor::stack(&[loss, none], 0)?, (difference * (2.0 * scale))?))
}

/// Clips the gradients of each network.
pub(super) fn clip(gradients: &mut [Option<Tensor>], clipping: Clipping) -> Result<()> {
    let (Clipping::Norm { largest } | Clipping::Value { largest }) = clipping;
    if largest.is_nan() || largest <= 0.0 {
        return Err(setting("largest", "above 0", &largest.to_string()));
    }
    if let Clipping::Value { .. } = clipping {
        for gradient in gradients.iter_mut().flatten() {
            *gradient = gradient.clamp(-largest, largest)?;
        }
        return Ok(());
    }
    let Some(factor) = norm_factor(gradients, largest)? else {
        return Ok(());
    };
    for gradient in gradients.iter_mut().flatten() {
        let mut shape = vec![1; gradient.rank()];
        shape[0] = gradient.dim(0)?;
        *gradient = gradient.broadcast_mul(&factor.to_dtype(gradient.dtype())?.reshape(shape)?)?;
    }
    Ok(())
}

/// min(1, largest / norm) of each network, summed in f64; 1 where the norm is not finite.
fn norm_factor(gradients: &[Option<Tensor>], largest: f64) -> Result<Option<Tensor>> {
    let mut total: Option<Tensor> = None;
    for gradient in gradients.iter().flatten() {
        let squares = gradient.flatten_from(1)?.to_dtype(DType::F64)?.sqr()?.sum(1)?;
        total = Some(match total {
            Some(total) => (total + squares)?,
            None => squares,
        });
    }
    let Some(total) = total else { return Ok(None) };
    let norm = total.sqrt()?;
    let ones = norm.ones_like()?;
    let factor = (&ones * largest)?.div(&norm)?;
    let is_large = norm.gt(&(&ones * largest)?)?;
    // What is not finite, times 0, is no number and unequal to itself.
    let nothing = (&norm * 0.0)?;
    let is_finite = nothing.eq(&nothing)?;
    let clips = (is_large * is_finite)?;
    Ok(Some(clips.where_cond(&factor, &ones)?))
}
