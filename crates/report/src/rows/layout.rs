//! The types of a table's columns in one line, and rows that other tools wrote brought back to them.

use std::collections::BTreeMap;

use super::cell::{Cell, Column, ColumnKind};
use super::sheet::Rows;
use super::table::KeyedTable;

/// Stands behind the type of a column that has gaps; in a column of floats without it a gap was NaN.
const GAPS: char = '?';

const KINDS: [ColumnKind; 4] = [ColumnKind::Bool, ColumnKind::Int, ColumnKind::Float, ColumnKind::Text];

impl KeyedTable {
    /// Writes the columns on one line, as `epoch int, loss float, note text?`; a question mark stands for gaps.
    #[must_use]
    pub fn layout(&self) -> String {
        let column = |(place, column): (usize, &Column)| {
            let gaps = self.rows.iter().any(|cells| cells[place] == Cell::Null);
            format!("{} {}{}", column.name, column.kind, if gaps { "?" } else { "" })
        };
        let columns: Vec<String> = self.columns.iter().enumerate().map(column).collect();
        columns.join(", ")
    }

    /// Brings the columns to a layout without loss; `None` where they cannot be.
    fn in_layout(&self, layout: &str) -> Option<Self> {
        let mut table = self.clone();
        table.columns.clear();
        table.rows.iter_mut().for_each(Vec::clear);
        for text in layout.split(", ").filter(|text| !text.is_empty()) {
            let (name, kind) = text.rsplit_once(' ')?;
            let kind_name = kind.trim_end_matches(GAPS);
            let wanted = KINDS.into_iter().find(|known| known.to_string() == kind_name)?;
            let nan = wanted == ColumnKind::Float && !kind.ends_with(GAPS);
            let place = self.columns.iter().position(|column| column.name == name)?;
            for (row, cells) in table.rows.iter_mut().zip(&self.rows) {
                row.push(match cells[place].cast(wanted)? {
                    Cell::Null if nan => Cell::float(f64::NAN),
                    cell => cell,
                });
            }
            table.columns.push(Column {
                name: name.to_owned(),
                kind: wanted,
            });
        }
        (table.columns.len() == self.columns.len()).then_some(table)
    }
}

impl Rows {
    /// Brings tables that other tools wrote back to the layouts that they were recorded in
    /// ([`KeyedTable::layout`]): integers that had become floats, gaps that stood for NaN, columns of
    /// nothing but gaps. A table that cannot be brought to its layout without loss stays as it is.
    #[must_use]
    pub fn in_layouts(&self, layouts: &BTreeMap<String, String>) -> Self {
        let table = |table: &KeyedTable| {
            let layout = layouts.get(table.name());
            layout
                .and_then(|layout| table.in_layout(layout))
                .unwrap_or_else(|| table.clone())
        };
        self.each(table)
    }
}
