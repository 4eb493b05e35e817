//! Ticks: where they are and what they say.

use super::axis::{Axis, Scale};
use super::font::{LEADING_EM, Weight, text_width, wrap};
use super::projection::Projection;

/// A labelled position on an axis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    pub value: f64,
    pub lines: Vec<String>,
}

/// The ticks of one axis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ticks {
    pub labelled: Vec<Tick>,
    /// Unlabelled positions.
    pub minor: Vec<f64>,
    /// True where labels read from bottom to top.
    pub upright: bool,
}

/// Which way an axis runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Across,
    Up,
}

/// Most unlabelled ticks on one axis.
const MOST_MINOR: usize = 60;

const MINUS: char = '\u{2212}';

/// Picks ticks whose labels do not overlap on an axis of the given length.
pub(crate) fn choose(
    axis: &Axis,
    projection: &Projection,
    direction: Direction,
    length: f64,
    em: f64,
) -> Result<Ticks, String> {
    if let Scale::Category(names) = &axis.scale {
        return categories(names, direction, length, em);
    }
    for wanted in (2..=9).rev() {
        let values = match &axis.ticks {
            Some(values) => every(values, wanted, values.len()),
            None => positions(&axis.scale, projection, wanted),
        };
        let values: Vec<f64> = values.into_iter().filter(|v| projection.spans(*v)).collect();
        let labels = format_all(&values, &axis.scale);
        if values.len() <= wanted.max(2) + 2 && fits(&values, &labels, projection, direction, (length, em))? {
            return Ok(finish(&axis.scale, projection, values, labels));
        }
    }
    Ok(Ticks {
        labelled: Vec::new(),
        minor: Vec::new(),
        upright: false,
    })
}

/// At most `wanted` of the given values, evenly taken from the first on.
fn every(values: &[f64], wanted: usize, count: usize) -> Vec<f64> {
    let step = count.div_ceil(wanted).max(1);
    values.iter().copied().step_by(step).collect()
}

fn finish(scale: &Scale, projection: &Projection, values: Vec<f64>, labels: Vec<String>) -> Ticks {
    let mut minor = minor_positions(scale, projection, &values);
    if minor.len() > MOST_MINOR {
        // Over very many decades they would run into a bar.
        minor.clear();
    }
    let labelled = values
        .into_iter()
        .zip(labels)
        .map(|(value, label)| Tick {
            value,
            lines: vec![label],
        })
        .collect();
    Ticks {
        labelled,
        minor,
        upright: false,
    }
}

fn fits(
    values: &[f64],
    labels: &[String],
    projection: &Projection,
    direction: Direction,
    (length, em): (f64, f64),
) -> Result<bool, String> {
    let gap = match direction {
        Direction::Across => 0.9 * em,
        Direction::Up => 0.8 * em,
    };
    let mut last_end = f64::NEG_INFINITY;
    for (value, label) in values.iter().zip(labels) {
        let Some(place) = projection.place(*value) else {
            continue;
        };
        let extent = match direction {
            Direction::Across => text_width(label, em, Weight::Normal)?,
            Direction::Up => em,
        };
        let start = place * length - extent / 2.0;
        if start < last_end + gap {
            return Ok(false);
        }
        last_end = start + extent;
    }
    Ok(true)
}

fn positions(scale: &Scale, projection: &Projection, wanted: usize) -> Vec<f64> {
    match scale {
        Scale::Log2 => powers(projection, 2.0, wanted),
        Scale::Log10 => log10_positions(projection, wanted),
        Scale::Linear | Scale::Category(_) => linear_positions(projection, wanted),
    }
}

/// Multiples of 1, 2 or 5 times a power of ten.
fn linear_positions(projection: &Projection, wanted: usize) -> Vec<f64> {
    let rough = (projection.high - projection.low) / wanted as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|m| m * power)
        .find(|s| *s >= rough * 0.999)
        .unwrap_or(10.0 * power);
    if !step.is_finite() || step <= 0.0 {
        return Vec::new();
    }
    let slack = (projection.high - projection.low) * 1e-9;
    let first = ((projection.low - slack) / step).ceil();
    let count = ((projection.high + slack) / step).floor() - first;
    (0..=count.clamp(0.0, 64.0) as i64)
        .map(|i| round_to((first + i as f64) * step, step))
        .collect()
}

/// Removes the rounding error of a multiple, so that 3 × 0.1 reads 0.3 and never −0.
fn round_to(value: f64, step: f64) -> f64 {
    let value = (value / step).round() * step;
    if value.abs() < step * 1e-6 { 0.0 } else { value }
}

fn powers(projection: &Projection, base: f64, wanted: usize) -> Vec<f64> {
    let exponent = |v: f64| v.log2() / base.log2();
    let low = (exponent(projection.low) - 1e-9).ceil() as i32;
    let high = (exponent(projection.high) + 1e-9).floor() as i32;
    let count = high - low + 1;
    if count < 2 {
        return linear_positions(projection, wanted);
    }
    let step = (count as usize).div_ceil(wanted).max(1);
    (low..=high)
        .filter(|e| e.rem_euclid(step as i32) == if step == 1 { 0 } else { low_rest(low, step) })
        .map(|e| base.powi(e))
        .collect()
}

/// Prefers multiples of the step where they leave no end of the axis bare.
fn low_rest(low: i32, step: usize) -> i32 {
    if step > 2 { 0 } else { low.rem_euclid(step as i32) }
}

fn log10_positions(projection: &Projection, wanted: usize) -> Vec<f64> {
    let decades = (projection.high / projection.low).log10();
    if decades >= 2.0 {
        return powers(projection, 10.0, wanted);
    }
    let low = projection.low.log10().floor() as i32;
    let high = projection.high.log10().ceil() as i32;
    let mantissas: &[f64] = if wanted >= 7 && decades < 1.0 {
        &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0]
    } else if wanted >= 5 {
        &[1.0, 2.0, 5.0]
    } else {
        &[1.0, 3.0]
    };
    let values: Vec<f64> = (low..=high)
        .flat_map(|e| mantissas.iter().map(move |m| scaled(*m, e)))
        .filter(|v| projection.spans(*v))
        .collect();
    if values.len() >= 2 {
        return values;
    }
    linear_positions(projection, wanted)
}

/// `m`·10^`e` without the rounding error of a negative power.
fn scaled(m: f64, e: i32) -> f64 {
    if e < 0 { m / 10f64.powi(-e) } else { m * 10f64.powi(e) }
}

fn minor_positions(scale: &Scale, projection: &Projection, labelled: &[f64]) -> Vec<f64> {
    let candidates: Vec<f64> = match scale {
        Scale::Log10 => {
            let low = projection.low.log10().floor() as i32;
            let high = projection.high.log10().ceil() as i32;
            let mantissas: &[i32] = match high - low {
                0..=4 => &[1, 2, 3, 4, 5, 6, 7, 8, 9],
                _ => &[1],
            };
            (low..=high)
                .flat_map(|e| mantissas.iter().map(move |m| scaled(f64::from(*m), e)))
                .collect()
        }
        Scale::Log2 => powers(projection, 2.0, 64),
        Scale::Linear | Scale::Category(_) => Vec::new(),
    };
    candidates
        .into_iter()
        .filter(|v| projection.spans(*v) && !labelled.contains(v))
        .collect()
}

/// Labels of all ticks of an axis in one style.
///
/// # Units
/// Thousands read k, millions M, thousand millions G, once the largest value has five digits.
pub(crate) fn format_all(values: &[f64], scale: &Scale) -> Vec<String> {
    let largest = values.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    let smallest = values
        .iter()
        .map(|v| v.abs())
        .filter(|v| *v > 0.0)
        .fold(f64::INFINITY, f64::min);
    match scale {
        Scale::Log2 if largest < 1e6 && smallest >= 1.0 => values.iter().map(|v| plain(*v, 0)).collect(),
        Scale::Log2 => values.iter().map(|v| power_of_two(*v)).collect(),
        Scale::Log10 if largest > 1e3 || smallest < 1e-2 => values.iter().map(|v| scientific(*v)).collect(),
        Scale::Log10 => values.iter().map(|v| shortest(*v)).collect(),
        Scale::Linear | Scale::Category(_) => linear_labels(values, largest),
    }
}

fn linear_labels(values: &[f64], largest: f64) -> Vec<String> {
    let (divisor, suffix) = match largest {
        l if l >= 1e12 => return values.iter().map(|v| scientific(*v)).collect(),
        l if l >= 1e9 => (1e9, "G"),
        l if l >= 1e6 => (1e6, "M"),
        l if l >= 1e4 => (1e3, "k"),
        l if l < 1e-3 && l > 0.0 => return values.iter().map(|v| scientific(*v)).collect(),
        _ => (1.0, ""),
    };
    let decimals = decimals_needed(values.iter().map(|v| v / divisor));
    values
        .iter()
        .map(|v| match *v {
            0.0 => "0".to_owned(),
            v => format!("{}{suffix}", plain(v / divisor, decimals)),
        })
        .collect()
}

/// The fewest decimals that show every value to a millionth of the largest step.
fn decimals_needed(values: impl Iterator<Item = f64> + Clone) -> usize {
    (0..9)
        .find(|d| {
            let unit = 10f64.powi(*d);
            values
                .clone()
                .all(|v| ((v * unit).round() / unit - v).abs() <= 1e-9 * v.abs().max(1e-3))
        })
        .unwrap_or(9) as usize
}

fn plain(value: f64, decimals: usize) -> String {
    format!("{value:.decimals$}").replace('-', &MINUS.to_string())
}

fn shortest(value: f64) -> String {
    plain(value, decimals_needed(std::iter::once(value)))
}

fn power_of_two(value: f64) -> String {
    let exponent = value.log2();
    if exponent.fract().abs() < 1e-9 {
        format!("2{}", superscript(exponent.round() as i32))
    } else {
        shortest(value)
    }
}

/// `10⁻³`, `2×10⁵`, `−1.5×10⁶`.
fn scientific(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let mut exponent = value.abs().log10().floor() as i32;
    let mut mantissa = value.abs() / 10f64.powi(exponent);
    if mantissa > 9.999_999 {
        mantissa /= 10.0;
        exponent += 1;
    }
    let sign = if value < 0.0 { MINUS.to_string() } else { String::new() };
    if (mantissa - 1.0).abs() < 1e-6 {
        return format!("{sign}10{}", superscript(exponent));
    }
    let digits = decimals_needed(std::iter::once((mantissa * 1e6).round() / 1e6)).min(3);
    format!("{sign}{mantissa:.digits$}×10{}", superscript(exponent))
}

/// A number in raised digits.
fn superscript(number: i32) -> String {
    number
        .to_string()
        .chars()
        .map(|c| match c {
            '-' => '⁻',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            '0' | '4'..='9' => char::from_u32(0x2070 + (c as u32 - '0' as u32)).unwrap_or(c),
            other => other,
        })
        .collect()
}

/// Labels of a category axis: on one line, wrapped, read upwards, or the most that fit.
fn categories(names: &[String], direction: Direction, length: f64, em: f64) -> Result<Ticks, String> {
    let slot = length / names.len().max(1) as f64;
    if direction == Direction::Up {
        let step = ((1.3 * em / slot).ceil() as usize).max(1);
        return category_ticks(names, step, false, |n| Ok(vec![n.to_owned()]));
    }
    let room = slot - 0.4 * em;
    let mut wrapped = Vec::with_capacity(names.len());
    for name in names {
        wrapped.push(wrap(name, em, Weight::Normal, room)?);
    }
    let mut level = wrapped.iter().all(|lines| lines.len() <= 3);
    for line in wrapped.iter().flatten() {
        level &= text_width(line, em, Weight::Normal)? <= room;
    }
    if level {
        return category_ticks(names, 1, false, |n| wrap(n, em, Weight::Normal, room));
    }
    let step = ((LEADING_EM * em / slot).ceil() as usize).max(1);
    let lines = ((slot * step as f64 / (LEADING_EM * em)).floor() as usize).clamp(1, 3);
    let height = upright_height(names, lines, em)?;
    category_ticks(names, step, true, |n| wrap(n, em, Weight::Normal, height))
}

/// The least height at which every name, read upwards, takes at most `lines` lines.
fn upright_height(names: &[String], lines: usize, em: f64) -> Result<f64, String> {
    let mut height = 4.0 * em;
    for name in names {
        while wrap(name, em, Weight::Normal, height)?.len() > lines {
            height += em;
        }
    }
    Ok(height)
}

fn category_ticks(
    names: &[String],
    step: usize,
    upright: bool,
    lines: impl Fn(&str) -> Result<Vec<String>, String>,
) -> Result<Ticks, String> {
    let labelled: Result<Vec<Tick>, String> = names
        .iter()
        .enumerate()
        .step_by(step)
        .map(|(i, name)| {
            Ok(Tick {
                value: i as f64,
                lines: lines(name)?,
            })
        })
        .collect();
    Ok(Ticks {
        labelled: labelled?,
        minor: Vec::new(),
        upright,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis, low: f64, high: f64, length: f64) -> Vec<String> {
        let projection = Projection {
            low,
            high,
            log: axis.scale.is_log(),
        };
        choose(axis, &projection, Direction::Across, length, 10.0)
            .unwrap()
            .labelled
            .into_iter()
            .flat_map(|t| t.lines)
            .collect()
    }

    #[test]
    fn widths_are_labelled_with_powers_of_two() {
        let found = labels(&Axis::log2("Width"), 14.0, 2300.0, 400.0);
        assert_eq!(found, ["16", "32", "64", "128", "256", "512", "1024", "2048"]);
    }

    #[test]
    fn a_short_width_axis_drops_every_second_label() {
        let found = labels(&Axis::log2("Width"), 14.0, 2300.0, 160.0);
        assert_eq!(found, ["16", "64", "256", "1024"]);
    }

    #[test]
    fn small_decades_are_powers_of_ten() {
        let found = labels(&Axis::log10("λ"), 0.9e-5, 1.1e-3, 300.0);
        assert_eq!(found, ["10⁻⁵", "10⁻⁴", "10⁻³"]);
    }

    #[test]
    fn a_decade_and_a_half_has_more_than_one_label() {
        assert_eq!(
            labels(&Axis::log10("Loss"), 0.08, 2.1, 300.0),
            ["0.1", "0.2", "0.5", "1", "2"]
        );
    }

    #[test]
    fn thousands_read_k_and_millions_m() {
        assert_eq!(
            labels(&Axis::linear("n"), 0.0, 47_710.0, 260.0),
            ["0", "10k", "20k", "30k", "40k"]
        );
        let mega = format_all(&[0.0, 5e5, 1e6, 1.5e6], &Scale::Linear);
        assert_eq!(mega, ["0", "0.5M", "1.0M", "1.5M"]);
    }

    #[test]
    fn small_numbers_read_as_powers_with_a_true_minus() {
        let found = format_all(&[-2e-4, 0.0, 2e-4], &Scale::Linear);
        assert_eq!(found, ["−2×10⁻⁴", "0", "2×10⁻⁴"]);
    }

    #[test]
    fn labels_never_overlap_on_any_length() {
        let axes = [
            (Axis::linear("a"), 0.971, 0.9834),
            (Axis::linear("b"), -123_456.0, 7e7),
            (Axis::log2("c"), 3.0, 3e7),
            (Axis::log10("d"), 1e-9, 1e9),
        ];
        for (axis, low, high) in axes {
            for length in [20.0, 60.0, 120.0, 300.0, 900.0] {
                let projection = Projection {
                    low,
                    high,
                    log: axis.scale.is_log(),
                };
                let ticks = choose(&axis, &projection, Direction::Across, length, 10.0).unwrap();
                let mut last = f64::NEG_INFINITY;
                for tick in ticks.labelled {
                    let half = text_width(&tick.lines[0], 10.0, Weight::Normal).unwrap() / 2.0;
                    let at = projection.place(tick.value).unwrap() * length;
                    assert!(at - half > last, "{} at {length}", tick.lines[0]);
                    last = at + half;
                }
            }
        }
    }

    #[test]
    fn long_categories_are_wrapped_or_read_upwards() {
        let axis = Axis::category("", ["static same parameters", "split and dice", "dice"]);
        let projection = Projection::of(&axis, &[], crate::figure::projection::Fit::Airy);
        let wide = choose(&axis, &projection, Direction::Across, 300.0, 10.0).unwrap();
        assert!(!wide.upright && wide.labelled[0].lines.len() == 2);
        let narrow = choose(&axis, &projection, Direction::Across, 90.0, 10.0).unwrap();
        assert!(narrow.upright);
    }

    #[test]
    fn own_ticks_are_respected() {
        let axis = Axis::linear("sparsity").ticks([0.0, 50.0, 90.0, 99.0]);
        assert_eq!(labels(&axis, 0.0, 100.0, 400.0), ["0", "50", "90", "99"]);
    }
}
