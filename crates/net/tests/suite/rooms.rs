//! The rooms of this crate use one another in one direction only.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// From the bottom to the top: a room may use those before it.
const ROOMS: [&str; 12] = [
    "error",
    "kernels",
    "groups",
    "layer",
    "ledger",
    "graph",
    "execute",
    "edit",
    "optimizer",
    "session",
    "stack",
    "file",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_test = path.file_stem().is_some_and(|stem| stem == "tests");
        match () {
            () if is_test => {}
            () if path.is_dir() => sources(&path, found),
            () => found.push(path),
        }
    }
}

/// The rooms that a file's code names after `crate::`; comments, doc examples and test modules are left out.
fn used(text: &str) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let after = lines.flat_map(|line| line.split("crate::").skip(1).map(str::to_owned).collect::<Vec<_>>());
    let word = |rest: String| {
        rest.split(|c: char| !c.is_alphanumeric() && c != '_')
            .next()
            .unwrap()
            .to_owned()
    };
    after.map(word).collect()
}

#[test]
fn no_room_uses_one_above_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 80, "{} files", files.len());
    let mut seen = BTreeSet::new();
    for file in files {
        let inside = file.strip_prefix(&root).unwrap();
        let room = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        if room == "lib" {
            continue;
        }
        let place = ROOMS.iter().position(|r| *r == room);
        let place = place.unwrap_or_else(|| panic!("{} stands in no known room", inside.display()));
        for other in used(&fs::read_to_string(&file).unwrap()) {
            let there = ROOMS.iter().position(|r| *r == other);
            let there = there.unwrap_or_else(|| panic!("{} uses `crate::{other}`, no known room", inside.display()));
            assert!(there <= place, "{}: `{room}` uses `{other}` above it", inside.display());
            seen.insert((room.to_owned(), other));
        }
    }
    // The check has eyes: arrows that there are.
    for (from, to) in [("edit", "graph"), ("execute", "kernels"), ("file", "optimizer")] {
        assert!(seen.contains(&(from.to_owned(), to.to_owned())), "{from} → {to}");
    }
}
