//! Tables in Parquet.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use polars::io::SerReader as _;
use polars::prelude::{AnyValue, DataFrame, DataType, ParquetReader, PolarsResult, Series};

use super::cells::{Cells, Column, Places, check_header};
use crate::error::{Error, Result};

/// Reads a table whose columns are numbers, truth values or text.
pub(super) fn read(bytes: Vec<u8>, words: &[String], path: &Path) -> Result<(Vec<Column>, Places)> {
    let frame = decode(bytes).map_err(|reason| Error::content(path, "a Parquet file", reason))?;
    let names: Vec<String> = frame.get_column_names().iter().map(|name| name.to_string()).collect();
    check_header(&names, path)?;
    let places = Places {
        path: path.to_owned(),
        lines: Vec::new(),
    };
    let column = |name: String| {
        let fail = |error: polars::error::PolarsError| Error::content(path, format!("column {name:?}"), error);
        let series = frame.column(&name).map_err(fail)?.as_materialized_series().rechunk();
        let cells = cells(&series, &name, &places)?;
        let cells = if words.contains(&name) {
            cells.into_words()
        } else {
            cells
        };
        Ok(Column { name, cells })
    };
    Ok((names.into_iter().map(column).collect::<Result<_>>()?, places))
}

/// The reader of polars may panic on what is damaged.
fn decode(bytes: Vec<u8>) -> std::result::Result<DataFrame, String> {
    let read = || -> PolarsResult<DataFrame> { ParquetReader::new(Cursor::new(bytes)).finish() };
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read.map_err(|error| error.to_string()),
        Err(_) => Err("what the reader cannot make sense of".to_owned()),
    }
}

fn cells(series: &Series, name: &str, places: &Places) -> Result<Cells> {
    let text = matches!(series.dtype(), DataType::String);
    let mut numbers = Vec::with_capacity(series.len());
    let mut texts = Vec::new();
    for (row, value) in series.iter().enumerate() {
        let number = match value {
            AnyValue::Null => f64::NAN,
            AnyValue::Boolean(value) => f64::from(u8::from(value)),
            AnyValue::String(value) if text => {
                texts.push(value.to_owned());
                continue;
            }
            ref value => match value.extract::<f64>() {
                Some(number) => number,
                None => {
                    let expected = "a column of numbers, truth values or text";
                    return Err(places.wrong(row, name, expected, series.dtype().to_string()));
                }
            },
        };
        if text {
            texts.push(String::new());
        } else if number.is_infinite() || (!number.is_nan() && !(number as f32).is_finite()) {
            return Err(places.wrong(row, name, "a finite number of single precision", number.to_string()));
        } else {
            numbers.push(number);
        }
    }
    Ok(if text {
        Cells::Words(
            texts
                .into_iter()
                .map(|text| Some(text).filter(|text| !text.is_empty()))
                .collect(),
        )
    } else {
        Cells::Numbers(numbers)
    })
}
