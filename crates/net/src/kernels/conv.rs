//! Convolutions over images in (sample, height, width, channel) order.
//!
//! # Method
//! One of five ways leads to the result; all but the first copy each sample into a frame with its padding:
//! - *tiles*: 3 × 3 kernels of stride 1 with enough channels, in fewer multiplications (the `winograd` module);
//! - *rows*: with stride 1 and enough channels, one kernel row of all pixels of an output row is a matrix whose rows overlap
//!   in the frame, so that products read it in place: no columns are written at all;
//! - *planes*: with one input channel, the columns are written as one shifted plane for each kernel position;
//! - *columns*: any stride and groups, contiguous runs copied to a matrix (im2col), a few samples per product;
//! - *depthwise*: one input and one output channel per group, sums over kernel positions along the channel axis.
//!
//! Samples are dealt to a fixed number of lanes that depends on the shape alone; lanes may run on
//! threads of their own, and their weight gradients are added in the lanes' order, so results don't depend on the thread count.

mod backward;
mod depthwise;
mod forward;
mod frame;
mod winograd;

pub use backward::{ConvGradients, backward};
pub use forward::forward;

use super::element::Element;

/// The extent of a convolution.
///
/// # Shapes
/// x (samples, height, width, in_channels), weights (kernel height · kernel width · in_channels / groups,
/// out_channels), bias (out_channels), y (samples, out_height, out_width, out_channels), all row-major. Row
/// (ky · kernel width + kx) · in_channels / groups + ci of the weights belongs to kernel position (ky, kx) and the
/// group's input channel ci. Group g reads input channels g · in_channels / groups and following and
/// writes output channels g · out_channels / groups and following. A one-dimensional convolution has height 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    /// Samples in the batch.
    pub samples: usize,
    /// Height of the input.
    pub height: usize,
    /// Width of the input.
    pub width: usize,
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Kernel height and width.
    pub kernel: (usize, usize),
    /// Vertical and horizontal stride.
    pub stride: (usize, usize),
    /// Rows of zeros above and below, columns of zeros left and right.
    pub padding: (usize, usize),
    /// Groups that the channels fall into.
    pub groups: usize,
}

impl ConvShape {
    /// Height of the output.
    #[must_use]
    pub fn out_height(&self) -> usize {
        (self.height + 2 * self.padding.0 - self.kernel.0) / self.stride.0 + 1
    }

    /// Width of the output.
    #[must_use]
    pub fn out_width(&self) -> usize {
        (self.width + 2 * self.padding.1 - self.kernel.1) / self.stride.1 + 1
    }

    /// Positions of one sample's output.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.out_height() * self.out_width()
    }

    /// Input channels of one group.
    #[must_use]
    pub fn group_inputs(&self) -> usize {
        self.in_channels / self.groups
    }

    /// Output channels of one group.
    #[must_use]
    pub fn group_outputs(&self) -> usize {
        self.out_channels / self.groups
    }

    /// Fan-in of one output: rows of the weights.
    #[must_use]
    pub fn fan_in(&self) -> usize {
        self.kernel.0 * self.kernel.1 * self.group_inputs()
    }

    /// Elements of the weights.
    #[must_use]
    pub fn weight_count(&self) -> usize {
        self.fan_in() * self.out_channels
    }

    /// Elements of one sample's input.
    #[must_use]
    pub fn sample_inputs(&self) -> usize {
        self.height * self.width * self.in_channels
    }

    /// Elements of one sample's output.
    #[must_use]
    pub fn sample_outputs(&self) -> usize {
        self.positions() * self.out_channels
    }

    fn assert_valid(&self) {
        let (kernel, stride, padding) = (self.kernel, self.stride, self.padding);
        assert!(
            kernel.0 > 0 && kernel.1 > 0 && stride.0 > 0 && stride.1 > 0,
            "kernel and stride are positive"
        );
        assert!(
            self.height + 2 * padding.0 >= kernel.0,
            "the kernel is higher than the padded input"
        );
        assert!(
            self.width + 2 * padding.1 >= kernel.1,
            "the kernel is wider than the padded input"
        );
        let whole = self.groups > 0
            && self.in_channels.is_multiple_of(self.groups)
            && self.out_channels.is_multiple_of(self.groups);
        assert!(whole, "groups divide the channels");
    }

    fn way<E: Element>(&self) -> Way {
        if winograd::pays(self) {
            Way::Tiles
        } else if self.groups == 1 && self.in_channels == 1 {
            Way::Planes
        } else if self.reads_rows_in_place() && E::has_tiles() {
            Way::Rows
        } else if self.group_inputs() == 1 && self.group_outputs() == 1 {
            Way::Depthwise
        } else {
            Way::Columns
        }
    }

    /// Whether products of one output row and one kernel row pay: their sums are long enough, and
    /// the weights of a kernel row stay in the second-level cache from one product to the next.
    fn reads_rows_in_place(&self) -> bool {
        const WEIGHT_BUDGET: usize = 64 * 1024;
        let inside = self.padding.0 < self.kernel.0 && self.padding.1 < self.kernel.1;
        let terms = self.kernel.1 * self.in_channels;
        let cached = terms * self.out_channels <= WEIGHT_BUDGET;
        self.groups == 1 && self.stride == (1, 1) && inside && terms >= 32 && cached
    }

    /// Samples whose columns one product takes: as a budget of cache says, but at least 128 rows.
    fn block(&self) -> usize {
        const COLUMN_BUDGET: usize = 64 * 1024;
        const LEAST_ROWS: usize = 128;
        let fitting = COLUMN_BUDGET / (self.positions() * self.fan_in()).max(1);
        let least = LEAST_ROWS.div_ceil(self.positions().max(1));
        fitting.max(least).clamp(1, self.lane_samples())
    }

    /// Samples of one lane.
    fn lane_samples(&self) -> usize {
        const LANES: usize = 4;
        self.samples.div_ceil(LANES).max(1)
    }
}

/// How a convolution is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Tiles,
    Rows,
    Planes,
    Columns,
    Depthwise,
}

/// Buffers that convolutions reuse; one serves all layers that run one after the other.
#[derive(Clone, Debug, Default)]
pub struct ConvWorkspace<E> {
    lanes: Vec<Lane<E>>,
    flipped: Vec<E>,
    /// The transformed kernel, where tiles are used.
    planes: Vec<E>,
}

impl<E: Element> ConvWorkspace<E> {
    /// Starts an empty workspace, which grows to the largest convolution it serves.
    #[must_use]
    pub fn new() -> Self {
        Self {
            lanes: Vec::new(),
            flipped: Vec::new(),
            planes: Vec::new(),
        }
    }

    /// Bytes that the workspace holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let lane = |lane: &Lane<E>| {
            let plain = [&lane.input, &lane.gradient, &lane.columns, &lane.weights];
            plain.map(Vec::capacity).iter().sum::<usize>() + lane.tiles.capacity()
        };
        (self.flipped.capacity() + self.planes.capacity() + self.lanes.iter().map(lane).sum::<usize>()) * size_of::<E>()
    }

    fn lanes(&mut self, count: usize) -> &mut [Lane<E>] {
        if self.lanes.len() < count {
            self.lanes.resize_with(count, Lane::default);
        }
        &mut self.lanes[..count]
    }
}

/// Buffers of one lane.
#[derive(Clone, Debug)]
struct Lane<E> {
    /// One sample's input within its padding, or its gradient.
    input: Vec<E>,
    /// One sample's output gradient within its padding.
    gradient: Vec<E>,
    /// Columns of a block of samples.
    columns: Vec<E>,
    /// The lane's part of the weight gradient.
    weights: Vec<E>,
    /// What tiles need.
    tiles: winograd::Buffers<E>,
}

impl<E: Element> Default for Lane<E> {
    fn default() -> Self {
        Self {
            input: Vec::new(),
            gradient: Vec::new(),
            columns: Vec::new(),
            weights: Vec::new(),
            tiles: winograd::Buffers::default(),
        }
    }
}

/// Grows a buffer to at least `count` elements and borrows that many.
fn sized<E: Element>(buffer: &mut Vec<E>, count: usize) -> &mut [E] {
    if buffer.len() < count {
        buffer.resize(count, E::ZERO);
    }
    &mut buffer[..count]
}
