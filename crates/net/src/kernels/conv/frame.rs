//! Samples within their padding, and the columns that are read from there.

use super::ConvShape;
use crate::kernels::element::Element;

/// A sample's image within a frame of zeros.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    /// Where the image begins.
    pub top: usize,
    pub left: usize,
}

impl Frame {
    /// The frame that a convolution reads its input from.
    pub fn input(shape: &ConvShape) -> Self {
        Self {
            height: shape.height + 2 * shape.padding.0,
            width: shape.width + 2 * shape.padding.1,
            channels: shape.in_channels,
            top: shape.padding.0,
            left: shape.padding.1,
        }
    }

    /// The frame of the output's gradient, from which the input's gradient is a convolution of stride 1.
    pub fn gradient(shape: &ConvShape) -> Self {
        let top = shape.kernel.0 - 1 - shape.padding.0;
        let left = shape.kernel.1 - 1 - shape.padding.1;
        Self {
            height: shape.out_height() + 2 * top,
            width: shape.out_width() + 2 * left,
            channels: shape.out_channels,
            top,
            left,
        }
    }

    /// Widens the frame to the right.
    pub fn at_least(mut self, width: usize) -> Self {
        self.width = self.width.max(width);
        self
    }

    pub fn len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Where row `row` of the frame begins.
    pub fn row(&self, row: usize) -> usize {
        row * self.width * self.channels
    }

    fn rows(&self, height: usize, width: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
        let (frame, run) = (*self, width * self.channels);
        (0..height).map(move |y| {
            let start = frame.row(frame.top + y) + frame.left * frame.channels;
            start..start + run
        })
    }

    /// Copies an image into the frame and clears the rest.
    pub fn enclose<E: Element>(&self, image: &[E], width: usize, to: &mut [E]) {
        let run = width * self.channels;
        let height = image.len() / run;
        let mut cleared = 0;
        for (from, range) in image.chunks_exact(run).zip(self.rows(height, width)) {
            to[cleared..range.start].fill(E::ZERO);
            cleared = range.end;
            to[range].copy_from_slice(from);
        }
        to[cleared..self.len()].fill(E::ZERO);
    }

    /// Copies the image out of the frame.
    pub fn release<E: Element>(&self, from: &[E], width: usize, image: &mut [E]) {
        let run = width * self.channels;
        let height = image.len() / run;
        for (to, range) in image.chunks_exact_mut(run).zip(self.rows(height, width)) {
            to.copy_from_slice(&from[range]);
        }
    }
}

/// Writes one sample's columns for a group: a row for each position, a column for each weight row.
pub fn write_columns<E: Element>(shape: &ConvShape, group: usize, frame: &Frame, from: &[E], columns: &mut [E]) {
    for_each_run(shape, group, frame, |at, run, column| {
        columns[column..column + run].copy_from_slice(&from[at..at + run]);
    });
}

/// Adds the gradient of one sample's columns to the frame of its input.
pub fn add_columns<E: Element>(shape: &ConvShape, group: usize, frame: &Frame, columns: &[E], to: &mut [E]) {
    for_each_run(shape, group, frame, |at, run, column| {
        for (to, &value) in to[at..at + run].iter_mut().zip(&columns[column..column + run]) {
            *to += value;
        }
    });
}

/// Visits each contiguous run that columns and frame share: (place in the frame, length, place in the columns).
#[inline(always)]
fn for_each_run(shape: &ConvShape, group: usize, frame: &Frame, mut visit: impl FnMut(usize, usize, usize)) {
    let inputs = shape.group_inputs();
    let (kernel_height, kernel_width) = shape.kernel;
    // With a single group the channels of neighbouring kernel positions are contiguous.
    let (runs, run) = if shape.groups == 1 {
        (1, kernel_width * inputs)
    } else {
        (kernel_width, inputs)
    };
    let mut column = 0;
    for y in 0..shape.out_height() {
        for x in 0..shape.out_width() {
            for ky in 0..kernel_height {
                let at = frame.row(y * shape.stride.0 + ky) + x * shape.stride.1 * frame.channels + group * inputs;
                for kx in 0..runs {
                    visit(at + kx * frame.channels, run, column);
                    column += run;
                }
            }
        }
    }
}

/// Writes the planes of one sample with a single channel: one for each kernel position, `stride` elements apart.
pub fn write_planes<E: Element>(shape: &ConvShape, frame: &Frame, from: &[E], planes: &mut [E], stride: usize) {
    let width = shape.out_width();
    let (kernel_height, kernel_width) = shape.kernel;
    for ky in 0..kernel_height {
        for kx in 0..kernel_width {
            let start = (ky * kernel_width + kx) * stride;
            let plane = &mut planes[start..start + shape.positions()];
            for (y, to) in plane.chunks_exact_mut(width).enumerate() {
                let at = frame.row(y * shape.stride.0 + ky) + kx;
                if shape.stride.1 == 1 {
                    to.copy_from_slice(&from[at..at + width]);
                } else {
                    for (to, &value) in to.iter_mut().zip(from[at..].iter().step_by(shape.stride.1)) {
                        *to = value;
                    }
                }
            }
        }
    }
}
