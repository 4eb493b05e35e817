//! Tables of cells: of one trial ([`Table`]) and of all ([`KeyedTable`]).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cell::{Cell, Column, ColumnKind};
use super::decode;
use super::record::{Row, TrialKey};
use super::shape::columns_of;
use crate::{Error, Result};

/// One trial's rows of one table, in the order in which they were pushed.
///
/// As JSON it is `{"columns": […], "rows": [[…], …]}`; a float that is not finite stands
/// there as the text `"NaN"`, `"inf"` or `"-inf"`, and the column's type tells it from text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StoredTable", into = "StoredTable")]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(crate) fn new(columns: Vec<Column>) -> Self {
        Self {
            columns,
            rows: Vec::new(),
        }
    }

    /// Lists the columns.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Lists the rows, each with one cell per column.
    #[must_use]
    pub fn rows(&self) -> &[Vec<Cell>] {
        &self.rows
    }

    /// Appends a row whose cells were checked against the columns.
    pub(crate) fn append(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }
}

#[derive(Serialize, Deserialize)]
struct StoredTable {
    columns: Vec<Column>,
    rows: Vec<Vec<Value>>,
}

impl From<Table> for StoredTable {
    fn from(table: Table) -> Self {
        let rows = table.rows.iter();
        Self {
            rows: rows.map(|row| row.iter().map(to_json).collect()).collect(),
            columns: table.columns,
        }
    }
}

impl TryFrom<StoredTable> for Table {
    type Error = String;

    fn try_from(stored: StoredTable) -> std::result::Result<Self, String> {
        let mut rows = Vec::with_capacity(stored.rows.len());
        for (index, row) in stored.rows.into_iter().enumerate() {
            if row.len() != stored.columns.len() {
                return Err(format!(
                    "row {index}: expected {} cells, found {}",
                    stored.columns.len(),
                    row.len()
                ));
            }
            let cells: std::result::Result<Vec<Cell>, String> = row
                .into_iter()
                .zip(&stored.columns)
                .map(|(value, column)| {
                    from_json(value, column.kind)
                        .map_err(|found| format!("row {index}, column `{}`: {found}", column.name))
                })
                .collect();
            rows.push(cells?);
        }
        Ok(Self {
            columns: stored.columns,
            rows,
        })
    }
}

/// A cell as JSON; floats that JSON cannot say become text.
pub(crate) fn to_json(cell: &Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Bool(value) => Value::Bool(*value),
        Cell::Int(value) => Value::from(*value),
        Cell::Float(value) if value.is_finite() => Value::from(*value),
        Cell::Float(value) => Value::from(value.to_string()),
        Cell::Text(value) => Value::from(value.as_str()),
    }
}

fn from_json(value: Value, kind: ColumnKind) -> std::result::Result<Cell, String> {
    let cell = match (kind, &value) {
        (_, Value::Null) => Some(Cell::Null),
        (ColumnKind::Bool, Value::Bool(value)) => Some(Cell::Bool(*value)),
        (ColumnKind::Int, Value::Number(number)) => number.as_i64().map(Cell::Int),
        (ColumnKind::Float, Value::Number(number)) => number.as_f64().map(Cell::float),
        (ColumnKind::Float, Value::String(text)) => match text.as_str() {
            "NaN" => Some(Cell::float(f64::NAN)),
            "inf" => Some(Cell::float(f64::INFINITY)),
            "-inf" => Some(Cell::float(f64::NEG_INFINITY)),
            _ => None,
        },
        (ColumnKind::Text, Value::String(text)) => Some(Cell::Text(text.clone())),
        _ => None,
    };
    cell.ok_or_else(|| format!("expected {kind}, found {value}"))
}

/// All trials' rows of one table, sorted by data set, variant, seed and order of recording.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyedTable {
    pub(crate) name: String,
    /// Where the rows come from, for messages.
    pub(crate) origin: String,
    pub(crate) columns: Vec<Column>,
    pub(crate) keys: Vec<TrialKey>,
    pub(crate) rows: Vec<Vec<Cell>>,
}

impl KeyedTable {
    /// Says the table's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Lists the columns, without those of the trial's key.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Says how many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Says whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Walks over the rows with their trials' keys, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&TrialKey, &[Cell])> {
        self.keys.iter().zip(self.rows.iter().map(Vec::as_slice))
    }

    /// Finds a column's place.
    ///
    /// # Errors
    /// [`Error::NoColumn`] names the table, where it comes from and the columns it has.
    pub fn column(&self, name: &str) -> Result<usize> {
        let found = self.columns.iter().position(|column| column.name == name);
        found.ok_or_else(|| Error::NoColumn {
            table: self.name.clone(),
            origin: self.origin.clone(),
            column: name.to_owned(),
            found: super::cell::describe(&self.columns),
        })
    }

    /// Reads every row as `R`, in the table's order.
    pub(crate) fn typed<R: Row>(&self) -> Result<Vec<R>> {
        let wanted = columns_of::<R>()?;
        let places: Vec<usize> = wanted
            .iter()
            .map(|column| self.column(&column.name))
            .collect::<Result<_>>()?;
        for (column, place) in wanted.iter().zip(&places) {
            self.check_kind(column, *place)?;
        }
        let row = |(index, cells): (usize, &Vec<Cell>)| {
            let chosen: Vec<Cell> = wanted
                .iter()
                .zip(&places)
                // Checked above.
                .map(|(column, &place)| cells[place].cast(column.kind).unwrap_or(Cell::Null))
                .collect();
            decode::row(&wanted, &chosen).map_err(|refusal| Error::RowValue {
                table: self.name.clone(),
                origin: self.origin.clone(),
                row: index,
                reason: refusal.0,
            })
        };
        self.rows.iter().enumerate().map(row).collect()
    }

    /// Checks that a column is of the kind wanted, or can become it without loss.
    fn check_kind(&self, wanted: &Column, place: usize) -> Result<()> {
        let found = self.columns[place].kind;
        let lost = self
            .rows
            .iter()
            .position(|cells| cells[place].cast(wanted.kind).is_none());
        let Some(row) = lost else {
            return Ok(());
        };
        Err(Error::ColumnKind {
            table: self.name.clone(),
            origin: self.origin.clone(),
            column: wanted.name.clone(),
            expected: wanted.kind,
            found: format!(
                "{found} ({} in row {row}); in pandas, `table[\"{1}\"].astype({2:?})` makes it one",
                self.rows[row][place].plain(),
                wanted.name,
                wanted.kind.in_pandas()
            ),
        })
    }
}
