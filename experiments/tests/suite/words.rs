//! Words that readers stumbled over do not come back.

use std::fs;
use std::path::{Path, PathBuf};

/// What was written once, and what the field says instead.
const ONCE: [(&str, &str); 11] = [
    ("without an idea", "null baselines"),
    ("skips the background", "exploits a dominant input value"),
    ("in whose wake", "the study it replicates"),
    ("through streams of tasks", "on sequences of tasks"),
    (
        "does not settle",
        "inconclusive: the 95 % interval crosses an edge of the zone",
    ),
    ("the net is right on", "test accuracy"),
    ("is right on all noise", "classifies all noise as it was labelled"),
    ("doomed", "units to remove"),
    ("forget_the_gone", "forget removed units"),
    ("whom to split", "which unit to split"),
    ("lean on each other", "depend on each other"),
];

/// What people read: documents, method sections, studies, code with its page texts; not this list.
fn read(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            let apart = ["target", "runs", "reports", "results", "data", "peers"];
            if !name.starts_with('.') && !apart.contains(&name.as_str()) {
                read(&path, found);
            }
        } else if [".md", ".rs"].iter().any(|ending| name.ends_with(ending)) && name != "words.rs" {
            found.push(path);
        }
    }
}

#[test]
fn phrases_that_readers_stumbled_over_are_not_written() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    read(&root, &mut files);
    assert!(files.len() > 300, "found {} files only", files.len());
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        for (phrase, instead) in ONCE {
            let place = text.lines().position(|line| line.contains(phrase));
            let at = |line: usize| format!("{}:{}: `{phrase}`, say: {instead}", path.display(), line + 1);
            assert!(place.is_none(), "{}", place.map(at).unwrap_or_default());
        }
    }
}
