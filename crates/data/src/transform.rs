//! Normalisation: one transform for all splits of a set.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::info::Split;

/// Which normalisation a set is to be loaded with.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum TransformChoice {
    /// (unit − `mean`) ÷ `std`, where unit is the pixel ÷ 255, the same for every channel.
    Standardise {
        /// What is taken away.
        mean: f64,
        /// What is divided by.
        std: f64,
    },
    /// unit − 0.5.
    Centre,
    /// The pixel ÷ 255 and nothing more.
    Unit,
    /// Mean 0 and variance 1 of every channel (images) or numeric column (tables) over the
    /// training split.
    Fitted,
    /// The numbers of a table as they stand.
    AsIs,
    /// A fault kept by name, to show its effect: training and validation as [`Self::Centre`],
    /// test wrongly as unit × 0.5.
    LegacyTestHalved,
}

impl TransformChoice {
    /// The constants that are usual for MNIST, used for Fashion-MNIST and glyphs as well.
    pub const MNIST: Self = Self::Standardise {
        mean: 0.1307,
        std: 0.3081,
    };
    /// The constants used for CIFAR-10, the same for all three channels.
    pub const HALF: Self = Self::Standardise { mean: 0.5, std: 0.5 };
}

/// What is taken away from one channel or column, and what the rest is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Channel {
    /// What is taken away.
    pub mean: f64,
    /// What is divided by.
    pub std: f64,
}

impl Channel {
    /// Leaves a number as it is.
    pub(crate) const IDENTITY: Self = Self { mean: 0.0, std: 1.0 };

    /// Normalises a number: computed in 64 bits, rounded once to 32.
    #[must_use]
    pub fn apply(&self, number: f64) -> f32 {
        ((number - self.mean) / self.std) as f32
    }
}

/// The normalisation of a loaded set.
///
/// # Method
/// A raw number x of channel c becomes (x ÷ divisor − mean_c) ÷ std_c, computed in 64 bits and
/// rounded once to 32. Channels repeat along the row: one for grey images, three for colour
/// images (channels last), one a column for tables. The constants are fixed beforehand or
/// fitted on the training split, and the same for every split (but for the fault that
/// [`TransformChoice::LegacyTestHalved`] keeps).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transform {
    choice: TransformChoice,
    divisor: f64,
    channels: Vec<Channel>,
    legacy_test: Option<Channel>,
}

/// Raw rows before normalisation.
#[derive(Clone, Debug)]
pub(crate) enum Raw {
    /// Bytes that begin `start` bytes into a file.
    Bytes { file: Vec<u8>, start: usize },
    /// Numbers of a table.
    Numbers(Vec<f64>),
}

/// How a set's raw numbers are to be understood.
#[derive(Clone, Debug)]
pub(crate) struct Scale {
    /// What makes a raw number a unit number: 255 for pixels, 1 for tables.
    pub divisor: f64,
    /// Channels that repeat along a row; every column for tables.
    pub channels: usize,
    /// Columns that [`TransformChoice::Fitted`] leaves as they are, such as flags.
    pub untouched: Vec<bool>,
}

impl Transform {
    pub(crate) fn new(
        set: &str,
        choice: TransformChoice,
        scale: &Scale,
        raw: &Raw,
        width: usize,
        train: &[usize],
    ) -> Result<Self> {
        let pixels = scale.divisor != 1.0;
        let fits = match choice {
            TransformChoice::Fitted => true,
            TransformChoice::AsIs => !pixels,
            TransformChoice::Standardise { std, .. } => pixels && std > 0.0,
            _ => pixels,
        };
        if !fits {
            return Err(Error::Option {
                set: set.to_owned(),
                option: "transform",
                expected: if pixels {
                    "Standardise with a positive std, Centre, Unit, Fitted or LegacyTestHalved".to_owned()
                } else {
                    "Fitted or AsIs, as the set is a table".to_owned()
                },
                found: format!("{choice:?}"),
            });
        }
        let channels = match choice {
            TransformChoice::Standardise { mean, std } => {
                vec![Channel { mean, std }; scale.channels]
            }
            TransformChoice::Centre | TransformChoice::LegacyTestHalved => {
                vec![Channel { mean: 0.5, std: 1.0 }; scale.channels]
            }
            TransformChoice::Unit | TransformChoice::AsIs => {
                vec![Channel::IDENTITY; scale.channels]
            }
            TransformChoice::Fitted => fit(scale, raw, width, train),
        };
        let halved = Channel { mean: 0.0, std: 2.0 };
        Ok(Self {
            choice,
            divisor: scale.divisor,
            channels,
            legacy_test: (choice == TransformChoice::LegacyTestHalved).then_some(halved),
        })
    }

    /// Says which normalisation this is.
    #[must_use]
    pub fn choice(&self) -> TransformChoice {
        self.choice
    }

    /// Gives the constants of every channel or column.
    #[must_use]
    pub fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// Says whether all splits are treated alike.
    #[must_use]
    pub fn is_same_for_all_splits(&self) -> bool {
        self.legacy_test.is_none()
    }

    /// Normalises one raw number of the given column.
    #[must_use]
    pub fn apply(&self, split: Split, column: usize, raw: f64) -> f32 {
        let channel = self.channel(split, column % self.channels.len());
        channel.apply(raw / self.divisor)
    }

    /// Gives back the raw number (a pixel for images) of a normalised one.
    #[must_use]
    pub fn restore(&self, split: Split, column: usize, normalised: f32) -> f64 {
        let Channel { mean, std } = self.channel(split, column % self.channels.len());
        (f64::from(normalised) * std + mean) * self.divisor
    }

    fn channel(&self, split: Split, channel: usize) -> Channel {
        match self.legacy_test {
            Some(fault) if split == Split::Test => fault,
            _ => self.channels[channel],
        }
    }

    pub(crate) fn rows(&self, split: Split, raw: &Raw, width: usize, rows: &[usize]) -> Vec<f32> {
        match raw {
            Raw::Bytes { file, start } => self.byte_rows(split, &file[*start..], width, rows),
            Raw::Numbers(numbers) => {
                let mut features = Vec::with_capacity(rows.len() * width);
                for &row in rows {
                    let row = &numbers[row * width..(row + 1) * width];
                    features.extend(row.iter().enumerate().map(|(c, &x)| self.apply(split, c, x)));
                }
                features
            }
        }
    }

    /// Bytes take only 256 values, so each channel becomes a table that is looked up. Two
    /// threads share the work, which writes four times the bytes it reads.
    fn byte_rows(&self, split: Split, bytes: &[u8], width: usize, rows: &[usize]) -> Vec<f32> {
        let tables: Vec<[f32; 256]> = (0..self.channels.len())
            .map(|c| std::array::from_fn(|byte| self.apply(split, c, byte as f64)))
            .collect();
        let mut features = vec![0.0; rows.len() * width];
        let half = rows.len() / 2;
        let (low, high) = features.split_at_mut(half * width);
        std::thread::scope(|scope| {
            scope.spawn(|| look_up(&tables, bytes, width, &rows[..half], low));
            look_up(&tables, bytes, width, &rows[half..], high);
        });
        features
    }
}

fn look_up(tables: &[[f32; 256]], bytes: &[u8], width: usize, rows: &[usize], into: &mut [f32]) {
    for (&row, features) in rows.iter().zip(into.chunks_exact_mut(width.max(1))) {
        let pixels = &bytes[row * width..(row + 1) * width];
        if let [table] = tables {
            for (feature, &pixel) in features.iter_mut().zip(pixels) {
                *feature = table[usize::from(pixel)];
            }
        } else {
            let channels = tables.iter().cycle();
            for ((feature, &pixel), table) in features.iter_mut().zip(pixels).zip(channels) {
                *feature = table[usize::from(pixel)];
            }
        }
    }
}

/// Mean and standard deviation (divisor n) of every channel over the training rows. A
/// constant channel keeps std 1, so that it becomes 0 everywhere instead of infinite.
fn fit(scale: &Scale, raw: &Raw, width: usize, train: &[usize]) -> Vec<Channel> {
    let number = |row: usize, column: usize| match raw {
        Raw::Bytes { file, start } => f64::from(file[start + row * width + column]) / scale.divisor,
        Raw::Numbers(numbers) => numbers[row * width + column] / scale.divisor,
    };
    let fit_channel = |channel: usize| {
        if scale.untouched.get(channel).copied().unwrap_or(false) {
            return Channel::IDENTITY;
        }
        let columns = || (channel..width).step_by(scale.channels);
        let n = (train.len() * columns().count()) as f64;
        let total = |f: &dyn Fn(f64) -> f64| -> f64 {
            train
                .iter()
                .map(|&row| columns().map(|column| f(number(row, column))).sum::<f64>())
                .sum()
        };
        let mean = total(&|x| x) / n;
        let std = (total(&|x| (x - mean).powi(2)) / n).sqrt();
        Channel {
            mean,
            std: if std > 0.0 { std } else { 1.0 },
        }
    };
    (0..scale.channels).map(fit_channel).collect()
}

#[cfg(test)]
mod tests;
