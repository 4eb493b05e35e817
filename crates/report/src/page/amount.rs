//! Amounts in a unit that fits them: operations by the thousand, million or billion.

use crate::statistics::{Estimate, figures};

/// Powers of ten by which operations are counted, the largest first, each with its word.
const POWERS: [(i32, &str); 3] = [(9, "10⁹ "), (6, "10⁶ "), (3, "10³ ")];

/// From this on a number is too long to be read.
const LONGEST: f64 = 1e6;

/// The factor to a unit in which the largest of some numbers is not below 1, and none but 0 is shown as 0 where that keeps the
/// largest short, and that unit.
///
/// Units that count by powers of ten, such as `10⁹ MACs`, become smaller; all others stay.
fn fitting(unit: &str, numbers: impl Iterator<Item = f64>, decimals: usize) -> (f64, String) {
    let sizes: Vec<f64> = numbers
        .map(f64::abs)
        .filter(|size| *size > 0.0 && size.is_finite())
        .collect();
    let largest = sizes.iter().copied().fold(0.0, f64::max);
    let least = sizes.iter().copied().fold(f64::INFINITY, f64::min);
    let shown = 0.5 * 0.1_f64.powi(i32::try_from(decimals).unwrap_or(0));
    let counted = POWERS
        .iter()
        .find_map(|(power, word)| Some((*power, unit.strip_prefix(word)?)));
    let (Some((from, what)), true) = (counted, largest > 0.0) else {
        return (1.0, unit.to_owned());
    };
    let factor = |power: i32| 10_f64.powi(from - power);
    let large = |(power, _): &&(i32, &str)| *power <= from && largest * factor(*power) >= 1.0;
    let all = |(power, _): &&(i32, &str)| least * factor(*power) >= shown && largest * factor(*power) < LONGEST;
    let mut smaller = POWERS.iter().filter(large);
    let fit = smaller.clone().find(all).or(smaller.next()).or(POWERS.last());
    let (power, word) = fit.copied().unwrap_or((from, ""));
    (factor(power), format!("{word}{what}"))
}

/// The head and the cells of a table's column: numbers with so many decimals, a dash where there is none.
///
/// # Example
/// ```
/// use espalier_report::page::column;
/// use espalier_report::statistics::Estimate;
///
/// let macs = [Some(Estimate { value: 0.002, low: 0.001, high: 0.003, n: 6, level: 0.95 }), None];
/// let (head, cells) = column("training", "10⁹ MACs", 0, &macs);
/// assert_eq!((head.as_str(), cells), ("training, 10⁶ MACs", vec!["2 [1, 3]".to_owned(), "–".to_owned()]));
/// let one = |value| Some(Estimate::point(value, 0.95));
/// assert_eq!(column("training", "10⁹ MACs", 1, &[one(12.0), one(0.03)]).1, ["12000.0", "30.0"]);
/// ```
#[must_use]
pub fn column(name: &str, unit: &str, decimals: usize, numbers: &[Option<Estimate>]) -> (String, Vec<String>) {
    let values = numbers.iter().flatten().map(|number| number.value);
    let (factor, unit) = fitting(unit, values, decimals);
    let head = if unit.is_empty() {
        name.to_owned()
    } else {
        format!("{name}, {unit}")
    };
    let cell = |number: &Option<Estimate>| {
        number.map_or_else(
            || "–".to_owned(),
            |number| format!("{:.decimals$}", number.scaled(factor)),
        )
    };
    (head, numbers.iter().map(cell).collect())
}

/// Two numbers that differ, with so many decimals, or as many as tell them apart.
///
/// # Example
/// ```
/// use espalier_report::page::sides;
///
/// assert_eq!(sides(29.9, 214.94, 1, "units"), "29.9 against 214.9 units");
/// assert_eq!(sides(0.0463, 0.0667, 1, "10⁹ MACs"), "46.3 against 66.7 10⁶ MACs");
/// assert_eq!(sides(0.0012, 0.0034, 1, ""), "0.0012 against 0.0034");
/// ```
#[must_use]
pub fn sides(left: f64, right: f64, decimals: usize, unit: &str) -> String {
    let (factor, unit) = fitting(unit, [left, right].into_iter(), decimals);
    let (left, right) = (left * factor, right * factor);
    let mut shown = [left, right].map(|side| format!("{side:.decimals$}"));
    if shown[0] == shown[1] {
        shown = [left, right].map(|side| figures(side, 3));
    }
    format!("{} {unit}", shown.join(" against ")).trim_end().to_owned()
}
