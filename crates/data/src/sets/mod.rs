//! The sets that are known by name.

pub(crate) mod add10;
mod adult;
mod airfoil;
mod cifar;
mod covtype;
mod from_bytes;
mod images;
mod optdigits;
pub(crate) mod poker;
mod synthetic;
mod table;

pub use from_bytes::from_bytes;

use crate::error::{Error, Result};
use crate::files::Shelf;
use crate::whole::{LoadOptions, Whole};

/// A set: its name, and how it is read.
pub(crate) struct Entry {
    pub name: &'static str,
    /// Other names it answers to.
    aliases: &'static [&'static str],
    /// Whether it holds images of classes, so that `glyphs` may stand in for it.
    pub images: bool,
    pub build: fn(&Shelf<'_>, &LoadOptions) -> Result<Whole>,
}

/// Every set with a line of description, in the order of [`ENTRIES`].
pub(crate) const NAMES: &[(&str, &str)] = &[
    ("mnist", "handwritten digits, 28×28 grey, 60,000 + 10,000"),
    ("fashion-mnist", "articles of clothing, 28×28 grey, 60,000 + 10,000"),
    (
        "glyphs",
        "synthetic digits drawn from strokes, 28×28 grey, 60,000 + 10,000; needs no file",
    ),
    (
        "cifar10",
        "photographs of ten classes, 32×32 colour, up to 50,000 + 10,000",
    ),
    ("optdigits", "optical digits, 8×8 grey, 3,823 + 1,797"),
    (
        "airfoil",
        "airfoil self-noise, 5 features to one value in dB, 1,503 rows",
    ),
    (
        "add10",
        "Friedman's synthetic function of 10 features, noise variance 1; needs no file",
    ),
    (
        "poker-hand",
        "poker hands, one-hot 85 features to 10 classes, 25,010 + up to 1,000,000",
    ),
    ("adult", "census income, 108 features to 2 classes, 32,561 + 16,281"),
    (
        "covtype",
        "forest cover type, 54 features to 7 classes, up to 581,012 rows",
    ),
];

const ENTRIES: &[Entry] = &[
    Entry {
        name: "mnist",
        aliases: &[],
        images: true,
        build: images::mnist,
    },
    Entry {
        name: "fashion-mnist",
        aliases: &["fashion", "fashionmnist"],
        images: true,
        build: images::fashion_mnist,
    },
    Entry {
        name: "glyphs",
        aliases: &[],
        images: true,
        build: synthetic::glyphs,
    },
    Entry {
        name: "cifar10",
        aliases: &["cifar"],
        images: true,
        build: cifar::cifar10,
    },
    Entry {
        name: "optdigits",
        aliases: &[],
        images: true,
        build: optdigits::optdigits,
    },
    Entry {
        name: "airfoil",
        aliases: &[],
        images: false,
        build: airfoil::airfoil,
    },
    Entry {
        name: "add10",
        aliases: &[],
        images: false,
        build: add10::add10,
    },
    Entry {
        name: "poker-hand",
        aliases: &["poker"],
        images: false,
        build: poker::poker_hand,
    },
    Entry {
        name: "adult",
        aliases: &["census"],
        images: false,
        build: adult::adult,
    },
    Entry {
        name: "covtype",
        aliases: &["cover-type"],
        images: false,
        build: covtype::covtype,
    },
];

/// Finds a set by its name or one of its other names; case, `-` and `_` do not matter.
pub(crate) fn entry(name: &str) -> Result<&'static Entry> {
    let plain = |text: &str| text.replace(['-', '_'], "").to_lowercase();
    let asked = plain(name);
    let answers =
        |entry: &&Entry| plain(entry.name) == asked || entry.aliases.iter().any(|alias| plain(alias) == asked);
    ENTRIES.iter().find(answers).ok_or_else(|| Error::UnknownSet {
        name: name.to_owned(),
        known: NAMES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_described_set_can_be_loaded_by_its_name_and_only_those() {
        let described: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
        let loadable: Vec<&str> = ENTRIES.iter().map(|entry| entry.name).collect();
        assert_eq!(described, loadable);
    }

    #[test]
    fn a_set_answers_to_its_other_names() {
        for name in ["fashion", "Fashion_MNIST", "FashionMNIST", "fashion-mnist"] {
            assert_eq!(entry(name).unwrap().name, "fashion-mnist");
        }
        assert_eq!(entry("CIFAR-10").unwrap().name, "cifar10");
        assert_eq!(entry("census").unwrap().name, "adult");
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = entry("imagenet").err().unwrap().to_string();
        assert!(
            error.contains("\"imagenet\"") && error.contains("mnist, fashion-mnist, glyphs"),
            "{error}"
        );
    }
}
