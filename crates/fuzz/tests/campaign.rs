//! Every target on seeded mutations of its seeds: what fuzzers do, without one.
//!
//! `ESPALIER_FUZZ_RUNS` sets the number of mutations a target, `ESPALIER_FUZZ_TARGET` names the only one,
//! and `ESPALIER_FUZZ_SEED` draws other mutations.
#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use espalier_fuzz::{TARGETS, Target, find, mutate, seeds};
use espalier_report::rows::Rows;
use espalier_seed::Seed;

const RUNS: u64 = 1_500;
const QUIET: &str = "quiet";

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |number| number.parse().unwrap())
}

/// The bytes that are being tried, in a file: nothing is left to write them when the process is aborted.
///
/// Written in place, since a file that is truncated for each of a million inputs waits for the disk each time.
struct Tried {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Tried {
    fn by(target: Target, what: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{what}-{}", target.name));
        let file = File::create(&path).unwrap();
        Self { path, file, length: 0 }
    }

    fn note(&mut self, bytes: &[u8]) {
        let length = bytes.len() as u64;
        if length != self.length {
            self.file.set_len(length).unwrap();
            self.length = length;
        }
        self.file.rewind().unwrap();
        self.file.write_all(bytes).unwrap();
    }

    /// What the target answers; the bytes that broke a rule stay for the example `replay`.
    fn ask(&mut self, target: Target, bytes: &[u8]) -> Result<bool, String> {
        self.note(bytes);
        catch_unwind(AssertUnwindSafe(|| (target.run)(bytes))).map_err(|panic| {
            let message = panic.downcast_ref::<String>().cloned();
            let message = message.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
            format!("{}: {}", self.path.display(), message.unwrap_or_default())
        })
    }
}

/// Below a reader of ours, one of another format may panic, which ours turns into an error: nobody needs to read that.
fn quietly() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() != Some(QUIET) {
            usual(panic);
        }
    }));
}

fn campaign(target: Target) -> Result<(), String> {
    if std::env::var("ESPALIER_FUZZ_TARGET").is_ok_and(|only| only != target.name) {
        return Ok(());
    }
    let mut stream = Seed::new(number("ESPALIER_FUZZ_SEED", 0))
        .named("fuzz")
        .named(target.name)
        .stream();
    let seeds = seeds(target.name).unwrap();
    let mut tried = Tried::by(target, "mutated");
    for _ in 0..number("ESPALIER_FUZZ_RUNS", RUNS) {
        let (seed, other) = (stream.below(seeds.len()), stream.below(seeds.len()));
        tried.ask(target, &mutate(&seeds[seed].1, &seeds[other].1, &mut stream))?;
    }
    Ok(())
}

#[test]
fn no_mutation_makes_a_reader_panic_or_misread() {
    quietly();
    let broken: Vec<_> = std::thread::scope(|scope| {
        let threads = TARGETS.map(|target| {
            let thread = std::thread::Builder::new().name(QUIET.to_owned());
            (
                target.name,
                thread.spawn_scoped(scope, move || campaign(target)).unwrap(),
            )
        });
        let outcomes = threads.map(|(name, thread)| (name, thread.join().unwrap()));
        outcomes
            .into_iter()
            .filter_map(|(name, outcome)| Some((name, outcome.err()?)))
            .collect()
    });
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_valid_seed_is_accepted_and_no_other() {
    for target in TARGETS {
        let seeds = seeds(target.name).unwrap();
        let mut tried = Tried::by(target, "seed");
        assert!(
            seeds.iter().any(|(name, _)| name.starts_with("valid")),
            "{}",
            target.name
        );
        for (name, bytes) in seeds {
            let accepted = tried.ask(target, &bytes);
            assert_eq!(accepted, Ok(name.starts_with("valid")), "{} {name}", target.name);
        }
    }
}

#[test]
fn every_empty_file_is_refused() {
    for target in TARGETS {
        let accepted = Tried::by(target, "empty").ask(target, b"");
        assert_eq!(accepted, Ok(false), "{}", target.name);
    }
}

#[test]
fn libfuzzer_has_a_program_for_every_target() {
    let manifest = include_str!("../../../fuzz/Cargo.toml");
    let programs: Vec<&str> = manifest
        .split("[[bin]]")
        .skip(1)
        .filter_map(|bin| bin.split('"').nth(1))
        .collect();
    assert_eq!(programs, TARGETS.map(|target| target.name));
    assert!(programs.iter().all(|name| find(name).is_some()));
}

#[test]
fn a_table_of_another_tool_with_columns_of_unequal_length_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = include_bytes!("unequal.parquet");
    std::fs::write(folder.path().join("distances.parquet"), file).unwrap();
    let error = Rows::read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("expected 3 values, found 0"), "{error}");
}
