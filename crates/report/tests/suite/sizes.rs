//! Committed reports stay small enough to be cloned and looked through.

use std::fs;
use std::path::{Path, PathBuf};

/// The most bytes of all reports.
const ALL: u64 = 40_000_000;

/// The most bytes of one PDF: text in the glyphs that it shows, and what is drawn.
const PDF: u64 = 60_000;

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}

#[test]
fn the_reports_and_each_pdf_are_small() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../reports");
    let sizes = files(&folder).into_iter().map(|path| {
        let bytes = path.metadata().unwrap().len();
        (path, bytes)
    });
    let mut all = 0;
    for (path, bytes) in sizes {
        all += bytes;
        let pdf = path.extension().is_some_and(|form| form == "pdf");
        assert!(!pdf || bytes < PDF, "{}: {bytes} bytes", path.display());
    }
    assert!(
        all < ALL,
        "reports hold {all} bytes; write their figures smaller, or record less"
    );
}
