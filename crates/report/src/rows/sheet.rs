//! All trials' rows of a report.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::cell::{Cell, describe};
use super::record::{Keyed, Record, Row, TrialKey};
use super::table::{KeyedTable, Table};
use crate::{Error, Result};

/// The table in which the harness keeps each trial's wall-clock time.
pub const TIMINGS: &str = "timings";

/// The table in which the harness keeps what was set for each trial's variant, one row for each trial.
pub const VARIANTS: &str = "variants";

/// Says whether a table holds wall-clock columns: [`TIMINGS`], and an experiment's own tables whose
/// names begin with `timings-`. Only these may differ between two runs of the same trials.
#[must_use]
pub fn is_timing(table: &str) -> bool {
    table
        .strip_prefix(TIMINGS)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// The rows of all trials of a report, by table.
///
/// Rows are sorted by data set, variant and seed, and within a trial stay in the order of
/// recording, so that the same records in any order give the same files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    pub(super) tables: BTreeMap<String, KeyedTable>,
}

impl Rows {
    /// Gathers the records of several trials.
    ///
    /// # Errors
    /// [`Error::DuplicateTrial`] when two records share an identity, or a variant, data set
    /// and seed; [`Error::EmptyRecord`] when a trial would leave no row; [`Error::Columns`]
    /// when two trials disagree about a table.
    pub fn from_records(records: &[Record]) -> Result<Self> {
        let mut sorted: Vec<&Record> = records.iter().collect();
        sorted.sort_by(|a, b| a.key.order().cmp(&b.key.order()));
        refuse_duplicates(sorted.iter().map(|record| &record.key))?;
        let mut rows = Self::default();
        for record in sorted {
            if record.tables.values().all(|table| table.rows().is_empty()) {
                return Err(Error::EmptyRecord {
                    key: record.key.to_string(),
                });
            }
            rows.absorb(record)?;
        }
        Ok(rows)
    }

    fn absorb(&mut self, record: &Record) -> Result<()> {
        for (name, table) in &record.tables {
            let keyed = self.tables.entry(name.clone()).or_insert_with(|| KeyedTable {
                name: name.clone(),
                origin: "records".to_owned(),
                columns: table.columns().to_vec(),
                keys: Vec::new(),
                rows: Vec::new(),
            });
            if keyed.columns != table.columns() {
                return Err(Error::Columns {
                    table: name.clone(),
                    origin: record.key.to_string(),
                    expected: describe(&keyed.columns),
                    found: describe(table.columns()),
                });
            }
            keyed.rows.extend(table.rows().iter().cloned());
            keyed.keys.resize(keyed.rows.len(), record.key.clone());
        }
        Ok(())
    }

    /// Takes the rows apart again, a record for each trial, with all tables; the inverse of [`Rows::from_records`].
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        let mut records: Vec<Record> = self.trials().into_iter().map(Record::new).collect();
        let places: BTreeMap<TrialKey, usize> = records.iter().map(|r| r.key.clone()).zip(0..).collect();
        for (name, table) in &self.tables {
            for record in &mut records {
                let empty = Table::new(table.columns.clone());
                record.tables.insert(name.clone(), empty);
            }
            for (key, cells) in table.iter() {
                let record = places.get(key).map(|&place| &mut records[place]);
                if let Some(table) = record.and_then(|record| record.tables.get_mut(name)) {
                    table.append(cells.to_vec());
                }
            }
        }
        records
    }

    /// Reads every row of the table of `R`, with its trial.
    ///
    /// # Errors
    /// [`Error::NoTable`] lists the tables there are; [`Error::NoColumn`],
    /// [`Error::ColumnKind`] and [`Error::RowValue`] name file, column, the type expected
    /// and the one found.
    pub fn get<R: Row>(&self) -> Result<Vec<Keyed<R>>> {
        let table = self.table(R::TABLE)?;
        let rows = table.typed::<R>()?;
        Ok(table
            .keys
            .iter()
            .cloned()
            .zip(rows)
            .map(|(key, row)| Keyed { key, row })
            .collect())
    }

    /// Finds a table by name.
    ///
    /// # Errors
    /// [`Error::NoTable`] lists the tables there are.
    pub fn table(&self, name: &str) -> Result<&KeyedTable> {
        self.tables.get(name).ok_or_else(|| Error::NoTable {
            table: name.to_owned(),
            found: self.table_names().join(", "),
        })
    }

    /// Lists the tables' names, sorted.
    #[must_use]
    pub fn table_names(&self) -> Vec<&str> {
        self.tables.keys().map(String::as_str).collect()
    }

    /// Lists the trials that have a row, sorted by data set, variant and seed.
    #[must_use]
    pub fn trials(&self) -> Vec<TrialKey> {
        let mut keys: Vec<&TrialKey> = self.tables.values().flat_map(|t| &t.keys).collect();
        keys.sort_by(|a, b| a.order().cmp(&b.order()));
        keys.dedup();
        keys.into_iter().cloned().collect()
    }

    /// Keeps the rows of some trials, for instance one data set's.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(&TrialKey) -> bool) -> Self {
        let mut tables = self.tables.clone();
        for table in tables.values_mut() {
            let flags: Vec<bool> = table.keys.iter().map(&keep).collect();
            let mut flag = flags.iter();
            table.rows.retain(|_| flag.next().copied().unwrap_or(false));
            table.keys.retain(&keep);
        }
        Self { tables }
    }

    /// Puts another table in the place of each.
    pub(super) fn each(&self, change: impl Fn(&KeyedTable) -> KeyedTable) -> Self {
        let tables = self.tables.iter().map(|(name, table)| (name.clone(), change(table)));
        Self {
            tables: tables.collect(),
        }
    }

    /// Puts the trials of two sets of rows together, for instance two data sets'.
    ///
    /// # Errors
    /// [`Error::DuplicateTrial`] when both hold the same trial, [`Error::Columns`] when
    /// they disagree about a table.
    pub fn joined(&self, other: &Self) -> Result<Self> {
        let mut keys = self.trials();
        keys.extend(other.trials());
        keys.sort_by(|a, b| a.order().cmp(&b.order()));
        refuse_duplicates(keys.iter())?;
        let mut joined = self.clone();
        for (name, table) in &other.tables {
            let Some(mine) = joined.tables.get_mut(name) else {
                joined.tables.insert(name.clone(), table.clone());
                continue;
            };
            if mine.columns != table.columns {
                return Err(Error::Columns {
                    table: name.clone(),
                    origin: table.origin.clone(),
                    expected: describe(&mine.columns),
                    found: describe(&table.columns),
                });
            }
            mine.keys.extend(table.keys.iter().cloned());
            mine.rows.extend(table.rows.iter().cloned());
            sort(mine);
        }
        Ok(joined)
    }

    /// Hashes every table: SHA-256 in hex over names, columns, keys and cells.
    #[must_use]
    pub fn content_hash(&self) -> String {
        self.hash(|_| true)
    }

    /// Hashes every table that holds no wall-clock columns ([`is_timing`]): equal for two runs of the same trials.
    #[must_use]
    pub fn result_hash(&self) -> String {
        self.hash(|name| !is_timing(name))
    }

    fn hash(&self, counts: impl Fn(&str) -> bool) -> String {
        let mut hasher = Sha256::new();
        for (name, table) in self.tables.iter().filter(|(name, _)| counts(name)) {
            feed(&mut hasher, name.as_bytes());
            feed(&mut hasher, describe(&table.columns).as_bytes());
            for (key, cells) in table.iter() {
                for part in [&key.trial, &key.variant, &key.dataset] {
                    feed(&mut hasher, part.as_bytes());
                }
                feed(&mut hasher, &key.seed.to_le_bytes());
                cells.iter().for_each(|cell| feed_cell(&mut hasher, cell));
            }
        }
        hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn feed(hasher: &mut Sha256, part: &[u8]) {
    hasher.update((part.len() as u64).to_le_bytes());
    hasher.update(part);
}

fn feed_cell(hasher: &mut Sha256, cell: &Cell) {
    match cell {
        Cell::Null => feed(hasher, b""),
        Cell::Bool(value) => feed(hasher, &[b'b', u8::from(*value)]),
        Cell::Int(value) => feed(hasher, &value.to_le_bytes()),
        Cell::Float(value) => feed(hasher, &value.to_bits().to_le_bytes()),
        Cell::Text(value) => feed(hasher, format!("t{value}").as_bytes()),
    }
}

/// Refuses two trials of one identity, or of one variant, data set and seed; the keys come sorted.
pub(super) fn refuse_duplicates<'a>(keys: impl Iterator<Item = &'a TrialKey>) -> Result<()> {
    let mut by_identity: BTreeMap<&str, &TrialKey> = BTreeMap::new();
    let mut previous: Option<&TrialKey> = None;
    for key in keys {
        let clash = match (previous, by_identity.insert(&key.trial, key)) {
            (_, Some(same)) => Some(same),
            (Some(last), None) => {
                let place = |k: &'a TrialKey| (&k.dataset, &k.variant, k.seed);
                (place(last) == place(key)).then_some(last)
            }
            (None, None) => None,
        };
        if let Some(first) = clash {
            return Err(Error::DuplicateTrial {
                first: first.to_string(),
                second: key.to_string(),
            });
        }
        previous = Some(key);
    }
    Ok(())
}

/// Sorts a table's rows by their trials and keeps the order within each.
pub(super) fn sort(table: &mut KeyedTable) {
    if table.keys.is_sorted_by(|a, b| a.order() <= b.order()) {
        return;
    }
    let keys = std::mem::take(&mut table.keys);
    let rows = std::mem::take(&mut table.rows);
    let mut pairs: Vec<_> = keys.into_iter().zip(rows).collect();
    pairs.sort_by(|a, b| a.0.order().cmp(&b.0.order()));
    (table.keys, table.rows) = pairs.into_iter().unzip();
}
