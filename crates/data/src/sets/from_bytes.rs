//! Sets read from bytes that never were a file, for fuzzing.

use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{adult, airfoil, cifar, covtype, images, optdigits, poker};
use crate::error::{Error, Result};
use crate::files::{Content, FileSpec};
use crate::idx;
use crate::whole::{Dataset, LoadOptions, Whole};

/// More than a fuzzer's input ever unpacks to, and less than fills the memory.
const LARGEST: usize = 1 << 20;
/// Images that are given labels.
const MOST_IMAGES: usize = 1 << 16;
/// Where a tar header has its magic word.
const TAR_MAGIC: std::ops::Range<usize> = 257..262;

/// Reads a set whose training and test file both have these bytes, held against no sum, and splits and
/// normalises it as [`crate::load`] does.
///
/// Images get the label 0. The bytes of `cifar10` are a packed archive, a plain one, or a file of records.
///
/// # Errors
/// As [`crate::load`], and for a name that is not among the sets with files.
pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Dataset> {
    let content = || unpacked(name, bytes);
    let whole = match name {
        "mnist" => labelled(content()?),
        "cifar10" => cifar10(bytes, Path::new(name)),
        "optdigits" => optdigits::whole(&content()?, &content()?),
        "airfoil" => airfoil::whole(&content()?),
        "poker-hand" => poker::whole(&content()?, &content()?),
        "adult" => adult::whole(&content()?, &content()?),
        // Four rows instead of 11,340 and two instead of 3,780, so that small inputs reach all splits.
        "covtype" => covtype::whole(&content()?, 4, 2),
        _ => Err(Error::UnknownSet {
            name: name.to_owned(),
            known: "mnist, cifar10, optdigits, airfoil, poker-hand, adult, covtype".to_owned(),
        }),
    };
    // MNIST's own 10,000 validation rows are more than a fuzzer's file has.
    let validation = (name == "mnist").then_some(1);
    whole?.finish(&LoadOptions {
        validation,
        ..LoadOptions::default()
    })
}

fn unpacked(name: &str, bytes: &[u8]) -> Result<Content> {
    let spec = FileSpec {
        name: name.to_owned(),
        sha256: None,
        bytes: LARGEST,
        addresses: Vec::new(),
    };
    Content::unpack(&spec, name.into(), bytes.to_vec())
}

fn labelled(images: Content) -> Result<Whole> {
    let set = images::mnist_set();
    let count = idx::parse(&images.bytes, 3, &images.path)?.dimensions[0];
    let labels = Content {
        bytes: idx::encode(&[count], &vec![0; count.min(MOST_IMAGES)]),
        ..images.clone()
    };
    images::whole(&set, [images.clone(), labels.clone(), images, labels])
}

fn cifar10(bytes: &[u8], path: &Path) -> Result<Whole> {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return cifar::archive(bytes, path);
    }
    if bytes.get(TAR_MAGIC) != Some(b"ustar") {
        return cifar::records(bytes, path);
    }
    let mut packer = GzEncoder::new(Vec::new(), Compression::none());
    let packed = packer.write_all(bytes).and_then(|()| packer.finish());
    cifar::archive(&packed.map_err(|error| Error::io("pack", path, error))?, path)
}
