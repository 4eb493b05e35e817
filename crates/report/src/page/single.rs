//! Texts about one seed, of which no interval can be drawn.

/// Words that promise what is drawn from several seeds.
const SPREADS: [&str; 4] = ["interval", "band", "whisker", "standard deviation"];

/// Takes the clauses out of a text that speak of intervals, bands or whiskers, and says that there is one seed.
///
/// # Example
/// ```
/// use espalier_report::page::of_one_seed;
///
/// let caption = "Down is nearer. Lines are means over seeds, bands 95 % bootstrap intervals; epoch 0 is the start.";
/// assert_eq!(of_one_seed(caption), "Down is nearer. Epoch 0 is the start. There is one seed, and no interval.");
/// ```
#[must_use]
pub fn of_one_seed(text: &str) -> String {
    let mut said: Vec<String> = text.split_inclusive(". ").filter_map(plain).collect();
    said.push("There is one seed, and no interval.".to_owned());
    said.join(" ")
}

/// The clauses of a sentence that speak of no spread, as a sentence.
fn plain(sentence: &str) -> Option<String> {
    let clauses = sentence.trim().trim_end_matches('.').split("; ");
    let kept = clauses.filter(|clause| !SPREADS.iter().any(|word| clause.contains(word)));
    let kept = kept.collect::<Vec<_>>().join("; ");
    let mut letters = kept.chars();
    let first = letters.next()?;
    Some(format!("{}{}.", first.to_uppercase(), letters.as_str()))
}
