//! The page of what was believed takes its verdicts from the reports, and says what is not recorded.

use std::fs;
use std::path::Path;

use espalier_report::page::{Claim, Journal, Margin, Provenance, Report, write_gallery};
use espalier_report::statistics::Estimate;

const TOLD: &str = r#"
[[study]]
number = "003"
title = "a <journal>"
source = "an archive"

[[study.entry]]
id = "J1"
title = "Spread"
date = "2017-10-06"
believed = "the spread tells the size"
tests = [{ experiment = "spreads", claims = ["J1-*"], later = ["J9-later"] }, { experiment = "to-come" }]

[[study.entry]]
id = "J2"
title = "Untested"
believed = "something else"
"#;

fn estimate(value: f64) -> Estimate {
    Estimate {
        value,
        low: value - 0.1,
        high: value + 0.1,
        n: 6,
        level: 0.95,
    }
}

/// A report of one claim under some length of training, of 30 epochs at full size.
fn write(reports: &Path, preset: &str, epochs: &str, claim: Claim) {
    write_seeds(reports, preset, epochs, 6, claim);
}

fn write_seeds(reports: &Path, preset: &str, epochs: &str, seeds: u64, claim: Claim) {
    let setting = |value: &str| vec![("epochs".to_owned(), value.to_owned())];
    let report = Report {
        name: "spreads".to_owned(),
        title: "Does the spread tell?".to_owned(),
        question: "Does the spread tell?".to_owned(),
        settings: setting(epochs),
        full_size: setting("30"),
        claims: vec![claim],
        ..Report::default()
    };
    let provenance = Provenance {
        preset: preset.to_owned(),
        seeds: (0..seeds).collect(),
        ..Provenance::default()
    };
    report
        .write(&reports.join("spreads/mnist").join(preset), &provenance)
        .unwrap();
}

fn claim() -> Claim {
    Claim::new("J1-mass", "the mass moves to 0").study("seen")
}

fn written(told: &str) -> (tempfile::TempDir, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let reports = folder.path();
    let judged = |value| claim().judged(estimate(value), Margin::GreaterThan(0.0), 6);
    write(reports, "full", "30", judged(0.5));
    write(reports, "quick", "3", judged(-0.5));
    write(reports, "unrun", "30", claim().open("not measured"));
    fs::write(reports.join("journal.toml"), told).unwrap();
    write_gallery(reports).unwrap();
    let read = |name: &str| fs::read_to_string(reports.join("journal").join(name)).unwrap();
    let texts = (read("index.html"), read("README.md"));
    (folder, texts.0, texts.1)
}

#[test]
fn an_entry_shows_the_verdict_of_the_longest_report_with_a_link_to_its_claim() {
    let (folder, html, markdown) = written(TOLD);
    assert!(
        html.contains("href=\"../spreads/mnist/full/index.html#J1-mass\""),
        "{html}"
    );
    assert!(!html.contains("spreads/mnist/quick"), "the shorter report stays out");
    assert!(html.contains("a &lt;journal&gt;") && html.contains("the spread tells the size"));
    assert!(html.contains("no claim tests it"));
    let row = "| J1-mass: the mass moves to 0 | [MNIST](../spreads/mnist/full/README.md) | confirmed | 0.50 [0.40, 0.60] | seen |";
    assert!(markdown.contains(row), "{markdown}");
    for nothing in ["| `spreads` J9-later |  | not run |", "| `to-come` |  | not run |"] {
        assert!(markdown.contains(nothing), "{markdown}");
    }
    let front = fs::read_to_string(folder.path().join("index.html")).unwrap();
    assert!(front.contains("href=\"journal/index.html\""));
}

#[test]
fn a_longer_report_with_too_few_seeds_for_a_verdict_hides_none_that_has_enough() {
    let folder = tempfile::tempdir().unwrap();
    let reports = folder.path();
    write(
        reports,
        "quick",
        "3",
        claim().judged(estimate(-0.5), Margin::GreaterThan(0.0), 6),
    );
    let growing = claim().judged(estimate(0.5), Margin::GreaterThan(0.0), 5);
    write_seeds(reports, "full", "30", 5, growing);
    fs::write(reports.join("journal.toml"), TOLD).unwrap();
    write_gallery(reports).unwrap();
    let read = |name: &str| fs::read_to_string(reports.join(name)).unwrap();
    let link = "spreads/mnist/quick/index.html#J1-mass";
    assert!(read("journal/index.html").contains(link), "the journal quotes it");
    let front = read("index.html");
    let mut cells = front.split("<a class=\"cell\"").skip(1);
    let shown = cells.find(|cell| cell.contains("data-longest")).unwrap();
    assert!(shown.contains("data-preset=\"quick\""), "{shown}");
}

#[test]
fn claims_are_counted_by_length_of_training() {
    let (folder, ..) = written(TOLD);
    let index = fs::read_to_string(folder.path().join("README.md")).unwrap();
    assert!(index.contains("| full length | 2 | 1 | 0 | 0 | 1 | 0 | 0 |"), "{index}");
    assert!(
        index.contains("| a tenth or more | 1 | 0 | 1 | 0 | 0 | 0 | 0 |"),
        "{index}"
    );
    let quick = fs::read_to_string(folder.path().join("spreads/mnist/quick/README.md")).unwrap();
    assert!(
        quick.contains("*Valid for 3 epochs (10 % of the full length), 6 seeds.*"),
        "{quick}"
    );
}

#[test]
fn a_journal_that_cannot_be_read_names_file_and_line_and_writes_nothing() {
    for (told, expected) in [
        (
            TOLD.replace("believed = \"something else\"", "beleived = \"\""),
            "beleived",
        ),
        (TOLD.replace("\"J2\"", "\"J1\""), "two entries are called `J1`"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("journal.toml"), told).unwrap();
        let error = write_gallery(folder.path()).unwrap_err().to_string();
        assert!(error.contains("journal.toml") && error.contains(expected), "{error}");
        assert!(!folder.path().join("index.html").exists());
    }
}

#[test]
fn without_a_journal_there_is_no_page_of_it() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Journal::read(folder.path()).unwrap().is_none());
    write_gallery(folder.path()).unwrap();
    assert!(!folder.path().join("journal").exists());
}
