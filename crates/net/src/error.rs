//! What can go wrong when a network is built, edited, run, or loaded.

use std::path::PathBuf;

/// The result of an operation on a network.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of this crate: what was tried, on which layer or file, what was expected and found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A layer cannot take the input it is given.
    #[error("layer `{layer}`: expected {expected}, found {found}")]
    Layer {
        /// The layer's name.
        layer: String,
        /// What the layer needs.
        expected: String,
        /// What it was given.
        found: String,
    },
    /// A layer of a kind that networks here do not have: recurrent ones, whose units read their own past, attention, and
    /// whatever a file names that this version does not know.
    #[error("layer `{layer}`: {kind} is not supported: {reason}")]
    Unsupported {
        /// The layer's name.
        layer: String,
        /// The kind of layer, as its library calls it.
        kind: String,
        /// Why there is none.
        reason: String,
    },
    /// A name is used twice or does not exist.
    #[error("{what} `{name}`: expected {expected}")]
    Name {
        /// The kind of thing: a layer, a group, a parameter.
        what: &'static str,
        /// The name in question.
        name: String,
        /// What was expected of it.
        expected: String,
    },
    /// A batch, target or buffer has the wrong length.
    #[error("{what}: expected {expected} values, found {found}")]
    Length {
        /// The buffer.
        what: String,
        /// Its expected length.
        expected: usize,
        /// Its length.
        found: usize,
    },
    /// An edit of a channel group is refused; the network is unchanged.
    #[error("edit of group `{group}` refused: {reason}")]
    Refused {
        /// The channel group's name.
        group: String,
        /// Why the edit is not possible.
        reason: String,
    },
    /// An edit plan would pass a budget; the network is unchanged.
    #[error("edit refused: {quantity} would become {would_be}, the budget is {budget}")]
    Budget {
        /// What is bounded: `parameters` or `MACs`.
        quantity: &'static str,
        /// The count after the edit.
        would_be: u64,
        /// The bound.
        budget: u64,
    },
    /// An edit that should preserve the function moved the outputs; it was rolled back.
    #[error("edit rolled back: outputs moved by {deviation:e} of the largest output, the tolerance is {tolerance:e}")]
    Deviation {
        /// The largest output change, relative to the largest output.
        deviation: f64,
        /// The tolerance that was asked for.
        tolerance: f64,
    },
    /// A setting is outside its range.
    #[error("setting `{field}`: expected {expected}, found {found}")]
    Setting {
        /// The setting's name.
        field: &'static str,
        /// Its range.
        expected: String,
        /// Its value.
        found: String,
    },
    /// Optimizer state and network parameters do not belong together.
    #[error("optimizer: {reason}")]
    Optimizer {
        /// Which parameter is orphaned, or which state has no parameter.
        reason: String,
    },
    /// A file cannot be read as a saved network.
    #[error("file `{}`: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was expected and what was found.
        reason: String,
    },
    /// The device backend failed.
    #[error("device: {0}")]
    Device(#[from] candle_core::Error),
}

impl Error {
    pub(crate) fn layer(layer: &str, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::Layer {
            layer: layer.to_owned(),
            expected: expected.into(),
            found: found.into(),
        }
    }

    pub(crate) fn unsupported(layer: &str, kind: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Unsupported {
            layer: layer.to_owned(),
            kind: kind.into(),
            reason: reason.into(),
        }
    }

    pub(crate) fn refused(group: &str, reason: impl Into<String>) -> Self {
        Self::Refused {
            group: group.to_owned(),
            reason: reason.into(),
        }
    }

    pub(crate) fn length(what: impl Into<String>, expected: usize, found: usize) -> Self {
        Self::Length {
            what: what.into(),
            expected,
            found,
        }
    }
}
