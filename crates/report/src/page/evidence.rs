//! What a claim's number is computed from, so that other software can compute it again.

use serde::{Deserialize, Serialize};

/// One statistic of a claim: its inputs, and its number of each seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The rival or level; empty where the claim has one statistic.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// The seeds, in the order of all values.
    pub seeds: Vec<u64>,
    /// The number of each seed, of which the interquartile mean is taken; empty for a statistic of all seeds.
    pub values: Vec<Option<f64>>,
    /// What it is computed from.
    pub inputs: Inputs,
}

/// How the number of a seed comes from recorded nets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Inputs {
    /// The mean of a quantity over nets, often of one.
    Mean {
        /// The quantity's key.
        quantity: String,
        /// The nets.
        nets: Vec<Series>,
    },
    /// A measure of how a quantity follows a factor or another quantity, averaged over strata.
    Trend {
        /// The quantity's key.
        quantity: String,
        /// `slope`, `exponent`, `rank` or `argmax`.
        measure: String,
        /// The factor's name.
        factor: String,
        /// The nets by stratum.
        strata: Vec<Vec<Series>>,
    },
    /// A quantity interpolated to another net's outcome, linearly over the outcome's logarithm.
    Matched {
        /// The quantity's key.
        quantity: String,
        /// The outcome's key.
        outcome: String,
        /// The nets; `at` is their outcome.
        nets: Vec<Series>,
        /// The outcome at which the quantity is read off.
        place: Vec<Option<f64>>,
    },
    /// The difference of two numbers.
    Less {
        /// The first.
        left: Box<Self>,
        /// What is taken off.
        right: Box<Self>,
    },
    /// The ratio of two numbers.
    Over {
        /// The numerator.
        left: Box<Self>,
        /// The denominator.
        right: Box<Self>,
    },
    /// Something else, in words; only the numbers of the seeds can be looked at.
    Custom {
        /// The statistic.
        words: String,
    },
}

/// A quantity of one arm's nets, seed by seed; `None` where a net does not have it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// The arm's name.
    pub arm: String,
    /// The factor's level; `None` where none counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<f64>,
    /// What the quantity is set against, where that is not a level.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<Option<f64>>,
    /// The values.
    pub values: Vec<Option<f64>>,
}
