//! Convolutions with 3 × 3 kernels of stride 1 in 4/9 of the multiplications.
//!
//! # Method
//! Minimal filtering F(2×2, 3×3): Winograd (1980), for convolutional nets Lavin and Gray (2016, arXiv:1509.09308, section 4.1).
//! A tile of 2 × 2 outputs is Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A, with g the kernel, d the 4 × 4 inputs that it meets and
//!
//! ```text
//!      ⎡1  0 −1  0⎤      ⎡ 1   0   0⎤
//! Bᵀ = ⎢0  1  1  0⎥  G = ⎢ ½   ½   ½⎥  Aᵀ = ⎡1  1  1  0⎤
//!      ⎢0 −1  1  0⎥      ⎢ ½  −½   ½⎥       ⎣0  1 −1 −1⎦
//!      ⎣0  1  0 −1⎦      ⎣ 0   0   1⎦
//! ```
//!
//! Each of the 16 elements of the transformed tiles is a *plane*: a matrix (tiles, channels), so that the sum over channels
//! is one product for each plane. Y is linear in g and in d, hence dd follows from the same correlation with
//! the turned kernel, and dg = Gᵀ[Σ (Bᵀ d B) ⊙ (A dY Aᵀ)]G, 16 products whose sums run over tiles. The coefficients
//! are 0, ±½ and ±1, so that rounding stays close to that of the direct sums.

use super::{ConvShape, sized};
use crate::kernels::activation::relu;
use crate::kernels::element::Element;
use crate::kernels::product::{Epilogue, Operands, Strided, Threads};
use crate::kernels::simd::{LANES, lanes, lanes_mut};

/// Elements of a transformed tile.
const PLANES: usize = 16;
/// Tiles of one block, at least: enough rows for a product, few enough for the second-level cache.
const BLOCK: usize = 48;

/// Says whether tiles save multiplications worth their transformation.
pub(super) fn pays(shape: &ConvShape) -> bool {
    const LEAST_CHANNELS: usize = 16;
    let inside = shape.padding.0 <= 2 && shape.padding.1 <= 2;
    if shape.kernel != (3, 3) || shape.stride != (1, 1) || shape.groups != 1 || !inside {
        return false;
    }
    // Tiles that stick out waste work: at the input's edge when gradients go back, too.
    let saves = |height: usize, width: usize| {
        let tiles = height.div_ceil(2) * width.div_ceil(2);
        9 * height * width * 2 >= PLANES * tiles * 3
    };
    shape.in_channels.min(shape.out_channels) >= LEAST_CHANNELS
        && saves(shape.out_height(), shape.out_width())
        && saves(shape.height, shape.width)
}

/// The extent of an image.
#[derive(Clone, Copy, Debug)]
struct Image {
    height: usize,
    width: usize,
    channels: usize,
}

impl Image {
    fn len(&self) -> usize {
        self.height * self.width * self.channels
    }

    fn row_length(&self) -> usize {
        self.width * self.channels
    }
}

/// A correlation of images with a 3 × 3 kernel, cut into tiles.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiling {
    source: Image,
    target: Image,
    padding: (usize, usize),
}

/// Some rows of tiles of a lane's images: of one image or of several.
#[derive(Clone, Copy, Debug)]
struct Block {
    first: usize,
    rows: usize,
}

/// Buffers of one lane.
#[derive(Clone, Debug, Default)]
pub(super) struct Buffers<E> {
    /// Rows of an image that have been combined, and a row of zeros.
    rows: Vec<E>,
    /// Planes of a block of the source.
    source: Vec<E>,
    /// Planes of a block of the target.
    target: Vec<E>,
    /// Planes of the kernel's gradient.
    kernel: Vec<E>,
}

impl<E: Element> Buffers<E> {
    pub(super) fn capacity(&self) -> usize {
        self.rows.capacity() + self.source.capacity() + self.target.capacity() + self.kernel.capacity()
    }
}

impl Tiling {
    /// The tiles of a convolution's forward pass.
    pub(super) fn forward(shape: &ConvShape) -> Self {
        let (source, target) = Self::images(shape);
        Self {
            source,
            target,
            padding: shape.padding,
        }
    }

    /// The tiles of the correlation that leads from the outputs' gradient to the inputs'.
    pub(super) fn reverse(shape: &ConvShape) -> Self {
        let (target, source) = Self::images(shape);
        Self {
            source,
            target,
            padding: (2 - shape.padding.0, 2 - shape.padding.1),
        }
    }

    fn images(shape: &ConvShape) -> (Image, Image) {
        let input = Image {
            height: shape.height,
            width: shape.width,
            channels: shape.in_channels,
        };
        let output = Image {
            height: shape.out_height(),
            width: shape.out_width(),
            channels: shape.out_channels,
        };
        (input, output)
    }

    /// Rows of tiles of one image.
    fn down(&self) -> usize {
        self.target.height.div_ceil(2)
    }

    /// Tiles in a row.
    fn across(&self) -> usize {
        self.target.width.div_ceil(2)
    }

    /// Elements of the transformed kernel, and of its gradient.
    pub(super) fn kernel_length(&self) -> usize {
        PLANES * self.source.channels * self.target.channels
    }

    fn blocks(&self, images: usize) -> impl Iterator<Item = Block> + use<> {
        let (rows, length) = (images * self.down(), BLOCK.div_ceil(self.across()));
        (0..rows).step_by(length).map(move |first| Block {
            first,
            rows: length.min(rows - first),
        })
    }

    /// Transforms a kernel (3, 3, source channels, target channels) into its planes.
    pub(super) fn transform_kernel<E: Element>(&self, w: &[E], planes: &mut [E]) {
        kernel_planes(w, planes, self.source.channels * self.target.channels);
    }

    /// Correlates images with a transformed kernel.
    pub(super) fn correlate<E: Element>(
        &self,
        (source, kernel): (&[E], &[E]),
        epilogue: Epilogue<'_, E>,
        target: &mut [E],
        buffers: &mut Buffers<E>,
    ) {
        let (inputs, outputs) = (self.source.channels, self.target.channels);
        for block in self.blocks(source.len() / self.source.len()) {
            let tiles = block.rows * self.across();
            self.source_planes(source, block, &mut buffers.rows, &mut buffers.source);
            let (from, to) = (&buffers.source, sized(&mut buffers.target, PLANES * tiles * outputs));
            for k in 0..PLANES {
                let operands = Operands {
                    rows: tiles,
                    columns: outputs,
                    inner: inputs,
                    left: Strided::row_major(&from[k * tiles * inputs..], inputs),
                    right: Strided::row_major(&kernel[k * inputs * outputs..], outputs),
                    out: &mut to[k * tiles * outputs..],
                    out_stride: outputs,
                    accumulate: false,
                };
                E::product(operands, Epilogue::none(), Threads::One);
            }
            self.write_targets((&buffers.target, block), epilogue, target, &mut buffers.rows);
        }
    }

    /// Computes the kernel's gradient from the images and the gradient of the targets.
    pub(super) fn kernel_gradient<E: Element>(
        &self,
        (source, gradient): (&[E], &[E]),
        weights: &mut [E],
        buffers: &mut Buffers<E>,
    ) {
        let (inputs, outputs) = (self.source.channels, self.target.channels);
        sized(&mut buffers.kernel, self.kernel_length());
        for block in self.blocks(source.len() / self.source.len()) {
            let tiles = block.rows * self.across();
            self.source_planes(source, block, &mut buffers.rows, &mut buffers.source);
            self.gradient_planes(gradient, block, &mut buffers.rows, &mut buffers.target);
            for k in 0..PLANES {
                let operands = Operands {
                    rows: inputs,
                    columns: outputs,
                    inner: tiles,
                    left: Strided::transposed(&buffers.source[k * tiles * inputs..], inputs),
                    right: Strided::row_major(&buffers.target[k * tiles * outputs..], outputs),
                    out: &mut buffers.kernel[k * inputs * outputs..],
                    out_stride: outputs,
                    accumulate: block.first > 0,
                };
                E::product(operands, Epilogue::none(), Threads::One);
            }
        }
        kernel_from_planes(&buffers.kernel, weights, inputs * outputs);
    }

    /// Writes the planes Bᵀ d B of a block.
    fn source_planes<E: Element>(&self, source: &[E], block: Block, rows: &mut Vec<E>, planes: &mut Vec<E>) {
        let (image, across) = (self.source, self.across());
        let stride = (2 * across + 2) * image.channels;
        let (combined, zeros) = cleared(rows, 4 * stride, image.row_length());
        let plane = block.rows * across * image.channels;
        let planes = sized(planes, PLANES * plane);
        for i in 0..block.rows {
            let (number, down) = ((block.first + i) / self.down(), (block.first + i) % self.down());
            let pixels = &source[number * image.len()..][..image.len()];
            let row = |k: usize| {
                let y = (2 * down + k).checked_sub(self.padding.0).filter(|&y| y < image.height);
                y.map_or(zeros, |y| &pixels[y * image.row_length()..][..image.row_length()])
            };
            let rows = [row(0), row(1), row(2), row(3)];
            combine_source_rows(rows, combined, stride, self.padding.1 * image.channels);
            let at = i * across * image.channels;
            combine_source_columns(combined, stride, image.channels, planes, plane, at);
        }
    }

    /// Writes the planes A dY Aᵀ of a block.
    fn gradient_planes<E: Element>(&self, gradient: &[E], block: Block, rows: &mut Vec<E>, planes: &mut Vec<E>) {
        let (image, across) = (self.target, self.across());
        let stride = 2 * across * image.channels;
        let (combined, zeros) = cleared(rows, 4 * stride, image.row_length());
        let plane = block.rows * across * image.channels;
        let planes = sized(planes, PLANES * plane);
        for i in 0..block.rows {
            let (number, down) = ((block.first + i) / self.down(), (block.first + i) % self.down());
            let pixels = &gradient[number * image.len()..][..image.len()];
            let row = |y: usize| {
                if y < image.height {
                    &pixels[y * image.row_length()..][..image.row_length()]
                } else {
                    zeros
                }
            };
            combine_gradient_rows([row(2 * down), row(2 * down + 1)], combined, stride);
            let at = i * across * image.channels;
            combine_gradient_columns(combined, stride, image.channels, planes, plane, at);
        }
    }

    /// Writes the targets Aᵀ M A of a block from its planes M.
    fn write_targets<E: Element>(
        &self,
        (planes, block): (&[E], Block),
        epilogue: Epilogue<'_, E>,
        target: &mut [E],
        rows: &mut Vec<E>,
    ) {
        let image = self.target;
        let stride = self.across() * image.channels;
        let plane = block.rows * stride;
        let (combined, zeros) = sized(rows, 8 * stride + image.channels).split_at_mut(8 * stride);
        zeros.fill(E::ZERO);
        let zeros = &*zeros;
        let epilogue = Epilogue {
            bias: epilogue.bias.map(|bias| &bias[..image.channels]),
            ..epilogue
        };
        for i in 0..block.rows {
            let (number, down) = ((block.first + i) / self.down(), (block.first + i) % self.down());
            let pixels = &mut target[number * image.len()..][..image.len()];
            combine_target_rows(planes, plane, i * stride, combined, stride);
            let pair = pixels.chunks_exact_mut(image.row_length()).skip(2 * down).take(2);
            for (row, combined) in pair.zip(combined.chunks_exact(4 * stride)) {
                combine_target_columns(combined, stride, epilogue, zeros, row);
            }
        }
    }
}

/// A buffer's first `length` elements, all zero, and `zeros` zeros behind them.
fn cleared<E: Element>(buffer: &mut Vec<E>, length: usize, zeros: usize) -> (&mut [E], &[E]) {
    let all = sized(buffer, length + zeros);
    all.fill(E::ZERO);
    let (front, back) = all.split_at_mut(length);
    (front, back)
}

/// Cuts a buffer into four parts of `length` elements.
#[inline(always)]
fn four<E>(all: &mut [E], length: usize) -> [&mut [E]; 4] {
    let (a, rest) = all.split_at_mut(length);
    let (b, rest) = rest.split_at_mut(length);
    let (c, rest) = rest.split_at_mut(length);
    [a, b, c, &mut rest[..length]]
}

/// Defines a function that writes `value` of its sources' elements, one after the other.
macro_rules! elementwise {
    ($name:ident, $($source:ident: $element:ident),+) => {
        #[inline(always)]
        fn $name<E: Element>(to: &mut [E], $($source: &[E],)+ value: impl Fn($($element),+) -> E) {
            let length = to.len();
            let whole = length / LANES * LANES;
            for at in (0..whole).step_by(LANES) {
                // Copies, so that no load has to wait for a store.
                $(let $source = *lanes($source, at);)+
                let mut values = [E::ZERO; LANES];
                for l in 0..LANES {
                    values[l] = value($($source[l]),+);
                }
                *lanes_mut(to, at) = values;
            }
            $(let $source = &$source[..length];)+
            for at in whole..length {
                to[at] = value($($source[at]),+);
            }
        }
    };
}

elementwise!(map1, a: E);
elementwise!(map2, a: E, b: E);
elementwise!(map4, a: E, b: E, c: E, d: E);

/// Writes `value(a, b)` for each pair of elements of long rows.
#[inline(always)]
fn pairwise<E: Element>(to: &mut [E], a: &[E], b: &[E], value: impl Fn(E, E) -> E) {
    for ((to, &a), &b) in to.iter_mut().zip(a).zip(b) {
        *to = value(a, b);
    }
}

multiversion! {
    /// Combines four rows of an image to those of Bᵀ d, written from `offset` on.
    fn combine_source_rows<E: Element>(rows: [&[E]; 4], to: &mut [E], stride: usize, offset: usize) {
        let [a, b, c, d] = rows;
        let [p, q, r, s] = four(to, stride).map(|to| &mut to[offset..][..a.len()]);
        pairwise(p, a, c, |a, c| a - c);
        pairwise(q, b, c, |b, c| b + c);
        pairwise(r, b, c, |b, c| c - b);
        pairwise(s, b, d, |b, d| b - d);
    }
}

multiversion! {
    /// Combines the columns of Bᵀ d to planes of `plane` elements, written from `at` on.
    fn combine_source_columns<E: Element>(rows: &[E], stride: usize, channels: usize, to: &mut [E], plane: usize, at: usize) {
        for (row, to) in rows.chunks_exact(stride).zip(to.chunks_exact_mut(4 * plane)) {
            let [p, q, r, s] = four(to, plane).map(|to| to[at..].chunks_exact_mut(channels));
            let pixels = row.windows(4 * channels).step_by(2 * channels);
            for ((((pixels, p), q), r), s) in pixels.zip(p).zip(q).zip(r).zip(s) {
                let (ab, cd) = pixels.split_at(2 * channels);
                let ((a, b), (c, d)) = (ab.split_at(channels), cd.split_at(channels));
                map2(p, a, c, |a, c| a - c);
                map2(q, b, c, |b, c| b + c);
                map2(r, b, c, |b, c| c - b);
                map2(s, b, d, |b, d| b - d);
            }
        }
    }
}

multiversion! {
    /// Spreads two rows of a gradient to the four of A dY.
    fn combine_gradient_rows<E: Element>(rows: [&[E]; 2], to: &mut [E], stride: usize) {
        let [a, b] = rows;
        let [p, q, r, s] = four(to, stride).map(|to| &mut to[..a.len()]);
        p.copy_from_slice(a);
        pairwise(q, a, b, |a, b| a + b);
        pairwise(r, a, b, |a, b| a - b);
        pairwise(s, a, b, |_, b| -b);
    }
}

multiversion! {
    /// Spreads the columns of A dY to planes of `plane` elements, written from `at` on.
    fn combine_gradient_columns<E: Element>(rows: &[E], stride: usize, channels: usize, to: &mut [E], plane: usize, at: usize) {
        for (row, to) in rows.chunks_exact(stride).zip(to.chunks_exact_mut(4 * plane)) {
            let [p, q, r, s] = four(to, plane).map(|to| to[at..].chunks_exact_mut(channels));
            let pixels = row.chunks_exact(2 * channels);
            for ((((pixels, p), q), r), s) in pixels.zip(p).zip(q).zip(r).zip(s) {
                let (a, b) = pixels.split_at(channels);
                map1(p, a, |a| a);
                map2(q, a, b, |a, b| a + b);
                map2(r, a, b, |a, b| a - b);
                map1(s, b, |b| -b);
            }
        }
    }
}

multiversion! {
    /// Combines planes, read from `at` on, to the rows of Aᵀ M: four for the upper row of targets, four for the lower.
    fn combine_target_rows<E: Element>(planes: &[E], plane: usize, at: usize, to: &mut [E], stride: usize) {
        let (upper, lower) = to.split_at_mut(4 * stride);
        for (j, (upper, lower)) in upper.chunks_exact_mut(stride).zip(lower.chunks_exact_mut(stride)).enumerate() {
            let [a, b, c, d] = [0, 1, 2, 3].map(|i| &planes[(4 * i + j) * plane + at..][..stride]);
            let sources = a.iter().zip(b).zip(c).zip(d);
            for ((upper, lower), (((&a, &b), &c), &d)) in upper.iter_mut().zip(lower).zip(sources) {
                *upper = a + b + c;
                *lower = b - c - d;
            }
        }
    }
}

multiversion! {
    /// Combines the columns of Aᵀ M to a row of targets.
    fn combine_target_columns<E: Element>(rows: &[E], stride: usize, epilogue: Epilogue<'_, E>, zeros: &[E], row: &mut [E]) {
        let bias = epilogue.bias.unwrap_or(zeros);
        let channels = bias.len();
        let finished = |sum: E| if epilogue.relu { relu(sum) } else { sum };
        for (tile, pixels) in row.chunks_mut(2 * channels).enumerate() {
            let [a, b, c, d] = [0, 1, 2, 3].map(|j| &rows[j * stride + tile * channels..][..channels]);
            let (left, right) = pixels.split_at_mut(channels);
            map4(left, a, b, c, bias, |a, b, c, bias| finished(a + b + c + bias));
            // A tile that sticks out has no right pixel.
            map4(right, b, c, d, bias, |b, c, d, bias| finished(b - c - d + bias));
        }
    }
}

/// Row i of G applied to three numbers, for i of 0 to 3.
#[inline(always)]
fn spread<E: Element>([a, b, c]: [E; 3], half: E) -> [E; 4] {
    [a, (a + b + c) * half, (a - b + c) * half, c]
}

/// Gᵀ applied to four numbers.
#[inline(always)]
fn gather<E: Element>([a, b, c, d]: [E; 4], half: E) -> [E; 3] {
    [a + (b + c) * half, (b - c) * half, (b + c) * half + d]
}

multiversion! {
    /// Transforms kernels, `pairs` of channels each, to planes.
    fn kernel_planes<E: Element>(w: &[E], planes: &mut [E], pairs: usize) {
        let half = E::from_f64(0.5);
        let w: [&[E]; 9] = std::array::from_fn(|tap| &w[tap * pairs..][..pairs]);
        for e in 0..pairs {
            let columns: [[E; 4]; 3] = std::array::from_fn(|x| spread([w[x][e], w[3 + x][e], w[6 + x][e]], half));
            for i in 0..4 {
                let row = spread([columns[0][i], columns[1][i], columns[2][i]], half);
                for (j, value) in row.into_iter().enumerate() {
                    planes[(4 * i + j) * pairs + e] = value;
                }
            }
        }
    }
}

multiversion! {
    /// Transforms planes of gradients back to those of the kernels.
    fn kernel_from_planes<E: Element>(planes: &[E], w: &mut [E], pairs: usize) {
        let half = E::from_f64(0.5);
        let planes: [&[E]; PLANES] = std::array::from_fn(|k| &planes[k * pairs..][..pairs]);
        for e in 0..pairs {
            let rows: [[E; 3]; 4] =
                std::array::from_fn(|i| gather(std::array::from_fn(|j| planes[4 * i + j][e]), half));
            for x in 0..3 {
                let column = gather([rows[0][x], rows[1][x], rows[2][x], rows[3][x]], half);
                for (y, value) in column.into_iter().enumerate() {
                    w[(3 * y + x) * pairs + e] = value;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_used_where_they_save_work_and_nowhere_else() {
        let fits = ConvShape {
            samples: 2,
            height: 14,
            width: 14,
            in_channels: 32,
            out_channels: 64,
            kernel: (3, 3),
            stride: (1, 1),
            padding: (1, 1),
            groups: 1,
        };
        assert!(pays(&fits));
        // One output of 1 × 1 takes 9 multiplications, its tile 16.
        let tiny = ConvShape {
            height: 1,
            width: 1,
            ..fits
        };
        let others = [
            tiny,
            ConvShape { kernel: (5, 5), ..fits },
            ConvShape { stride: (2, 2), ..fits },
            ConvShape { groups: 2, ..fits },
            ConvShape {
                in_channels: 15,
                ..fits
            },
        ];
        assert!(others.iter().all(|shape| !pays(shape)));
    }
}
