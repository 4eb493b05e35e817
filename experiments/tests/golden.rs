//! Every experiment still computes what its golden digests say, and its golden runs notice when it does not.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test, which says what it skips"
)]

use std::path::Path;
use std::process::Command;

/// Names all experiments: a new one is found by its entry in the manifest.
fn experiments() -> impl Iterator<Item = &'static str> {
    let manifest = include_str!("../Cargo.toml");
    let binaries = manifest.split("[[bin]]").skip(1);
    binaries.map(|bin| bin.split('"').nth(1).unwrap())
}

/// Runs the golden runs and gives what was said, and whether all was well.
fn golden(name: &str, arguments: &[&str]) -> (String, bool) {
    let binary = Path::new(env!("CARGO_BIN_EXE_strategies")).with_file_name(name);
    let output = Command::new(binary).arg("golden").args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (String::from_utf8(said).unwrap(), output.status.success())
}

#[test]
fn every_experiment_computes_what_it_did_when_its_rows_were_recorded() {
    for name in experiments() {
        let (said, agreed) = golden(name, &[]);
        assert!(agreed, "{said}");
        let held = said.contains("golden runs agree") || said.contains("skipped: no digests were recorded on");
        assert!(held, "{name} declares no golden runs: {said}");
        print!("{said}");
    }
}

/// A run whose digests stay when all training images move by a millionth would hold nothing.
#[test]
fn every_golden_run_notices_that_images_move_by_a_millionth() {
    for name in experiments() {
        let (said, _) = golden(name, &["--nudge"]);
        assert!(said.contains("notice"), "{said}");
        // This stream draws its own bits and sees no image.
        let own_data = |line: &&str| line.contains("flipping bits");
        let blind: Vec<&str> = said.lines().filter(|line| line.contains(": blind")).collect();
        assert!(blind.iter().all(own_data), "{}", blind.join("\n"));
    }
}
