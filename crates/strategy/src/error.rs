//! What can go wrong when a strategy is set up, observes or decides.

/// The result of an operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of a strategy or of what serves it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The network refused what it was asked.
    #[error(transparent)]
    Net(#[from] espalier_net::Error),
    /// A statistic could not be taken.
    #[error(transparent)]
    Metrics(#[from] espalier_metrics::Error),
    /// A setting is outside its range.
    #[error("strategy `{strategy}`, setting `{field}`: expected {expected}, found {found}")]
    Setting {
        /// The strategy.
        strategy: String,
        /// The setting.
        field: &'static str,
        /// Its range.
        expected: String,
        /// Its value.
        found: String,
    },
    /// The strategy cannot work on this network.
    #[error("strategy `{strategy}` does not support this network: {reason}")]
    Unsupported {
        /// The strategy.
        strategy: String,
        /// Why not.
        reason: String,
    },
    /// Two strategies would change the same thing.
    #[error(
        "strategies `{first}` and `{second}` both {what} `{name}`; give them different groups or wrap them in `Alternating`"
    )]
    Conflict {
        /// The strategy that comes first.
        first: String,
        /// The one that comes later.
        second: String,
        /// What both do.
        what: &'static str,
        /// The group, gate or mask.
        name: String,
    },
    /// A budget does not hold.
    #[error("strategy `{strategy}`, budget on {quantity}: expected at most {budget}, found {found}")]
    Budget {
        /// The strategy.
        strategy: String,
        /// What is bounded.
        quantity: &'static str,
        /// The bound.
        budget: String,
        /// What there is.
        found: String,
    },
    /// An observation is missing or cannot be decided on.
    #[error("observation of `{name}`: expected {expected}, found {found}")]
    Observation {
        /// What was observed.
        name: String,
        /// What the decision needs.
        expected: String,
        /// What there is.
        found: String,
    },
    /// A saved state cannot be read.
    #[error("state of strategy `{strategy}`: {reason}")]
    State {
        /// The strategy.
        strategy: String,
        /// What was expected and found.
        reason: String,
    },
    /// A strategy breaks a promise of the contract.
    #[error("strategy `{strategy}` fails `{check}`: {reason}")]
    Conformance {
        /// The strategy.
        strategy: String,
        /// The promise.
        check: &'static str,
        /// What was expected and found.
        reason: String,
    },
}

impl Error {
    /// Makes the error of a setting outside its range.
    #[must_use]
    pub fn setting(strategy: &str, field: &'static str, expected: impl Into<String>, found: impl ToString) -> Self {
        Self::Setting {
            strategy: strategy.to_owned(),
            field,
            expected: expected.into(),
            found: found.to_string(),
        }
    }

    /// Makes the error of a network that the strategy cannot work on.
    #[must_use]
    pub fn unsupported(strategy: &str, reason: impl Into<String>) -> Self {
        Self::Unsupported {
            strategy: strategy.to_owned(),
            reason: reason.into(),
        }
    }

    /// Makes the error of an observation that cannot be decided on.
    #[must_use]
    pub fn observation(name: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::Observation {
            name: name.into(),
            expected: expected.into(),
            found: found.into(),
        }
    }
}

/// Checks a setting against its range; the negated comparison of a NaN fails too.
///
/// # Errors
/// Names the setting, its range and its value.
pub fn check_setting(
    strategy: &str,
    field: &'static str,
    holds: bool,
    expected: &str,
    found: impl ToString,
) -> Result<()> {
    if holds {
        Ok(())
    } else {
        Err(Error::setting(strategy, field, expected, found))
    }
}

/// Checks that scores can be compared.
///
/// # Errors
/// Refuses an empty list and values that are not finite.
pub fn check_scores(name: &str, scores: &[f64]) -> Result<()> {
    if scores.is_empty() {
        return Err(Error::observation(name, "one score per unit", "none"));
    }
    match scores.iter().position(|s| !s.is_finite()) {
        Some(unit) => Err(Error::observation(
            name,
            "finite scores",
            format!("{} for unit {unit}", scores[unit]),
        )),
        None => Ok(()),
    }
}
