//! The description of a set is applied to raw rows by hand, from its JSON alone, and gives what the loader gives.

use serde_json::Value as Json;

use super::*;
use crate::{Dataset, Examples, LoadOptions, MissingRule, OwnData, Source, Split, Targets, Task, TransformChoice};
use crate::{load_uncached, sets::from_bytes};

/// What a reader of the JSON makes of one row: names of columns with the texts of its cells.
fn by_hand(table: &Json, row: &[(&str, &str)]) -> Vec<f32> {
    let missing: Vec<&str> = texts(&table["missing"]);
    let number = |input: &Json| {
        let of = |key: &str| input[key].as_f64().unwrap();
        let (_, cell) = row.iter().find(|(name, _)| *name == input["column"]).unwrap();
        let cell = cell.trim();
        let lacks = missing.contains(&cell.to_lowercase().as_str());
        let taken = match input["take"].as_str().unwrap() {
            "number" if lacks => of("fill"),
            "number" => cell.parse().unwrap(),
            "is" => f64::from(u8::from(cell == input["value"])),
            "missing" => f64::from(u8::from(lacks)),
            other => panic!("{other}"),
        };
        ((taken - of("mean")) / of("std")) as f32
    };
    table["inputs"].as_array().unwrap().iter().map(number).collect()
}

fn texts(list: &Json) -> Vec<&str> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap())
        .collect()
}

/// The JSON of a set's description, which reads back as the same.
fn json(data: &Dataset) -> Json {
    let text = serde_json::to_string(&data.encoding).unwrap();
    assert_eq!(serde_json::from_str::<Encoding>(&text).unwrap(), data.encoding);
    serde_json::from_str(&text).unwrap()
}

/// The distinct columns in the order in which inputs name them.
fn columns(table: &Json) -> Vec<&str> {
    let inputs = table["inputs"].as_array().unwrap();
    let mut names: Vec<&str> = inputs.iter().map(|input| input["column"].as_str().unwrap()).collect();
    names.dedup();
    names
}

/// Words, words that look like numbers, a missing mark of each kind, and numbers of very different sizes.
const PEOPLE: &str = "part,age,town,code,income,left
train,41.5,Ulm,007, 51000,no
train,?,\"Bad Aibling, Markt\",7,1e-3,yes
train,29,?,12,NA,no
train,17.25,Ulm,7,73000.5,yes
train, 63 ,,007,-nan,no
validation,null,Köln,12,8.25,yes
validation,34,ulm,7,120000,no
test,55,Ulm,nil,NaN,yes
test,12.125,None,007,-4,no
";

fn people(own: OwnData, transform: Option<TransformChoice>) -> Dataset {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.csv");
    std::fs::write(&path, PEOPLE).unwrap();
    let source = Source {
        directory: Some(folder.path().to_owned()),
        descriptors: Some(folder.path().to_owned()),
        ..Source::default()
    };
    let own = OwnData {
        words: Some(vec!["code".to_owned()]),
        split_column: Some("part".to_owned()),
        ..own
    };
    let options = LoadOptions {
        transform,
        own,
        ..LoadOptions::default()
    };
    load_uncached(path.to_str().unwrap(), &source, &options).unwrap()
}

/// The rows of a split as a reader of the file has them.
fn rows_of(split: &str) -> Vec<Vec<(String, String)>> {
    let mut reader = csv::Reader::from_reader(PEOPLE.as_bytes());
    let names = reader.headers().unwrap().clone();
    let rows = reader.records().map(|record| {
        let record = record.unwrap();
        let cells = names.iter().map(str::to_owned).zip(record.iter().map(str::to_owned));
        cells.collect::<Vec<_>>()
    });
    rows.filter(|row| row[0].1 == split).collect()
}

fn borrowed(row: &[(String, String)]) -> Vec<(&str, &str)> {
    row.iter().map(|(name, cell)| (name.as_str(), cell.as_str())).collect()
}

fn same_rows(table: &Json, examples: &Examples, split: &str) {
    let rows = rows_of(split);
    assert_eq!(examples.len(), rows.len(), "{split}");
    for (at, row) in rows.iter().enumerate() {
        assert_eq!(by_hand(table, &borrowed(row)), examples.row(at), "{split} row {at}");
    }
}

#[test]
fn the_json_of_a_table_with_words_and_gaps_gives_the_features_that_the_loader_gives() {
    for transform in [None, Some(TransformChoice::AsIs)] {
        let own = OwnData {
            target: Some("left".to_owned()),
            missing: Some(MissingRule::Flag),
            ..OwnData::default()
        };
        let data = people(own, transform);
        let json = json(&data);
        for (split, name) in [
            (Split::Train, "train"),
            (Split::Validation, "validation"),
            (Split::Test, "test"),
        ] {
            same_rows(&json["table"], data.split(split), name);
        }
        assert_eq!(columns(&json["table"]), ["age", "town", "code", "income"]);
        // Number and flag; four towns and none; 007, 12, 7 and none; number and flag.
        assert_eq!(data.info.features, 2 + 5 + 4 + 2);
        let classes = texts(&json["classes"]);
        let found: Vec<&str> = (data.train.classes().unwrap().iter())
            .map(|class| classes[*class as usize])
            .collect();
        assert_eq!(found, ["no", "yes", "no", "yes", "no"]);
    }
}

#[test]
fn the_json_of_a_predicted_value_gives_its_unit_back() {
    let own = OwnData {
        target: Some("age".to_owned()),
        task: Some(Task::Regression),
        ..OwnData::default()
    };
    let data = people(own, None);
    let json = json(&data);
    let value = &json["values"][0];
    assert_eq!(value["column"], "age");
    let Targets::Values { values, .. } = data.train.targets() else {
        panic!("values")
    };
    let [mean, std] = ["mean", "std"].map(|key| value[key].as_f64().unwrap());
    // The mean of 41.5, 29, 17.25 and 63; the row without an age is left out.
    assert_eq!(mean, 37.6875);
    let expected = [41.5, 29.0, 17.25, 63.0].map(|age| ((age - mean) / std) as f32);
    assert_eq!(values, &expected);
}

/// A line of a known set's file with the names that its inputs give the columns.
fn named<'a>(table: &'a Json, line: &'a str, separator: char) -> Vec<(&'a str, &'a str)> {
    columns(table).into_iter().zip(line.split(separator)).collect()
}

fn same_lines(name: &str, separator: char, text: &str, tested: &[usize]) {
    let data = from_bytes(name, text.as_bytes()).unwrap();
    let json = json(&data);
    let lines: Vec<&str> = text.lines().collect();
    let fields = lines[0].split(separator).count();
    assert_eq!(columns(&json["table"]).len(), fields - 1, "{name}: all but the target");
    assert_eq!(data.test.len(), tested.len(), "{name}");
    for (at, line) in tested.iter().enumerate() {
        let row = named(&json["table"], lines[*line], separator);
        assert_eq!(by_hand(&json["table"], &row), data.test.row(at), "{name} line {line}");
    }
}

#[test]
fn the_json_of_known_tables_gives_the_features_that_the_loader_gives() {
    let adult = "39, State-gov, 77516, Bachelors, 13, Never-married, Adm-clerical, Not-in-family, White, Male, 2174, 0, 40, United-States, <=50K
50, ?, 83311, 11th, 7, Divorced, ?, Wife, Black, Female, 0, 5, 13, ?, >50K
28, Private, 338409, Doctorate, 16, Separated, Sales, Husband, Other, Male, 0, 0, 60, Cuba, >50K
";
    same_lines("adult", ',', adult, &[0, 1, 2]);
    same_lines(
        "poker-hand",
        ',',
        "1,10,2,11,3,13,4,12,1,1,9\n4,1,3,2,2,3,1,4,1,13,0\n",
        &[0, 1],
    );
    same_lines(
        "airfoil",
        '\t',
        "800\t0\t0.3048\t71.3\t0.0026\t126.2\n900\t2\t0.2\t55.5\t0.003\t120.5\n1000\t4\t0.1016\t71.3\t0.0027\t125.2\n",
        &[2],
    );
    let cover = |row: usize| {
        let measures = (0..10).map(|column| (100 * column + 7 * row * (column + 1)).to_string());
        let flags = (0..44).map(|column| u8::from(column == row % 4 || column == 4 + row).to_string());
        let class = std::iter::once((1 + row % 7).to_string());
        measures.chain(flags).chain(class).collect::<Vec<_>>().join(",") + "\n"
    };
    // Four rows train and two validate.
    same_lines("covtype", ',', &(0..9).map(cover).collect::<String>(), &[6, 7, 8]);
}

#[test]
fn the_json_of_images_gives_the_features_that_the_loader_gives() {
    let row: Vec<String> = (0..64).map(|pixel| (pixel % 17).to_string()).collect();
    let text = format!("{},7\n", row.join(",")).repeat(3);
    let data = from_bytes("optdigits", text.as_bytes()).unwrap();
    let json = json(&data);
    let image = &json["image"];
    let of = |number: &Json| number.as_f64().unwrap();
    let channel = &image["channels"][0];
    let expected: Vec<f32> = (0..64)
        .map(|pixel| {
            ((f64::from(pixel % 17) / of(&image["divisor"]) - of(&channel["mean"])) / of(&channel["std"])) as f32
        })
        .collect();
    assert_eq!(data.test.row(0), expected);
    assert_eq!(
        (image["shape"].to_string().as_str(), &json["classes"][7]),
        ("[8,8,1]", &"7".into())
    );
}
