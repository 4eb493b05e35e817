//! CIFAR-10 in its binary version: records of a label and three planes of colour.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use crate::error::{Error, Result};
use crate::examples::Targets;
use crate::files::{Shelf, content_sha256, is_absent, sha256};
use crate::idx;
use crate::info::TargetKind;
use crate::transform::{Raw, Scale, TransformChoice};
use crate::whole::{About, Holdout, LoadOptions, Part, Whole};

const SIDE: usize = 32;
const COLOURS: usize = 3;
const PIXELS: usize = SIDE * SIDE;
const RECORD: usize = 1 + COLOURS * PIXELS;
/// Records of an official file; a file that goes on beyond them is refused.
const FILE_RECORDS: usize = 10_000;
const ADDRESS: &str = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz";
const ARCHIVE: &str = "cifar-10-binary.tar.gz";
const FOLDER: &str = "cifar-10-batches-bin";
const TRAIN_FILES: [&str; 5] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
];
const TEST_FILE: &str = "test_batch.bin";

/// Sums of the files that could be traced to the official ones. Only a file with as many
/// records is held against its sum, since a part of a file is allowed.
const PINNED: [(&str, usize, &str); 3] = [
    (
        "data_batch_1.bin",
        10_000,
        "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    ),
    (
        "data_batch_2.bin",
        10_000,
        "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    ),
    (
        TEST_FILE,
        4_000,
        "f88bb2236d4a823fcbbf3f858cf3b36b504ed14dd5362e198bbce5f6ae94d7ae",
    ),
];

/// The unpacked files by name, and what they came from.
struct Files {
    origin: PathBuf,
    contents: BTreeMap<String, Vec<u8>>,
}

pub(crate) fn cifar10(shelf: &Shelf<'_>, _: &LoadOptions) -> Result<Whole> {
    let folder = shelf.source.folder();
    let mut places = Vec::new();
    for below in ["cifar10", ""] {
        let archive = folder.join(below).join(ARCHIVE);
        if let Some(files) = from_archive(&archive)? {
            return whole(&files, &PINNED);
        }
        let loose = folder.join(below).join(FOLDER);
        if let Some(files) = from_folder(&loose)? {
            return whole(&files, &PINNED);
        }
        places.extend([archive, loose].map(|place| place.display().to_string()));
    }
    Err(Error::Missing {
        set: "cifar10".to_owned(),
        file: ARCHIVE.to_owned(),
        places,
        attempts: Vec::new(),
        command: format!(
            "curl --fail --create-dirs --output-dir '{}' -O '{ADDRESS}'",
            folder.join("cifar10").display()
        ),
    })
}

fn is_wanted(name: &str) -> bool {
    name == TEST_FILE || TRAIN_FILES.contains(&name)
}

fn from_archive(path: &Path) -> Result<Option<Files>> {
    let packed = match std::fs::read(path) {
        Ok(packed) => packed,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(Error::io("read", path, error)),
    };
    let mut unpacked = 0;
    let contents = unpack(&packed, &mut unpacked).map_err(|error| Error::Packed {
        path: path.to_path_buf(),
        unpacked,
        reason: error.to_string(),
    })?;
    Ok(Some(Files {
        origin: path.to_path_buf(),
        contents,
    }))
}

fn unpack(packed: &[u8], unpacked: &mut usize) -> std::io::Result<BTreeMap<String, Vec<u8>>> {
    let mut archive = tar::Archive::new(MultiGzDecoder::new(packed));
    let mut contents = BTreeMap::new();
    for entry in archive.entries()? {
        let entry = entry?;
        let name = entry
            .path()?
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if is_wanted(&name) {
            let size = entry.size();
            // One byte more than a file may have is enough for its size to be refused.
            let mut bytes = Vec::with_capacity((size as usize).min(FILE_RECORDS * RECORD + 1));
            entry.take((FILE_RECORDS * RECORD) as u64 + 1).read_to_end(&mut bytes)?;
            *unpacked += bytes.len();
            contents.insert(name, bytes);
        }
    }
    Ok(contents)
}

fn from_folder(folder: &Path) -> Result<Option<Files>> {
    let mut contents = BTreeMap::new();
    for name in TRAIN_FILES.into_iter().chain([TEST_FILE]) {
        let path = folder.join(name);
        match std::fs::read(&path) {
            Ok(bytes) => drop(contents.insert(name.to_owned(), bytes)),
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(Error::io("read", path, error)),
        }
    }
    Ok((!contents.is_empty()).then(|| Files {
        origin: folder.to_path_buf(),
        contents,
    }))
}

fn whole(files: &Files, pinned: &[(&str, usize, &str)]) -> Result<Whole> {
    let mut sums = Vec::new();
    for (name, bytes) in &files.contents {
        sums.push((name.as_str(), check(files, name, bytes, pinned)?));
    }
    let train_files: Vec<&str> = TRAIN_FILES
        .into_iter()
        .filter(|name| files.contents.contains_key(*name))
        .collect();
    let train = part(files, &train_files)?;
    let test = part(files, &[TEST_FILE])?;
    let (train_rows, test_rows) = (train.targets.len(), test.targets.len());
    Ok(Whole {
        about: About {
            name: "cifar10",
            title: "CIFAR-10",
            source: "A. Krizhevsky, Learning multiple layers of features from tiny images, 2009; no licence stated",
            content_sha256: content_sha256(sums.iter().map(|(name, sum)| (*name, sum.as_str()))),
            shape: vec![SIDE, SIDE, COLOURS],
            targets: TargetKind::Classes(10),
            part: ((train_rows, test_rows) != (50_000, 10_000)).then(|| {
                format!(
                    "{train_rows} of 50,000 training images ({}), {test_rows} of 10,000 test images",
                    train_files.join(", ")
                )
            }),
            synthetic: None,
            test_rule: "the official test images that are there".to_owned(),
        },
        holdout: Holdout::Last(train_rows / 10),
        train,
        test,
        validation: None,
        scale: Scale {
            divisor: 255.0,
            channels: COLOURS,
            untouched: Vec::new(),
        },
        transform: TransformChoice::HALF,
    })
}

/// Checks a file's size and, where it is pinned, its sum; gives the sum.
fn check(files: &Files, name: &str, bytes: &[u8], pinned: &[(&str, usize, &str)]) -> Result<String> {
    let path = files.origin.join(name);
    if bytes.len() > FILE_RECORDS * RECORD {
        return Err(Error::TooLong {
            path,
            expected: (FILE_RECORDS * RECORD) as u64,
            found: bytes.len() as u64,
        });
    }
    let records = bytes.len() / RECORD;
    if !bytes.len().is_multiple_of(RECORD) || records == 0 {
        return Err(Error::Truncated {
            path,
            what: format!("{} whole records of {RECORD} bytes", records + 1),
            expected: ((records + 1) * RECORD) as u64,
            found: bytes.len() as u64,
        });
    }
    let found = sha256(bytes);
    let pin = pinned
        .iter()
        .find(|(pinned, count, _)| *pinned == name && *count == records);
    match pin {
        Some((_, _, expected)) if found != *expected => Err(Error::Checksum {
            path,
            expected: (*expected).to_owned(),
            found,
            bytes: bytes.len(),
        }),
        _ => Ok(found),
    }
}

/// Puts the records of some files together, with the colours of a pixel side by side.
fn part(files: &Files, names: &[&str]) -> Result<Part> {
    let (mut pixels, mut classes) = (Vec::new(), Vec::new());
    for &name in names {
        let bytes = files.contents.get(name).ok_or_else(|| lacking(files, name))?;
        for record in bytes.chunks_exact(RECORD) {
            classes.push(record[0]);
            let planes = &record[1..];
            pixels
                .extend((0..PIXELS).flat_map(|pixel| (0..COLOURS).map(move |colour| planes[colour * PIXELS + pixel])));
        }
        let of_file = &classes[classes.len() - bytes.len() / RECORD..];
        idx::check_labels(of_file, 10, &files.origin.join(name))?;
    }
    if names.is_empty() {
        return Err(lacking(files, TRAIN_FILES[0]));
    }
    let targets = Targets::Classes(classes.iter().map(|&label| u32::from(label)).collect());
    Ok(Part {
        raw: Raw::Bytes { file: pixels, start: 0 },
        targets,
    })
}

fn lacking(files: &Files, name: &str) -> Error {
    Error::Count {
        path: files.origin.clone(),
        what: format!("files called {name}"),
        expected: 1,
        found: 0,
    }
}

#[cfg(test)]
mod tests;
