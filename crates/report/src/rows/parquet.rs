//! Tables as Parquet files, by polars.

use std::io::Cursor;
use std::path::Path;

use polars::prelude::{
    AnyValue, Column as Series, DataFrame, DataType, NamedFrom, ParquetReader, ParquetWriter, PolarsError, SerReader,
};
use polars::series::Series as Values;

use super::cell::{Cell, Column, ColumnKind};
use super::file::write_atomically;
use super::record::TrialKey;
use super::shape::KEY_COLUMNS;
use super::table::KeyedTable;
use crate::{Error, Result};

fn failed(action: &'static str, path: &Path) -> impl Fn(PolarsError) -> Error {
    let path = path.to_path_buf();
    move |reason| Error::Parquet {
        action,
        path: path.clone(),
        reason: reason.to_string(),
    }
}

/// Writes a table; the bytes depend on its rows alone, as one thread writes one row group.
pub(crate) fn write(table: &KeyedTable, path: &Path) -> Result<()> {
    let fail = failed("write", path);
    let mut series = key_series(table)?;
    for (place, column) in table.columns.iter().enumerate() {
        series.push(column_series(table, place, column).into());
    }
    let mut frame = DataFrame::new(table.len(), series).map_err(&fail)?;
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes)
        .set_parallel(false)
        .with_row_group_size(Some(table.len().max(1)))
        .finish(&mut frame)
        .map_err(&fail)?;
    write_atomically(path, &bytes)
}

fn key_series(table: &KeyedTable) -> Result<Vec<Series>> {
    let text = |name: &str, part: fn(&TrialKey) -> &str| {
        let values: Vec<&str> = table.keys.iter().map(part).collect();
        Series::from(Values::new(name.into(), values))
    };
    let mut seeds = Vec::with_capacity(table.len());
    for key in &table.keys {
        seeds.push(i64::try_from(key.seed).map_err(|_| Error::Cell {
            table: table.name.clone(),
            column: "seed".to_owned(),
            reason: format!("expected at most {}, found {}", i64::MAX, key.seed),
        })?);
    }
    Ok(vec![
        text("trial", |key| &key.trial),
        text("variant", |key| &key.variant),
        text("dataset", |key| &key.dataset),
        Values::new("seed".into(), seeds).into(),
    ])
}

fn column_series(table: &KeyedTable, place: usize, column: &Column) -> Values {
    /// Gathers one column; a cell of another type cannot occur, as tables check on entry.
    macro_rules! gather {
        ($kind:ident, $type:ty, $value:ident => $convert:expr) => {{
            let values: Vec<Option<$type>> = table
                .rows
                .iter()
                .map(|cells| match &cells[place] {
                    Cell::$kind($value) => Some($convert),
                    _ => None,
                })
                .collect();
            Values::new(column.name.as_str().into(), values)
        }};
    }
    match column.kind {
        ColumnKind::Bool => gather!(Bool, bool, value => *value),
        ColumnKind::Int => gather!(Int, i64, value => *value),
        ColumnKind::Float => gather!(Float, f64, value => *value),
        ColumnKind::Text => gather!(Text, &str, value => value.as_str()),
    }
}

/// Reads a table that [`write`] wrote, or another tool with the same columns.
pub(crate) fn read(path: &Path) -> Result<KeyedTable> {
    let fail = failed("read", path);
    let bytes = std::fs::read(path).map_err(Error::file("read", path))?;
    let frame = ParquetReader::new(Cursor::new(bytes)).finish().map_err(&fail)?;
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let mut table = KeyedTable {
        name: name.unwrap_or_default(),
        origin: path.display().to_string(),
        columns: Vec::new(),
        keys: Vec::new(),
        rows: vec![Vec::new(); frame.height()],
    };
    let mut keys: [Vec<Cell>; 4] = Default::default();
    for series in frame.columns() {
        let (column, cells) = read_series(&table, series)?;
        if let Some(place) = KEY_COLUMNS.iter().position(|name| *name == column.name) {
            keys[place] = cells;
            continue;
        }
        table.columns.push(column);
        for (row, cell) in table.rows.iter_mut().zip(cells) {
            row.push(cell);
        }
    }
    table.keys = read_keys(&table, &frame, keys)?;
    Ok(table)
}

fn read_series(table: &KeyedTable, series: &Series) -> Result<(Column, Vec<Cell>)> {
    let wrong = |expected, found: String| Error::ColumnKind {
        table: table.name.clone(),
        origin: table.origin.clone(),
        column: series.name().to_string(),
        expected,
        found,
    };
    let kind = match series.dtype() {
        DataType::Boolean => ColumnKind::Bool,
        DataType::Int64 => ColumnKind::Int,
        DataType::Float64 => ColumnKind::Float,
        DataType::String => ColumnKind::Text,
        other => return Err(wrong(ColumnKind::Text, format!("Parquet type {other}"))),
    };
    let values = series.as_materialized_series();
    let mut cells = Vec::with_capacity(values.len());
    for value in values.iter() {
        cells.push(match value {
            AnyValue::Null => Cell::Null,
            AnyValue::Boolean(value) => Cell::Bool(value),
            AnyValue::Int64(value) => Cell::Int(value),
            AnyValue::Float64(value) => Cell::float(value),
            AnyValue::String(value) => Cell::Text(value.to_owned()),
            AnyValue::StringOwned(value) => Cell::Text(value.to_string()),
            other => return Err(wrong(kind, format!("value {other}"))),
        });
    }
    let column = Column {
        name: series.name().to_string(),
        kind,
    };
    Ok((column, cells))
}

fn read_keys(table: &KeyedTable, frame: &DataFrame, cells: [Vec<Cell>; 4]) -> Result<Vec<TrialKey>> {
    for name in KEY_COLUMNS {
        if frame.column(name).is_err() {
            return Err(Error::NoColumn {
                table: table.name.clone(),
                origin: table.origin.clone(),
                column: name.to_owned(),
                found: super::cell::describe(&table.columns),
            });
        }
    }
    let wrong = |place: usize, row: usize, cell: &Cell| Error::RowValue {
        table: table.name.clone(),
        origin: table.origin.clone(),
        row,
        reason: format!("column `{}`: found {cell:?} in a key", KEY_COLUMNS[place]),
    };
    let text = |place: usize, row: usize| match &cells[place][row] {
        Cell::Text(value) => Ok(value.clone()),
        other => Err(wrong(place, row, other)),
    };
    let seed = |row: usize| match &cells[3][row] {
        Cell::Int(value) if *value >= 0 => Ok(value.unsigned_abs()),
        other => Err(wrong(3, row, other)),
    };
    (0..frame.height())
        .map(|row| {
            Ok(TrialKey {
                trial: text(0, row)?,
                variant: text(1, row)?,
                dataset: text(2, row)?,
                seed: seed(row)?,
            })
        })
        .collect()
}
