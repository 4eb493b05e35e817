//! Gives buffers whose lifetimes do not overlap the same memory.

/// When a logical buffer is written first and read last, in ticks of a plan's schedule.
#[derive(Clone, Debug)]
pub(super) struct Interval {
    /// Elements per sample.
    pub size: usize,
    /// The tick of the first write.
    pub start: usize,
    /// The tick of the last use.
    pub end: usize,
    /// Intervals that end at `start` and whose memory this one may take over, as indices.
    pub successors_of: Vec<usize>,
}

/// The memory that intervals share.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots {
    /// For each interval, its slot; `usize::MAX` for one of size 0.
    pub of: Vec<usize>,
    /// For each slot, its elements per sample.
    pub sizes: Vec<usize>,
}

/// Assigns slots greedily in order of the first write: an interval takes over the memory of a
/// predecessor where it may, else the smallest free slot that holds it, else the largest free one, which grows.
pub(super) fn assign(intervals: &[Interval]) -> Slots {
    let mut order: Vec<usize> = (0..intervals.len()).collect();
    order.sort_by_key(|&i| (intervals[i].start, i));
    let mut slots = Slots {
        of: vec![usize::MAX; intervals.len()],
        sizes: Vec::new(),
    };
    let mut busy_until: Vec<usize> = Vec::new();
    for index in order {
        let interval = &intervals[index];
        if interval.size == 0 {
            continue;
        }
        let inherited = interval.successors_of.iter().find_map(|&before| {
            let slot = slots.of[before];
            let dies_now = intervals[before].end == interval.start && intervals[before].size == interval.size;
            (slot != usize::MAX && dies_now && busy_until[slot] == interval.start).then_some(slot)
        });
        let free = || (0..busy_until.len()).filter(|&s| busy_until[s] < interval.start);
        let fitting = || {
            free()
                .filter(|&s| slots.sizes[s] >= interval.size)
                .min_by_key(|&s| (slots.sizes[s], s))
        };
        let largest = || free().max_by_key(|&s| (slots.sizes[s], std::cmp::Reverse(s)));
        let slot = inherited.or_else(fitting).or_else(largest).unwrap_or_else(|| {
            slots.sizes.push(0);
            busy_until.push(0);
            slots.sizes.len() - 1
        });
        slots.sizes[slot] = slots.sizes[slot].max(interval.size);
        busy_until[slot] = interval.end;
        slots.of[index] = slot;
    }
    slots.sorted()
}

impl Slots {
    /// Numbers slots from the largest to the smallest, so that plans that share memory share it well.
    fn sorted(self) -> Self {
        let mut order: Vec<usize> = (0..self.sizes.len()).collect();
        order.sort_by_key(|&slot| std::cmp::Reverse(self.sizes[slot]));
        let mut place = vec![usize::MAX; order.len()];
        for (rank, &slot) in order.iter().enumerate() {
            place[slot] = rank;
        }
        let of = self
            .of
            .iter()
            .map(|&slot| place.get(slot).copied().unwrap_or(usize::MAX))
            .collect();
        Self {
            of,
            sizes: order.iter().map(|&slot| self.sizes[slot]).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(size: usize, start: usize, end: usize) -> Interval {
        Interval {
            size,
            start,
            end,
            successors_of: Vec::new(),
        }
    }

    #[test]
    fn a_chain_alternates_between_two_slots() {
        // Value k is written at tick k and read at k + 1: at any tick two are alive.
        let chain: Vec<Interval> = (0..6).map(|k| interval(10, k, k + 1)).collect();
        let slots = assign(&chain);
        assert_eq!(slots.sizes, vec![10, 10]);
        assert_eq!(slots.of, vec![0, 1, 0, 1, 0, 1]);
    }

    #[test]
    fn a_value_takes_over_the_memory_of_one_that_dies() {
        let mut intervals = vec![interval(4, 0, 1), interval(4, 1, 2)];
        assert_eq!(assign(&intervals).sizes.len(), 2);
        intervals[1].successors_of = vec![0];
        assert_eq!(assign(&intervals).sizes, vec![4]);
    }

    #[test]
    fn no_two_values_alive_at_once_share_a_slot() {
        let mut stream = espalier_seed::Seed::new(3).stream();
        for _ in 0..200 {
            let intervals: Vec<Interval> = (0..12)
                .map(|_| {
                    let start = stream.below(10);
                    interval(1 + stream.below(20), start, start + stream.below(6))
                })
                .collect();
            let slots = assign(&intervals);
            for (i, a) in intervals.iter().enumerate() {
                assert!(slots.sizes[slots.of[i]] >= a.size);
                for (j, b) in intervals.iter().enumerate().skip(i + 1) {
                    let overlap = a.start <= b.end && b.start <= a.end;
                    assert!(!(overlap && slots.of[i] == slots.of[j]), "{a:?} {b:?}");
                }
            }
        }
    }
}
