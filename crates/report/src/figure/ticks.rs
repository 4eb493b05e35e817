//! Ticks: where they are and what they say.

use super::axis::{Axis, Scale};
use super::font::{LEADING_EM, Weight, text_width, wrap};
use super::projection::Projection;
use super::words::raised;

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
    /// How much longer the axis would have to be for its names to stand apart.
    pub short_of: f64,
}

/// Which way an axis runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Across,
    Up,
}

/// Most unlabelled ticks on one axis.
const MOST_MINOR: usize = 60;

/// Digits behind the point that tell any two doubles of one size apart.
const MOST_DIGITS: usize = 17;

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
    let shown = |values: Vec<f64>| -> Vec<f64> { values.into_iter().filter(|v| projection.spans(*v)).collect() };
    // A strip of zeros has its own label.
    let room = |values: &[f64], labels: &[String]| {
        if !projection.zeros {
            return fits(values, labels, projection, direction, (length, em));
        }
        let (zero, label) = (std::iter::once(0.0), std::iter::once("0".to_owned()));
        let values: Vec<f64> = zero.chain(values.iter().copied()).collect();
        let labels: Vec<String> = label.chain(labels.iter().cloned()).collect();
        fits(&values, &labels, projection, direction, (length, em))
    };
    if let Some(values) = axis.ticks.as_ref().filter(|_| axis.at_data) {
        let values: Vec<f64> = shown(values.iter().copied().filter(|v| !projection.log || *v > 0.0).collect());
        let labels = format_all(&values, &axis.scale);
        if values.len() > 1 && room(&values, &labels)? {
            return Ok(finish(&axis.scale, projection, values, labels));
        }
    }
    let named = axis.ticks.as_ref().filter(|_| !axis.at_data);
    for wanted in (2..=9).rev() {
        let values = match named {
            Some(values) => every(values, wanted, values.len()),
            None => positions(&axis.scale, projection, wanted),
        };
        let values = shown(distinct(values));
        let few = values.len() < 2 && named.is_none();
        let labels = format_all(&values, &axis.scale);
        if !few && values.len() <= wanted + 2 && room(&values, &labels)? {
            return Ok(finish(&axis.scale, projection, values, labels));
        }
    }
    // No round value tells the ends apart, or too little room for two: the ends themselves, or one of them.
    let ends = [projection.low, projection.high];
    for values in [&ends[..], &ends[..1]] {
        let labels = format_all(values, &axis.scale);
        if named.is_none() && room(values, &labels)? {
            return Ok(finish(&axis.scale, projection, values.to_vec(), labels));
        }
    }
    Ok(Ticks {
        labelled: Vec::new(),
        minor: Vec::new(),
        upright: false,
        short_of: 0.0,
    })
}

/// Each value once, in rising order.
fn distinct(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values.dedup();
    values
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
    let mut labelled: Vec<Tick> = values
        .into_iter()
        .zip(labels)
        .map(|(value, label)| Tick {
            value,
            lines: vec![label],
        })
        .collect();
    if projection.zeros {
        let zero = Tick {
            value: 0.0,
            lines: vec!["0".to_owned()],
        };
        labelled.retain(|tick| tick.value != 0.0);
        labelled.insert(0, zero);
    }
    Ticks {
        labelled,
        minor,
        upright: false,
        short_of: 0.0,
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
    let placed = values
        .iter()
        .zip(labels)
        .filter_map(|(value, label)| Some((projection.place(*value)?, label)));
    let mut placed: Vec<(f64, &String)> = placed.collect();
    placed.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (place, label) in placed {
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
    // Divided first: the whole width may be above the largest double.
    let rough = projection.high / wanted as f64 - projection.low / wanted as f64;
    let power = power_of_ten(rough.log10().floor() as i32);
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|m| m * power)
        .find(|s| *s >= rough * 0.999)
        .unwrap_or(10.0 * power);
    if !step.is_finite() || step <= 0.0 {
        return Vec::new();
    }
    // A part of the axis that cannot be seen, and at least what the quotients lose to rounding.
    let quotient = (projection.low / step).abs().max((projection.high / step).abs());
    let slack = (rough * wanted as f64 * 1e-9 / step).max(4.0 * f64::EPSILON * quotient);
    let first = (projection.low / step - slack).ceil();
    let count = (projection.high / step + slack).floor() - first;
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
        .map(|e| {
            if base == 2.0 {
                f64::from(e).exp2()
            } else {
                power_of_ten(e)
            }
        })
        .collect()
}

/// 10^`exponent`, also where 10^−`exponent` is above the largest double.
fn power_of_ten(exponent: i32) -> f64 {
    if exponent < -300 {
        return 1e-300 * 10f64.powi(exponent + 300);
    }
    10f64.powi(exponent)
}

/// Prefers multiples of the step where they leave no end of the axis bare.
fn low_rest(low: i32, step: usize) -> i32 {
    if step > 2 { 0 } else { low.rem_euclid(step as i32) }
}

fn log10_positions(projection: &Projection, wanted: usize) -> Vec<f64> {
    let decades = projection.high.log10() - projection.low.log10();
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
    match e {
        ..-300 => m * power_of_ten(e),
        -300..0 => m / 10f64.powi(-e),
        _ => m * 10f64.powi(e),
    }
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

/// Labels of all ticks of an axis in one style, with as many digits as tell the values apart.
///
/// # Units
/// Thousands read k, millions M, thousand millions G, once the largest value has five digits.
pub(crate) fn format_all(values: &[f64], scale: &Scale) -> Vec<String> {
    let usual = usual_labels(values, scale);
    if tell_apart(&usual, values) {
        return usual;
    }
    let largest = values.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    let text = |value: f64, digits: usize| match (1e-3..1e6).contains(&largest) {
        true => plain(value, digits),
        false => exact(value, digits),
    };
    let with = |digits: usize| -> Vec<String> { values.iter().map(|v| text(*v, digits)).collect() };
    let enough = (1..MOST_DIGITS).find(|digits| tell_apart(&with(*digits), values));
    with(enough.unwrap_or(MOST_DIGITS))
}

/// Whether labels differ where values do, and each is nearer to its value than a tenth of the way to the next.
fn tell_apart(labels: &[String], values: &[f64]) -> bool {
    let gaps = values.windows(2).map(|pair| (pair[1] - pair[0]).abs());
    let gap = gaps.fold(f64::INFINITY, f64::min);
    let different = labels.iter().collect::<std::collections::BTreeSet<_>>().len() == labels.len();
    let near = |(label, value): (&String, &f64)| match reading(label) {
        Some(read) => (read - value).abs() <= 0.1 * if gap.is_finite() { gap } else { value.abs() },
        None => false,
    };
    different && labels.iter().zip(values).all(near)
}

/// The number that a label says.
fn reading(label: &str) -> Option<f64> {
    let digit = |c: char| match c {
        MINUS | '⁻' => '-',
        '¹' => '1',
        '²' => '2',
        '³' => '3',
        c @ '⁰'..='⁹' => char::from(b'0' + (c as u32 - 0x2070) as u8),
        c => c,
    };
    let raised = |c: char| matches!(c, '⁻' | '¹' | '²' | '³' | '⁰'..='⁹');
    let (base, exponent) = label.split_at(label.find(raised).unwrap_or(label.len()));
    let (base, exponent): (String, String) = (base.chars().map(digit).collect(), exponent.chars().map(digit).collect());
    if exponent.is_empty() {
        let (number, factor) = match base.strip_suffix(['k', 'M', 'G']) {
            Some(number) if base.ends_with('k') => (number, "e3"),
            Some(number) if base.ends_with('M') => (number, "e6"),
            Some(number) => (number, "e9"),
            None => (base.as_str(), ""),
        };
        return format!("{number}{factor}").parse().ok();
    }
    if base == "2" {
        return exponent.parse::<f64>().ok().map(f64::exp2);
    }
    let mantissa = match base.strip_suffix("×10") {
        Some(mantissa) => mantissa.to_owned(),
        None => base.replace("10", "1"),
    };
    format!("{mantissa}e{exponent}").parse().ok()
}

fn usual_labels(values: &[f64], scale: &Scale) -> Vec<String> {
    let largest = values.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    let smallest = values
        .iter()
        .map(|v| v.abs())
        .filter(|v| *v > 0.0)
        .fold(f64::INFINITY, f64::min);
    match scale {
        Scale::Log2 if largest < 1e6 && smallest >= 1.0 => values.iter().map(|v| plain(*v, 0)).collect(),
        Scale::Log2 if largest < 1e3 && smallest >= 0.125 => values.iter().map(|v| shortest(*v)).collect(),
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
    } else if (1e-3..1e6).contains(&value.abs()) {
        shortest(value)
    } else {
        scientific(value)
    }
}

/// `10⁻³`, `2×10⁵`, `−1.5×10⁶`.
fn scientific(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let mut exponent = value.abs().log10().floor() as i32;
    let mut mantissa = value.abs() / power_of_ten(exponent);
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

/// A number in powers of ten with this many digits behind the point.
fn exact(value: f64, digits: usize) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let text = format!("{value:.digits$e}").replace('-', &MINUS.to_string());
    match text.split_once('e') {
        Some((mantissa, exponent)) => {
            let exponent: i32 = exponent.replace(MINUS, "-").parse().unwrap_or(0);
            format!("{mantissa}×10{}", superscript(exponent))
        }
        None => text,
    }
}

/// A number in raised digits.
fn superscript(number: i32) -> String {
    raised(&number.to_string())
}

/// Labels of a category axis, none left out: on one line, wrapped, or read upwards; where the axis is too short for that, by
/// how much.
fn categories(names: &[String], direction: Direction, length: f64, em: f64) -> Result<Ticks, String> {
    let slot = length / names.len().max(1) as f64;
    let short_of = |line: f64| (line * em - slot).max(0.0) * names.len() as f64;
    if direction == Direction::Up {
        return category_ticks(names, false, short_of(1.3), |n| Ok(vec![n.to_owned()]));
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
        return category_ticks(names, false, 0.0, |n| wrap(n, em, Weight::Normal, room));
    }
    let lines = ((slot / (LEADING_EM * em)).floor() as usize).clamp(1, 3);
    let height = upright_height(names, lines, em)?;
    category_ticks(names, true, short_of(LEADING_EM), |n| {
        wrap(n, em, Weight::Normal, height)
    })
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
    upright: bool,
    short_of: f64,
    lines: impl Fn(&str) -> Result<Vec<String>, String>,
) -> Result<Ticks, String> {
    let labelled: Result<Vec<Tick>, String> = names
        .iter()
        .enumerate()
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
        short_of,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(axis: &Axis, low: f64, high: f64, length: f64) -> Vec<String> {
        let projection = Projection {
            low,
            high,
            log: axis.scale.is_log(),
            ..Projection::default()
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
                    ..Projection::default()
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
    fn large_values_between_powers_of_two_read_in_powers_of_ten() {
        let large = labels(
            &Axis::log2("a"),
            3.273_390_610_165_124_5e150,
            6.546_781_220_330_249e150,
            400.0,
        );
        assert!(
            large.len() >= 2 && large.iter().all(|label| label.contains("×10¹⁵⁰")),
            "{large:?}"
        );
    }

    #[test]
    fn neighbours_far_from_zero_have_labels_of_their_own() {
        let small = labels(&Axis::linear("a"), 5.1230e-4, 5.1234e-4, 400.0);
        assert!(small.len() >= 2 && small[0] == "5.1230×10⁻⁴", "{small:?}");
        let near_one = labels(&Axis::linear("b"), 0.999_999_999, 1.0, 400.0);
        assert_eq!(near_one, ["0.9999999990", "0.9999999995", "1.0000000000"]);
    }

    /// What a label says, read with nothing of the code that wrote it.
    fn said(label: &str) -> f64 {
        let raised = "⁰¹²³⁴⁵⁶⁷⁸⁹";
        let plain = |c: char| match raised.chars().position(|r| r == c) {
            Some(digit) => char::from(b'0' + digit as u8),
            None if c == '⁻' || c == '−' => '-',
            None => c,
        };
        let Some(at) = label.find(|c| c == '⁻' || raised.contains(c)) else {
            let (number, unit) = match label.chars().last() {
                Some('k') => (&label[..label.len() - 1], 1e3),
                Some('M') => (&label[..label.len() - 1], 1e6),
                Some('G') => (&label[..label.len() - 1], 1e9),
                _ => (label, 1.0),
            };
            return number.replace('−', "-").parse::<f64>().unwrap() * unit;
        };
        let exponent: String = label[at..].chars().map(plain).collect();
        let front = label[..at].replace('−', "-");
        match front.as_str() {
            "2" => exponent.parse::<f64>().unwrap().exp2(),
            "10" | "-10" => format!("{}1e{exponent}", front.replace("10", "")).parse().unwrap(),
            front => format!("{}e{exponent}", front.strip_suffix("×10").unwrap())
                .parse()
                .unwrap(),
        }
    }

    fn check_labels(axis: &Axis, low: f64, high: f64) -> Result<(), TestCaseError> {
        let projection = Projection {
            low,
            high,
            log: axis.scale.is_log(),
            ..Projection::default()
        };
        let ticks = choose(axis, &projection, Direction::Across, 400.0, 10.0)
            .unwrap()
            .labelled;
        prop_assert!(ticks.len() >= 2, "{low:e} to {high:e}: {ticks:?}");
        for pair in ticks.windows(2) {
            prop_assert!(pair[0].lines != pair[1].lines, "{low:e} to {high:e}: {ticks:?}");
            let (a, b) = (said(&pair[0].lines[0]), said(&pair[1].lines[0]));
            let gap = pair[1].value - pair[0].value;
            prop_assert!(
                a < b && (a - pair[0].value).abs() <= 0.2 * gap,
                "{low:e} to {high:e}: {ticks:?}"
            );
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn labels_differ_on_every_range_of_doubles(bits: u64, width: u64, steps in 2u64..1000) {
            let low = f64::from_bits(bits);
            let wide = f64::from_bits(width);
            prop_assume!(low.is_finite() && wide.is_finite() && low != wide);
            check_labels(&Axis::linear("x"), low.min(wide), low.max(wide))?;
            // A few doubles next to each other.
            let near = f64::from_bits(low.abs().to_bits().saturating_add(steps));
            prop_assume!(near.is_finite());
            check_labels(&Axis::linear("x"), low.abs(), near)?;
            let (low, high) = (low.abs().min(wide.abs()), low.abs().max(wide.abs()));
            prop_assume!(low > 0.0 && low < high);
            check_labels(&Axis::log10("x"), low, high)?;
            check_labels(&Axis::log2("x"), low, high)?;
        }

        #[test]
        fn labels_differ_on_everyday_ranges(low in -1e4..1e4f64, power in -12i32..6) {
            let high = low + 10f64.powi(power);
            check_labels(&Axis::linear("x"), low, high)?;
        }
    }

    #[test]
    fn no_name_of_a_category_is_left_out() {
        let names: Vec<String> = (0..40).map(|i| format!("category {i}")).collect();
        for direction in [Direction::Across, Direction::Up] {
            let ticks = categories(&names, direction, 200.0, 10.0).unwrap();
            assert_eq!(ticks.labelled.len(), 40);
            // At 10 pixels a line takes 12.5 or 13 of them, 40 lines 500 or 520.
            let needed = 200.0 + ticks.short_of;
            assert!(
                (needed - if ticks.upright { 500.0 } else { 520.0 }).abs() < 1e-9,
                "{needed}"
            );
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
