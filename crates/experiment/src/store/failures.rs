//! Trials that ended in an error, until somebody asks for another attempt.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Owner, Store, atomic};
use crate::{Error, Result};

/// Why a trial has no record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// The trial's id.
    pub id: String,
    /// The error with its causes, outermost first.
    pub message: String,
    /// Who ran it.
    pub owner: Owner,
    /// When, in seconds since 1970 by that worker's clock.
    pub at_unix_seconds: u64,
}

impl Store {
    fn failure_path(&self, id: &str) -> PathBuf {
        self.path("failed", id, ".json")
    }

    /// Records that a trial ended in an error.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn fail(&self, failure: &Failure) -> Result<()> {
        let text = serde_json::to_vec_pretty(failure).map_err(|e| Error::json("encoding a failure", e))?;
        atomic::replace(&self.failure_path(&failure.id), &text)
    }

    /// Tells whether a trial failed, by its name alone.
    #[must_use]
    pub fn has_failed(&self, id: &str) -> bool {
        self.failure_path(id).is_file()
    }

    /// Lists the failed trials, by names alone.
    ///
    /// # Errors
    /// When the folders cannot be listed.
    pub fn failed(&self) -> Result<BTreeSet<String>> {
        self.list("failed", ".json")
    }

    /// Reads why a trial failed; `None` when it did not or when the note cannot be read.
    #[must_use]
    pub fn failure(&self, id: &str) -> Option<Failure> {
        serde_json::from_slice(&fs::read(self.failure_path(id)).ok()?).ok()
    }

    /// Forgets a failure, so that the trial may run again.
    ///
    /// # Errors
    /// When the file exists and cannot be removed.
    pub fn forgive(&self, id: &str) -> Result<()> {
        let path = self.failure_path(id);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("removing the failure", path, error)),
            _ => Ok(()),
        }
    }
}
