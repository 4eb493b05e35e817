//! Training or evaluation.

/// Whether normalisation and dropout behave as in training or as in evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Batch statistics, dropout active.
    Train,
    /// Running statistics, dropout off.
    Eval,
}
