//! Tables as Parquet files, by polars.
//!
//! What is written is what every tool reads the same way. There are no statistics: where a column holds
//! NaN they would have to leave out minimum and maximum, and readers draw wrong conclusions from that.
//! There is no Arrow schema either, which would ask other tools for polars' own kind of text, for
//! which they have no filters: booleans, 64-bit integers, doubles and UTF-8 text need none.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, PoisonError};

use polars::prelude::{
    AnyValue, ArrowDataType, Column as Series, DataFrame, DataType, FileMetadata, KeyValueMetadata, NamedFrom,
    ParallelStrategy, ParquetReader, ParquetWriter, PolarsError, PolarsResult, SerReader, StatisticsOptions,
};
use polars::series::Series as Values;
use polars_parquet::parquet::metadata::SchemaDescriptor;
use polars_parquet::parquet::schema::types::{IntegerType, ParquetType, PrimitiveConvertedType, PrimitiveLogicalType};

use super::cell::{Cell, Column, ColumnKind};
use super::file::write_atomically;
use super::record::TrialKey;
use super::seal;
use super::shape::KEY_COLUMNS;
use super::table::KeyedTable;
use crate::{Error, Result, files};

/// Under this key other writers tell which Arrow types their columns had.
const ARROW_SCHEMA: &str = "ARROW:schema";

/// So begin the names under which pandas stores a table's index.
const PANDAS_INDEX: &str = "__index_level_";

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
    let mut series = key_series(table)?;
    for (place, column) in table.columns.iter().enumerate() {
        series.push(column_series(table, place, column).into());
    }
    let mut bytes = encode(table.len(), series).map_err(failed("write", path))?;
    seal::close(&mut bytes);
    write_atomically(path, &bytes)
}

fn encode(height: usize, series: Vec<Series>) -> PolarsResult<Vec<u8>> {
    let frame = DataFrame::new(height, series)?;
    let mut bytes = Vec::new();
    let mut writer = ParquetWriter::new(&mut bytes)
        .set_parallel(false)
        .with_statistics(StatisticsOptions::empty())
        .with_row_group_size(Some(height.max(1)))
        .batched(frame.schema())?;
    writer.write_batch(&frame)?;
    // The writer's own end would add the Arrow schema.
    let footer = match KeyValueMetadata::from_static(vec![(seal::KEY.to_owned(), seal::open())]) {
        KeyValueMetadata::Static(pairs) => pairs,
        _ => Vec::new(),
    };
    let mut file = writer.get_writer().lock().unwrap_or_else(PoisonError::into_inner);
    file.end(Some(footer))?;
    drop(file);
    drop(writer);
    Ok(bytes)
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
    let bytes = files::read(path).map_err(Error::file("read", path))?;
    seal::check(path, &bytes)?;
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let mut table = KeyedTable {
        name: name.unwrap_or_default(),
        origin: path.display().to_string(),
        columns: Vec::new(),
        keys: Vec::new(),
        rows: Vec::new(),
    };
    let frame = decode(path, &table, bytes)?;
    table.rows = vec![Vec::new(); frame.height()];
    let mut keys: [Vec<Cell>; 4] = Default::default();
    for series in frame.columns() {
        let (column, cells) = read_series(&table, series)?;
        if cells.len() != frame.height() {
            let name = &column.name;
            let reason = format!(
                "column `{name}`: expected {} values, found {}",
                frame.height(),
                cells.len()
            );
            return Err(Error::Parquet {
                action: "read",
                path: path.to_path_buf(),
                reason,
            });
        }
        if let Some(place) = KEY_COLUMNS.iter().position(|name| *name == column.name) {
            keys[place] = cells;
            continue;
        }
        if column.name.starts_with(PANDAS_INDEX) {
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

/// Hands bytes without a seal, or with a whole one, to polars, whose reader may still panic on what others wrote.
fn decode(path: &Path, table: &KeyedTable, bytes: Vec<u8>) -> Result<DataFrame> {
    let panicked = |_| Error::Parquet {
        action: "read",
        path: path.to_path_buf(),
        reason: "the file is damaged: the reader cannot make sense of it".to_owned(),
    };
    catch_unwind(AssertUnwindSafe(|| {
        let fail = failed("read", path);
        let mut reader = ParquetReader::new(Cursor::new(bytes)).read_parallel(ParallelStrategy::None);
        let metadata = plain_types(reader.get_metadata().map_err(&fail)?);
        reader.set_metadata(Arc::new(metadata));
        check_types(table, &mut reader)?;
        reader.finish().map_err(&fail)
    }))
    .map_err(panicked)?
}

/// Leaves out which Arrow types columns had, so that categories come as their text or numbers, and that integers were of 8
/// or 16 bits, which are stored in 32.
fn plain_types(metadata: &FileMetadata) -> FileMetadata {
    let mut metadata = metadata.clone();
    if let Some(pairs) = &mut metadata.key_value_metadata {
        pairs.retain(|pair| pair.key != ARROW_SCHEMA);
    }
    let schema = &metadata.schema_descr;
    let fields = schema.fields().iter().cloned().map(widened).collect();
    metadata.schema_descr = SchemaDescriptor::new(schema.name().into(), fields);
    metadata
}

fn widened(field: ParquetType) -> ParquetType {
    use IntegerType::{Int8, Int16, UInt8, UInt16};
    let ParquetType::PrimitiveType(mut primitive) = field else {
        return field;
    };
    if let Some(PrimitiveLogicalType::Integer(Int8 | Int16 | UInt8 | UInt16)) = primitive.logical_type {
        primitive.logical_type = None;
    }
    if let Some(
        PrimitiveConvertedType::Int8
        | PrimitiveConvertedType::Int16
        | PrimitiveConvertedType::Uint8
        | PrimitiveConvertedType::Uint16,
    ) = primitive.converted_type
    {
        primitive.converted_type = None;
    }
    ParquetType::PrimitiveType(primitive)
}

fn check_types(table: &KeyedTable, reader: &mut ParquetReader<Cursor<Vec<u8>>>) -> Result<()> {
    let schema = reader.schema().map_err(failed("read", Path::new(&table.origin)))?;
    let mut seen = BTreeSet::new();
    for field in schema.iter_values() {
        if !seen.insert(field.name.as_str()) {
            return Err(Error::Columns {
                table: table.name.clone(),
                origin: table.origin.clone(),
                expected: "of different names".to_owned(),
                found: format!("`{}` twice", field.name),
            });
        }
        if let Some(repair) = repair(field.dtype()) {
            return Err(Error::ColumnType {
                table: table.name.clone(),
                origin: table.origin.clone(),
                column: field.name.to_string(),
                found: format!("{:?}", field.dtype()),
                repair: format!("table[\"{}\"] = {}", field.name, repair.replace('?', &field.name)),
            });
        }
    }
    Ok(())
}

/// Returns the pandas expression that turns a column into one that can be read, or `None` for one that can be as it is.
fn repair(found: &ArrowDataType) -> Option<&'static str> {
    match found {
        ArrowDataType::Null
        | ArrowDataType::Boolean
        | ArrowDataType::Int32
        | ArrowDataType::Int64
        | ArrowDataType::UInt32
        | ArrowDataType::UInt64
        | ArrowDataType::Float32
        | ArrowDataType::Float64
        | ArrowDataType::Utf8
        | ArrowDataType::LargeUtf8
        | ArrowDataType::Utf8View => None,
        ArrowDataType::Float16 | ArrowDataType::Decimal(..) => Some("table[\"?\"].astype(\"float64\")"),
        ArrowDataType::Binary | ArrowDataType::LargeBinary | ArrowDataType::BinaryView => {
            Some("table[\"?\"].str.decode(\"utf-8\")")
        }
        _ => Some("table[\"?\"].astype(\"string\")"),
    }
}

fn read_series(table: &KeyedTable, series: &Series) -> Result<(Column, Vec<Cell>)> {
    let wrong = |kind, found: String| Error::ColumnKind {
        table: table.name.clone(),
        origin: table.origin.clone(),
        column: series.name().to_string(),
        expected: kind,
        found,
    };
    let kind = match series.dtype() {
        DataType::Boolean => ColumnKind::Bool,
        DataType::Int32 | DataType::Int64 | DataType::UInt32 | DataType::UInt64 => ColumnKind::Int,
        DataType::Float32 | DataType::Float64 => ColumnKind::Float,
        // A column of nothing but nulls fits any type.
        DataType::String | DataType::Null => ColumnKind::Text,
        other => return Err(wrong(ColumnKind::Text, format!("Parquet type {other}"))),
    };
    let values = series.as_materialized_series();
    let mut cells = Vec::with_capacity(values.len());
    for value in values.iter() {
        cells.push(cell(&value).ok_or_else(|| wrong(kind, format!("value {value}")))?);
    }
    let column = Column {
        name: series.name().to_string(),
        kind,
    };
    Ok((column, cells))
}

/// Reads a value without loss, or not at all.
fn cell(value: &AnyValue<'_>) -> Option<Cell> {
    Some(match value {
        AnyValue::Null => Cell::Null,
        AnyValue::Boolean(value) => Cell::Bool(*value),
        AnyValue::Int32(value) => Cell::Int((*value).into()),
        AnyValue::Int64(value) => Cell::Int(*value),
        AnyValue::UInt32(value) => Cell::Int((*value).into()),
        AnyValue::UInt64(value) => Cell::Int(i64::try_from(*value).ok()?),
        AnyValue::Float32(value) => Cell::float((*value).into()),
        AnyValue::Float64(value) => Cell::float(*value),
        AnyValue::String(value) => Cell::Text((*value).to_owned()),
        AnyValue::StringOwned(value) => Cell::Text(value.to_string()),
        _ => return None,
    })
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
    let seed = |row: usize| match cells[3][row].as_int() {
        Some(value) if value >= 0 => Ok(value.unsigned_abs()),
        _ => Err(wrong(3, row, &cells[3][row])),
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
