//! Every experiment runs end to end on the set that ships in the code.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use crate::{experiments, makes_its_data};

fn run(binary: &str, arguments: &[&str], folder: &Path) -> Output {
    Command::new(binary)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// Runs the smoke preset on the set that ships in the code, or on the data that the experiment makes itself; gives the
/// folder's name as well.
fn smoke(binary: &str, arguments: &[&str], folder: &Path) -> (Output, &'static str) {
    let own = makes_its_data(binary);
    let data: &[&str] = if own { &[] } else { &["--dataset", "glyphs"] };
    let words = [&["--preset", "smoke"], data, arguments].concat();
    (run(binary, &words, folder), if own { "no-data" } else { "glyphs" })
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn every_binary_of_the_package_is_tried_here() {
    let manifest = include_str!("../../Cargo.toml");
    let named = manifest
        .split("[[bin]]")
        .skip(1)
        .filter_map(|bin| bin.split('"').nth(1));
    let tried: BTreeSet<String> = experiments().into_iter().map(|(name, _)| name).collect();
    assert_eq!(named.map(str::to_owned).collect::<BTreeSet<_>>(), tried);
}

#[test]
fn every_experiment_says_its_name_and_asks_a_question() {
    for (name, binary) in experiments() {
        let folder = tempfile::tempdir().unwrap();
        let line = text(&run(&binary, &["about"], folder.path()));
        assert!(
            line.starts_with(&name) && line.trim_end().ends_with('?'),
            "{name}: {line}"
        );
    }
}

#[test]
fn a_smoke_run_writes_rows_and_a_page_with_figures_and_one_variant_of_it_a_page_that_names_what_is_missing() {
    for (name, binary) in experiments() {
        let folder = tempfile::tempdir().unwrap();
        let (output, set) = smoke(&binary, &[], folder.path());
        assert!(output.status.success(), "{name}: {}", text(&output));
        let runs = folder.path().join("runs").join(&name).join(set).join("smoke");
        check_report(&name, &runs.join("report"));
        let variant = leave_one_variant(&runs);
        let (output, _) = smoke(&binary, &["--only", &variant], folder.path());
        let said = text(&output);
        assert!(output.status.success(), "{name}, {variant}: {said}");
        assert!(!said.contains("[1/"), "{name}, {variant} was recorded: {said}");
        check_page_of_one_variant(&name, &runs.join("report"));
        assert!(!folder.path().join("reports").exists(), "{name}");
    }
}

fn page(report: &Path) -> String {
    std::fs::read_to_string(report.join("README.md")).unwrap()
}

fn check_report(name: &str, report: &Path) {
    let page = page(report);
    let summary = std::fs::read_to_string(report.join("summary.json")).unwrap();
    // A showcase has no claims; no claim is settled by a smoke run's seeds.
    let unsettled = ["undecided", "inconclusive", "not converged"]
        .iter()
        .any(|word| page.contains(word));
    assert!(unsettled || summary.contains("\"claims\": []"), "{name}: {page}");
    assert!(page.contains("figures/"), "{name}: {page}");
    let fits = "How fits of π ended: exponential + normal ";
    assert!(name != "mnist-variance" || page.contains(fits), "{page}");
    assert!(report.join("rows").read_dir().unwrap().count() > 1, "{name}");
}

fn check_page_of_one_variant(name: &str, report: &Path) {
    let page = page(report);
    assert!(page.contains("not run"), "{name}: {page}");
    let verdict = ["**confirmed**", "**refuted**"].iter().any(|word| page.contains(word));
    assert!(!verdict, "{name}: {page}");
}

/// Deletes the report and the records of all variants but one, whose name it gives.
fn leave_one_variant(runs: &Path) -> String {
    let plan = std::fs::read_to_string(runs.join("plan.jsonl")).unwrap();
    let planned = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        ["id", "variant"].map(|field| line[field].as_str().unwrap().to_owned())
    };
    let trials: Vec<[String; 2]> = plan.lines().skip(1).map(planned).collect();
    let variant = trials[0][1].clone();
    for [id, _] in trials.iter().filter(|[_, other]| *other != variant) {
        let record = runs.join("records").join(&id[..2]).join(format!("{id}.json"));
        std::fs::remove_file(record).unwrap();
    }
    std::fs::remove_dir_all(runs.join("report")).unwrap();
    variant
}

#[cfg(not(feature = "cuda"))]
#[test]
fn a_device_without_kernels_is_refused_not_replaced() {
    for (name, binary) in experiments() {
        let folder = tempfile::tempdir().unwrap();
        let (output, _) = smoke(&binary, &["--device", "cuda"], folder.path());
        assert!(
            !output.status.success() && text(&output).contains("built without the feature `cuda`"),
            "{name}: {}",
            text(&output)
        );
    }
}
