//! A study's claim beside our number.

use serde::{Deserialize, Serialize};

use super::declaration::{Declaration, Withheld};
use super::number::Display;
use super::verdict::{Margin, Verdict};
use crate::statistics::Estimate;

/// A study's claim, the statistic that tests it, our number and the verdict.
///
/// # Example
/// ```
/// use espalier_report::page::{Claim, Margin};
/// use espalier_report::statistics::Estimate;
///
/// let gain = Estimate { value: 0.02, low: 0.01, high: 0.03, n: 8, level: 0.95 };
/// let claim = Claim::new("B9", "splitting beats a net of the final shape")
///     .study("+7.15 points")
///     .statistic("paired difference of test accuracy, interquartile mean")
///     .unit("fraction")
///     .judged(gain, Margin::GreaterThan(0.0), 8);
/// assert_eq!(claim.verdict.word(), "confirmed");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// A short name, unique in its report.
    pub id: String,
    /// What the study claimed.
    pub text: String,
    /// The same in words that a reader takes in at once, where the text is the comparison itself; else empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub words: String,
    /// The study's number, in its own words; empty when it gave none.
    pub study_value: String,
    /// The statistic that tests the claim.
    pub statistic: String,
    /// Where the claim holds.
    pub margin: Option<Margin>,
    /// Our number; `None` when it was not measured.
    pub ours: Option<Estimate>,
    /// Our number's unit of measure.
    pub unit: String,
    /// How many paired seeds our number rests on.
    pub seeds: usize,
    /// What the rows say.
    pub verdict: Verdict,
    /// What the claim declares of itself; `None` for a sentence beside a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<Declaration>,
}

impl Claim {
    /// States a claim that nothing was measured for yet.
    #[must_use]
    pub fn new(id: &str, text: &str) -> Self {
        Self {
            id: id.to_owned(),
            text: text.to_owned(),
            words: String::new(),
            study_value: String::new(),
            statistic: String::new(),
            margin: None,
            ours: None,
            unit: String::new(),
            seeds: 0,
            verdict: Verdict::undecided("not measured"),
            declared: None,
        }
    }

    /// Adds the study's number.
    #[must_use]
    pub fn study(mut self, value: &str) -> Self {
        value.clone_into(&mut self.study_value);
        self
    }

    /// Adds words for a claim whose text is the comparison itself.
    #[must_use]
    pub fn words(mut self, words: &str) -> Self {
        words.clone_into(&mut self.words);
        self
    }

    /// Adds the statistic that tests the claim.
    #[must_use]
    pub fn statistic(mut self, statistic: &str) -> Self {
        statistic.clone_into(&mut self.statistic);
        self
    }

    /// Adds our number's unit of measure.
    #[must_use]
    pub fn unit(mut self, unit: &str) -> Self {
        unit.clone_into(&mut self.unit);
        self
    }

    /// Adds our number and judges it against the margin; a number that is not defined leaves the claim open.
    #[must_use]
    pub fn judged(mut self, ours: Estimate, margin: Margin, seeds: usize) -> Self {
        self.verdict = margin.judge(&ours, seeds);
        self.ours = Some(ours).filter(Estimate::is_defined);
        self.margin = Some(margin);
        self.seeds = seeds;
        self
    }

    /// Judges as [`Claim::judged`] where there is a number, and leaves the claim open where there is none.
    #[must_use]
    pub fn judged_if_defined(self, ours: Option<Estimate>, margin: Margin, seeds: usize) -> Self {
        match ours {
            Some(ours) => self.judged(ours, margin, seeds),
            None => self.open("the statistic is not defined on these rows"),
        }
    }

    /// Adds our number with and without a named flaw, and judges whether the claim owes its
    /// number to it (see [`Verdict::artefact`]); the number shown is the one without.
    #[must_use]
    pub fn judged_with_flaw(
        mut self,
        flaw: &str,
        [flawed, sound]: [Estimate; 2],
        margin: Margin,
        seeds: usize,
    ) -> Self {
        self.verdict = Verdict::artefact(flaw, margin, &flawed, &sound, seeds);
        self.ours = Some(sound).filter(Estimate::is_defined);
        self.margin = Some(margin);
        self.seeds = seeds;
        self
    }

    /// Leaves the claim open with a reason, for instance that an arm was not run.
    #[must_use]
    pub fn open(self, reason: &str) -> Self {
        self.without_verdict(Verdict::undecided(reason))
    }

    /// Leaves the claim open as the strategy that it is about made no edit in any of so many trials.
    #[must_use]
    pub fn made_no_edit(self, trials: usize) -> Self {
        self.without_verdict(Verdict::withheld(
            Withheld::NoEdit,
            &format!("in none of {trials} trials"),
        ))
    }

    /// Replaces the verdict by one that says why there is none; the number stays where there is one.
    #[must_use]
    pub fn without_verdict(mut self, why: Verdict) -> Self {
        self.verdict = why;
        self
    }

    /// How its numbers are shown.
    pub(super) fn display(&self) -> Display<'_> {
        let shown = Display::of_claim(&self.unit, &self.statistic, contrasts(self.declared.as_ref()));
        shown.built(self.verdict.word() == Withheld::ByConstruction.word())
    }
}

/// Whether a claim declares what it compares.
pub(super) fn contrasts(declared: Option<&Declaration>) -> bool {
    declared.is_some_and(|declared| declared.contrast.is_some())
}
