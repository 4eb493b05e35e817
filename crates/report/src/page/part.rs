//! What a data set's own report answers, for a page that shows several sets and judges none.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::answer::phrase;
use super::summary::Summary;
use crate::Result;

/// Where one data set's own report lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnReport {
    /// The data set, as print names it.
    pub set: String,
    /// The report's folder from that of the page, with `/` between names.
    pub folder: String,
}

/// The answer of one data set's own report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The data set, as print names it.
    pub set: String,
    /// The report's folder from that of the page, with `/` between names.
    pub folder: String,
    /// The verdict of the claim that answers; empty where none does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub verdict: String,
    /// The answer in a phrase.
    pub said: String,
}

impl Part {
    /// Reads the answer of a data set's own report in a folder.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File) and [`Error::Json`](crate::Error::Json) name the report's summary.
    pub fn read(own: &OwnReport, folder: &Path) -> Result<Self> {
        let summary = Summary::read(&folder.join("summary.json"))?;
        let answer = phrase(&summary);
        Ok(Self {
            set: own.set.clone(),
            folder: own.folder.clone(),
            verdict: answer.verdict.to_owned(),
            said: answer.text,
        })
    }
}
