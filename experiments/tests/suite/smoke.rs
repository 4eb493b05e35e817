//! Every experiment runs end to end on the set that ships in the code.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use crate::experiments;

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
    let own = text(&run(binary, &["--help"], folder)).contains("Data: made by the experiment");
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
fn a_smoke_run_writes_rows_and_a_page_with_figures_and_leaves_the_reports_alone() {
    for (name, binary) in experiments() {
        let folder = tempfile::tempdir().unwrap();
        let (output, set) = smoke(&binary, &[], folder.path());
        assert!(output.status.success(), "{name}: {}", text(&output));
        let report = folder.path().join("runs").join(&name).join(set).join("smoke/report");
        let page = std::fs::read_to_string(report.join("README.md")).unwrap();
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
        assert!(!folder.path().join("reports").exists(), "{name}");
    }
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

#[test]
fn more_training_images_than_there_are_is_an_error_that_names_the_setting() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [
        "--preset",
        "smoke",
        "--dataset",
        "glyphs",
        "--set",
        "train_images=1000000",
    ];
    let output = run(env!("CARGO_BIN_EXE_batch-budget"), &arguments, folder.path());
    assert!(!output.status.success());
    let said = text(&output);
    assert!(
        said.contains("train_images: expected at most") && said.contains("found `1000000`"),
        "{said}"
    );
}
