//! Leases: who works on which trial, judged without clocks that agree.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use espalier_report::files;
use serde::{Deserialize, Serialize};

use super::{Owner, Store, atomic};
use crate::{Error, Result};

/// How the names of stale leases go on, after the trial's id, while they change hands.
pub(super) const ASIDE: &str = ".stale-";

/// What stands in a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseNote {
    /// Who holds it.
    pub owner: Owner,
    /// Grows with each renewal; an observer watches it, not a clock.
    pub renewals: u64,
    /// When it was taken, in seconds since 1970 by the holder's clock: for people, never for decisions.
    pub since_unix_seconds: u64,
}

/// A lease that this process holds.
#[derive(Clone, Debug)]
pub struct Lease {
    path: PathBuf,
    note: LeaseNote,
}

/// The outcome of an attempt to take a lease.
#[derive(Debug)]
pub enum Taken {
    /// The trial is ours.
    Ours(Lease),
    /// Somebody else holds it.
    Held,
}

/// What one observer has seen of another's lease.
#[derive(Clone, Debug)]
pub struct Watch {
    content: Vec<u8>,
    unchanged_since: Instant,
}

impl Watch {
    /// Returns for how long the lease has not changed under this observer's eyes.
    #[must_use]
    pub fn unchanged(&self) -> Duration {
        self.unchanged_since.elapsed()
    }
}

impl Store {
    fn lease_path(&self, id: &str) -> PathBuf {
        self.path("leases", id, ".lease")
    }

    /// Tries to take a trial's lease; the exclusive creation of its file decides between rivals.
    ///
    /// # Errors
    /// When the file cannot be made for another reason than that it exists.
    pub fn take(&self, id: &str, owner: &Owner) -> Result<Taken> {
        let path = self.lease_path(id);
        let note = LeaseNote {
            owner: owner.clone(),
            renewals: 0,
            since_unix_seconds: unix_seconds(),
        };
        let bytes = encode(&note)?;
        match files::in_folder(&path, || OpenOptions::new().write(true).create_new(true).open(&path)) {
            Ok(mut file) => {
                let written = fill(&mut file, &bytes).map_err(|e| Error::io("writing the lease", &path, e));
                if written.is_err() {
                    // An empty lease would hold the trial up for the whole stale time.
                    let _ = files::remove(&path);
                }
                written.map(|()| Taken::Ours(Lease { path, note }))
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Taken::Held),
            Err(error) => Err(Error::io("creating the lease", &path, error)),
        }
    }

    /// Looks at a held lease, carrying on what was seen before.
    ///
    /// Returns `None` when the lease is gone.
    ///
    /// # Errors
    /// When the lease exists but cannot be read.
    pub fn watch(&self, id: &str, before: Option<Watch>) -> Result<Option<Watch>> {
        let path = self.lease_path(id);
        Ok(content_of(&path)?.map(|content| match before {
            Some(watch) if watch.content == content => watch,
            _ => Watch {
                content,
                unchanged_since: Instant::now(),
            },
        }))
    }

    /// Takes over a lease whose content is still what `watch` saw.
    ///
    /// # Method
    /// The stale file is renamed to a name of the taker's own. Should the renamed file turn out to be
    /// a newer lease (a rival was faster), it is linked back and the attempt gives way.
    ///
    /// # Errors
    /// When files cannot be moved or made.
    pub fn take_over(&self, id: &str, watch: &Watch, owner: &Owner) -> Result<Taken> {
        let path = self.lease_path(id);
        let aside = path.with_extension(format!("{}{}", &ASIDE[1..], owner.token()));
        match files::retry(|| fs::rename(&path, &aside)) {
            // Renamed by a request whose answer was lost, or gone by itself.
            Err(error) if files::is_absent(&error) => {
                files::remove(&aside).map_err(|e| Error::io("removing the stale lease", &aside, e))?;
                return self.take(id, owner);
            }
            Err(error) => return Err(Error::io("taking over the lease", &path, error)),
            Ok(()) => {}
        }
        let Some(content) = content_of(&aside)? else {
            // Somebody tidied up after the trial's record: there is nothing left to take.
            return Ok(Taken::Held);
        };
        let rival = content != watch.content;
        if rival {
            // If somebody took the lease in between, theirs stands: both work, and the records agree.
            let _ = files::retry(|| fs::hard_link(&aside, &path));
        }
        files::remove(&aside).map_err(|e| Error::io("removing the stale lease", &aside, e))?;
        if rival {
            return Ok(Taken::Held);
        }
        self.take(id, owner)
    }

    /// Tells whether a watched lease may be taken over: unchanged for `stale`, or its process has ended here.
    #[must_use]
    pub fn is_stale(watch: &Watch, stale: Duration) -> bool {
        let gone = serde_json::from_slice::<LeaseNote>(&watch.content).is_ok_and(|note| note.owner.is_gone());
        gone || watch.unchanged() >= stale
    }

    /// Lists the trials under way, with what stands in their leases where it makes sense.
    ///
    /// # Errors
    /// When the lease folders cannot be listed or a lease not be read.
    pub fn leases(&self) -> Result<Vec<(String, Option<LeaseNote>)>> {
        let mut leases = Vec::new();
        for id in self.list("leases", ".lease")? {
            // One that was let go meanwhile is no lease any more.
            if let Some(content) = content_of(&self.lease_path(&id))? {
                leases.push((id, serde_json::from_slice(&content).ok()));
            }
        }
        Ok(leases)
    }
}

impl Lease {
    /// Shows that the holder lives: writes the next count over the last.
    ///
    /// Returns `false` when somebody else holds the lease by now; then nothing is written.
    ///
    /// # Method
    /// The file itself is written, not another one renamed over it: an observer on NFS that opens the
    /// name gets the file's newest content, while a new file behind the name may stay unseen for as
    /// long as the client caches names. A reader that catches half a line sees a change, which is the
    /// truth, and nothing worse.
    ///
    /// # Errors
    /// When the lease cannot be read or written; a lease that has vanished is made again.
    pub fn renew(&mut self) -> Result<bool> {
        if self.holder()?.is_some_and(|note| note.owner != self.note.owner) {
            return Ok(false);
        }
        self.note.renewals += 1;
        let bytes = encode(&self.note)?;
        let opened = files::retry(|| OpenOptions::new().write(true).open(&self.path));
        match opened.and_then(|mut file| fill(&mut file, &bytes)) {
            Err(error) if files::is_absent(&error) => atomic::replace(&self.path, &bytes)?,
            other => other.map_err(|e| Error::io("renewing the lease", &self.path, e))?,
        }
        Ok(true)
    }

    /// Lets the lease go, unless somebody else holds it by now.
    ///
    /// # Errors
    /// When the lease cannot be read or removed.
    pub fn release(self) -> Result<()> {
        if self.holder()?.is_none_or(|note| note.owner != self.note.owner) {
            return Ok(());
        }
        files::remove(&self.path).map_err(|e| Error::io("releasing the lease", &self.path, e))
    }

    fn holder(&self) -> Result<Option<LeaseNote>> {
        Ok(content_of(&self.path)?.and_then(|content| serde_json::from_slice(&content).ok()))
    }
}

/// Reads what stands in a lease; `None` when it is gone.
fn content_of(path: &Path) -> Result<Option<Vec<u8>>> {
    files::read_if_present(path).map_err(|e| Error::io("reading the lease", path, e))
}

/// Writes a lease's whole content from the file's start.
fn fill(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    files::retry(|| {
        file.rewind()?;
        file.write_all(bytes)?;
        file.set_len(bytes.len() as u64)
    })
}

fn encode(note: &LeaseNote) -> Result<Vec<u8>> {
    serde_json::to_vec(note).map_err(|e| Error::json("encoding a lease", e))
}

/// Returns the seconds since 1970 by this machine's clock.
pub(crate) fn unix_seconds() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Longer than any machine pauses between two lines of a test.
    const STALE: Duration = Duration::from_mins(10);

    /// Lets time pass for an observer, without waiting.
    fn let_pass(watch: &mut Watch, time: Duration) {
        watch.unchanged_since = watch.unchanged_since.checked_sub(time).unwrap();
    }

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("runs")).unwrap();
        (folder, store)
    }

    fn ours(taken: Taken) -> Lease {
        match taken {
            Taken::Ours(lease) => lease,
            Taken::Held => panic!("expected to hold the lease"),
        }
    }

    #[test]
    fn one_of_two_rivals_takes_a_lease_and_release_frees_it() {
        let (_folder, store) = store();
        let lease = ours(store.take("abcd", &Owner::new()).unwrap());
        assert!(matches!(store.take("abcd", &Owner::new()).unwrap(), Taken::Held));
        lease.release().unwrap();
        ours(store.take("abcd", &Owner::new()).unwrap());
    }

    #[test]
    fn a_renewed_lease_never_turns_stale_and_a_silent_one_does() {
        let (_folder, store) = store();
        let mut lease = ours(store.take("abcd", &Owner::new()).unwrap());
        let mut watch = store.watch("abcd", None).unwrap().unwrap();
        for _ in 0..6 {
            let_pass(&mut watch, STALE - Duration::from_mins(1));
            assert!(!Store::is_stale(&watch, STALE));
            assert!(lease.renew().unwrap());
            watch = store.watch("abcd", Some(watch)).unwrap().unwrap();
        }
        let_pass(&mut watch, STALE);
        watch = store.watch("abcd", Some(watch)).unwrap().unwrap();
        assert!(Store::is_stale(&watch, STALE));
    }

    #[test]
    fn staleness_ignores_the_time_that_stands_in_the_lease_and_on_the_file() {
        let (_folder, store) = store();
        let lease = ours(store.take("abcd", &Owner::new()).unwrap());
        for since_unix_seconds in [0, unix_seconds() + 600] {
            let note = LeaseNote {
                since_unix_seconds,
                ..lease.note.clone()
            };
            fs::write(&lease.path, encode(&note).unwrap()).unwrap();
            let old = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(since_unix_seconds);
            fs::File::open(&lease.path).unwrap().set_modified(old).unwrap();
            let mut watch = store.watch("abcd", None).unwrap().unwrap();
            assert!(!Store::is_stale(&watch, STALE));
            let_pass(&mut watch, STALE);
            assert!(Store::is_stale(&watch, STALE));
        }
    }

    #[test]
    fn after_a_takeover_the_old_holder_neither_renews_nor_releases() {
        let (_folder, store) = store();
        let mut old = ours(store.take("abcd", &Owner::new()).unwrap());
        let watch = store.watch("abcd", None).unwrap().unwrap();
        let rival = Owner::new();
        let mut new = ours(store.take_over("abcd", &watch, &rival).unwrap());
        assert!(!old.renew().unwrap());
        old.release().unwrap();
        assert!(new.renew().unwrap());
        let held = store.leases().unwrap();
        assert_eq!(held[0].1.as_ref().unwrap().owner, rival);
    }

    #[test]
    fn a_late_takeover_puts_back_the_lease_of_the_faster_rival() {
        let (_folder, store) = store();
        let _old = ours(store.take("abcd", &Owner::new()).unwrap());
        let seen_by_both = store.watch("abcd", None).unwrap().unwrap();
        let fast = Owner::new();
        let _lease = ours(store.take_over("abcd", &seen_by_both, &fast).unwrap());
        let slow = store.take_over("abcd", &seen_by_both, &Owner::new()).unwrap();
        assert!(matches!(slow, Taken::Held));
        assert_eq!(store.leases().unwrap()[0].1.as_ref().unwrap().owner, fast);
    }

    #[test]
    fn a_lease_folder_deleted_under_its_holder_is_made_again() {
        let (_folder, store) = store();
        let mut lease = ours(store.take("abcd", &Owner::new()).unwrap());
        fs::remove_dir_all(store.root().join("leases")).unwrap();
        assert!(lease.renew().unwrap());
        assert_eq!(store.leases().unwrap().len(), 1);
        lease.release().unwrap();
    }
}
