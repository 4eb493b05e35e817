//! What a data set's own report answers, for a page that shows several sets and judges none.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::answer::phrase;
use super::sets::set_in_print;
use super::summary::Summary;
use crate::Result;

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
    /// Reads the answer of the report in a folder, which is `beside` from the page.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File) and [`Error::Json`](crate::Error::Json) name the report's summary.
    pub fn read(set: &str, folder: &Path, beside: &str) -> Result<Self> {
        let summary = Summary::read(&folder.join("summary.json"))?;
        let answer = phrase(&summary);
        Ok(Self {
            set: set_in_print(set),
            folder: beside.to_owned(),
            verdict: answer.verdict.to_owned(),
            said: answer.text,
        })
    }
}
