//! From values to positions: the span of an axis and its mapping to the page.

use super::axis::{Axis, Range, Scale};

/// How an automatic range encloses the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    /// A little air on both sides.
    Airy,
    /// No air beyond zero, on which fills stand.
    Anchored,
    /// No air: cells end at the frame.
    Tight,
}

/// Share of a logarithmic axis on which its zeros stand, and the gap behind it.
const STRIP: f64 = 0.09;

/// Maps the values of one axis to the unit interval.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Projection {
    pub low: f64,
    pub high: f64,
    pub log: bool,
    /// Whether a logarithmic axis has a strip for zeros before its low end.
    pub zeros: bool,
    /// Whether values fall along the axis.
    pub reversed: bool,
}

impl Projection {
    /// Position of a value, 0 at the low end and 1 at the high end; `None` where it has none.
    pub(crate) fn place(&self, value: f64) -> Option<f64> {
        let share = self.rising(value)?;
        Some(if self.reversed { 1.0 - share } else { share })
    }

    /// Where the strip of zeros ends, as a share of the axis.
    pub(crate) fn strip_end(&self) -> Option<f64> {
        let end = 0.75 * STRIP;
        self.zeros.then_some(if self.reversed { 1.0 - end } else { end })
    }

    fn rising(&self, value: f64) -> Option<f64> {
        if value == 0.0 && self.zeros {
            return Some(0.35 * STRIP);
        }
        if !value.is_finite() || (self.log && value <= 0.0) {
            return None;
        }
        let (low, high, value) = if self.log {
            (self.low.log2(), self.high.log2(), value.log2())
        } else {
            (self.low, self.high, value)
        };
        let width = high - low;
        let share = match width.is_finite() {
            true => (value - low) / width,
            // The width is above the largest double.
            false => (0.5 * value - 0.5 * low) / (0.5 * high - 0.5 * low),
        };
        // Far outside values would overflow page coordinates; clipping does not need them exactly.
        let share = share.clamp(-1e3, 1e3);
        Some(if self.zeros {
            STRIP + share * (1.0 - STRIP)
        } else {
            share
        })
    }

    pub(crate) fn spans(&self, value: f64) -> bool {
        self.place(value).is_some_and(|p| (-1e-9..=1.0 + 1e-9).contains(&p))
    }

    /// The axis's mapping for marks that need the values `needed`.
    pub(crate) fn of(axis: &Axis, needed: &[f64], fit: Fit) -> Self {
        let log = axis.scale.is_log();
        let made = |low, high, zeros| Self {
            low,
            high,
            log,
            zeros,
            reversed: axis.reversed,
        };
        if let Scale::Category(names) = &axis.scale {
            return made(-0.5, names.len().max(1) as f64 - 0.5, false);
        }
        let (low, high) = match axis.range {
            Range::Fixed(low, high) => return made(low, high, false),
            Range::Auto => extent(needed.iter().copied(), log),
            Range::AtLeast(a, b) => extent(needed.iter().copied().chain([a, b]), log),
        };
        let (low, high) = if fit == Fit::Tight && low < high {
            (low, high)
        } else if log {
            padded_log(low, high)
        } else {
            let (low, high) = widened(low, high, axis.least_span());
            padded_linear(low, high, fit == Fit::Anchored)
        };
        made(low, high, log && fit != Fit::Tight && needed.contains(&0.0))
    }
}

/// Ends that are at least so far apart; an end at zero stays there.
fn widened(low: f64, high: f64, least: f64) -> (f64, f64) {
    let missing = least - (high - low);
    if missing.is_nan() || missing <= 0.0 || low > high {
        return (low, high);
    }
    match (low >= 0.0, low - missing / 2.0) {
        (true, below) if below < 0.0 => (0.0, least.max(high)),
        (_, below) => (below, high + missing / 2.0),
    }
}

fn extent(values: impl Iterator<Item = f64>, log: bool) -> (f64, f64) {
    let usable = values.filter(|v| v.is_finite() && (!log || *v > 0.0));
    usable.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
        (low.min(v), high.max(v))
    })
}

fn padded_log(low: f64, high: f64) -> (f64, f64) {
    if low > high {
        return (1.0, 10.0);
    }
    let whole = match high / low {
        ratio if ratio.is_finite() => ratio.powf(0.04),
        // The ratio is above the largest double.
        _ => (0.04 * (high.ln() - low.ln())).exp(),
    };
    let ratio = whole.max(if high > low { 1.02 } else { 2.0 });
    let smallest = f64::from_bits(1);
    ((low / ratio).max(smallest), (high * ratio).min(f64::MAX))
}

fn padded_linear(low: f64, high: f64, anchored: bool) -> (f64, f64) {
    if low > high {
        return (0.0, 1.0);
    }
    // Half of the largest number keeps the difference of the two ends finite.
    let limit = f64::MAX / 4.0;
    let (low, high) = (low.clamp(-limit, limit), high.clamp(-limit, limit));
    let size = low.abs().max(high.abs());
    if high - low <= size * 1e-12 {
        let air = if size > 0.0 { size * 0.1 } else { 1.0 };
        return (low - air, high + air);
    }
    let air = (high - low) * 0.05;
    let below = if anchored && low == 0.0 { 0.0 } else { air };
    let above = if anchored && high == 0.0 { 0.0 } else { air };
    (low - below, high + above)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_log_axis_is_the_geometric_mean() {
        let p = Projection {
            low: 1.0,
            high: 100.0,
            log: true,
            ..Projection::default()
        };
        assert!((p.place(10.0).unwrap() - 0.5).abs() < 1e-12);
    }

    #[test]
    fn zeros_of_a_log_axis_stand_apart_before_all_others() {
        let p = Projection::of(&Axis::log10("x"), &[0.0, 1.0, 10.0], Fit::Airy);
        let places = [0.0, 1.0, 10.0].map(|v| p.place(v).unwrap());
        assert!(places[0] < p.strip_end().unwrap() && p.strip_end().unwrap() < places[1] && places[1] < places[2]);
        let without = Projection::of(&Axis::log10("x"), &[1.0, 10.0], Fit::Airy);
        assert_eq!((without.place(0.0), p.place(-1.0)), (None, None));
        let p = Projection::of(&Axis::log10("x").reversed(), &[0.0, 1.0, 10.0], Fit::Airy);
        assert!(p.place(0.0) > p.place(1.0) && p.place(1.0) > p.place(10.0));
    }

    #[test]
    fn a_tenth_of_a_unit_does_not_fill_the_panel() {
        for (values, unit) in [
            ([0.2, 0.7], "units"),
            ([0.981, 0.982], "fraction"),
            ([-0.1, 0.1], "points"),
        ] {
            let p = Projection::of(&Axis::linear("x").unit(unit), &values, Fit::Airy);
            let share = (p.place(values[1]).unwrap() - p.place(values[0]).unwrap()).abs();
            assert!(share < 0.25, "{unit}: {share}");
            assert!(values.iter().all(|v| p.spans(*v)));
        }
    }

    #[test]
    fn a_value_without_sign_has_no_place_on_a_log_axis() {
        let p = Projection::of(&Axis::log10("x"), &[1.0, 10.0], Fit::Airy);
        assert_eq!(p.place(0.0), None);
        assert_eq!(p.place(f64::NAN), None);
        assert!(p.low > 0.0);
    }

    #[test]
    fn constant_and_empty_data_have_a_span() {
        for values in [&[][..], &[0.0], &[3.0, 3.0], &[-2.0], &[f64::MAX, f64::MIN]] {
            for axis in [Axis::linear("x"), Axis::log2("x"), Axis::log10("x")] {
                let p = Projection::of(&axis, values, Fit::Airy);
                assert!(p.low < p.high && (p.high - p.low).is_finite(), "{values:?} {p:?}");
            }
        }
    }

    #[test]
    fn a_log_axis_spans_the_smallest_and_the_largest_doubles() {
        for values in [
            [1e-310, 1e-309],
            [f64::from_bits(1), 1e-320],
            [1e-308, 1e308],
            [f64::MAX, 1e300],
        ] {
            let p = Projection::of(&Axis::log10("x"), &values, Fit::Airy);
            assert!(p.low < p.high && values.iter().all(|v| p.spans(*v)), "{values:?} {p:?}");
        }
    }

    #[test]
    fn bars_stand_on_the_axis() {
        assert_eq!(Projection::of(&Axis::linear("n"), &[0.0, 5.0], Fit::Anchored).low, 0.0);
    }
}
