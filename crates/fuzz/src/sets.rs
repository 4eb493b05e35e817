//! Data sets.

use std::io::Write as _;
use std::path::Path;

use espalier_data::{Dataset, Examples, TargetKind, Targets, from_bytes, idx as format, table_from_bytes};
use rawzip::ZipArchiveWriter;

pub(crate) fn idx(bytes: &[u8]) -> bool {
    let path = Path::new("fuzz");
    let accepted = (1..=3).filter_map(|dimensions| format::parse(bytes, dimensions, path).ok());
    accepted.fold(false, |_, file| {
        assert_eq!(format::encode(&file.dimensions, file.elements), bytes);
        if format::check_labels(file.elements, 10, path).is_ok() {
            assert!(file.elements.iter().all(|&label| label < 10));
        }
        true
    })
}

pub(crate) fn mnist(bytes: &[u8]) -> bool {
    set("mnist", bytes)
}

pub(crate) fn cifar(bytes: &[u8]) -> bool {
    set("cifar10", bytes)
}

pub(crate) fn optdigits(bytes: &[u8]) -> bool {
    set("optdigits", bytes)
}

pub(crate) fn airfoil(bytes: &[u8]) -> bool {
    set("airfoil", bytes)
}

pub(crate) fn poker(bytes: &[u8]) -> bool {
    set("poker-hand", bytes)
}

pub(crate) fn adult(bytes: &[u8]) -> bool {
    set("adult", bytes)
}

pub(crate) fn covtype(bytes: &[u8]) -> bool {
    set("covtype", bytes)
}

/// A table of one's own, with commas and with tabulators.
pub(crate) fn table(bytes: &[u8]) -> bool {
    let accepted = ["csv", "tsv"].map(|ending| table_from_bytes(bytes, ending).is_ok_and(|set| is_whole(&set)));
    accepted.contains(&true)
}

/// An archive of arrays, and an array within one, since a mutation breaks the archive's sums.
pub(crate) fn arrays(bytes: &[u8]) -> bool {
    let archives = [bytes.to_vec(), with_labels(bytes)];
    let accepted = archives.map(|bytes| table_from_bytes(&bytes, "npz").is_ok_and(|set| is_whole(&set)));
    accepted.contains(&true)
}

/// An archive of these features and of labels for eight rows.
fn with_labels(features: &[u8]) -> Vec<u8> {
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (8,), }";
    // Magic, version 1.0 and the header's length, which makes a multiple of 64 bytes with what stands before it.
    let start = [b"\x93NUMPY\x01\x00\x76\x00", format!("{header:<117}\n").as_bytes()].concat();
    let labels = [start.as_slice(), &[0, 1, 0, 1, 0, 1, 0, 1]].concat();
    archive(&[("x.npy", features), ("y.npy", &labels)]).expect("an archive can be written to memory")
}

fn archive(files: &[(&str, &[u8])]) -> Result<Vec<u8>, rawzip::Error> {
    let mut bytes = Vec::new();
    let mut archive = ZipArchiveWriter::new(&mut bytes);
    for (name, content) in files {
        let (mut entry, config) = archive.new_file(name).start()?;
        let mut writer = config.wrap(&mut entry);
        writer.write_all(content)?;
        let (_, descriptor) = writer.finish()?;
        entry.finish(descriptor)?;
    }
    archive.finish()?;
    Ok(bytes)
}

fn set(name: &str, bytes: &[u8]) -> bool {
    from_bytes(name, bytes).is_ok_and(|set| is_whole(&set))
}

/// Every split of an accepted set has whole rows of finite numbers and targets of the stated kind.
fn is_whole(set: &Dataset) -> bool {
    assert_eq!(set.info.features, set.info.shape.iter().product::<usize>());
    assert!(set.info.features > 0, "a set without features was accepted");
    assert!(!set.train.is_empty(), "a set without training rows was accepted");
    for split in [&set.train, &set.validation, &set.test] {
        check(split, set.info.features, set.info.targets);
    }
    true
}

fn check(split: &Examples, features: usize, kind: TargetKind) {
    assert_eq!(split.width(), features);
    assert_eq!(split.features().len(), features * split.len());
    assert!(
        split.features().iter().all(|x| x.is_finite()),
        "features are not finite"
    );
    match (split.targets(), kind) {
        (Targets::Classes(classes), TargetKind::Classes(count)) => {
            assert!(classes.iter().all(|&class| (class as usize) < count));
        }
        (Targets::Values { values, width }, TargetKind::Regression(columns)) => {
            assert_eq!((*width, values.len()), (columns, columns * split.len()));
            assert!(values.iter().all(|value| value.is_finite()), "targets are not finite");
        }
        (found, kind) => panic!("expected targets {kind:?}, found {found:?}"),
    }
}
