//! The journal names claims and experiments that exist.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use espalier_report::page::{Journal, Test, fits, read_summaries};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All sources of an experiment.
fn sources(experiment: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(experiment.replace('-', "_"));
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files
        .filter_map(|file| std::fs::read_to_string(file.path()).ok())
        .collect()
}

/// What a test names that is nowhere; `recorded` holds every claim with its experiment.
fn missing(test: &Test, recorded: &BTreeSet<(String, String)>) -> Vec<String> {
    let own = recorded.iter().filter(|(name, _)| *name == test.experiment);
    let ids: Vec<&String> = own.map(|(_, id)| id).collect();
    let unrecorded = |pattern: &&String| !ids.iter().any(|id| fits(pattern, id));
    let code = sources(&test.experiment);
    let undeclared = |pattern: &&String| !code.contains(&format!("\"{}", pattern.trim_end_matches('*')));
    let gone = test.claims.iter().filter(unrecorded);
    let never = test.later.iter().filter(unrecorded).filter(undeclared);
    gone.chain(never)
        .map(|pattern| format!("{}: {pattern}", test.experiment))
        .collect()
}

#[test]
fn every_claim_that_the_journal_names_is_recorded_or_declared() {
    let reports = root().join("reports");
    let journal = Journal::read(&reports).unwrap().unwrap();
    let entries = read_summaries(&reports).unwrap();
    let of_entry = |entry: &espalier_report::page::Entry| {
        let claims = entry.summary.claims.iter();
        let named = claims.map(|claim| (entry.summary.name.clone(), claim.id.clone()));
        named.collect::<Vec<_>>()
    };
    let recorded: BTreeSet<(String, String)> = entries.iter().flat_map(of_entry).collect();
    let known: Vec<String> = crate::experiments().into_iter().map(|(name, _)| name).collect();
    let mut wrong = Vec::new();
    for test in journal.entries().flat_map(|belief| &belief.tests) {
        match known.contains(&test.experiment) {
            true => wrong.extend(missing(test, &recorded)),
            false => wrong.push(format!("no experiment is called {}", test.experiment)),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_journal_goes_through_all_entries_of_all_studies_in_order() {
    let journal = Journal::read(&root().join("reports")).unwrap().unwrap();
    let numbers: Vec<&str> = journal.study.iter().map(|study| study.number.as_str()).collect();
    assert_eq!(numbers, ["000", "001", "002", "003", "004"]);
    let of_journal = journal.entries().filter(|belief| belief.id.starts_with('J'));
    let ids: Vec<String> = of_journal.map(|belief| belief.id.clone()).collect();
    assert_eq!(ids, (1..=23).map(|n| format!("J{n}")).collect::<Vec<_>>());
}

#[test]
fn a_claim_that_is_nowhere_is_noticed() {
    let test = |claims: &[&str], later: &[&str]| Test {
        experiment: "size-gate".to_owned(),
        claims: claims.iter().map(|&name| name.to_owned()).collect(),
        later: later.iter().map(|&name| name.to_owned()).collect(),
    };
    let recorded = BTreeSet::from([("size-gate".to_owned(), "k0.4-slope-L2".to_owned())]);
    assert!(missing(&test(&["k0.4-slope-*"], &["J12-*"]), &recorded).is_empty());
    assert_eq!(missing(&test(&["k0.5-*"], &["J99-*"]), &recorded).len(), 2);
}
