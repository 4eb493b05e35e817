//! Cells and column types.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnKind {
    /// Booleans.
    Bool,
    /// 64-bit signed integers.
    Int,
    /// 64-bit floats; NaN and the infinities are values, not gaps.
    Float,
    /// UTF-8 text.
    Text,
}

impl fmt::Display for ColumnKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "float",
            Self::Text => "text",
        })
    }
}

/// A column's name and type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The name of the row's field.
    pub name: String,
    /// The type.
    pub kind: ColumnKind,
}

/// One value of a table; `Null` stands for `None`.
#[derive(Clone, Debug)]
pub enum Cell {
    /// Nothing.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float, perhaps not finite.
    Float(f64),
    /// Text.
    Text(String),
}

impl Cell {
    /// Says the cell's type, or `None` for a null.
    #[must_use]
    pub fn kind(&self) -> Option<ColumnKind> {
        match self {
            Self::Null => None,
            Self::Bool(_) => Some(ColumnKind::Bool),
            Self::Int(_) => Some(ColumnKind::Int),
            Self::Float(_) => Some(ColumnKind::Float),
            Self::Text(_) => Some(ColumnKind::Text),
        }
    }

    /// Reads the cell as a number: integers and floats, else `None`.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// The cell with one bit pattern for every NaN, so that equal rows are equal bytes.
    pub(crate) fn float(value: f64) -> Self {
        Self::Float(if value.is_nan() { f64::NAN } else { value })
    }
}

/// Cells are equal when their bytes are: NaN equals NaN, and 0 differs from −0.
impl PartialEq for Cell {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()),
            (Self::Text(a), Self::Text(b)) => a == b,
            _ => false,
        }
    }
}

/// Lists columns as `name: kind, …` for messages.
pub(crate) fn describe(columns: &[Column]) -> String {
    let parts: Vec<String> = columns
        .iter()
        .map(|column| format!("{}: {}", column.name, column.kind))
        .collect();
    format!("[{}]", parts.join(", "))
}
