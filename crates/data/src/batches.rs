//! The order in which an epoch visits the examples.

use espalier_seed::Stream;

/// One epoch's order of rows, cut into batches.
///
/// The order is made once; walking through it allocates nothing. [`Batches::position`] and
/// [`Batches::seek`] save and restore the place for checkpoints: the order itself comes back
/// from the state of the stream that it was drawn from.
///
/// # Example
/// ```
/// use espalier_data::Batches;
/// use espalier_seed::Seed;
/// let mut epoch = Batches::shuffled(10, 4, &mut Seed::new(1).named("shuffle").stream());
/// let mut rows = Vec::new();
/// while let Some(batch) = epoch.next_batch() {
///     rows.extend_from_slice(batch);
/// }
/// rows.sort_unstable();
/// assert_eq!(rows, (0..10).collect::<Vec<_>>());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batches {
    order: Vec<u32>,
    batch: usize,
    drop_last: bool,
    position: usize,
}

impl Batches {
    /// Visits `len` rows in their own order, `batch` at a time; a batch of 0 counts as 1.
    ///
    /// # Panics
    /// Panics when `len` exceeds 2³² rows.
    #[must_use]
    pub fn sequential(len: usize, batch: usize) -> Self {
        let len = u32::try_from(len).expect("a set of more than 2^32 rows does not fit in memory");
        Self {
            order: (0..len).collect(),
            batch: batch.max(1),
            drop_last: false,
            position: 0,
        }
    }

    /// Visits `len` rows in a random order, the one of [`Stream::permutation`].
    ///
    /// # Panics
    /// Panics when `len` exceeds 2³² rows.
    #[must_use]
    pub fn shuffled(len: usize, batch: usize, stream: &mut Stream) -> Self {
        let mut batches = Self::sequential(len, batch);
        stream.shuffle(&mut batches.order);
        batches
    }

    /// Leaves out a last batch that is not full, or keeps it, which is the default.
    #[must_use]
    pub fn dropping_last(mut self, drop: bool) -> Self {
        self.drop_last = drop;
        self
    }

    /// Begins another epoch in an order drawn anew, without allocation.
    ///
    /// The new order depends on the stream alone and not on the old order.
    pub fn reshuffle(&mut self, stream: &mut Stream) {
        for (row, slot) in (0_u32..).zip(self.order.iter_mut()) {
            *slot = row;
        }
        stream.shuffle(&mut self.order);
        self.position = 0;
    }

    /// Counts the batches of the epoch.
    #[must_use]
    pub fn len(&self) -> usize {
        if self.drop_last {
            self.order.len() / self.batch
        } else {
            self.order.len().div_ceil(self.batch)
        }
    }

    /// Says whether the epoch has no batch.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives the rows of the batch with the given number, or `None` beyond the last one.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<&[u32]> {
        if number >= self.len() {
            return None;
        }
        let start = number * self.batch;
        let end = (start + self.batch).min(self.order.len());
        Some(&self.order[start..end])
    }

    /// Gives the rows of the next batch and moves on, or `None` at the end of the epoch.
    pub fn next_batch(&mut self) -> Option<&[u32]> {
        let number = self.position;
        if number < self.len() {
            self.position += 1;
        }
        self.get(number)
    }

    /// Visits every batch of the epoch from the first, whatever the position.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u32]> {
        let kept = if self.drop_last {
            self.len() * self.batch
        } else {
            self.order.len()
        };
        self.order[..kept].chunks(self.batch)
    }

    /// Says how many batches have been given.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// Goes to the batch with the given number; beyond the last one means the end.
    pub fn seek(&mut self, position: usize) {
        self.position = position.min(self.len());
    }
}

#[cfg(test)]
mod tests {
    use espalier_seed::Seed;

    use super::*;

    #[test]
    fn the_last_short_batch_is_kept_or_dropped_as_asked() {
        let kept: Vec<usize> = Batches::sequential(10, 4).iter().map(<[u32]>::len).collect();
        assert_eq!(kept, [4, 4, 2]);
        let dropped = Batches::sequential(10, 4).dropping_last(true);
        assert_eq!(dropped.iter().map(<[u32]>::len).collect::<Vec<_>>(), [4, 4]);
        assert_eq!(dropped.len(), 2);
        assert!(Batches::sequential(3, 4).dropping_last(true).is_empty());
        assert!(Batches::sequential(0, 4).is_empty());
    }

    #[test]
    fn an_epoch_visits_every_row_once_in_the_streams_permutation() {
        let seed = Seed::new(4);
        let epoch = Batches::shuffled(101, 7, &mut seed.stream());
        let rows: Vec<usize> = epoch.iter().flatten().map(|&row| row as usize).collect();
        assert_eq!(rows, seed.stream().permutation(101));
    }

    #[test]
    fn a_position_sought_again_goes_on_with_the_same_batches() {
        let seed = Seed::new(4);
        let mut epoch = Batches::shuffled(50, 8, &mut seed.stream());
        epoch.next_batch();
        epoch.next_batch();
        let mut resumed = Batches::shuffled(50, 8, &mut seed.stream());
        resumed.seek(epoch.position());
        for _ in 0..5 {
            assert_eq!(epoch.next_batch(), resumed.next_batch());
        }
        assert_eq!(epoch.next_batch(), None);
        assert_eq!(epoch.position(), 7);
        resumed.seek(100);
        assert_eq!(resumed.position(), 7);
    }

    #[test]
    fn a_reshuffled_order_depends_on_the_stream_alone() {
        let seed = Seed::new(8);
        let mut walked = Batches::shuffled(30, 4, &mut seed.index(0).stream());
        walked.next_batch();
        walked.reshuffle(&mut seed.index(1).stream());
        assert_eq!(walked, Batches::shuffled(30, 4, &mut seed.index(1).stream()));
    }
}
