//! The panels of the `sparse` module in single precision, on vectors of 16 elements.
//!
//! Each sum is a few chains of fused multiply-adds over interleaved elements of a list, which are added at its end:
//! as many as hide the latency of one behind the others.

use std::arch::x86_64::{
    __m512, __mmask16, _CMP_NEQ_UQ, _MM_HINT_T1, _mm_prefetch, _mm512_add_epi32, _mm512_add_ps, _mm512_fmadd_ps,
    _mm512_loadu_ps, _mm512_mask_cmp_ps_mask, _mm512_mask_storeu_epi32, _mm512_mask_storeu_ps,
    _mm512_maskz_compress_epi32, _mm512_maskz_compress_ps, _mm512_maskz_loadu_ps, _mm512_max_ps, _mm512_set1_epi32,
    _mm512_set1_ps, _mm512_setr_epi32, _mm512_setzero_ps, _mm512_storeu_ps, _mm512_sub_ps,
};

use super::{BLOCK, Foreground, Layer, List, NARROW, PART};
use crate::kernels::simd::LANES;

/// Neighbouring elements of one row.
type Vectors<const V: usize> = [__m512; V];

/// What a panel is made of, aligned so that no load crosses a line of the cache.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Cell([f32; LANES]);

const EMPTY: Cell = Cell([0.0; LANES]);

/// The widest panel, in vectors.
const WIDEST: usize = 4;
const _: () = assert!(NARROW <= WIDEST * LANES, "one panel holds a narrow layer");

/// Lists what differs from the background.
///
/// # Safety
/// The processor has AVX-512.
///
/// # Panics
/// Panics if there is not as much room for places and values as there are elements.
#[target_feature(enable = "avx512f")]
pub unsafe fn list_others(x: &[f32], background: f32, places: &mut [u32], values: &mut [f32]) -> usize {
    let (places, values) = (&mut places[..x.len()], &mut values[..x.len()]);
    let background = _mm512_set1_ps(background);
    let mut place = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    let mut count = 0;
    for part in x.chunks(LANES) {
        let mask = last_mask::<1>(part.len());
        // SAFETY: the mask keeps to the part's end. `count` is at most the number of elements before
        // this part, so that as many places and values as the part has elements lie behind it.
        unsafe {
            let part = _mm512_maskz_loadu_ps(mask, part.as_ptr());
            let others = _mm512_mask_cmp_ps_mask::<_CMP_NEQ_UQ>(mask, part, background);
            let value = _mm512_maskz_compress_ps(others, _mm512_sub_ps(part, background));
            _mm512_mask_storeu_ps(values.as_mut_ptr().add(count), mask, value);
            let at = places.as_mut_ptr().add(count).cast();
            _mm512_mask_storeu_epi32(at, mask, _mm512_maskz_compress_epi32(others, place));
            count += others.count_ones() as usize;
        }
        place = _mm512_add_epi32(place, _mm512_set1_epi32(LANES as i32));
    }
    count
}

/// Calls a function of as many vectors as a panel has, with as many chains as keep it busy.
macro_rules! panels {
    ($panel:ident, $fan_out:expr, |$span:ident| ($($arg:expr),*)) => {
        for from in (0..$fan_out).step_by(WIDEST * LANES) {
            let $span = (from, ($fan_out - from).min(WIDEST * LANES));
            // SAFETY: the caller's promise.
            unsafe {
                match $span.1.div_ceil(LANES) {
                    1 => $panel::<1, 4>($($arg),*),
                    2 => $panel::<2, 2>($($arg),*),
                    3 => $panel::<3, 2>($($arg),*),
                    _ => $panel::<WIDEST, 1>($($arg),*),
                }
            }
        }
    };
}

/// Computes the rows from `first` on that `y` has room for.
///
/// # Safety
/// The processor has AVX-512.
#[target_feature(enable = "avx512f")]
pub unsafe fn forward(x: &Foreground<f32>, layer: &Layer<'_, f32>, first: usize, y: &mut [f32]) {
    panels!(forward_panel, layer.fan_out, |span| (x, layer, span, first, y));
}

/// Computes the gradients of at most 64 weights for each of the blocks from `first` on that `dw` has room for.
///
/// So few fit the first-level cache for a whole block of inputs, so that rows can be added one after the other and
/// no lists by column are needed.
///
/// # Safety
/// The processor has AVX-512.
#[target_feature(enable = "avx512f")]
pub unsafe fn narrow_gradient(x: &Foreground<f32>, dy: &[f32], first: usize, dw: &mut [f32]) {
    let fan_out = dy.len() / x.rows;
    panels!(narrow_panel, fan_out, |span| (x, (dy, span.1), first, dw));
}

/// Computes the gradients of the inputs from `first` on that `dw` has room for.
///
/// # Safety
/// The processor has AVX-512.
#[target_feature(enable = "avx512f")]
pub unsafe fn gradient(x: &Foreground<f32>, dy: &[f32], first: usize, dw: &mut [f32]) {
    let fan_out = dy.len() / x.rows;
    panels!(gradient_panel, fan_out, |span| (x, (dy, fan_out), span, first, dw));
}

/// Computes `width` ≤ 16 · `V` outputs of the rows from `first` on that `y` has room for.
///
/// # Safety
/// The processor has AVX-512.
#[target_feature(enable = "avx512f")]
unsafe fn forward_panel<const V: usize, const CHAINS: usize>(
    x: &Foreground<f32>,
    layer: &Layer<'_, f32>,
    (from, width): (usize, usize),
    first: usize,
    y: &mut [f32],
) {
    let (mask, blocks) = (last_mask::<V>(width), x.blocks());
    let mut panel = [EMPTY; BLOCK * WIDEST];
    let mut shift = [_mm512_setzero_ps(); V];
    for block in 0..blocks {
        let inputs = block * BLOCK..((block + 1) * BLOCK).min(x.columns);
        for (to, input) in panel.chunks_exact_mut(V).zip(inputs) {
            let terms = load::<V>(&layer.w[input * layer.fan_out + from..][..width], mask);
            keep(&terms, to);
            shift = add(shift, terms);
        }
        let is_last = block + 1 == blocks;
        if is_last {
            let bias = layer.bias.map(|bias| load::<V>(&bias[from..from + width], mask));
            shift = scaled(x.background, shift, bias.unwrap_or([_mm512_setzero_ps(); V]));
        }
        for (row, y) in y.chunks_exact_mut(layer.fan_out).enumerate() {
            if !is_last {
                prefetch::<V>(layer, from, (block + 1) * BLOCK + row);
            }
            let list = x.by_row.list((first + row) * blocks + block);
            if list.places.is_empty() && block > 0 && !is_last {
                continue;
            }
            let y = &mut y[from..from + width];
            let mut sums = sum::<V, CHAINS>(&list, &panel);
            if block > 0 {
                sums = add(load::<V>(y, mask), sums);
            }
            if is_last {
                sums = add(sums, shift);
                if layer.relu {
                    // The second operand wins where one is NaN, so that NaN passes.
                    sums = sums.map(|sum| _mm512_max_ps(_mm512_setzero_ps(), sum));
                }
            }
            store(&sums, y, mask);
        }
    }
}

/// Computes `width` ≤ 16 · `V` columns of the gradients of the inputs from `first` on that `dw` has room for.
///
/// # Safety
/// The processor has AVX-512.
#[target_feature(enable = "avx512f")]
unsafe fn gradient_panel<const V: usize, const CHAINS: usize>(
    x: &Foreground<f32>,
    (dy, fan_out): (&[f32], usize),
    (from, width): (usize, usize),
    first: usize,
    dw: &mut [f32],
) {
    let mask = last_mask::<V>(width);
    let mut panel = [EMPTY; PART * WIDEST];
    for (part, dy) in dy.chunks(PART * fan_out).enumerate() {
        let mut common = [_mm512_setzero_ps(); V];
        for (to, dy) in panel.chunks_exact_mut(V).zip(dy.chunks_exact(fan_out)) {
            let terms = load::<V>(&dy[from..from + width], mask);
            keep(&terms, to);
            common = add(common, terms);
        }
        common = scaled(x.background, common, [_mm512_setzero_ps(); V]);
        for (k, dw) in dw.chunks_exact_mut(fan_out).enumerate() {
            let dw = &mut dw[from..from + width];
            let list = x.column(part, first + k);
            let mut sums = add(common, sum::<V, CHAINS>(&list, &panel));
            if part > 0 {
                sums = add(load::<V>(dw, mask), sums);
            }
            store(&sums, dw, mask);
        }
    }
}

/// As [`narrow_gradient`], for `width` ≤ 16 · `V`.
///
/// # Safety
/// The processor has AVX-512.
#[target_feature(enable = "avx512f")]
unsafe fn narrow_panel<const V: usize, const CHAINS: usize>(
    x: &Foreground<f32>,
    (dy, width): (&[f32], usize),
    first: usize,
    dw: &mut [f32],
) {
    let (mask, blocks) = (last_mask::<V>(width), x.blocks());
    let mut common = [_mm512_setzero_ps(); V];
    for dy in dy.chunks_exact(width) {
        common = add(common, load::<V>(dy, mask));
    }
    common = scaled(x.background, common, [_mm512_setzero_ps(); V]);
    for (block, dw) in dw.chunks_mut(BLOCK * width).enumerate() {
        let mut panel = [EMPTY; BLOCK * WIDEST];
        for (row, dy) in dy.chunks_exact(width).enumerate() {
            let dy = load::<V>(dy, mask);
            let list = x.by_row.list(row * blocks + first + block);
            for (&place, &value) in list.places.iter().zip(list.values) {
                let sums = scaled(value, dy, cells::<V>(&panel, place));
                keep(&sums, &mut panel[place as usize * V..][..V]);
            }
        }
        for (place, dw) in dw.chunks_exact_mut(width).enumerate() {
            store(&add(common, cells::<V>(&panel, place as u32)), dw, mask);
        }
    }
}

/// Sums a list's values times their places' rows of a panel.
#[inline]
#[target_feature(enable = "avx512f")]
fn sum<const V: usize, const CHAINS: usize>(list: &List<'_, f32>, panel: &[Cell]) -> Vectors<V> {
    let mut chains = [[_mm512_setzero_ps(); V]; CHAINS];
    let (places, rest_of_places) = list.places.as_chunks::<CHAINS>();
    let (values, rest_of_values) = list.values.as_chunks::<CHAINS>();
    for (places, values) in places.iter().zip(values) {
        for ((chain, &place), &value) in chains.iter_mut().zip(places).zip(values) {
            *chain = scaled(value, cells(panel, place), *chain);
        }
    }
    for ((chain, &place), &value) in chains.iter_mut().zip(rest_of_places).zip(rest_of_values) {
        *chain = scaled(value, cells(panel, place), *chain);
    }
    let [first, others @ ..] = &chains[..] else {
        unreachable!("at least one chain")
    };
    others.iter().fold(*first, |sums, chain| add(sums, *chain))
}

/// Fetches what the panel of the next block will be made of, while this one is in use.
#[inline]
#[target_feature(enable = "avx512f")]
fn prefetch<const V: usize>(layer: &Layer<'_, f32>, from: usize, input: usize) {
    let at = layer.w.as_ptr().wrapping_add(input * layer.fan_out + from);
    for v in 0..V {
        _mm_prefetch::<_MM_HINT_T1>(at.wrapping_add(v * LANES).cast());
    }
}

/// Loads a row of a panel.
#[inline]
#[target_feature(enable = "avx512f")]
fn cells<const V: usize>(panel: &[Cell], place: u32) -> Vectors<V> {
    let row = &panel[place as usize * V..][..V];
    let mut vectors = [_mm512_setzero_ps(); V];
    for (vector, from) in vectors.iter_mut().zip(row) {
        // SAFETY: `from` holds 16 elements.
        *vector = unsafe { _mm512_loadu_ps(from.0.as_ptr()) };
    }
    vectors
}

#[inline]
#[target_feature(enable = "avx512f")]
fn keep<const V: usize>(vectors: &Vectors<V>, to: &mut [Cell]) {
    for (&vector, to) in vectors.iter().zip(to) {
        // SAFETY: `to` holds 16 elements.
        unsafe { _mm512_storeu_ps(to.0.as_mut_ptr(), vector) };
    }
}

/// factor · terms + sums.
#[inline]
#[target_feature(enable = "avx512f")]
fn scaled<const V: usize>(factor: f32, terms: Vectors<V>, mut sums: Vectors<V>) -> Vectors<V> {
    let factor = _mm512_set1_ps(factor);
    for (sum, term) in sums.iter_mut().zip(terms) {
        *sum = _mm512_fmadd_ps(factor, term, *sum);
    }
    sums
}

#[inline]
#[target_feature(enable = "avx512f")]
fn add<const V: usize>(mut a: Vectors<V>, b: Vectors<V>) -> Vectors<V> {
    for (a, b) in a.iter_mut().zip(b) {
        *a = _mm512_add_ps(*a, b);
    }
    a
}

/// The lanes of the last of `V` vectors that `width` elements reach into.
fn last_mask<const V: usize>(width: usize) -> __mmask16 {
    let lanes = width - (V - 1) * LANES;
    if lanes >= LANES { u16::MAX } else { (1 << lanes) - 1 }
}

/// Loads as many elements as the slice has; lanes beyond are zero.
#[inline]
#[target_feature(enable = "avx512f")]
fn load<const V: usize>(from: &[f32], mask: __mmask16) -> Vectors<V> {
    assert!(from.len() > (V - 1) * LANES && mask == last_mask::<V>(from.len()));
    let mut vectors = [_mm512_setzero_ps(); V];
    for (v, vector) in vectors.iter_mut().enumerate() {
        let mask = if v + 1 == V { mask } else { u16::MAX };
        // SAFETY: the masked lanes lie within the slice, as just asserted.
        *vector = unsafe { _mm512_maskz_loadu_ps(mask, from.as_ptr().add(v * LANES)) };
    }
    vectors
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store<const V: usize>(vectors: &Vectors<V>, to: &mut [f32], mask: __mmask16) {
    assert!(to.len() > (V - 1) * LANES && mask == last_mask::<V>(to.len()));
    for (v, &vector) in vectors.iter().enumerate() {
        let mask = if v + 1 == V { mask } else { u16::MAX };
        // SAFETY: the masked lanes lie within the slice, as just asserted.
        unsafe { _mm512_mask_storeu_ps(to.as_mut_ptr().add(v * LANES), mask, vector) };
    }
}
