//! What one finished trial recorded.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::cell::{Cell, Column, describe};
use super::encode;
use super::file::write_atomically;
use super::shape::columns_of;
use super::table::{KeyedTable, Table};
use crate::{Error, Result, files};

/// A row of a table: a flat struct of booleans, integers, floats, text, variants without
/// data, and options of them.
///
/// Field names become column names; `trial`, `variant`, `dataset` and `seed` are taken by
/// the trial's key. Integers fit in 64 signed bits; a hash goes in as hex text.
pub trait Row: Serialize + DeserializeOwned {
    /// The table's name: lower-case letters, digits, `_`, `-`; it names the file.
    const TABLE: &'static str;
}

/// Names the tables of row types.
///
/// # Example
/// ```
/// use espalier_report::{rows::Row, tables};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Unit {
///     spread: f32,
/// }
/// tables! { Unit: "units" }
/// assert_eq!(Unit::TABLE, "units");
/// ```
#[macro_export]
macro_rules! tables {
    ($($row:ty: $table:expr),+ $(,)?) => {
        $(impl $crate::rows::Row for $row {
            const TABLE: &'static str = $table;
        })+
    };
}

/// Several row types, `(Epoch, Unit)`, for [`Record::declare_all`].
pub trait Tables {
    /// Opens the table of each.
    ///
    /// # Errors
    /// As [`Record::declare`].
    fn declare(record: &mut Record) -> Result<()>;
}

impl<A: Row, B: Row> Tables for (A, B) {
    fn declare(record: &mut Record) -> Result<()> {
        record.declare::<A>()?;
        record.declare::<B>()
    }
}

impl<A: Row, B: Row, C: Row> Tables for (A, B, C) {
    fn declare(record: &mut Record) -> Result<()> {
        record.declare::<A>()?;
        record.declare_all::<(B, C)>()
    }
}

/// The trial that a row belongs to: variant × data set × seed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TrialKey {
    /// The hash of all that decides the trial's result, in hex.
    pub trial: String,
    /// The variant.
    pub variant: String,
    /// The data set.
    pub dataset: String,
    /// The seed; at most `i64::MAX`, as Parquet stores it in a signed column.
    pub seed: u64,
}

impl TrialKey {
    /// Names a trial.
    #[must_use]
    pub fn new(trial: &str, variant: &str, dataset: &str, seed: u64) -> Self {
        Self {
            trial: trial.to_owned(),
            variant: variant.to_owned(),
            dataset: dataset.to_owned(),
            seed,
        }
    }

    /// The order of rows: data set, variant, seed, identity.
    pub(crate) fn order(&self) -> (&str, &str, u64, &str) {
        (&self.dataset, &self.variant, self.seed, &self.trial)
    }
}

impl fmt::Display for TrialKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "trial {} ({} on {}, seed {})",
            self.trial, self.variant, self.dataset, self.seed
        )
    }
}

/// A row with the trial that recorded it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyed<R> {
    /// The trial.
    pub key: TrialKey,
    /// The row.
    pub row: R,
}

/// All that one finished trial recorded: its key and its tables.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The trial.
    pub key: TrialKey,
    /// The tables by name.
    pub tables: BTreeMap<String, Table>,
}

impl Record {
    /// Starts an empty record.
    #[must_use]
    pub fn new(key: TrialKey) -> Self {
        Self {
            key,
            tables: BTreeMap::new(),
        }
    }

    /// Opens the table of `R`, so that it exists even when no row follows.
    ///
    /// # Errors
    /// [`Error::RowShape`] and [`Error::TableName`] when `R` cannot be a table,
    /// [`Error::Columns`] when another type uses the same table.
    pub fn declare<R: Row>(&mut self) -> Result<()> {
        let columns = columns_of::<R>()?;
        if let Some(table) = self.tables.get(R::TABLE) {
            return self.agree(R::TABLE, table.columns(), &columns);
        }
        self.tables.insert(R::TABLE.to_owned(), Table::new(columns));
        Ok(())
    }

    /// Opens the tables of several row types, as [`Record::declare`] does that of one.
    ///
    /// # Errors
    /// As [`Record::declare`].
    pub fn declare_all<T: Tables>(&mut self) -> Result<()> {
        T::declare(self)
    }

    /// Appends a row to its table.
    ///
    /// # Errors
    /// As [`Record::declare`], and [`Error::Cell`] when a field is no cell (an integer
    /// beyond `i64`, a nested value).
    pub fn push<R: Row>(&mut self, row: &R) -> Result<()> {
        if !self.tables.contains_key(R::TABLE) {
            self.declare::<R>()?;
        }
        let fields = encode::fields(row)?;
        // Declared above when it was absent.
        let Some(table) = self.tables.get(R::TABLE) else {
            return Err(missing(R::TABLE, &self.tables));
        };
        let cells = matched(R::TABLE, table.columns(), fields)?;
        if let Some(table) = self.tables.get_mut(R::TABLE) {
            table.append(cells);
        }
        Ok(())
    }

    /// Appends rows to their table and opens it even when there are none.
    ///
    /// # Errors
    /// As [`Record::push`].
    pub fn push_all<R: Row>(&mut self, rows: &[R]) -> Result<()> {
        self.declare::<R>()?;
        rows.iter().try_for_each(|row| self.push(row))
    }

    /// Reads this trial's rows of `R` back.
    ///
    /// # Errors
    /// [`Error::NoTable`], [`Error::NoColumn`], [`Error::ColumnKind`] and
    /// [`Error::RowValue`] say what is missing or does not fit.
    pub fn get<R: Row>(&self) -> Result<Vec<R>> {
        let Some(table) = self.tables.get(R::TABLE) else {
            return Err(missing(R::TABLE, &self.tables));
        };
        let keyed = KeyedTable {
            name: R::TABLE.to_owned(),
            origin: self.key.to_string(),
            columns: table.columns().to_vec(),
            keys: vec![self.key.clone(); table.rows().len()],
            rows: table.rows().to_vec(),
        };
        keyed.typed()
    }

    /// Writes the record as JSON, whole or not at all.
    ///
    /// # Errors
    /// [`Error::File`] and [`Error::Json`] name the file.
    pub fn write(&self, path: &Path) -> Result<()> {
        let bytes = serde_json::to_vec(self).map_err(|source| Error::Json {
            action: "write",
            what: path.display().to_string(),
            source,
        })?;
        write_atomically(path, &bytes)
    }

    /// Reads a record that [`Record::write`] wrote.
    ///
    /// # Errors
    /// [`Error::File`] and [`Error::Json`] name the file.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = files::read(path).map_err(Error::file("read", path))?;
        serde_json::from_slice(&bytes).map_err(|source| Error::Json {
            action: "read",
            what: path.display().to_string(),
            source,
        })
    }

    fn agree(&self, table: &str, expected: &[Column], found: &[Column]) -> Result<()> {
        if expected == found {
            return Ok(());
        }
        Err(Error::Columns {
            table: table.to_owned(),
            origin: self.key.to_string(),
            expected: describe(expected),
            found: describe(found),
        })
    }
}

fn missing(table: &str, tables: &BTreeMap<String, Table>) -> Error {
    let names: Vec<&str> = tables.keys().map(String::as_str).collect();
    Error::NoTable {
        table: table.to_owned(),
        found: names.join(", "),
    }
}

/// Checks the fields of a row against the columns and puts them in the columns' order.
fn matched(table: &str, columns: &[Column], fields: Vec<(&'static str, Cell)>) -> Result<Vec<Cell>> {
    let fail = |column: &str, reason: String| Error::Cell {
        table: table.to_owned(),
        column: column.to_owned(),
        reason,
    };
    if fields.len() != columns.len() {
        let reason = format!("expected {} fields, found {}", columns.len(), fields.len());
        return Err(fail("*", reason));
    }
    let mut cells = Vec::with_capacity(fields.len());
    for (column, (name, cell)) in columns.iter().zip(fields) {
        if column.name != name {
            return Err(fail(&column.name, format!("found field `{name}` in its place")));
        }
        match cell.kind() {
            Some(kind) if kind != column.kind => {
                let reason = format!("expected {}, found {kind}", column.kind);
                return Err(fail(&column.name, reason));
            }
            _ => cells.push(cell),
        }
    }
    Ok(cells)
}
