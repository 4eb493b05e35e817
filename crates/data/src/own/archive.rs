//! The files of a ZIP archive, which is what NumPy's `.npz` is.

use std::io::Read as _;
use std::path::Path;

use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive};

use crate::error::{Error, Result};

/// The most that a file of an archive may unpack to.
const LARGEST: u64 = 16 << 30;

/// Lists the names of the archive's files.
pub(super) fn names(bytes: &[u8], path: &Path) -> Result<Vec<String>> {
    let fail = |error: rawzip::Error| Error::content(path, "a ZIP archive of NumPy arrays", error);
    let archive = ZipArchive::from_slice(bytes).map_err(fail)?;
    let mut names = Vec::new();
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry().map_err(fail)? {
        names.push(String::from_utf8_lossy(entry.file_path().as_ref()).into_owned());
    }
    Ok(names)
}

/// Unpacks one file and checks its sum; `None` where the archive has none of that name.
pub(super) fn file(bytes: &[u8], name: &str, path: &Path) -> Result<Option<Vec<u8>>> {
    let expected = format!("a whole file {name} in a ZIP archive");
    let fail = |error: rawzip::Error| Error::content(path, expected.clone(), error);
    let archive = ZipArchive::from_slice(bytes).map_err(fail)?;
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry().map_err(fail)? {
        if entry.file_path().as_ref() != name.as_bytes() {
            continue;
        }
        let found = archive.get_entry(entry.wayfinder()).map_err(fail)?;
        let mut content = Vec::new();
        let read = match entry.compression_method() {
            CompressionMethod::STORE => found
                .verifying_reader(found.data())
                .take(LARGEST)
                .read_to_end(&mut content),
            CompressionMethod::DEFLATE => {
                let unpacked = DeflateDecoder::new(found.data());
                found.verifying_reader(unpacked).take(LARGEST).read_to_end(&mut content)
            }
            other => return Err(Error::content(path, "files stored or deflated", format!("{other:?}"))),
        };
        read.map_err(|error| Error::content(path, expected.clone(), error))?;
        return Ok(Some(content));
    }
    Ok(None)
}
