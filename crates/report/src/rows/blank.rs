//! A row in which nothing was measured.

use super::cell::{Cell, ColumnKind};
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
    let columns = columns_of::<R>()?;
    let cell = |kind| match kind {
        ColumnKind::Bool => Cell::Bool(false),
        ColumnKind::Int => Cell::Int(0),
        ColumnKind::Float => Cell::Float(f64::NAN),
        ColumnKind::Text => Cell::Text(String::new()),
    };
    let cells: Vec<Cell> = columns.iter().map(|column| cell(column.kind)).collect();
    decode::row(&columns, &cells).map_err(|refusal| Error::RowValue {
        table: R::TABLE.to_owned(),
        origin: "a row in which nothing was measured".to_owned(),
        row: 0,
        reason: refusal.0,
    })
}
