//! Files that are written whole or not at all.

use std::path::{Path, PathBuf};

use crate::{Error, Result, files};

/// Writes bytes beside the target, flushes them to the disk and renames them over it.
///
/// A file that holds these bytes already is left alone, so that its time stamp stays.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let present = files::read_if_present(path).map_err(Error::file("read", path))?;
    if present.is_some_and(|present| present == bytes) {
        return Ok(());
    }
    files::replace(path, bytes).map_err(Error::file("write", path))
}

/// Removes the folder's files with one of the extensions that are not among `kept`, and drafts that were left there.
pub(crate) fn remove_others(folder: &Path, extensions: &[&str], kept: &[PathBuf]) -> Result<()> {
    files::sweep_drafts(folder).map_err(Error::file("remove drafts from", folder))?;
    for path in files::entries(folder).map_err(Error::file("list", folder))? {
        let ours = path
            .extension()
            .and_then(|extension| extension.to_str())
            .is_some_and(|extension| extensions.contains(&extension));
        if ours && path.is_file() && !kept.contains(&path) {
            files::remove(&path).map_err(Error::file("remove", &path))?;
        }
    }
    Ok(())
}
