//! What a statistic is computed from, written down for other software.

use espalier_report::page::{Evidence, Inputs, Series};

use super::{Form, Measure, Over, Statistic};
use crate::arm::Arm;
use crate::factor::{Factor, Where};
use crate::quantity::Quantity;
use crate::study::{Set, Study};
use crate::{Error, Result};

impl<T: 'static> Study<T> {
    /// A statistic's inputs and its number of each seed; `None` where it has no arm.
    pub(crate) fn evidence(&self, set: &Set<T>, label: &str, statistic: &Statistic<T>) -> Result<Option<Evidence>> {
        let Some(bound) = statistic.bind(self)? else {
            return Ok(None);
        };
        Ok(Some(Evidence {
            label: label.to_owned(),
            seeds: set.seeds.iter().map(|nets| nets.seed).collect(),
            values: set.of_seeds(&bound).into_iter().map(finite).collect(),
            inputs: statistic.inputs(self, set)?,
        }))
    }
}

impl<T: 'static> Statistic<T> {
    fn inputs(&self, study: &Study<T>, set: &Set<T>) -> Result<Inputs> {
        let both = |left: &Self, right: &Self| -> Result<(Box<Inputs>, Box<Inputs>)> {
            Ok((Box::new(left.inputs(study, set)?), Box::new(right.inputs(study, set)?)))
        };
        Ok(match &self.form {
            Form::Term(quantity, arms, over) => self.of_term(study, set, quantity, arms, over)?,
            Form::Less(left, right) => {
                let (left, right) = both(left, right)?;
                Inputs::Less { left, right }
            }
            Form::Over(left, right) => {
                let (left, right) = both(left, right)?;
                Inputs::Over { left, right }
            }
            Form::Custom(words, ..) => Inputs::Custom { words: words.clone() },
        })
    }

    fn of_term(
        &self,
        study: &Study<T>,
        set: &Set<T>,
        quantity: &Quantity<T>,
        arms: &Where,
        over: &Over<T>,
    ) -> Result<Inputs> {
        let (key, unbound) = (quantity.key.to_owned(), || Error::Statistic {
            statistic: self.to_string(),
            reason: format!("no arm of the study is {arms}"),
        });
        let bound = self.bind(study)?.ok_or_else(unbound)?;
        let read = Reader { set, quantity };
        Ok(match over {
            Over::One | Over::Mean | Over::First(_) | Over::Last(_) => Inputs::Mean {
                quantity: key,
                nets: bound.left.iter().map(|arm| read.plain(arm)).collect(),
            },
            Over::Trend(factor, measure) => Inputs::Trend {
                quantity: key,
                measure: measure.name().to_owned(),
                factor: factor.name.to_owned(),
                strata: strata(&bound.strata, |arm| read.at_level(arm, factor)),
            },
            Over::With(other, factor) => Inputs::Trend {
                quantity: key,
                measure: Measure::Rank.name().to_owned(),
                factor: factor.name.to_owned(),
                strata: strata(&bound.strata, |arm| read.against(arm, other)),
            },
            Over::Matched(outcome, of) => Inputs::Matched {
                quantity: key,
                outcome: outcome.key.to_owned(),
                nets: bound.left.iter().map(|arm| read.against(arm, outcome)).collect(),
                place: study
                    .chosen(of)
                    .first()
                    .map_or_else(Vec::new, |arm| values(set, outcome, arm)),
            },
        })
    }
}

/// Reads a quantity of one data set.
struct Reader<'a, T> {
    set: &'a Set<T>,
    quantity: &'a Quantity<T>,
}

impl<T> Reader<'_, T> {
    fn plain(&self, arm: &Arm) -> Series {
        Series {
            arm: arm.name.clone(),
            level: None,
            at: Vec::new(),
            values: values(self.set, self.quantity, arm),
        }
    }

    fn at_level(&self, arm: &Arm, factor: &Factor) -> Series {
        Series {
            level: finite(arm.number(factor)),
            ..self.plain(arm)
        }
    }

    fn against(&self, arm: &Arm, other: &Quantity<T>) -> Series {
        Series {
            at: values(self.set, other, arm),
            ..self.plain(arm)
        }
    }
}

fn strata(arms: &[Vec<Arm>], series: impl Fn(&Arm) -> Series) -> Vec<Vec<Series>> {
    arms.iter()
        .map(|stratum| stratum.iter().map(&series).collect())
        .collect()
}

fn values<T>(set: &Set<T>, quantity: &Quantity<T>, arm: &Arm) -> Vec<Option<f64>> {
    set.values(&arm.name, quantity).into_iter().map(finite).collect()
}

/// JSON has neither NaN nor infinities.
fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
