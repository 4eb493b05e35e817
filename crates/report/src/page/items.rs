//! Lists in running text.

/// Joins items by commas, or by semicolons where one of them holds a comma itself.
///
/// # Example
/// ```
/// use espalier_report::page::items;
///
/// assert_eq!(items(&["rank", "norm"]), "rank, norm");
/// assert_eq!(items(&["rotated labels, MLP", "flipping bits, MLP"]), "rotated labels, MLP; flipping bits, MLP");
/// ```
#[must_use]
pub fn items<S: AsRef<str>>(all: &[S]) -> String {
    let all: Vec<&str> = all.iter().map(AsRef::as_ref).collect();
    let between = if all.iter().any(|item| item.contains(',')) {
        "; "
    } else {
        ", "
    };
    all.join(between)
}
