//! The one error type of the crate.

/// The crate's result type.
pub type Result<T> = std::result::Result<T, Error>;

/// Says which arm, factor or claim is meant, what was expected and what was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Rows, statistics or figures refused.
    #[error(transparent)]
    Report(#[from] espalier_report::Error),
    /// A trial's rows name an arm that the study does not have.
    #[error("data set {dataset}: rows of arm `{arm}`, expected one of {expected}")]
    UnknownArm {
        /// The data set.
        dataset: String,
        /// The arm of the rows.
        arm: String,
        /// The arms of the study.
        expected: String,
    },
    /// Two arms of one name.
    #[error("two arms are called `{arm}`")]
    RepeatedArm {
        /// The name.
        arm: String,
    },
    /// A table has not the one row that a trial should have.
    #[error("table `{table}`, trial {trial}: expected one row, found {found}")]
    NotOneRow {
        /// The table.
        table: &'static str,
        /// The trial.
        trial: String,
        /// How many rows there are.
        found: usize,
    },
    /// Two trials of one arm recorded different settings.
    #[error("arm `{arm}`, factor `{factor}`: one trial was set to {first}, another to {second}")]
    TwoLevels {
        /// The arm.
        arm: String,
        /// The factor.
        factor: String,
        /// The level of one trial.
        first: String,
        /// The level of another.
        second: String,
    },
    /// A claim contradicts itself.
    #[error("claim `{claim}`: {reason}")]
    Claim {
        /// The claim's short name.
        claim: String,
        /// What was expected and found.
        reason: String,
    },
    /// A statistic needs arms of another kind.
    #[error("{statistic}: {reason}")]
    Statistic {
        /// The statistic in words.
        statistic: String,
        /// What was expected and found.
        reason: String,
    },
    /// A figure cannot be drawn from these arms.
    #[error("figure `{figure}`: {reason}")]
    Figure {
        /// The figure's name.
        figure: String,
        /// What was expected and found.
        reason: String,
    },
}
