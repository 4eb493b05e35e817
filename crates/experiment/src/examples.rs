//! A digest of a data set as trials see it: split, normalised, in order.

use espalier_data::{Dataset, Examples, Split, Targets};
use sha2::{Digest, Sha256};

use crate::Loaded;
use crate::identity::hex;

/// Every so many rows one is digested: enough to notice another transform, order, split or kind of targets, since these
/// concern all rows, and a hundredth of a second for 70 000 images.
const STRIDE: usize = 16;

/// Digests the examples of a data set; its content checksum for one that is not loaded.
pub(crate) fn digest(loaded: &Loaded) -> String {
    loaded
        .dataset
        .as_deref()
        .map_or_else(|| loaded.content.clone(), of_dataset)
}

fn of_dataset(dataset: &Dataset) -> String {
    let mut hasher = Sha256::new();
    for split in [Split::Train, Split::Validation, Split::Test] {
        feed(&mut hasher, dataset.split(split));
    }
    hex(&hasher.finalize())
}

fn feed(hasher: &mut Sha256, examples: &Examples) {
    let mut number = |value: u64| hasher.update(value.to_le_bytes());
    number(examples.len() as u64);
    number(examples.width() as u64);
    let mut bytes = Vec::with_capacity(4 * examples.width());
    for row in (0..examples.len()).step_by(STRIDE) {
        bytes.clear();
        bytes.extend(examples.row(row).iter().flat_map(|value| value.to_le_bytes()));
        hasher.update(&bytes);
    }
    match examples.targets() {
        Targets::Classes(classes) => classes.iter().for_each(|class| hasher.update(class.to_le_bytes())),
        Targets::Values { values, .. } => values.iter().for_each(|value| hasher.update(value.to_le_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use espalier_data::{LoadOptions, SplitSizes, TransformChoice, stand_in};

    fn drawn(options: &LoadOptions) -> Dataset {
        let sizes = SplitSizes {
            train: 40,
            validation: 20,
            test: 20,
        };
        stand_in("mnist", sizes, options).unwrap()
    }

    fn digest_of(dataset: Dataset) -> String {
        digest(&Loaded::from(Arc::new(dataset)))
    }

    #[test]
    fn transform_seed_order_and_split_change_the_digest() {
        let usual = || drawn(&LoadOptions::default());
        let base = digest_of(usual());
        assert_eq!(digest_of(usual()), base);
        let centred = drawn(&LoadOptions {
            transform: Some(TransformChoice::Centre),
            ..LoadOptions::default()
        });
        let other = drawn(&LoadOptions {
            seed: 1,
            ..LoadOptions::default()
        });
        let mut turned = usual();
        turned.train = turned.train.select(&(0..40).rev().collect::<Vec<_>>());
        let mut swapped = usual();
        std::mem::swap(&mut swapped.validation, &mut swapped.test);
        let mut shorter = usual();
        shorter.train = shorter.train.select(&(0..39).collect::<Vec<_>>());
        for changed in [centred, other, turned, swapped, shorter] {
            assert_ne!(digest_of(changed), base);
        }
    }

    #[test]
    fn data_that_is_not_loaded_is_known_by_its_content() {
        let mut loaded = Loaded::from(Arc::new(drawn(&LoadOptions::default())));
        loaded.dataset = None;
        assert_eq!(digest(&loaded), loaded.content);
    }
}
