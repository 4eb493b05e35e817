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
        if scale == 0.0 {
            return 0;
        }
        if !scale.is_finite() {
            return 3;
        }
        let decimals = digits - 1 - exponent(scale);
        let most = MOST_DIGITS - 1 - exponent(self.largest());
        usize::try_from(decimals.min(most.max(0)).clamp(0, 9)).unwrap_or(0)
    }

    /// Writes `value [low, high]` beside the edges of a zone: as usual, with more digits for a number that would else be rounded
    /// onto an edge, or across it, that it does not lie on; the others get one more at most.
    ///
    /// # Example
    /// ```
    /// use espalier_report::statistics::Estimate;
    ///
    /// let units = Estimate { value: 20.3, low: 0.4, high: 40.2, n: 6, level: 0.95 };
    /// assert_eq!(units.to_string(), "20 [0, 40]");
    /// assert_eq!(units.beside(&[0.0]), "20.3 [0.4, 40.2]");
    /// ```
    #[must_use]
    pub fn beside(&self, edges: &[f64]) -> String {
        if !self.is_defined() {
            return self.to_string();
        }
        let (needed, _) = self.digits_beside(edges);
        let common = needed.into_iter().max().unwrap_or(0).min(1);
        let written = |(number, needed): (f64, usize)| self.number(number, needed.max(common));
        let [value, low, high] = [0, 1, 2].map(|place| written((self.numbers()[place], needed[place])));
        format!("{value} [{low}, {high}]")
    }

    /// How many digits more than usual tell value and ends from edges, and how many digits the edges take for it.
    pub(crate) fn digits_beside(&self, edges: &[f64]) -> ([usize; 3], usize) {
        let told = |number: f64, digits: usize| {
            let more =
                |more: &usize| are_told_apart(&[number], self.largest(), &|n| self.number(n, *more), edges, digits);
            (0..=EXACT_DIGITS).find(more)
        };
        let all = |digits: usize| {
            let [value, low, high] = self.numbers().map(|number| told(number, digits));
            Some(([value?, low?, high?], digits))
        };
        let mut choices = EDGE_DIGITS..=EXACT_DIGITS;
        choices.find_map(all).unwrap_or(([0; 3], EDGE_DIGITS))
    }

    fn numbers(&self) -> [f64; 3] {
        [self.value, self.low, self.high]
    }

    /// The same with numbers moved onto the edges on which they lie but for rounding in single precision.
    #[must_use]
    pub fn on_edges(&self, edges: &[f64]) -> Self {
        let near = |number: f64| edges.iter().copied().find(|edge| is_on(*edge, number, self.largest()));
        let moved = |number: f64| near(number).unwrap_or(number);
        Self {
            value: moved(self.value),
            low: moved(self.low),
            high: moved(self.high),
            ..*self
        }
    }

    /// A number of the estimate with so many digits more than usual; what is rounding beside the largest is 0.
    fn number(&self, number: f64, more: usize) -> String {
        let number = if is_zero(number, self.largest()) { 0.0 } else { number };
        match number {
            number if number.is_nan() => "–".to_owned(),
            number if self.is_tiny() => figures(number, 2 + more),
            number => rounded(number, self.decimals() + more),
        }
    }

    fn is_tiny(&self) -> bool {
        let largest = self.largest();
        largest > 0.0 && largest < SMALL
    }

    /// The largest of value and ends, without sign.
    fn largest(&self) -> f64 {
        largest(&self.numbers())
    }
}

/// The most digits of a number with an interval.
const MOST_DIGITS: i64 = 5;

/// The digits of an edge.
pub(crate) const EDGE_DIGITS: usize = 4;

/// More digits tell no two numbers of double precision apart that differ by more than rounding.
const EXACT_DIGITS: usize = 15;

/// Below this share, a difference is one of rounding: scores are means of numbers in single precision, whose last digit is the
/// seventh.
const ROUNDING: f64 = 1e-6;

/// Whether a number is 0 but for rounding beside the largest of its estimate.
fn is_zero(number: f64, scale: f64) -> bool {
    number.abs() <= ROUNDING * scale
}

/// Whether a number of an estimate lies on an edge but for rounding.
fn is_on(edge: f64, number: f64, scale: f64) -> bool {
    let scale = if edge == 0.0 {
        scale
    } else {
        number.abs().max(edge.abs())
    };
    is_zero(number - edge, scale)
}

/// The largest of some numbers, without sign.
fn largest(numbers: &[f64]) -> f64 {
    let finite = numbers.iter().filter(|v| v.is_finite());
    finite.fold(0.0, |most, v| most.max(v.abs()))
}

/// Whether numbers of a scale as they are written lie on the side of each edge, as it is written, on which they do lie.
fn are_told_apart(numbers: &[f64], scale: f64, written: &dyn Fn(f64) -> String, edges: &[f64], digits: usize) -> bool {
    let read = |text: String| text.parse::<f64>().unwrap_or(f64::NAN);
    let sides = |&number: &f64| {
        let told = |&edge: &f64| {
            let equal = is_on(edge, number, scale);
            equal || read(written(number)).partial_cmp(&read(figures(edge, digits))) == number.partial_cmp(&edge)
        };
        edges.iter().all(told)
    };
    numbers.iter().filter(|number| number.is_finite()).all(sides)
}

/// Writes numbers and edges with four digits, and with more where a number would else be rounded onto an edge or across it.
///
/// # Example
/// ```
/// use espalier_report::statistics::figures_beside;
///
/// let (ends, edges) = figures_beside(&[1.00004, 2309.0], &[1.0]);
/// assert_eq!((ends.join(" to "), edges.join("")), ("1.00004 to 2309".to_owned(), "1".to_owned()));
/// ```
#[must_use]
pub fn figures_beside(numbers: &[f64], edges: &[f64]) -> (Vec<String>, Vec<String>) {
    let scale = largest(numbers);
    let told = |digits: &usize| are_told_apart(numbers, scale, &|number| figures(number, *digits), edges, *digits);
    let digits = (EDGE_DIGITS..=EXACT_DIGITS).find(told).unwrap_or(EDGE_DIGITS);
    let plain = |number: f64| if is_zero(number, scale) { 0.0 } else { number };
    let write = |all: &[f64]| all.iter().map(|number| figures(plain(*number), digits)).collect();
    (write(numbers), write(edges))
}

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
/// Numbers below 0.0001 have an exponent, and those below a millionth of the largest are 0. A single observation has no interval.
impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_defined() {
            return f.write_str("–");
        }
        let show = |number: f64| match f.precision() {
            Some(decimals) if !number.is_nan() => rounded(number, decimals),
            _ => self.number(number, 0),
        };
        match self.n {
            1 => f.write_str(&show(self.value)),
            _ => write!(f, "{} [{}, {}]", show(self.value), show(self.low), show(self.high)),
        }
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
            (0.0, 0.0, 0.0, "0 [0, 0]"),
            (0.0, 0.0, 1e-12, "0 [0, 1e-12]"),
            (-3e-15, -0.1625, 0.055, "0.00 [-0.16, 0.06]"),
            (2.345e-5, -1e-6, 9e-5, "2.3e-5 [-1e-6, 9e-5]"),
            (0.062_857, 0.062_857, 0.062_857, "0.06286 [0.06286, 0.06286]"),
            (133.92, 131.6, 135.5, "133.9 [131.6, 135.5]"),
            (36_970.0, 36_970.0, 36_970.0, "36970 [36970, 36970]"),
        ] {
            assert_eq!(estimate(value, low, high).to_string(), text);
        }
    }

    #[test]
    fn an_end_is_not_rounded_onto_the_edge_that_it_clears() {
        for (ours, edge, text) in [
            (estimate(4.2, 1.000_4, 2309.1), 1.0, "4.2 [1.0004, 2309.1]"),
            (estimate(-1.0, -3.4998, -0.4998), -0.5, "-1.00 [-3.50, -0.4998]"),
            (estimate(1.2, 1.0 + 1e-9, 1.4), 1.0, "1.20 [1.00, 1.40]"),
            (estimate(14.166_988, -1e-7, 30.857_83), 0.0, "14 [0, 31]"),
            (estimate(20.3, 0.4, 40.2), 0.0, "20.3 [0.4, 40.2]"),
            (estimate(20.3, 0.4, 40.2), 7.0, "20 [0, 40]"),
            (estimate(4.0, 1.0, 2309.0), 1.0, "4 [1, 2309]"),
            (estimate(0.3, 0.1 + 0.2, 0.5), 0.3, "0.30 [0.30, 0.50]"),
            (estimate(f64::NAN, 0.0, 0.0), 0.3, "–"),
        ] {
            assert_eq!(ours.beside(&[edge]), text);
        }
    }

    proptest! {
        #[test]
        fn numbers_and_edges_are_written_on_the_side_where_they_lie(
            value in -1e4..1e4_f64, below in 1e-3..1e3_f64, above in 1e-3..1e3_f64, edge in -1e4..1e4_f64,
            near in prop::sample::select(vec![1.0, 1e-3, 1e-6]),
        ) {
            let ours = estimate(value, value - below, value + above);
            // An edge that is next to an end, by more than rounding.
            let edge = ours.low + near * (edge - ours.low);
            prop_assume!(ours.numbers().iter().all(|number| !is_on(edge, *number, ours.largest())));
            let (_, digits) = ours.digits_beside(&[edge]);
            let shown = ours.beside(&[edge]);
            let parts = shown.replace(['[', ']', ','], "");
            let told: f64 = figures(edge, digits).parse().unwrap();
            for (text, number) in parts.split(' ').zip([ours.value, ours.low, ours.high]) {
                let read: f64 = text.parse().unwrap();
                prop_assert_eq!(read.partial_cmp(&told), number.partial_cmp(&edge), "{} beside {}", shown, told);
            }
        }

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
