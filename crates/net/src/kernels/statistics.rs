//! Column sums and the activation statistics of a block of rows.

use super::Element;

multiversion! {
    /// Sums each column of a matrix, overwriting `sums`.
    ///
    /// # Shapes
    /// values (rows, columns) with columns = sums.len().
    ///
    /// # Method
    /// Rows are added in groups of four and groups in parts of 256 rows, in a fixed order. Narrow
    /// matrices are read as wider ones whose columns are folded at the end.
    pub fn column_sums<E: Element>(values: &[E], sums: &mut [E]) {
        const WIDE: usize = 64;
        let columns = sums.len();
        sums.fill(E::ZERO);
        if columns == 0 {
            return;
        }
        if columns > WIDE / 2 {
            let mut parts = values.chunks(columns * 256);
            if let Some(first) = parts.next() {
                add_rows(first, sums);
            }
            let mut buffer = [E::ZERO; 1024];
            for part in parts {
                add_part(part, sums, &mut buffer);
            }
            return;
        }
        let fold = WIDE / columns;
        let width = fold * columns;
        let mut wide = [E::ZERO; WIDE];
        let mut part_sums = [E::ZERO; WIDE];
        let whole = values.len() / width * width;
        for part in values[..whole].chunks(width * 256) {
            part_sums.fill(E::ZERO);
            add_rows(part, &mut part_sums[..width]);
            for (total, &sum) in wide.iter_mut().zip(&part_sums) {
                *total += sum;
            }
        }
        for group in wide[..width].chunks_exact(columns).chain(values[whole..].chunks_exact(columns)) {
            for (sum, &value) in sums.iter_mut().zip(group) {
                *sum += value;
            }
        }
    }
}

/// Adds the columns of some rows to running sums through a buffer, so that long sums stay exact.
#[inline(always)]
fn add_part<E: Element>(part: &[E], sums: &mut [E], buffer: &mut [E; 1024]) {
    let columns = sums.len();
    if columns > buffer.len() {
        return add_rows(part, sums);
    }
    let buffer = &mut buffer[..columns];
    buffer.fill(E::ZERO);
    add_rows(part, buffer);
    for (sum, &value) in sums.iter_mut().zip(buffer.iter()) {
        *sum += value;
    }
}

/// Adds rows to running sums, four at a time.
#[inline(always)]
fn add_rows<E: Element>(values: &[E], sums: &mut [E]) {
    let columns = sums.len();
    let mut groups = values.chunks_exact(4 * columns);
    for group in groups.by_ref() {
        let (a, rest) = group.split_at(columns);
        let (b, rest) = rest.split_at(columns);
        let (c, d) = rest.split_at(columns);
        for ((((sum, &a), &b), &c), &d) in sums.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            *sum += (a + b) + (c + d);
        }
    }
    for row in groups.remainder().chunks_exact(columns) {
        for (sum, &value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
}

/// Sums over one block of activations, for each column.
#[derive(Clone, Debug, Default)]
pub struct BlockSums<E> {
    /// What was subtracted before the sums were taken.
    shift: Vec<E>,
    sum: Vec<E>,
    square: Vec<E>,
    positive: Vec<E>,
    largest: Vec<E>,
}

/// Mean, spread, firing rate and magnitude of each column over all blocks seen.
///
/// # Method
/// Within a block, sums and sums of squares around the mean known so far (the block's first row at the
/// beginning); blocks are merged in double precision as in Chan, Golub and LeVeque (1979), so
/// that the variance loses no digits.
#[derive(Clone, Debug, Default)]
pub struct ColumnStatistics<E> {
    /// Rows seen.
    pub rows: u64,
    /// Mean of each column.
    pub mean: Vec<f64>,
    /// Sum of squared deviations from the mean of each column.
    pub deviation: Vec<f64>,
    /// Rows in which each column was above zero.
    pub positive: Vec<u64>,
    /// Largest magnitude of each column.
    pub largest: Vec<f64>,
    block: BlockSums<E>,
}

impl<E: Element> ColumnStatistics<E> {
    /// Starts statistics of `columns` columns.
    #[must_use]
    pub fn new(columns: usize) -> Self {
        Self {
            rows: 0,
            mean: vec![0.0; columns],
            deviation: vec![0.0; columns],
            positive: vec![0; columns],
            largest: vec![0.0; columns],
            block: BlockSums {
                shift: vec![E::ZERO; columns],
                sum: vec![E::ZERO; columns],
                square: vec![E::ZERO; columns],
                positive: vec![E::ZERO; columns],
                largest: vec![E::ZERO; columns],
            },
        }
    }

    /// Forgets all rows seen.
    pub fn clear(&mut self) {
        self.rows = 0;
        self.mean.fill(0.0);
        self.deviation.fill(0.0);
        self.positive.fill(0);
        self.largest.fill(0.0);
    }

    /// Takes in a block of rows.
    ///
    /// # Shapes
    /// values (rows, columns).
    pub fn observe(&mut self, values: &[E]) {
        let columns = self.mean.len();
        if columns == 0 {
            return;
        }
        for part in values.chunks(columns * MAX_BLOCK_ROWS) {
            self.observe_part(part);
        }
    }

    /// Population variance of a column, 0 before the first row.
    #[must_use]
    pub fn variance(&self, column: usize) -> f64 {
        if self.rows == 0 {
            0.0
        } else {
            self.deviation[column] / self.rows as f64
        }
    }

    /// Share of rows in which a column was above zero, 0 before the first row.
    #[must_use]
    pub fn firing_rate(&self, column: usize) -> f64 {
        if self.rows == 0 {
            0.0
        } else {
            self.positive[column] as f64 / self.rows as f64
        }
    }

    fn observe_part(&mut self, part: &[E]) {
        let columns = self.mean.len();
        let count = part.len() / columns;
        if count == 0 {
            return;
        }
        if self.rows == 0 {
            self.block.shift.copy_from_slice(&part[..columns]);
        } else {
            for (shift, &mean) in self.block.shift.iter_mut().zip(&self.mean) {
                *shift = E::from_f64(mean);
            }
        }
        accumulate(part, &mut self.block);
        self.merge(count as u64);
    }

    fn merge(&mut self, count: u64) {
        let (old, new) = (self.rows as f64, count as f64);
        let total = old + new;
        for c in 0..self.mean.len() {
            let offset = self.block.sum[c].to_f64() / new;
            let deviation = (self.block.square[c].to_f64() - new * offset * offset).max(0.0);
            let delta = self.block.shift[c].to_f64() + offset - self.mean[c];
            self.mean[c] += delta * new / total;
            self.deviation[c] += deviation + delta * delta * old * new / total;
            self.positive[c] += self.block.positive[c].to_f64() as u64;
            let largest = self.block.largest[c].to_f64();
            if largest > self.largest[c] || largest.is_nan() {
                self.largest[c] = largest;
            }
        }
        self.rows += count;
    }
}

/// Rows of one block at most, so that counts are exact and sums are short in single precision.
const MAX_BLOCK_ROWS: usize = 4096;

multiversion! {
    /// Computes the sums of one block.
    fn accumulate<E: Element>(values: &[E], block: &mut BlockSums<E>) {
        block.sum.fill(E::ZERO);
        block.square.fill(E::ZERO);
        block.positive.fill(E::ZERO);
        block.largest.fill(E::ZERO);
        let columns = block.sum.len();
        let mut pairs = values.chunks_exact(2 * columns);
        for pair in pairs.by_ref() {
            let (a, b) = pair.split_at(columns);
            accumulate_pair(a, b, block);
        }
        let rest = pairs.remainder();
        if !rest.is_empty() {
            accumulate_row(rest, block);
        }
    }
}

#[inline(always)]
fn accumulate_pair<E: Element>(a: &[E], b: &[E], block: &mut BlockSums<E>) {
    let n = a.len();
    let (b, shift) = (&b[..n], &block.shift[..n]);
    let (sum, square) = (&mut block.sum[..n], &mut block.square[..n]);
    let (positive, largest) = (&mut block.positive[..n], &mut block.largest[..n]);
    for i in 0..n {
        let (u, v) = (a[i] - shift[i], b[i] - shift[i]);
        sum[i] += u + v;
        square[i] += u * u + v * v;
        let fired = |x: E| if x > E::ZERO { E::ONE } else { E::ZERO };
        positive[i] += fired(a[i]) + fired(b[i]);
        largest[i] = largest[i].greater(a[i].abs()).greater(b[i].abs());
    }
}

#[inline(always)]
fn accumulate_row<E: Element>(row: &[E], block: &mut BlockSums<E>) {
    for (i, &x) in row.iter().enumerate().take(block.sum.len()) {
        let u = x - block.shift[i];
        block.sum[i] += u;
        block.square[i] += u * u;
        block.positive[i] += if x > E::ZERO { E::ONE } else { E::ZERO };
        block.largest[i] = block.largest[i].greater(x.abs());
    }
}
