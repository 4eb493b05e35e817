//! The descriptor of a set of one's own: a small TOML file that git keeps.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::cells::counted;
use super::options::{MissingRule, OwnData, Task};
use crate::error::{Error, Result};
use crate::files::{content_sha256, is_absent, sha256};

/// How a file or folder becomes a data set.
///
/// Written when a set is first used, and read from then on: the checksum holds the content fast, and the
/// list of classes their numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Descriptor {
    /// The checksum of the content: of the file, or of the list of a folder's files as `sha256sum` prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The file or folder, from where the descriptor lies.
    pub path: PathBuf,
    /// How it is to be read.
    pub format: Format,
    /// The column to be predicted; tables only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Whether classes or values are predicted.
    pub task: Task,
    /// What becomes of missing features.
    #[serde(default)]
    pub missing: MissingRule,
    /// Columns that hold words though they look like numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
    /// Columns that are not read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
    /// The column that names each row's split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_column: Option<String>,
    /// The seed of the drawn split.
    #[serde(default)]
    pub split_seed: u64,
    /// The share of all rows that are drawn for the test split, where none is given.
    #[serde(default = "fifth")]
    pub test_share: f64,
    /// The share of all rows that are drawn for the validation split, where none is given.
    #[serde(default = "fifth")]
    pub validation_share: f64,
    /// Whether numeric columns get mean 0 and variance 1 over the training rows.
    #[serde(default = "yes")]
    pub normalise: bool,
    /// Whether images lie transposed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub transpose: bool,
    /// The classes in the order of their numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
}

/// How a set of one's own is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Fields separated by commas, a header line first.
    Csv,
    /// Fields separated by tabulators, a header line first.
    Tsv,
    /// Parquet.
    Parquet,
    /// NumPy arrays `x` and `y` or `x_train` and `y_train`, with `x_val`, `y_val`, `x_test` and `y_test` where these splits are given.
    Npz,
    /// A folder of idx files of images and labels.
    Idx,
    /// A folder with a folder of PNG or JPEG images for each class.
    Images,
}

fn fifth() -> f64 {
    0.2
}

fn yes() -> bool {
    true
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Format {
    /// Tells the format of a file from its name, and that of a folder from what lies in it.
    pub(super) fn of(path: &Path) -> Result<Self> {
        let meta = fs::metadata(path).map_err(|error| Error::io("read", path, error))?;
        if meta.is_dir() {
            return Self::of_folder(path);
        }
        let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
        match extension.as_deref() {
            Some("csv") => Ok(Self::Csv),
            Some("tsv") => Ok(Self::Tsv),
            Some("parquet") => Ok(Self::Parquet),
            Some("npz") => Ok(Self::Npz),
            other => Err(Error::content(
                path,
                "a name that ends in .csv, .tsv, .parquet or .npz, or a folder",
                other.map_or_else(|| "no ending".to_owned(), |ending| format!(".{ending}")),
            )),
        }
    }

    fn of_folder(path: &Path) -> Result<Self> {
        let files = super::folder::files(path)?;
        if files.iter().any(|file| super::folder::is_idx(file)) {
            return Ok(Self::Idx);
        }
        if files.iter().any(|file| super::folder::is_image(file)) {
            return Ok(Self::Images);
        }
        let expected = "a folder of idx files (names that end in -ubyte or .idx, packed with gzip or not) or of PNG or JPEG \
                        images by class";
        let found = match files.as_slice() {
            [] => "no file".to_owned(),
            [first, ..] => {
                let files = counted(files.len(), "other file");
                format!("{files}, first {}", first.strip_prefix(path).unwrap_or(first).display())
            }
        };
        Err(Error::content(path, expected, found))
    }

    /// Says whether the rows have named columns.
    #[must_use]
    pub fn is_table(self) -> bool {
        matches!(self, Self::Csv | Self::Tsv | Self::Parquet)
    }
}

impl Descriptor {
    /// What is to be assumed before anything is read.
    pub(super) fn begun(path: &Path, own: &OwnData) -> Result<Self> {
        Ok(Self::of_format(path, Format::of(path)?, own))
    }

    pub(super) fn of_format(path: &Path, format: Format, own: &OwnData) -> Self {
        Self {
            sha256: None,
            path: path.to_owned(),
            format,
            target: own.target.clone(),
            task: own.task.unwrap_or(Task::Classes),
            missing: own.missing.unwrap_or_default(),
            words: own.words.clone().unwrap_or_default(),
            ignore: own.ignore.clone().unwrap_or_default(),
            split_column: own.split_column.clone(),
            split_seed: own.split_seed.unwrap_or(0),
            test_share: fifth(),
            validation_share: fifth(),
            normalise: true,
            transpose: own.transpose.unwrap_or(false),
            classes: Vec::new(),
        }
    }

    /// Reads a descriptor; `None` where there is none.
    pub(super) fn read(path: &Path) -> Result<Option<Self>> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(Error::io("read", path, error)),
        };
        let read: Self =
            toml::from_str(&text).map_err(|error| Error::content(path, "a descriptor of a data set", error))?;
        for (name, share) in [
            ("test_share", read.test_share),
            ("validation_share", read.validation_share),
        ] {
            if !(0.0 < share && share < 0.5) {
                let expected = format!("{name} above 0 and below 0.5, so that rows for training are left");
                return Err(Error::content(path, expected, share));
            }
        }
        Ok(Some(read))
    }

    /// Writes the descriptor whole or not at all.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let text = toml::to_string(self).map_err(|error| Error::content(path, "names that TOML can hold", error))?;
        replace(path, &text)
    }

    /// Puts the checksum of first use before all that a hand has written.
    pub(super) fn pin(path: &Path, sum: &str) -> Result<()> {
        let text = fs::read_to_string(path).map_err(|error| Error::io("read", path, error))?;
        let line = format!("sha256 = \"{sum}\"");
        replace(path, &format!("{line}\n{text}")).map_err(|error| {
            let expected = format!("the line {line}, or a file that it can be written into");
            Error::content(path, expected, error)
        })
    }

    /// Refuses what a caller says again otherwise.
    pub(super) fn agree(&self, own: &OwnData, path: &Path, set: &str) -> Result<()> {
        let said = |option: &'static str, told: Option<String>, found: Option<String>| match found {
            Some(found) if told.as_ref() != Some(&found) => Err(Error::Option {
                set: set.to_owned(),
                option,
                expected: format!(
                    "{}, as {} says; change it there",
                    told.filter(|told| !told.is_empty())
                        .unwrap_or_else(|| "nothing".to_owned()),
                    path.display()
                ),
                found,
            }),
            _ => Ok(()),
        };
        let word = |task: Task| if task == Task::Classes { "classes" } else { "regression" }.to_owned();
        said("target", self.target.clone(), own.target.clone())?;
        said("task", Some(word(self.task)), own.task.map(word))?;
        let rule = |rule: MissingRule| format!("{rule:?}").to_lowercase();
        said("missing", Some(rule(self.missing)), own.missing.map(rule))?;
        said(
            "words",
            Some(self.words.join(",")),
            own.words.as_ref().map(|w| w.join(",")),
        )?;
        said(
            "ignore",
            Some(self.ignore.join(",")),
            own.ignore.as_ref().map(|w| w.join(",")),
        )?;
        said("split_column", self.split_column.clone(), own.split_column.clone())?;
        said(
            "split_seed",
            Some(self.split_seed.to_string()),
            own.split_seed.map(|s| s.to_string()),
        )?;
        said(
            "transpose",
            Some(self.transpose.to_string()),
            own.transpose.map(|t| t.to_string()),
        )
    }

    /// Where the file or folder lies, for a descriptor in `folder`.
    pub(super) fn place(&self, folder: &Path) -> PathBuf {
        folder.join(&self.path)
    }

    /// The checksum of content and of all that decides how it is read, which stands in a trial's identity.
    pub(super) fn content_sha256(&self, sum: &str) -> String {
        let rules = Self {
            path: PathBuf::new(),
            sha256: None,
            ..self.clone()
        };
        let rules = sha256(format!("{rules:?}").as_bytes());
        content_sha256([("content", sum), ("rules", rules.as_str())])
    }
}

fn replace(path: &Path, text: &str) -> Result<()> {
    let draft = path.with_extension(format!("toml.{}.draft", std::process::id()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| Error::io("create", folder, error))?;
    }
    fs::write(&draft, text).map_err(|error| Error::io("write", &draft, error))?;
    fs::rename(&draft, path).map_err(|error| Error::io("write", path, error))
}
