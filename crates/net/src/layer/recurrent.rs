//! Recurrent layers, which networks here do not have: their kinds, and why.

use std::fmt;

use crate::error::Error;

/// A recurrent layer, as PyTorch names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recurrent {
    /// `torch.nn.RNN`: one weight for each unit and input.
    Rnn,
    /// `torch.nn.GRU`: reset gate, update gate and candidate.
    Gru,
    /// `torch.nn.LSTM`: input, forget and output gate and the candidate.
    Lstm,
}

/// Why there are none.
const REASON: &str = "its units read their own past, so that a unit's fan-out is part of its fan-in, and the engine has no edit \
                      that keeps the function over a sequence; train it elsewhere, or use dense and convolutional layers";

impl Recurrent {
    /// The kind whose weights make so many rows for each unit: 1, 3 or 4.
    pub(crate) fn of_rows(rows: usize) -> Option<Self> {
        match rows {
            1 => Some(Self::Rnn),
            3 => Some(Self::Gru),
            4 => Some(Self::Lstm),
            _ => None,
        }
    }

    pub(crate) fn refused(self, layer: &str) -> Error {
        Error::unsupported(layer, self.to_string(), REASON)
    }
}

impl fmt::Display for Recurrent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rnn => "RNN",
            Self::Gru => "GRU",
            Self::Lstm => "LSTM",
        })
    }
}
