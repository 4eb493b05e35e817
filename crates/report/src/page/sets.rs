//! Data sets by the names that their authors gave them.

/// Names in commands and folders, and in print.
const NAMES: [(&str, &str); 4] = [
    ("mnist", "MNIST"),
    ("fashion-mnist", "Fashion-MNIST"),
    ("cifar10", "CIFAR-10"),
    ("no-data", "no data"),
];

/// A data set's name in print; several joined by `+` are named up to two, else counted.
///
/// # Example
/// ```
/// use espalier_report::page::set_in_print;
/// assert_eq!(set_in_print("mnist+fashion-mnist"), "MNIST + Fashion-MNIST");
/// assert_eq!(set_in_print("optdigits"), "optdigits");
/// assert_eq!(set_in_print("optdigits+adult+airfoil"), "3 data sets");
/// ```
#[must_use]
pub fn set_in_print(set: &str) -> String {
    let one = |name: &str| {
        let known = NAMES.iter().find(|(plain, _)| *plain == name);
        known.map_or_else(|| name.to_owned(), |(_, print)| (*print).to_owned())
    };
    let names: Vec<String> = set.split('+').map(one).collect();
    match names.len() {
        1 | 2 => names.join(" + "),
        several => format!("{several} data sets"),
    }
}
