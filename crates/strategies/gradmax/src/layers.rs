//! What single layers do to a unit that emits a constant: their derivatives, and which positions they read.

use espalier_net::{Activation, Layer, Window};

/// Whether a layer's function has a kink at 0, and whether it is curved.
pub(crate) fn shape(layer: &Layer) -> (bool, bool) {
    match layer {
        Layer::PRelu => (true, false),
        Layer::Activation { function } => {
            let linear = *function == Activation::Identity;
            let pieces = function.is_positively_homogeneous();
            (pieces && !linear, !pieces)
        }
        _ => (false, false),
    }
}

/// Value and derivative of an activation, where the derivative is two-sided.
pub(crate) fn response(function: Activation, z: f64) -> Option<(f64, f64)> {
    match function {
        Activation::Relu | Activation::LeakyRelu { .. } => (z > 0.0).then_some((z, 1.0)),
        _ => Some((function.value(z), function.derivative(z))),
    }
}

/// The readings of a layer: input position, output position, kernel position.
pub(crate) fn readings(window: Option<Window>, from: [usize; 2], to: [usize; 2]) -> Vec<(usize, usize, usize)> {
    let Some(window) = window else {
        return vec![(0, 0, 0)];
    };
    let mut found = Vec::new();
    for oy in 0..to[0] {
        for ox in 0..to[1] {
            for ky in 0..window.kernel[0] {
                for kx in 0..window.kernel[1] {
                    let y = (oy * window.stride[0] + ky).checked_sub(window.padding[0]);
                    let x = (ox * window.stride[1] + kx).checked_sub(window.padding[1]);
                    if let (Some(y), Some(x)) = (y.filter(|y| *y < from[0]), x.filter(|x| *x < from[1])) {
                        found.push((y * from[1] + x, oy * to[1] + ox, ky * window.kernel[1] + kx));
                    }
                }
            }
        }
    }
    found
}

/// For each output position of a mean pool, the input positions that it averages.
pub(crate) fn cells(layer: &Layer, from: [usize; 2], to: [usize; 2]) -> Vec<Vec<usize>> {
    if let Layer::AvgPool { window } = layer {
        let mut cells = vec![Vec::new(); to[0] * to[1]];
        for (input, output, _) in readings(Some(*window), from, to) {
            cells[output].push(input);
        }
        return cells;
    }
    let range = |axis: usize, i: usize| (i * from[axis]) / to[axis]..((i + 1) * from[axis]).div_ceil(to[axis]);
    let mut cells = Vec::with_capacity(to[0] * to[1]);
    for oy in 0..to[0] {
        for ox in 0..to[1] {
            let rows = range(0, oy).flat_map(|y| range(1, ox).map(move |x| y * from[1] + x));
            cells.push(rows.collect());
        }
    }
    cells
}
