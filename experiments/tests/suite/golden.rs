//! Every experiment still computes what its golden digests say, and its golden runs notice when it does not.
#![allow(clippy::print_stdout, reason = "a test, which says what it skips")]

use std::process::Command;

use crate::{experiments, makes_its_data};

/// Runs the golden runs and gives what was said, and whether all was well.
fn golden(binary: &str, arguments: &[&str]) -> (String, bool) {
    let output = Command::new(binary).arg("golden").args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (String::from_utf8(said).unwrap(), output.status.success())
}

#[test]
fn every_experiment_computes_what_it_did_when_its_rows_were_recorded() {
    for (name, binary) in experiments() {
        let (said, agreed) = golden(&binary, &[]);
        assert!(agreed, "{said}");
        let held = said.contains("golden runs agree") || said.contains("skipped: no digests were recorded on");
        assert!(held, "{name} declares no golden runs: {said}");
        print!("{said}");
    }
}

/// A run whose digests stay when all training images move by a millionth would hold nothing.
#[test]
fn every_golden_run_notices_that_images_move_by_a_millionth() {
    // Where the experiment makes its own data, no images move, and training all again would tell nothing.
    let with_images = experiments().into_iter().filter(|(_, binary)| !makes_its_data(binary));
    for (_, binary) in with_images {
        let (said, _) = golden(&binary, &["--nudge"]);
        assert!(said.contains("notice"), "{said}");
        // One stream draws its own bits and sees no image; a timed trial records the work of passes alone.
        let sees_none = |line: &&str| line.contains("flipping bits") || line.contains(": timed, ");
        let blind: Vec<&str> = said.lines().filter(|line| line.contains(": blind")).collect();
        assert!(blind.iter().all(sees_none), "{}", blind.join("\n"));
    }
}
