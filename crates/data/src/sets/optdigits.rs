//! Optical digits: 8 × 8 counts from 0 to 16, as text.

use crate::encoding::{Inputs, Outputs};
use crate::error::Result;
use crate::examples::Targets;
use crate::files::{Content, FileSet, FileSpec, Shelf, content_sha256};
use crate::sets::table;
use crate::transform::{Raw, TransformChoice};
use crate::whole::{About, Holdout, LoadOptions, Part, Whole};

const PLACE: &str = "https://archive.ics.uci.edu/ml/machine-learning-databases/optdigits/";
const FEATURES: usize = 64;
const FULL: u32 = 16;

pub(crate) fn optdigits(shelf: &Shelf<'_>, _: &LoadOptions) -> Result<Whole> {
    let set = FileSet {
        set: "optdigits".to_owned(),
        folders: ["optdigits", ""].map(str::to_owned).to_vec(),
        foreign: Vec::new(),
        command: |folder| {
            format!(
                "curl --fail --create-dirs --output-dir '{}' --remote-name-all '{PLACE}optdigits.{{tra,tes}}'",
                folder.join("optdigits").display()
            )
        },
    };
    let open = |name: &str, sum: &str, bytes| {
        let spec = FileSpec {
            name: name.to_owned(),
            sha256: Some(sum.to_owned()),
            bytes,
            addresses: vec![format!("{PLACE}{name}")],
        };
        let content = shelf.open(&set, &spec)?;
        content.check(&spec)?;
        Ok(content)
    };
    let train = open(
        "optdigits.tra",
        "e1b683cc211604fe8fd8c4417e6a69f31380e0c61d4af22e93cc21e9257ffedd",
        563_639,
    )?;
    let test = open(
        "optdigits.tes",
        "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8",
        264_712,
    )?;
    whole(&train, &test)
}

pub(super) fn whole(train: &Content, test: &Content) -> Result<Whole> {
    let sums = [train, test].map(|content| (content.name.as_str(), content.sha256.as_str()));
    let (train, test) = (part(train)?, part(test)?);
    Ok(Whole {
        about: About {
            name: "optdigits".into(),
            title: "Optical digits".into(),
            source: "E. Alpaydin, C. Kaynak, 1998; UCI data set 80, CC BY 4.0".into(),
            content_sha256: content_sha256(sums),
            outputs: Outputs::digits(),
            part: None,
            synthetic: None,
            test_rule: "the official test rows".to_owned(),
        },
        holdout: Holdout::Drawn(train.targets.len() / 10),
        train,
        test,
        validation: None,
        inputs: Inputs::image(&[8, 8, 1], f64::from(FULL)),
        transform: TransformChoice::Unit,
    })
}

fn part(content: &Content) -> Result<Part> {
    let (mut pixels, mut classes) = (Vec::new(), Vec::new());
    for line in table::lines(content, ',', FEATURES + 1)? {
        for column in 0..FEATURES {
            pixels.push(f64::from(line.whole(column, 0, FULL)?));
        }
        classes.push(line.label(FEATURES, 0, 10)?);
    }
    Ok(Part {
        raw: Raw::Numbers(pixels),
        targets: Targets::Classes(classes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_beyond_sixteen_and_labels_beyond_nine_are_refused() {
        let row = |pixel: &str, label: &str| table::content(&format!("{}{pixel},{label}\n", "0,".repeat(63)));
        let Raw::Numbers(pixels) = part(&row("16", "9")).unwrap().raw else {
            panic!("numbers")
        };
        assert_eq!((pixels.len(), pixels[63]), (64, 16.0));
        assert!(
            part(&row("17", "9"))
                .err()
                .unwrap()
                .to_string()
                .contains("from 0 to 16, found \"17\"")
        );
        assert!(
            part(&row("16", "10"))
                .err()
                .unwrap()
                .to_string()
                .contains("line 1, column 65: expected one of 0..=9")
        );
    }
}
