//! What a typed claim declares of itself, for the page and for `summary.json`.

use serde::{Deserialize, Serialize};

use super::evidence::Evidence;
use super::verdict::Margin;

/// What a claim compares, in words that come from the comparison itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Declaration {
    /// The kind of claim, for instance `superiority`.
    pub kind: String,
    /// What is compared; `None` where a claim is about one side alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contrast: Option<Contrast>,
    /// The groups within which a trend is looked for, or the levels each of which must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strata: Vec<String>,
    /// The claims that answer one question with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<FamilyPlace>,
    /// Whether it repeats a study's claim; else it is an expectation of ours.
    pub reproduction: bool,
    /// What was set otherwise than in the study.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unlike_the_study: Vec<String>,
    /// The figure that shows it; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub figure: String,
    /// What a reader must know beside the verdict, for instance which rival is closest; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remark: String,
    /// Where the claim holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Margin>,
    /// What its statistics are computed from, one for each rival or level.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// The paired seeds that its statistic takes, where those are more than there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seeds_needed: Option<usize>,
    /// Whether it can only come out so by the way its arms are built: no seed is added for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub built_in: bool,
}

/// The two sides of a comparison and the one thing in which they are meant to differ.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Contrast {
    /// The arms on the first side.
    pub left: Vec<String>,
    /// The arms on the second side.
    pub right: Vec<String>,
    /// The declared cause.
    pub cause: String,
    /// All settings in which the sides do differ.
    pub differs: Vec<String>,
}

/// A claim's place in its family.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FamilyPlace {
    /// The question that the family answers.
    pub name: String,
    /// How many claims of the family could be judged.
    pub size: usize,
    /// The level of the interval that the verdict rests on.
    pub level: f64,
    /// The two-sided sign-flip test's p-value, corrected as Holm does; `None` where the statistic has no null value.
    pub p_holm: Option<f64>,
    /// The least corrected p-value that so many seeds can give.
    pub p_floor: f64,
}

/// Why a claim has no verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Withheld {
    /// The sides differ in something else than the declared cause.
    Confounded,
    /// What the claim is about still moves when training ends.
    NotConverged,
    /// Trainings diverged.
    Diverged,
    /// A strategy that the claim is about changed nothing.
    NoEdit,
    /// True by the way it is built, and checked to be so.
    ByConstruction,
    /// There are no rows of it.
    NotRun,
    /// The rows do not settle it.
    Inconclusive,
}

impl Withheld {
    /// The word that stands in a verdict's place.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Confounded => "confounded",
            Self::NotConverged => "not converged",
            Self::Diverged => "diverged",
            Self::NoEdit => "made no edit",
            Self::ByConstruction => "by construction",
            Self::NotRun => "not run",
            Self::Inconclusive => "inconclusive",
        }
    }
}
