//! Whole sweeps on real schedulers while parts of them die: `just test-slurm`, `just test-hyperqueue`.
//!
//! Without libtest, which would swallow the word "skipped" that people and CI are to read.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that talks"
)]

mod hyperqueue;
mod slurm;
mod sweep;
#[path = "../sweeps/walk.rs"]
#[allow(dead_code, reason = "shared with other tests, which read more of it")]
mod walk;

use std::process::ExitCode;
use std::time::Instant;

/// Why an engine cannot be had here.
pub struct Skipped(pub String);

fn main() -> ExitCode {
    let program = std::env::current_exe().unwrap();
    if program.file_name().is_some_and(|name| name == sweep::PROGRAM) {
        return espalier_experiment::main(walk::Walk);
    }
    let mut asked = 0;
    for engine in std::env::args().skip(1) {
        let begun = Instant::now();
        let outcome = match engine.as_str() {
            "slurm" => slurm::test(),
            "hyperqueue" => hyperqueue::test(),
            // Whatever else was meant for libtest.
            _ => continue,
        };
        asked += 1;
        match outcome {
            Ok(()) => println!("{engine}: passed in {:.0?}", begun.elapsed()),
            Err(Skipped(reason)) => println!("{engine}: skipped: {reason}"),
        }
    }
    if asked == 0 {
        println!("skipped: `just test-slurm` and `just test-hyperqueue` run sweeps on real engines");
    }
    ExitCode::SUCCESS
}
