//! What a strategy keeps between steps, as bytes for a checkpoint.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// The saved state of a strategy or of a part of one.
///
/// # Example
/// ```
/// use espalier_strategy::State;
///
/// let state = State::of("example", &(3_u64, vec![0.5, f64::INFINITY]))?;
/// assert_eq!(state.read::<(u64, Vec<f64>)>("example")?, (3, vec![0.5, f64::INFINITY]));
/// # Ok::<(), espalier_strategy::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State(Vec<u8>);

impl State {
    /// The state of what keeps nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Saves a value (as CBOR, which keeps NaN and infinities).
    ///
    /// # Errors
    /// Fails for a value that cannot be serialised.
    pub fn of(strategy: &str, value: &impl Serialize) -> Result<Self> {
        let mut bytes = Vec::new();
        let saved = ciborium::into_writer(value, &mut bytes);
        saved.map_err(|e| Error::State {
            strategy: strategy.to_owned(),
            reason: format!("cannot be saved: {e}"),
        })?;
        Ok(Self(bytes))
    }

    /// Reads the value back.
    ///
    /// # Errors
    /// Fails where the bytes are not such a value.
    pub fn read<T: DeserializeOwned>(&self, strategy: &str) -> Result<T> {
        ciborium::from_reader(self.0.as_slice()).map_err(|e| Error::State {
            strategy: strategy.to_owned(),
            reason: format!("cannot be read: {e}"),
        })
    }

    /// Joins the states of parts.
    ///
    /// # Errors
    /// As [`State::of`].
    pub fn join(strategy: &str, parts: &[Self]) -> Result<Self> {
        let bytes: Vec<&[u8]> = parts.iter().map(Self::bytes).collect();
        Self::of(strategy, &bytes)
    }

    /// Takes the states of `count` parts apart again.
    ///
    /// # Errors
    /// As [`State::read`]; refuses another number of parts.
    pub fn parts(&self, strategy: &str, count: usize) -> Result<Vec<Self>> {
        let parts: Vec<Vec<u8>> = self.read(strategy)?;
        if parts.len() != count {
            let reason = format!("expected {count} parts, found {}", parts.len());
            return Err(Error::State {
                strategy: strategy.to_owned(),
                reason,
            });
        }
        Ok(parts.into_iter().map(Self).collect())
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Takes bytes that [`State::bytes`] gave.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Says whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
