//! Files that carry a sum over themselves.

/// Digits of a SHA-256 sum.
const DIGITS: usize = 64;

/// Reads bytes and, where their sum is refused, reads them again with the sum that the reader's words say was found.
pub(crate) fn read_summed<T>(bytes: &[u8], read: impl Fn(&[u8]) -> Result<T, String>) -> Option<T> {
    match read(bytes) {
        Ok(read) => Some(read),
        Err(words) => read(&with_right_sum(bytes, &words)?).ok(),
    }
}

/// Puts the second sum that an error names in place of the first, which stands in the file.
fn with_right_sum(bytes: &[u8], error: &str) -> Option<Vec<u8>> {
    let words = error.split(|c: char| !c.is_ascii_hexdigit());
    let mut sums = words.filter(|word| word.len() == DIGITS);
    let (expected, found) = (sums.next()?, sums.next()?);
    let at = bytes
        .windows(DIGITS)
        .rposition(|window| window == expected.as_bytes())?;
    let mut repaired = bytes.to_vec();
    repaired[at..at + DIGITS].copy_from_slice(found.as_bytes());
    Some(repaired)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_sum_is_replaced_by_the_one_that_was_found() {
        let (wrong, right) = ("1".repeat(DIGITS), "2".repeat(DIGITS));
        let read = |bytes: &[u8]| match std::str::from_utf8(bytes).unwrap().split_once(' ') {
            Some((sum, "body")) if sum == right => Ok(()),
            Some((sum, "body")) => Err(format!("expected checksum {sum}, found {right}")),
            _ => Err("no body".to_owned()),
        };
        assert_eq!(read_summed(format!("{wrong} body").as_bytes(), read), Some(()));
        assert_eq!(read_summed(format!("{wrong} none").as_bytes(), read), None);
    }
}
