//! Dense layers on batches most of whose elements are one value, such as images on a plain background.
//!
//! # Method
//! With x = c + v, where c is the background and v is zero almost everywhere,
//!
//! ```text
//! y  = x · w  = v · w  + c · (sums of w over the inputs)
//! dw = xᵀ · dy = vᵀ · dy + c · (sums of dy over the rows)
//! ```
//!
//! and only the elements of v that are not zero are multiplied: by a contiguous panel of the weights in
//! the forward pass, for which each row lists its elements; by a panel of the output's gradient for that
//! of the weights, for which each column does. A panel lies in the first-level cache while it is used, and a result
//! in registers. The sum of an element of the result runs over the inputs or rows in an order of its own, whatever the
//! batch, the other elements and the threads.

#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use super::element::Element;
use super::product::Threads;
use super::simd::{InstructionSet, instruction_set};

/// Inputs that a panel of weights spans.
const BLOCK: usize = 112;
/// Rows that a panel of output gradients spans.
const PART: usize = 128;
/// Layers of at most this many outputs, which one panel holds, have their gradients summed without lists by column.
const NARROW: usize = 64;
/// The share of background from which these kernels are faster than dense products, with a margin.
pub const LEAST_BACKGROUND: f64 = 0.65;

/// The elements of a batch that differ from its background, by row and by column.
#[derive(Clone, Debug, Default)]
pub struct Foreground<E> {
    rows: usize,
    columns: usize,
    background: E,
    by_row: Lists<E>,
    by_column: Columns<E>,
}

/// Lists of each row's elements, a block of columns at a time, one list after the other.
#[derive(Clone, Debug, Default)]
struct Lists<E> {
    /// Where each list begins; one entry more than lists.
    starts: Vec<u32>,
    /// An element's column within its block.
    places: Vec<u32>,
    /// What is above the background.
    values: Vec<E>,
}

/// Lists of each column's elements, a part of the rows at a time, each with room for all of them.
#[derive(Clone, Debug, Default)]
struct Columns<E> {
    columns: usize,
    /// How many elements each list has.
    counts: Vec<u32>,
    /// An element's row within its part.
    places: Vec<u32>,
    /// What is above the background.
    values: Vec<E>,
}

/// One row's elements within a block, or one column's within a part.
#[derive(Clone, Copy, Debug)]
struct List<'a, E> {
    places: &'a [u32],
    values: &'a [E],
}

impl<E: Copy> List<'_, E> {
    #[inline(always)]
    fn iter(&self) -> impl Iterator<Item = (usize, E)> {
        let places = self.places.iter().map(|&place| place as usize);
        places.zip(self.values.iter().copied())
    }
}

impl<E: Element> Lists<E> {
    fn list(&self, index: usize) -> List<'_, E> {
        let range = self.starts[index] as usize..self.starts[index + 1] as usize;
        List {
            places: &self.places[range.clone()],
            values: &self.values[range],
        }
    }

    fn hold(&mut self, count: usize) {
        if self.places.len() < count {
            self.places.resize(count, 0);
            self.values.resize(count, E::ZERO);
        }
    }
}

impl<E: Element> Foreground<E> {
    /// Bytes that the lists keep.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let (rows, columns) = (&self.by_row, &self.by_column);
        let places =
            rows.starts.capacity() + rows.places.capacity() + columns.counts.capacity() + columns.places.capacity();
        places * size_of::<u32>() + (rows.values.capacity() + columns.values.capacity()) * size_of::<E>()
    }

    fn blocks(&self) -> usize {
        self.columns.div_ceil(BLOCK)
    }

    /// Lists the elements of a batch that differ from the background, replacing those of the batch before.
    ///
    /// # Shapes
    /// x (rows, columns).
    ///
    /// # Panics
    /// Panics if `x` is not whole rows, or has 2³² elements or more.
    pub fn read(&mut self, x: &[E], columns: usize, background: E) {
        assert!(u32::try_from(x.len()).is_ok(), "a batch of fewer than 2³² elements");
        (self.columns, self.background) = (columns, background);
        self.rows = x.len() / columns.max(1);
        assert_eq!(x.len(), self.rows * columns, "whole rows");
        let lists = &mut self.by_row;
        lists.starts.clear();
        lists.starts.push(0);
        let mut count = 0;
        for row in x.chunks_exact(columns.max(1)) {
            lists.hold(count + columns);
            for block in row.chunks(BLOCK) {
                let room = count..count + block.len();
                let (places, values) = (&mut lists.places[room.clone()], &mut lists.values[room]);
                count += E::list_others(block, background, places, values);
                lists.starts.push(count as u32);
            }
        }
    }

    /// Lists the elements by column as well, a part of the rows at a time.
    fn index(&mut self) {
        let (blocks, from, to) = (self.blocks(), &self.by_row, &mut self.by_column);
        // Whole blocks, so that a block's counts can be borrowed at once.
        to.columns = blocks * BLOCK;
        let parts = self.rows.div_ceil(PART);
        to.counts.clear();
        to.counts.resize(parts * to.columns, 0);
        let room = parts * to.columns * PART;
        if to.places.len() < room {
            to.places.resize(room, 0);
            to.values.resize(room, E::ZERO);
        }
        for row in 0..self.rows {
            for block in 0..blocks {
                let first = row / PART * to.columns + block * BLOCK;
                let counts = &mut to.counts[first..first + BLOCK];
                let places = &mut to.places[first * PART..(first + BLOCK) * PART];
                let values = &mut to.values[first * PART..(first + BLOCK) * PART];
                for (place, value) in from.list(row * blocks + block).iter() {
                    let at = place * PART + counts[place] as usize;
                    counts[place] += 1;
                    places[at] = (row % PART) as u32;
                    values[at] = value;
                }
            }
        }
    }

    /// The elements of one column in one part of the rows.
    fn column(&self, part: usize, column: usize) -> List<'_, E> {
        let lists = &self.by_column;
        let index = part * lists.columns + column;
        let range = index * PART..index * PART + lists.counts[index] as usize;
        List {
            places: &lists.places[range.clone()],
            values: &lists.values[range],
        }
    }
}

/// Computes y = x · w + bias, with negative results made zero on demand, for the batch that was listed.
///
/// # Shapes
/// w (columns, fan_out), bias (fan_out), y (rows, fan_out).
///
/// # Panics
/// Panics if a slice is too short for the batch.
pub fn forward<E: Element>(
    x: &Foreground<E>,
    (w, bias): (&[E], Option<&[E]>),
    relu: bool,
    y: &mut [E],
    threads: Threads,
) {
    if x.rows == 0 || y.is_empty() {
        return;
    }
    let fan_out = y.len() / x.rows;
    let layer = Layer {
        w: &w[..x.columns * fan_out],
        bias,
        relu,
        fan_out,
    };
    let share = x.rows.div_ceil(threads.count()).max(1);
    if share >= x.rows {
        return E::sparse_forward(x, &layer, 0, y);
    }
    rayon::in_place_scope(|scope| {
        for (k, y) in y.chunks_mut(share * fan_out).enumerate() {
            let layer = &layer;
            scope.spawn(move |_| E::sparse_forward(x, layer, k * share, y));
        }
    });
}

/// A dense layer in its forward pass.
#[derive(Debug)]
pub struct Layer<'a, E> {
    w: &'a [E],
    bias: Option<&'a [E]>,
    relu: bool,
    fan_out: usize,
}

/// Computes dw = xᵀ · dy for the batch that was listed.
///
/// # Shapes
/// dy (rows, fan_out), dw (columns, fan_out).
///
/// # Panics
/// Panics if a slice does not fit the batch.
pub fn weight_gradient<E: Element>(x: &mut Foreground<E>, dy: &[E], dw: &mut [E], threads: Threads) {
    if x.columns == 0 || dw.is_empty() {
        return;
    }
    let fan_out = dw.len() / x.columns;
    let dy = &dy[..x.rows * fan_out];
    let is_narrow = fan_out <= NARROW;
    let grain = if is_narrow { BLOCK } else { 1 };
    if !is_narrow {
        x.index();
    }
    let x = &*x;
    let run = |first: usize, dw: &mut [E]| {
        if x.rows == 0 {
            dw.fill(E::ZERO);
        } else if is_narrow {
            E::sparse_narrow_gradient(x, dy, first / BLOCK, dw);
        } else {
            E::sparse_gradient(x, dy, first, dw);
        }
    };
    let share = x.columns.div_ceil(threads.count()).next_multiple_of(grain);
    if share >= x.columns {
        return run(0, dw);
    }
    rayon::in_place_scope(|scope| {
        for (k, dw) in dw.chunks_mut(share * fan_out).enumerate() {
            let run = &run;
            scope.spawn(move |_| run(k * share, dw));
        }
    });
}

/// The kernels of one element type, on the best instructions that the processor has.
pub trait Sparse: Sized {
    /// Outputs from which a layer is worth the listing of its batch on this processor.
    fn least_outputs() -> usize;
    /// Lists the elements that differ from the background, with their places and what they are above it; says how many.
    ///
    /// # Panics
    /// Panics if there is not as much room for places and values as there are elements.
    fn list_others(x: &[Self], background: Self, places: &mut [u32], values: &mut [Self]) -> usize;
    /// Computes the rows from `first` on that `y` has room for.
    fn sparse_forward(x: &Foreground<Self>, layer: &Layer<'_, Self>, first: usize, y: &mut [Self]);
    /// Computes the gradients of the inputs from `first` on that `dw` has room for.
    fn sparse_gradient(x: &Foreground<Self>, dy: &[Self], first: usize, dw: &mut [Self]);
    /// Computes the gradients of the inputs from block `first` on that `dw` has room for.
    fn sparse_narrow_gradient(x: &Foreground<Self>, dy: &[Self], first: usize, dw: &mut [Self]);
}

impl Sparse for f64 {
    fn least_outputs() -> usize {
        64
    }
    fn list_others(x: &[Self], background: Self, places: &mut [u32], values: &mut [Self]) -> usize {
        portable::list_others(x, background, places, values)
    }
    fn sparse_forward(x: &Foreground<Self>, layer: &Layer<'_, Self>, first: usize, y: &mut [Self]) {
        portable::forward(x, layer, first, y);
    }
    fn sparse_gradient(x: &Foreground<Self>, dy: &[Self], first: usize, dw: &mut [Self]) {
        portable::gradient(x, dy, first, dw);
    }
    fn sparse_narrow_gradient(x: &Foreground<Self>, dy: &[Self], first: usize, dw: &mut [Self]) {
        portable::narrow_gradient(x, dy, first, dw);
    }
}

impl Sparse for f32 {
    fn least_outputs() -> usize {
        if cfg!(target_arch = "x86_64") && instruction_set() == InstructionSet::Avx512 {
            24
        } else {
            64
        }
    }
    fn list_others(x: &[Self], background: Self, places: &mut [u32], values: &mut [Self]) -> usize {
        #[cfg(target_arch = "x86_64")]
        if instruction_set() == InstructionSet::Avx512 {
            // SAFETY: the processor has AVX-512, as just found out.
            return unsafe { avx512::list_others(x, background, places, values) };
        }
        portable::list_others(x, background, places, values)
    }
    fn sparse_forward(x: &Foreground<Self>, layer: &Layer<'_, Self>, first: usize, y: &mut [Self]) {
        #[cfg(target_arch = "x86_64")]
        if instruction_set() == InstructionSet::Avx512 {
            // SAFETY: the processor has AVX-512, as just found out.
            return unsafe { avx512::forward(x, layer, first, y) };
        }
        portable::forward(x, layer, first, y);
    }
    fn sparse_gradient(x: &Foreground<Self>, dy: &[Self], first: usize, dw: &mut [Self]) {
        #[cfg(target_arch = "x86_64")]
        if instruction_set() == InstructionSet::Avx512 {
            // SAFETY: the processor has AVX-512, as just found out.
            return unsafe { avx512::gradient(x, dy, first, dw) };
        }
        portable::gradient(x, dy, first, dw);
    }
    fn sparse_narrow_gradient(x: &Foreground<Self>, dy: &[Self], first: usize, dw: &mut [Self]) {
        #[cfg(target_arch = "x86_64")]
        if instruction_set() == InstructionSet::Avx512 {
            // SAFETY: the processor has AVX-512, as just found out.
            return unsafe { avx512::narrow_gradient(x, dy, first, dw) };
        }
        portable::narrow_gradient(x, dy, first, dw);
    }
}
