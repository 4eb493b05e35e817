//! Files that are written whole or not at all.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Writes bytes beside the target, flushes them to the disk and renames them over it.
///
/// A file that holds these bytes already is left alone, so that its time stamp stays.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|present| present == bytes) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
    }
    let draft = draft_path(path);
    let written = fs::File::create(&draft).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    if let Err(source) = written.and_then(|()| fs::rename(&draft, path)) {
        // The target is untouched; a draft that cannot be removed either is harmless.
        let _ = fs::remove_file(&draft);
        return Err(Error::file("write", path)(source));
    }
    Ok(())
}

fn draft_path(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy());
    path.with_file_name(format!(".{}.{}.draft", name.unwrap_or_default(), std::process::id()))
}

/// Removes the folder's files with one of the extensions that are not among `kept`.
pub(crate) fn remove_others(folder: &Path, extensions: &[&str], kept: &[PathBuf]) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(Error::file("list", folder))? {
        let path = entry.map_err(Error::file("list", folder))?.path();
        let ours = path
            .extension()
            .and_then(|extension| extension.to_str())
            .is_some_and(|extension| extensions.contains(&extension));
        if ours && path.is_file() && !kept.contains(&path) {
            fs::remove_file(&path).map_err(Error::file("remove", &path))?;
        }
    }
    Ok(())
}
