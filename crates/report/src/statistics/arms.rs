//! Arms of an experiment under paired seeds: how good each is, and against a reference.

use espalier_seed::Seed;

use super::sample::{check, difference, raw_iqm, raw_mean};
use super::{Bootstrap, Estimate, Permutation, holm};
use crate::{Error, Result};

/// One score per arm and seed; all arms have the same seeds, in the same order.
#[derive(Clone, Debug, PartialEq)]
pub struct Arms {
    names: Vec<String>,
    scores: Vec<Vec<f64>>,
}

/// An arm set against a reference, paired by seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Contrast {
    /// The arm.
    pub arm: String,
    /// Interquartile mean of arm − reference over seeds.
    pub difference: Estimate,
    /// The share of seeds on which the arm scores more than the reference, ties counting half.
    pub improvement: Estimate,
    /// The two-sided sign-flip test's p-value.
    pub p: f64,
    /// The same after Holm's correction over all arms that were set against the reference.
    pub p_holm: f64,
}

impl Arms {
    /// Takes each arm's scores.
    ///
    /// A diverged trial needs a score too, the worst outcome (accuracy 0, loss ∞): leaving it out
    /// would flatter its arm. NaN stands for a trial that was not run: what rests on it has no number.
    ///
    /// # Errors
    /// [`Error::TooFew`] without arms or seeds, [`Error::Unpaired`] when arms differ in their
    /// number of seeds.
    pub fn new(scores: Vec<(String, Vec<f64>)>) -> Result<Self> {
        let what = "scores of arms";
        let seeds = scores.first().map_or(0, |(_, scores)| scores.len());
        check(what, &vec![0.0; scores.len()], 1)?;
        for (_, scores) in &scores {
            if scores.len() != seeds {
                return Err(Error::Unpaired {
                    what,
                    left: seeds,
                    right: scores.len(),
                });
            }
            check(what, scores, 1)?;
        }
        let (names, scores) = scores.into_iter().unzip();
        Ok(Self { names, scores })
    }

    /// The arms' names, in the given order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of seeds that every arm has.
    #[must_use]
    pub fn seeds(&self) -> usize {
        self.scores.first().map_or(0, Vec::len)
    }

    /// One arm's scores.
    ///
    /// # Errors
    /// [`Error::Option`] when there is no such arm.
    pub fn scores(&self, arm: &str) -> Result<&[f64]> {
        let place = self.names.iter().position(|name| name == arm);
        place
            .map(|place| self.scores[place].as_slice())
            .ok_or_else(|| Error::Option {
                what: "arm",
                expected: "the name of an arm that was run",
                found: format!("`{arm}` (there are {})", self.names.join(", ")),
            })
    }

    /// Estimates each arm's interquartile mean over seeds.
    ///
    /// # Errors
    /// As [`Bootstrap::over_seeds_or_point`].
    pub fn estimates(&self, bootstrap: &Bootstrap) -> Result<Vec<Estimate>> {
        self.scores.iter().map(|scores| middle(bootstrap, scores)).collect()
    }

    /// Sets every other arm against the reference.
    ///
    /// # Errors
    /// [`Error::Option`] when there is no such arm; as the bootstrap and the test.
    pub fn contrasts(&self, reference: &str, seed: &Seed) -> Result<Vec<Contrast>> {
        let base = self.scores(reference)?;
        let bootstrap = Bootstrap::new(seed);
        let mut contrasts = Vec::new();
        for (arm, scores) in self.names.iter().zip(&self.scores) {
            if arm == reference {
                continue;
            }
            let differences: Vec<f64> = scores.iter().zip(base).map(|(a, b)| difference(*a, *b)).collect();
            contrasts.push(Contrast {
                arm: arm.clone(),
                difference: middle(&bootstrap, &differences)?,
                improvement: bootstrap.paired_improvement(scores, base)?,
                p: Permutation::new(seed).paired(scores, base)?.p_value,
                p_holm: 1.0,
            });
        }
        let corrected = holm(&contrasts.iter().map(|c| c.p).collect::<Vec<_>>())?;
        for (contrast, p) in contrasts.iter_mut().zip(corrected) {
            contrast.p_holm = p;
        }
        Ok(contrasts)
    }
}

fn middle(bootstrap: &Bootstrap, values: &[f64]) -> Result<Estimate> {
    bootstrap.over_seeds_or_point(values, |picked| {
        raw_iqm(&picked.iter().map(|value| **value).collect::<Vec<_>>())
    })
}

/// A configuration that was tried for an arm, with its validation score per seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// The arm.
    pub arm: String,
    /// The configuration, for instance `rate 0.001`.
    pub configuration: String,
    /// Scores on the validation split, more is better.
    pub validation: Vec<f64>,
}

/// The configuration by which an arm is judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The arm.
    pub arm: String,
    /// The chosen configuration.
    pub configuration: String,
    /// Its mean validation score over seeds.
    pub validation: f64,
}

/// Chooses each arm's configuration by its mean validation score; ties go to the first, and a score that is no number
/// (of a configuration that was not run) loses against every other.
///
/// # Errors
/// [`Error::TooFew`] without anything tried, [`Error::Undefined`] when arms tried different numbers of configurations: the arm with more
/// tries would be favoured.
pub fn choose(tried: &[Tried]) -> Result<Vec<Choice>> {
    let what = "choice of configurations";
    let mut choices: Vec<(Choice, usize)> = Vec::new();
    for one in tried {
        check(what, &one.validation, 1)?;
        let choice = Choice {
            arm: one.arm.clone(),
            configuration: one.configuration.clone(),
            validation: raw_mean(&one.validation),
        };
        match choices.iter_mut().find(|(known, _)| known.arm == one.arm) {
            Some((best, count)) => {
                *count += 1;
                if choice.validation > best.validation || (best.validation.is_nan() && !choice.validation.is_nan()) {
                    *best = choice;
                }
            }
            None => choices.push((choice, 1)),
        }
    }
    let Some(first) = choices.first() else {
        return Err(Error::TooFew {
            what,
            needed: 1,
            found: 0,
        });
    };
    if let Some(other) = choices.iter().find(|(_, count)| *count != first.1) {
        let reason = format!(
            "expected equally many per arm, found {} for `{}` and {} for `{}`",
            first.1, first.0.arm, other.1, other.0.arm
        );
        return Err(Error::Undefined { what, reason });
    }
    Ok(choices.into_iter().map(|(choice, _)| choice).collect())
}
