//! What goes into a network that was trained on a set, and what comes out: enough to use it on rows that the set never had.

use serde::{Deserialize, Serialize};

use crate::info::TargetKind;
use crate::transform::{Channel, Scale, Transform};

/// How rows of a set's source become the inputs of a network, and what its outputs mean.
///
/// Loading a set goes by it, so that a row of the source that is encoded by it equals the set's own features.
///
/// # Example
/// ```
/// use espalier_data::{Inputs, LoadOptions, Outputs, Source, load};
///
/// let encoding = load("add10", &Source::default(), &LoadOptions::default())?.encoding.clone();
/// assert!(matches!(&encoding.inputs, Inputs::Table { inputs, .. } if inputs.len() == 10));
/// assert!(matches!(&encoding.outputs, Outputs::Values(values) if values[0].column == "y"));
/// # Ok::<(), espalier_data::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Encoding {
    /// What goes in.
    #[serde(flatten)]
    pub inputs: Inputs,
    /// What comes out.
    #[serde(flatten)]
    pub outputs: Outputs,
}

/// What the inputs of a network are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Inputs {
    /// Numbers made from the named columns of a table.
    Table {
        /// One entry for each input, in order; a column may have several.
        inputs: Vec<Input>,
        /// The texts, in small letters and without white space around them, that stand for a missing value, whatever
        /// the case of a cell. An empty cell (null) is the empty text.
        missing: Vec<String>,
    },
    /// Pixels, row by row, channels last.
    Image {
        /// Height, width and channels.
        shape: Vec<usize>,
        /// What a pixel is divided by, before its channel's mean is taken away.
        divisor: f64,
        /// The normalisation of each channel.
        channels: Vec<Channel>,
    },
}

/// One input of a network: what is taken of a column, less the mean, over the deviation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// The column's name; `x[3]` is the fourth column of an array `x`.
    pub column: String,
    /// What is taken of its cell.
    #[serde(flatten)]
    pub take: Take,
    /// The normalisation.
    #[serde(flatten)]
    pub channel: Channel,
}

/// What is taken of a cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "take", rename_all = "snake_case")]
pub enum Take {
    /// The number, or `fill` where it is missing; without a `fill` none is ever missing.
    Number {
        /// What stands for a missing number: the mean over the training rows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fill: Option<f64>,
    },
    /// 1 where the cell, without white space around it, is this text, else 0.
    Is {
        /// The text.
        value: String,
    },
    /// 1 where the cell is missing, else 0.
    Missing,
}

/// What the outputs of a network mean, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outputs {
    /// A score of each class; the largest names the class.
    Classes(Vec<String>),
    /// Values, each standardised.
    Values(Vec<Output>),
}

/// A value that is predicted: the output times the deviation, plus the mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// The column that it predicts.
    pub column: String,
    /// The column's scale.
    #[serde(flatten)]
    pub channel: Channel,
}

/// A cell of a table as read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cell<'a> {
    Number(f64),
    Word(&'a str),
    Missing,
}

impl Take {
    /// The number that a cell gives before normalisation; NaN where a number is missing that nothing stands for.
    pub(crate) fn number(&self, cell: Cell<'_>) -> f64 {
        match (self, cell) {
            (Self::Number { .. }, Cell::Number(number)) => number,
            (Self::Number { fill }, _) => fill.unwrap_or(f64::NAN),
            (Self::Is { value }, Cell::Word(word)) => flag(value == word),
            (Self::Is { .. }, _) => 0.0,
            (Self::Missing, cell) => flag(matches!(cell, Cell::Missing)),
        }
    }
}

fn flag(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

impl Input {
    /// An input that is not normalised yet.
    pub(crate) fn new(column: &str, take: Take) -> Self {
        Self {
            column: column.to_owned(),
            take,
            channel: Channel::IDENTITY,
        }
    }

    /// A number that no row lacks.
    pub(crate) fn number(column: &str) -> Self {
        Self::new(column, Take::Number { fill: None })
    }

    /// A flag for each of some texts.
    pub(crate) fn flags<'a>(
        column: &'a str,
        texts: impl IntoIterator<Item = String> + 'a,
    ) -> impl Iterator<Item = Self> + 'a {
        texts
            .into_iter()
            .map(move |value| Self::new(column, Take::Is { value }))
    }
}

impl Inputs {
    /// A table none of whose cells is missing.
    pub(crate) fn whole_table(inputs: impl IntoIterator<Item = Input>) -> Self {
        Self::Table {
            inputs: inputs.into_iter().collect(),
            missing: Vec::new(),
        }
    }

    /// Pixels of up to `divisor`.
    pub(crate) fn image(shape: &[usize], divisor: f64) -> Self {
        Self::Image {
            shape: shape.to_vec(),
            divisor,
            channels: vec![Channel::IDENTITY; shape.last().copied().unwrap_or(1)],
        }
    }

    pub(crate) fn is_image(&self) -> bool {
        matches!(self, Self::Image { .. })
    }

    /// The shape of a row.
    pub(crate) fn shape(&self) -> Vec<usize> {
        match self {
            Self::Table { inputs, .. } => vec![inputs.len()],
            Self::Image { shape, .. } => shape.clone(),
        }
    }

    /// How the raw numbers are to be understood; a fitted normalisation leaves flags as they are.
    pub(crate) fn scale(&self) -> Scale {
        match self {
            Self::Table { inputs, .. } => Scale {
                divisor: 1.0,
                channels: inputs.len(),
                untouched: inputs
                    .iter()
                    .map(|input| !matches!(input.take, Take::Number { .. }))
                    .collect(),
            },
            Self::Image { divisor, channels, .. } => Scale {
                divisor: *divisor,
                channels: channels.len(),
                untouched: Vec::new(),
            },
        }
    }

    /// The same inputs with the normalisation of a loaded set.
    pub(crate) fn normalised(mut self, transform: &Transform) -> Self {
        match &mut self {
            Self::Table { inputs, .. } => {
                for (input, channel) in inputs.iter_mut().zip(transform.channels()) {
                    input.channel = *channel;
                }
            }
            Self::Image { channels, .. } => *channels = transform.channels().to_vec(),
        }
        self
    }
}

impl Outputs {
    /// Classes by their names.
    pub(crate) fn classes<const N: usize>(names: [&str; N]) -> Self {
        Self::Classes(names.map(str::to_owned).to_vec())
    }

    /// The ten digits.
    pub(crate) fn digits() -> Self {
        Self::Classes((0..10).map(|digit| digit.to_string()).collect())
    }

    /// One value that is predicted as it stands.
    pub(crate) fn value(column: &str) -> Self {
        Self::Values(vec![Output {
            column: column.to_owned(),
            channel: Channel::IDENTITY,
        }])
    }

    pub(crate) fn kind(&self) -> TargetKind {
        match self {
            Self::Classes(names) => TargetKind::Classes(names.len()),
            Self::Values(values) => TargetKind::Regression(values.len()),
        }
    }
}

#[cfg(test)]
mod tests;
