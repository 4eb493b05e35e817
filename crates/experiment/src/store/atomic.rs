//! Files that appear whole or not at all.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use espalier_report::files;

use crate::{Error, Result};

/// How often a file is written again whose draft somebody removed before it had its name.
const REWRITES: usize = 8;

/// Writes a file in place of the old one, if any: draft, sync, rename, sync of the folder.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    files::replace(path, bytes).map_err(|e| Error::io("writing", path, e))?;
    sync(path)
}

/// Writes a file only where there is none; returns whether this call made it.
///
/// # Method
/// A hard link from the synced draft fails when the name is taken, which a rename does not; where a
/// file system has no hard links, an exclusive check and a rename stand in for it. A link that was
/// made although the answer was lost is told by the file's content, which nobody else writes.
pub(crate) fn publish(path: &Path, bytes: &[u8]) -> Result<bool> {
    let failed = |e| Error::io("writing", path, e);
    for _ in 0..REWRITES {
        let draft = files::draft(path, bytes).map_err(failed)?;
        let linked = link(&draft, path, bytes);
        // After a rename the draft's name is gone already, and what stays is swept.
        let _ = files::remove(&draft);
        match linked {
            Err(error) if files::is_absent(&error) => {}
            Err(error) => return Err(failed(error)),
            Ok(made) => {
                sync(path)?;
                return Ok(made);
            }
        }
    }
    Err(failed(io::Error::other(format!(
        "its draft was removed {REWRITES} times before it had its name"
    ))))
}

fn link(draft: &Path, path: &Path, bytes: &[u8]) -> io::Result<bool> {
    match files::retry(|| fs::hard_link(draft, path)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Ok(files::read_if_present(path)?.is_some_and(|found| found == bytes))
        }
        Err(error) if files::is_absent(&error) || files::is_passing(&error) => Err(error),
        Err(_) if files::exists(path)? => Ok(false),
        Err(_) => files::retry(|| fs::rename(draft, path)).map(|()| true),
    }
}

fn sync(path: &Path) -> Result<()> {
    files::sync_folder_of(path).map_err(|e| Error::io("syncing the folder of", path, e))
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
        assert!(message.contains("file/sub/x.json"), "{message}");
    }
}
