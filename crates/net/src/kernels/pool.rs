//! Pooling over images in (sample, height, width, channel) order.

use std::ops::Range;

use super::Element;
use super::simd::{LANES, lanes, lanes_mut};

/// The extent of a pooling layer.
///
/// # Shapes
/// x (samples, height, width, channels), y (samples, out_height, out_width, channels), both row-major.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolShape {
    /// Samples in the batch.
    pub samples: usize,
    /// Height of the input.
    pub height: usize,
    /// Width of the input.
    pub width: usize,
    /// Channels.
    pub channels: usize,
    /// How windows lie on the input.
    pub windows: Windows,
}

/// How pooling windows lie on the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Windows {
    /// Windows of one size at regular distances; what lies in the padding is left out.
    Regular {
        /// Window height and width.
        kernel: (usize, usize),
        /// Vertical and horizontal distance of windows.
        stride: (usize, usize),
        /// Rows above and below, columns left and right; at most half the kernel.
        padding: (usize, usize),
    },
    /// As many windows as the output has positions: position i of n covers ⌊i·h/n⌋ to ⌈(i+1)·h/n⌉.
    Adaptive {
        /// Output height and width.
        output: (usize, usize),
    },
}

impl PoolShape {
    /// Height of the output.
    #[must_use]
    pub fn out_height(&self) -> usize {
        match self.windows {
            Windows::Regular {
                kernel,
                stride,
                padding,
            } => (self.height + 2 * padding.0 - kernel.0) / stride.0 + 1,
            Windows::Adaptive { output } => output.0,
        }
    }

    /// Width of the output.
    #[must_use]
    pub fn out_width(&self) -> usize {
        match self.windows {
            Windows::Regular {
                kernel,
                stride,
                padding,
            } => (self.width + 2 * padding.1 - kernel.1) / stride.1 + 1,
            Windows::Adaptive { output } => output.1,
        }
    }

    /// Elements of one sample's input.
    #[must_use]
    pub fn sample_inputs(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Elements of one sample's output.
    #[must_use]
    pub fn sample_outputs(&self) -> usize {
        self.out_height() * self.out_width() * self.channels
    }

    fn assert_valid(&self) {
        if let Windows::Regular {
            kernel,
            stride,
            padding,
        } = self.windows
        {
            assert!(
                kernel.0 > 0 && kernel.1 > 0 && stride.0 > 0 && stride.1 > 0,
                "kernel and stride are positive"
            );
            assert!(
                2 * padding.0 <= kernel.0 && 2 * padding.1 <= kernel.1,
                "padding is at most half the kernel"
            );
            let fits = self.height + 2 * padding.0 >= kernel.0 && self.width + 2 * padding.1 >= kernel.1;
            assert!(fits, "the kernel fits the padded input");
        }
    }

    /// Rows and columns of the input that the window at (oy, ox) covers.
    #[inline(always)]
    fn window(&self, oy: usize, ox: usize) -> (Range<usize>, Range<usize>) {
        match self.windows {
            Windows::Regular {
                kernel,
                stride,
                padding,
            } => {
                let range = |o: usize, kernel: usize, stride: usize, padding: usize, size: usize| {
                    let end = (o * stride + kernel).saturating_sub(padding).min(size);
                    (o * stride).saturating_sub(padding).min(end)..end
                };
                (
                    range(oy, kernel.0, stride.0, padding.0, self.height),
                    range(ox, kernel.1, stride.1, padding.1, self.width),
                )
            }
            Windows::Adaptive { output } => {
                let range = |o: usize, size: usize, count: usize| o * size / count..((o + 1) * size).div_ceil(count);
                (range(oy, self.height, output.0), range(ox, self.width, output.1))
            }
        }
    }

    /// Where the pixels of a window begin in a sample, in row-major order.
    #[inline(always)]
    fn pixels(&self, rows: Range<usize>, columns: Range<usize>) -> impl Iterator<Item = usize> {
        let (width, channels) = (self.width, self.channels);
        rows.flat_map(move |row| columns.clone().map(move |column| (row * width + column) * channels))
    }

    /// Whether no input position lies in two windows and none lies outside all.
    fn partitions(&self) -> bool {
        match self.windows {
            Windows::Regular {
                kernel,
                stride,
                padding,
            } => {
                kernel == stride
                    && padding == (0, 0)
                    && self.height.is_multiple_of(kernel.0)
                    && self.width.is_multiple_of(kernel.1)
            }
            Windows::Adaptive { .. } => false,
        }
    }
}

multiversion! {
    /// Takes the maximum of each window and remembers its place.
    ///
    /// The first of equal values in row-major window order wins; NaN counts as the largest.
    ///
    /// # Shapes
    /// As in [`PoolShape`]; `places` has the shape of y and holds the place within the window's part inside the input.
    ///
    /// # Panics
    /// Panics if the shape is invalid, a slice is too short for it or a window covers more than 65536 positions.
    pub fn max_forward<E: Element>(shape: &PoolShape, x: &[E], y: &mut [E], places: &mut [u16]) {
        shape.assert_valid();
        let c = shape.channels;
        let (inputs, outputs) = (shape.sample_inputs(), shape.sample_outputs());
        for sample in 0..shape.samples {
            let x = &x[sample * inputs..(sample + 1) * inputs];
            let range = sample * outputs..(sample + 1) * outputs;
            let cells = y[range.clone()].chunks_exact_mut(c).zip(places[range].chunks_exact_mut(c));
            for (cell, (y, places)) in cells.enumerate() {
                let (rows, columns) = shape.window(cell / shape.out_width(), cell % shape.out_width());
                assert!(rows.len() * columns.len() <= 1 << 16, "a window covers at most 65536 positions");
                let whole = c / LANES * LANES;
                for at in (0..whole).step_by(LANES) {
                    let mut largest = [E::NEG_INFINITY; LANES];
                    let mut found = [0; LANES];
                    // Plain loops: the iterator of `pixels` costs more than the maxima here.
                    let mut place = 0u16;
                    for row in rows.clone() {
                        for column in columns.clone() {
                            let x = *lanes(x, (row * shape.width + column) * c + at);
                            for l in 0..LANES {
                                let larger = (x[l] > largest[l]) | x[l].is_nan();
                                largest[l] = if larger { x[l] } else { largest[l] };
                                found[l] = if larger { place } else { found[l] };
                            }
                            place = place.wrapping_add(1);
                        }
                    }
                    *lanes_mut(y, at) = largest;
                    *lanes_mut(places, at) = found;
                }
                for at in whole..c {
                    (y[at], places[at]) = (E::NEG_INFINITY, 0);
                    for (place, pixel) in shape.pixels(rows.clone(), columns.clone()).enumerate() {
                        let x = x[pixel + at];
                        if (x > y[at]) | x.is_nan() {
                            (y[at], places[at]) = (x, place as u16);
                        }
                    }
                }
            }
        }
    }
}

multiversion! {
    /// Takes the maximum of each window without remembering its place.
    ///
    /// # Shapes
    /// As in [`PoolShape`].
    ///
    /// # Panics
    /// Panics if the shape is invalid or a slice is too short for it.
    pub fn max_inference<E: Element>(shape: &PoolShape, x: &[E], y: &mut [E]) {
        shape.assert_valid();
        let c = shape.channels;
        let (inputs, outputs) = (shape.sample_inputs(), shape.sample_outputs());
        for sample in 0..shape.samples {
            let x = &x[sample * inputs..(sample + 1) * inputs];
            for (cell, y) in y[sample * outputs..(sample + 1) * outputs].chunks_exact_mut(c).enumerate() {
                let (rows, columns) = shape.window(cell / shape.out_width(), cell % shape.out_width());
                let whole = c / LANES * LANES;
                for at in (0..whole).step_by(LANES) {
                    let mut largest = [E::NEG_INFINITY; LANES];
                    for row in rows.clone() {
                        for column in columns.clone() {
                            let x = *lanes(x, (row * shape.width + column) * c + at);
                            for l in 0..LANES {
                                let larger = (x[l] > largest[l]) | x[l].is_nan();
                                largest[l] = if larger { x[l] } else { largest[l] };
                            }
                        }
                    }
                    *lanes_mut(y, at) = largest;
                }
                for at in whole..c {
                    y[at] = E::NEG_INFINITY;
                    for pixel in shape.pixels(rows.clone(), columns.clone()) {
                        let x = x[pixel + at];
                        y[at] = if (x > y[at]) | x.is_nan() { x } else { y[at] };
                    }
                }
            }
        }
    }
}

multiversion! {
    /// Sends each output's gradient to the place its maximum came from, overwriting `input`.
    ///
    /// # Shapes
    /// As in [`PoolShape`]; gradient and places have the shape of y, input that of x.
    ///
    /// # Panics
    /// Panics if the shape is invalid or a slice is too short for it.
    pub fn max_backward<E: Element>(shape: &PoolShape, gradient: &[E], places: &[u16], input: &mut [E]) {
        shape.assert_valid();
        let c = shape.channels;
        let overwrite = shape.partitions();
        let (inputs, outputs) = (shape.sample_inputs(), shape.sample_outputs());
        for sample in 0..shape.samples {
            let input = &mut input[sample * inputs..(sample + 1) * inputs];
            if !overwrite {
                input.fill(E::ZERO);
            }
            let range = sample * outputs..(sample + 1) * outputs;
            let cells = gradient[range.clone()].chunks_exact(c).zip(places[range].chunks_exact(c));
            for (cell, (d, places)) in cells.enumerate() {
                let (rows, columns) = shape.window(cell / shape.out_width(), cell % shape.out_width());
                let mut place = 0u16;
                for row in rows {
                    for column in columns.clone() {
                        let input = &mut input[(row * shape.width + column) * c..][..c];
                        if overwrite {
                            for ((x, &d), &at) in input.iter_mut().zip(d).zip(places) {
                                *x = if at == place { d } else { E::ZERO };
                            }
                        } else {
                            for ((x, &d), &at) in input.iter_mut().zip(d).zip(places) {
                                *x += if at == place { d } else { E::ZERO };
                            }
                        }
                        place = place.wrapping_add(1);
                    }
                }
            }
        }
    }
}

/// What the sum over a window is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Divisor {
    /// The positions that lie inside the input.
    Covered,
    /// The size of the kernel, padding included (PyTorch's default); for adaptive windows, as `Covered`.
    Kernel,
}

impl Divisor {
    #[inline(always)]
    fn of(self, shape: &PoolShape, (oy, ox): (usize, usize), covered: usize) -> usize {
        match (self, shape.windows) {
            (
                Divisor::Kernel,
                Windows::Regular {
                    kernel,
                    stride,
                    padding,
                },
            ) => {
                // A window that reaches past the padding counts only up to its end.
                let count = |o: usize, k: usize, s: usize, p: usize, size: usize| (o * s + k).min(size + 2 * p) - o * s;
                count(oy, kernel.0, stride.0, padding.0, shape.height)
                    * count(ox, kernel.1, stride.1, padding.1, shape.width)
            }
            _ => covered,
        }
    }
}

multiversion! {
    /// Averages each window.
    ///
    /// # Shapes
    /// As in [`PoolShape`].
    ///
    /// # Panics
    /// Panics if the shape is invalid or a slice is too short for it.
    pub fn average_forward<E: Element>(shape: &PoolShape, divisor: Divisor, x: &[E], y: &mut [E]) {
        shape.assert_valid();
        let c = shape.channels;
        let (inputs, outputs) = (shape.sample_inputs(), shape.sample_outputs());
        for sample in 0..shape.samples {
            let x = &x[sample * inputs..(sample + 1) * inputs];
            for (cell, y) in y[sample * outputs..(sample + 1) * outputs].chunks_exact_mut(c).enumerate() {
                let at = (cell / shape.out_width(), cell % shape.out_width());
                let (rows, columns) = shape.window(at.0, at.1);
                let scale = E::ONE / E::from_usize(divisor.of(shape, at, rows.len() * columns.len()).max(1));
                y.fill(E::ZERO);
                for row in rows {
                    for column in columns.clone() {
                        let x = &x[(row * shape.width + column) * c..][..c];
                        for (y, &x) in y.iter_mut().zip(x) {
                            *y += x;
                        }
                    }
                }
                for y in y {
                    *y *= scale;
                }
            }
        }
    }
}

multiversion! {
    /// Spreads each output's gradient over its window, overwriting `input`.
    ///
    /// # Shapes
    /// As in [`PoolShape`]; gradient has the shape of y, input that of x.
    ///
    /// # Panics
    /// Panics if the shape is invalid or a slice is too short for it.
    pub fn average_backward<E: Element>(shape: &PoolShape, divisor: Divisor, gradient: &[E], input: &mut [E]) {
        shape.assert_valid();
        let c = shape.channels;
        let (inputs, outputs) = (shape.sample_inputs(), shape.sample_outputs());
        for sample in 0..shape.samples {
            let input = &mut input[sample * inputs..(sample + 1) * inputs];
            input.fill(E::ZERO);
            for (cell, d) in gradient[sample * outputs..(sample + 1) * outputs].chunks_exact(c).enumerate() {
                let at = (cell / shape.out_width(), cell % shape.out_width());
                let (rows, columns) = shape.window(at.0, at.1);
                let scale = E::ONE / E::from_usize(divisor.of(shape, at, rows.len() * columns.len()).max(1));
                for row in rows {
                    for column in columns.clone() {
                        let input = &mut input[(row * shape.width + column) * c..][..c];
                        for (x, &d) in input.iter_mut().zip(d) {
                            *x += d * scale;
                        }
                    }
                }
            }
        }
    }
}
