//! Divergence, missing arms and trials that are too large are outcomes: every experiment writes its page.

use std::path::Path;
use std::process::{Command, Output};

use crate::digits;

/// An experiment, and settings under which some or all of its arms diverge.
const EXPERIMENTS: [(&str, &str, Option<&str>); 17] = [
    (
        "mnist-variance",
        env!("CARGO_BIN_EXE_mnist-variance"),
        Some("learning_rate=1e300"),
    ),
    ("conjecture", env!("CARGO_BIN_EXE_conjecture"), None),
    (
        "split-and-dice",
        env!("CARGO_BIN_EXE_split-and-dice"),
        Some("learning_rate=1e39"),
    ),
    (
        "split-selectors",
        env!("CARGO_BIN_EXE_split-selectors"),
        Some("learning_rates=0.001,1e39"),
    ),
    (
        "pruning-curves",
        env!("CARGO_BIN_EXE_pruning-curves"),
        Some("short_rate=1e39"),
    ),
    ("size-gate", env!("CARGO_BIN_EXE_size-gate"), Some("learning_rate=1e39")),
    ("gray-zone", env!("CARGO_BIN_EXE_gray-zone"), Some("learning_rate=1e39")),
    (
        "pretraining",
        env!("CARGO_BIN_EXE_pretraining"),
        Some("learning_rate=1e39"),
    ),
    (
        "unit-order",
        env!("CARGO_BIN_EXE_unit-order"),
        Some("learning_rate=1e39"),
    ),
    (
        "gated-layers",
        env!("CARGO_BIN_EXE_gated-layers"),
        Some("learning_rate=1e39"),
    ),
    (
        "sparsifier",
        env!("CARGO_BIN_EXE_sparsifier"),
        Some("learning_rate=1e39"),
    ),
    (
        "dead-unit-recycling",
        env!("CARGO_BIN_EXE_dead-unit-recycling"),
        Some("rates=1e39"),
    ),
    (
        "batch-budget",
        env!("CARGO_BIN_EXE_batch-budget"),
        Some("learning_rate=1e39"),
    ),
    (
        "strategies",
        env!("CARGO_BIN_EXE_strategies"),
        Some("learning_rate=1e39"),
    ),
    (
        "block-growth",
        env!("CARGO_BIN_EXE_block-growth"),
        Some("learning_rate=1e39"),
    ),
    (
        "random-search",
        env!("CARGO_BIN_EXE_random-search"),
        Some("learning_rate=1e39"),
    ),
    ("sizing", env!("CARGO_BIN_EXE_sizing"), Some("learning_rate=1e39")),
];

/// Runs on the set that ships in the code, of which nothing is drawn where the run is refused.
fn run(binary: &str, arguments: &[&str], folder: &Path) -> Output {
    run_on("glyphs", binary, arguments, folder)
}

/// Runs on a few digits, in a folder of its own.
fn run_on_digits(binary: &str, arguments: &[&str]) -> (Output, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    digits::write(folder.path());
    (run_on(digits::FILE, binary, arguments, folder.path()), folder)
}

fn run_on(set: &str, binary: &str, arguments: &[&str], folder: &Path) -> Output {
    Command::new(binary)
        .args(["--preset", "smoke", "--dataset", set])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

/// The page, wherever changed settings have put it.
fn page(name: &str, folder: &Path) -> String {
    let presets = folder.join("runs").join(name).join("digits").read_dir().unwrap();
    let pages =
        presets.filter_map(|preset| std::fs::read_to_string(preset.unwrap().path().join("report/README.md")).ok());
    let pages: Vec<String> = pages.collect();
    assert_eq!(pages.len(), 1, "{name}");
    pages.into_iter().next().unwrap()
}

#[test]
fn arms_that_diverge_are_recorded_and_told_on_every_page() {
    for (name, binary, setting) in EXPERIMENTS {
        let Some(setting) = setting else { continue };
        let mut arguments = vec!["--set", setting];
        // Some would take more rows than there are.
        if settings(binary).iter().any(|setting| setting.name == "train_images") {
            arguments.extend(["--set", "train_images=0"]);
        }
        let (output, folder) = run_on_digits(binary, &arguments);
        assert!(output.status.success(), "{name}: {}", said(&output));
        let page = page(name, folder.path());
        for part in ["**diverged**", "Trials without a result", "counts as the worst outcome"] {
            assert!(page.contains(part), "{name}: {part} in {page}");
        }
        assert!(!page.contains("are not defined:"), "{name}: {page}");
        assert!(!page.contains("NaN"), "{name}: {page}");
    }
}

#[test]
fn a_strategy_alone_is_shown_with_its_configurations_and_judged_by_nobody() {
    let (output, folder) = run_on_digits(env!("CARGO_BIN_EXE_strategies"), &["--only", "redo"]);
    assert!(output.status.success(), "{}", said(&output));
    let page = page("strategies", folder.path());
    for part in [
        "figures/accuracy.svg",
        "figures/units.svg",
        "| redo/τ 0.1 |",
        "| redo/τ 0.025 |",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let rows = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let others =
        rows.filter(|(arm, cells)| arm.contains('/') && !arm.starts_with("redo/") && !cells.contains("not run"));
    let told: Vec<_> = others
        .filter(|(_, cells)| cells.contains(|c: char| c.is_ascii_digit()))
        .collect();
    assert!(told.is_empty(), "{told:?} in {page}");
    assert!(page.contains("not run"), "{page}");
    for verdict in ["confirmed", "refuted", "inconclusive"] {
        assert!(!page.contains(verdict), "{verdict} in {page}");
    }
}

#[test]
fn a_trial_that_needs_more_memory_than_there_is_fails_with_the_numbers_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    digits::write(folder.path());
    let arguments = [
        "--set",
        "widths=4,1000000000",
        "--set",
        "train_images=0",
        "--memory",
        "4GiB",
    ];
    for _ in 0..2 {
        let binary = env!("CARGO_BIN_EXE_mnist-variance");
        let output = run_on(digits::FILE, binary, &arguments, folder.path());
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        let said = said(&output);
        assert!(said.contains("failed: 1000000000") && said.contains("TiB"), "{said}");
        assert!(said.contains("may take 4.0 GiB") && said.contains("--memory"), "{said}");
        let page = page("mnist-variance", folder.path());
        assert!(
            page.contains("**not run**") && page.contains("`1000000000` (1 of 1)"),
            "{page}"
        );
    }
}

#[test]
fn plans_that_are_too_large_are_refused_before_anything_is_written() {
    for seeds in ["18446744073709551614", "18446744073709551615", "100000000"] {
        let folder = tempfile::tempdir().unwrap();
        let output = run(
            env!("CARGO_BIN_EXE_split-selectors"),
            &["--seeds", seeds],
            folder.path(),
        );
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains("at most 10000000 trials"), "{}", said(&output));
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }
}

/// A setting as `--help` lists it: name, value, and what it may be.
struct Setting {
    name: String,
    value: String,
    range: String,
}

fn settings(binary: &str) -> Vec<Setting> {
    let help = Command::new(binary)
        .arg("--help")
        .env("COLUMNS", "1000")
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let listed = help.split("Settings, for --set").nth(1).unwrap();
    let setting = |line: &str| {
        let (name, rest) = line.strip_prefix("  ")?.split_once('=')?;
        let (value, rest) = rest.split_once("  (")?;
        Some(Setting {
            name: name.to_owned(),
            value: value.to_owned(),
            range: rest.split(';').next()?.to_owned(),
        })
    };
    listed.lines().filter_map(setting).collect()
}

/// Values outside a range that is given in words.
fn outside(setting: &Setting) -> Vec<String> {
    let after = |words: &str| -> Option<f64> {
        let rest = setting.range.split(words).nth(1)?;
        rest.trim_start().split([',', ' ']).next()?.parse().ok()
    };
    let whole = setting.range.contains("whole");
    let list = setting.range.contains("separated by commas");
    let mut wrong = vec![
        "".to_owned(),
        "NaN".to_owned(),
        "inf".to_owned(),
        "-1e300".to_owned(),
        "x".to_owned(),
    ];
    if let Some(least) = after("at least ") {
        wrong.push((least - if whole { 1.0 } else { 1e-9 }).to_string());
    }
    if let Some(least) = after("above ") {
        wrong.extend([least.to_string(), (least - 1.0).to_string()]);
    }
    if let Some(most) = after("at most ") {
        wrong.push((most + if whole { 1.0 } else { most.abs() + 1e-9 }).to_string());
    }
    if list {
        let first = setting.value.split(',').next().unwrap();
        if setting.range.contains("different") || setting.range.contains("ascending") {
            wrong.push(format!("{},{first}", setting.value));
        }
        let long = vec![first; 1001].join(",");
        wrong.push(long);
        wrong.push(format!("{},", setting.value));
    }
    wrong
}

#[test]
fn every_numeric_setting_has_a_range_and_refuses_what_lies_outside_before_anything_is_written() {
    for (name, binary, _) in EXPERIMENTS {
        let settings = settings(binary);
        assert!(!settings.is_empty(), "{name}");
        for setting in settings {
            let numeric = setting.range.contains("number");
            if !numeric {
                continue;
            }
            assert!(
                ["at least", "above"].iter().any(|word| setting.range.contains(word)),
                "{name}: {} has no range: {}",
                setting.name,
                setting.range
            );
            for value in outside(&setting) {
                let folder = tempfile::tempdir().unwrap();
                let output = run(binary, &["--set", &format!("{}={value}", setting.name)], folder.path());
                let said = said(&output);
                assert_eq!(
                    output.status.code(),
                    Some(2),
                    "{name}: {}={value} ({}): {said}",
                    setting.name,
                    setting.range
                );
                assert!(said.contains(&setting.name), "{name}: {said}");
                assert_eq!(
                    folder.path().read_dir().unwrap().count(),
                    0,
                    "{name}: {}={value}",
                    setting.name
                );
            }
        }
    }
}

#[test]
fn more_rows_than_the_data_set_has_are_refused_before_anything_is_written() {
    for (binary, setting) in [
        (env!("CARGO_BIN_EXE_batch-budget"), "train_images=1000000"),
        (env!("CARGO_BIN_EXE_pruning-curves"), "curve_images=1000000"),
    ] {
        let (output, folder) = run_on_digits(binary, &["--set", setting]);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        let (said, name) = (said(&output), setting.split('=').next().unwrap());
        for part in [
            format!("{name}: expected at most").as_str(),
            "rows of digits, or 0 for all",
            "found `1000000`",
        ] {
            assert!(said.contains(part), "{part} in {said}");
        }
        assert!(!folder.path().join("runs").exists());
    }
}
