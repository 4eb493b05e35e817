//! What a data set says about itself.

use serde::{Deserialize, Serialize};

/// What a set asks for: one of some classes, or real values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TargetKind {
    /// One of so many classes.
    Classes(usize),
    /// So many real values a row.
    Regression(usize),
}

impl TargetKind {
    /// Counts the outputs that a network needs: one a class, or one a value.
    #[must_use]
    pub fn outputs(self) -> usize {
        match self {
            Self::Classes(outputs) | Self::Regression(outputs) => outputs,
        }
    }
}

/// Names one of the three parts of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Split {
    /// What models learn from.
    Train,
    /// What choices are made by: sizes, epochs, hyper-parameters.
    Validation,
    /// What is read once, at the end.
    Test,
}

/// Describes a loaded set, for titles and manifests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetInfo {
    /// The name by which the set is asked for.
    pub name: String,
    /// The set's name in prose.
    pub title: String,
    /// A checksum of the unpacked content of all files that the set uses: the SHA-256 of the
    /// lines `<sha256 of the file>  <official name>` in the order of use, as `sha256sum`
    /// prints them.
    pub content_sha256: String,
    /// Features a row.
    pub features: usize,
    /// The shape behind the features: `[height, width, channels]` for images (channels last),
    /// else `[features]`.
    pub shape: Vec<usize>,
    /// What is to be predicted.
    pub targets: TargetKind,
    /// How the rows fall into train, validation and test.
    pub splits: String,
    /// What part of the official set this is, when it is not the whole.
    pub part: Option<String>,
    /// A notice when the rows are synthetic: that they are and, for a stand-in, which set was
    /// asked for and how to get it.
    pub synthetic: Option<String>,
    /// The set that was asked for when this one stands in for it.
    pub instead_of: Option<String>,
    /// Where the set comes from: authors, year, licence.
    pub source: String,
}
