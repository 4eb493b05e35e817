//! Small drawn sets in the shape of real sets.

use espalier_seed::{Seed, Stream};

use crate::encoding::{Inputs, Outputs};
use crate::error::{Error, Result};
use crate::examples::Targets;
use crate::glyphs::{SIDE, draw_glyphs};
use crate::info::Split;
use crate::sets::{add10, poker};
use crate::transform::{Raw, TransformChoice};
use crate::whole::{About, Dataset, Given, Holdout, LoadOptions, Part, Whole};

/// Pixels along each side of a CIFAR-10 image.
const COLOUR_SIDE: usize = 32;
/// Grey values below it are a digit's background.
const INK: u8 = 40;

/// How many rows the splits of a drawn set have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplitSizes {
    /// Rows of the training split.
    pub train: usize,
    /// Rows of the validation split.
    pub validation: usize,
    /// Rows of the test split.
    pub test: usize,
}

/// Draws a small set in the shape of `name`, for trying code at the shapes of real data without its files.
///
/// # Method
/// The digits of `glyphs`. For `mnist` and `glyphs` their background is one value (about four fifths of all pixels, as
/// in MNIST), for `fashion-mnist` a texture covers two fifths of it, so that no value takes two thirds of all pixels;
/// for `cifar10` they stand in colour on a wave, in 32 × 32 × 3. For `add10` rows come from the set's own function, for
/// `poker-hand` from a deck, with straights and flushes among the hands of no worth. The transform is the one that `options` asks for;
/// `options.validation` is not read, as the splits are drawn apart.
///
/// # Errors
/// Fails for other sets, and when the transform does not fit.
pub fn stand_in(name: &'static str, sizes: SplitSizes, options: &LoadOptions) -> Result<Dataset> {
    let look = match name {
        "mnist" | "glyphs" => Look::Digits,
        "fashion-mnist" => Look::Textured,
        "cifar10" => Look::Colour,
        "add10" => Look::Table(&Table {
            draw: add10::some,
            inputs: add10::inputs,
            outputs: add10::outputs,
        }),
        "poker-hand" => Look::Table(&Table {
            draw: poker::some,
            inputs: poker::inputs,
            outputs: poker::outputs,
        }),
        _ => {
            return Err(Error::UnknownSet {
                name: name.to_owned(),
                known:
                    "mnist, fashion-mnist, glyphs, cifar10, add10, poker-hand (those that a drawn set stands in for)"
                        .to_owned(),
            });
        }
    };
    let options = LoadOptions {
        validation: None,
        ..options.clone()
    };
    let part = |split, rows| look.part(options.seed, split, rows);
    let whole = Whole {
        about: look.about(name, options.seed),
        train: part(Split::Train, sizes.train),
        test: part(Split::Test, sizes.test),
        validation: Some(Given {
            part: part(Split::Validation, sizes.validation),
            rule: "given by the official order".to_owned(),
        }),
        holdout: Holdout::Last(0),
        inputs: look.inputs(),
        transform: look.transform(),
    };
    whole.finish(&options)
}

#[derive(Clone, Copy)]
enum Look {
    Digits,
    Textured,
    Colour,
    Table(&'static Table),
}

/// How the rows of a table are drawn, and what they hold.
struct Table {
    draw: fn(usize, &mut Stream) -> Part,
    inputs: fn() -> Inputs,
    outputs: fn() -> Outputs,
}

impl Look {
    fn about(self, name: &'static str, seed: u64) -> About {
        let (title, what, outputs) = match self {
            Self::Table(table) => ("Drawn rows", "rows", (table.outputs)()),
            _ => ("Drawn digits", "digits", Outputs::digits()),
        };
        About {
            name: name.into(),
            title: title.into(),
            source: "drawn by this program".into(),
            content_sha256: format!("drawn in the shape of {name}, seed {seed}"),
            outputs,
            part: None,
            synthetic: Some(format!("{what} drawn in the shape of {name}, seed {seed}")),
            test_rule: "drawn apart".to_owned(),
        }
    }

    fn inputs(self) -> Inputs {
        match self {
            Self::Table(table) => (table.inputs)(),
            Self::Colour => Inputs::image(&[COLOUR_SIDE, COLOUR_SIDE, 3], 255.0),
            Self::Digits | Self::Textured => Inputs::image(&[SIDE, SIDE, 1], 255.0),
        }
    }

    fn transform(self) -> TransformChoice {
        match self {
            Self::Table(_) => TransformChoice::AsIs,
            _ => TransformChoice::MNIST,
        }
    }

    fn part(self, seed: u64, split: Split, rows: usize) -> Part {
        let mut stream = Seed::new(seed).named("stand-in").named(&format!("{split:?}")).stream();
        if let Self::Table(table) = self {
            return (table.draw)(rows, &mut stream);
        }
        let mut glyphs = draw_glyphs(seed, split, rows);
        for pixel in glyphs.pixels.iter_mut().filter(|pixel| **pixel < INK) {
            *pixel = 0;
        }
        let pixels = match self {
            Self::Textured => textured(glyphs.pixels, &mut stream),
            Self::Colour => coloured(&glyphs.pixels, &mut stream),
            Self::Digits | Self::Table(_) => glyphs.pixels,
        };
        Part {
            targets: Targets::Classes(glyphs.labels.iter().map(|&label| u32::from(label)).collect()),
            raw: Raw::Bytes { file: pixels, start: 0 },
        }
    }
}

fn textured(mut pixels: Vec<u8>, stream: &mut Stream) -> Vec<u8> {
    for pixel in pixels.iter_mut().filter(|pixel| **pixel == 0) {
        if stream.below(5) < 2 {
            *pixel = 1 + stream.below(120) as u8;
        }
    }
    pixels
}

fn coloured(grey: &[u8], stream: &mut Stream) -> Vec<u8> {
    const MARGIN: usize = (COLOUR_SIDE - SIDE) / 2;
    let mut pixels = Vec::with_capacity(grey.len() / (SIDE * SIDE) * COLOUR_SIDE * COLOUR_SIDE * 3);
    for image in grey.chunks_exact(SIDE * SIDE) {
        let tint: [usize; 3] = std::array::from_fn(|_| 40 + stream.below(160));
        let slope = [1 + stream.below(6), 1 + stream.below(6)];
        for place in 0..COLOUR_SIDE * COLOUR_SIDE {
            let (y, x) = (place / COLOUR_SIDE, place % COLOUR_SIDE);
            let inside = |at: usize| (MARGIN..MARGIN + SIDE).contains(&at);
            let ink = if inside(y) && inside(x) {
                usize::from(image[(y - MARGIN) * SIDE + x - MARGIN])
            } else {
                0
            };
            let wave = (slope[0] * y + slope[1] * x) % 64;
            let mut shade = |tint: usize| (tint * ink / 255 + wave + stream.below(8)).min(255) as u8;
            pixels.extend(tint.map(&mut shade));
        }
    }
    pixels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::info::TargetKind;

    const SIZES: SplitSizes = SplitSizes {
        train: 120,
        validation: 30,
        test: 20,
    };

    fn drawn(name: &'static str) -> Dataset {
        let options = LoadOptions {
            validation: Some(10_000),
            ..LoadOptions::default()
        };
        stand_in(name, SIZES, &options).unwrap()
    }

    #[test]
    fn a_drawn_set_has_the_shape_and_the_share_of_background_of_the_real_one() {
        // Shares of the real training splits' most frequent pixel: 81 %, 50 % and 1 %.
        for (name, shape, least, most) in [
            ("mnist", vec![28, 28, 1], 0.7, 0.9),
            ("fashion-mnist", vec![28, 28, 1], 0.35, 0.64),
            ("cifar10", vec![32, 32, 3], 0.0, 0.3),
        ] {
            let data = drawn(name);
            assert_eq!(data.info.shape, shape);
            let sizes = [data.train.len(), data.validation.len(), data.test.len()];
            assert_eq!(sizes, [120, 30, 20], "{name}");
            let share = most_frequent(data.train.features());
            assert!((least..most).contains(&share), "{name}: {share}");
        }
    }

    fn most_frequent(features: &[f32]) -> f64 {
        let mut counts = std::collections::BTreeMap::new();
        for value in features {
            *counts.entry(value.to_bits()).or_insert(0_usize) += 1;
        }
        counts.into_values().max().unwrap() as f64 / features.len() as f64
    }

    #[test]
    fn a_drawn_table_has_the_columns_and_targets_of_the_real_one() {
        let draw = |name| stand_in(name, SIZES, &LoadOptions::default()).unwrap();
        let (values, hands) = (draw("add10"), draw("poker-hand"));
        assert_eq!(
            (values.info.features, values.info.targets),
            (10, TargetKind::Regression(1))
        );
        assert_eq!((hands.info.features, hands.info.targets), (85, TargetKind::Classes(10)));
        assert_eq!((values.train.len(), hands.validation.len()), (120, 30));
        assert_ne!(values.train.row(0), values.test.row(0));
        // Five cards, each with one suit and one rank.
        assert_eq!(hands.train.row(3).iter().sum::<f32>(), 10.0);
    }

    #[test]
    fn a_drawn_set_is_always_the_same_and_its_splits_differ() {
        let (once, again) = (drawn("cifar10"), drawn("cifar10"));
        assert_eq!(once.train, again.train);
        assert_ne!(once.train.row(0), once.test.row(0));
    }

    #[test]
    fn other_sets_are_refused_with_those_that_there_are() {
        let error = stand_in("adult", SIZES, &LoadOptions::default())
            .unwrap_err()
            .to_string();
        assert!(error.contains("adult") && error.contains("cifar10"), "{error}");
    }
}
