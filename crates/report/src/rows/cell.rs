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

impl ColumnKind {
    /// The name of the type in pandas that holds such values and gaps.
    pub(crate) fn in_pandas(self) -> &'static str {
        match self {
            Self::Bool => "boolean",
            Self::Int => "Int64",
            Self::Float => "float64",
            Self::Text => "string",
        }
    }
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

/// Up to here every integer is a float.
const EXACT: u64 = 1 << 53;

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

    /// The cell as an integer, if it is one: also a float without a fraction, which other tools make of integers.
    pub(crate) fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Float(value) if value.fract() == 0.0 && value.abs() < EXACT as f64 => Some(*value as i64),
            _ => None,
        }
    }

    /// The cell as one of another kind, without loss, or `None`.
    ///
    /// Other tools have no integers with gaps and write floats in their place, and a gap where NaN stood.
    pub(crate) fn cast(&self, kind: ColumnKind) -> Option<Self> {
        match (self, kind) {
            (Self::Null, _) => Some(Self::Null),
            (Self::Float(value), ColumnKind::Int) if value.is_nan() => Some(Self::Null),
            (_, ColumnKind::Int) => self.as_int().map(Self::Int),
            (Self::Int(value), ColumnKind::Float) => {
                (value.unsigned_abs() <= EXACT).then(|| Self::float(*value as f64))
            }
            _ if self.kind() == Some(kind) => Some(self.clone()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cast_loses_nothing_or_is_refused(value in prop_oneof![any::<i64>(), -10_i64..10, (1_i64 << 53) - 3..(1 << 53) + 3]) {
            if let Some(float) = Cell::Int(value).cast(ColumnKind::Float) {
                prop_assert_eq!(float.number().map(|float| float as i128), Some(i128::from(value)));
            } else {
                prop_assert!(value.unsigned_abs() > 1 << 53);
            }
        }

        #[test]
        fn a_float_becomes_an_integer_only_if_it_is_one(value in prop_oneof![any::<f64>(), (-100_i32..100).prop_map(|n| f64::from(n) / 2.0)]) {
            match Cell::Float(value).cast(ColumnKind::Int) {
                Some(Cell::Int(whole)) => prop_assert_eq!(whole as f64, value),
                Some(other) => prop_assert!(value.is_nan() && other == Cell::Null),
                None => prop_assert!(value.fract() != 0.0 || value.abs() >= 9.0e15),
            }
        }
    }

    #[test]
    fn text_and_booleans_become_nothing_else() {
        for (cell, kind) in [
            (Cell::Text("1".into()), ColumnKind::Int),
            (Cell::Bool(true), ColumnKind::Int),
        ] {
            assert_eq!(cell.cast(kind), None);
        }
        assert_eq!(Cell::Null.cast(ColumnKind::Bool), Some(Cell::Null));
    }
}
