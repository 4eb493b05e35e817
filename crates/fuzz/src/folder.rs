//! A folder for readers that take a path.

use std::path::Path;

use tempfile::TempDir;

/// Where files cost no disk, on Linux.
const MEMORY: &str = "/dev/shm";

/// Makes a folder that goes when it is dropped, in memory where that can be had.
///
/// # Panics
/// When no folder can be made at all: without one there is nothing to try.
pub(crate) fn scratch() -> TempDir {
    let memory = Path::new(MEMORY);
    let made = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    made.expect("a folder for temporary files can be made")
}

/// Writes a file and the folders above it.
///
/// # Panics
/// When it cannot be written.
pub(crate) fn put(path: &Path, bytes: &[u8]) {
    let folder = path.parent().expect("a file lies in a folder");
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(path, bytes));
    written.expect("a temporary file can be written");
}
