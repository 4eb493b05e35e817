//! Whether two recordings of the same trials say the same.

use espalier_report::rows::{Cell, KeyedTable, Rows, is_timing};

/// How much was compared, and what did not agree.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Comparison {
    /// Tables, wall-clock tables left out.
    pub(crate) tables: usize,
    /// Cells of these tables.
    pub(crate) cells: usize,
    /// What differs, a line each.
    pub(crate) differences: Vec<String>,
}

/// Compares what was recorded of trials with what they give now, trial ids and wall clocks aside. A table that was not
/// recorded is no difference: what the others say is the same with and without it. Numbers may differ by `allowed`, relative to
/// the larger of the two, and by no bit where it is 0.
///
/// # Errors
/// When a table cannot be read.
pub(crate) fn compare(recorded: &Rows, fresh: &Rows, allowed: f64) -> crate::Result<Comparison> {
    let mut comparison = Comparison::default();
    for name in results(recorded) {
        let old = recorded.table(name)?;
        match fresh.table(name) {
            Ok(new) => comparison.add(name, old, new, allowed),
            // A table of which these trials have no rows is no difference.
            Err(_) if old.is_empty() => {}
            Err(_) => comparison
                .differences
                .push(format!("{name}: a table that is missing now")),
        }
    }
    Ok(comparison)
}

fn results(rows: &Rows) -> impl Iterator<Item = &str> {
    rows.table_names().into_iter().filter(|name| !is_timing(name))
}

impl Comparison {
    fn add(&mut self, name: &str, old: &KeyedTable, new: &KeyedTable, allowed: f64) {
        self.tables += 1;
        if old.len() != new.len() || old.columns() != new.columns() {
            let (before, now) = (old.len(), new.len());
            self.differences
                .push(format!("{name}: {before} rows recorded, {now} now, or other columns"));
            return;
        }
        for ((key, old_cells), (other, new_cells)) in old.iter().zip(new.iter()) {
            let row = format!("{name}, {} of seed {}", key.variant, key.seed);
            if (&key.variant, key.seed) != (&other.variant, other.seed) {
                self.differences
                    .push(format!("{row}: {} of seed {} in its place", other.variant, other.seed));
                continue;
            }
            self.cells += old_cells.len();
            for (column, (a, b)) in old.columns().iter().zip(old_cells.iter().zip(new_cells)) {
                if !agree(a, b, allowed) {
                    let name = &column.name;
                    self.differences
                        .push(format!("{row}, {name}: {a:?} recorded, {b:?} now"));
                }
            }
        }
    }
}

fn agree(a: &Cell, b: &Cell, allowed: f64) -> bool {
    if a == b {
        return true;
    }
    match (a, b) {
        (Cell::Float(_) | Cell::Int(_), Cell::Float(_) | Cell::Int(_)) if allowed > 0.0 => {
            let (a, b) = (a.number().unwrap_or(f64::NAN), b.number().unwrap_or(f64::NAN));
            (a - b).abs() <= allowed * a.abs().max(b.abs())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use espalier_report::rows::{Record, Row, TrialKey};
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    struct End {
        place: f64,
        steps: i64,
    }

    impl Row for End {
        const TABLE: &'static str = "ends";
    }

    fn rows(id: &str, place: f64, steps: i64) -> Rows {
        let mut record = Record::new(TrialKey::new(id, "a", "toy", 0));
        record.push(&End { place, steps }).unwrap();
        Rows::from_records(&[record]).unwrap()
    }

    fn differences(recorded: &Rows, fresh: &Rows, allowed: f64) -> usize {
        compare(recorded, fresh, allowed).unwrap().differences.len()
    }

    #[test]
    fn ids_may_differ_and_no_bit_of_a_number_may() {
        let recorded = rows("f0", 0.1, 7);
        let same = compare(&recorded, &rows("f1", 0.1, 7), 0.0).unwrap();
        assert_eq!((same.tables, same.cells, same.differences), (1, 2, Vec::new()));
        for fresh in [rows("f0", 0.1_f64.next_up(), 7), rows("f0", 0.1, 8)] {
            assert_eq!(differences(&recorded, &fresh, 0.0), 1);
        }
        assert_eq!(differences(&rows("f0", 0.0, 7), &rows("f0", -0.0, 7), 0.0), 1);
        assert_eq!(differences(&rows("f0", f64::NAN, 7), &rows("f0", f64::NAN, 7), 0.0), 0);
    }

    #[test]
    fn a_tolerance_is_relative_and_never_covers_what_is_not_a_number() {
        let recorded = rows("f0", 100.0, 100);
        assert_eq!(differences(&recorded, &rows("f0", 101.0, 101), 0.02), 0);
        assert_eq!(differences(&recorded, &rows("f0", 103.0, 103), 0.02), 2);
        assert_eq!(differences(&recorded, &rows("f0", f64::NAN, 100), 0.02), 1);
    }

    #[test]
    fn missing_rows_and_tables_and_further_rows_are_differences_and_a_further_table_is_none() {
        let recorded = rows("f0", 0.1, 7);
        let two = recorded.joined(&{
            let mut record = Record::new(TrialKey::new("f1", "b", "toy", 0));
            record.push(&End { place: 0.2, steps: 7 }).unwrap();
            Rows::from_records(&[record]).unwrap()
        });
        assert_eq!(differences(&recorded, &two.unwrap(), 0.0), 1);
        assert_eq!(differences(&recorded, &Rows::default(), 0.0), 1);
        assert_eq!(differences(&Rows::default(), &recorded, 0.0), 0);
    }
}
