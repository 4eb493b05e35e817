//! What can go wrong when a metric is asked of observations that do not carry it.

/// Says why a metric could not be computed: what was tried, what it needs, what it found.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The number of values does not fit the stated shape.
    #[error("{what}: expected {expected}, found {found}")]
    Shape {
        /// The quantity that was being computed or observed.
        what: &'static str,
        /// The shape or length that was expected.
        expected: String,
        /// The length that was found.
        found: usize,
    },
    /// The sample is too small for the quantity to be defined.
    #[error("{what}: needs at least {needed} values, found {found}")]
    TooFew {
        /// The quantity that was being computed.
        what: &'static str,
        /// The smallest sample that will do.
        needed: usize,
        /// The size of the sample given.
        found: usize,
    },
    /// The sample is larger than the range for which the method is calibrated.
    #[error("{what}: calibrated for at most {most} values, found {found}; sub-sample it by name")]
    TooMany {
        /// The quantity that was being computed.
        what: &'static str,
        /// The largest sample that will do.
        most: usize,
        /// The size of the sample given.
        found: usize,
    },
    /// All values are equal, so that a spread, a shape or a correlation is undefined.
    #[error("{what}: undefined for a constant sample (every value is {value})")]
    Constant {
        /// The quantity that was being computed.
        what: &'static str,
        /// The one value.
        value: f64,
    },
    /// A value is NaN or infinite where only finite values make sense.
    #[error("{what}: expected finite values, found {value} at position {index}")]
    NotFinite {
        /// The quantity that was being computed.
        what: &'static str,
        /// Where the value stands in the slice.
        index: usize,
        /// The value.
        value: f64,
    },
    /// A value or an option lies outside the range on which the method is defined.
    #[error("{what}: expected {expected}, found {found}")]
    OutOfRange {
        /// The quantity or the option.
        what: &'static str,
        /// The range in words.
        expected: &'static str,
        /// The value that was found.
        found: f64,
    },
    /// A matrix decomposition did not converge.
    #[error("{what} of a {rows} x {columns} matrix did not converge")]
    Decomposition {
        /// The decomposition.
        what: &'static str,
        /// Rows of the matrix.
        rows: usize,
        /// Columns of the matrix.
        columns: usize,
    },
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;
