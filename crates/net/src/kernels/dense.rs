//! Dense layers: y = act(x · w + b) and its gradients.

use super::activation::Activation;
use super::element::Element;
use super::product::{self, Epilogue, Operands, ProductShape, Strided, Threads};
use super::statistics::column_sums;

/// Computes y = act(x · w + b).
///
/// ReLU and bias are applied while a result is in a register. Where the activation's backward pass
/// needs the pre-activations, they are copied to `preactivations`.
///
/// # Shapes
/// x (rows, fan_in), w (fan_in, fan_out), bias (fan_out), y and preactivations (rows, fan_out).
///
/// # Panics
/// Panics if a slice is too short for the shape.
pub fn forward<E: Element>(
    shape: ProductShape,
    (x, w, bias): (&[E], &[E], Option<&[E]>),
    activation: Activation,
    y: &mut [E],
    preactivations: Option<&mut [E]>,
    threads: Threads,
) {
    let operands = Operands {
        rows: shape.rows,
        columns: shape.fan_out,
        inner: shape.fan_in,
        left: Strided::row_major(x, shape.fan_in),
        right: Strided::row_major(w, shape.fan_out),
        out: &mut *y,
        out_stride: shape.fan_out,
        accumulate: false,
    };
    let relu = activation == Activation::Relu;
    E::product(
        operands,
        Epilogue {
            bias,
            relu: relu && preactivations.is_none(),
        },
        threads,
    );
    let y = &mut y[..shape.rows * shape.fan_out];
    match preactivations {
        Some(kept) => {
            kept[..y.len()].copy_from_slice(y);
            activation.apply(y);
        }
        None if relu => {}
        None => activation.apply(y),
    }
}

/// Gradients that a dense layer writes.
#[derive(Debug)]
pub struct DenseGradients<'a, E> {
    /// Gradient of the weights (fan_in, fan_out).
    pub weights: &'a mut [E],
    /// Gradient of the bias (fan_out), if the layer has one.
    pub bias: Option<&'a mut [E]>,
    /// Gradient of the input (rows, fan_in), if anything asks for it.
    pub input: Option<&'a mut [E]>,
}

/// Computes the gradients of a dense layer, overwriting them.
///
/// `gradient` comes in as the gradient of the outputs and goes out as that of the pre-activations.
///
/// # Shapes
/// x (rows, fan_in), w (fan_in, fan_out), saved and gradient (rows, fan_out). `saved` holds the
/// outputs, or the pre-activations where [`Activation::needs_preactivation`] says so.
///
/// # Panics
/// Panics if a slice is too short for the shape.
pub fn backward<E: Element>(
    shape: ProductShape,
    (x, w): (&[E], &[E]),
    (activation, saved): (Activation, &[E]),
    gradient: &mut [E],
    gradients: DenseGradients<'_, E>,
    threads: Threads,
) {
    let count = shape.rows * shape.fan_out;
    activation.backward(&saved[..count], &mut gradient[..count]);
    if let Some(bias) = gradients.bias {
        column_sums(&gradient[..count], &mut bias[..shape.fan_out]);
    }
    product::weight_gradient(shape, x, gradient, gradients.weights, false, threads);
    if let Some(input) = gradients.input {
        product::input_gradient(shape, gradient, w, input, false, threads);
    }
}
