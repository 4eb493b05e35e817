//! The directory protocol: where trials, leases, checkpoints and failures lie, and how they change hands.
//!
//! ```text
//! runs/<experiment>/<data set>/<preset>/
//!   plan.jsonl                    the trials, one line each
//!   records/<2 hex>/<id>.json     finished trials, each with its checksum
//!   leases/<2 hex>/<id>.lease     trials under way: owner and a counter that grows
//!   checkpoints/<2 hex>/<id>/     where a long trial goes on
//!   failed/<2 hex>/<id>.json      trials that ended in an error
//!   kept/<2 hex>/<id>/            files that trials keep beside their rows
//!   damaged/                      files that were set aside, with their old names
//! ```
//! Nothing relies on file locks, on modification times or on clocks that agree: a file appears
//! whole (temporary file, sync, link or rename) or not at all, but for leases, whose every content is
//! a sign of life. A lease is stale when an observer has watched its content stay the same for the
//! stated time on its own monotonic clock.

mod atomic;
mod checkpoint;
mod failures;
mod leases;
mod owner;
mod records;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use espalier_report::files;

use crate::{Error, Result};

pub(crate) use atomic::replace;
pub use checkpoint::Checkpoint;
pub use failures::Failure;
pub(crate) use leases::unix_seconds;
pub use leases::{Lease, LeaseNote, Taken, Watch};
pub use owner::Owner;
pub use records::{Finished, Publication, SCHEMA, Timing, TrainingTiming};

/// The folder of one experiment, data set and preset, through which workers meet.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// Names the store without touching the disk.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Makes the store's folders where they are missing and checks that they can be written.
    ///
    /// # Errors
    /// Names the folder that cannot be made or written, with the system's reason.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self> {
        let store = Self::at(root);
        for kind in ["records", "leases", "checkpoints", "failed", "damaged"] {
            let folder = store.root.join(kind);
            files::create_folder(&folder).map_err(|e| Error::io("creating the folder", &folder, e))?;
        }
        let probe = files::draft(&store.root.join("probe"), b"")
            .map_err(|e| Error::io("writing into the folder", &store.root, e))?;
        files::remove(&probe).map_err(|e| Error::io("removing", &probe, e))?;
        Ok(store)
    }

    /// Returns the store's folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the path of the plan.
    #[must_use]
    pub fn plan_path(&self) -> PathBuf {
        self.root.join("plan.jsonl")
    }

    /// Writes a file that a trial keeps beside its rows, in place of an earlier one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, id: &str, name: &str, bytes: &[u8]) -> Result<()> {
        atomic::replace(&self.path("kept", id, "").join(name), bytes)
    }

    /// Reads a file that a trial has kept; `None` where it has not.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn kept(&self, id: &str, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.path("kept", id, "").join(name);
        files::read_if_present(&path).map_err(|e| Error::io("reading", &path, e))
    }

    /// Returns the file of kind `kind` that belongs to a trial, fanned out by the id's first two digits.
    fn path(&self, kind: &str, id: &str, ending: &str) -> PathBuf {
        self.root
            .join(kind)
            .join(&id[..2.min(id.len())])
            .join(format!("{id}{ending}"))
    }

    /// Lists the ids of all trials with a file of kind `kind`, by names alone.
    fn list(&self, kind: &str, ending: &str) -> Result<BTreeSet<String>> {
        let mut ids = BTreeSet::new();
        let folder = self.root.join(kind);
        for prefix in entries(&folder)? {
            for file in entries(&prefix)? {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                if let Some(id) = name.strip_suffix(ending).filter(|id| !id.starts_with('.')) {
                    ids.insert(id.to_owned());
                }
            }
        }
        Ok(ids)
    }

    /// Removes leases, failures, checkpoints and half-written files of recorded trials, and half-written plans, which
    /// workers leave behind when they are killed.
    ///
    /// # Errors
    /// When folders cannot be listed or files not removed.
    pub fn tidy(&self) -> Result<()> {
        let recorded = self.recorded()?;
        for id in self.list("leases", ".lease")?.intersection(&recorded) {
            let path = self.path("leases", id, ".lease");
            files::remove(&path).map_err(|e| Error::io("removing the lease", path, e))?;
        }
        for id in self.failed()?.intersection(&recorded) {
            self.forgive(id)?;
        }
        for id in self.list("checkpoints", "")?.intersection(&recorded) {
            self.drop_checkpoint(id)?;
        }
        for kind in ["records", "leases", "failed"] {
            self.sweep(kind, &recorded)?;
        }
        for folder in [self.root.clone(), self.root.join("damaged")] {
            files::sweep_drafts(&folder).map_err(|e| Error::io("removing drafts from", folder, e))?;
        }
        Ok(())
    }

    /// Removes drafts and stale leases that were set aside, where the trial has its record.
    fn sweep(&self, kind: &str, recorded: &BTreeSet<String>) -> Result<()> {
        for prefix in entries(&self.root.join(kind))? {
            for path in entries(&prefix)? {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let id = name.trim_start_matches('.').split('.').next();
                let waste = files::is_draft(&path) || name.contains(leases::ASIDE);
                if waste && id.is_some_and(|id| recorded.contains(id)) {
                    files::remove(&path).map_err(|e| Error::io("removing the draft", &path, e))?;
                }
            }
        }
        Ok(())
    }

    /// Moves a file to `damaged/` under a name that was not used before, and returns the new path.
    ///
    /// # Errors
    /// When the file cannot be moved.
    pub(crate) fn set_aside(&self, path: &Path) -> Result<PathBuf> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folder = self.root.join("damaged");
        let target = folder.join(format!("{name}.{}", Owner::new().token()));
        let moved = files::in_folder(&target, || std::fs::rename(path, &target));
        match moved {
            // Set aside by a request whose answer was lost, or by another worker.
            Err(error) if files::is_absent(&error) => {}
            other => other.map_err(|e| Error::io("setting aside", path, e))?,
        }
        Ok(target)
    }
}

/// Lists a folder's entries; a missing folder is an empty one, and so is a file in a folder's place.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    files::entries_if_present(folder).map_err(|e| Error::io("listing the folder", folder, e))
}
