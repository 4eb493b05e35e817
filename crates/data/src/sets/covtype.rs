//! Forest cover type: ten measures and 44 flags to seven kinds of forest.

use crate::encoding::{Input, Inputs, Outputs, Take};
use crate::error::{Error, Result};
use crate::examples::Targets;
use crate::files::{Content, FileSet, FileSpec, Shelf, content_sha256};
use crate::sets::table;
use crate::transform::{Raw, TransformChoice};
use crate::whole::{About, Given, Holdout, LoadOptions, Part, Whole};

const ADDRESS: &str = "https://archive.ics.uci.edu/ml/machine-learning-databases/covtype/covtype.data.gz";
const FEATURES: usize = 54;
/// The first columns hold measures, the others flags of 0 or 1.
const MEASURES: usize = 10;
/// Their names in the official description.
const NAMES: [&str; MEASURES] = [
    "Elevation",
    "Aspect",
    "Slope",
    "Horizontal_Distance_To_Hydrology",
    "Vertical_Distance_To_Hydrology",
    "Horizontal_Distance_To_Roadways",
    "Hillshade_9am",
    "Hillshade_Noon",
    "Hillshade_3pm",
    "Horizontal_Distance_To_Fire_Points",
];
/// The columns of flags come as so many areas and then as the soil types.
const AREAS: usize = 4;
/// Classes 1 to 7 of the official description.
const COVERS: [&str; 7] = [
    "Spruce/Fir",
    "Lodgepole Pine",
    "Ponderosa Pine",
    "Cottonwood/Willow",
    "Aspen",
    "Douglas-fir",
    "Krummholz",
];
/// The rows that the official description gives to training and to validation.
const TRAIN: usize = 11_340;
const VALIDATION: usize = 3_780;

pub(crate) fn covtype(shelf: &Shelf<'_>, _: &LoadOptions) -> Result<Whole> {
    let set = FileSet {
        set: "covtype".to_owned(),
        folders: ["covtype", ""].map(str::to_owned).to_vec(),
        foreign: Vec::new(),
        command: |folder| {
            format!(
                "curl --fail --create-dirs --output-dir '{}' -O '{ADDRESS}'",
                folder.join("covtype").display()
            )
        },
    };
    // The official file has no sum to pin it to; its first rows, when kept apart, have.
    let all = FileSpec {
        name: "covtype.data".to_owned(),
        sha256: None,
        bytes: 128 << 20,
        addresses: vec![ADDRESS.to_owned()],
    };
    let first = FileSpec {
        name: "covtype-first15120.data".to_owned(),
        sha256: Some("de9010addc936a0991f54ee1a51ab8bb3c3b245aad7abdf97e48fbeec3c23b10".to_owned()),
        bytes: 1_949_041,
        addresses: Vec::new(),
    };
    let content = match (shelf.find(&set, &all)?, shelf.find(&set, &first)?) {
        (Some(content), _) => content,
        (None, Some(content)) => {
            content.check(&first)?;
            content
        }
        (None, None) => shelf.open(&set, &all)?,
    };
    whole(&content, TRAIN, VALIDATION)
}

pub(super) fn whole(content: &Content, train: usize, validation: usize) -> Result<Whole> {
    let (numbers, classes) = rows(content)?;
    let total = classes.len();
    if total < train + validation {
        return Err(Error::Count {
            path: content.path.clone(),
            what: "rows, at least those of training and validation".to_owned(),
            expected: train + validation,
            found: total,
        });
    }
    let part = |rows: std::ops::Range<usize>| Part {
        targets: Targets::Classes(classes[rows.clone()].to_vec()),
        raw: Raw::Numbers(numbers[rows.start * FEATURES..rows.end * FEATURES].to_vec()),
    };
    let complete = total > train + validation;
    let (rest, note, rule) = if complete {
        (train + validation..total, None, "the official test rows".to_owned())
    } else {
        let note = format!("the first {total} of 581,012 rows; no official test row is among them");
        let rule = format!("the {validation} official validation rows, as the official test rows are not there");
        (train..total, Some(note), rule)
    };
    Ok(Whole {
        about: About {
            name: "covtype".into(),
            title: "Forest cover type".into(),
            source: "J. A. Blackard, D. J. Dean, C. W. Anderson, 1998, copyright Jock A. Blackard and Colorado State University; UCI data set 31, CC BY 4.0".into(),
            content_sha256: content_sha256([(content.name.as_str(), content.sha256.as_str())]),
            outputs: Outputs::classes(COVERS),
            part: note,
            synthetic: None,
            test_rule: rule,
        },
        train: part(0..train),
        validation: complete.then(|| Given {
            part: part(train..train + validation),
            rule: "given by the official order".to_owned(),
        }),
        test: part(rest),
        holdout: Holdout::Drawn(train / 10),
        inputs: inputs(),
        transform: TransformChoice::Fitted,
    })
}

fn inputs() -> Inputs {
    let flag = |column: String| Input::new(&column, Take::Is { value: "1".to_owned() });
    let areas = (1..=AREAS).map(|area| format!("Wilderness_Area{area}"));
    let soils = (1..=FEATURES - MEASURES - AREAS).map(|soil| format!("Soil_Type{soil}"));
    let measures = NAMES.into_iter().map(Input::number);
    Inputs::whole_table(measures.chain(areas.chain(soils).map(flag)))
}

fn rows(content: &Content) -> Result<(Vec<f64>, Vec<u32>)> {
    let (mut numbers, mut classes) = (Vec::new(), Vec::new());
    for line in table::lines(content, ',', FEATURES + 1)? {
        for column in 0..MEASURES {
            numbers.push(line.number(column)?);
        }
        for column in MEASURES..FEATURES {
            numbers.push(f64::from(line.whole(column, 0, 1)?));
        }
        classes.push(line.label(FEATURES, 1, 7)?);
    }
    Ok((numbers, classes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: usize) -> Content {
        let row = |n: usize| format!("{n}{}{},{}\n", ",2".repeat(9), ",0".repeat(44), n % 7 + 1);
        table::content(&(0..rows).map(row).collect::<String>())
    }

    #[test]
    fn with_test_rows_the_official_three_splits_are_used() {
        let whole = whole(&table(10), 4, 2).unwrap();
        assert_eq!(whole.train.targets, Targets::Classes(vec![0, 1, 2, 3]));
        assert_eq!(whole.validation.unwrap().part.targets, Targets::Classes(vec![4, 5]));
        assert_eq!(whole.test.targets, Targets::Classes(vec![6, 0, 1, 2]));
        assert_eq!(whole.about.part, None);
    }

    #[test]
    fn without_test_rows_the_validation_rows_become_the_test_split_and_say_so() {
        let whole = whole(&table(6), 4, 2).unwrap();
        assert!(whole.validation.is_none());
        assert_eq!(whole.test.targets, Targets::Classes(vec![4, 5]));
        assert!(whole.about.part.unwrap().contains("first 6 of 581,012"));
        assert!(whole.about.test_rule.contains("official test rows are not there"));
    }

    #[test]
    fn too_few_rows_and_flags_beyond_one_are_refused() {
        assert!(
            whole(&table(5), 4, 2)
                .err()
                .unwrap()
                .to_string()
                .contains("expected 6, found 5")
        );
        let text = format!("1{},7,1\n", ",0".repeat(52));
        assert!(
            rows(&table::content(&text))
                .unwrap_err()
                .to_string()
                .contains("column 54")
        );
    }
}
