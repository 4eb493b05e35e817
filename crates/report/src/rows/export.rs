//! Tables as CSV and JSON, for tools that read no Parquet.

use serde_json::{Map, Value};

use super::cell::Cell;
use super::shape::KEY_COLUMNS;
use super::table::{KeyedTable, to_json};
use crate::{Error, Result};

impl KeyedTable {
    /// Writes the table as CSV (RFC 4180) with a header; a null is an empty field, floats
    /// are written so that they read back to the same bits, or as `NaN`, `inf`, `-inf`.
    ///
    /// # Errors
    /// [`Error::Csv`] names the table.
    pub fn to_csv(&self) -> Result<String> {
        let fail = |reason: String| Error::Csv {
            table: self.name.clone(),
            reason,
        };
        let mut writer = csv::Writer::from_writer(Vec::new());
        let names = self.columns.iter().map(|column| column.name.as_str());
        let header: Vec<&str> = KEY_COLUMNS.into_iter().chain(names).collect();
        writer.write_record(header).map_err(|e| fail(e.to_string()))?;
        for (key, cells) in self.iter() {
            let mut fields = vec![key.trial.clone(), key.variant.clone(), key.dataset.clone()];
            fields.push(key.seed.to_string());
            fields.extend(cells.iter().map(Cell::plain));
            writer.write_record(fields).map_err(|e| fail(e.to_string()))?;
        }
        let bytes = writer.into_inner().map_err(|e| fail(e.to_string()))?;
        String::from_utf8(bytes).map_err(|e| fail(e.to_string()))
    }

    /// Writes the table as a JSON array of objects, one line each; a float that is not
    /// finite is the text `"NaN"`, `"inf"` or `"-inf"`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let lines: Vec<String> = self
            .iter()
            .map(|(key, cells)| {
                let mut object = Map::new();
                object.insert("trial".to_owned(), Value::from(key.trial.as_str()));
                object.insert("variant".to_owned(), Value::from(key.variant.as_str()));
                object.insert("dataset".to_owned(), Value::from(key.dataset.as_str()));
                object.insert("seed".to_owned(), Value::from(key.seed));
                for (column, cell) in self.columns.iter().zip(cells) {
                    object.insert(column.name.clone(), to_json(cell));
                }
                Value::Object(object).to_string()
            })
            .collect();
        if lines.is_empty() {
            return "[]\n".to_owned();
        }
        format!("[\n{}\n]\n", lines.join(",\n"))
    }
}

impl Cell {
    /// The cell as plain text.
    pub(crate) fn plain(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Float(value) => value.to_string(),
            Self::Text(value) => value.clone(),
        }
    }
}
