//! Tables in Parquet.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use polars::io::SerReader as _;
use polars::prelude::{AnyValue, DataFrame, FileMetadata, ParquetReader, PolarsError, PolarsResult};
use polars_parquet::parquet::metadata::SchemaDescriptor;
use polars_parquet::parquet::schema::types::ParquetType;

use super::cells::{Cells, Column, Places, SINGLE, Table, check_distinct};
use super::descriptor::Descriptor;
use super::stored::{Stored, stored};
use crate::error::{Error, Result};

/// Under this key writers tell which types of Arrow columns had, such as categories.
const ARROW_SCHEMA: &str = "ARROW:schema";

/// Reads a table whose columns are numbers, truth values or text; categories come as their text.
pub(super) fn read(bytes: Vec<u8>, descriptor: &Descriptor, path: &Path) -> Result<Table> {
    let mut reader = ParquetReader::new(Cursor::new(bytes));
    let metadata = guarded(|| reader.get_metadata().cloned(), path)?;
    let fields = metadata.schema_descr.fields();
    let names: Vec<String> = fields.iter().map(|field| field.name().to_owned()).collect();
    check_distinct(&names, path)?;
    let fields: Vec<Field> = fields
        .iter()
        .map(|field| Field::of(field, descriptor, path))
        .collect::<Result<_>>()?;
    let types = fields.iter().map(|field| field.plain.clone()).collect();
    let kinds = fields.into_iter().filter_map(|field| Some((field.name, field.kind?)));
    let kinds: Vec<(String, Stored)> = kinds.collect();
    let kept: Vec<String> = kinds.iter().map(|(name, _)| name.clone()).collect();
    let frame = if kept.is_empty() {
        DataFrame::empty()
    } else {
        reader.set_metadata(Arc::new(plain(&metadata, types)));
        guarded(|| reader.with_columns(Some(kept)).finish(), path)?
    };
    let places = Places::rows(path, frame.height());
    let column = |(name, kind): (String, Stored)| {
        let words = descriptor.words.contains(&name);
        let cells = cells(&frame, &name, kind, words, &places)?;
        Ok(Column { name, cells })
    };
    let columns = kinds.into_iter().map(column).collect::<Result<_>>()?;
    Ok(Table {
        names,
        columns,
        places,
        notes: Vec::new(),
    })
}

/// A column of a file.
struct Field {
    name: String,
    /// What it is read as.
    plain: ParquetType,
    /// What that then means; none where it is ignored.
    kind: Option<Stored>,
}

impl Field {
    fn of(field: &ParquetType, descriptor: &Descriptor, path: &Path) -> Result<Self> {
        let name = field.name().to_owned();
        if descriptor.ignore.contains(&name) {
            let plain = field.clone();
            return Ok(Self {
                name,
                plain,
                kind: None,
            });
        }
        let (plain, kind) = stored(field).map_err(|found| refused(&name, found, path))?;
        let kind = Some(kind);
        Ok(Self { name, plain, kind })
    }
}

/// The reader of polars may panic on what is damaged.
fn guarded<T>(read: impl FnOnce() -> PolarsResult<T>, path: &Path) -> Result<T> {
    let expected = "a Parquet file";
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read.map_err(|error| Error::content(path, expected, error)),
        Err(_) => Err(Error::content(path, expected, "what the reader cannot make sense of")),
    }
}

fn refused(name: &str, found: &str, path: &Path) -> Error {
    let expected = format!(
        "numbers, truth values or text in column {name:?} (ignore={name} leaves it out; else store it as a number or as text)"
    );
    Error::content(path, expected, found)
}

/// The file's description with the types that its columns are read as, and without those that a writer had in memory.
fn plain(metadata: &FileMetadata, types: Vec<ParquetType>) -> FileMetadata {
    let mut metadata = metadata.clone();
    if let Some(pairs) = &mut metadata.key_value_metadata {
        pairs.retain(|pair| pair.key != ARROW_SCHEMA);
    }
    metadata.schema_descr = SchemaDescriptor::new(metadata.schema_descr.name().into(), types);
    metadata
}

/// The values of a column, by its name and kind; numbers as words where `words` says so.
fn cells(frame: &DataFrame, name: &str, kind: Stored, words: bool, places: &Places) -> Result<Cells> {
    let fail = |error: PolarsError| Error::content(&places.path, format!("column {name:?}"), error);
    let series = frame.column(name).map_err(fail)?.as_materialized_series().rechunk();
    if series.len() != frame.height() {
        let what = format!("values of column {name:?}");
        let (expected, found) = (frame.height(), series.len());
        let path = places.path.clone();
        return Err(Error::Count {
            path,
            what,
            expected,
            found,
        });
    }
    if kind == Stored::Text {
        return Ok(Cells::Words(series.iter().map(word).collect()));
    }
    if words {
        // Numbers of double precision do not tell large whole numbers apart, which as words are names.
        let rows = series.iter().enumerate();
        let words = rows.map(|(row, value)| match kind.word(&value) {
            Some(word) => Ok(Some(word)),
            None => Ok(Cells::Numbers(vec![number(&value, row, name, kind, places)?]).word(0)),
        });
        return words.collect::<Result<_>>().map(Cells::Words);
    }
    let numbers = series.iter().enumerate();
    let numbers = numbers.map(|(row, value)| number(&value, row, name, kind, places));
    numbers.collect::<Result<_>>().map(Cells::Numbers)
}

/// A text without white space around it, as texts of other formats are read.
fn word(value: AnyValue<'_>) -> Option<String> {
    let text = match value {
        AnyValue::String(text) => text.to_owned(),
        AnyValue::StringOwned(text) => text.to_string(),
        _ => String::new(),
    };
    Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn number(value: &AnyValue<'_>, row: usize, name: &str, kind: Stored, places: &Places) -> Result<f64> {
    let number = match value {
        AnyValue::Null => f64::NAN,
        AnyValue::Boolean(value) => f64::from(u8::from(*value)),
        value => {
            let wrong = || places.wrong(row, name, SINGLE, value.to_string());
            kind.number(value).ok_or_else(wrong)?
        }
    };
    if number.is_nan() || (number as f32).is_finite() {
        return Ok(number);
    }
    Err(places.wrong(row, name, SINGLE, number.to_string()))
}
