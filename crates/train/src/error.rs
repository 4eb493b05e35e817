//! What can go wrong in training.

/// The result of an operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of the training loop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The network refused what it was asked.
    #[error(transparent)]
    Net(#[from] espalier_net::Error),
    /// A strategy failed or was refused.
    #[error(transparent)]
    Strategy(#[from] espalier_strategy::Error),
    /// The data set refused what it was asked.
    #[error(transparent)]
    Data(#[from] espalier_data::Error),
    /// The network does not fit the data set.
    #[error("network for `{dataset}`: expected {expected}, found {found}")]
    Mismatch {
        /// The data set.
        dataset: String,
        /// What the data set needs.
        expected: String,
        /// What the network has.
        found: String,
    },
    /// A setting is outside its range.
    #[error("training setting `{field}`: expected {expected}, found {found}")]
    Setting {
        /// The setting.
        field: &'static str,
        /// Its range.
        expected: String,
        /// Its value.
        found: String,
    },
    /// An epoch was not taken on a device.
    #[error("epoch on a device: {reason}")]
    Stack {
        /// What was expected, or what failed.
        reason: String,
    },
    /// A checkpoint cannot be read.
    #[error("training checkpoint: {reason}")]
    Checkpoint {
        /// What was expected and what was found.
        reason: String,
    },
}
