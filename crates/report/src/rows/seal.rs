//! A checksum inside a file over all of its bytes but its own digits.
//!
//! It is looked for among the bytes, before anybody makes sense of them: a damaged file never reaches
//! the Parquet reader, which was not written for damaged files. A file without it is from another tool.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// The key of the checksum in the footer's key–value metadata.
pub(super) const KEY: &str = "espalier:sha256";

const DIGITS: usize = 64;

/// After the key, Thrift's compact protocol writes a field's type and number, then the text's length.
const GAP: usize = 2;

/// The digits' place until all other bytes are known.
pub(super) fn open() -> String {
    "0".repeat(DIGITS)
}

/// Writes the checksum into its place.
pub(super) fn close(bytes: &mut [u8]) {
    if let Some(place) = place(bytes) {
        let digits = digits(bytes, place);
        bytes[place..place + DIGITS].copy_from_slice(digits.as_bytes());
    }
}

/// Refuses bytes that differ from those that were written, also where they end before the last digit.
pub(super) fn check(path: &Path, bytes: &[u8]) -> Result<()> {
    let Some(place) = place(bytes) else {
        return Ok(());
    };
    let recorded = String::from_utf8_lossy(&bytes[place..end(bytes, place)]).into_owned();
    let found = digits(bytes, place);
    if recorded == found {
        return Ok(());
    }
    Err(Error::Altered {
        path: path.to_path_buf(),
        expected: recorded,
        found,
    })
}

/// Finds the digits; the footer stands at the end, so that text in rows cannot be taken for it.
fn place(bytes: &[u8]) -> Option<usize> {
    let key = KEY.as_bytes();
    let at = bytes.windows(key.len()).rposition(|window| window == key)?;
    Some((at + key.len() + GAP).min(bytes.len()))
}

/// Where the digits end, or the bytes that are there.
fn end(bytes: &[u8], place: usize) -> usize {
    (place + DIGITS).min(bytes.len())
}

fn digits(bytes: &[u8], place: usize) -> String {
    let mut hasher = Sha256::new();
    hasher.update(&bytes[..place]);
    hasher.update(&bytes[end(bytes, place)..]);
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Behind a key without its digits there once was a reader that asked for 26 GB.
    #[test]
    fn a_key_without_all_of_its_digits_is_damage_and_not_another_tools_file() {
        let path = Path::new("rows.parquet");
        let mut bytes = [b"PAR1 rows ", KEY.as_bytes(), b"\x18\x40", open().as_bytes(), b" PAR1"].concat();
        close(&mut bytes);
        check(path, &bytes).unwrap();
        let first = bytes
            .windows(KEY.len())
            .position(|window| window == KEY.as_bytes())
            .unwrap();
        for cut in first + KEY.len()..bytes.len() {
            let error = check(path, &bytes[..cut]).unwrap_err().to_string();
            assert!(error.contains("rows.parquet"), "{cut}: {error}");
        }
        check(path, &bytes[..first]).unwrap();
    }
}
