//! Finished trials on disk: whole, checked, and written once.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use espalier_report::files;
use espalier_report::rows::{Record, Row, TIMINGS, is_timing};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::{Owner, Store, atomic, unix_seconds};
use crate::identity::hex;
use crate::{Error, Result};

/// The version of the record's layout.
pub const SCHEMA: u64 = 1;

/// What the wall clock said about one trial; the only rows that may differ between two runs.
///
/// # Units
/// `wall_seconds` is in seconds; `threads` counts the threads that the trial might use, `jobs` the
/// trials that ran side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Time from the trial's start to its record, over all its stretches.
    pub wall_seconds: f64,
    /// Threads that the trial might use.
    pub threads: u64,
    /// Trials that ran side by side in the process.
    pub jobs: u64,
    /// How often the trial went on from a checkpoint.
    pub resumptions: u64,
    /// The instruction set that the trial ran on.
    pub instruction_set: String,
}

impl Row for Timing {
    const TABLE: &'static str = TIMINGS;
}

/// How much of a trial's time went into training; a table beside [`Timing`]'s, which reports of earlier code do not have.
///
/// # Units
/// Seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingTiming {
    /// What [`RunningTrial::trained_for`](crate::RunningTrial::trained_for) counted.
    pub training_seconds: f64,
}

impl Row for TrainingTiming {
    const TABLE: &'static str = "timings-training";
}

impl TrainingTiming {
    /// Takes the time out of the record of a report, where it is there.
    pub(crate) fn take(record: &mut Record) -> Result<Option<f64>> {
        if !record.tables.contains_key(Self::TABLE) {
            return Ok(None);
        }
        let rows = record.get::<Self>()?;
        record.tables.remove(Self::TABLE);
        Ok(rows.first().map(|row| row.training_seconds))
    }
}

/// A finished trial as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Finished {
    /// The layout's version.
    schema: u64,
    /// The trial's id.
    pub id: String,
    /// Everything that the id is a hash of, for people.
    identity: Json,
    /// The rows.
    pub record: Record,
    /// The wall clock's part.
    pub timing: Timing,
    /// The part of its time that went into training; `None` where the trial did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_seconds: Option<f64>,
    /// Who ran it.
    pub owner: Owner,
    /// When the record was made, in seconds since 1970 by that worker's clock.
    pub finished_unix_seconds: u64,
}

/// The outcome of writing a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Publication {
    /// This record is the trial's.
    First,
    /// Another worker was faster and its rows are equal; this record was dropped.
    Dropped,
    /// Another worker was faster and its rows differ; this record was set aside in the named file.
    Conflict(PathBuf),
}

impl Finished {
    /// Puts together what is stored of a finished trial.
    ///
    /// # Errors
    /// When `identity` is not JSON.
    pub fn new(id: &str, identity: &str, record: Record, timing: Timing, owner: Owner) -> Result<Self> {
        let identity = serde_json::from_str(identity).map_err(|e| Error::json("reading an identity", e))?;
        Ok(Self {
            schema: SCHEMA,
            id: id.to_owned(),
            identity,
            record,
            timing,
            training_seconds: None,
            owner,
            finished_unix_seconds: unix_seconds(),
        })
    }

    /// Adds what the clock said to the record's tables.
    ///
    /// # Errors
    /// When the row cannot be encoded.
    pub fn into_record(self) -> Result<Record> {
        let mut record = self.record;
        record.push(&self.timing)?;
        if let Some(training_seconds) = self.training_seconds {
            record.push(&TrainingTiming { training_seconds })?;
        }
        Ok(record)
    }

    fn encode(&self) -> Result<Vec<u8>> {
        let body = serde_json::to_vec(self).map_err(|e| Error::json(format!("encoding record {}", self.id), e))?;
        let mut bytes = format!("{HEAD}{}{NECK}", hex(&Sha256::digest(&body))).into_bytes();
        bytes.extend_from_slice(&body);
        bytes.extend_from_slice(TAIL.as_bytes());
        Ok(bytes)
    }
}

// The file is one JSON document; its fixed frame lets the checksum cover the body's very bytes.
const HEAD: &str = "{\"checksum\":\"";
const NECK: &str = "\",\"body\":";
const TAIL: &str = "}\n";

fn decode(path: &Path, id: &str, bytes: &[u8]) -> Result<Finished> {
    let damaged = |expected: String, found: String| Error::Damaged {
        path: path.to_owned(),
        expected,
        found,
    };
    let frame = || damaged("a record's frame".into(), format!("{} bytes without it", bytes.len()));
    let rest = bytes.strip_prefix(HEAD.as_bytes()).ok_or_else(frame)?;
    let (checksum, rest) = rest.split_at_checked(64).ok_or_else(frame)?;
    let rest = rest.strip_prefix(NECK.as_bytes()).ok_or_else(frame)?;
    let body = rest.strip_suffix(TAIL.as_bytes()).ok_or_else(frame)?;
    let found = hex(&Sha256::digest(body));
    if found.as_bytes() != checksum {
        let expected = String::from_utf8_lossy(checksum).into_owned();
        return Err(damaged(format!("checksum {expected}"), format!("checksum {found}")));
    }
    let finished: Finished =
        serde_json::from_slice(body).map_err(|e| damaged(format!("a record of schema {SCHEMA}"), e.to_string()))?;
    if finished.schema != SCHEMA {
        return Err(damaged(
            format!("schema {SCHEMA}"),
            format!("schema {}", finished.schema),
        ));
    }
    for found in [&finished.id, &finished.record.key.trial] {
        if found != id {
            return Err(damaged(format!("trial {id}"), format!("trial {found}")));
        }
    }
    Ok(finished)
}

impl Store {
    fn record_path(&self, id: &str) -> PathBuf {
        self.path("records", id, ".json")
    }

    /// Tells whether a trial has a record, by its name alone.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn has_record(&self, id: &str) -> Result<bool> {
        let path = self.record_path(id);
        files::exists(&path).map_err(|e| Error::io("looking for the record", path, e))
    }

    /// Lists the ids of all recorded trials, by names alone.
    ///
    /// # Errors
    /// When the folders cannot be listed.
    pub fn recorded(&self) -> Result<BTreeSet<String>> {
        self.list("records", ".json")
    }

    /// Writes a finished trial; where a record exists already, the first stands.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn finish(&self, finished: &Finished) -> Result<Publication> {
        let path = self.record_path(&finished.id);
        if atomic::publish(&path, &finished.encode()?)? {
            return Ok(Publication::First);
        }
        let equal = match self.read(&finished.id) {
            Ok(Some(first)) => rows_of(&first)? == rows_of(finished)?,
            Ok(None) => return self.finish(finished),
            Err(Error::Damaged { .. }) => {
                self.set_aside(&path)?;
                return self.finish(finished);
            }
            Err(error) => return Err(error),
        };
        if equal {
            return Ok(Publication::Dropped);
        }
        let aside = self
            .root
            .join("damaged")
            .join(format!("{}.differs.{}.json", finished.id, finished.owner.token()));
        atomic::replace(&aside, &finished.encode()?)?;
        Ok(Publication::Conflict(aside))
    }

    /// Writes a finished trial in place of its old record, if any: at no moment is there neither.
    ///
    /// # Errors
    /// When the record cannot be written; the old one stays then.
    pub fn supersede(&self, finished: &Finished) -> Result<()> {
        atomic::replace(&self.record_path(&finished.id), &finished.encode()?)
    }

    /// Reads and checks a record; `None` when there is none.
    ///
    /// # Errors
    /// [`Error::Damaged`] when frame, checksum, schema or id are wrong; otherwise the system's answer.
    pub fn read(&self, id: &str) -> Result<Option<Finished>> {
        let path = self.record_path(id);
        let found = files::read_if_present(&path).map_err(|e| Error::io("reading the record", &path, e))?;
        found.map(|bytes| decode(&path, id, &bytes)).transpose()
    }

    /// Reads a record; a damaged one is moved to `damaged/` and reported through `note`, as if it had not been.
    ///
    /// # Errors
    /// When the record cannot be read or moved.
    pub fn read_or_set_aside(&self, id: &str, note: &mut dyn FnMut(String)) -> Result<Option<Finished>> {
        match self.read(id) {
            Err(error @ Error::Damaged { .. }) => {
                let aside = self.set_aside(&self.record_path(id))?;
                note(format!(
                    "{error}; set aside as {}, the trial runs again",
                    aside.display()
                ));
                Ok(None)
            }
            other => other,
        }
    }
}

/// What two runs of a trial have in common: all but the tables that hold what a clock said.
fn rows_of(finished: &Finished) -> Result<Vec<u8>> {
    let mut record = finished.record.clone();
    record.tables.retain(|name, _| !is_timing(name));
    serde_json::to_vec(&record).map_err(|e| Error::json("encoding rows", e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use espalier_report::rows::TrialKey;
    use std::fs;

    #[derive(Serialize, Deserialize)]
    struct Loss {
        loss: f64,
    }

    impl Row for Loss {
        const TABLE: &'static str = "losses";
    }

    fn finished(id: &str, loss: f64, wall_seconds: f64) -> Finished {
        let mut record = Record::new(TrialKey::new(id, "a", "toy", 0));
        record.push(&Loss { loss }).unwrap();
        let timing = Timing {
            wall_seconds,
            threads: 1,
            jobs: 1,
            resumptions: 0,
            instruction_set: "any".into(),
        };
        Finished::new(id, "{\"variant\":\"a\"}", record, timing, Owner::new()).unwrap()
    }

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("runs")).unwrap();
        (folder, store)
    }

    #[test]
    fn a_record_comes_back_as_it_was_even_when_it_diverged() {
        let (_folder, store) = store();
        assert_eq!(
            store.finish(&finished("abcd", f64::NAN, 1.0)).unwrap(),
            Publication::First
        );
        let back = store.read("abcd").unwrap().unwrap();
        assert_eq!(
            rows_of(&back).unwrap(),
            rows_of(&finished("abcd", f64::NAN, 2.0)).unwrap()
        );
        let text = fs::read(store.record_path("abcd")).unwrap();
        assert!(serde_json::from_slice::<Json>(&text).unwrap()["body"]["id"] == "abcd");
        assert_eq!(store.recorded().unwrap().len(), 1);
    }

    #[test]
    fn the_time_of_training_stands_in_a_table_of_its_own_where_it_is_known() {
        let silent = finished("abcd", 0.5, 1.0);
        assert!(
            !serde_json::to_string(&silent).unwrap().contains("training"),
            "as earlier code wrote it"
        );
        let told = Finished {
            training_seconds: Some(0.75),
            ..silent.clone()
        };
        let (_folder, store) = store();
        store.finish(&told).unwrap();
        assert_eq!(
            store.finish(&silent).unwrap(),
            Publication::Dropped,
            "it is no part of the rows"
        );
        let back = store.read("abcd").unwrap().unwrap();
        assert_eq!(back.training_seconds, Some(0.75));
        let mut record = back.into_record().unwrap();
        assert_eq!(record.get::<TrainingTiming>().unwrap()[0].training_seconds, 0.75);
        assert_eq!(TrainingTiming::take(&mut record).unwrap(), Some(0.75));
        let without = silent.into_record().unwrap();
        assert_eq!(
            record.tables.keys().collect::<Vec<_>>(),
            without.tables.keys().collect::<Vec<_>>()
        );
        assert_eq!(TrainingTiming::take(&mut record).unwrap(), None);
    }

    #[test]
    fn the_second_of_two_equal_records_is_dropped_though_their_clocks_differ() {
        let (_folder, store) = store();
        #[derive(Serialize, Deserialize)]
        struct Pace {
            seconds: f64,
        }
        impl Row for Pace {
            const TABLE: &'static str = "timings-epochs";
        }
        let timed = |seconds: f64| {
            let mut finished = finished("abcd", 0.5, seconds);
            finished.record.push(&Pace { seconds }).unwrap();
            finished
        };
        store.finish(&timed(1.0)).unwrap();
        assert_eq!(store.finish(&timed(9.0)).unwrap(), Publication::Dropped);
        let kept = store.read("abcd").unwrap().unwrap();
        assert!((kept.timing.wall_seconds - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_second_of_two_differing_records_is_kept_apart() {
        let (_folder, store) = store();
        store.finish(&finished("abcd", 0.5, 1.0)).unwrap();
        let Publication::Conflict(path) = store.finish(&finished("abcd", 0.6, 1.0)).unwrap() else {
            panic!("expected a conflict");
        };
        assert!(path.is_file());
    }

    #[test]
    fn a_superseding_record_takes_the_place_of_the_old_one() {
        let (_folder, store) = store();
        store.supersede(&finished("abcd", 0.5, 1.0)).unwrap();
        store.supersede(&finished("abcd", 0.25, 2.0)).unwrap();
        let kept = store.read("abcd").unwrap().unwrap();
        assert_eq!(rows_of(&kept).unwrap(), rows_of(&finished("abcd", 0.25, 3.0)).unwrap());
        assert_eq!(store.recorded().unwrap().len(), 1);
    }

    #[test]
    fn every_flipped_byte_and_every_cut_is_noticed() {
        let (_folder, store) = store();
        store.finish(&finished("abcd", 0.5, 1.0)).unwrap();
        let path = store.record_path("abcd");
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            assert!(decode(&path, "abcd", &bytes).is_err(), "flip at {at}");
            assert!(decode(&path, "abcd", &whole[..at]).is_err(), "cut at {at}");
        }
        assert!(decode(&path, "abce", &whole).is_err());
    }

    #[test]
    fn a_damaged_record_is_named_and_set_aside() {
        let (_folder, store) = store();
        store.finish(&finished("abcd", 0.5, 1.0)).unwrap();
        fs::write(store.record_path("abcd"), b"{}").unwrap();
        let mut notes = Vec::new();
        assert!(
            store
                .read_or_set_aside("abcd", &mut |note| notes.push(note))
                .unwrap()
                .is_none()
        );
        assert!(
            notes[0].contains("abcd.json") && notes[0].contains("damaged"),
            "{notes:?}"
        );
        assert!(!store.has_record("abcd").unwrap());
        assert_eq!(fs::read_dir(store.root().join("damaged")).unwrap().count(), 1);
        assert_eq!(store.finish(&finished("abcd", 0.5, 1.0)).unwrap(), Publication::First);
    }
}
