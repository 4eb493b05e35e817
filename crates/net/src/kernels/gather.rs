//! Batches gathered from a data set by row.

use super::Element;

/// Copies the rows at `indices` one after the other.
///
/// # Shapes
/// source (n, columns), out (indices.len(), columns).
///
/// # Panics
/// Panics if an index is no row or `out` has another length.
pub fn rows<T: Copy>(source: &[T], columns: usize, indices: &[usize], out: &mut [T]) {
    assert_eq!(out.len(), indices.len() * columns, "one output row for each index");
    if columns == 0 {
        return;
    }
    for (to, &index) in out.chunks_exact_mut(columns).zip(indices) {
        to.copy_from_slice(&source[index * columns..(index + 1) * columns]);
    }
}

multiversion! {
    /// Gathers rows of bytes as scale · byte + shift.
    ///
    /// # Shapes
    /// source (n, columns), out (indices.len(), columns).
    ///
    /// # Panics
    /// Panics if an index is no row or `out` has another length.
    pub fn byte_rows<E: Element>(source: &[u8], columns: usize, indices: &[usize], scale: E, shift: E, out: &mut [E]) {
        assert_eq!(out.len(), indices.len() * columns, "one output row for each index");
        if columns == 0 {
            return;
        }
        for (to, &index) in out.chunks_exact_mut(columns).zip(indices) {
            let from = &source[index * columns..(index + 1) * columns];
            for (to, &byte) in to.iter_mut().zip(from) {
                *to = E::from_byte(byte) * scale + shift;
            }
        }
    }
}
