//! Files that appear whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::Owner;
use crate::{Error, Result};

/// How names of files end that are still being written; a dot stands before them.
pub(crate) const TEMPORARY: &str = ".tmp";

/// Writes a file in place of the old one, if any: temporary file, sync, rename, sync of the folder.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = write_beside(path, bytes)?;
    let renamed = rename(&temporary, path, bytes);
    if renamed.is_err() {
        // The file is incomplete work of ours; the first error says more than a second one would.
        let _ = fs::remove_file(&temporary);
    }
    renamed?;
    sync_folder(path)
}

/// Renames a temporary file into its place.
///
/// An NFS client whose answer was lost asks again and hears that the old name is gone: then the
/// content in place tells that the first request was served.
fn rename(temporary: &Path, path: &Path, bytes: &[u8]) -> Result<()> {
    match fs::rename(temporary, path) {
        Err(error) if error.kind() == ErrorKind::NotFound && fs::read(path).is_ok_and(|found| found == bytes) => Ok(()),
        Err(error) => Err(Error::io("renaming into place", path, error)),
        Ok(()) => Ok(()),
    }
}

/// Writes a file only where there is none; returns whether this call made it.
///
/// # Method
/// A hard link from the synced temporary file fails when the name is taken, which a rename does not;
/// where a file system has no hard links, an exclusive check and a rename stand in for it.
pub(crate) fn publish(path: &Path, bytes: &[u8]) -> Result<bool> {
    let temporary = write_beside(path, bytes)?;
    let linked = match fs::hard_link(&temporary, path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(_) if path.exists() => Ok(false),
        Err(_) => rename(&temporary, path, bytes).map(|()| true),
    };
    // After a rename the temporary name is gone already.
    let _ = fs::remove_file(&temporary);
    let made = linked?;
    sync_folder(path)?;
    Ok(made)
}

fn write_beside(path: &Path, bytes: &[u8]) -> Result<PathBuf> {
    let folder = path.parent().unwrap_or(Path::new("."));
    if !folder.is_dir() {
        fs::create_dir_all(folder).map_err(|e| Error::io("creating the folder", folder, e))?;
        sync_folder(folder)?;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".{name}.{}{TEMPORARY}", Owner::new().token()));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    if let Err(error) = written {
        // As above: the first error is the one to report.
        let _ = fs::remove_file(&temporary);
        return Err(Error::io("writing", path, error));
    }
    Ok(temporary)
}

/// Makes the new name durable where the system lets a folder be synced.
fn sync_folder(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error)
            if !matches!(
                error.kind(),
                ErrorKind::InvalidInput | ErrorKind::Unsupported | ErrorKind::NotFound
            ) =>
        {
            Err(Error::io("syncing the folder", folder, error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_publication_wins_and_leaves_no_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b.json");
        assert!(publish(&path, b"one").unwrap());
        assert!(!publish(&path, b"two").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"one");
        replace(&path, b"three").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"three");
        assert_eq!(fs::read_dir(folder.path().join("a")).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, b"").unwrap();
        let message = publish(&file.join("sub/x.json"), b"1").unwrap_err().to_string();
        assert!(
            message.contains("creating the folder") && message.contains("file/sub"),
            "{message}"
        );
    }
}
