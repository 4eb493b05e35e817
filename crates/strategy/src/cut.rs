//! How an epoch's samples are cut into steps.

use espalier_net::{Network, Statistics};

/// Cuts samples into training steps, so that no step has a single sample where a batch norm needs two.
///
/// # Method
/// Steps take `batch` samples and the last one what is left. A batch norm over single values per sample has no variance for
/// one sample: where the network has such a norm and one sample would be left over, the last `batch + 1` samples are two
/// halves instead, and three samples behind batches of two are one step. All other cuts stay as they are.
///
/// # Example
/// ```
/// use espalier_strategy::BatchCut;
///
/// let plain = BatchCut::new(128, false);
/// let normed = BatchCut::new(128, true);
/// assert_eq!(plain.all(257).collect::<Vec<_>>(), [128, 128, 1]);
/// assert_eq!(normed.all(257).collect::<Vec<_>>(), [128, 65, 64]);
/// assert_eq!(normed.all(258).collect::<Vec<_>>(), [128, 128, 2]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchCut {
    batch: usize,
    needs_two: bool,
}

impl BatchCut {
    /// Cuts into steps of `batch` samples; `needs_two` says that a step of one sample cannot be trained on.
    #[must_use]
    pub fn new(batch: usize, needs_two: bool) -> Self {
        Self {
            batch: batch.max(1),
            needs_two,
        }
    }

    /// Cuts for a network: with a batch norm over one value per sample, steps need two.
    #[must_use]
    pub fn for_network(network: &Network<f32>, batch: usize) -> Self {
        let needs_two = network
            .nodes()
            .iter()
            .any(|node| node.layer().statistics() == Some(Statistics::EachChannel) && node.positions() < 2);
        Self::new(batch, needs_two)
    }

    /// Samples per step.
    #[must_use]
    pub fn batch(self) -> usize {
        self.batch
    }

    /// The largest step that a cut of any number of samples has.
    #[must_use]
    pub fn largest(self) -> usize {
        if self.needs_two { self.batch.max(3) } else { self.batch }
    }

    /// Whether so many samples can be trained on: not one alone, and not one by one, where steps need two.
    #[must_use]
    pub fn is_possible(self, samples: usize) -> bool {
        !self.needs_two || (self.batch > 1 && samples > 1)
    }

    /// Samples of the next step when so many are left.
    #[must_use]
    pub fn next(self, left: usize) -> usize {
        match left {
            3 if self.needs_two && self.batch == 2 => 3,
            _ if self.needs_two && left == self.batch + 1 => left.div_ceil(2),
            _ => left.min(self.batch),
        }
    }

    /// Steps over so many samples.
    #[must_use]
    pub fn steps(self, left: usize) -> usize {
        let joined = self.needs_two && self.batch == 2 && left > 1 && left % 2 == 1;
        left.div_ceil(self.batch) - usize::from(joined)
    }

    /// The sizes of all steps over so many samples.
    pub fn all(self, samples: usize) -> impl Iterator<Item = usize> {
        let mut left = samples;
        std::iter::from_fn(move || {
            let step = self.next(left);
            left -= step;
            (step > 0).then_some(step)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_sample_is_taken_and_none_alone(samples in 2_usize..2000, batch in 2_usize..300) {
            let cut = BatchCut::new(batch, true);
            let sizes: Vec<usize> = cut.all(samples).collect();
            prop_assert_eq!(sizes.iter().sum::<usize>(), samples);
            prop_assert_eq!(sizes.len(), cut.steps(samples));
            prop_assert!(sizes.iter().all(|&size| size >= 2 && size <= cut.largest()), "{:?}", sizes);
        }

        #[test]
        fn only_a_leftover_of_one_changes_the_cut(samples in 1_usize..2000, batch in 1_usize..300) {
            let plain: Vec<usize> = BatchCut::new(batch, false).all(samples).collect();
            let chunks: Vec<usize> = vec![(); samples].chunks(batch).map(<[()]>::len).collect();
            prop_assert_eq!(&plain, &chunks);
            if samples % batch != 1 {
                let careful: Vec<usize> = BatchCut::new(batch, true).all(samples).collect();
                prop_assert_eq!(&careful, &plain);
            }
        }
    }

    #[test]
    fn one_sample_and_steps_of_one_are_impossible_behind_a_batch_norm() {
        assert!(!BatchCut::new(1, true).is_possible(10) && !BatchCut::new(8, true).is_possible(1));
        assert!(BatchCut::new(1, false).is_possible(1) && BatchCut::new(2, true).is_possible(3));
    }
}
