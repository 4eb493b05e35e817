//! Files on disks that are shared, slow or failing.
//!
//! There is one classification of what the system refuses. *Absent* means that a name is not there.
//! *Passing* refusals ([`is_passing`]) are tried again with growing pauses, for about two and a half
//! seconds in all: a handle that went stale on a network folder, an input or output error there, an
//! interrupted call, a disk or quota that is full at the moment. Everything else is an error at once.
//!
//! Calls here may be asked twice without harm: a request that was served although its answer was lost
//! is recognised by what lies on the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How names of files end that are still being written; a dot stands before them.
pub const DRAFT: &str = ".draft";

/// The pauses between attempts, in milliseconds.
const PAUSES: [u64; 8] = [10, 20, 40, 80, 160, 320, 640, 1280];

/// How often a file is written again whose draft or folder somebody removed meanwhile.
const REWRITES: usize = 8;

/// The system's number for an input or output error, which has no kind of its own.
const EIO: i32 = 5;
/// The system's numbers for too many open files, in the system and in the process.
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;

/// Tells whether a refusal may pass by itself: worth another attempt after a pause.
#[must_use]
pub fn is_passing(error: &io::Error) -> bool {
    let kind = matches!(
        error.kind(),
        ErrorKind::Interrupted
            | ErrorKind::WouldBlock
            | ErrorKind::TimedOut
            | ErrorKind::ResourceBusy
            | ErrorKind::StaleNetworkFileHandle
            | ErrorKind::StorageFull
            | ErrorKind::QuotaExceeded
            | ErrorKind::NetworkDown
            | ErrorKind::NetworkUnreachable
            | ErrorKind::HostUnreachable
    );
    kind || matches!(error.raw_os_error(), Some(EIO | ENFILE | EMFILE))
}

/// Tells whether a refusal means that the name is not there.
#[must_use]
pub fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Tries again, with growing pauses, what was refused for a passing reason.
///
/// # Errors
/// The last refusal, or the first that is not a passing one.
pub fn retry<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for pause in PAUSES {
        match attempt() {
            Err(error) if is_passing(&error) => sleep(Duration::from_millis(pause)),
            other => return other,
        }
    }
    attempt()
}

/// Reads a file.
///
/// # Errors
/// The system's refusal.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    retry(|| fs::read(path))
}

/// Reads a file that may be absent.
///
/// # Errors
/// The system's refusal, unless the file is absent.
pub fn read_if_present(path: &Path) -> io::Result<Option<Vec<u8>>> {
    if_present(read(path))
}

/// Tells whether a name is there, which a refusal leaves open.
///
/// # Errors
/// The system's refusal, unless the name is absent.
pub fn exists(path: &Path) -> io::Result<bool> {
    if_present(retry(|| fs::metadata(path))).map(|found| found.is_some())
}

/// Tells whether a name is there and a folder's.
///
/// # Errors
/// The system's refusal, unless the name is absent.
pub fn is_folder(path: &Path) -> io::Result<bool> {
    if_present(retry(|| fs::metadata(path))).map(|found| found.is_some_and(|found| found.is_dir()))
}

/// Lists a folder.
///
/// # Errors
/// The system's refusal.
pub fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    retry(|| {
        fs::read_dir(folder)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect()
    })
}

/// Lists a folder; an absent one is empty, and so is a file in its place.
///
/// # Errors
/// The system's refusal, unless the folder is absent.
pub fn entries_if_present(folder: &Path) -> io::Result<Vec<PathBuf>> {
    if_present(entries(folder)).map(Option::unwrap_or_default)
}

/// Removes a file, if it is there.
///
/// # Errors
/// The system's refusal, unless the file is absent.
pub fn remove(path: &Path) -> io::Result<()> {
    if_present(retry(|| fs::remove_file(path))).map(|_| ())
}

/// Removes a folder with all that it holds, also what others put there meanwhile.
///
/// # Errors
/// The system's refusal, unless the folder is absent.
pub fn remove_tree(folder: &Path) -> io::Result<()> {
    for _ in 0..REWRITES {
        match retry(|| fs::remove_dir_all(folder)) {
            // Somebody filled it, or removed a part of it, while it was emptied.
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {}
            Err(error) if is_absent(&error) && exists(folder)? => {}
            other => return if_present(other).map(|_| ()),
        }
    }
    if_present(retry(|| fs::remove_dir_all(folder))).map(|_| ())
}

/// Makes a folder and those above it, where they are missing.
///
/// # Errors
/// The system's refusal.
pub fn create_folder(folder: &Path) -> io::Result<()> {
    retry(|| fs::create_dir_all(folder))
}

/// Does what needs a file's folder, and makes the folder where it turns out to be missing.
///
/// # Errors
/// The system's refusal.
pub fn in_folder<T>(path: &Path, mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let mut outcome = retry(&mut act);
    for _ in 0..REWRITES {
        match &outcome {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            _ => break,
        }
        create_folder(path.parent().unwrap_or(Path::new(".")))?;
        outcome = retry(&mut act);
    }
    outcome
}

/// Writes a file in place of the old one, if any, whole or not at all: draft, sync, rename.
///
/// # Errors
/// The system's refusal; the old file is untouched then.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    for _ in 0..REWRITES {
        let draft = draft(path, bytes)?;
        match retry(|| fs::rename(&draft, path)) {
            Ok(()) => return Ok(()),
            Err(error) if is_absent(&error) => {
                // Renamed by a request whose answer was lost, or swept as waste by another process.
                if read_if_present(path)?.is_some_and(|found| found == bytes) {
                    return Ok(());
                }
            }
            Err(error) => {
                // The first refusal says more than a second one would.
                let _ = remove(&draft);
                return Err(error);
            }
        }
    }
    Err(io::Error::other(format!(
        "its draft was removed {REWRITES} times before it could be renamed"
    )))
}

/// Writes a file in place of the old one as [`replace`] does, by a function that writes and syncs it under the name that it
/// is given and says whether it is to take the place; for files too large to hold.
///
/// # Errors
/// The function's or the system's refusal; the old file is untouched then.
pub fn replace_by(path: &Path, write: &mut dyn FnMut(&Path) -> io::Result<bool>) -> io::Result<()> {
    for _ in 0..REWRITES {
        let (draft, wanted) = in_folder(path, || {
            let draft = draft_path(path);
            match write(&draft) {
                Ok(wanted) => Ok((draft, wanted)),
                Err(error) => {
                    // The first refusal says more than a second one would.
                    let _ = fs::remove_file(&draft);
                    Err(error)
                }
            }
        })?;
        if !wanted {
            return remove(&draft);
        }
        match retry(|| fs::rename(&draft, path)) {
            Ok(()) => return Ok(()),
            // Swept as waste by another process.
            Err(error) if is_absent(&error) => {}
            Err(error) => {
                // As above.
                let _ = remove(&draft);
                return Err(error);
            }
        }
    }
    Err(io::Error::other(format!(
        "its draft was removed {REWRITES} times before it could be renamed"
    )))
}

/// Writes and syncs a file of another name beside `path`, and returns that name.
///
/// # Errors
/// The system's refusal; no draft stays behind then.
pub fn draft(path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    in_folder(path, || {
        let draft = draft_path(path);
        // After a failed sync the system may forget what it could not write: each attempt is a new file.
        match write_new(&draft, bytes) {
            Ok(()) => Ok(draft),
            Err(error) => {
                // As above.
                let _ = fs::remove_file(&draft);
                Err(error)
            }
        }
    })
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A name that no other process uses, on whatever machine it runs.
fn draft_path(path: &Path) -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let token = format!("{:x}-{:x}-{number:x}", since.as_nanos(), std::process::id());
    path.with_file_name(format!(".{name}.{token}{DRAFT}"))
}

/// Tells whether a name is that of a draft.
#[must_use]
pub fn is_draft(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') && name.ends_with(DRAFT)
}

/// Removes the drafts in a folder that killed processes left there.
///
/// A process that is still writing one finds it gone and writes it again ([`replace`]).
///
/// # Errors
/// The system's refusal.
pub fn sweep_drafts(folder: &Path) -> io::Result<()> {
    let drafts = entries_if_present(folder)?.into_iter().filter(|path| is_draft(path));
    for draft in drafts {
        remove(&draft)?;
    }
    Ok(())
}

/// Makes new names in a file's folder durable where the system lets a folder be synced.
///
/// # Errors
/// The system's refusal.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    match retry(|| File::open(folder)?.sync_all()) {
        Err(error) if is_absent(&error) || matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {
            Ok(())
        }
        other => other,
    }
}

fn if_present<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Linux's numbers, from errno(3).
    const ENOENT: i32 = 2;
    const EINTR: i32 = 4;
    const EACCES: i32 = 13;
    const ENOTDIR: i32 = 20;
    const ENOSPC: i32 = 28;
    const EROFS: i32 = 30;
    const ESTALE: i32 = 116;

    #[test]
    #[cfg(target_os = "linux")]
    fn every_refusal_has_one_class() {
        let passing = |number| is_passing(&io::Error::from_raw_os_error(number));
        let absent = |number| is_absent(&io::Error::from_raw_os_error(number));
        for number in [EINTR, EIO, ENOSPC, ESTALE, EMFILE, ENFILE] {
            assert!(passing(number) && !absent(number), "{number}");
        }
        for number in [ENOENT, ENOTDIR] {
            assert!(absent(number) && !passing(number), "{number}");
        }
        for number in [EACCES, EROFS] {
            assert!(!absent(number) && !passing(number), "{number}");
        }
    }

    #[test]
    fn what_passes_is_tried_again_and_what_lasts_is_not() {
        let mut refusals = 3;
        let done = retry(|| {
            refusals -= 1;
            if refusals > 0 {
                return Err(io::Error::from_raw_os_error(EIO));
            }
            Ok(7)
        });
        assert_eq!(done.unwrap(), 7);
        let mut asked = 0;
        let refused: io::Result<()> = retry(|| {
            asked += 1;
            Err(io::Error::from_raw_os_error(EACCES))
        });
        assert_eq!((refused.unwrap_err().raw_os_error(), asked), (Some(EACCES), 1));
        let lasting: io::Result<()> = retry(|| Err(io::Error::from_raw_os_error(EIO)));
        assert_eq!(lasting.unwrap_err().raw_os_error(), Some(EIO));
    }

    #[test]
    fn only_an_absent_file_is_absent() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, b"1").unwrap();
        assert!(exists(&file).unwrap() && !exists(&folder.path().join("other")).unwrap());
        assert!(is_folder(folder.path()).unwrap() && !is_folder(&file).unwrap());
        assert_eq!(read_if_present(&file.join("below")).unwrap(), None);
        // A folder is there, and cannot be read as a file.
        assert!(read_if_present(folder.path()).is_err());
    }

    #[test]
    fn a_replaced_file_is_whole_and_drafts_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b.json");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        let left = draft(&path, b"half").unwrap();
        assert!(is_draft(&left) && entries(left.parent().unwrap()).unwrap().len() == 2);
        sweep_drafts(left.parent().unwrap()).unwrap();
        assert_eq!(entries(left.parent().unwrap()).unwrap(), [path]);
    }

    #[test]
    fn a_file_is_written_although_its_drafts_are_swept_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let over = std::sync::atomic::AtomicBool::new(false);
        let sweep = || {
            // Fewer drafts than a file is written again for.
            let mut swept = 0;
            while swept < REWRITES / 2 && !over.load(Ordering::SeqCst) {
                let drafts = entries(folder.path())
                    .unwrap()
                    .into_iter()
                    .filter(|path| is_draft(path));
                // One that has taken its place meanwhile was not swept.
                swept += drafts.filter(|draft| fs::remove_file(draft).is_ok()).count();
            }
        };
        let (path, mut number) = (folder.path().join("page"), 0_u64);
        std::thread::scope(|scope| {
            let (sweeper, mut written) = (scope.spawn(sweep), Ok(()));
            while written.is_ok() && !sweeper.is_finished() {
                number += 1;
                written = replace(&path, &number.to_le_bytes());
            }
            over.store(true, Ordering::SeqCst);
            written.unwrap();
        });
        assert_eq!(fs::read(path).unwrap(), number.to_le_bytes());
    }

    #[test]
    fn a_tree_goes_although_others_fill_it() {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path().join("tree/deep");
        create_folder(&tree).unwrap();
        fs::write(tree.join("x"), b"").unwrap();
        remove_tree(&folder.path().join("tree")).unwrap();
        remove_tree(&folder.path().join("tree")).unwrap();
        assert!(!tree.exists());
    }
}
