//! The measuring programs with a standard output or standard error that takes nothing, as on a full disk.
#![allow(clippy::unwrap_used)]

use std::fs::OpenOptions;
use std::path::Path;
use std::process::{Command, Stdio};

const FULL: &str = "/dev/full";

fn full() -> Stdio {
    OpenOptions::new().write(true).open(FULL).unwrap().into()
}

/// The programs with arguments under which they print after a moment's work; without a path, no valgrind is found.
fn programs() -> [Command; 2] {
    let mut step = Command::new(env!("CARGO_BIN_EXE_count_step"));
    step.args(["mlp-8", "1"]);
    let mut instructions = Command::new(env!("CARGO_BIN_EXE_instructions"));
    instructions.env("PATH", "");
    [step, instructions]
}

#[test]
fn what_cannot_be_printed_is_an_error_and_no_panic() {
    if !Path::new(FULL).exists() {
        return;
    }
    for mut program in programs() {
        let heard = program.output().unwrap();
        assert!(heard.status.success() && !heard.stdout.is_empty(), "{program:?}");
        let unheard = program.stdout(full()).output().unwrap();
        let said = String::from_utf8(unheard.stderr).unwrap();
        assert_eq!(unheard.status.code(), Some(1), "{program:?}: {said}");
        assert!(
            said.contains("writing to standard output: No space left on device"),
            "{program:?}: {said}"
        );
    }
}

#[test]
fn a_mistake_that_cannot_be_told_is_an_exit_code_and_no_panic() {
    if !Path::new(FULL).exists() {
        return;
    }
    let mut step = Command::new(env!("CARGO_BIN_EXE_count_step"));
    assert_eq!(step.arg("nonsense").stderr(full()).status().unwrap().code(), Some(1));
}
