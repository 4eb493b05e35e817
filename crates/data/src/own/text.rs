//! Tables of text: comma or tabulator separated.

use std::collections::BTreeMap;
use std::path::Path;

use super::cells::{Cells, Column, Places, Table, check_header, counted, present};
use super::descriptor::Descriptor;
use crate::error::{Error, Result};

/// Reads a table with a header line. Columns that are mostly numbers are numbers.
pub(super) fn read(bytes: &[u8], separator: u8, descriptor: &Descriptor, path: &Path) -> Result<Table> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Some(begun) = open_quote(bytes, separator) {
        let expected = format!(
            "a quote that closes the field that one opens in line {} (a quote within a quoted field is written twice)",
            Lines::of(bytes).of_byte(begun)
        );
        return Err(Error::content(path, expected, "the end of the file"));
    }
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
    let mut notes = Vec::new();
    let column = |(name, texts): (&String, Vec<String>)| {
        let texts = if descriptor.target.as_ref() == Some(name) {
            targets(texts, name, descriptor, &mut notes)
        } else {
            texts.iter().map(|text| present(text)).collect()
        };
        let cells = Cells::of_text(texts, name, &descriptor.words, &places)?;
        let name = name.clone();
        Ok(Column { name, cells })
    };
    let kept = names
        .iter()
        .zip(texts)
        .filter(|(name, _)| !descriptor.ignore.contains(name));
    let columns = kept.map(column).collect::<Result<_>>()?;
    Ok(Table {
        names,
        columns,
        places,
        notes,
    })
}

/// The texts of the target. Those of one that is said to hold words are classes unless they are empty; else it is said which
/// texts were taken as missing.
fn targets(texts: Vec<String>, name: &str, descriptor: &Descriptor, notes: &mut Vec<String>) -> Vec<Option<String>> {
    if descriptor.words.iter().any(|word| word == name) {
        let filled = |text: String| Some(text).filter(|text| !text.is_empty());
        return texts.into_iter().map(filled).collect();
    }
    let mut missing: BTreeMap<&str, usize> = BTreeMap::new();
    let taken = texts.iter().map(|text| {
        let taken = present(text);
        if taken.is_none() && !text.is_empty() {
            *missing.entry(text).or_default() += 1;
        }
        taken
    });
    let taken = taken.collect();
    notes.extend(missing.into_iter().map(|(text, rows)| {
        let rows = counted(rows, "row");
        format!("`{text}` in {rows} of the target stands for a missing value (words={name} makes it a class)")
    }));
    taken
}

/// The byte at which a quoted field begins that nothing closes.
///
/// A quote opens a field where it stands at its beginning, closes it where another one stands, and opens it again where a third
/// follows at once, which is how a quote within the field is written.
pub(super) fn open_quote(bytes: &[u8], separator: u8) -> Option<usize> {
    let (mut opened, mut is_open, mut at_beginning, mut just_closed) = (0, false, true, false);
    for (place, &byte) in bytes.iter().enumerate() {
        let quote = byte == b'"';
        if quote && at_beginning {
            opened = place;
        }
        let turns = quote && (is_open || at_beginning || just_closed);
        just_closed = turns && is_open;
        is_open ^= turns;
        at_beginning = !is_open && (byte == separator || matches!(byte, b'\n' | b'\r'));
    }
    is_open.then_some(opened)
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

    /// The line of a byte.
    fn of_byte(&mut self, byte: usize) -> u64 {
        self.advance(byte.clamp(self.seen, self.bytes.len()))
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
        self.advance(from + blank)
    }

    fn advance(&mut self, to: usize) -> u64 {
        let ends = |at: &usize| match self.bytes[*at] {
            b'\n' => true,
            b'\r' => self.bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        self.line += (self.seen..to).filter(ends).count() as u64;
        self.seen = to;
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
