//! Seeds that are added while a claim is open: looks, their bound, kills between them, and what cannot go with them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use espalier_experiment::Manifest;
use serde_json::Value as Json;

use super::gain::Gain;
use super::toy::{Field, be_the_process, files_below, same_rows, text, wait_for};

/// Is the experiment's process when asked, else does nothing.
#[test]
fn the_experiment_itself() {
    be_the_process(&Gain);
}

fn field() -> Field {
    Field::of("until::the_experiment_itself")
}

fn until_decided(field: &Field, more: &[&str]) -> String {
    field.succeed(&[&["--until-decided"], more].concat())
}

/// The folder of the only report on a data set, from the field's folder on.
fn report(field: &Field, dataset: &str) -> PathBuf {
    let manifests = files_below(&field.path("reports/gain").join(dataset), "manifest.json");
    assert_eq!(manifests.len(), 1, "{manifests:?}");
    manifests[0].parent().unwrap().to_owned()
}

fn manifest(folder: &Path) -> Manifest {
    Manifest::read(folder).unwrap().unwrap()
}

fn summary(folder: &Path) -> Json {
    serde_json::from_slice(&fs::read(folder.join("summary.json")).unwrap()).unwrap()
}

/// The seeds of a report, the verdict on the gain and the level of its interval.
fn outcome(folder: &Path) -> (usize, String, f64) {
    let claim = &summary(folder)["claims"][0];
    let verdict = claim["verdict"].as_str().unwrap().to_owned();
    let seeds = manifest(folder).provenance.seeds.len();
    (seeds, verdict, claim["ours"]["level"].as_f64().unwrap())
}

fn page(folder: &Path) -> String {
    fs::read_to_string(folder.join("README.md")).unwrap()
}

#[test]
fn a_large_gain_is_decided_at_the_first_look() {
    let field = field();
    let said = until_decided(&field, &["--set", "alpha=20"]);
    assert!(said.contains("alpha: 6 of at most 24 seeds, open claims: 0"), "{said}");
    let folder = report(&field, "alpha");
    let (seeds, verdict, level) = outcome(&folder);
    assert_eq!((seeds, verdict.as_str()), (6, "confirmed"));
    // A quarter of the seeds spends a sixteenth of the error.
    assert!((level - (1.0 - 0.05 / 16.0)).abs() < 1e-9, "{level}");
    let page = page(&folder);
    for part in [
        "this is look 1 of those declared beforehand, at 6, 9, 12, 15, 18, 21 and 24 paired seeds",
        "saved 18 of 24 seeds, 36 of 48 trials",
        "they are of 99.69 % where a claim stands alone",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let html = fs::read_to_string(folder.join("index.html")).unwrap();
    assert!(html.contains("saved 18 of 24 seeds"), "{html}");
    assert_eq!(summary(&folder)["looks"]["made"], 1);
    assert!(
        manifest(&folder)
            .provenance
            .command
            .ends_with("--set alpha=20 --until-decided")
    );
}

#[test]
fn where_there_is_no_gain_seeds_are_added_up_to_the_bound() {
    let field = field();
    until_decided(&field, &["--max-seeds", "12"]);
    let folder = report(&field, "alpha");
    let (seeds, verdict, level) = outcome(&folder);
    assert_eq!((seeds, verdict.as_str()), (12, "inconclusive"));
    assert!(level > 0.95, "{level}");
    let looks = manifest(&folder).provenance.looks.unwrap();
    assert_eq!((looks.seeds.as_slice(), looks.made), (&[6, 9, 12][..], 3));
    assert!(page(&folder).contains("At the bound 1 claim is still open."));
}

/// A gain that six seeds cannot tell from none, and twenty-four can.
const BETWEEN: [&str; 2] = ["--set", "alpha=1.5"];

#[test]
fn a_gain_between_is_decided_between_and_redrawn_byte_for_byte() {
    let field = field();
    until_decided(&field, &BETWEEN);
    let folder = report(&field, "alpha");
    let (seeds, verdict, _) = outcome(&folder);
    assert!(seeds > 6 && seeds < 24, "{seeds}");
    assert_eq!(verdict, "confirmed");
    let drawn = files(&folder);
    field.succeed(&["figures"]);
    assert_eq!(files(&folder), drawn);
    // A second run finds nothing to do.
    until_decided(&field, &BETWEEN);
    assert_eq!(manifest(&folder).provenance.seeds.len(), seeds);
}

/// The bytes of a report's pages and summary.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let names = ["README.md", "index.html", "summary.json"];
    names
        .map(|name| (folder.join(name), fs::read(folder.join(name)).unwrap()))
        .into()
}

fn rows(field: &Field) -> super::toy::RowFiles {
    let folder = report(field, "alpha");
    field.row_files(folder.strip_prefix(field.folder.path()).unwrap().to_str().unwrap())
}

#[test]
fn a_run_that_is_killed_between_two_looks_goes_on_as_an_unbroken_one() {
    let slow = [
        &BETWEEN[..],
        &["--set", "sleep=20", "--jobs", "1", "--lease-seconds", "1"],
    ]
    .concat();
    let (field, whole) = (field(), field());
    until_decided(&whole, &slow);
    let mut child = field.start(&[&["--until-decided"], &slow[..]].concat());
    // Six seeds of two arms are the first look.
    wait_for("a trial of the second look", || {
        files_below(&field.path("runs"), ".json").len() > 14 || child.try_wait().unwrap().is_some()
    });
    child.kill().unwrap();
    child.wait().unwrap();
    until_decided(&field, &slow);
    same_rows(&rows(&field), &rows(&whole), "after a kill");
    assert_eq!(outcome(&report(&field, "alpha")), outcome(&report(&whole, "alpha")));
}

#[test]
fn a_report_of_seeds_that_were_fixed_is_gone_on_with() {
    let (field, whole) = (field(), field());
    field.succeed(&BETWEEN);
    assert_eq!(manifest(&report(&field, "alpha")).provenance.looks, None);
    fs::remove_dir_all(field.path("runs")).unwrap();
    let said = until_decided(&field, &[&["--continue"], &BETWEEN[..]].concat());
    assert!(said.contains("goes on from 12 trials"), "{said}");
    until_decided(&whole, &BETWEEN);
    same_rows(&rows(&field), &rows(&whole), "from six seeds");
}

#[test]
fn each_data_set_gets_the_seeds_that_its_own_claims_need() {
    let field = field();
    let sets = ["--dataset", "all", "--set", "alpha=20", "--max-seeds", "9"];
    until_decided(&field, &sets);
    assert_eq!(outcome(&report(&field, "alpha")).0, 6);
    let (seeds, verdict, _) = outcome(&report(&field, "beta"));
    assert_eq!((seeds, verdict.as_str()), (9, "inconclusive"));
}

#[test]
fn looks_that_were_declared_otherwise_are_refused() {
    let field = field();
    until_decided(&field, &["--max-seeds", "9"]);
    let output = field.run(&["--until-decided", "--max-seeds", "15"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(
        text(&output).contains("declared, at [6, 9] paired seeds") && text(&output).contains("at [6, 9, 12, 15]"),
        "{}",
        text(&output)
    );
}

#[test]
fn looks_are_declared_before_the_first_trial_and_not_moved_from_then_on() {
    let field = field();
    let said = until_decided(&field, &["--set", "alpha=20", "--max-seeds", "9"]);
    let declared = "declared before any look: claims are judged at 6, 9 paired seeds, no more than 9;";
    assert!(said.contains(declared), "{said}");
    // Killed before there is a trial, let alone a look.
    let slow = ["--until-decided", "--set", "sleep=2000", "--max-seeds"];
    let mut child = field.start(&[&slow[..], &["9"]].concat());
    wait_for("the declaration", || {
        files_below(&field.path("runs"), "looks.json").len() > 1 || child.try_wait().unwrap().is_some()
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let output = field.run(&[&slow[..], &["15"]].concat());
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    let moved = "looks.json: expected the looks that were declared, at [6, 9] paired seeds";
    assert!(
        text(&output).contains(moved) && text(&output).contains("(--out and --runs)"),
        "{}",
        text(&output)
    );
}

#[test]
fn looks_of_a_report_that_was_kept_apart_cannot_be_moved_either() {
    let field = field();
    field.succeed(&["--seeds", "20"]);
    let said = until_decided(&field, &["--max-seeds", "9"]);
    assert!(said.contains("kept apart and the larger one stays"), "{said}");
    let output = field.run(&["--until-decided", "--max-seeds", "15"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(
        text(&output).contains("runs/gain/alpha/quick/report: expected the looks that were declared, at [6, 9]"),
        "{}",
        text(&output)
    );
    until_decided(&field, &["--max-seeds", "9"]);
    // Other data are looked at anew.
    until_decided(&field, &["--max-seeds", "15", "--dataset", "beta"]);
}

#[test]
fn a_smoke_run_cannot_move_its_looks_either() {
    let field = field();
    let smoke = ["--until-decided", "--preset", "smoke", "--max-seeds"];
    field.succeed(&[&smoke[..], &["9"]].concat());
    let output = field.run(&[&smoke[..], &["15"]].concat());
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
}

#[test]
fn a_claim_that_no_number_of_seeds_decides_ends_the_run_with_the_reason() {
    let field = field();
    let said = until_decided(&field, &["--set", "undefined=2"]);
    assert!(
        said.contains(
            "alpha: no number of seeds decides gains, which is inconclusive: 1 of 6 seeds have no such number: 2"
        ),
        "{said}"
    );
    assert_eq!(manifest(&report(&field, "alpha")).provenance.seeds.len(), 6);
}

#[test]
fn what_is_open_at_the_bound_is_named_with_what_a_larger_bound_takes() {
    let said = until_decided(&field(), &["--max-seeds", "6"]);
    assert!(
        said.contains("alpha: still open at the bound of 6 seeds: gains.") && said.contains("--out and --runs"),
        "{said}"
    );
}

#[test]
fn a_trial_that_fails_each_time_ends_the_run_with_a_way_out() {
    let field = field();
    for _ in 0..2 {
        let output = field.run(&["--until-decided", "--set", "fails=3"]);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        let said = text(&output);
        assert!(
            said.contains("no seeds are added while trials fail") && said.contains("mend what that names"),
            "{said}"
        );
        assert!(said.contains("12 trials") || said.contains("11 of 12"), "{said}");
    }
}

#[test]
fn a_run_that_forgets_the_looks_does_not_replace_a_report_that_knows_of_them() {
    let field = field();
    until_decided(&field, &["--max-seeds", "9"]);
    let said = field.succeed(&["--seeds", "12"]);
    assert!(said.contains("does not know of the looks is kept apart"), "{said}");
    assert_eq!(manifest(&report(&field, "alpha")).provenance.seeds.len(), 9);
}

#[test]
fn what_looks_cannot_go_with_is_refused_with_the_reason() {
    for (arguments, part) in [
        (&["plan", "--until-decided"][..], "known look by look"),
        (&["slurm", "--until-decided", "--dry-run"], "known look by look"),
        (
            &["--until-decided", "--shard", "1/2"],
            "a look needs all trials of its seeds",
        ),
        (&["--until-decided", "--only", "plain"], "claims need every arm"),
        (&["--until-decided", "--seeds", "3"], "at least 6"),
        (
            &["--until-decided", "--max-seeds", "5"],
            "the 6 seeds of the first look",
        ),
        (&["--max-seeds", "12"], "--until-decided"),
    ] {
        let field = field();
        let output = field.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output));
        assert!(
            text(&output).contains(part),
            "{arguments:?}: {part} in {}",
            text(&output)
        );
        assert!(!field.path("runs").exists(), "{arguments:?} left something behind");
    }
}
