//! Trials that ended in an error, until somebody asks for another attempt.

use std::collections::BTreeSet;
use std::path::PathBuf;

use espalier_report::files;
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
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn has_failed(&self, id: &str) -> Result<bool> {
        let path = self.failure_path(id);
        files::exists(&path).map_err(|e| Error::io("looking for the failure", path, e))
    }

    /// Lists the failed trials, by names alone.
    ///
    /// # Errors
    /// When the folders cannot be listed.
    pub fn failed(&self) -> Result<BTreeSet<String>> {
        self.list("failed", ".json")
    }

    /// Reads why a trial failed; `None` when it did not or when what stands there says nothing.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn failure(&self, id: &str) -> Result<Option<Failure>> {
        let path = self.failure_path(id);
        let found = files::read_if_present(&path).map_err(|e| Error::io("reading the failure", path, e))?;
        Ok(found.and_then(|text| serde_json::from_slice(&text).ok()))
    }

    /// Forgets a failure, so that the trial may run again.
    ///
    /// # Errors
    /// When the file exists and cannot be removed.
    pub fn forgive(&self, id: &str) -> Result<()> {
        let path = self.failure_path(id);
        files::remove(&path).map_err(|e| Error::io("removing the failure", path, e))
    }
}
