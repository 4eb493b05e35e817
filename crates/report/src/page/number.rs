//! Numbers as a reader wants them: shares of images as points, digits that the interval carries, zones in the same unit.

use super::verdict::Margin;
use crate::figure::typeset;
use crate::statistics::{EDGE_DIGITS, Estimate, figures};

/// How a claim's numbers are shown: multiplied by a factor, with a unit.
///
/// # Example
/// ```
/// use espalier_report::page::Display;
///
/// let gain = Display::of_claim("fraction", "accuracy (wide) less accuracy (narrow)", true);
/// assert_eq!((gain.scaled(0.0021), gain.with_unit("0.21")), (0.21, "0.21 points".to_owned()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Display<'a> {
    factor: f64,
    pub(super) unit: &'a str,
    /// Whether the number follows from the way the arms are built.
    built: bool,
}

impl<'a> Display<'a> {
    /// Shows fractions as hundredths: points where two are compared, per cent where one stands alone.
    pub(super) fn of(unit: &'a str, compared: bool) -> Self {
        let (factor, unit) = match (unit, compared) {
            ("fraction", true) => (100.0, "points"),
            ("fraction" | "share", false) => (100.0, "%"),
            _ => (1.0, unit),
        };
        let built = false;
        Self { factor, unit, built }
    }

    /// Says that the numbers follow from the way the arms are built, so that a zero is exact.
    pub(super) fn built(self, built: bool) -> Self {
        Self { built, ..self }
    }

    /// How the numbers of a claim are shown: by its unit, the words of its statistic, and whether it declares a contrast.
    #[must_use]
    pub fn of_claim(unit: &'a str, statistic: &str, contrasts: bool) -> Self {
        let differs = ["differ", "gain", " less ", "minus", "−"]
            .iter()
            .any(|word| statistic.contains(word));
        Self::of(unit, differs || contrasts)
    }

    /// A number as it is shown, without its unit.
    #[must_use]
    pub fn scaled(&self, number: f64) -> f64 {
        number * self.factor
    }

    /// The value with its interval and unit, and enough digits to lie on its side of a zone's edges; a single observation has no
    /// interval.
    #[must_use]
    pub fn estimate(&self, estimate: &Estimate, zone: Option<Margin>) -> String {
        let zero = [estimate.value, estimate.low, estimate.high] == [0.0; 3];
        if self.built && zero {
            return self.with_unit("exactly 0");
        }
        if estimate.n == 1 {
            return self.value(estimate, zone);
        }
        self.with_unit(&self.written(estimate, zone))
    }

    /// A value alone, with as many digits as its interval carries.
    pub(super) fn value(&self, estimate: &Estimate, zone: Option<Margin>) -> String {
        let shown = self.written(estimate, zone);
        let value = shown.split(" [").next().unwrap_or_default();
        self.with_unit(value)
    }

    fn written(&self, estimate: &Estimate, zone: Option<Margin>) -> String {
        estimate.scaled(self.factor).beside(&self.edges(zone))
    }

    fn edges(&self, zone: Option<Margin>) -> Vec<f64> {
        zone.map_or_else(Vec::new, |zone| zone.scaled(self.factor).edges())
    }

    /// Where a claim holds, beside its number.
    #[must_use]
    pub fn zone(&self, zone: Margin, ours: Option<&Estimate>) -> String {
        let digits = ours.map_or(EDGE_DIGITS, |ours| {
            ours.scaled(self.factor).digits_beside(&self.edges(Some(zone))).1
        });
        self.with_unit(&zone.scaled(self.factor).written(digits))
    }

    /// A number alone with its unit, of three digits at most: a margin, a distance.
    #[must_use]
    pub fn size(&self, number: f64) -> String {
        self.with_unit(&figures(self.scaled(number), 3))
    }

    /// A change with its sign and unit.
    #[must_use]
    pub fn change(&self, number: f64) -> String {
        let sign = if number > 0.0 { "+" } else { "" };
        self.with_unit(&format!("{sign}{}", figures(self.scaled(number), 3)))
    }

    /// A number that is shown already, with its unit.
    #[must_use]
    pub fn with_unit(&self, number: &str) -> String {
        typeset(format!("{number} {}", self.unit).trim_end()).into_owned()
    }
}

/// Reads the one number of a study's words, in the unit of the claim; `None` where there is no number or more than one.
pub(super) fn published(words: &str, unit: &str) -> Option<f64> {
    let is_part = |c: char| c.is_ascii_digit() || c == '.';
    let mut numbers = words
        .split(|c| !is_part(c))
        .filter(|part| part.contains(|c: char| c.is_ascii_digit()));
    let number = numbers.next()?;
    if numbers.next().is_some() || words.contains('^') {
        return None;
    }
    let before = words.split(number).next()?.trim_end();
    let negative = before.ends_with(['-', '−']);
    let value = number.trim_matches('.').parse::<f64>().ok()?;
    let value = if negative { -value } else { value };
    let hundredths = words.contains("point") || words.contains('%');
    match (unit, hundredths) {
        ("fraction" | "share", true) => Some(value / 100.0),
        ("fraction" | "share", false) if value.abs() > 1.0 => None,
        (_, true) => None,
        _ => Some(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accuracy_differences_read_in_points_and_zones_with_them() {
        let gain = Estimate {
            value: 0.0034,
            low: 0.0021,
            high: 0.0046,
            n: 6,
            level: 0.95,
        };
        let shown = Display::of("fraction", true);
        assert_eq!(shown.estimate(&gain, None), "0.34 [0.21, 0.46] points");
        assert_eq!(
            shown.zone(Margin::Within(-0.005, 0.005), Some(&gain)),
            "in [−0.5, 0.5] points"
        );
        assert_eq!(Display::of("fraction", false).value(&gain, None), "0.34 %");
        assert_eq!(shown.estimate(&Estimate::point(0.0034, 0.95), None), "0.3400 points");
        assert_eq!(shown.change(0.0123), "+1.23 points");
        assert_eq!(Display::of("units", true).change(-142.6), "−143 units");
        assert_eq!(shown.size(0.001), "0.1 points");
        assert_eq!(
            Display::of("units", true).zone(Margin::GreaterThan(0.0), None),
            "> 0 units"
        );
    }

    #[test]
    fn a_bound_that_clears_an_edge_is_shown_beyond_it_and_the_edge_with_the_digits_for_it() {
        let (shown, near) = (Display::of("units", false), |low| Estimate {
            value: 7.0,
            low,
            high: 9.0,
            n: 6,
            level: 0.95,
        });
        let zone = Margin::Within(32.0_f64.sqrt(), 128.0_f64.sqrt());
        let sides = |low: f64| {
            (
                shown.estimate(&near(low), Some(zone)),
                shown.zone(zone, Some(&near(low))),
            )
        };
        assert_eq!(
            sides(5.0),
            ("7.0 [5.0, 9.0] units".to_owned(), "in [5.657, 11.31] units".to_owned())
        );
        assert_eq!(sides(5.6569).0, "7.0 [5.7, 9.0] units");
        // The edge is 5.65685, which four digits put above the end.
        let narrow = Estimate {
            value: 5.66,
            high: 5.67,
            ..near(5.656_86)
        };
        assert_eq!(shown.estimate(&narrow, Some(zone)), "5.6600 [5.6569, 5.6700] units");
        assert_eq!(shown.zone(zone, Some(&narrow)), "in [5.65685, 11.3137] units");
        let positive = Margin::GreaterThan(0.0);
        assert_eq!(
            shown.value(
                &Estimate {
                    value: 20.3,
                    low: 0.4,
                    high: 40.2,
                    ..near(0.4)
                },
                Some(positive)
            ),
            "20.3 units"
        );
    }

    #[test]
    fn a_zero_is_exact_only_by_construction() {
        let (shown, zero) = (Display::of("doublings", false), Estimate::point(0.0, 0.95));
        let of_seeds = Estimate { n: 6, ..zero };
        assert_eq!(shown.estimate(&of_seeds, None), "0 [0, 0] doublings");
        assert_eq!(shown.estimate(&zero, None), "0 doublings");
        assert_eq!(shown.built(true).estimate(&of_seeds, None), "exactly 0 doublings");
    }

    #[test]
    fn a_study_with_one_number_has_a_place_on_the_axis() {
        assert_eq!(published("+7.5 points", "fraction"), Some(0.075));
        assert_eq!(published("≈ 64 units", "units"), Some(64.0));
        assert_eq!(published("−0.5 points", "fraction"), Some(-0.005));
        for several in ["62–84 units", "not given", "33 (10^−2.5)", ""] {
            assert_eq!(published(several, "units"), None, "{several}");
        }
    }
}
