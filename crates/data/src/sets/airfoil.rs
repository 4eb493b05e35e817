//! Airfoil self-noise: five measures to the sound pressure level.

use crate::encoding::{Input, Inputs, Outputs};
use crate::error::Result;
use crate::examples::Targets;
use crate::files::{Content, FileSet, FileSpec, Shelf, content_sha256};
use crate::sets::table;
use crate::transform::{Raw, TransformChoice};
use crate::whole::{About, Holdout, LoadOptions, Part, Whole};

const ADDRESS: &str = "https://archive.ics.uci.edu/ml/machine-learning-databases/00291/airfoil_self_noise.dat";
const FEATURES: usize = 5;
const COLUMNS: [&str; FEATURES] = [
    "frequency",
    "angle of attack",
    "chord length",
    "free-stream velocity",
    "suction side displacement thickness",
];
/// The column of the chord length in metres, and the length whose rows are the test split.
const CHORD: usize = 2;
const TEST_CHORD_METRES: f64 = 0.1016;

pub(crate) fn airfoil(shelf: &Shelf<'_>, _: &LoadOptions) -> Result<Whole> {
    let spec = FileSpec {
        name: "airfoil_self_noise.dat".to_owned(),
        sha256: Some("74c75fd71783f1e6b71f8a622b993dc592897a97cd689c5090a07147a1b097b3".to_owned()),
        bytes: 59_984,
        addresses: vec![ADDRESS.to_owned()],
    };
    let set = FileSet {
        set: "airfoil".to_owned(),
        folders: ["airfoil", ""].map(str::to_owned).to_vec(),
        foreign: Vec::new(),
        command: |folder| {
            format!(
                "curl --fail --create-dirs --output-dir '{}' -O '{ADDRESS}'",
                folder.join("airfoil").display()
            )
        },
    };
    let content = shelf.open(&set, &spec)?;
    content.check(&spec)?;
    whole(&content)
}

pub(super) fn whole(content: &Content) -> Result<Whole> {
    let (mut train, mut test) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
    for line in table::lines(content, '\t', FEATURES + 1)? {
        let side = if line.number(CHORD)? == TEST_CHORD_METRES {
            &mut test
        } else {
            &mut train
        };
        for column in 0..FEATURES {
            side.0.push(line.number(column)?);
        }
        side.1.push(line.number(FEATURES)? as f32);
    }
    let part = |(numbers, values): (Vec<f64>, Vec<f32>)| Part {
        raw: Raw::Numbers(numbers),
        targets: Targets::Values { values, width: 1 },
    };
    let (train, test) = (part(train), part(test));
    Ok(Whole {
        about: About {
            name: "airfoil".into(),
            title: "Airfoil self-noise".into(),
            source: "T. F. Brooks, D. S. Pope, M. A. Marcolini, NASA RP-1218, 1989; UCI data set 291, CC BY 4.0".into(),
            content_sha256: content_sha256([(content.name.as_str(), content.sha256.as_str())]),
            outputs: Outputs::value("sound pressure level"),
            part: None,
            synthetic: None,
            test_rule: "the rows of chord length 0.1016 m, a length that no other split has".to_owned(),
        },
        holdout: Holdout::Drawn(train.targets.len() / 10),
        train,
        test,
        validation: None,
        inputs: Inputs::whole_table(COLUMNS.map(Input::number)),
        transform: TransformChoice::Fitted,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_the_test_chord_go_to_the_test_split_and_the_rest_to_training() {
        let text = "800\t0\t0.3048\t71.3\t0.0026\t126.2\r\n1000\t0\t0.1016\t71.3\t0.0027\t125.2\r\n";
        let whole = whole(&table::content(text)).unwrap();
        assert_eq!(
            whole.train.targets,
            Targets::Values {
                values: vec![126.2],
                width: 1
            }
        );
        assert_eq!(
            whole.test.targets,
            Targets::Values {
                values: vec![125.2],
                width: 1
            }
        );
        let Raw::Numbers(numbers) = whole.test.raw else {
            panic!("a table")
        };
        assert_eq!(numbers, [1000.0, 0.0, 0.1016, 71.3, 0.0027]);
    }
}
