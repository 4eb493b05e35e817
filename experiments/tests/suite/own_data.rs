//! Tables that the project has never seen go through the experiment `sizing`: a page comes out, or a clear error.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use espalier_data::{Encoding, LoadOptions, Source, Targets};
use espalier_net::{LossKind, export, models};
use espalier_seed::{Seed, Stream};
use espalier_train::Evaluation;
use serde_json::Value;

use crate::experiments;

fn sizing(arguments: &[&str], folder: &Path) -> Output {
    let (_, binary) = experiments().into_iter().find(|(name, _)| name == "sizing").unwrap();
    let sizes = [
        "--set",
        "widest=4",
        "--set",
        "most_epochs=40",
        "--preset",
        "smoke",
        "--data",
        "data",
    ];
    Command::new(binary)
        .args(sizes)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Describes a file in a folder, with the sets in `shared`.
fn described(arguments: &[&str], folder: &Path) -> Output {
    let (_, binary) = experiments().into_iter().find(|(name, _)| name == "sizing").unwrap();
    Command::new(binary)
        .arg("describe-data")
        .args(arguments)
        .current_dir(folder)
        .env("ESPALIER_DATA", folder.join("shared"))
        .output()
        .unwrap()
}

/// The report of the only run of a data set.
fn report(folder: &Path, dataset: &str) -> PathBuf {
    let runs = folder.join("runs/sizing").join(dataset);
    std::fs::read_dir(&runs)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path()
        .join("report")
}

/// The test score of the net that the page hands over, read as PyTorch would and scored anew on the rows of the smoke preset.
fn score_of_the_net_handed_over(report: &Path, data: &Path, dataset: &str) -> f64 {
    let files: Vec<PathBuf> = std::fs::read_dir(report.join("files"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let ending = |ending: &str| files.iter().find(|path| path.extension().unwrap() == ending).unwrap();
    assert_eq!(files.len(), 2, "{files:?}");
    let about: Value = serde_json::from_str(&std::fs::read_to_string(ending("json")).unwrap()).unwrap();
    let size = |layer: usize, place: usize| about["layers"][layer][place].as_u64().unwrap() as usize;
    let mut network = models::mlp::<f32>(size(0, 1), &[size(0, 2)], size(1, 2), &Seed::new(9)).unwrap();
    export::import(ending("safetensors"), &mut network).unwrap();
    let source = Source {
        directory: Some(data.to_owned()),
        ..Source::default()
    };
    let data = espalier_data::load(dataset, &source, &LoadOptions::default()).unwrap();
    let told: Encoding = serde_json::from_value(about.clone()).unwrap();
    assert_eq!(told, data.encoding);
    let rows: Vec<usize> = (0..data.test.len().min(200)).collect();
    let test = data.test.select(&rows);
    let Targets::Values { values, .. } = test.targets() else {
        let scored = Evaluation::of(&network, &test, LossKind::CrossEntropy).unwrap();
        return scored.accuracy.unwrap();
    };
    let mean = values.iter().map(|y| f64::from(*y)).sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|y| (f64::from(*y) - mean).powi(2)).sum::<f64>() / values.len() as f64;
    1.0 - Evaluation::of(&network, &test, LossKind::MeanSquaredError)
        .unwrap()
        .loss
        / variance
}

/// The number after some words of a text, up to a bracket.
fn number_behind(text: &str, words: &str) -> f64 {
    let rest = text.split_once(words).unwrap_or_else(|| panic!("{words} in {text}")).1;
    rest.split([')', ' ']).next().unwrap().parse().unwrap()
}

fn normal(stream: &mut Stream) -> f64 {
    stream.normal()
}

/// Sixty rows of 150 numbers; the target is the sum of three of them.
fn wide_and_short() -> String {
    let mut stream = Seed::new(1).named("wide").stream();
    let mut table = (0..150).map(|k| format!("gene{k},")).collect::<String>() + "yield\n";
    for _ in 0..60 {
        let row: Vec<f64> = (0..150).map(|_| normal(&mut stream)).collect();
        row.iter().for_each(|x| table += &format!("{x:.4},"));
        table += &format!("{:.4}\n", 900.0 + 40.0 * (row[0] + row[1] + row[2]));
    }
    table
}

/// Three thousand rows of one number; the class is its side of a threshold.
fn tall_and_narrow() -> String {
    let mut stream = Seed::new(2).named("tall").stream();
    let mut table = "reading\tstate\n".to_owned();
    for _ in 0..3000 {
        let x = normal(&mut stream);
        table += &format!("{x:.4}\t{}\n", if x.abs() < 0.7 { "inside" } else { "outside" });
    }
    table
}

/// Four hundred rows of numbers and words with gaps, also in the target.
fn gaps_and_words() -> String {
    let mut stream = Seed::new(3).named("gaps").stream();
    let mut table = "age,town,plan,score,left\n".to_owned();
    for row in 0_u32..400 {
        let age = 20.0 + 30.0 * stream.uniform();
        let town = ["Ulm", "Bonn", "Köln", "?"][stream.below(4)];
        let plan = ["basic", "", "plus"][stream.below(3)];
        let score = if u32::is_multiple_of(row, 11) {
            "NA".to_owned()
        } else {
            format!("{:.2}", normal(&mut stream))
        };
        let left = match row % 37 {
            0 => "",
            _ if age > 35.0 => "yes",
            _ => "no",
        };
        table += &format!("{age:.1},{town},{plan},{score},{left}\n");
    }
    table
}

#[test]
fn tables_never_seen_give_a_page_that_begins_with_the_recommended_width() {
    for (file, target, table) in [
        ("tall.tsv", "state", tall_and_narrow()),
        ("gaps.csv", "left", gaps_and_words()),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(file), table).unwrap();
        let target = format!("target={target}");
        let output = sizing(&["--dataset", file, "--set", &target], folder.path());
        assert!(output.status.success(), "{file}: {}", text(&output));
        let name = file.split('.').next().unwrap();
        let report = report(folder.path(), name);
        let page = std::fs::read_to_string(report.join("README.md")).unwrap();
        let title = page.lines().next().unwrap();
        assert!(
            title.starts_with("# A layer needs ") && title.contains("unit"),
            "{title}"
        );
        let opening: String = page.lines().take(20).collect::<Vec<_>>().join("\n");
        for part in [
            "Recommended: **",
            "Test score with",
            "half of it",
            "twice of it",
            "**The trained net** for PyTorch is [",
        ] {
            assert!(opening.contains(part), "{part}: {opening}");
        }
        assert!(page.contains("load_state_dict"), "{page}");
        let told = number_behind(&opening, "; test score ");
        let found = score_of_the_net_handed_over(&report, &folder.path().join("data"), name);
        assert!((told - found).abs() < 6e-5, "{file}: {told} {found}");
        assert!(
            page.contains("Cheapest way to find that out") || page.contains("No sizer is shown to end"),
            "{page}"
        );
        assert!(
            folder.path().join("data").join(format!("{name}.toml")).exists(),
            "{file} is described"
        );
        let again = sizing(&["--dataset", name, "status"], folder.path());
        assert!(again.status.success(), "{file} answers to its name: {}", text(&again));
    }
}

/// Two hundred rows of noise, of whose classes one has three fifths.
fn noise() -> String {
    let mut stream = Seed::new(5).named("noise").stream();
    let row = |row: usize, x: f64| format!("{x:.4},{}\n", if row % 5 < 3 { "usual" } else { "rare" });
    let rows = (0..200).map(|place| row(place, normal(&mut stream)));
    "x,y\n".to_owned() + &rows.collect::<String>()
}

#[test]
fn where_nothing_was_learned_the_page_says_so_first_and_judges_no_sizer() {
    // Noise, and 150 columns for which 36 rows are too few.
    for (name, target, table) in [("noise", "y", noise()), ("wide", "yield", wide_and_short())] {
        unlearned(name, target, &table);
    }
}

fn unlearned(name: &str, target: &str, table: &str) {
    let (folder, file) = (tempfile::tempdir().unwrap(), format!("{name}.csv"));
    std::fs::write(folder.path().join(&file), table).unwrap();
    let output = sizing(
        &["--dataset", &file, "--set", &format!("target={target}")],
        folder.path(),
    );
    assert!(output.status.success(), "{}", text(&output));
    let report = report(folder.path(), name);
    let page = std::fs::read_to_string(report.join("README.md")).unwrap();
    let title = page.lines().next().unwrap();
    assert!(
        title.starts_with(&format!("# Nothing was learned on {name}: no width is recommended")),
        "{title}"
    );
    let opening: String = page.lines().take(4).collect();
    assert!(
        opening.contains("is not above ") && opening.contains("no sizer is judged"),
        "{opening}"
    );
    for verdict in ["**confirmed**", "**refuted**", "Recommended", "load_state_dict"] {
        assert!(!page.contains(verdict), "{verdict}: {page}");
    }
    assert!(!report.join("files").exists() || std::fs::read_dir(report.join("files")).unwrap().count() == 0);
}

#[test]
fn a_short_table_is_said_to_be_used_whole() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("gaps.csv"), gaps_and_words()).unwrap();
    sizing(&["--dataset", "gaps.csv", "--set", "target=left"], folder.path());
    let page = std::fs::read_to_string(report(folder.path(), "gaps").join("README.md")).unwrap();
    // The smoke preset takes 400 training rows and 200 of each other split, of which the table has fewer.
    for part in ["400 training rows", "200 validation rows", "200 test rows"] {
        assert!(!page.contains(part), "{part}: {page}");
    }
}

/// An experiment on a table, with no word about it before.
fn run(experiment: &str, arguments: &[&str], folder: &Path) -> Output {
    let (_, binary) = experiments().into_iter().find(|(name, _)| name == experiment).unwrap();
    let mut command = Command::new(binary);
    command.args(["--preset", "smoke", "--data", "data"]).args(arguments);
    command.current_dir(folder).output().unwrap()
}

#[test]
fn unsuitable_data_and_settings_are_refused_before_anything_is_trained() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("values.csv"), wide_and_short()).unwrap();
    std::fs::write(folder.path().join("states.tsv"), tall_and_narrow()).unwrap();
    let (values, states) = (["values.csv", "target=yield"], ["states.tsv", "target=state"]);
    for (experiment, [file, target], more, expected) in [
        (
            "random-search",
            values,
            "train_images=0",
            "data set values: expected classes to predict",
        ),
        (
            "mnist-variance",
            values,
            "train_images=0",
            "data set values: expected classes to predict",
        ),
        (
            "batch-budget",
            states,
            "train_images=0",
            "data set states: expected images",
        ),
        (
            "random-search",
            states,
            "train_images=99999",
            "training rows of states, or 0 for all (--set train_images=0)",
        ),
        (
            "batch-budget",
            states,
            "batch_parts=2",
            "batch_parts: expected 1, as this experiment trains on whole batches",
        ),
        (
            "random-search",
            ["nosuch", "target=y"],
            "train_images=0",
            "there is no data set called \"nosuch\"",
        ),
    ] {
        let arguments = ["--dataset", file, "--set", target, "--set", more];
        let output = run(experiment, &arguments, folder.path());
        let said = text(&output);
        assert!(
            !output.status.success() && said.contains(expected),
            "{experiment} {file}: {said}"
        );
        assert!(!folder.path().join("runs").exists(), "{experiment} {file}: {said}");
    }
}

#[test]
fn a_descriptor_among_the_sets_is_said_to_be_there() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("shared")).unwrap();
    std::fs::write(folder.path().join("gaps.csv"), gaps_and_words()).unwrap();
    let arguments = ["gaps.csv", "--set", "target=left", "--descriptor", "shared/gaps.toml"];
    let said = text(&described(&arguments, folder.path()));
    assert!(
        said.contains("it lies in ") && said.contains("the folder of data sets"),
        "{said}"
    );
}

#[test]
fn a_table_that_cannot_be_read_gets_an_error_that_names_the_cell_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let broken = tall_and_narrow().replacen("\n0.", "\nzero.", 1);
    let line = broken.lines().position(|line| line.starts_with("zero.")).unwrap() + 1;
    std::fs::write(folder.path().join("broken.tsv"), broken).unwrap();
    let output = sizing(&["--dataset", "broken.tsv", "--set", "target=state"], folder.path());
    assert!(!output.status.success());
    let said = text(&output);
    assert!(
        said.contains(&format!("broken.tsv, line {line}, column \"reading\"")),
        "{said}"
    );
    assert!(
        !folder.path().join("runs").exists() && !folder.path().join("data").exists(),
        "{said}"
    );
}

#[test]
fn data_is_described_before_it_is_used_and_a_changed_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gaps.csv");
    std::fs::write(&path, gaps_and_words()).unwrap();
    let said = text(&sizing(
        &["describe-data", "gaps.csv", "--set", "target=left"],
        folder.path(),
    ));
    assert!(
        said.contains("classes: no, yes") && said.contains("rows without a target left out"),
        "{said}"
    );
    std::fs::write(&path, gaps_and_words().replacen("Ulm", "Mainz", 1)).unwrap();
    let output = sizing(&["--dataset", "gaps"], folder.path());
    assert!(
        !output.status.success() && text(&output).contains("has changed"),
        "{}",
        text(&output)
    );
}

#[test]
fn a_descriptor_lies_in_the_project_whatever_the_folder_of_sets() {
    let folder = tempfile::tempdir().unwrap();
    let shared = folder.path().join("shared");
    std::fs::create_dir(&shared).unwrap();
    std::fs::write(shared.join("gaps.csv"), gaps_and_words()).unwrap();
    let said = text(&described(&["shared/gaps.csv", "--set", "target=left"], folder.path()));
    assert!(
        said.contains("described in data/gaps.toml; from now on: --dataset gaps\n"),
        "{said}"
    );
    assert_eq!(std::fs::read_dir(&shared).unwrap().count(), 1, "{said}");
    let beside = described(
        &["shared/gaps.csv", "--set", "target=left", "--descriptor", "mine.toml"],
        folder.path(),
    );
    let said = text(&beside);
    assert!(
        said.contains("described in mine.toml; from now on: --dataset mine.toml\n"),
        "{said}"
    );
    let again = text(&described(&["mine.toml"], folder.path()));
    assert!(
        again.contains("mine: ") && again.contains("classes: no, yes"),
        "{again}"
    );
}

#[test]
fn a_file_called_all_is_a_file_and_the_bare_word_every_set() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("all.csv"), gaps_and_words()).unwrap();
    let said = text(&described(&["all.csv", "--set", "target=left"], folder.path()));
    assert!(said.contains("from now on: --dataset data/all.toml\n"), "{said}");
    for file in ["all.csv", "data/all.toml"] {
        let output = sizing(&["--dataset", file, "plan"], folder.path());
        let said = text(&output);
        assert!(
            output.status.success() && said.contains("runs/sizing/all/"),
            "{file}: {said}"
        );
    }
    let every = sizing(&["--dataset", "all", "--set", "target=left", "plan"], folder.path());
    let said = text(&every);
    // The known sets have no column to name.
    assert!(
        !every.status.success() && said.contains("target=…: no such setting"),
        "{said}"
    );
}

#[test]
fn a_folder_without_data_says_what_was_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("notes.txt"), "x").unwrap();
    let output = described(&["."], folder.path());
    let said = text(&output);
    assert!(!output.status.success(), "{said}");
    assert!(
        said.contains("expected a folder of idx files") && said.contains("found 1 other file, first notes.txt"),
        "{said}"
    );
    assert!(!folder.path().join("data").exists(), "{said}");
}

#[test]
fn a_table_that_an_experiment_cannot_take_is_refused_for_what_it_is_and_not_for_a_setting() {
    let folder = tempfile::tempdir().unwrap();
    let rows: String = (0..40)
        .map(|row| format!("{row},{},{}\n", 3 * row, ["a", "b"][row % 2]))
        .collect();
    std::fs::write(folder.path().join("own.csv"), format!("x,y,class\n{rows}")).unwrap();
    let said = |name: &str| {
        let (_, binary) = experiments().into_iter().find(|(known, _)| known == name).unwrap();
        let arguments = ["--preset", "smoke", "--dataset", "own.csv", "--set", "target=class"];
        let mut command = Command::new(binary);
        text(&command.args(arguments).current_dir(folder.path()).output().unwrap())
    };
    let small = said("pruning-curves");
    let wanted = "data set own is too small for the preset smoke, which takes 1000 training rows where it has 24 and 300 test rows \
                  where it has 8: --set train_images=0 --set curve_images=0 takes all that there are";
    assert!(small.contains(wanted), "{small}");
    let images = said("split-and-dice");
    assert!(images.contains("data set own: expected images"), "{images}");
}
