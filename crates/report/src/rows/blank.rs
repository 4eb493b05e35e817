//! Rows in which nothing was measured, or not everything.

use super::cell::{Cell, Column, ColumnKind};
use super::decode;
use super::record::Row;
use super::shape::columns_of;
use crate::{Error, Result};

/// Makes a row in which nothing was measured: floats are NaN, integers 0, flags false, texts empty; options hold these too.
///
/// # Errors
/// [`Error::RowShape`] when `R` cannot be a table, [`Error::RowValue`] when a field has no such value, as an enum has none.
///
/// # Example
/// ```
/// use espalier_report::rows::{Row, blank};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Outcome { arm: String, accuracy: f64, epochs: u64 }
/// impl Row for Outcome { const TABLE: &'static str = "outcomes"; }
///
/// let outcome = Outcome { arm: "split".to_owned(), ..blank()? };
/// assert!(outcome.accuracy.is_nan() && outcome.epochs == 0);
/// # Ok::<(), espalier_report::Error>(())
/// ```
pub fn blank<R: Row>() -> Result<R> {
    named(&[])
}

/// Makes a row of what is known under the names of its columns; any other column holds what [`blank`] puts there, and what the
/// row has no column for is left out.
///
/// # Errors
/// As [`blank`], and [`Error::RowValue`] where a value does not fit the column of its name.
///
/// # Example
/// ```
/// use espalier_report::rows::{Cell, Row, named};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Epoch { epoch: u64, loss: f64, size: f64 }
/// impl Row for Epoch { const TABLE: &'static str = "epochs"; }
///
/// let row: Epoch = named(&[("epoch", Cell::Int(3)), ("loss", Cell::Float(0.5)), ("steps", Cell::Int(9))])?;
/// assert!(row.epoch == 3 && row.loss == 0.5 && row.size.is_nan());
/// # Ok::<(), espalier_report::Error>(())
/// ```
pub fn named<R: Row>(known: &[(&str, Cell)]) -> Result<R> {
    let columns = columns_of::<R>()?;
    let cells: Vec<Cell> = columns.iter().map(|column| cell(column, known)).collect();
    decode::row(&columns, &cells).map_err(|refusal| Error::RowValue {
        table: R::TABLE.to_owned(),
        origin: "a row of named values".to_owned(),
        row: 0,
        reason: refusal.0,
    })
}

fn cell(column: &Column, known: &[(&str, Cell)]) -> Cell {
    if let Some((_, cell)) = known.iter().find(|(name, _)| *name == column.name) {
        return cell.clone();
    }
    match column.kind {
        ColumnKind::Bool => Cell::Bool(false),
        ColumnKind::Int => Cell::Int(0),
        ColumnKind::Float => Cell::Float(f64::NAN),
        ColumnKind::Text => Cell::Text(String::new()),
    }
}
