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
    Net(Box<espalier_net::Error>),
    /// A strategy.
    #[error(transparent)]
    Strategy(Box<espalier_strategy::Error>),
    /// Training.
    #[error(transparent)]
    Train(Box<espalier_train::Error>),
    /// Data.
    #[error(transparent)]
    Data(Box<espalier_data::Error>),
    /// Statistics.
    #[error(transparent)]
    Report(Box<espalier_report::Error>),
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

impl From<espalier_train::Error> for Error {
    fn from(error: espalier_train::Error) -> Self {
        Self::Train(Box::new(error))
    }
}

impl From<espalier_data::Error> for Error {
    fn from(error: espalier_data::Error) -> Self {
        Self::Data(Box::new(error))
    }
}

impl From<espalier_report::Error> for Error {
    fn from(error: espalier_report::Error) -> Self {
        Self::Report(Box::new(error))
    }
}

impl From<espalier_strategy::Error> for Error {
    fn from(error: espalier_strategy::Error) -> Self {
        Self::Strategy(Box::new(error))
    }
}

impl From<espalier_net::Error> for Error {
    fn from(error: espalier_net::Error) -> Self {
        Self::Net(Box::new(error))
    }
}
