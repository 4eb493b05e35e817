//! Statistics over paired seeds, built from quantities; words and number come from the same place.

mod evidence;

use std::fmt;
use std::rc::Rc;

use espalier_report::statistics::Estimate;

use crate::bound::{Bound, Evaluate};
use crate::factor::{Factor, Where};
use crate::quantity::Quantity;
use crate::study::{Nets, Study};
use crate::{Error, Result};

/// How a quantity of several arms becomes one number of a seed.
pub(crate) enum Over<T> {
    /// The only arm.
    One,
    /// The mean over arms.
    Mean,
    /// The arm with the smallest level.
    First(Factor),
    /// The arm with the largest level.
    Last(Factor),
    /// A measure of how it follows a factor, within each stratum.
    Trend(Factor, Measure),
    /// The rank correlation with another quantity over the levels of a factor, within each stratum.
    With(Box<Quantity<T>>, Factor),
    /// What the arms have where an outcome of theirs equals that of other arms.
    Matched(Box<Quantity<T>>, Where),
}

espalier_report::named! {
    /// How a quantity follows a factor.
    pub enum Measure {
        /// The slope of the least-squares line.
        Slope = "slope",
        /// The slope of the least-squares line between logarithms: the exponent of a power law.
        Exponent = "exponent",
        /// Spearman's rank correlation.
        Rank = "rank",
        /// The level with the largest value.
        Argmax = "argmax",
    }
}

/// How a statistic's number is read off a figure: by the key of its quantity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// As a value of the quantity.
    Level(String),
    /// As the slope of a line of the quantity.
    Slope(String),
    /// As a difference of two values of the quantity.
    Difference(String),
    /// Not at all.
    Apart,
}

enum Form<T> {
    Term(Quantity<T>, Where, Over<T>),
    Less(Box<Statistic<T>>, Box<Statistic<T>>),
    Over(Box<Statistic<T>>, Box<Statistic<T>>),
    Custom(String, Where, Evaluate<T>, &'static str),
}

/// A number of paired seeds that can say what it is.
#[must_use]
pub struct Statistic<T> {
    form: Form<T>,
}

impl<T> Quantity<T> {
    fn term(&self, arms: &Where, over: Over<T>) -> Statistic<T> {
        Statistic {
            form: Form::Term(*self, arms.clone(), over),
        }
    }

    /// The quantity of the only arm that is chosen.
    pub fn at(&self, arms: &Where) -> Statistic<T> {
        self.term(arms, Over::One)
    }

    /// The quantity of one side less that of another, each of its only arm that a choice, such as a level, leaves over.
    pub fn lead(&self, side: &Where, other: &Where) -> impl Fn(&Where) -> Statistic<T> + use<T> {
        let (own, side, other) = (*self, side.clone(), other.clone());
        move |level| own.at(&side.also(level)).less(own.at(&other.also(level)))
    }

    /// Its mean over the chosen arms.
    pub fn mean_over(&self, arms: &Where) -> Statistic<T> {
        self.term(arms, Over::Mean)
    }

    /// The quantity of the arm with the smallest level of a factor.
    pub fn first(&self, factor: &Factor, arms: &Where) -> Statistic<T> {
        self.term(arms, Over::First(*factor))
    }

    /// The quantity of the arm with the largest level of a factor.
    pub fn last(&self, factor: &Factor, arms: &Where) -> Statistic<T> {
        self.term(arms, Over::Last(*factor))
    }

    /// The slope of its least-squares line over a factor, within seed and stratum.
    pub fn slope_over(&self, factor: &Factor, arms: &Where) -> Statistic<T> {
        self.term(arms, Over::Trend(*factor, Measure::Slope))
    }

    /// The level of a factor at which it is largest, within seed and stratum; the first of equals.
    pub fn argmax_over(&self, factor: &Factor, arms: &Where) -> Statistic<T> {
        self.term(arms, Over::Trend(*factor, Measure::Argmax))
    }

    /// Its rank correlation with another quantity over the levels of a factor, within seed and stratum.
    pub fn spearman_with(&self, other: &Self, factor: &Factor, arms: &Where) -> Statistic<T> {
        self.term(arms, Over::With(Box::new(*other), *factor))
    }

    pub(crate) fn trend_over(&self, factor: &Factor, measure: Measure, arms: &Where) -> Statistic<T> {
        self.term(arms, Over::Trend(*factor, measure))
    }

    /// What the chosen arms have where their `outcome` (a size, MACs) equals that of the arm `of`.
    ///
    /// # Method
    /// Linear interpolation over the logarithm of the outcome within each seed; NaN where the outcome of `of` lies
    /// outside what the chosen arms span: nothing is extrapolated.
    pub fn at_equal(&self, outcome: &Quantity<T>, arms: &Where, of: &Where) -> Statistic<T> {
        self.term(arms, Over::Matched(Box::new(*outcome), of.clone()))
    }
}

impl<T> Statistic<T> {
    /// The difference from another statistic, within each seed.
    pub fn less(self, other: Self) -> Self {
        Self {
            form: Form::Less(Box::new(self), Box::new(other)),
        }
    }

    /// The ratio to another statistic, within each seed.
    pub fn over(self, other: Self) -> Self {
        Self {
            form: Form::Over(Box::new(self), Box::new(other)),
        }
    }

    /// Any statistic of all seeds, in given words; the arms that it looks at must be chosen.
    pub fn custom(words: impl Into<String>, arms: &Where, of: impl Fn(&[&Nets<T>]) -> f64 + 'static) -> Self {
        Self {
            form: Form::Custom(words.into(), arms.clone(), Evaluate::Seeds(Rc::new(of), 1), ""),
        }
    }

    /// Any number of each seed, in given words; the arms that it looks at must be chosen.
    pub fn of_seed(words: impl Into<String>, arms: &Where, of: impl Fn(&Nets<T>) -> f64 + 'static) -> Self {
        Self {
            form: Form::Custom(words.into(), arms.clone(), Evaluate::Seed(Rc::new(of)), ""),
        }
    }

    /// Gives the unit of a statistic in given words; any other has that of its quantity.
    pub fn in_unit(mut self, unit: &'static str) -> Self {
        if let Form::Custom(.., own) = &mut self.form {
            *own = unit;
        }
        self
    }

    /// Says that a statistic of all seeds in given words is defined for so many seeds or more: with fewer its claim is
    /// inconclusive, and awaits them.
    pub fn of_at_least(mut self, seeds: usize) -> Self {
        if let Form::Custom(_, _, Evaluate::Seeds(_, least), _) = &mut self.form {
            *least = seeds;
        }
        self
    }

    /// The unit of its number; empty for correlations, exponents and what is custom.
    #[must_use]
    pub fn unit(&self) -> &'static str {
        match &self.form {
            Form::Term(_, _, Over::With(..) | Over::Trend(_, Measure::Rank | Measure::Exponent | Measure::Slope)) => "",
            Form::Term(_, _, Over::Trend(factor, Measure::Argmax)) => factor.unit,
            Form::Term(quantity, ..) => quantity.unit,
            Form::Less(left, _) => left.unit(),
            Form::Custom(.., unit) => unit,
            Form::Over(..) => "",
        }
    }

    /// Whether it sets two sides against each other.
    pub(crate) fn compares(&self) -> bool {
        matches!(self.form, Form::Less(..) | Form::Over(..))
    }

    /// Whether it is the ratio of two numbers.
    pub(crate) fn is_ratio(&self) -> bool {
        matches!(self.form, Form::Over(..))
    }

    /// How its number is read off a figure.
    pub(crate) fn reading(&self) -> Reading {
        match &self.form {
            Form::Term(quantity, _, Over::Trend(_, Measure::Slope)) => Reading::Slope(quantity.key.to_owned()),
            Form::Term(quantity, _, Over::One | Over::Mean | Over::First(_) | Over::Last(_) | Over::Matched(..)) => {
                Reading::Level(quantity.key.to_owned())
            }
            Form::Less(left, _) => match left.reading() {
                Reading::Level(key) => Reading::Difference(key),
                _ => Reading::Apart,
            },
            Form::Term(..) | Form::Over(..) | Form::Custom(..) => Reading::Apart,
        }
    }
}

impl<T: 'static> Statistic<T> {
    /// Looks up its arms; `None` where the study has none of them.
    ///
    /// # Errors
    /// [`Error::Statistic`] where one arm is meant and several are chosen.
    pub(crate) fn bind(&self, study: &Study<T>) -> Result<Option<Bound<T>>> {
        match &self.form {
            Form::Term(quantity, arms, over) => self.term(study, *quantity, arms, over),
            Form::Less(left, right) => self.both(study, left, right, |a, b, _| a - b),
            Form::Over(left, right) => self.both(
                study,
                left,
                right,
                |a, b, least| {
                    if b.abs() < least { f64::NAN } else { a / b }
                },
            ),
            Form::Custom(_, arms, of, _) => {
                let arms = study.chosen(arms);
                let bound = Bound::new(arms, Vec::new(), of.clone());
                Ok((!bound.left.is_empty()).then_some(bound))
            }
        }
    }

    /// Both sides, joined; the last number is the least that a size of the right one counts for, below which it is closed.
    fn both(
        &self,
        study: &Study<T>,
        left: &Self,
        right: &Self,
        join: fn(f64, f64, f64) -> f64,
    ) -> Result<Option<Bound<T>>> {
        let (Some(left), Some(right)) = (left.bind(study)?, right.bind(study)?) else {
            return Ok(None);
        };
        let least = right.closed().map_or(0.0, |course| course.least());
        let joined = left.against(right, move |a, b| join(a, b, least));
        let refuse = || self.refuse("expected a number of each seed, found one of all seeds");
        joined.map(Some).ok_or_else(refuse)
    }

    fn term(&self, study: &Study<T>, quantity: Quantity<T>, arms: &Where, over: &Over<T>) -> Result<Option<Bound<T>>> {
        let mut arms = study.chosen(arms);
        if arms.is_empty() {
            return Ok(None);
        }
        Ok(Some(match over {
            Over::One => Bound::mean(quantity, self.only(arms)?),
            Over::Mean => Bound::mean(quantity, arms),
            Over::First(factor) | Over::Last(factor) => {
                let last = matches!(over, Over::Last(_));
                let levels = arms.iter().map(|arm| arm.number(factor));
                let end = levels.fold(f64::NAN, if last { f64::max } else { f64::min });
                arms.retain(|arm| arm.number(factor) == end);
                Bound::mean(quantity, self.only(arms)?)
            }
            Over::Trend(factor, measure) => Bound::trend(quantity, None, *factor, *measure, arms),
            Over::With(other, factor) => Bound::trend(quantity, Some(**other), *factor, Measure::Rank, arms),
            Over::Matched(outcome, of) => {
                let of = study.chosen(of);
                if of.is_empty() {
                    return Ok(None);
                }
                let of = self.only(of)?.remove(0);
                Bound::matched(quantity, **outcome, arms, of)
            }
        }))
    }

    fn only(&self, arms: Vec<crate::Arm>) -> Result<Vec<crate::Arm>> {
        if arms.len() == 1 {
            return Ok(arms);
        }
        let names: Vec<&str> = arms.iter().map(|arm| arm.name.as_str()).collect();
        Err(self.refuse(&format!(
            "expected one arm, found {} ({})",
            arms.len(),
            names.join(", ")
        )))
    }

    fn refuse(&self, reason: &str) -> Error {
        Error::Statistic {
            statistic: self.to_string(),
            reason: reason.to_owned(),
        }
    }
}

/// Says what the number is.
impl<T> fmt::Display for Statistic<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (quantity, arms, over) = match &self.form {
            Form::Term(quantity, arms, over) => (quantity.name, arms, over),
            Form::Less(left, right) => return write!(f, "{left} less {right}"),
            Form::Over(left, right) => return write!(f, "{left} over {right}"),
            Form::Custom(words, ..) => return f.write_str(words),
        };
        match over {
            Over::One => write!(f, "{quantity} ({arms})"),
            Over::Mean if quantity.starts_with("mean ") => write!(f, "average {quantity} over the arms ({arms})"),
            Over::Mean => write!(f, "mean {quantity} over the arms ({arms})"),
            Over::First(factor) => write!(f, "{quantity} at the smallest {} ({arms})", factor.name),
            Over::Last(factor) => write!(f, "{quantity} at the largest {} ({arms})", factor.name),
            Over::Trend(factor, measure) => {
                let name = factor.name;
                match measure {
                    Measure::Slope => write!(f, "slope of {quantity} over {name} ({arms})"),
                    Measure::Exponent => write!(f, "exponent of {quantity} over {name} ({arms})"),
                    Measure::Rank => write!(f, "rank correlation of {quantity} with {name} ({arms})"),
                    Measure::Argmax => write!(f, "{name} with the largest {quantity} ({arms})"),
                }
            }
            Over::With(other, factor) => {
                write!(
                    f,
                    "rank correlation of {quantity} with {} over {} ({arms})",
                    other.name, factor.name
                )
            }
            Over::Matched(outcome, of) => write!(f, "{quantity} ({arms}) at the {} of ({of})", outcome.name),
        }
    }
}

/// A statistic's number with its interval on one data set.
impl<T: 'static> Study<T> {
    /// Estimates a statistic over the seeds of a data set, a value of a quantity with the resamples of [`Study::of_arm`]; `None` where it has no arm or a seed has no number.
    ///
    /// # Errors
    /// [`Error::Statistic`] where one arm is meant and several are chosen; as the bootstrap.
    pub fn estimate(&self, set: &str, stream: &str, statistic: &Statistic<T>) -> Result<Option<Estimate>> {
        let Some(bound) = statistic.bind(self)? else {
            return Ok(None);
        };
        let stream = match statistic.reading() {
            Reading::Level(key) => key,
            _ => stream.to_owned(),
        };
        self.set(set)?.estimate(&bound, &self.bootstrap(set, &stream))
    }
}
