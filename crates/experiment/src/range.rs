//! Which values a setting may have.

use std::fmt;

use crate::settings::Value;

/// Which rows a setting counts, whose number only the data set knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowsOf {
    /// The training split.
    Training,
    /// The test split.
    Test,
}

/// Which values a number, and how many of them a list, may have.
///
/// # Example
/// ```
/// use espalier_experiment::Range;
///
/// assert_eq!(Range::above(0.0).and_at_most(1.0).to_string(), "above 0, at most 1");
/// assert_eq!(Range::at_least(1.0).several(1..=64).distinct().to_string(), "each at least 1, all different, 1 to 64 of them");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    low: Low,
    most: f64,
    /// For lists: the least and the largest number of values.
    items: (usize, usize),
    order: Order,
    rows: Option<RowsOf>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Low {
    None,
    AtLeast(f64),
    Above(f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Any,
    Distinct,
    Ascending,
}

/// How many values a list may have where nothing else is said.
const MOST_ITEMS: usize = 1000;

impl Range {
    const ANY: Self = Self {
        low: Low::None,
        most: f64::INFINITY,
        items: (1, MOST_ITEMS),
        order: Order::Any,
        rows: None,
    };

    /// Passes over a training split.
    pub const EPOCHS: Self = Self::at_least(1.0).and_at_most(1e6);
    /// Samples per step.
    pub const BATCH: Self = Self::at_least(1.0).and_at_most(1e9);
    /// Units of a layer; what fits in memory is another question.
    pub const WIDTH: Self = Self::at_least(1.0);
    /// A learning rate: as large as a user likes, since divergence is an outcome.
    pub const RATE: Self = Self::above(0.0);
    /// The weight of a penalty.
    pub const WEIGHT: Self = Self::at_least(0.0);

    /// Allows this value and larger ones.
    #[must_use]
    pub const fn at_least(least: f64) -> Self {
        Self {
            low: Low::AtLeast(least),
            ..Self::ANY
        }
    }

    /// Allows values that are larger than this one.
    #[must_use]
    pub const fn above(least: f64) -> Self {
        Self {
            low: Low::Above(least),
            ..Self::ANY
        }
    }

    /// Allows values from one to another, both included.
    #[must_use]
    pub const fn between(least: f64, most: f64) -> Self {
        Self::at_least(least).and_at_most(most)
    }

    /// Allows the number of training rows in use: from 0, which is all, to as many as the data set has.
    #[must_use]
    pub const fn training_rows() -> Self {
        Self {
            rows: Some(RowsOf::Training),
            ..Self::at_least(0.0)
        }
    }

    /// Allows the number of test rows in use: from 0, which is all, to as many as the data set has.
    #[must_use]
    pub const fn test_rows() -> Self {
        Self {
            rows: Some(RowsOf::Test),
            ..Self::at_least(0.0)
        }
    }

    /// Allows no value above this one.
    #[must_use]
    pub const fn and_at_most(self, most: f64) -> Self {
        Self { most, ..self }
    }

    /// Allows a list so many values.
    #[must_use]
    pub const fn several(self, items: std::ops::RangeInclusive<usize>) -> Self {
        Self {
            items: (*items.start(), *items.end()),
            ..self
        }
    }

    /// Allows a list no value twice.
    #[must_use]
    pub const fn distinct(self) -> Self {
        Self {
            order: Order::Distinct,
            ..self
        }
    }

    /// Allows a list ascending values only, none twice.
    #[must_use]
    pub const fn ascending(self) -> Self {
        Self {
            order: Order::Ascending,
            ..self
        }
    }

    pub(crate) fn rows(&self) -> Option<RowsOf> {
        self.rows
    }

    /// Says whether a value lies within; texts, choices and flags always do.
    pub(crate) fn allows(&self, value: &Value) -> bool {
        match value {
            Value::Integer(value) => self.allows_number(*value as f64),
            Value::Float(value) => self.allows_number(*value),
            Value::Integers(values) => self.allows_list(&values.iter().map(|v| *v as f64).collect::<Vec<_>>()),
            Value::Floats(values) => self.allows_list(values),
            Value::Flag(_) | Value::Choice { .. } | Value::Text(_) => true,
        }
    }

    fn allows_number(&self, value: f64) -> bool {
        let low = match self.low {
            Low::None => true,
            Low::AtLeast(least) => value >= least,
            Low::Above(least) => value > least,
        };
        low && value <= self.most && value.is_finite()
    }

    fn allows_list(&self, values: &[f64]) -> bool {
        let repeated = || (1..values.len()).any(|i| values[..i].contains(&values[i]));
        let ordered = match self.order {
            Order::Any => true,
            Order::Distinct => !repeated(),
            Order::Ascending => values.is_sorted_by(|a, b| a < b),
        };
        (self.items.0..=self.items.1).contains(&values.len())
            && ordered
            && values.iter().all(|value| self.allows_number(*value))
    }

    /// Says the range of a value of this kind in words; of a list, how many values there may be too.
    pub(crate) fn describe(&self, value: &Value) -> String {
        match value {
            Value::Integers(_) | Value::Floats(_) => self.list(),
            _ => self.number(),
        }
    }

    fn number(&self) -> String {
        let low = match self.low {
            Low::None => None,
            Low::AtLeast(least) => Some(format!("at least {least}")),
            Low::Above(least) => Some(format!("above {least}")),
        };
        let most = self.most.is_finite().then(|| format!("at most {}", self.most));
        let rows = self.rows.map(|rows| match rows {
            RowsOf::Training => "at most the training rows that there are".to_owned(),
            RowsOf::Test => "at most the test rows that there are".to_owned(),
        });
        [low, most, rows].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    fn list(&self) -> String {
        let (least, most) = self.items;
        let order = match self.order {
            Order::Any => None,
            Order::Distinct => Some("all different".to_owned()),
            Order::Ascending => Some("ascending".to_owned()),
        };
        let each = Some(self.number()).filter(|text| !text.is_empty());
        let count = if least == most {
            format!("{least} of them")
        } else {
            format!("{least} to {most} of them")
        };
        let parts = [each.map(|text| format!("each {text}")), order, Some(count)];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// Shows what a number may be, and of a range that was narrowed for lists what a list may be.
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let for_lists = self.order != Order::Any || self.items != Self::ANY.items;
        f.write_str(&if for_lists { self.list() } else { self.number() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_a_range_belong_to_it_or_not_as_it_says() {
        let rate = Range::above(0.0).and_at_most(1.0);
        for (value, allowed) in [
            (0.0, false),
            (-0.0, false),
            (1e-300, true),
            (1.0, true),
            (1.1, false),
            (f64::NAN, false),
        ] {
            assert_eq!(rate.allows(&Value::Float(value)), allowed, "{value}");
        }
        let count = Range::at_least(1.0);
        assert!(
            count.allows(&Value::Integer(1))
                && !count.allows(&Value::Integer(0))
                && !count.allows(&Value::Integer(i64::MIN))
        );
        assert!(!count.allows(&Value::Float(f64::INFINITY)));
    }

    #[test]
    fn lists_are_bounded_in_length_order_and_every_value() {
        let widths = Range::at_least(4.0).several(1..=3).ascending();
        let allows = |values: &[i64]| widths.allows(&Value::Integers(values.to_vec()));
        assert!(allows(&[4]) && allows(&[4, 8, 16]));
        for wrong in [&[][..], &[3], &[4, 4], &[8, 4], &[4, 5, 6, 7]] {
            assert!(!allows(wrong), "{wrong:?}");
        }
        let rates = Range::above(0.0).distinct();
        assert!(rates.allows(&Value::Floats(vec![0.2, 0.1])) && !rates.allows(&Value::Floats(vec![0.1, 0.2, 0.1])));
    }
}
