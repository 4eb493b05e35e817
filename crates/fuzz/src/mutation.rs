//! Mutations of seeds, all drawn from one stream.

use espalier_seed::Stream;

/// What a seed becomes is no longer than this.
const LONGEST: usize = 1 << 16;
/// Bytes at the edges of what formats count with.
const EDGES: [u8; 8] = [0x00, 0x01, 0x7f, 0x80, 0xff, b'0', b'-', b'"'];
/// Numbers and words at the edges of what texts hold.
const WORDS: [&str; 14] = [
    "",
    "-1",
    "0",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "1e308",
    "1e-300",
    "1e999",
    "NaN",
    "null",
    "[]",
    "{}",
    "\u{1b}[2J\0",
];

/// Changes a seed in one to four places, sometimes by parts of another seed.
#[must_use]
pub fn mutate(seed: &[u8], other: &[u8], stream: &mut Stream) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=stream.below(4) {
        change(&mut bytes, other, stream);
    }
    bytes.truncate(LONGEST);
    bytes
}

fn change(bytes: &mut Vec<u8>, other: &[u8], stream: &mut Stream) {
    let (from, to) = range(bytes.len(), stream);
    match stream.below(8) {
        0 => flip(bytes, stream),
        1 => overwrite(bytes, stream),
        2 => drop(bytes.drain(from..to)),
        3 => bytes.truncate(from),
        4 => drop(bytes.splice(from..from, bytes[from..to].to_vec())),
        5 => {
            let (start, end) = range(other.len(), stream);
            drop(bytes.splice(from..to, other[start..end].iter().copied()));
        }
        6 => bytes.insert(from, EDGES[stream.below(EDGES.len())]),
        _ => replace_number(bytes, from, stream),
    }
}

/// Draws a range, short ones more often than long ones.
fn range(len: usize, stream: &mut Stream) -> (usize, usize) {
    let from = stream.below(len + 1);
    let reach = 1 << stream.below(12);
    (from, (from + stream.below(reach)).min(len))
}

fn flip(bytes: &mut [u8], stream: &mut Stream) {
    if !bytes.is_empty() {
        let at = stream.below(bytes.len());
        bytes[at] ^= 1 << stream.below(8);
    }
}

fn overwrite(bytes: &mut [u8], stream: &mut Stream) {
    if !bytes.is_empty() {
        let at = stream.below(bytes.len());
        bytes[at] = EDGES[stream.below(EDGES.len())];
    }
}

/// Puts another number or word in place of the digits at or behind a place.
fn replace_number(bytes: &mut Vec<u8>, from: usize, stream: &mut Stream) {
    let digit = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let Some(first) = bytes[from..].iter().position(digit) else {
        return;
    };
    let first = from + first;
    let count = bytes[first..].iter().take_while(|byte| digit(byte)).count();
    let word = WORDS[stream.below(WORDS.len())];
    drop(bytes.splice(first..first + count, word.bytes()));
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use espalier_seed::Seed;

    #[test]
    fn mutations_repeat_and_seldom_leave_a_seed_as_it_is() {
        let seed = b"12,34,56\n78,90,12\n";
        let run = |number| {
            let mut stream = Seed::new(number).stream();
            (0..1000).map(|_| mutate(seed, b"99", &mut stream)).collect::<Vec<_>>()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        let same = run(1).iter().filter(|bytes| bytes.as_slice() == seed).count();
        assert!(same < 200, "{same} of 1000 mutations changed nothing");
    }

    #[test]
    fn empty_seeds_can_be_mutated() {
        let mut stream = Seed::new(3).stream();
        let longest = (0..1000).map(|_| mutate(b"", b"", &mut stream).len()).max();
        assert!(longest.unwrap() > 0);
    }
}
