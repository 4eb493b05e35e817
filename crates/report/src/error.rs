//! The one error type of the crate.

use std::path::{Path, PathBuf};

use crate::rows::ColumnKind;

/// The crate's result type.
pub type Result<T> = std::result::Result<T, Error>;

/// Says what was tried, on which file, table or claim, what was expected and what was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("could not {action} {}: {source}", path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A Parquet file could not be written or read.
    #[error("could not {action} the table in {}: {reason}", path.display())]
    Parquet {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// polars' reason.
        reason: String,
    },
    /// A file's bytes are not those that were written.
    #[error(
        "{}: the bytes were altered since they were written: expected checksum {expected}, found {found}; \
         restore the file, or, if another tool rewrote it on purpose, write it without the key `espalier:sha256` \
         (pyarrow: `table.replace_schema_metadata(None)`)", path.display()
    )]
    Altered {
        /// The file.
        path: PathBuf,
        /// The checksum in the file.
        expected: String,
        /// The checksum of its bytes.
        found: String,
    },
    /// A JSON document could not be read or written.
    #[error("could not {action} {what} as JSON: {source}")]
    Json {
        /// What was tried, as a verb.
        action: &'static str,
        /// The document.
        what: String,
        /// The parser's reason.
        source: serde_json::Error,
    },
    /// The journal of what studies believed cannot be read.
    #[error("{}: {reason}", path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// What is wrong in it, with its place.
        reason: String,
    },
    /// A table could not be exported as CSV.
    #[error("could not write table `{table}` as CSV: {reason}")]
    Csv {
        /// The table.
        table: String,
        /// The writer's reason.
        reason: String,
    },
    /// A row type is not a flat struct of booleans, numbers, text and options of them.
    #[error(
        "row type of table `{table}` cannot be a table: expected a flat struct of booleans, \
         integers, floats, text or options of them, found {found}"
    )]
    RowShape {
        /// The table that the type names.
        table: String,
        /// What was found in its place.
        found: String,
    },
    /// A table's name cannot name a file.
    #[error("table name `{table}` is not usable: expected lower-case letters, digits, `_` or `-`")]
    TableName {
        /// The name.
        table: String,
    },
    /// A row's field could not become a cell.
    #[error("table `{table}`, column `{column}`: {reason}")]
    Cell {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// What was expected and found.
        reason: String,
    },
    /// Two trials, or a trial and a row type, disagree about a table's columns.
    #[error("table `{table}` from {origin}: expected columns {expected}, found {found}")]
    Columns {
        /// The table.
        table: String,
        /// The file or trial.
        origin: String,
        /// The columns expected.
        expected: String,
        /// The columns found.
        found: String,
    },
    /// A column is absent.
    #[error("table `{table}` from {origin} has no column `{column}`; it has {found}")]
    NoColumn {
        /// The table.
        table: String,
        /// The file or trial.
        origin: String,
        /// The column looked for.
        column: String,
        /// The columns found.
        found: String,
    },
    /// A column holds another type than the row type asks for.
    #[error("table `{table}` from {origin}, column `{column}`: expected {expected}, found {found}")]
    ColumnKind {
        /// The table.
        table: String,
        /// The file or trial.
        origin: String,
        /// The column.
        column: String,
        /// The type that the row type asks for.
        expected: ColumnKind,
        /// The type found.
        found: String,
    },
    /// A column has a type from which no cell can be read without loss.
    #[error(
        "table `{table}` from {origin}, column `{column}`: expected booleans, integers of 32 or 64 bits, floats or \
         text, found {found}; in pandas, `{repair}` makes one of them"
    )]
    ColumnType {
        /// The table.
        table: String,
        /// The file.
        origin: String,
        /// The column.
        column: String,
        /// The type found.
        found: String,
        /// The pandas call that repairs it.
        repair: String,
    },
    /// A cell cannot become the row type's field.
    #[error("table `{table}` from {origin}, row {row}, {reason}")]
    RowValue {
        /// The table.
        table: String,
        /// The file or trial.
        origin: String,
        /// The row, counted from 0.
        row: usize,
        /// Column, expectation and finding.
        reason: String,
    },
    /// A table is absent.
    #[error("no table `{table}` was recorded; there are: {found}")]
    NoTable {
        /// The table looked for.
        table: String,
        /// The tables found.
        found: String,
    },
    /// Two records claim the same trial.
    #[error("two records of one trial: {first} and {second}; rows of two trials are never pooled")]
    DuplicateTrial {
        /// The first record's key.
        first: String,
        /// The second record's key.
        second: String,
    },
    /// A record holds no row at all, so the trial would vanish.
    #[error("the record of {key} holds no row: a finished trial records at least its outcome")]
    EmptyRecord {
        /// The record's key.
        key: String,
    },
    /// A statistic was asked of values that are not numbers.
    #[error(
        "{what}: {count} of {of} values are not finite, the first is {value} at index {index}; \
         count them apart before asking for a statistic"
    )]
    NotFinite {
        /// The statistic.
        what: &'static str,
        /// The first such value.
        value: f64,
        /// Where it stands.
        index: usize,
        /// How many there are.
        count: usize,
        /// Among how many.
        of: usize,
    },
    /// A statistic was asked of too few values.
    #[error("{what}: expected at least {needed} values, found {found}")]
    TooFew {
        /// The statistic.
        what: &'static str,
        /// The least number of values.
        needed: usize,
        /// The number of values.
        found: usize,
    },
    /// Paired samples differ in length.
    #[error("{what}: paired samples need equal lengths, found {left} and {right}")]
    Unpaired {
        /// The statistic.
        what: &'static str,
        /// Length of the first sample.
        left: usize,
        /// Length of the second sample.
        right: usize,
    },
    /// A statistic has no value for the data at hand.
    #[error("{what}: {reason}")]
    Undefined {
        /// The statistic.
        what: &'static str,
        /// Why there is none.
        reason: String,
    },
    /// An option lies outside its range.
    #[error("{what} = {found}: expected {expected}")]
    Option {
        /// The option.
        what: &'static str,
        /// The range.
        expected: &'static str,
        /// The value.
        found: String,
    },
    /// A figure's file is larger than a committed figure may be.
    #[error(
        "figure `{figure}`: {file} takes {bytes} bytes, expected at most {limit}; \
         draw fewer points or bin them"
    )]
    FigureSize {
        /// The figure.
        figure: String,
        /// The file.
        file: String,
        /// Its size.
        bytes: usize,
        /// The largest size.
        limit: usize,
    },
    /// A figure could not be drawn.
    #[error("figure `{figure}` could not be drawn: {reason}")]
    Figure {
        /// The figure.
        figure: String,
        /// The reason.
        reason: String,
    },
    /// A page's part is missing or used twice.
    #[error("report `{report}`: {reason}")]
    Page {
        /// The report.
        report: String,
        /// What was expected and found.
        reason: String,
    },
    /// Two sides of a comparison share nothing.
    #[error("nothing to compare between `{left}` and `{right}`: {reason}")]
    Comparison {
        /// The first side.
        left: String,
        /// The second side.
        right: String,
        /// What was looked for.
        reason: String,
    },
}

impl Error {
    /// Wraps an input or output error with the file and what was tried on it.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::File { action, path, source }
    }
}
