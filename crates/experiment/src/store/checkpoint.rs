//! Where a long trial goes on after its worker left or died.

use std::path::PathBuf;

use espalier_report::files;
use espalier_report::rows::Record;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{SCHEMA, Store, atomic};
use crate::{Error, Result};

/// A trial's state between two of its steps.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The rows recorded so far.
    pub record: Record,
    /// The wall-clock time spent so far.
    pub wall_seconds: f64,
    /// The part of it that went into training; `None` where the trial did not say.
    pub training_seconds: Option<f64>,
    /// How often the trial went on from a checkpoint before this one was written.
    pub resumptions: u64,
    /// The trial's own bytes: network, optimizer, streams, position.
    pub state: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    schema: u64,
    wall_seconds: f64,
    training_seconds: Option<f64>,
    resumptions: u64,
    record: Record,
}

impl Store {
    /// Returns the folder of a trial's checkpoint; large parts may lie in it beside the state.
    #[must_use]
    pub fn checkpoint_dir(&self, id: &str) -> PathBuf {
        self.path("checkpoints", id, "")
    }

    /// Writes a checkpoint in place of the last one; at no moment is there neither.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save_checkpoint(&self, id: &str, checkpoint: &Checkpoint) -> Result<()> {
        let header = Header {
            schema: SCHEMA,
            wall_seconds: checkpoint.wall_seconds,
            training_seconds: checkpoint.training_seconds,
            resumptions: checkpoint.resumptions,
            record: checkpoint.record.clone(),
        };
        let header = serde_json::to_vec(&header).map_err(|e| Error::json("encoding a checkpoint", e))?;
        let mut body = (header.len() as u64).to_le_bytes().to_vec();
        body.extend_from_slice(&header);
        body.extend_from_slice(&checkpoint.state);
        let mut bytes = Sha256::digest(&body).to_vec();
        bytes.extend_from_slice(&body);
        atomic::replace(&self.checkpoint_dir(id).join("state"), &bytes)
    }

    /// Reads a checkpoint; a damaged one is set aside and reported through `note`, as if it had not been.
    ///
    /// # Errors
    /// When the file cannot be read or moved.
    pub fn load_checkpoint(&self, id: &str, note: &mut dyn FnMut(String)) -> Result<Option<Checkpoint>> {
        let path = self.checkpoint_dir(id).join("state");
        let found = files::read_if_present(&path).map_err(|e| Error::io("reading the checkpoint", &path, e))?;
        let Some(bytes) = found else {
            return Ok(None);
        };
        let checkpoint = decode(&bytes).filter(|checkpoint| checkpoint.record.key.trial == id);
        if checkpoint.is_none() {
            let aside = self.set_aside(&path)?;
            note(format!(
                "{}: damaged checkpoint, set aside as {}; the trial starts over",
                path.display(),
                aside.display()
            ));
        }
        Ok(checkpoint)
    }

    /// Removes a trial's checkpoint and whatever lies beside it.
    ///
    /// # Errors
    /// When the folder exists and cannot be removed.
    pub fn drop_checkpoint(&self, id: &str) -> Result<()> {
        let folder = self.checkpoint_dir(id);
        files::remove_tree(&folder).map_err(|e| Error::io("removing the checkpoint", folder, e))
    }
}

fn decode(bytes: &[u8]) -> Option<Checkpoint> {
    let (checksum, body) = bytes.split_at_checked(32)?;
    if Sha256::digest(body)[..] != *checksum {
        return None;
    }
    let (length, rest) = body.split_at_checked(8)?;
    let length = usize::try_from(u64::from_le_bytes(length.try_into().ok()?)).ok()?;
    let (header, state) = rest.split_at_checked(length)?;
    let header: Header = serde_json::from_slice(header).ok()?;
    let Header {
        schema,
        wall_seconds,
        training_seconds,
        resumptions,
        record,
    } = header;
    (schema == SCHEMA).then(|| Checkpoint {
        record,
        wall_seconds,
        training_seconds,
        resumptions,
        state: state.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    use espalier_report::rows::TrialKey;

    #[test]
    fn a_checkpoint_comes_back_whole_or_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let record = Record::new(TrialKey::new("abcd", "a", "toy", 0));
        let checkpoint = Checkpoint {
            record,
            wall_seconds: 1.5,
            training_seconds: Some(1.25),
            resumptions: 2,
            state: vec![1, 2, 3],
        };
        store.save_checkpoint("abcd", &checkpoint).unwrap();
        let mut notes = Vec::new();
        let mut note = |text| notes.push(text);
        let back = store.load_checkpoint("abcd", &mut note).unwrap().unwrap();
        assert_eq!((back.state, back.resumptions), (vec![1, 2, 3], 2));
        assert_eq!((back.wall_seconds, back.training_seconds), (1.5, Some(1.25)));
        let path = store.checkpoint_dir("abcd").join("state");
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, bytes).unwrap();
        assert!(store.load_checkpoint("abcd", &mut note).unwrap().is_none());
        assert!(store.load_checkpoint("abcd", &mut note).unwrap().is_none());
        assert_eq!(notes.len(), 1);
        assert!(notes[0].contains("damaged checkpoint"));
        store.drop_checkpoint("abcd").unwrap();
    }
}
