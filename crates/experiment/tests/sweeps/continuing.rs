//! Going on from a recorded report, and setting new rows beside it.

use std::fs;

use super::toy::{Field, text};
use espalier_experiment::Manifest;
use espalier_report::rows::Rows;

const QUICK: &str = "reports/walk/alpha/quick";

/// A folder with the report of another one, as a clone has it, and without its records.
fn clone_of(field: &Field) -> Field {
    let clone = Field::new();
    let (from, to) = (field.path(QUICK), clone.path(QUICK));
    fs::create_dir_all(to.join("rows")).unwrap();
    fs::copy(from.join("manifest.json"), to.join("manifest.json")).unwrap();
    for (name, bytes) in field.row_files(QUICK).files {
        fs::write(to.join("rows").join(name), bytes).unwrap();
    }
    fs::copy(from.join("rows/timings.parquet"), to.join("rows/timings.parquet")).unwrap();
    clone
}

fn manifest(field: &Field) -> Manifest {
    Manifest::read(&field.path(QUICK)).unwrap().unwrap()
}

#[test]
fn a_clone_adds_seeds_to_a_report_and_trains_no_other() {
    let (field, whole) = (Field::new(), Field::new());
    field.succeed(&["--seeds", "2"]);
    whole.succeed(&["--seeds", "3"]);
    let clone = clone_of(&field);
    let said = clone.succeed(&["--continue", "--seeds", "3"]);
    assert!(said.contains("goes on from 8 trials"), "{said}");

    assert_eq!(clone.row_files(QUICK), whole.row_files(QUICK));
    let (before, after) = (manifest(&field), manifest(&clone));
    assert_eq!((after.trials, after.planned), (12, 12));
    assert_eq!(before.provenance.started, after.provenance.started);
    assert!(after.provenance.finished >= before.provenance.finished);
}

#[test]
fn a_report_that_is_whole_is_drawn_again_without_training() {
    let field = Field::new();
    field.succeed(&["--seeds", "2"]);
    let clone = clone_of(&field);
    clone.succeed(&["--continue", "--seeds", "2"]);
    assert_eq!(clone.row_files(QUICK), field.row_files(QUICK));
    let (mut before, mut after) = (manifest(&field).provenance, manifest(&clone).provenance);
    assert_eq!(before.wall_seconds, after.wall_seconds);
    assert_eq!(before.finished, after.finished);
    // The folders are no repositories.
    (before.revision, after.revision) = (String::new(), String::new());
    assert_eq!(before, after);
    let timings = |field: &Field| fs::read(field.path(QUICK).join("rows/timings.parquet")).unwrap();
    assert_eq!(timings(&clone), timings(&field));
}

#[test]
fn a_report_of_another_identity_is_not_gone_on_with_and_stays_as_it_is() {
    let field = Field::new();
    field.succeed(&["--seeds", "2"]);
    let clone = clone_of(&field);
    let rows = clone.row_files(QUICK);
    let output = clone
        .command(&["--continue", "--seeds", "3"])
        .env("WALK_CONTENT", "other")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let said = text(&output);
    assert!(
        said.contains(QUICK) && said.contains("data's content: other now, recorded under content of alpha"),
        "{said}"
    );
    assert_eq!(clone.row_files(QUICK), rows);
    assert_eq!(clone.records("alpha/quick"), 0);
}

#[test]
fn where_there_is_no_report_nothing_is_trained_and_the_folder_is_named() {
    let field = Field::new();
    let output = field.run(&["--continue", "--seeds", "1"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    let said = text(&output);
    let wanted = "expected a recorded report in reports/walk/alpha/quick, found none: leave --continue out to train it";
    assert!(said.contains(wanted), "{said}");
    assert_eq!(field.records("alpha/quick"), 0);
    let said = text(&field.run(&["--continue", "--set", "law=uniform", "--out", "other"]));
    for part in ["--set law", "leave out --out other"] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn trials_that_lie_among_the_runs_already_are_said_to() {
    let field = Field::new();
    field.succeed(&["--seeds", "2"]);
    let said = field.succeed(&["--continue", "--seeds", "3"]);
    assert!(
        said.contains("all 8 trials of the recorded report are among the runs already"),
        "{said}"
    );
    // Another machine's seeds: two of the report's trials are not among the runs.
    let clone = clone_of(&field);
    clone.succeed(&[
        "--only",
        "plain",
        "--only",
        "saved",
        "--seeds",
        "3",
        "--out",
        "elsewhere",
    ]);
    let said = clone.succeed(&["--continue", "--seeds", "3"]);
    assert!(
        said.contains("goes on from 6 trials of the recorded report, beside 6 that are among the runs already"),
        "{said}"
    );
}

#[test]
fn a_flag_that_would_be_ignored_is_refused() {
    let field = Field::new();
    let smoke = ["--continue", "--preset", "smoke"];
    for arguments in [&["--continue", "--fresh"][..], &["status", "--continue"], &smoke] {
        assert_eq!(field.run(arguments).status.code(), Some(2), "{arguments:?}");
    }
    let said = text(&field.run(&smoke));
    assert!(
        said.contains("--continue: expected a preset whose report is kept"),
        "{said}"
    );
}

#[test]
fn a_run_ends_by_saying_whether_its_rows_equal_those_of_the_report() {
    let field = Field::new();
    let first = field.succeed(&["--seeds", "2"]);
    assert!(!first.contains("byte for byte"), "{first}");
    let clone = clone_of(&field);
    let equal = clone.succeed(&["--seeds", "2"]);
    assert!(
        equal.contains("the rows of 8 trials") && equal.contains("byte for byte"),
        "{equal}"
    );
    // Of the rows of another law of steps, whose report is put in the place of this one's.
    field.succeed(&["--set", "law=uniform", "--seeds", "2", "--out", "other"]);
    let clone = clone_of(&field);
    take_rows_of(&clone, &field);
    let differs = clone.succeed(&["--seeds", "2"]);
    assert!(differs.contains("the rows of 8 trials differ in"), "{differs}");
}

/// Puts the rows of the report below `other` in the place of a report's own, as if its code had computed them.
fn take_rows_of(field: &Field, from: &Field) {
    let other = super::toy::files_below(&from.path("other"), "ends.parquet")[0].clone();
    let rows = field.path(QUICK).join("rows");
    for name in ["ends", "steps", "timings", "timings-training"].map(|name| format!("{name}.parquet")) {
        fs::copy(other.with_file_name(&name), rows.join(&name)).unwrap();
    }
    let mut manifest = manifest(field);
    manifest.hold(&Rows::read(&rows).unwrap());
    manifest.write(&field.path(QUICK)).unwrap();
    fs::remove_file(field.path(QUICK).join("summary.json")).ok();
}

/// Writes a manifest as one of earlier code would be.
fn as_of_earlier_code(field: &Field) {
    let mut manifest = manifest(field);
    manifest.provenance.fingerprint = "of source text".into();
    manifest.provenance.data[0].checksums.remove("examples");
    manifest.write(&field.path(QUICK)).unwrap();
}

#[test]
fn a_report_whose_sample_agrees_is_taken_over_and_gone_on_with() {
    let (field, whole) = (Field::new(), Field::new());
    field.succeed(&["--seeds", "2"]);
    whole.succeed(&["--seeds", "3"]);
    let clone = clone_of(&field);
    as_of_earlier_code(&clone);
    let refused = clone.run(&["--continue", "--seeds", "3"]);
    assert!(
        text(&refused).contains("recorded under of source text"),
        "{}",
        text(&refused)
    );
    let said = clone.succeed(&["verify", "--take-over", "--seeds", "2", "--sample", "7"]);
    assert!(said.contains("the longest and 2 random of 8 trials"), "{said}");
    assert!(said.contains("its trials have today's identity"), "{said}");
    assert_eq!(
        manifest(&clone).provenance.fingerprint,
        manifest(&field).provenance.fingerprint
    );
    let said = clone.succeed(&["--continue", "--seeds", "3"]);
    assert!(said.contains("goes on from 8 trials"), "{said}");
    assert_eq!(clone.row_files(QUICK), whole.row_files(QUICK));
}

#[test]
fn a_report_whose_sample_does_not_agree_keeps_its_identity_and_says_so_on_its_page() {
    let field = Field::new();
    field.succeed(&["--set", "law=uniform", "--seeds", "2", "--out", "other"]);
    field.succeed(&["--seeds", "2"]);
    take_rows_of(&field, &field);
    as_of_earlier_code(&field);
    let output = field.run(&["verify", "--take-over", "--seeds", "2"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let provenance = manifest(&field).provenance;
    assert_eq!(provenance.fingerprint, "of source text");
    let page = fs::read_to_string(field.path(QUICK).join("README.md")).unwrap();
    assert!(page.contains("rows of earlier code"), "{page}");
}

#[test]
fn a_changed_setting_is_not_taken_over() {
    let field = Field::new();
    field.succeed(&["--seeds", "2"]);
    let mut changed = manifest(&field);
    changed.provenance.settings.insert("steps".into(), "21".into());
    changed.write(&field.path(QUICK)).unwrap();
    let output = field.run(&["verify", "--take-over", "--seeds", "2"]);
    assert!(
        text(&output).contains("setting steps: recorded under 21"),
        "{}",
        text(&output)
    );
    assert_eq!(manifest(&field).provenance.settings["steps"], "21");
}
