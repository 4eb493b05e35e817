//! The page of known flaws names tests and switches that exist.

use std::path::{Path, PathBuf};

struct Line {
    flaw: String,
    guards: Vec<String>,
    switch: Option<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What stands between backquotes.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn lines(page: &str) -> Vec<Line> {
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| flaw |"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        assert_eq!(cells.len(), 3, "expected flaw, guards and switch, found {row}");
        Line {
            flaw: cells[0].trim().to_owned(),
            guards: quoted(cells[1]),
            switch: quoted(cells[2]).pop(),
        }
    })
    .collect()
}

/// The sources at a path, of a folder all of them.
fn sources(path: &Path) -> String {
    if path.is_file() {
        return std::fs::read_to_string(path).unwrap();
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| sources(&entry.path())).collect()
}

/// What is wrong with a reference `path::text`; `None` where the text stands there.
fn wrong(reference: &str, sought: impl Fn(&str) -> String) -> Option<String> {
    let Some((path, name)) = reference.split_once("::") else {
        return Some(format!("{reference}: expected path::name"));
    };
    let found = sources(&root().join(path)).contains(&sought(name));
    (!found).then(|| format!("{path}: no `{}`", sought(name)))
}

fn of_test(name: &str) -> String {
    format!("fn {name}(")
}

fn of_switch(name: &str) -> String {
    name.rsplit("::").next().unwrap_or(name).to_owned()
}

#[test]
fn every_known_flaw_has_a_test_that_exists_and_every_switch_is_there() {
    let page = std::fs::read_to_string(root().join("reports/FLAWS.md")).unwrap();
    let lines = lines(&page);
    assert!(lines.len() > 60, "only {} flaws were read", lines.len());
    for Line { flaw, guards, switch } in lines {
        assert!(!guards.is_empty(), "{flaw}: no test guards it");
        let tests = guards.iter().filter_map(|guard| wrong(guard, of_test));
        let all: Vec<String> = tests
            .chain(switch.and_then(|switch| wrong(&switch, of_switch)))
            .collect();
        assert!(all.is_empty(), "{flaw}: {all:?}");
    }
}

#[test]
fn a_test_or_a_switch_that_is_gone_is_noticed() {
    let gone = "crates/metrics/src/pca.rs::there_is_no_such_test";
    assert!(wrong(gone, of_test).is_some() && wrong("crates/none.rs::a", of_switch).is_some());
    assert!(wrong("crates/metrics/src/pca.rs", of_test).is_some());
}
