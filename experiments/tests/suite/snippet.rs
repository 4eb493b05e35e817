//! The lines for PyTorch that a page of `sizing` hands over give what the net gives, from the file as it lies.

#![allow(clippy::print_stdout, reason = "a test, which says what it skips")]

use std::path::{Path, PathBuf};
use std::process::Command;

use espalier_data::{Dataset, Inputs, LoadOptions, Outputs, OwnData, Source};
use espalier_net::{DeviceChoice, Network, Session, export, models};
use espalier_seed::Seed;

const LOAD: &str = include_str!("../../sizing/python/load.py");
const TABLE: &str = include_str!("../../sizing/python/table.py");
const IMAGE: &str = include_str!("../../sizing/python/image.py");
const CLASSES: &str = include_str!("../../sizing/python/classes.py");
const VALUES: &str = include_str!("../../sizing/python/values.py");
const SHIM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/snippet.py");

fn load(folder: &Path, file: &str, settings: &[(&str, &str)]) -> Dataset {
    let mut own = OwnData::default();
    settings.iter().for_each(|(key, value)| own.set(key, value).unwrap());
    let options = LoadOptions {
        own,
        ..LoadOptions::default()
    };
    let source = Source {
        directory: Some(folder.join("sets")),
        descriptors: Some(folder.join("data")),
        ..Source::default()
    };
    espalier_data::load_uncached(folder.join(file).to_str().unwrap(), &source, &options).unwrap()
}

/// Writes the net as a page has it beside it.
fn hand_over(network: &Network<f32>, data: &Dataset, folder: &Path) {
    std::fs::create_dir_all(folder.join("files")).unwrap();
    let (inputs, outputs) = (data.info.features, data.info.targets.outputs());
    let mut about = serde_json::to_value(&data.encoding).unwrap();
    about["layers"] = serde_json::json!([["hidden1", inputs, 3], ["logits", 3, outputs]]);
    std::fs::write(folder.join("files/net.json"), about.to_string()).unwrap();
    std::fs::write(folder.join("files/net.safetensors"), export::to_bytes(network).unwrap()).unwrap();
}

/// What the net gives for all rows of all splits, as words or as numbers in the unit of the target, sorted.
fn expected(network: &Network<f32>, data: &Dataset) -> Vec<String> {
    let mut session = Session::new(network, 16, &DeviceChoice::Cpu, &Seed::new(1)).unwrap();
    let mut found = Vec::new();
    for split in [&data.train, &data.validation, &data.test] {
        let outputs = session.evaluate(network, &[split.features()]).unwrap();
        let rows = outputs.first().chunks_exact(data.info.targets.outputs());
        found.extend(rows.map(|row| match &data.encoding.outputs {
            Outputs::Classes(names) => {
                let best = (1..row.len()).fold(0, |best, place| if row[place] > row[best] { place } else { best });
                names[best].clone()
            }
            Outputs::Values(values) => rounded(f64::from(row[0]) * values[0].channel.std + values[0].channel.mean),
        }));
    }
    found.sort();
    found
}

fn rounded(number: f64) -> String {
    format!("{number:.3}")
}

/// What the lines predict; `None` where there is no Python.
fn predicted(folder: &Path, file: &str, data: &Dataset) -> Option<Vec<String>> {
    let read = match data.encoding.outputs {
        Outputs::Classes(_) => CLASSES,
        Outputs::Values(_) => VALUES,
    };
    let feed = match data.encoding.inputs {
        Inputs::Table { .. } => TABLE.to_owned(),
        Inputs::Image { .. } => format!("import numpy\npixels = numpy.load(\"{file}\")[\"x\"]\n{IMAGE}"),
    };
    let lines = [LOAD, &feed, read]
        .concat()
        .replace("NET", "net")
        .replace("rows.csv", file);
    std::fs::write(folder.join("lines.py"), lines).unwrap();
    let output = Command::new("python3")
        .args([SHIM, "lines.py"])
        .current_dir(folder)
        .output()
        .ok()?;
    assert!(
        output.status.success(),
        "{file}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let told: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    let told = told
        .iter()
        .map(|one| one.as_f64().map_or_else(|| one.as_str().unwrap().to_owned(), rounded));
    let mut told: Vec<String> = told.collect();
    told.sort();
    Some(told)
}

fn check(folder: &Path, file: &str, settings: &[(&str, &str)]) {
    let data = load(folder, file, settings);
    let network = models::mlp(data.info.features, &[3], data.info.targets.outputs(), &Seed::new(4)).unwrap();
    hand_over(&network, &data, folder);
    match predicted(folder, file, &data) {
        Some(told) => assert_eq!(told, expected(&network, &data), "{file} {settings:?}"),
        None => println!("skipped: there is no python3"),
    }
}

/// Files as pandas and NumPy write them.
fn made() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/data/tests/pandas")
}

/// Twelve rows of numbers and words with gaps, in which a separator of fields, blanks and quotes lie about.
fn table(separator: char) -> String {
    let row = |n: usize| {
        let size = ["1e-7", "NA", " 2.5", "-0.0"][n % 4];
        let town = ["\"Ulm, Bonn\"", " Köln ", "\" Ulm\"", ""][n % 4];
        let class = ["yes", "no", "none of them"][n % 3];
        [size, town, class].join(&separator.to_string()) + "\n"
    };
    let head = [" the size ", "\"town\"", "class "].join(&separator.to_string());
    let rows: String = (0..12).map(row).collect();
    format!("\n\r\n{head}\n\n{rows}\n")
}

#[test]
fn tables_of_text_are_read_as_the_net_was_fed() {
    let folder = tempfile::tempdir().unwrap();
    for (file, separator) in [("some.csv", ','), ("other.tsv", '\t')] {
        std::fs::write(folder.path().join(file), table(separator)).unwrap();
        check(folder.path(), file, &[("target", "class")]);
    }
    let words = "code,y\n".to_owned() + &(0..12).map(|n| format!("0{},{n}.25\n", n % 3)).collect::<String>();
    std::fs::write(folder.path().join("codes.csv"), format!("\u{feff}{words}")).unwrap();
    check(folder.path(), "codes.csv", &[("target", "y"), ("words", "code")]);
}

#[test]
fn arrays_are_read_as_the_net_was_fed_whatever_their_order_and_width() {
    for task in ["classes", "regression"] {
        let folder = tempfile::tempdir().unwrap();
        for file in ["plain.npz", "fortran.npz", "half.npz", "half_big_fortran.npz"] {
            std::fs::copy(made().join(file), folder.path().join(file)).unwrap();
            check(folder.path(), file, &[("task", task)]);
        }
        if train_alone(folder.path()) {
            check(folder.path(), "train.npz", &[("task", task)]);
        }
    }
}

/// Writes the arrays of `plain.npz` as `x_train` and `y_train`; `false` where there is no Python.
fn train_alone(folder: &Path) -> bool {
    let rename = "import zipfile\n\
        old, new = zipfile.ZipFile('plain.npz'), zipfile.ZipFile('train.npz', 'w')\n\
        [new.writestr(name[0] + '_train.npy', old.read(name)) for name in old.namelist()]\n\
        new.close()";
    let renamed = Command::new("python3")
        .args(["-c", rename])
        .current_dir(folder)
        .status();
    renamed.is_ok_and(|status| status.success())
}

#[test]
fn images_are_read_as_the_net_was_fed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(made().join("images.npz"), folder.path().join("images.npz")).unwrap();
    check(folder.path(), "images.npz", &[]);
}

#[test]
fn tables_of_parquet_are_read_as_the_net_was_fed_whatever_their_types() {
    for words in ["", "open,code,int8,half,price,uint16"] {
        let folder = tempfile::tempdir().unwrap();
        for file in ["types.parquet", "types.csv"] {
            std::fs::copy(made().join(file), folder.path().join(file)).unwrap();
        }
        let settings = [("target", "y"), ("task", "regression"), ("words", words)];
        let settings = if words.is_empty() { &settings[..2] } else { &settings };
        check(folder.path(), "types.parquet", settings);
    }
}
