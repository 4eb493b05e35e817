//! A number with its interval.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A value with an interval, the number of observations and the interval's level.
///
/// # Example
/// ```
/// use espalier_report::statistics::Estimate;
///
/// let gain = Estimate { value: 0.0713, low: 0.0412, high: 0.1008, n: 10, level: 0.95 };
/// assert_eq!(gain.to_string(), "0.071 [0.041, 0.101]");
/// assert_eq!(format!("{gain:.1}"), "0.1 [0.0, 0.1]");
/// assert!(gain.excludes(0.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The statistic of the sample.
    pub value: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
    /// The number of independent observations: seeds, pairs of seeds or runs.
    pub n: usize,
    /// The interval's nominal coverage, a fraction.
    pub level: f64,
}

impl Estimate {
    /// Takes a single observation, which has no width: `n` says that nothing can be concluded from it.
    #[must_use]
    pub fn point(value: f64, level: f64) -> Self {
        Self {
            value,
            low: value,
            high: value,
            n: 1,
            level,
        }
    }

    /// Stands for a statistic that is not defined on a sample of `n`: value and interval are NaN.
    #[must_use]
    pub fn undefined(n: usize, level: f64) -> Self {
        let nan = f64::NAN;
        Self {
            value: nan,
            low: nan,
            high: nan,
            n,
            level,
        }
    }

    /// Says whether there is a number: with NaN there is none.
    #[must_use]
    pub fn is_defined(&self) -> bool {
        !self.value.is_nan()
    }

    /// Says whether a value lies outside the interval.
    #[must_use]
    pub fn excludes(&self, value: f64) -> bool {
        value < self.low || value > self.high
    }

    /// Multiplies value and interval, for instance to turn a fraction into points.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        let (a, b) = (self.low * factor, self.high * factor);
        Self {
            value: self.value * factor,
            low: a.min(b),
            high: a.max(b),
            ..*self
        }
    }

    /// Decimals that show two digits of the interval's half width, or four of an exact value.
    fn decimals(&self) -> usize {
        let half = (self.high - self.low) / 2.0;
        let (scale, digits) = if half.is_finite() && half > 0.0 {
            (half, 2)
        } else {
            (self.value.abs(), 4)
        };
        if !scale.is_finite() || scale == 0.0 {
            return 3;
        }
        let exponent = scale.log10().floor() as i64;
        usize::try_from((digits - 1 - exponent).clamp(0, 9)).unwrap_or(0)
    }
}

/// Shows `value [low, high]`, and a dash for NaN; a precision sets the decimals, else the interval's width does.
impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = f.precision().unwrap_or_else(|| self.decimals());
        if !self.is_defined() {
            return f.write_str("–");
        }
        let show = |value: f64| {
            if value.is_nan() {
                return "–".to_owned();
            }
            // No "-0.000".
            let text = format!("{value:.decimals$}");
            let zero = text.trim_start_matches('-').chars().all(|c| c == '0' || c == '.');
            if zero {
                text.trim_start_matches('-').to_owned()
            } else {
                text
            }
        };
        let (value, low, high) = (show(self.value), show(self.low), show(self.high));
        write!(f, "{value} [{low}, {high}]")
    }
}
