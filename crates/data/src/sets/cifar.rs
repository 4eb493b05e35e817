//! CIFAR-10: records of a label and three planes of colour.

use std::path::{Path, PathBuf};

use crate::encoding::{Inputs, Outputs};
use crate::error::{Error, Result};
use crate::examples::Targets;
use crate::files::{Shelf, content_sha256, sha256};
use crate::idx;
use crate::transform::{Raw, TransformChoice};
use crate::whole::{About, Holdout, LoadOptions, Part, Whole};

mod find;
mod python;

use find::{Batch, Batches};

const SIDE: usize = 32;
const COLOURS: usize = 3;
const PIXELS: usize = SIDE * SIDE;
const RECORD: usize = 1 + COLOURS * PIXELS;
/// Records of an official file; a file that goes on beyond them is refused.
const FILE_RECORDS: usize = 10_000;
const ADDRESS: &str = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz";
const ARCHIVE: &str = "cifar-10-binary.tar.gz";
const TRAIN_FILES: [&str; 5] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
];
/// In the order of their labels.
const CLASSES: [&str; 10] = [
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
];
const TEST_FILE: &str = "test_batch.bin";

/// The sum of a batch with so many records. A part of another length is allowed and has no sum to be held against.
struct Pin {
    name: &'static str,
    records: usize,
    sha256: &'static str,
}

const fn pin(name: &'static str, records: usize, sha256: &'static str) -> Pin {
    Pin { name, records, sha256 }
}

/// Sums of the batches that could be traced to the official ones, and of the part of the test batch in common use.
const PINNED: [Pin; 7] = [
    pin(
        "data_batch_1.bin",
        FILE_RECORDS,
        "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    ),
    pin(
        "data_batch_2.bin",
        FILE_RECORDS,
        "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    ),
    pin(
        "data_batch_3.bin",
        FILE_RECORDS,
        "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    ),
    pin(
        "data_batch_4.bin",
        FILE_RECORDS,
        "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    ),
    pin(
        "data_batch_5.bin",
        FILE_RECORDS,
        "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    ),
    pin(
        TEST_FILE,
        FILE_RECORDS,
        "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
    ),
    pin(
        TEST_FILE,
        4_000,
        "f88bb2236d4a823fcbbf3f858cf3b36b504ed14dd5362e198bbce5f6ae94d7ae",
    ),
];

pub(crate) fn cifar10(shelf: &Shelf<'_>, _: &LoadOptions) -> Result<Whole> {
    let folder = shelf.source.folder();
    let found = find::batches(folder)?;
    if !found.batches.is_empty() {
        return whole(&found.batches, folder, &PINNED);
    }
    Err(Error::Missing {
        set: "cifar10".to_owned(),
        file: ARCHIVE.to_owned(),
        places: found.places.iter().map(|place| place.display().to_string()).collect(),
        attempts: Vec::new(),
        command: format!(
            "curl --fail --create-dirs --output-dir '{}' -O '{ADDRESS}'",
            folder.join("cifar10").display()
        ),
    })
}

fn whole(batches: &Batches, folder: &Path, pinned: &[Pin]) -> Result<Whole> {
    let mut sums = Vec::new();
    for (name, batch) in batches {
        sums.push((name.as_str(), check(name, batch, pinned)?));
    }
    let train_files: Vec<&str> = TRAIN_FILES
        .into_iter()
        .filter(|name| batches.contains_key(*name))
        .collect();
    let train = part(batches, folder, &train_files)?;
    let test = part(batches, folder, &[TEST_FILE])?;
    let (train_rows, test_rows) = (train.targets.len(), test.targets.len());
    Ok(Whole {
        about: About {
            name: "cifar10".into(),
            title: "CIFAR-10".into(),
            source: "A. Krizhevsky, Learning multiple layers of features from tiny images, 2009; no licence stated"
                .into(),
            content_sha256: content_sha256(sums.iter().map(|(name, sum)| (*name, sum.as_str()))),
            outputs: Outputs::classes(CLASSES),
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
        inputs: Inputs::image(&[SIDE, SIDE, COLOURS], 255.0),
        transform: TransformChoice::HALF,
    })
}

/// Reads a packed archive, whose files are held against no sum.
pub(super) fn archive(packed: &[u8], path: &Path) -> Result<Whole> {
    let mut batches = Batches::new();
    find::from_packed(packed, path, &mut batches)?;
    whole(&batches, path, &[])
}

/// Reads one file of records, of either version, as both the training and the test images.
pub(super) fn records(bytes: &[u8], path: &Path) -> Result<Whole> {
    let batch = find::batch(path.to_path_buf(), bytes.to_vec())?;
    let batches = [TRAIN_FILES[0], TEST_FILE].map(|name| (name.to_owned(), batch.clone()));
    whole(&batches.into(), path, &[])
}

/// Checks a batch's size and, where it is pinned, its sum; gives the sum.
fn check(name: &str, batch: &Batch, pinned: &[Pin]) -> Result<String> {
    let path = || batch.path.clone();
    let bytes = &batch.bytes;
    if bytes.len() > FILE_RECORDS * RECORD {
        return Err(Error::TooLong {
            path: path(),
            expected: (FILE_RECORDS * RECORD) as u64,
            found: bytes.len() as u64,
        });
    }
    let records = bytes.len() / RECORD;
    if !bytes.len().is_multiple_of(RECORD) || records == 0 {
        return Err(Error::Truncated {
            path: path(),
            what: format!("{} whole records of {RECORD} bytes", records + 1),
            expected: ((records + 1) * RECORD) as u64,
            found: bytes.len() as u64,
        });
    }
    let found = sha256(bytes);
    let pin = pinned.iter().find(|pin| pin.name == name && pin.records == records);
    match pin {
        Some(pin) if found != pin.sha256 => Err(Error::Checksum {
            path: path(),
            expected: pin.sha256.to_owned(),
            found,
            bytes: bytes.len(),
        }),
        _ => Ok(found),
    }
}

/// Puts the records of some files together, with the colours of a pixel side by side.
fn part(batches: &Batches, folder: &Path, names: &[&str]) -> Result<Part> {
    let (mut pixels, mut classes) = (Vec::new(), Vec::new());
    for &name in names {
        let Batch { path, bytes } = batches.get(name).ok_or_else(|| lacking(folder, name))?;
        for record in bytes.chunks_exact(RECORD) {
            classes.push(record[0]);
            let planes = &record[1..];
            pixels
                .extend((0..PIXELS).flat_map(|pixel| (0..COLOURS).map(move |colour| planes[colour * PIXELS + pixel])));
        }
        let of_file = &classes[classes.len() - bytes.len() / RECORD..];
        idx::check_labels(of_file, 10, path)?;
    }
    if names.is_empty() {
        return Err(lacking(folder, TRAIN_FILES[0]));
    }
    let targets = Targets::Classes(classes.iter().map(|&label| u32::from(label)).collect());
    Ok(Part {
        raw: Raw::Bytes { file: pixels, start: 0 },
        targets,
    })
}

fn lacking(folder: &Path, name: &str) -> Error {
    Error::Count {
        path: PathBuf::from(folder),
        what: format!("files called {name}"),
        expected: 1,
        found: 0,
    }
}

#[cfg(test)]
mod tests;
