//! Tables of text: lines of fields.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::files::Content;

/// One line of a table, cut into its fields.
#[derive(Clone, Debug)]
pub(super) struct Line<'a> {
    path: &'a Path,
    /// From 1, as editors count.
    pub number: usize,
    pub fields: Vec<&'a str>,
}

/// Cuts a table into lines and fields, without the white space around fields.
///
/// Empty lines at the end are left out, and so are lines that begin with `|`, which is how
/// the official files of `adult` write a remark.
pub(super) fn lines<'a>(content: &'a Content, separator: char, columns: usize) -> Result<Vec<Line<'a>>> {
    let text = std::str::from_utf8(&content.bytes).map_err(|error| Error::Field {
        path: content.path.clone(),
        line: 1 + content.bytes[..error.valid_up_to()]
            .iter()
            .filter(|&&byte| byte == b'\n')
            .count(),
        column: 1,
        expected: "UTF-8 text".to_owned(),
        found: format!("byte {:#04x}", content.bytes[error.valid_up_to()]),
    })?;
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.trim_end().split('\n')) {
        let line = line.trim_end_matches('\r');
        if line.starts_with('|') {
            continue;
        }
        let fields: Vec<&str> = line.split(separator).map(str::trim).collect();
        if fields.len() != columns {
            return Err(Error::Count {
                path: content.path.clone(),
                what: format!("columns of line {number}"),
                expected: columns,
                found: fields.len(),
            });
        }
        lines.push(Line {
            path: &content.path,
            number,
            fields,
        });
    }
    Ok(lines)
}

impl Line<'_> {
    /// Says that a field (its column from 0) is not what was expected.
    pub fn wrong(&self, column: usize, expected: impl Into<String>) -> Error {
        Error::Field {
            path: PathBuf::from(self.path),
            line: self.number,
            column: column + 1,
            expected: expected.into(),
            found: self.fields[column].to_owned(),
        }
    }

    /// Reads a number that single precision holds, as networks do.
    pub fn number(&self, column: usize) -> Result<f64> {
        match f64::from_str(self.fields[column]) {
            Ok(number) if (number as f32).is_finite() => Ok(number),
            _ => Err(self.wrong(column, "a finite number of single precision")),
        }
    }

    /// Reads a whole number between two bounds, both allowed.
    pub fn whole(&self, column: usize, low: u32, high: u32) -> Result<u32> {
        match u32::from_str(self.fields[column]) {
            Ok(number) if (low..=high).contains(&number) => Ok(number),
            _ => Err(self.wrong(column, format!("a whole number from {low} to {high}"))),
        }
    }

    /// Reads a label; classes count from `first`, and the first one becomes 0.
    pub fn label(&self, column: usize, first: u32, classes: u32) -> Result<u32> {
        match u32::from_str(self.fields[column]) {
            Ok(label) if (first..first + classes).contains(&label) => Ok(label - first),
            _ => Err(self.wrong(column, format!("one of {first}..={}", first + classes - 1))),
        }
    }
}

#[cfg(test)]
pub(super) fn content(text: &str) -> Content {
    Content {
        name: "table".to_owned(),
        path: "folder/table".into(),
        bytes: text.as_bytes().to_vec(),
        sha256: crate::files::sha256(text.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_at_either_line_end_and_remarks_are_left_out() {
        let text = content("|remark\r\n1, 2\r\n3,4\n\n");
        let lines = lines(&text, ',', 2).unwrap();
        assert_eq!(
            lines.iter().map(|line| line.fields.clone()).collect::<Vec<_>>(),
            [["1", "2"], ["3", "4"]]
        );
        assert_eq!(lines[1].number, 3);
    }

    #[test]
    fn faults_name_file_line_column_and_what_was_found() {
        let short = lines(&content("1,2\n3\n"), ',', 2).unwrap_err().to_string();
        assert_eq!(short, "folder/table: columns of line 2: expected 2, found 1");
        let text = content("1,2\nx,11\n");
        let lines = lines(&text, ',', 2).unwrap();
        let number = lines[1].number(0).unwrap_err().to_string();
        assert_eq!(
            number,
            "folder/table, line 2, column 1: expected a finite number of single precision, found \"x\""
        );
        let label = lines[1].label(1, 1, 10).unwrap_err().to_string();
        assert_eq!(
            label,
            "folder/table, line 2, column 2: expected one of 1..=10, found \"11\""
        );
        let whole = lines[1].whole(1, 1, 4).unwrap_err().to_string();
        assert!(whole.contains("from 1 to 4, found \"11\""), "{whole}");
    }

    #[test]
    fn text_that_is_not_utf8_and_numbers_that_are_not_finite_are_refused() {
        let mut bad = content("1\n");
        bad.bytes.push(0xff);
        assert!(lines(&bad, ',', 1).unwrap_err().to_string().contains("line 2"));
        for number in ["inf", "1e300", "-1e39", "NaN"] {
            let text = content(number);
            assert!(lines(&text, ',', 1).unwrap()[0].number(0).is_err(), "{number}");
        }
    }
}
