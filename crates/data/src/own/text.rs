//! Tables of text: comma or tabulator separated.

use std::path::Path;

use super::cells::{Cells, Column, Places, check_header};
use crate::error::{Error, Result};

/// Reads a table with a header line. Columns that are all numbers are numbers.
pub(super) fn read(bytes: &[u8], separator: u8, words: &[String], path: &Path) -> Result<(Vec<Column>, Places)> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator)
        .trim(csv::Trim::All)
        .from_reader(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
    let fault = |error: csv::Error| fault(&error, path);
    let names: Vec<String> = reader.headers().map_err(fault)?.iter().map(str::to_owned).collect();
    check_header(&names, path)?;
    let mut texts = vec![Vec::new(); names.len()];
    let mut lines = Vec::new();
    for record in reader.records() {
        let record = record.map_err(fault)?;
        lines.push(record.position().map_or(0, csv::Position::line));
        for (column, field) in texts.iter_mut().zip(&record) {
            column.push(field.to_owned());
        }
    }
    let places = Places {
        path: path.to_owned(),
        lines,
    };
    let column = |(name, texts): (String, Vec<String>)| {
        let cells = Cells::of_text(texts, &name, words, &places)?;
        Ok(Column { name, cells })
    };
    let columns = names.into_iter().zip(texts).map(column).collect::<Result<_>>()?;
    Ok((columns, places))
}

fn fault(error: &csv::Error, path: &Path) -> Error {
    let line = error.position().map_or(1, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => Error::Count {
            path: path.to_owned(),
            what: format!("columns of line {line}"),
            expected: usize::try_from(*expected_len).unwrap_or(usize::MAX),
            found: usize::try_from(*len).unwrap_or(usize::MAX),
        },
        csv::ErrorKind::Utf8 { err, .. } => Error::Field {
            path: path.to_owned(),
            line: usize::try_from(line).unwrap_or(usize::MAX),
            column: err.field() + 1,
            expected: "UTF-8 text".to_owned(),
            found: err.to_string(),
        },
        _ => Error::content(path, "a table of text", error),
    }
}
