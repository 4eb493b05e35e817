//! Register-blocked AVX-512 micro-kernels for single-precision products.
//!
//! # Method
//! A tile of the result, up to 12 × 16, 12 × 32, 8 × 48 or 6 × 64 elements, stays in vector
//! registers over the whole sum. Each term multiplies a broadcast element of the left
//! operand by a contiguous run of the right one. The right operand is copied into
//! a contiguous panel of up to 64 columns (and transposed where its columns are
//! contiguous) unless it is narrow enough to be one already; the left one is read in place.
//! Sums longer than [`MAX_INNER`] are split at fixed places. Within a part every element is
//! one chain of fused multiply-adds in the order of the sum, so neither the tile's shape
//! nor the thread count changes a bit of the result.

use std::arch::x86_64::{
    __m512, __mmask16, _MM_HINT_T0, _mm_prefetch, _mm512_add_ps, _mm512_castpd_ps, _mm512_castps_pd, _mm512_fmadd_ps,
    _mm512_loadu_ps, _mm512_mask_storeu_ps, _mm512_maskz_loadu_ps, _mm512_max_ps, _mm512_set1_ps, _mm512_setzero_ps,
    _mm512_shuffle_f32x4, _mm512_storeu_ps, _mm512_unpackhi_pd, _mm512_unpackhi_ps, _mm512_unpacklo_pd,
    _mm512_unpacklo_ps,
};
use std::cell::RefCell;

use super::product::{Epilogue, Operands, Threads};
use super::simd::{InstructionSet, instruction_set};

/// Elements of one vector register.
const LANES: usize = 16;
/// Columns of the widest tile.
pub const PANEL: usize = 64;
/// Products of at most this many rows read the right operand in place.
pub const FEW_ROWS: usize = 32;
/// Longest sum that one pass over a panel takes.
pub const MAX_INNER: usize = 512;
/// Elements of the left operand that one pass should keep in the second-level cache.
const LEFT_BUDGET: usize = 128 * 1024;
/// Products below this many multiply-adds run on one thread.
const PARALLEL_FROM: usize = 1 << 20;

/// Says whether the micro-kernels know these operands' strides and this processor.
pub fn can_compute(operands: &Operands<'_, f32>) -> bool {
    let unit = |row: usize, column: usize| row == 1 || column == 1;
    instruction_set() == InstructionSet::Avx512
        && unit(operands.left.row_stride, operands.left.column_stride)
        && unit(operands.right.row_stride, operands.right.column_stride)
}

/// A product in raw pointers, so that threads can share the result's disjoint blocks.
#[derive(Clone, Copy)]
struct Job {
    rows: usize,
    columns: usize,
    inner: usize,
    left: *const f32,
    left_row: usize,
    left_column: usize,
    right: *const f32,
    right_row: usize,
    right_column: usize,
    out: *mut f32,
    out_row: usize,
    accumulate: bool,
    /// Null where there is no bias.
    bias: *const f32,
    relu: bool,
}

// SAFETY: a job's operands are only read, and jobs that run at the same time write disjoint blocks of the result.
unsafe impl Send for Job {}

impl Job {
    /// Restricts the job to some columns.
    fn columns(mut self, from: usize, count: usize) -> Self {
        self.right = self.right.wrapping_add(from * self.right_column);
        self.out = self.out.wrapping_add(from);
        if !self.bias.is_null() {
            self.bias = self.bias.wrapping_add(from);
        }
        self.columns = count;
        self
    }

    /// Restricts the job to some rows.
    fn rows(mut self, from: usize, count: usize) -> Self {
        self.left = self.left.wrapping_add(from * self.left_row);
        self.out = self.out.wrapping_add(from * self.out_row);
        self.rows = count;
        self
    }

    /// Restricts the job to some terms of each sum.
    fn terms(mut self, from: usize, count: usize) -> Self {
        self.left = self.left.wrapping_add(from * self.left_column);
        self.right = self.right.wrapping_add(from * self.right_row);
        self.accumulate |= from > 0;
        if from + count < self.inner {
            self.bias = std::ptr::null();
            self.relu = false;
        }
        self.inner = count;
        self
    }
}

/// Computes a product on a processor with AVX-512.
///
/// # Panics
/// Panics if a slice does not span its matrix, or if [`can_compute`] says no.
pub fn product(operands: Operands<'_, f32>, epilogue: Epilogue<'_, f32>, threads: Threads) {
    operands.assert_valid();
    assert!(can_compute(&operands), "no micro-kernel for these operands");
    let bias = epilogue.bias.map_or(std::ptr::null(), |bias| {
        assert!(
            bias.len() >= operands.columns,
            "bias is shorter than a row of the result"
        );
        bias.as_ptr()
    });
    let job = Job {
        rows: operands.rows,
        columns: operands.columns,
        inner: operands.inner,
        left: operands.left.data.as_ptr(),
        left_row: operands.left.row_stride,
        left_column: operands.left.column_stride,
        right: operands.right.data.as_ptr(),
        right_row: operands.right.row_stride,
        right_column: operands.right.column_stride,
        out: operands.out.as_mut_ptr(),
        out_row: operands.out_stride,
        accumulate: operands.accumulate,
        bias,
        relu: epilogue.relu,
    };
    if job.rows > 0 && job.columns > 0 {
        distribute(job, threads.count());
    }
}

/// Splits a job among threads by columns where there are enough panels, else by rows.
fn distribute(job: Job, threads: usize) {
    if threads == 1 || job.rows * job.columns * job.inner.max(1) < PARALLEL_FROM {
        return run(job);
    }
    let by_columns = job.columns >= threads * PANEL;
    let (length, grain) = if by_columns {
        (job.columns, PANEL)
    } else {
        (job.rows, 24)
    };
    let share = length.div_ceil(threads).next_multiple_of(grain);
    rayon::in_place_scope(|scope| {
        for from in (0..length).step_by(share) {
            let count = share.min(length - from);
            let part = if by_columns {
                job.columns(from, count)
            } else {
                job.rows(from, count)
            };
            scope.spawn(move |_| run(part));
        }
    });
}

thread_local! {
    /// Each thread's panel of the right operand, at most `MAX_INNER` × `PANEL` elements.
    static PANEL_BUFFER: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// Runs a job on this thread.
fn run(job: Job) {
    let direct = job.right_column == 1 && (job.columns <= PANEL || job.rows <= FEW_ROWS);
    let passes = job.inner.div_ceil(MAX_INNER).max(1);
    let terms = job.inner.div_ceil(passes).max(1);
    let block = (LEFT_BUDGET / terms).clamp(96, 1 << 20) / 24 * 24;
    PANEL_BUFFER.with_borrow_mut(|buffer| {
        if !direct && buffer.len() < terms * PANEL + LANES {
            buffer.resize(terms * PANEL + LANES, 0.0);
        }
        let skip = buffer.as_ptr().align_offset(64).min(LANES);
        let mut from = 0;
        while from == 0 || from < job.inner {
            let pass = job.terms(from, terms.min(job.inner - from));
            for row in (0..pass.rows).step_by(block) {
                let pass = pass.rows(row, block.min(pass.rows - row));
                let panel = if direct { None } else { Some(&mut buffer[skip..]) };
                run_block(pass, panel);
            }
            from += terms;
        }
    });
}

/// Runs all columns of a block of rows, whose left operand stays in cache.
fn run_block(job: Job, mut panel: Option<&mut [f32]>) {
    for column in (0..job.columns).step_by(PANEL) {
        let width = PANEL.min(job.columns - column);
        let mut strip = job.columns(column, width);
        if let Some(buffer) = panel.as_deref_mut() {
            let vectors = width.div_ceil(LANES);
            assert!(job.inner * vectors * LANES <= buffer.len(), "panel fits its buffer");
            // SAFETY: the processor has AVX-512 (checked in `product`), the strip lies
            // within the right operand, and the buffer holds inner × vectors × LANES elements.
            unsafe { pack(&strip, vectors, buffer.as_mut_ptr()) };
            strip.right = buffer.as_ptr();
            strip.right_row = vectors * LANES;
            strip.right_column = 1;
        }
        run_strip(&strip);
    }
}

/// Copies a strip of the right operand into a panel whose rows hold `vectors` registers.
///
/// # Safety
/// The processor has AVX-512F. The strip's right operand can be read at all `inner` × `columns` places that its strides
/// give, one of which is 1; `vectors` registers hold a row of it; and `panel` can be written for inner × vectors × 16 elements.
#[target_feature(enable = "avx512f")]
unsafe fn pack(strip: &Job, vectors: usize, panel: *mut f32) {
    let width = strip.columns;
    let row = vectors * LANES;
    for vector in 0..vectors {
        let lanes = LANES.min(width - vector * LANES);
        let to = panel.wrapping_add(vector * LANES);
        let from = strip.right.wrapping_add(vector * LANES * strip.right_column);
        if strip.right_column == 1 {
            let mask = lane_mask(lanes);
            for p in 0..strip.inner {
                // SAFETY: row p < inner and the masked lanes lie within the operand; the
                // caller promises a panel of inner rows of `row` elements.
                unsafe {
                    let value = _mm512_maskz_loadu_ps(mask, from.add(p * strip.right_row));
                    _mm512_storeu_ps(to.add(p * row), value);
                }
            }
        } else {
            // SAFETY: as above; here row j of the operand's transpose is contiguous.
            unsafe { pack_transposed(from, strip.right_column, lanes, strip.inner, to, row) };
        }
    }
}

/// Transposes `lanes` contiguous runs of `inner` elements into a column of vectors.
///
/// # Safety
/// The processor has AVX-512F and `lanes` is at most 16. `inner` elements can be read from each of `from + j·stride` with
/// j < lanes, and 16 elements can be written to each of `to + p·row` with p < inner.
#[target_feature(enable = "avx512f")]
unsafe fn pack_transposed(from: *const f32, stride: usize, lanes: usize, inner: usize, to: *mut f32, row: usize) {
    for p in (0..inner).step_by(LANES) {
        let count = LANES.min(inner - p);
        let mask = lane_mask(count);
        let mut block = [_mm512_setzero_ps(); LANES];
        for (j, vector) in block.iter_mut().enumerate().take(lanes) {
            // SAFETY: run j < lanes lies within the operand, and the mask keeps to its end.
            *vector = unsafe { _mm512_maskz_loadu_ps(mask, from.add(j * stride + p)) };
        }
        let block = transpose(block);
        for (i, vector) in block.iter().enumerate().take(count) {
            // SAFETY: row p + i < inner of the panel.
            unsafe { _mm512_storeu_ps(to.add((p + i) * row), *vector) };
        }
    }
}

/// Transposes 16 × 16 elements in registers.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose(a: [__m512; LANES]) -> [__m512; LANES] {
    let mut b = a;
    for i in 0..8 {
        b[2 * i] = _mm512_unpacklo_ps(a[2 * i], a[2 * i + 1]);
        b[2 * i + 1] = _mm512_unpackhi_ps(a[2 * i], a[2 * i + 1]);
    }
    // c[4g + q] holds column 4l + q of rows 4g..4g+4 in its 128-bit lane l.
    let mut c = b;
    for g in 0..4 {
        for h in 0..2 {
            let (x, y) = (_mm512_castps_pd(b[4 * g + h]), _mm512_castps_pd(b[4 * g + 2 + h]));
            c[4 * g + 2 * h] = _mm512_castpd_ps(_mm512_unpacklo_pd(x, y));
            c[4 * g + 2 * h + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(x, y));
        }
    }
    let mut out = c;
    for q in 0..4 {
        let low01 = _mm512_shuffle_f32x4::<0x44>(c[q], c[4 + q]);
        let high01 = _mm512_shuffle_f32x4::<0xEE>(c[q], c[4 + q]);
        let low23 = _mm512_shuffle_f32x4::<0x44>(c[8 + q], c[12 + q]);
        let high23 = _mm512_shuffle_f32x4::<0xEE>(c[8 + q], c[12 + q]);
        out[q] = _mm512_shuffle_f32x4::<0x88>(low01, low23);
        out[4 + q] = _mm512_shuffle_f32x4::<0xDD>(low01, low23);
        out[8 + q] = _mm512_shuffle_f32x4::<0x88>(high01, high23);
        out[12 + q] = _mm512_shuffle_f32x4::<0xDD>(high01, high23);
    }
    out
}

/// Sets the lowest `lanes` bits.
fn lane_mask(lanes: usize) -> __mmask16 {
    if lanes >= LANES { u16::MAX } else { (1 << lanes) - 1 }
}

/// Runs one strip of at most [`PANEL`] columns, tile by tile.
fn run_strip(strip: &Job) {
    let vectors = strip.columns.div_ceil(LANES);
    let mask = lane_mask(strip.columns - (vectors - 1) * LANES);
    // Rows a multiple of 2 KiB apart compete for the same few lines of the first-level cache.
    let crowded = strip.left_column == 1 && strip.left_row.is_multiple_of(512);
    let tallest = if crowded { 6 } else { [12, 12, 8, 6][vectors - 1] };
    let tiles = strip.rows.div_ceil(tallest);
    let (height, taller) = (strip.rows / tiles, strip.rows % tiles);
    let mut row = 0;
    for tile in 0..tiles {
        let count = height + usize::from(tile < taller);
        let job = strip.rows(row, count);
        // SAFETY: the processor has AVX-512 (checked in `product`), and the tile of
        // `count` rows and these columns lies within the operands and the result.
        unsafe { run_tile(&job, count, vectors, mask) };
        row += count;
    }
}

/// Calls the micro-kernel of this height, width and layout of the left operand.
///
/// # Safety
/// As for [`tile`] with `H` = height and `V` = vectors.
#[target_feature(enable = "avx512f")]
unsafe fn run_tile(job: &Job, height: usize, vectors: usize, mask: __mmask16) {
    macro_rules! call {
        ($($h:literal x $v:literal),* $(,)?) => {
            match (height, vectors) {
                $(($h, $v) => {
                    // SAFETY: the caller's promise, for exactly this height and width.
                    if job.left_column == 1 {
                        unsafe { tile::<$h, $v, true>(job, mask) }
                    } else {
                        unsafe { tile::<$h, $v, false>(job, mask) }
                    }
                })*
                _ => unreachable!("no tile has {height} rows and {vectors} vectors"),
            }
        };
    }
    call!(
        1 x 1, 2 x 1, 3 x 1, 4 x 1, 5 x 1, 6 x 1, 7 x 1, 8 x 1, 9 x 1, 10 x 1, 11 x 1, 12 x 1,
        1 x 2, 2 x 2, 3 x 2, 4 x 2, 5 x 2, 6 x 2, 7 x 2, 8 x 2, 9 x 2, 10 x 2, 11 x 2, 12 x 2,
        1 x 3, 2 x 3, 3 x 3, 4 x 3, 5 x 3, 6 x 3, 7 x 3, 8 x 3,
        1 x 4, 2 x 4, 3 x 4, 4 x 4, 5 x 4, 6 x 4,
    );
}

/// Computes one tile of `H` rows and `V` vectors, the last of them masked.
///
/// `ALONG` says that the left operand's rows are contiguous; otherwise its columns are.
///
/// # Safety
/// The processor has AVX-512F. The job has `H` rows and 16·(V − 1) + (number of lanes set in `mask`) columns; its left operand
/// can be read for H × inner elements, its right one, whose rows are contiguous, for inner × columns, and its bias, if
/// there is one, for `columns`; its result can be read and written for H × columns, by nobody else meanwhile.
#[target_feature(enable = "avx512f")]
unsafe fn tile<const H: usize, const V: usize, const ALONG: bool>(job: &Job, mask: __mmask16) {
    let mut sums = [[_mm512_setzero_ps(); V]; H];
    let mut right = job.right;
    let mut left = job.left;
    let step = if ALONG { 1 } else { job.left_column };
    let across = if ALONG { job.left_row } else { 1 };
    for _ in 0..job.inner {
        // SAFETY: term p < inner lies within both operands; the mask keeps the last
        // vector to the operand's columns.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(right.wrapping_add(8 * job.right_row).cast());
            let mut terms = [_mm512_setzero_ps(); V];
            for (v, term) in terms.iter_mut().enumerate().take(V - 1) {
                *term = _mm512_loadu_ps(right.add(v * LANES));
            }
            terms[V - 1] = _mm512_maskz_loadu_ps(mask, right.add((V - 1) * LANES));
            for (h, row) in sums.iter_mut().enumerate() {
                let factor = _mm512_set1_ps(*left.add(h * across));
                for (sum, term) in row.iter_mut().zip(terms) {
                    *sum = _mm512_fmadd_ps(factor, term, *sum);
                }
            }
            left = left.wrapping_add(step);
            right = right.wrapping_add(job.right_row);
        }
    }
    for (h, row) in sums.iter().enumerate() {
        // SAFETY: row h of the tile lies within the result, and the caller says that
        // all vectors but the last are whole.
        unsafe { store(job, row, h, mask) };
    }
}

/// Adds what the epilogue asks for to one row of a tile and stores it.
///
/// # Safety
/// As for [`tile`], for row `h` of the result.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn store<const V: usize>(job: &Job, row: &[__m512; V], h: usize, mask: __mmask16) {
    for (v, &sum) in row.iter().enumerate() {
        let mask = if v + 1 == V { mask } else { u16::MAX };
        let mut sum = sum;
        // SAFETY: the masked lanes lie within the result's row and within the bias.
        unsafe {
            let to = job.out.add(h * job.out_row + v * LANES);
            if job.accumulate {
                sum = _mm512_add_ps(_mm512_maskz_loadu_ps(mask, to), sum);
            }
            if !job.bias.is_null() {
                sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(mask, job.bias.add(v * LANES)));
            }
            if job.relu {
                // The second operand wins where one is NaN, so that NaN passes.
                sum = _mm512_max_ps(_mm512_setzero_ps(), sum);
            }
            _mm512_mask_storeu_ps(to, mask, sum);
        }
    }
}
