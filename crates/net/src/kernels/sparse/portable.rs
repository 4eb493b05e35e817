//! The panels of the `sparse` module in plain Rust, for every element type and processor.
//!
//! No multiply-add is contracted, so results have the same bits on every instruction set.

use super::{BLOCK, Foreground, Layer, List, PART};
use crate::kernels::activation::relu;
use crate::kernels::element::Element;

/// Outputs that a panel spans.
const WIDTH: usize = 32;

type Panel<E, const ROWS: usize> = [[E; WIDTH]; ROWS];

multiversion! {
    pub fn list_others<E: Element>(x: &[E], background: E, places: &mut [u32], values: &mut [E]) -> usize {
        let (places, values) = (&mut places[..x.len()], &mut values[..x.len()]);
        let mut count = 0;
        for (place, &x) in x.iter().enumerate() {
            // Written always and kept by counting: no branch that the processor would have to guess.
            places[count] = place as u32;
            values[count] = x - background;
            count += usize::from(x != background);
        }
        count
    }
}

multiversion! {
    pub fn forward<E: Element>(x: &Foreground<E>, layer: &Layer<'_, E>, first: usize, y: &mut [E]) {
        let (fan_out, blocks) = (layer.fan_out, x.blocks());
        for from in (0..fan_out).step_by(WIDTH) {
            let span = from..(from + WIDTH).min(fan_out);
            let mut shift = [E::ZERO; WIDTH];
            for block in 0..blocks {
                let mut panel: Panel<E, BLOCK> = [[E::ZERO; WIDTH]; BLOCK];
                let inputs = layer.w[block * BLOCK * fan_out..].chunks_exact(fan_out);
                for (to, w) in panel.iter_mut().zip(inputs) {
                    add(to, &w[span.clone()]);
                    add(&mut shift, to);
                }
                let is_last = block + 1 == blocks;
                if is_last {
                    shift.iter_mut().for_each(|sum| *sum *= x.background);
                    add(&mut shift, layer.bias.map_or(&[], |bias| &bias[span.clone()]));
                }
                for (row, y) in y.chunks_exact_mut(fan_out).enumerate() {
                    let y = &mut y[span.clone()];
                    let mut sums = [E::ZERO; WIDTH];
                    if block > 0 {
                        add(&mut sums, y);
                    }
                    add_list(&mut sums, &x.by_row.list((first + row) * blocks + block), &panel);
                    if is_last {
                        add(&mut sums, &shift);
                        if layer.relu {
                            sums.iter_mut().for_each(|sum| *sum = relu(*sum));
                        }
                    }
                    y.copy_from_slice(&sums[..y.len()]);
                }
            }
        }
    }
}

multiversion! {
    pub fn gradient<E: Element>(x: &Foreground<E>, dy: &[E], first: usize, dw: &mut [E]) {
        let fan_out = dy.len() / x.rows;
        for from in (0..fan_out).step_by(WIDTH) {
            let span = from..(from + WIDTH).min(fan_out);
            for (part, dy) in dy.chunks(PART * fan_out).enumerate() {
                let mut panel: Panel<E, PART> = [[E::ZERO; WIDTH]; PART];
                let mut common = [E::ZERO; WIDTH];
                for (to, dy) in panel.iter_mut().zip(dy.chunks_exact(fan_out)) {
                    add(to, &dy[span.clone()]);
                    add(&mut common, to);
                }
                common.iter_mut().for_each(|sum| *sum *= x.background);
                for (k, dw) in dw.chunks_exact_mut(fan_out).enumerate() {
                    let dw = &mut dw[span.clone()];
                    let mut sums = common;
                    if part > 0 {
                        add(&mut sums, dw);
                    }
                    add_list(&mut sums, &x.column(part, first + k), &panel);
                    dw.copy_from_slice(&sums[..dw.len()]);
                }
            }
        }
    }
}

multiversion! {
    pub fn narrow_gradient<E: Element>(x: &Foreground<E>, dy: &[E], first: usize, dw: &mut [E]) {
        let (fan_out, blocks) = (dy.len() / x.rows, x.blocks());
        dw.fill(E::ZERO);
        for (block, dw) in dw.chunks_mut(BLOCK * fan_out).enumerate() {
            for (row, dy) in dy.chunks_exact(fan_out).enumerate() {
                for (place, value) in x.by_row.list(row * blocks + first + block).iter() {
                    for (sum, &dy) in dw[place * fan_out..(place + 1) * fan_out].iter_mut().zip(dy) {
                        *sum += value * dy;
                    }
                }
            }
        }
        for from in (0..fan_out).step_by(WIDTH) {
            let mut common = [E::ZERO; WIDTH];
            dy.chunks_exact(fan_out).for_each(|dy| add(&mut common, &dy[from..]));
            common.iter_mut().for_each(|sum| *sum *= x.background);
            for dw in dw.chunks_exact_mut(fan_out) {
                for (sum, &common) in dw[from..].iter_mut().zip(&common) {
                    *sum += common;
                }
            }
        }
    }
}

/// Adds a list's values times their places' rows of a panel.
#[inline(always)]
fn add_list<E: Element, const ROWS: usize>(sums: &mut [E; WIDTH], list: &List<'_, E>, panel: &Panel<E, ROWS>) {
    for (place, value) in list.iter() {
        for (sum, &term) in sums.iter_mut().zip(&panel[place]) {
            *sum += value * term;
        }
    }
}

#[inline(always)]
fn add<E: Element>(sums: &mut [E; WIDTH], terms: &[E]) {
    for (sum, &term) in sums.iter_mut().zip(terms) {
        *sum += term;
    }
}
