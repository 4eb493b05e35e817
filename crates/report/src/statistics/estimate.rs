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

    /// Decimals that show two digits of the interval's half width, or four of an exact value, and never more than five
    /// digits in all.
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
        let decimals = digits - 1 - exponent(scale);
        let most = MOST_DIGITS - 1 - exponent(self.largest());
        usize::try_from(decimals.min(most.max(0)).clamp(0, 9)).unwrap_or(0)
    }

    /// The largest of value and ends, without sign.
    fn largest(&self) -> f64 {
        let finite = [self.value, self.low, self.high].into_iter().filter(|v| v.is_finite());
        finite.fold(0.0, |most, v| most.max(v.abs()))
    }
}

/// The most digits of a number with an interval.
const MOST_DIGITS: i64 = 5;

/// Below this, numbers are written with an exponent.
const SMALL: f64 = 1e-4;

/// The power of ten of a positive number's first digit.
fn exponent(value: f64) -> i64 {
    value.log10().floor() as i64
}

/// Writes a number with so many digits at most, without zeros at its end, and with an exponent below 0.0001.
///
/// # Example
/// ```
/// use espalier_report::statistics::figures;
///
/// assert_eq!(figures(0.062_855_01, 4), "0.06286");
/// assert_eq!(figures(-0.5, 4), "-0.5");
/// assert_eq!(figures(0.000_012_34, 3), "1.23e-5");
/// assert_eq!(figures(36_970.0, 3), "36970");
/// ```
#[must_use]
pub fn figures(value: f64, digits: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 {
            "0".to_owned()
        } else {
            value.to_string()
        };
    }
    if value.abs() < SMALL {
        return scientific(value, digits);
    }
    let decimals = (digits as i64 - 1 - exponent(value.abs())).clamp(0, 9) as usize;
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

fn scientific(value: f64, digits: usize) -> String {
    let text = format!("{value:.*e}", digits.saturating_sub(1));
    match text.split_once('e') {
        Some((mantissa, power)) if mantissa.contains('.') => {
            format!("{}e{power}", mantissa.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text,
    }
}

/// Shows `value [low, high]`, and a dash for NaN; a precision sets the decimals, else the interval's width does.
///
/// Numbers below 0.0001 have an exponent; a zero without any spread says that it is exact.
impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_defined() {
            return f.write_str("–");
        }
        let largest = self.largest();
        if f.precision().is_none() && largest == 0.0 && self.low == 0.0 && self.high == 0.0 {
            return f.write_str("0 (exact)");
        }
        let tiny = f.precision().is_none() && largest > 0.0 && largest < SMALL;
        let decimals = f.precision().unwrap_or_else(|| self.decimals());
        let show = |value: f64| match value {
            value if value.is_nan() => "–".to_owned(),
            value if tiny => figures(value, 2),
            value => rounded(value, decimals),
        };
        let (value, low, high) = (show(self.value), show(self.low), show(self.high));
        write!(f, "{value} [{low}, {high}]")
    }
}

/// A number with so many decimals; never `-0.000`.
fn rounded(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let zero = text.trim_start_matches('-').chars().all(|c| c == '0' || c == '.');
    match zero {
        true => text.trim_start_matches('-').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn estimate(value: f64, low: f64, high: f64) -> Estimate {
        Estimate {
            value,
            low,
            high,
            n: 6,
            level: 0.95,
        }
    }

    #[test]
    fn numbers_have_the_digits_that_their_interval_carries() {
        for (value, low, high, text) in [
            (0.0, 0.0, 0.0, "0 (exact)"),
            (0.0, 0.0, 1e-12, "0 [0, 1e-12]"),
            (2.345e-5, -1e-6, 9e-5, "2.3e-5 [-1e-6, 9e-5]"),
            (0.062_857, 0.062_857, 0.062_857, "0.06286 [0.06286, 0.06286]"),
            (133.92, 131.6, 135.5, "133.9 [131.6, 135.5]"),
            (36_970.0, 36_970.0, 36_970.0, "36970 [36970, 36970]"),
        ] {
            assert_eq!(estimate(value, low, high).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_near_and_short(value in -1e7..1e7f64, half in 1e-9..1e3f64) {
            let shown = estimate(value, value - half, value + half).to_string();
            let first = shown.split(' ').next().unwrap();
            let read: f64 = first.parse().unwrap();
            let close = (0.6 * half).max(1e-4 * (value.abs() + half)).max(0.5);
            prop_assert!((read - value).abs() <= close, "{shown} for {value} ± {half}");
            prop_assert!(first.chars().filter(char::is_ascii_digit).count() <= 10, "{shown}");
        }
    }
}
