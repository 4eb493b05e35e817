//! The paired seeds of recorded trials.

use std::ops::Deref;

use super::looks::Looks;

/// The numbers of the paired seeds, and where they were added while claims were open, the looks at them.
///
/// Whatever is computed from some seeds takes them together, so that no interval forgets the looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PairedSeeds {
    numbers: Vec<u64>,
    looks: Option<Looks>,
}

impl PairedSeeds {
    /// Adds the looks.
    #[must_use]
    pub fn looked_at(mut self, looks: Option<Looks>) -> Self {
        self.looks = looks;
        self
    }

    /// The looks; `None` where the number of seeds was fixed beforehand.
    #[must_use]
    pub fn looks(&self) -> Option<&Looks> {
        self.looks.as_ref()
    }

    /// Other numbers with the same looks.
    #[must_use]
    pub fn with_numbers(&self, numbers: Vec<u64>) -> Self {
        Self {
            numbers,
            looks: self.looks.clone(),
        }
    }
}

impl Deref for PairedSeeds {
    type Target = [u64];

    fn deref(&self) -> &[u64] {
        &self.numbers
    }
}

impl From<Vec<u64>> for PairedSeeds {
    fn from(numbers: Vec<u64>) -> Self {
        Self { numbers, looks: None }
    }
}

impl From<&Vec<u64>> for PairedSeeds {
    fn from(numbers: &Vec<u64>) -> Self {
        Self::from(numbers.clone())
    }
}

impl From<&[u64]> for PairedSeeds {
    fn from(numbers: &[u64]) -> Self {
        Self::from(numbers.to_vec())
    }
}

impl From<&Self> for PairedSeeds {
    fn from(seeds: &Self) -> Self {
        seeds.clone()
    }
}
