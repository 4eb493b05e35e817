//! Where recorded rows come from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::statistics::Looks;

/// Where recorded rows come from: all that a reader needs to run them again.
///
/// It is recorded once, when the rows are, and stored beside them; pages and figures take
/// dates and times from here, so that drawing them again gives the same bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Provenance {
    /// The experiment's name.
    pub experiment: String,
    /// The preset's name.
    pub preset: String,
    /// The revision of the code, or "unknown" outside a repository.
    pub revision: String,
    /// Whether the working tree differed from that revision.
    pub dirty: bool,
    /// The command that recorded the rows.
    pub command: String,
    /// The settings by name.
    pub settings: BTreeMap<String, String>,
    /// The settings that `--set` changed from the preset's.
    pub changed: Vec<String>,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// The looks at the seeds where they were added while claims were open; `None` where their number was fixed beforehand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub looks: Option<Looks>,
    /// The data sets in use.
    pub data: Vec<DataUse>,
    /// What stands for the code that decides the results: the identity of the experiment's golden digests.
    pub fingerprint: String,
    /// The device.
    pub device: String,
    /// The instruction set of the processor's kernels.
    pub instruction_set: String,
    /// The number of threads and of trials side by side, in words.
    pub parallelism: String,
    /// Versions by name: compiler, this workspace, candle, ….
    pub versions: BTreeMap<String, String>,
    /// Notices that belong into every title, such as a data set that stands in for another.
    pub notices: Vec<String>,
    /// How long the recording took.
    pub wall_seconds: f64,
    /// When it started, as RFC 3339 in UTC.
    pub started: String,
    /// When it finished, as RFC 3339 in UTC.
    pub finished: String,
}

/// A data set as a report used it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DataUse {
    /// The data set's name.
    pub name: String,
    /// What part was used, for instance "60 000 training and 10 000 test images".
    pub part: String,
    /// SHA-256 of the content by file or split.
    pub checksums: BTreeMap<String, String>,
}

impl DataUse {
    /// The rows for training, validation and test, read off the words in which a set says how it is split
    /// (`84 train, 28 validation (…), 28 test (…)`); `None` where they say something else.
    ///
    /// # Example
    /// ```
    /// use espalier_report::page::DataUse;
    ///
    /// let part = "first half; 84 train, 28 validation (drawn with seed 0), 27 test (given by the file)".to_owned();
    /// assert_eq!(DataUse { part, ..DataUse::default() }.split_rows(), Some([84, 28, 27]));
    /// ```
    #[must_use]
    pub fn split_rows(&self) -> Option<[usize; 3]> {
        let words: Vec<&str> = self
            .part
            .split([' ', ',', ';', ')', '('])
            .filter(|word| !word.is_empty())
            .collect();
        let rows = |split: &str| {
            let pairs = words.windows(2).rev();
            pairs
                .filter(|pair| pair[1] == split)
                .find_map(|pair| pair[0].parse().ok())
        };
        Some([rows("train")?, rows("validation")?, rows("test")?])
    }
}
