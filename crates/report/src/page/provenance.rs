//! Where recorded rows come from.

use std::collections::BTreeMap;
use std::fmt;
use std::iter::Sum;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::statistics::Looks;

/// The revision of code outside a repository.
const UNKNOWN: &str = "unknown";

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
    /// How much of the trials' time went into training.
    #[serde(skip_serializing_if = "TrainingTime::is_empty")]
    pub training: TrainingTime,
    /// When it started, as RFC 3339 in UTC.
    pub started: String,
    /// When it finished, as RFC 3339 in UTC.
    pub finished: String,
}

impl Provenance {
    /// The revision, and whether the tree differed from it; of an unknown one nothing differs.
    pub(super) fn revision_told(&self) -> String {
        let changes = self.dirty && self.revision != UNKNOWN;
        format!(
            "{}{}",
            self.revision,
            if changes { " with uncommitted changes" } else { "" }
        )
    }
}

/// How much of the time of the trials that say so went into training.
///
/// # Units
/// Seconds, summed over trials.
///
/// # Example
/// ```
/// use espalier_report::page::TrainingTime;
///
/// let both: TrainingTime = [TrainingTime::of(10.0, 9.0), TrainingTime::of(30.0, 27.0)].into_iter().sum();
/// assert_eq!(both.to_string(), "10.0 % of the time of the 2 trials that say so");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrainingTime {
    /// The trials that say so.
    pub trials: u64,
    /// Their time from start to record.
    pub wall_seconds: f64,
    /// The part of it that went into training.
    pub training_seconds: f64,
}

impl TrainingTime {
    /// The time of one trial.
    #[must_use]
    pub fn of(wall_seconds: f64, training_seconds: f64) -> Self {
        Self {
            trials: 1,
            wall_seconds,
            training_seconds,
        }
    }

    /// Whether no trial says so.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.trials == 0
    }

    /// The share of the time that went into anything but training; NaN where no time passed.
    #[must_use]
    pub fn outside(&self) -> f64 {
        1.0 - self.training_seconds / self.wall_seconds
    }
}

impl AddAssign for TrainingTime {
    fn add_assign(&mut self, other: Self) {
        self.trials += other.trials;
        self.wall_seconds += other.wall_seconds;
        self.training_seconds += other.training_seconds;
    }
}

impl Sum for TrainingTime {
    fn sum<I: Iterator<Item = Self>>(times: I) -> Self {
        times.fold(Self::default(), |mut sum, time| {
            sum += time;
            sum
        })
    }
}

/// The share outside training in words; empty where no trial says so.
impl fmt::Display for TrainingTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outside = 100.0 * self.outside();
        match self.trials {
            0 => Ok(()),
            1 => write!(f, "{outside:.1} % of the time of the one trial that says so"),
            trials => write!(f, "{outside:.1} % of the time of the {trials} trials that say so"),
        }
    }
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
