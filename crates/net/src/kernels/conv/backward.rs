//! The backward pass of a convolution.

use super::forward::{block_columns, block_planes, correlate};
use super::frame::{Frame, add_columns};
use super::winograd::Tiling;
use super::{ConvShape, ConvWorkspace, Lane, Way, depthwise, sized};
use crate::kernels::element::Element;
use crate::kernels::product::{Epilogue, Operands, Strided, Threads};
use crate::kernels::statistics::column_sums;

/// Gradients that a convolution writes.
#[derive(Debug)]
pub struct ConvGradients<'a, E> {
    /// Gradient of the weights.
    pub weights: &'a mut [E],
    /// Gradient of the bias, if the layer has one.
    pub bias: Option<&'a mut [E]>,
    /// Gradient of the input, if anything asks for it.
    pub input: Option<&'a mut [E]>,
}

/// Computes the gradients of a convolution, overwriting them.
///
/// `gradient` is that of the pre-activations: apply [`Activation::backward`](crate::kernels::activation::Activation::backward) first.
///
/// # Shapes
/// As in [`ConvShape`]; every gradient has the shape of what it belongs to.
///
/// # Panics
/// Panics if the shape is no convolution or a slice is too short for it.
pub fn backward<E: Element>(
    shape: &ConvShape,
    (x, w): (&[E], &[E]),
    gradient: &[E],
    gradients: ConvGradients<'_, E>,
    workspace: &mut ConvWorkspace<E>,
    threads: Threads,
) {
    shape.assert_valid();
    let gradient = &gradient[..shape.samples * shape.sample_outputs()];
    let x = &x[..shape.samples * shape.sample_inputs()];
    if let Some(bias) = gradients.bias {
        column_sums(gradient, &mut bias[..shape.out_channels]);
    }
    let weights = &mut gradients.weights[..shape.weight_count()];
    weights.fill(E::ZERO);
    let mut input = gradients.input.map(|input| &mut input[..x.len()]);
    if x.is_empty() || gradient.is_empty() {
        if let Some(input) = input {
            input.fill(E::ZERO);
        }
        return;
    }
    let (mut flipped, mut planes) = (
        std::mem::take(&mut workspace.flipped),
        std::mem::take(&mut workspace.planes),
    );
    let way = shape.way::<E>();
    if input.is_some() && matches!(way, Way::Rows | Way::Tiles) {
        flip(shape, w, sized(&mut flipped, shape.weight_count()));
    }
    if input.is_some() && way == Way::Tiles {
        let tiling = Tiling::reverse(shape);
        tiling.transform_kernel(&flipped, sized(&mut planes, tiling.kernel_length()));
    }
    let task = Task {
        shape,
        w,
        flipped: &flipped,
        planes: &planes,
    };
    let lane_samples = shape.lane_samples();
    let (inputs, outputs) = (
        lane_samples * shape.sample_inputs(),
        lane_samples * shape.sample_outputs(),
    );
    let parts = x.chunks(inputs).zip(gradient.chunks(outputs));
    if threads.count() == 1 {
        let lane = &mut workspace.lanes(1)[0];
        for (i, (x, gradient)) in parts.enumerate() {
            let end = (i * inputs + inputs).min(x.len() + i * inputs);
            task.run(
                x,
                gradient,
                input.as_deref_mut().map(|input| &mut input[i * inputs..end]),
                lane,
            );
            add(&lane.weights, weights);
        }
    } else {
        let lanes = workspace.lanes(shape.samples.div_ceil(lane_samples));
        let mut rest = input;
        rayon::in_place_scope(|scope| {
            for ((x, gradient), lane) in parts.zip(lanes.iter_mut()) {
                let own = rest.take().map(|all| {
                    let (own, others) = all.split_at_mut(x.len());
                    rest = Some(others);
                    own
                });
                let task = &task;
                scope.spawn(move |_| task.run(x, gradient, own, lane));
            }
        });
        for lane in lanes {
            add(&lane.weights, weights);
        }
    }
    workspace.flipped = flipped;
    workspace.planes = planes;
}

fn add<E: Element>(from: &[E], to: &mut [E]) {
    for (to, &value) in to.iter_mut().zip(from) {
        *to += value;
    }
}

/// Turns weights (ky, kx, ci; co) into those of the reverse correlation (ky', kx', co; ci).
fn flip<E: Element>(shape: &ConvShape, w: &[E], flipped: &mut [E]) {
    let (inputs, outputs) = (shape.in_channels, shape.out_channels);
    let taps = shape.kernel.0 * shape.kernel.1;
    for tap in 0..taps {
        let from = &w[(taps - 1 - tap) * inputs * outputs..][..inputs * outputs];
        let to = &mut flipped[tap * inputs * outputs..][..inputs * outputs];
        for (ci, row) in from.chunks_exact(outputs).enumerate() {
            for (co, &value) in row.iter().enumerate() {
                to[co * inputs + ci] = value;
            }
        }
    }
}

/// What all lanes share.
struct Task<'a, E> {
    shape: &'a ConvShape,
    w: &'a [E],
    flipped: &'a [E],
    /// The transform of `flipped`, where tiles are used.
    planes: &'a [E],
}

impl<E: Element> Task<'_, E> {
    /// Computes the input gradient of one lane's samples and, in the lane, their weight gradient.
    fn run(&self, x: &[E], gradient: &[E], input: Option<&mut [E]>, lane: &mut Lane<E>) {
        let count = self.shape.weight_count();
        let mut weights = std::mem::take(&mut lane.weights);
        weights.resize(count, E::ZERO);
        match self.shape.way::<E>() {
            Way::Tiles => self.by_tiles(x, gradient, input, &mut weights, lane),
            Way::Rows => self.by_rows(x, gradient, input, &mut weights, lane),
            Way::Planes => self.by_planes(x, gradient, input, &mut weights, lane),
            Way::Columns => self.by_columns(x, gradient, input, &mut weights, lane),
            Way::Depthwise => depthwise::backward(self.shape, (x, self.w), gradient, input, &mut weights, lane),
        }
        lane.weights = weights;
    }

    fn by_tiles(&self, x: &[E], gradient: &[E], input: Option<&mut [E]>, weights: &mut [E], lane: &mut Lane<E>) {
        Tiling::forward(self.shape).kernel_gradient((x, gradient), weights, &mut lane.tiles);
        if let Some(input) = input {
            let tiling = Tiling::reverse(self.shape);
            tiling.correlate((gradient, self.planes), Epilogue::none(), input, &mut lane.tiles);
        }
    }

    fn by_rows(&self, x: &[E], gradient: &[E], mut input: Option<&mut [E]>, weights: &mut [E], lane: &mut Lane<E>) {
        let shape = self.shape;
        // Both frames have the same width, so that one stride leads from pixel to pixel in both.
        let source = Frame::input(shape).at_least(Frame::gradient(shape).width);
        let target = Frame::gradient(shape).at_least(source.width);
        let framed = sized(&mut lane.input, source.len());
        let padded = sized(&mut lane.gradient, target.len());
        let samples = x
            .chunks_exact(shape.sample_inputs())
            .zip(gradient.chunks_exact(shape.sample_outputs()));
        for (i, (x, gradient)) in samples.enumerate() {
            source.enclose(x, shape.width, framed);
            target.enclose(gradient, shape.out_width(), padded);
            self.row_weights((&source, framed), (&target, padded), i > 0, weights);
            if let Some(input) = input.as_deref_mut() {
                let input = &mut input[i * shape.sample_inputs()..][..shape.sample_inputs()];
                correlate(
                    &target,
                    padded,
                    shape.kernel,
                    self.flipped,
                    Epilogue::none(),
                    (input, shape.width),
                );
            }
        }
    }

    /// Adds one sample's weight gradient: each kernel row is a product over all pixels of both
    /// frames, in which the zeros between the gradient's rows cancel what lies beside the image.
    fn row_weights(
        &self,
        (source, framed): (&Frame, &[E]),
        (target, padded): (&Frame, &[E]),
        accumulate: bool,
        weights: &mut [E],
    ) {
        let shape = self.shape;
        let rows = shape.kernel.1 * shape.in_channels;
        let columns = shape.out_channels;
        let first = target.row(target.top) + target.left * columns;
        for (ky, out) in weights.chunks_exact_mut(rows * columns).enumerate() {
            let operands = Operands {
                rows,
                columns,
                inner: (shape.out_height() - 1) * source.width + shape.out_width(),
                left: Strided {
                    data: &framed[source.row(ky)..],
                    row_stride: 1,
                    column_stride: source.channels,
                },
                right: Strided::row_major(&padded[first..], columns),
                out,
                out_stride: columns,
                accumulate,
            };
            E::product(operands, Epilogue::none(), Threads::One);
        }
    }

    fn by_planes(&self, x: &[E], gradient: &[E], mut input: Option<&mut [E]>, weights: &mut [E], lane: &mut Lane<E>) {
        let shape = self.shape;
        let block = shape.block();
        let (inputs, outputs) = (block * shape.sample_inputs(), block * shape.sample_outputs());
        for (i, (x, gradient)) in x.chunks(inputs).zip(gradient.chunks(outputs)).enumerate() {
            let pixels = gradient.len() / shape.out_channels;
            let planes = block_planes(shape, x, lane);
            let operands = Operands {
                rows: shape.fan_in(),
                columns: shape.out_channels,
                inner: pixels,
                left: Strided::row_major(planes, pixels),
                right: Strided::row_major(gradient, shape.out_channels),
                out: &mut *weights,
                out_stride: shape.out_channels,
                accumulate: i > 0,
            };
            E::product(operands, Epilogue::none(), Threads::One);
            if let Some(input) = input.as_deref_mut() {
                self.column_inputs(gradient, &mut input[i * inputs..][..x.len()], lane);
            }
        }
    }

    fn by_columns(&self, x: &[E], gradient: &[E], mut input: Option<&mut [E]>, weights: &mut [E], lane: &mut Lane<E>) {
        let shape = self.shape;
        let block = shape.block();
        let (inputs, outputs) = (block * shape.sample_inputs(), block * shape.sample_outputs());
        for (i, (x, gradient)) in x.chunks(inputs).zip(gradient.chunks(outputs)).enumerate() {
            let pixels = gradient.len() / shape.out_channels;
            for group in 0..shape.groups {
                let columns = block_columns(shape, group, x, lane);
                let first = group * shape.group_outputs();
                let operands = Operands {
                    rows: shape.fan_in(),
                    columns: shape.group_outputs(),
                    inner: pixels,
                    left: Strided::transposed(columns, shape.fan_in()),
                    right: Strided::row_major(&gradient[first..], shape.out_channels),
                    out: &mut weights[first..],
                    out_stride: shape.out_channels,
                    accumulate: i > 0,
                };
                E::product(operands, Epilogue::none(), Threads::One);
            }
            if let Some(input) = input.as_deref_mut() {
                self.column_inputs(gradient, &mut input[i * inputs..][..x.len()], lane);
            }
        }
    }

    /// Computes the input gradient of a block of samples through the gradient of its columns.
    fn column_inputs(&self, gradient: &[E], input: &mut [E], lane: &mut Lane<E>) {
        let shape = self.shape;
        let (frame, fan_in) = (Frame::input(shape), shape.fan_in());
        let framed = sized(&mut lane.input, frame.len());
        let columns = sized(&mut lane.columns, shape.positions() * fan_in);
        let samples = input
            .chunks_exact_mut(shape.sample_inputs())
            .zip(gradient.chunks_exact(shape.sample_outputs()));
        for (input, gradient) in samples {
            framed.fill(E::ZERO);
            for group in 0..shape.groups {
                let first = group * shape.group_outputs();
                let operands = Operands {
                    rows: shape.positions(),
                    columns: fan_in,
                    inner: shape.group_outputs(),
                    left: Strided::row_major(&gradient[first..], shape.out_channels),
                    right: Strided::transposed(&self.w[first..], shape.out_channels),
                    out: &mut *columns,
                    out_stride: fan_in,
                    accumulate: false,
                };
                E::product(operands, Epilogue::none(), Threads::One);
                add_columns(shape, group, &frame, columns, framed);
            }
            frame.release(framed, shape.width, input);
        }
    }
}
