//! The idx format of MNIST and its kin.
//!
//! A big-endian header (a magic number 0x0000_08_NN, where 08 means unsigned bytes and NN
//! is the number of dimensions, then one 32-bit size a dimension), then the bytes in row order.

use std::path::Path;

use crate::error::{Error, Result};

/// An idx file seen in memory: its sizes, and its bytes without the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idx<'a> {
    /// Size along each dimension, the number of items first.
    pub dimensions: Vec<usize>,
    /// One byte an element, row-major.
    pub elements: &'a [u8],
}

/// Reads an idx file of unsigned bytes with the given number of dimensions (1 for labels, 3 for images).
///
/// `path` only serves to name the file in errors.
///
/// # Errors
/// Fails when the file is shorter or longer than its header says, when the magic number is
/// not that of unsigned bytes in so many dimensions, or when the sizes overflow.
///
/// # Example
/// ```
/// use espalier_data::idx;
/// let file = idx::encode(&[2], &[7, 1]);
/// let labels = idx::parse(&file, 1, "labels".as_ref())?;
/// assert_eq!(labels.elements, [7, 1]);
/// # Ok::<(), espalier_data::Error>(())
/// ```
pub fn parse<'a>(content: &'a [u8], dimensions: u8, path: &Path) -> Result<Idx<'a>> {
    let header = 4 + 4 * usize::from(dimensions);
    let magic = 0x0800 | u32::from(dimensions);
    let short = |what: &str, expected: u64| Error::Truncated {
        path: path.to_path_buf(),
        what: what.to_owned(),
        expected,
        found: content.len() as u64,
    };
    let found = word(content, 0).ok_or_else(|| short("magic number", 4))?;
    if found != magic {
        return Err(Error::Magic {
            path: path.to_path_buf(),
            what: kind(dimensions),
            expected: magic,
            found,
        });
    }
    let sizes: Option<Vec<usize>> = (0..usize::from(dimensions))
        .map(|d| word(content, 4 + 4 * d).map(|size| size as usize))
        .collect();
    let sizes = sizes.ok_or_else(|| short("header", header as u64))?;
    // A header may claim anything: sizes whose product overflows count as "more than there is".
    let expected = sizes
        .iter()
        .try_fold(1_u64, |product, &size| product.checked_mul(size as u64))
        .and_then(|body| body.checked_add(header as u64))
        .unwrap_or(u64::MAX);
    let found = content.len() as u64;
    if found < expected {
        return Err(short(&format!("header plus {sizes:?} elements"), expected));
    }
    if found > expected {
        return Err(Error::TooLong {
            path: path.to_path_buf(),
            expected,
            found,
        });
    }
    Ok(Idx {
        dimensions: sizes,
        elements: &content[header..],
    })
}

/// Writes unsigned bytes in idx format.
///
/// # Panics
/// Does not panic: sizes beyond 32 bits, which the format cannot hold, are written as 2³² − 1
/// and so give a file that [`parse`] refuses.
#[must_use]
pub fn encode(dimensions: &[usize], elements: &[u8]) -> Vec<u8> {
    let mut file = Vec::with_capacity(4 + 4 * dimensions.len() + elements.len());
    file.extend([0, 0, 8, u8::try_from(dimensions.len()).unwrap_or(u8::MAX)]);
    for &size in dimensions {
        file.extend(u32::try_from(size).unwrap_or(u32::MAX).to_be_bytes());
    }
    file.extend_from_slice(elements);
    file
}

/// Checks that every label names one of `classes` classes.
///
/// # Errors
/// Names the first row whose label does not.
pub fn check_labels(labels: &[u8], classes: usize, path: &Path) -> Result<()> {
    match labels.iter().position(|&label| usize::from(label) >= classes) {
        None => Ok(()),
        Some(row) => Err(Error::Label {
            path: path.to_path_buf(),
            row,
            expected: format!("0..={}", classes.saturating_sub(1)),
            found: labels[row].to_string(),
        }),
    }
}

fn word(content: &[u8], at: usize) -> Option<u32> {
    let bytes = content.get(at..at + 4)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

fn kind(dimensions: u8) -> &'static str {
    match dimensions {
        1 => "unsigned bytes in one dimension: labels",
        3 => "unsigned bytes in three dimensions: images",
        _ => "unsigned bytes",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path() -> &'static Path {
        Path::new("set/file")
    }

    #[test]
    fn a_file_written_by_hand_reads_as_written() {
        // Two images of 1 × 3, spelt out byte by byte from the format's description.
        let file = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6];
        let images = parse(&file, 3, path()).unwrap();
        assert_eq!(images.dimensions, [2, 1, 3]);
        assert_eq!(images.elements, [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn each_fault_is_named_with_file_and_figures() {
        let good = encode(&[3], &[0, 1, 2]);
        let text = |content: &[u8], d| parse(content, d, path()).unwrap_err().to_string();
        let cut = text(&good[..10], 1);
        assert!(
            cut.contains("set/file") && cut.contains("11 bytes") && cut.contains("found 10"),
            "{cut}"
        );
        let magic = text(&good, 3);
        assert!(magic.contains("0x00000803") && magic.contains("0x00000801"), "{magic}");
        let long = text(&[good.clone(), vec![0]].concat(), 1);
        assert!(long.contains("says 11 bytes, found 12"), "{long}");
        let label = check_labels(&[0, 10], 10, path()).unwrap_err().to_string();
        assert!(label.contains("row 1 is 10, expected one of 0..=9"), "{label}");
        assert!(text(&[], 1).contains("magic number"));
        assert!(text(&good[..6], 1).contains("header"));
    }

    #[test]
    fn a_header_that_claims_more_than_memory_is_refused() {
        let mut file = vec![0, 0, 8, 3];
        file.extend([0xff; 12]);
        assert!(matches!(
            parse(&file, 3, path()),
            Err(Error::Truncated { expected: u64::MAX, .. })
        ));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(content in proptest::collection::vec(any::<u8>(), 0..200), d in 0_u8..6) {
            let _ = parse(&content, d, path());
        }

        #[test]
        fn a_valid_header_with_any_tail_never_panics(
            sizes in proptest::collection::vec(any::<u32>(), 3),
            tail in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            let mut file = vec![0, 0, 8, 3];
            sizes.iter().for_each(|size| file.extend(size.to_be_bytes()));
            file.extend(tail);
            let _ = parse(&file, 3, path());
        }

        #[test]
        fn every_valid_file_round_trips(
            (sizes, elements) in (0_usize..5, 0_usize..6, 0_usize..6).prop_flat_map(|(n, h, w)| {
                (Just([n, h, w]), proptest::collection::vec(any::<u8>(), n * h * w))
            })
        ) {
            let file = encode(&sizes, &elements);
            let read = parse(&file, 3, path()).unwrap();
            prop_assert_eq!(read.dimensions, sizes);
            prop_assert_eq!(read.elements, elements);
        }

        #[test]
        fn every_cut_of_a_valid_file_is_refused(n in 1_usize..20, cut in 1_usize..20) {
            let file = encode(&[n], &vec![1; n]);
            let kept = file.len().saturating_sub(cut);
            prop_assert!(parse(&file[..kept], 1, path()).is_err());
        }
    }
}
