//! Every layer as a composition of Candle operations whose backward passes are right.
//!
//! Convolutions gather their windows by index and multiply; averages are products with a fixed
//! matrix; a maximum gathers the first of equal places; ReLUs choose by comparison, so that their
//! derivative at 0 is 0. None uses Candle's own pooling, convolution or fused norms.

use candle_core::{D, DType, Tensor};

use super::transfer::Link;
use super::windows;
use crate::error::Result;
use crate::kernels::Element;
use crate::layer::{Activation, GateForm, Window};

/// Index lists and matrices of one windowed layer, which depend on its geometry alone.
#[derive(Clone, Debug)]
pub(crate) enum Geometry {
    Taps(Tensor),
    Averages(Tensor),
}

impl Geometry {
    pub fn taps(window: &Window, map: [usize; 2], link: &Link) -> Result<Self> {
        let taps = windows::taps(window, map, (map[0] * map[1]) as u32);
        let count = taps.len();
        Ok(Self::Taps(link.upload_indices(&taps, &[count])?))
    }

    pub fn averages<E: Element>(matrix: Vec<f64>, positions: usize, link: &Link) -> Result<Self> {
        let outputs = matrix.len() / positions;
        let values: Vec<E> = matrix.into_iter().map(E::from_f64).collect();
        Ok(Self::Averages(link.upload(&values, &[positions, outputs])?))
    }
}

/// Gathers windows: (samples·positions, channels) → (samples·outputs, kernel positions, channels).
fn columns(x: &Tensor, taps: &Tensor, (positions, kernel): (usize, usize), padding: f64) -> Result<Tensor> {
    let channels = x.dim(1)?;
    let samples = x.dim(0)? / positions;
    let outputs = taps.dim(0)? / kernel;
    let border = (Tensor::zeros((samples, 1, channels), x.dtype(), x.device())? + padding)?;
    let framed = Tensor::cat(&[&x.reshape((samples, positions, channels))?, &border], 1)?;
    let gathered = framed.index_select(taps, 1)?;
    Ok(gathered.reshape((samples * outputs, kernel, channels))?)
}

/// x ∗ w with w of shape (kernel·in/groups, out).
pub(crate) fn conv(
    x: &Tensor,
    w: &Tensor,
    taps: &Tensor,
    (positions, kernel): (usize, usize),
    groups: usize,
) -> Result<Tensor> {
    let columns = columns(x, taps, (positions, kernel), 0.0)?;
    let (rows, channels, out) = (columns.dim(0)?, x.dim(1)?, w.dim(1)?);
    if groups == 1 {
        return Ok(columns.reshape((rows, kernel * channels))?.matmul(w)?);
    }
    if groups == channels && groups == out {
        return Ok(columns.broadcast_mul(&w.unsqueeze(0)?)?.sum(1)?);
    }
    let share = channels / groups;
    let columns = columns.reshape((rows, kernel, groups, share))?.permute((2, 0, 1, 3))?;
    let columns = columns.contiguous()?.reshape((groups, rows, kernel * share))?;
    let w = w
        .reshape((kernel * share, groups, out / groups))?
        .permute((1, 0, 2))?
        .contiguous()?;
    let y = columns.matmul(&w)?.permute((1, 0, 2))?.contiguous()?;
    Ok(y.reshape((rows, out))?)
}

/// The largest value of each window; the first of equals takes the gradient.
pub(crate) fn max_pool(x: &Tensor, taps: &Tensor, positions: usize, kernel: usize) -> Result<Tensor> {
    let columns = columns(x, taps, (positions, kernel), f64::NEG_INFINITY)?;
    let values = columns.detach();
    let largest = values.max_keepdim(1)?;
    // Among equals the earliest has the highest rank, so that the place of the maximum is unique.
    let ranks = Tensor::arange_step(kernel as i64, 0, -1, x.device())?.to_dtype(DType::F32)?;
    let equal = values.broadcast_eq(&largest)?.to_dtype(DType::F32)?;
    let place = equal
        .broadcast_mul(&ranks.reshape((1, kernel, 1))?)?
        .argmax_keepdim(1)?;
    Ok(columns.gather(&place.contiguous()?, 1)?.squeeze(1)?)
}

/// Averages over windows: for each sample and channel a product with the geometry's matrix.
pub(crate) fn average(x: &Tensor, matrix: &Tensor) -> Result<Tensor> {
    let (positions, outputs) = matrix.dims2()?;
    let channels = x.dim(1)?;
    let samples = x.dim(0)? / positions;
    let by_channel = x
        .reshape((samples, positions, channels))?
        .transpose(1, 2)?
        .contiguous()?;
    let y = by_channel.reshape((samples * channels, positions))?.matmul(matrix)?;
    let y = y.reshape((samples, channels, outputs))?.transpose(1, 2)?.contiguous()?;
    Ok(y.reshape((samples * outputs, channels))?)
}

/// max(x, 0), with derivative 0 at 0.
pub(crate) fn relu(x: &Tensor) -> Result<Tensor> {
    let zeros = x.zeros_like()?;
    Ok(x.gt(&zeros)?.where_cond(x, &zeros)?)
}

/// Where x is above 0, x, else `below`.
fn above_or(x: &Tensor, below: &Tensor) -> Result<Tensor> {
    Ok(x.gt(&x.zeros_like()?)?.where_cond(x, below)?)
}

pub(crate) fn activation(x: &Tensor, function: Activation) -> Result<Tensor> {
    Ok(match function {
        Activation::Identity => x.clone(),
        Activation::Relu => relu(x)?,
        Activation::LeakyRelu { slope } => above_or(x, &(x * slope)?)?,
        Activation::Sigmoid => sigmoid(x)?,
        Activation::Silu => (x * sigmoid(x)?)?,
        Activation::Tanh => x.tanh()?,
        Activation::Gelu => ((((x * std::f64::consts::FRAC_1_SQRT_2)?.erf()? + 1.0)? * x)? * 0.5)?,
    })
}

/// ½(1 + tanh(x/2)), which has no exponential that could overflow in the backward pass.
fn sigmoid(x: &Tensor) -> Result<Tensor> {
    Ok((((x * 0.5)?.tanh()? + 1.0)? * 0.5)?)
}

/// f(z_gate) ⊗ z_value, from both halves side by side.
pub(crate) fn gated(z: &Tensor, function: Activation) -> Result<Tensor> {
    let units = z.dim(1)? / 2;
    let gates = activation(&z.narrow(1, 0, units)?.contiguous()?, function)?;
    Ok((gates * z.narrow(1, units, units)?.contiguous()?)?)
}

pub(crate) fn prelu(x: &Tensor, slopes: &Tensor) -> Result<Tensor> {
    above_or(x, &x.broadcast_mul(slopes)?)
}

pub(crate) fn gate(x: &Tensor, theta: &Tensor, form: GateForm) -> Result<Tensor> {
    let factors = match form {
        GateForm::Linear => theta.clone(),
        GateForm::Rectified => relu(theta)?,
    };
    Ok(x.broadcast_mul(&factors)?)
}

/// (x − mean) / √(variance + ε) · γ + β, with the batch's mean and biased variance, which come back as well.
pub(crate) fn batch_norm(x: &Tensor, [scale, shift]: [&Tensor; 2], epsilon: f64) -> Result<(Tensor, Tensor, Tensor)> {
    let mean = x.mean_keepdim(0)?;
    let centred = x.broadcast_sub(&mean)?;
    let variance = centred.sqr()?.mean_keepdim(0)?;
    let normal = centred.broadcast_div(&(&variance + epsilon)?.sqrt()?)?;
    let y = normal.broadcast_mul(scale)?.broadcast_add(shift)?;
    Ok((y, mean.detach(), variance.detach()))
}

/// Batch norm by running statistics.
pub(crate) fn batch_norm_running(
    x: &Tensor,
    affine: [&Tensor; 2],
    epsilon: f64,
    [mean, variance]: [&Tensor; 2],
) -> Result<Tensor> {
    let normal = x.broadcast_sub(mean)?.broadcast_div(&(variance + epsilon)?.sqrt()?)?;
    Ok(normal.broadcast_mul(affine[0])?.broadcast_add(affine[1])?)
}

/// Normalises each group of channels of each sample over `positions` rows.
pub(crate) fn group_norm(
    x: &Tensor,
    [scale, shift]: [&Tensor; 2],
    epsilon: f64,
    positions: usize,
    groups: usize,
) -> Result<Tensor> {
    let (rows, channels) = x.dims2()?;
    let sets = x.reshape((rows / positions, positions, groups, channels / groups))?;
    let count = (positions * channels / groups) as f64;
    let mean = (sets.sum_keepdim(D::Minus1)?.sum_keepdim(1)? / count)?;
    let centred = sets.broadcast_sub(&mean)?;
    let variance = (centred.sqr()?.sum_keepdim(D::Minus1)?.sum_keepdim(1)? / count)?;
    let normal = centred
        .broadcast_div(&(variance + epsilon)?.sqrt()?)?
        .reshape((rows, channels))?;
    Ok(normal.broadcast_mul(scale)?.broadcast_add(shift)?)
}

/// γ·x / √(mean(x²) + ε) over the channels of each row.
pub(crate) fn rms_norm(x: &Tensor, scale: &Tensor, epsilon: f64) -> Result<Tensor> {
    let square = x.sqr()?.mean_keepdim(1)?;
    let normal = x.broadcast_div(&(square + epsilon)?.sqrt()?)?;
    Ok(normal.broadcast_mul(scale)?)
}
