//! What can go wrong while data is found, fetched and read.

use std::path::PathBuf;

/// The result of this crate's operations.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Says what went wrong, in which file, what was expected and what was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No data set has the name that was asked for.
    #[error(
        "there is no data set called {name:?}; expected one of the known sets ({known}), a file of one's own that ends in .csv, .tsv, \
         .parquet or .npz, a folder of idx files or of images by class, or the name of a descriptor, data/<name>.toml"
    )]
    UnknownSet {
        /// The name that was asked for.
        name: String,
        /// The names that exist, separated by commas.
        known: String,
    },
    /// A file of a set was found nowhere and could not be fetched.
    #[error(
        "data set {set}: {file} (plain or .gz) is in none of [{}]; {}; get it with: {command}",
        .places.join(", "), fetching(.attempts)
    )]
    Missing {
        /// The data set.
        set: String,
        /// The file's official name, without `.gz`.
        file: String,
        /// Every path that was looked at.
        places: Vec<String>,
        /// Every address that was tried and why it gave nothing; empty when none was.
        attempts: Vec<String>,
        /// A command that gets the set.
        command: String,
    },
    /// A file could not be opened, read or written.
    #[error("cannot {action} {}: {source}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A packed file does not unpack.
    #[error(
        "{} does not unpack: expected a complete gzip stream, but after {unpacked} unpacked bytes: {reason}",
        .path.display()
    )]
    Packed {
        /// The packed file.
        path: PathBuf,
        /// How many bytes came out before the fault.
        unpacked: usize,
        /// What the unpacker found.
        reason: String,
    },
    /// A pickled file does not hold what the set's Python version does.
    #[error("{}: expected {expected}, found {found}", .path.display())]
    Pickle {
        /// The file.
        path: PathBuf,
        /// What the file must hold.
        expected: String,
        /// What it holds, or why it cannot be read.
        found: String,
    },
    /// A file ends before its header says, or a record is cut short.
    #[error("{} is cut short: expected {expected} bytes ({what}), found {found}", .path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// What needs the bytes.
        what: String,
        /// Bytes needed, of the unpacked content.
        expected: u64,
        /// Bytes there, of the unpacked content.
        found: u64,
    },
    /// A file goes on after the end that its header states.
    #[error("{} is too long: its header says {expected} bytes, found {found}", .path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Bytes that the header accounts for.
        expected: u64,
        /// Bytes there.
        found: u64,
    },
    /// A file begins with the wrong magic number.
    #[error(
        "{} has the wrong magic number: expected {expected:#010x} ({what}), found {found:#010x}",
        .path.display()
    )]
    Magic {
        /// The file.
        path: PathBuf,
        /// What such a magic number stands for.
        what: &'static str,
        /// The right magic number.
        expected: u32,
        /// The first four bytes, big-endian.
        found: u32,
    },
    /// Two counts that must agree do not.
    #[error("{}: {what}: expected {expected}, found {found}", .path.display())]
    Count {
        /// The file that was read last.
        path: PathBuf,
        /// What is counted.
        what: String,
        /// The count that was expected.
        expected: usize,
        /// The count that was found.
        found: usize,
    },
    /// A label stands for no class.
    #[error("{}: label of row {row} is {found}, expected one of {expected}", .path.display())]
    Label {
        /// The file.
        path: PathBuf,
        /// The row, from 0.
        row: usize,
        /// The labels that exist.
        expected: String,
        /// The label that was found.
        found: String,
    },
    /// A field of a table is not what its column holds.
    #[error("{}, line {line}, column {column}: expected {expected}, found {found:?}", .path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What the column holds.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A file's unpacked content is not the content that the set is pinned to.
    #[error(
        "{} has the wrong checksum: expected SHA-256 {expected} of the unpacked content, found {found} ({bytes} bytes)",
        .path.display()
    )]
    Checksum {
        /// The file.
        path: PathBuf,
        /// The pinned sum.
        expected: String,
        /// The sum of what was read.
        found: String,
        /// Unpacked bytes.
        bytes: usize,
    },
    /// An option does not fit the set.
    #[error("data set {set}: option {option}: expected {expected}, found {found}")]
    Option {
        /// The data set.
        set: String,
        /// The option.
        option: &'static str,
        /// What the option allows here.
        expected: String,
        /// What was asked for.
        found: String,
    },
    /// A number of a table normalises to none that single precision holds.
    #[error(
        "data set {set}: {split:?} row {row}, column {column}: expected a finite number once normalised, found {found}"
    )]
    Normalised {
        /// The data set.
        set: String,
        /// The split.
        split: crate::info::Split,
        /// The row of the split, from 0.
        row: usize,
        /// The column, from 0.
        column: usize,
        /// What normalising gave.
        found: f32,
    },
    /// A cell of a table of one's own is not what its column holds.
    #[error("{}, {place}, column {column:?}: expected {expected}, found {found:?}", .path.display())]
    Cell {
        /// The file.
        path: PathBuf,
        /// The line of a text, from 1, or the row of another table, from 1.
        place: Box<str>,
        /// The column's name.
        column: Box<str>,
        /// What the column holds.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A file or folder of one's own does not hold what it must.
    #[error("{}: expected {expected}, found {found}", .path.display())]
    Content {
        /// The file or folder.
        path: PathBuf,
        /// What it must hold.
        expected: String,
        /// What it holds.
        found: String,
    },
    /// A set of one's own has changed since it was first used.
    #[error(
        "{} has changed: expected SHA-256 {expected}, as {} has pinned on first use, found {found}; \
         delete the line `sha256` there to use it as it is now",
        .path.display(), .descriptor.display()
    )]
    Pinned {
        /// The file or folder.
        path: PathBuf,
        /// The descriptor that holds the sum.
        descriptor: PathBuf,
        /// The sum of first use.
        expected: String,
        /// The sum of today.
        found: String,
    },
    /// A buffer or an index does not fit the examples.
    #[error("gathering examples: {what}: expected {expected}, found {found}")]
    Gather {
        /// Which buffer or index.
        what: &'static str,
        /// What would fit.
        expected: String,
        /// What was given.
        found: String,
    },
}

fn fetching(attempts: &[String]) -> String {
    if attempts.is_empty() {
        "no download was tried".to_owned()
    } else {
        format!("downloads failed: {}", attempts.join("; "))
    }
}

impl Error {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Io {
            action,
            path: path.into(),
            source,
        }
    }

    pub(crate) fn content(
        path: impl Into<PathBuf>,
        expected: impl Into<String>,
        found: impl std::fmt::Display,
    ) -> Self {
        Self::Content {
            path: path.into(),
            expected: expected.into(),
            found: found.to_string(),
        }
    }

    /// Says whether a set was simply not to be had, as opposed to being damaged.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }
}
