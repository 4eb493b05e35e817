//! Named, reproducible random streams.
//!
//! Every random number in Espalier comes from a [`Stream`] that was derived from a
//! [`Seed`] by name, so that adding a draw in one place never shifts the draws of
//! another, and the same seed gives the same bytes on any number of threads.
//!
//! ```
//! use espalier_seed::Seed;
//!
//! let trial = Seed::new(7);
//! let mut weights = trial.named("weights").stream();
//! let mut again = trial.named("weights").stream();
//! assert_eq!(weights.next_u64(), again.next_u64());
//! assert_ne!(weights.next_u64(), trial.named("shuffle").stream().next_u64());
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod stream;

pub use stream::{Stream, StreamState};

use sha2::{Digest, Sha256};

/// A node in the tree of random streams: 256 bits from which children and one stream derive.
///
/// # Method
/// A child's key is SHA-256 of the parent's key, a domain byte and the name, so that
/// siblings are independent and a path of names identifies a stream for ever.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Seed {
    key: [u8; 32],
}

impl Seed {
    /// Makes the root of a tree of streams from a number.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            key: digest(&[b"espalier-seed-v1", &seed.to_le_bytes()]),
        }
    }

    /// Derives the child called `name`.
    #[must_use]
    pub fn named(&self, name: &str) -> Self {
        Self {
            key: digest(&[&self.key, b"n", name.as_bytes()]),
        }
    }

    /// Derives the child numbered `index`, for instance an epoch or a layer.
    #[must_use]
    pub fn index(&self, index: u64) -> Self {
        Self {
            key: digest(&[&self.key, b"i", &index.to_le_bytes()]),
        }
    }

    /// Opens this seed's stream at its beginning.
    #[must_use]
    pub fn stream(&self) -> Stream {
        Stream::from_key(self.key)
    }
}

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_differ_by_name_and_by_kind_of_derivation() {
        let root = Seed::new(1);
        let names = [root.named("a"), root.named("b"), root.index(0), root.index(1)];
        for (i, left) in names.iter().enumerate() {
            for right in &names[i + 1..] {
                assert_ne!(left, right);
            }
        }
        assert_ne!(root.named("ab").named("c"), root.named("a").named("bc"));
    }

    #[test]
    fn the_key_is_the_published_hash_of_its_path() {
        // Computed with Python's hashlib: sha256(len64(b"espalier-seed-v1") + ... + len64(8) + le64(7)).
        let hex: String = Seed::new(7).key.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, include_str!("seed7.hex").trim());
    }
}
