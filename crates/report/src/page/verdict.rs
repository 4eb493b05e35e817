//! What the rows say about a claim.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::declaration::Withheld;
use crate::statistics::{EDGE_DIGITS, Estimate, figures, figures_beside};

/// The least number of paired seeds from which a verdict other than "undecided" may come.
pub const LEAST_SEEDS: usize = 6;

/// What the rows say about a claim.
///
/// The variants cannot be written down outside this crate: a verdict comes from
/// [`Margin::judge`] or one of the constructors, that is from an estimate. To look at
/// one, match `Verdict::Confirmed { .. }` or ask [`Verdict::word`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub enum Verdict {
    /// The whole interval lies where the claim says.
    #[non_exhaustive]
    Confirmed,
    /// The whole interval lies where the claim says it does not.
    #[non_exhaustive]
    Refuted,
    /// The claim's number comes back only through a named flaw.
    #[non_exhaustive]
    Artefact {
        /// The flaw.
        reason: String,
    },
    /// The rows do not say.
    #[non_exhaustive]
    Undecided {
        /// Why not.
        reason: String,
    },
    /// There is no verdict, for a reason that has a word of its own.
    #[non_exhaustive]
    Withheld {
        /// The word.
        why: Withheld,
        /// What was found.
        reason: String,
    },
}

/// The side of a margin on which a claim holds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Margin {
    /// The claim holds above this value.
    GreaterThan(f64),
    /// The claim holds below this value.
    LessThan(f64),
    /// The claim holds from the first value to the second.
    Within(f64, f64),
    /// The claim holds below the first value or above the second.
    Outside(f64, f64),
}

impl fmt::Display for Margin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written(EDGE_DIGITS))
    }
}

impl Margin {
    /// The zone, its edges with so many digits.
    pub(super) fn written(&self, digits: usize) -> String {
        let at = |edge: &f64| figures(*edge, digits);
        match self {
            Self::GreaterThan(margin) => format!("> {}", at(margin)),
            Self::LessThan(margin) => format!("< {}", at(margin)),
            Self::Within(low, high) => format!("in [{}, {}]", at(low), at(high)),
            Self::Outside(low, high) => format!("outside [{}, {}]", at(low), at(high)),
        }
    }

    /// The same edges in another unit, so many times as large.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        match self {
            Self::GreaterThan(edge) => Self::GreaterThan(edge * factor),
            Self::LessThan(edge) => Self::LessThan(edge * factor),
            Self::Within(low, high) => Self::Within(low * factor, high * factor),
            Self::Outside(low, high) => Self::Outside(low * factor, high * factor),
        }
    }

    /// Judges an estimate that rests on `seeds` paired seeds.
    ///
    /// # Method
    /// Confirmed when the whole interval lies where the claim holds, refuted when the whole
    /// interval lies where it does not, undecided otherwise, with fewer than
    /// [`LEAST_SEEDS`] seeds, and when the estimate or an end of its interval is not a number.
    /// An end that lies on an edge but for rounding in single precision lies on it.
    #[must_use]
    pub fn judge(&self, estimate: &Estimate, seeds: usize) -> Verdict {
        if seeds < LEAST_SEEDS {
            let plural = if seeds == 1 { "" } else { "s" };
            return Verdict::undecided(&format!("{seeds} paired seed{plural}, a verdict needs {LEAST_SEEDS}"));
        }
        if estimate.low.is_nan() || estimate.high.is_nan() || estimate.value.is_nan() {
            return Verdict::undecided("the estimate is not a number");
        }
        let Estimate { low, high, .. } = estimate.on_edges(&self.edges());
        let (holds, fails) = match *self {
            Self::GreaterThan(margin) => (low > margin, high <= margin),
            Self::LessThan(margin) => (high < margin, low >= margin),
            Self::Within(from, to) => (low >= from && high <= to, high < from || low > to),
            Self::Outside(from, to) => (high < from || low > to, low >= from && high <= to),
        };
        match (holds, fails) {
            (true, _) => Verdict::Confirmed,
            (_, true) => Verdict::Refuted,
            _ => {
                let (ends, edges) = figures_beside(&[low, high], &self.crossed(low, high));
                let (ends, edges, meets) = (ends.join(", "), edges.join(" and "), self.meets(low, high));
                Verdict::undecided(&format!("the interval [{ends}] {meets} {edges}"))
            }
        }
    }
}

impl Margin {
    /// The edges of the zone.
    #[must_use]
    pub fn edges(&self) -> Vec<f64> {
        match *self {
            Self::GreaterThan(edge) | Self::LessThan(edge) => vec![edge],
            Self::Within(from, to) | Self::Outside(from, to) => vec![from, to],
        }
    }

    /// The edges that an interval crosses.
    #[must_use]
    pub fn crossed(&self, low: f64, high: f64) -> Vec<f64> {
        let mut edges = self.edges();
        edges.retain(|edge| (low..=high).contains(edge));
        edges
    }

    /// Whether an open interval `crosses` the edges that it meets, or `ends on` the only one, which belongs to the other side.
    #[must_use]
    pub fn meets(&self, low: f64, high: f64) -> &'static str {
        match *self.crossed(low, high) {
            [edge] if edge == low || edge == high => "ends on",
            _ => "crosses",
        }
    }
}

impl Verdict {
    /// Judges whether an estimate lies above a margin.
    #[must_use]
    pub fn greater_than(estimate: &Estimate, margin: f64, seeds: usize) -> Self {
        Margin::GreaterThan(margin).judge(estimate, seeds)
    }

    /// Judges whether an estimate lies below a margin.
    #[must_use]
    pub fn less_than(estimate: &Estimate, margin: f64, seeds: usize) -> Self {
        Margin::LessThan(margin).judge(estimate, seeds)
    }

    /// Judges whether an estimate lies from `low` to `high`.
    #[must_use]
    pub fn within(estimate: &Estimate, low: f64, high: f64, seeds: usize) -> Self {
        Margin::Within(low, high).judge(estimate, seeds)
    }

    /// Judges whether a claim owes its number to a flaw.
    ///
    /// # Method
    /// `flawed` is the estimate with the named flaw put in on purpose, `sound` the same
    /// without it. The claim is an artefact when `margin` holds for `flawed` and is refuted
    /// for `sound`. When `sound` confirms, the flaw was not needed: confirmed. Otherwise
    /// the verdict on `sound` stands, refuted or undecided, as the flaw does not explain
    /// the number either.
    #[must_use]
    pub fn artefact(flaw: &str, margin: Margin, flawed: &Estimate, sound: &Estimate, seeds: usize) -> Self {
        let with = margin.judge(flawed, seeds);
        match (with, margin.judge(sound, seeds)) {
            (Self::Confirmed, Self::Refuted) => Self::Artefact {
                reason: flaw.to_owned(),
            },
            (_, verdict) => verdict,
        }
    }

    /// Leaves a claim open, with the reason.
    #[must_use]
    pub fn undecided(reason: &str) -> Self {
        Self::Undecided {
            reason: reason.to_owned(),
        }
    }

    /// Gives no verdict, with the word for it and what was found.
    #[must_use]
    pub fn withheld(why: Withheld, reason: &str) -> Self {
        Self::Withheld {
            why,
            reason: reason.to_owned(),
        }
    }

    /// Says the verdict in one word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Refuted => "refuted",
            Self::Artefact { .. } => "artefact",
            Self::Undecided { .. } => "undecided",
            Self::Withheld { why, .. } => why.word(),
        }
    }

    /// Says the reason of an artefact or of a claim that is open for whatever cause.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Artefact { reason } | Self::Undecided { reason } | Self::Withheld { reason, .. } => Some(reason),
            _ => None,
        }
    }
}

/// Shows the word, and the reason where there is one.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason() {
            Some(reason) => write!(f, "{}: {reason}", self.word()),
            None => f.write_str(self.word()),
        }
    }
}
