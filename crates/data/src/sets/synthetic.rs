//! The set of drawn digits, as a set like any other.

use crate::encoding::{Inputs, Outputs};
use crate::error::Result;
use crate::examples::Targets;
use crate::files::{Shelf, content_sha256, sha256};
use crate::glyphs::{Glyphs, SIDE, draw_glyphs};
use crate::info::Split;
use crate::transform::{Raw, TransformChoice};
use crate::whole::{About, Holdout, LoadOptions, Part, Whole};

pub(crate) fn glyphs(_: &Shelf<'_>, options: &LoadOptions) -> Result<Whole> {
    let train = draw_glyphs(options.seed, Split::Train, 60_000);
    let test = draw_glyphs(options.seed, Split::Test, 10_000);
    let sums = [&train.pixels, &train.labels, &test.pixels, &test.labels].map(|bytes| sha256(bytes));
    let names = ["train pixels", "train labels", "test pixels", "test labels"];
    Ok(Whole {
        about: About {
            name: "glyphs".into(),
            title: "Glyphs".into(),
            source: "drawn by this program".into(),
            content_sha256: content_sha256(names.into_iter().zip(sums.iter().map(String::as_str))),
            outputs: Outputs::digits(),
            part: None,
            synthetic: Some(format!("synthetic digits drawn from strokes, seed {}", options.seed)),
            test_rule: "drawn apart".to_owned(),
        },
        train: part(train),
        test: part(test),
        validation: None,
        holdout: Holdout::Last(10_000),
        inputs: Inputs::image(&[SIDE, SIDE, 1], 255.0),
        transform: TransformChoice::MNIST,
    })
}

fn part(glyphs: Glyphs) -> Part {
    Part {
        targets: Targets::Classes(glyphs.labels.iter().map(|&label| u32::from(label)).collect()),
        raw: Raw::Bytes {
            file: glyphs.pixels,
            start: 0,
        },
    }
}
