//! Tables of text: comma or tabulator separated.

use std::path::Path;

use super::cells::{Cells, Column, Places, Table, check_header};
use super::descriptor::Descriptor;
use crate::error::{Error, Result};

/// Reads a table with a header line. Columns that are mostly numbers are numbers.
pub(super) fn read(bytes: &[u8], separator: u8, descriptor: &Descriptor, path: &Path) -> Result<Table> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator)
        .trim(csv::Trim::All)
        .from_reader(bytes);
    let mut lines = Lines::of(bytes);
    let header = reader.headers().map_err(|error| fault(&error, &mut lines, path))?;
    let names: Vec<String> = header.iter().map(str::to_owned).collect();
    check_header(&names, path)?;
    let mut texts = vec![Vec::new(); names.len()];
    let mut begins = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| fault(&error, &mut lines, path))?;
        begins.push(lines.at(record.position()));
        for (column, field) in texts.iter_mut().zip(&record) {
            column.push(field.to_owned());
        }
    }
    let places = Places::lines(path, begins);
    let column = |(name, texts): (&String, Vec<String>)| {
        let cells = Cells::of_text(texts, name, &descriptor.words, &places)?;
        let name = name.clone();
        Ok(Column { name, cells })
    };
    let kept = names
        .iter()
        .zip(texts)
        .filter(|(name, _)| !descriptor.ignore.contains(name));
    let columns = kept.map(column).collect::<Result<_>>()?;
    Ok(Table { names, columns, places })
}

/// The lines of a text as editors count them, from 1, asked for in ascending order of bytes.
///
/// A line ends with a line feed, a carriage return or both, also within quotes. The reader's own count is another one: it
/// knows line feeds alone, and takes the end of a line and empty lines as the beginning of the record behind them.
struct Lines<'a> {
    bytes: &'a [u8],
    seen: usize,
    line: u64,
}

impl<'a> Lines<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            seen: 0,
            line: 1,
        }
    }

    /// The line in which a record begins.
    fn at(&mut self, position: Option<&csv::Position>) -> u64 {
        let byte = position.map_or(0, csv::Position::byte);
        let from = usize::try_from(byte)
            .unwrap_or(usize::MAX)
            .clamp(self.seen, self.bytes.len());
        let blank = self.bytes[from..]
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .count();
        let ends = |at: &usize| match self.bytes[*at] {
            b'\n' => true,
            b'\r' => self.bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        self.line += (self.seen..from + blank).filter(ends).count() as u64;
        self.seen = from + blank;
        self.line
    }
}

fn fault(error: &csv::Error, lines: &mut Lines<'_>, path: &Path) -> Error {
    let line = lines.at(error.position());
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
