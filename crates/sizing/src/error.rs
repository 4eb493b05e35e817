//! What can go wrong while sizes are sought and judged.

/// The result of this crate's operations.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Says what went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A number is outside its range.
    #[error("{what}: expected {expected}, found {found}")]
    Range {
        /// Which number.
        what: &'static str,
        /// What it may be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// The budget does not reach for what was asked.
    #[error("the budget of {budget} MACs is spent: {spent} MACs before this training")]
    Spent {
        /// The budget.
        budget: u64,
        /// What was spent.
        spent: u64,
    },
    /// A net or its edit.
    #[error(transparent)]
    Net(#[from] espalier_net::Error),
    /// A strategy.
    #[error(transparent)]
    Strategy(#[from] espalier_strategy::Error),
    /// Training.
    #[error(transparent)]
    Train(#[from] espalier_train::Error),
    /// Data.
    #[error(transparent)]
    Data(#[from] espalier_data::Error),
    /// Statistics.
    #[error(transparent)]
    Report(#[from] espalier_report::Error),
}

impl Error {
    pub(crate) fn range(what: &'static str, expected: impl Into<String>, found: impl std::fmt::Display) -> Self {
        Self::Range {
            what,
            expected: expected.into(),
            found: found.to_string(),
        }
    }
}
