//! What is recorded is held against hashes, counts and names before a page is drawn from it.

use std::fs;
use std::path::{Path, PathBuf};

use super::toy::{End, Field, Step, text};
use espalier_experiment::Manifest;
use espalier_experiment::store::{Timing, TrainingTiming};
use espalier_report::rows::{Record, Rows};
use serde_json::{Value as Json, json};

const QUICK: &str = "reports/walk/alpha/quick";

fn recorded() -> Field {
    let field = Field::new();
    field.succeed(&["--seeds", "2"]);
    field
}

fn rows_folder(field: &Field) -> PathBuf {
    field.path(QUICK).join("rows")
}

/// Expects that no page is drawn, and returns what is said instead.
fn refusal(field: &Field) -> String {
    let page = field.path(QUICK).join("README.md");
    let before = fs::read(&page).unwrap();
    let output = field.run(&["figures"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(
        fs::read(&page).unwrap() == before,
        "the page was drawn: {}",
        text(&output)
    );
    text(&output)
}

/// Writes the rows anew, with every end moved: a whole file of other content.
fn move_ends(field: &Field) {
    let rows = Rows::read(&rows_folder(field)).unwrap();
    let records: Vec<Record> = rows
        .trials()
        .into_iter()
        .map(|key| {
            let mine = rows.filtered(|other| *other == key);
            let mut record = Record::new(key);
            for step in mine.get::<Step>().unwrap() {
                record.push(&step.row).unwrap();
            }
            for end in mine.get::<End>().unwrap() {
                let place = end.row.place - 0.2;
                record.push(&End { place, ..end.row }).unwrap();
            }
            for timing in mine.get::<Timing>().unwrap() {
                record.push(&timing.row).unwrap();
            }
            for timing in mine.get::<TrainingTiming>().unwrap() {
                record.push(&timing.row).unwrap();
            }
            record
        })
        .collect();
    Rows::from_records(&records)
        .unwrap()
        .write(&rows_folder(field))
        .unwrap();
}

fn edit(path: &Path, change: impl FnOnce(&mut Json)) {
    let mut json: Json = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    change(&mut json);
    fs::write(path, serde_json::to_vec_pretty(&json).unwrap()).unwrap();
}

#[test]
fn a_table_that_is_gone_is_named_with_the_rows_that_it_had() {
    let field = recorded();
    fs::remove_file(rows_folder(&field).join("steps.parquet")).unwrap();
    let said = refusal(&field);
    assert!(
        said.contains("rows of table `steps` as manifest.json says: 160, found no such table;"),
        "{said}"
    );
}

#[test]
fn altered_rows_are_refused_with_both_hashes() {
    let field = recorded();
    let hash = Rows::read(&rows_folder(&field)).unwrap().content_hash();
    move_ends(&field);
    let other = Rows::read(&rows_folder(&field)).unwrap().content_hash();
    let said = refusal(&field);
    for part in [QUICK, "rows", &hash, &other] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[test]
fn cut_tables_and_missing_trials_are_refused_with_the_counts() {
    let field = recorded();
    let rows = Rows::read(&rows_folder(&field)).unwrap();
    rows.filtered(|key| key.seed == 0).write(&rows_folder(&field)).unwrap();
    let said = refusal(&field);
    assert!(
        said.contains("trials") && said.contains('8') && said.contains('4'),
        "{said}"
    );

    let field = recorded();
    fs::remove_file(rows_folder(&field).join("steps.parquet")).unwrap();
    let said = refusal(&field);
    assert!(said.contains("`steps`") && said.contains("160"), "{said}");
}

#[test]
fn a_flipped_byte_in_any_table_is_refused() {
    let field = recorded();
    for name in ["steps", "ends", "timings"] {
        let path = rows_folder(&field).join(format!("{name}.parquet"));
        let whole = fs::read(&path).unwrap();
        let mut bytes = whole.clone();
        bytes[whole.len() / 3] ^= 4;
        fs::write(&path, bytes).unwrap();
        let said = refusal(&field);
        assert!(
            said.contains(&format!("{name}.parquet")) && said.contains("checksum"),
            "{said}"
        );
        fs::write(&path, whole).unwrap();
    }
    field.succeed(&["figures"]);
}

#[test]
fn a_manifest_edited_by_hand_is_refused() {
    let field = recorded();
    let path = field.path(QUICK).join("manifest.json");
    let whole = fs::read(&path).unwrap();
    let edits: [(&str, Json, &str); 7] = [
        ("schema", json!(99), "schema 99"),
        ("preset", json!("full"), "altered"),
        ("trials", json!(9), "altered"),
        ("seeds", json!([0, 1, 2]), "altered"),
        ("settings", json!({}), "altered"),
        ("rows_hash", json!("0"), "altered"),
        ("checksum", Json::Null, "altered"),
    ];
    for (name, value, finding) in edits {
        edit(&path, |manifest| manifest[name] = value);
        let said = refusal(&field);
        assert!(
            said.contains("manifest.json") && said.contains(finding),
            "{name}: {said}"
        );
        fs::write(&path, &whole).unwrap();
    }
    fs::write(&path, b"{}").unwrap();
    assert!(refusal(&field).contains("schema null"));
}

/// Turns a manifest into one of the first layout, without hashes.
fn first_layout(field: &Field, change: impl FnOnce(&mut Json)) {
    edit(&field.path(QUICK).join("manifest.json"), |manifest| {
        manifest["schema"] = json!(1);
        for name in ["checksum", "rows_hash", "tables"] {
            manifest.as_object_mut().unwrap().remove(name);
        }
        change(manifest);
    });
}

#[test]
fn reports_of_the_first_layout_are_held_against_page_and_folder() {
    let field = recorded();
    first_layout(&field, |_| ());
    field.succeed(&["figures"]);
    let changes: [(&str, Json); 4] = [
        ("preset", json!("full")),
        ("experiment", json!("run")),
        ("trials", json!(9)),
        ("seeds", json!([0])),
    ];
    for (name, value) in changes {
        let field = recorded();
        first_layout(&field, |manifest| manifest[name] = value);
        let said = refusal(&field);
        assert!(said.contains("damaged") && said.contains(QUICK), "{name}: {said}");
    }
    move_ends(&field);
    assert!(refusal(&field).contains("summary.json"));
}

#[test]
fn one_broken_report_does_not_keep_others_from_being_drawn() {
    let field = recorded();
    field.succeed(&["--dataset", "beta", "--seeds", "2"]);
    fs::write(field.path(QUICK).join("manifest.json"), b"{").unwrap();
    let other = field.path("reports/walk/beta/quick/README.md");
    fs::remove_file(&other).unwrap();
    let said = refusal(&field);
    assert!(said.contains("alpha/quick/manifest.json") && other.is_file(), "{said}");
}

#[test]
fn comparing_holds_rows_against_their_manifest() {
    let field = recorded();
    move_ends(&field);
    let output = field.run(&["compare", QUICK, QUICK]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("a hash of the rows"), "{}", text(&output));
}

#[test]
fn a_run_mends_a_report_whose_rows_were_altered() {
    let field = recorded();
    let before = field.row_files(QUICK);
    move_ends(&field);
    field.succeed(&["--seeds", "2"]);
    super::toy::same_rows(&field.row_files(QUICK), &before, "after the run");
    field.succeed(&["figures"]);
}

#[test]
fn the_manifest_counts_and_hashes_what_lies_beside_it() {
    let field = recorded();
    let manifest = Manifest::read(&field.path(QUICK)).unwrap().unwrap();
    let counts: Vec<(&str, usize)> = manifest.tables.iter().map(|(name, n)| (name.as_str(), *n)).collect();
    let expected = [("ends", 8), ("steps", 160), ("timings", 8), ("timings-training", 2)];
    assert_eq!(counts, expected);
    let rows = Rows::read(&rows_folder(&field)).unwrap();
    assert_eq!(manifest.rows_hash, rows.content_hash());
    assert_eq!(manifest.columns["steps"], "step int, place float");
}
