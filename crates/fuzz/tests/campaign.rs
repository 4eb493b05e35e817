//! Every target on seeded mutations of its seeds: what fuzzers do, without one.
//!
//! `ESPALIER_FUZZ_RUNS` sets the number of mutations a target.
#![allow(clippy::unwrap_used)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use espalier_fuzz::{TARGETS, Target, find, mutate, seeds};
use espalier_seed::Seed;

const RUNS: u64 = 1_500;

fn runs() -> u64 {
    std::env::var("ESPALIER_FUZZ_RUNS").map_or(RUNS, |runs| runs.parse().unwrap())
}

/// What the target answers; a broken rule is kept as a file for `cargo fuzz run`.
fn try_one(target: Target, bytes: &[u8]) -> Result<bool, PathBuf> {
    catch_unwind(AssertUnwindSafe(|| (target.run)(bytes))).map_err(|_| {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("broken-{}", target.name));
        std::fs::write(&file, bytes).unwrap();
        file
    })
}

fn campaign(target: Target) -> Result<(), PathBuf> {
    let seeds = seeds(target.name).unwrap();
    let mut stream = Seed::new(0).named("fuzz").named(target.name).stream();
    for _ in 0..runs() {
        let (seed, other) = (stream.below(seeds.len()), stream.below(seeds.len()));
        try_one(target, &mutate(&seeds[seed].1, &seeds[other].1, &mut stream))?;
    }
    Ok(())
}

#[test]
fn no_mutation_makes_a_reader_panic_or_misread() {
    let broken: Vec<_> = std::thread::scope(|scope| {
        let threads = TARGETS.map(|target| (target.name, scope.spawn(move || campaign(target))));
        let outcomes = threads.map(|(name, thread)| (name, thread.join().unwrap()));
        outcomes
            .into_iter()
            .filter_map(|(name, outcome)| Some((name, outcome.err()?)))
            .collect()
    });
    assert!(broken.is_empty(), "{broken:?}");
}

#[test]
fn every_valid_seed_is_accepted_and_no_other() {
    for target in TARGETS {
        let seeds = seeds(target.name).unwrap();
        assert!(
            seeds.iter().any(|(name, _)| name.starts_with("valid")),
            "{}",
            target.name
        );
        for (name, bytes) in seeds {
            let accepted = try_one(target, &bytes);
            assert_eq!(accepted, Ok(name.starts_with("valid")), "{} {name}", target.name);
        }
    }
}

#[test]
fn every_empty_file_is_refused() {
    for target in TARGETS {
        assert_eq!(try_one(target, b""), Ok(false), "{}", target.name);
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
