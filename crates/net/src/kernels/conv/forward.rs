//! The forward pass of a convolution.

use super::frame::{Frame, write_columns, write_planes};
use super::winograd::Tiling;
use super::{ConvShape, ConvWorkspace, Lane, Way, depthwise, sized};
use crate::kernels::activation::Activation;
use crate::kernels::element::Element;
use crate::kernels::product::{Epilogue, Operands, Strided, Threads};

/// Computes y = act(x ∗ w + b).
///
/// Where the activation's backward pass needs the pre-activations, call this with [`Activation::Identity`], copy y and apply the activation.
///
/// # Shapes
/// As in [`ConvShape`].
///
/// # Panics
/// Panics if the shape is no convolution or a slice is too short for it.
pub fn forward<E: Element>(
    shape: &ConvShape,
    (x, w, bias): (&[E], &[E], Option<&[E]>),
    activation: Activation,
    y: &mut [E],
    workspace: &mut ConvWorkspace<E>,
    threads: Threads,
) {
    shape.assert_valid();
    let lane_samples = shape.lane_samples();
    let x = &x[..shape.samples * shape.sample_inputs()];
    let y = &mut y[..shape.samples * shape.sample_outputs()];
    if x.is_empty() || y.is_empty() {
        return;
    }
    let mut planes = std::mem::take(&mut workspace.planes);
    if shape.way::<E>() == Way::Tiles {
        let tiling = Tiling::forward(shape);
        tiling.transform_kernel(w, sized(&mut planes, tiling.kernel_length()));
    }
    let weights = Weights {
        plain: w,
        planes: &planes,
    };
    let parts = x
        .chunks(lane_samples * shape.sample_inputs())
        .zip(y.chunks_mut(lane_samples * shape.sample_outputs()));
    let run = |(x, y): (&[E], &mut [E]), lane: &mut Lane<E>| {
        let epilogue = Epilogue {
            bias,
            relu: activation == Activation::Relu,
        };
        forward_lane(shape, x, weights, epilogue, y, lane);
        if activation != Activation::Relu {
            activation.apply(y);
        }
    };
    if threads.count() == 1 {
        let lane = &mut workspace.lanes(1)[0];
        parts.for_each(|part| run(part, lane));
    } else {
        let lanes = workspace.lanes(shape.samples.div_ceil(lane_samples));
        rayon::in_place_scope(|scope| {
            for (part, lane) in parts.zip(lanes) {
                let run = &run;
                scope.spawn(move |_| run(part, lane));
            }
        });
    }
    workspace.planes = planes;
}

/// The kernel, and its transform where tiles are used.
#[derive(Clone, Copy)]
struct Weights<'a, E> {
    plain: &'a [E],
    planes: &'a [E],
}

/// Computes the outputs of one lane's samples.
fn forward_lane<E: Element>(
    shape: &ConvShape,
    x: &[E],
    weights: Weights<'_, E>,
    epilogue: Epilogue<'_, E>,
    y: &mut [E],
    lane: &mut Lane<E>,
) {
    let w = weights.plain;
    let samples = x
        .chunks_exact(shape.sample_inputs())
        .zip(y.chunks_exact_mut(shape.sample_outputs()));
    let frame = Frame::input(shape);
    match shape.way::<E>() {
        Way::Tiles => Tiling::forward(shape).correlate((x, weights.planes), epilogue, y, &mut lane.tiles),
        Way::Rows => {
            let input = sized(&mut lane.input, frame.len());
            for (x, y) in samples {
                frame.enclose(x, shape.width, input);
                correlate(&frame, input, shape.kernel, w, epilogue, (y, shape.out_width()));
            }
        }
        Way::Depthwise => {
            let input = sized(&mut lane.input, frame.len());
            for (x, y) in samples {
                frame.enclose(x, shape.width, input);
                depthwise::forward(shape, &frame, input, w, epilogue, y);
            }
        }
        Way::Planes => by_planes(shape, x, w, epilogue, y, lane),
        Way::Columns => by_columns(shape, x, w, epilogue, y, lane),
    }
}

/// Correlates a framed sample with a kernel at stride 1, one kernel row and one output row per product.
pub(super) fn correlate<E: Element>(
    frame: &Frame,
    input: &[E],
    kernel: (usize, usize),
    w: &[E],
    epilogue: Epilogue<'_, E>,
    (out, out_width): (&mut [E], usize),
) {
    let terms = kernel.1 * frame.channels;
    let height = frame.height - kernel.0 + 1;
    let row_length = out.len() / height;
    let columns = row_length / out_width;
    for ky in 0..kernel.0 {
        let last = ky + 1 == kernel.0;
        for (row, out) in out.chunks_exact_mut(row_length).enumerate() {
            let operands = Operands {
                rows: out_width,
                columns,
                inner: terms,
                left: Strided {
                    data: &input[frame.row(row + ky)..],
                    row_stride: frame.channels,
                    column_stride: 1,
                },
                right: Strided::row_major(&w[ky * terms * columns..], columns),
                out,
                out_stride: columns,
                accumulate: ky > 0,
            };
            E::product(operands, if last { epilogue } else { Epilogue::none() }, Threads::One);
        }
    }
}

fn by_planes<E: Element>(
    shape: &ConvShape,
    x: &[E],
    w: &[E],
    epilogue: Epilogue<'_, E>,
    y: &mut [E],
    lane: &mut Lane<E>,
) {
    let block = shape.block();
    let columns = shape.out_channels;
    for (x, y) in x
        .chunks(block * shape.sample_inputs())
        .zip(y.chunks_mut(block * shape.sample_outputs()))
    {
        let rows = y.len() / columns;
        let planes = block_planes(shape, x, lane);
        let operands = Operands {
            rows,
            columns,
            inner: shape.fan_in(),
            left: Strided::transposed(planes, rows),
            right: Strided::row_major(w, columns),
            out: y,
            out_stride: columns,
            accumulate: false,
        };
        E::product(operands, epilogue, Threads::One);
    }
}

/// Writes the planes of a block of samples, all samples of one plane side by side.
pub(super) fn block_planes<'a, E: Element>(shape: &ConvShape, x: &[E], lane: &'a mut Lane<E>) -> &'a [E] {
    let frame = Frame::input(shape);
    let input = sized(&mut lane.input, frame.len());
    let stride = x.len() / shape.sample_inputs() * shape.positions();
    let planes = sized(&mut lane.columns, stride * shape.fan_in());
    for (i, x) in x.chunks_exact(shape.sample_inputs()).enumerate() {
        frame.enclose(x, shape.width, input);
        write_planes(shape, &frame, input, &mut planes[i * shape.positions()..], stride);
    }
    planes
}

fn by_columns<E: Element>(
    shape: &ConvShape,
    x: &[E],
    w: &[E],
    epilogue: Epilogue<'_, E>,
    y: &mut [E],
    lane: &mut Lane<E>,
) {
    let block = shape.block();
    let outputs = shape.group_outputs();
    for (x, y) in x
        .chunks(block * shape.sample_inputs())
        .zip(y.chunks_mut(block * shape.sample_outputs()))
    {
        let rows = y.len() / shape.out_channels;
        for group in 0..shape.groups {
            let columns = block_columns(shape, group, x, lane);
            let first = group * outputs;
            let operands = Operands {
                rows,
                columns: outputs,
                inner: shape.fan_in(),
                left: Strided::row_major(columns, shape.fan_in()),
                right: Strided::row_major(&w[first..], shape.out_channels),
                out: &mut y[first..],
                out_stride: shape.out_channels,
                accumulate: false,
            };
            let epilogue = Epilogue {
                bias: epilogue.bias.map(|bias| &bias[first..first + outputs]),
                ..epilogue
            };
            E::product(operands, epilogue, Threads::One);
        }
    }
}

/// Writes the columns of a block of samples for one group.
pub(super) fn block_columns<'a, E: Element>(
    shape: &ConvShape,
    group: usize,
    x: &[E],
    lane: &'a mut Lane<E>,
) -> &'a [E] {
    let frame = Frame::input(shape);
    let input = sized(&mut lane.input, frame.len());
    let length = shape.positions() * shape.fan_in();
    let columns = sized(&mut lane.columns, x.len() / shape.sample_inputs() * length);
    for (x, columns) in x
        .chunks_exact(shape.sample_inputs())
        .zip(columns.chunks_exact_mut(length))
    {
        frame.enclose(x, shape.width, input);
        write_columns(shape, group, &frame, input, columns);
    }
    columns
}
