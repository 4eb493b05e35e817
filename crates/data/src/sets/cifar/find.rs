//! Where CIFAR-10's six batches lie: loose or in an archive, in the binary or in the Python version.

use std::collections::BTreeMap;
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::{FILE_RECORDS, RECORD, TEST_FILE, TRAIN_FILES, python};
use crate::error::{Error, Result};
use crate::files::{self, is_absent};

/// Bytes of a whole batch.
const WHOLE: usize = FILE_RECORDS * RECORD;
/// Bytes of a pickled batch at most: its records, and what Python writes around them.
const PICKLED: usize = WHOLE + (4 << 20);
/// The official archives and the folders that they unpack to, binary before Python.
const ARCHIVES: [&str; 2] = ["cifar-10-binary.tar.gz", "cifar-10-python.tar.gz"];
const FOLDERS: [&str; 2] = ["cifar-10-batches-bin", "cifar-10-batches-py"];

/// A batch as the binary version has it: records of a label and three planes.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub path: PathBuf,
    pub bytes: Vec<u8>,
}

/// The batches by the names of the binary version.
pub(super) type Batches = BTreeMap<String, Batch>;

/// What was found below a data folder, and where it was looked for.
pub(super) struct Found {
    pub batches: Batches,
    pub places: Vec<PathBuf>,
}

/// Collects the batches from everything that lies there; of two files for one batch the one with more records
/// counts, and at equal length the loose one.
pub(super) fn batches(data: &Path) -> Result<Found> {
    let mut found = Found {
        batches: Batches::new(),
        places: Vec::new(),
    };
    let below = ["cifar10", ""].map(|below| data.join(below));
    for place in &below {
        for folder in FOLDERS.map(|name| place.join(name)) {
            from_folder(&folder, &mut found.batches)?;
            found.places.push(folder);
        }
    }
    for archive in below.iter().flat_map(|place| ARCHIVES.map(|name| place.join(name))) {
        if !is_complete(&found.batches) {
            from_archive(&archive, &mut found.batches)?;
        }
        found.places.push(archive);
    }
    Ok(found)
}

fn names() -> impl Iterator<Item = &'static str> {
    TRAIN_FILES.into_iter().chain([TEST_FILE])
}

fn is_complete(batches: &Batches) -> bool {
    names().all(|name| batches.get(name).is_some_and(|batch| batch.bytes.len() == WHOLE))
}

fn keep_the_longer(batches: &mut Batches, name: &str, batch: Batch) {
    match batches.get(name) {
        Some(present) if present.bytes.len() >= batch.bytes.len() => {}
        _ => drop(batches.insert(name.to_owned(), batch)),
    }
}

fn from_folder(folder: &Path, batches: &mut Batches) -> Result<()> {
    for name in names() {
        for file in [name.to_owned(), format!("{name}.gz"), python_name(name).to_owned()] {
            let path = folder.join(&file);
            let packed = match std::fs::read(&path) {
                Ok(packed) => packed,
                Err(error) if is_absent(&error) => continue,
                Err(error) => return Err(Error::io("read", path, error)),
            };
            let bytes = files::unpack(packed, PICKLED, &path)?;
            keep_the_longer(batches, name, batch(path, bytes)?);
        }
    }
    Ok(())
}

/// The Python version's name of a batch of the binary version.
fn python_name(name: &str) -> &str {
    name.trim_end_matches(".bin")
}

/// Takes a batch of either version, told by its first bytes; a pickle begins with its protocol.
pub(super) fn batch(path: PathBuf, bytes: Vec<u8>) -> Result<Batch> {
    let bytes = match python::is_pickle(&bytes) {
        true => python::records(&bytes, &path)?,
        false => bytes,
    };
    Ok(Batch { path, bytes })
}

fn from_archive(path: &Path, batches: &mut Batches) -> Result<()> {
    let file = match std::fs::File::open(path) {
        Ok(file) => std::io::BufReader::new(file),
        Err(error) if is_absent(&error) => return Ok(()),
        Err(error) => return Err(Error::io("read", path, error)),
    };
    from_packed(file, path, batches)
}

/// Takes the batches of a packed archive.
pub(super) fn from_packed(packed: impl BufRead, path: &Path, batches: &mut Batches) -> Result<()> {
    let mut unpacked = 0;
    let members = unpack(packed, &mut unpacked).map_err(|error| Error::Packed {
        path: path.to_path_buf(),
        unpacked,
        reason: error.to_string(),
    })?;
    for (name, bytes) in members {
        let member = path.join(name);
        keep_the_longer(batches, name, batch(member, bytes)?);
    }
    Ok(())
}

/// Unpacks the batches of an archive, by their names in the binary version.
fn unpack(packed: impl BufRead, unpacked: &mut usize) -> std::io::Result<BTreeMap<&'static str, Vec<u8>>> {
    let mut archive = tar::Archive::new(MultiGzDecoder::new(packed));
    let mut members = BTreeMap::new();
    for entry in archive.entries()? {
        let entry = entry?;
        let path = entry.path()?.into_owned();
        let member = path.file_name().unwrap_or_default().to_string_lossy();
        let Some(name) = names().find(|name| member == *name || member == python_name(name)) else {
            continue;
        };
        let size = usize::try_from(entry.size()).unwrap_or(usize::MAX);
        // One byte more than a file may have is enough for its size to be refused.
        let mut bytes = Vec::with_capacity(size.min(PICKLED + 1));
        entry.take(PICKLED as u64 + 1).read_to_end(&mut bytes)?;
        *unpacked += bytes.len();
        members.insert(name, bytes);
    }
    Ok(members)
}
