//! Adult, also called census income: who earns more than 50,000 dollars a year.

use crate::encoding::{Cell, Input, Inputs, Outputs};
use crate::error::Result;
use crate::examples::Targets;
use crate::files::{Content, FileSet, FileSpec, Shelf, content_sha256};
use crate::sets::table::{self, Line};
use crate::transform::{Raw, TransformChoice};
use crate::whole::{About, Holdout, LoadOptions, Part, Whole};

const PLACE: &str = "https://archive.ics.uci.edu/ml/machine-learning-databases/adult/";

/// What a column holds: a number, or one of some words.
enum Column {
    Number,
    Words(&'static [&'static str]),
}

use Column::{Number, Words};

const CLASSES: [&str; 2] = ["<=50K", ">50K"];
/// The columns by their names in `adult.names`.
const NAMES: [&str; 14] = [
    "age",
    "workclass",
    "fnlwgt",
    "education",
    "education-num",
    "marital-status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital-gain",
    "capital-loss",
    "hours-per-week",
    "native-country",
];

/// The fourteen columns as `adult.names` gives them. `?` stands for a value that is missing
/// and is a word of its own in the three columns that have such values.
const COLUMNS: [Column; 14] = [
    Number,
    Words(&[
        "Private",
        "Self-emp-not-inc",
        "Self-emp-inc",
        "Federal-gov",
        "Local-gov",
        "State-gov",
        "Without-pay",
        "Never-worked",
        "?",
    ]),
    Number,
    Words(&[
        "Bachelors",
        "Some-college",
        "11th",
        "HS-grad",
        "Prof-school",
        "Assoc-acdm",
        "Assoc-voc",
        "9th",
        "7th-8th",
        "12th",
        "Masters",
        "1st-4th",
        "10th",
        "Doctorate",
        "5th-6th",
        "Preschool",
    ]),
    Number,
    Words(&[
        "Married-civ-spouse",
        "Divorced",
        "Never-married",
        "Separated",
        "Widowed",
        "Married-spouse-absent",
        "Married-AF-spouse",
    ]),
    Words(&[
        "Tech-support",
        "Craft-repair",
        "Other-service",
        "Sales",
        "Exec-managerial",
        "Prof-specialty",
        "Handlers-cleaners",
        "Machine-op-inspct",
        "Adm-clerical",
        "Farming-fishing",
        "Transport-moving",
        "Priv-house-serv",
        "Protective-serv",
        "Armed-Forces",
        "?",
    ]),
    Words(&[
        "Wife",
        "Own-child",
        "Husband",
        "Not-in-family",
        "Other-relative",
        "Unmarried",
    ]),
    Words(&["White", "Asian-Pac-Islander", "Amer-Indian-Eskimo", "Other", "Black"]),
    Words(&["Female", "Male"]),
    Number,
    Number,
    Number,
    Words(&[
        "United-States",
        "Cambodia",
        "England",
        "Puerto-Rico",
        "Canada",
        "Germany",
        "Outlying-US(Guam-USVI-etc)",
        "India",
        "Japan",
        "Greece",
        "South",
        "China",
        "Cuba",
        "Iran",
        "Honduras",
        "Philippines",
        "Italy",
        "Poland",
        "Jamaica",
        "Vietnam",
        "Mexico",
        "Portugal",
        "Ireland",
        "France",
        "Dominican-Republic",
        "Laos",
        "Ecuador",
        "Taiwan",
        "Haiti",
        "Columbia",
        "Hungary",
        "Guatemala",
        "Nicaragua",
        "Scotland",
        "Thailand",
        "Yugoslavia",
        "El-Salvador",
        "Trinadad&Tobago",
        "Peru",
        "Hong",
        "Holand-Netherlands",
        "?",
    ]),
];

pub(crate) fn adult(shelf: &Shelf<'_>, _: &LoadOptions) -> Result<Whole> {
    let set = FileSet {
        set: "adult".to_owned(),
        folders: ["adult", ""].map(str::to_owned).to_vec(),
        foreign: Vec::new(),
        command: |folder| {
            format!(
                "curl --fail --create-dirs --output-dir '{}' --remote-name-all '{PLACE}adult.{{data,test}}'",
                folder.join("adult").display()
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
        "adult.data",
        "5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d",
        3_974_305,
    )?;
    let test = open(
        "adult.test",
        "a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05",
        2_003_153,
    )?;
    whole(&train, &test)
}

/// The inputs that each column gives: the number, or a flag for each word; 6 + 102.
fn inputs() -> Vec<Vec<Input>> {
    let of = |(name, column): (&&str, &Column)| match column {
        Number => vec![Input::number(name)],
        Words(words) => Input::flags(name, words.iter().map(ToString::to_string)).collect(),
    };
    NAMES.iter().zip(&COLUMNS).map(of).collect()
}

impl Column {
    /// The cell of a line; a word that the column does not have is refused.
    fn cell<'l>(&self, line: &'l Line<'_>, column: usize) -> Result<Cell<'l>> {
        let field = line.fields[column];
        match self {
            Number => line.number(column).map(Cell::Number),
            Words(words) if words.contains(&field) => Ok(Cell::Word(field)),
            Words(words) => Err(line.wrong(column, format!("one of {}", words.join(", ")))),
        }
    }
}

pub(super) fn whole(train: &Content, test: &Content) -> Result<Whole> {
    let sums = [train, test].map(|content| (content.name.as_str(), content.sha256.as_str()));
    let (train, test) = (part(train)?, part(test)?);
    Ok(Whole {
        about: About {
            name: "adult".into(),
            title: "Adult (census income)".into(),
            source: "B. Becker, R. Kohavi, 1996; UCI data set 2, CC BY 4.0".into(),
            content_sha256: content_sha256(sums),
            outputs: Outputs::classes(CLASSES),
            part: None,
            synthetic: None,
            test_rule: "the official test rows".to_owned(),
        },
        holdout: Holdout::Drawn(train.targets.len() / 10),
        train,
        test,
        validation: None,
        inputs: Inputs::whole_table(inputs().into_iter().flatten()),
        transform: TransformChoice::Fitted,
    })
}

/// Class 1 is `>50K`. The classes of the official test file end in a full stop.
fn part(content: &Content) -> Result<Part> {
    let (inputs, mut numbers, mut classes) = (inputs(), Vec::new(), Vec::new());
    for line in table::lines(content, ',', COLUMNS.len() + 1)? {
        for (at, (column, inputs)) in COLUMNS.iter().zip(&inputs).enumerate() {
            let cell = column.cell(&line, at)?;
            numbers.extend(inputs.iter().map(|input| input.take.number(cell)));
        }
        let class = line.fields[COLUMNS.len()].trim_end_matches('.');
        let class = (0..).zip(CLASSES).find(|(_, known)| *known == class);
        classes.push(class.ok_or_else(|| line.wrong(COLUMNS.len(), CLASSES.join(" or ")))?.0);
    }
    Ok(Part {
        raw: Raw::Numbers(numbers),
        targets: Targets::Classes(classes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = "39, State-gov, 77516, Bachelors, 13, Never-married, Adm-clerical, Not-in-family, White, Male, 2174, 0, 40, United-States";

    #[test]
    fn a_row_becomes_its_numbers_and_one_flag_a_word() {
        let part = part(&table::content(&format!(
            "|1x3 Cross validator\n{ROW}, <=50K\n{ROW}, >50K.\n"
        )))
        .unwrap();
        assert_eq!(part.targets, Targets::Classes(vec![0, 1]));
        let Raw::Numbers(numbers) = part.raw else {
            panic!("numbers")
        };
        assert_eq!((inputs().concat().len(), numbers.len()), (108, 216));
        // Age, then nine work classes of which State-gov is the sixth, then the weight.
        assert_eq!(
            numbers[..11],
            [39.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 77516.0]
        );
        assert_eq!(numbers[..108].iter().filter(|&&x| x == 1.0).count(), 8);
    }

    #[test]
    fn a_missing_value_is_a_word_of_its_own_and_an_unknown_word_is_refused() {
        let row = |work: &str| table::content(&format!("{}, <=50K\n", ROW.replace("State-gov", work)));
        let Raw::Numbers(numbers) = part(&row("?")).unwrap().raw else {
            panic!("numbers")
        };
        assert_eq!(numbers[9], 1.0);
        let error = part(&row("Knight")).err().unwrap().to_string();
        assert!(
            error.contains("line 1, column 2") && error.contains("\"Knight\""),
            "{error}"
        );
        assert!(part(&table::content(&format!("{ROW}, 50K\n"))).is_err());
    }
}
