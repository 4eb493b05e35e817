//! Words that a reader may not know, explained where they stand.

use maud::{Markup, html};

const WORDS: [(&str, &str); 26] = [
    (
        "W",
        "Shapiro–Wilk statistic of normality, here of the spreads of a layer's units; 1 is normal",
    ),
    (
        "π",
        "share of a layer's units that a mixture of two distributions calls idle",
    ),
    (
        "x₀",
        "the size that a size gate learns: where its sigmoid over the units falls to one half",
    ),
    ("∫gate", "sum of the gate over all units, the size of a gated layer"),
    ("λ", "weight of the penalty on size in the loss"),
    ("θ", "value of a unit's gate"),
    ("L2", "weight decay: a penalty on the squares of the weights"),
    ("L1", "a penalty on the absolute values of the weights"),
    ("k", "steepness of a size gate's sigmoid"),
    ("ReLU", "max(0, x)"),
    ("ReLUs", "units with the activation max(0, x)"),
    (
        "MAC",
        "one multiply–accumulate, 2 FLOPs; a training step counts as three forward passes",
    ),
    (
        "MACs",
        "multiply–accumulates, 2 FLOPs each; a training step counts as three forward passes",
    ),
    ("R²", "share of the variance that a fit explains"),
    ("ρ", "Spearman's rank correlation"),
    ("doublings", "difference of binary logarithms: 1 is a factor of two"),
    ("points", "hundredths of accuracy"),
    (
        "twin",
        "a static net of the final size of the net that it is compared with",
    ),
    ("dead", "of a unit: the same output for every input"),
    (
        "dice",
        "rolling the dice: several initialisations, of which the best is trained on",
    ),
    ("strict", "of a gate: once closed it stays closed"),
    ("frontier", "the best accuracy for each size"),
    ("smallify", "a pruning method that learns a switch for each unit"),
    (
        "confounded",
        "the sides differ in something else than the declared cause",
    ),
    ("artefact", "the number comes back only with a named flaw"),
    (
        "inconclusive",
        "the interval crosses the edge of the zone where the claim holds",
    ),
];

/// A word's meaning.
pub(super) fn meaning(word: &str) -> Option<&'static str> {
    WORDS
        .iter()
        .find(|(known, _)| *known == word)
        .map(|(_, meaning)| *meaning)
}

/// A text with its known words explained on hover.
pub(super) fn explained(text: &str) -> Markup {
    let text = super::typeset(text);
    html! {
        @for (i, word) in text.split_whitespace().enumerate() {
            @if i > 0 { " " }
            @let core = word.trim_matches(|c: char| ",.;:()[]".contains(c));
            @match (meaning(core), word.find(core)) {
                (Some(meaning), Some(start)) => {
                    (word[..start]) abbr title=(meaning) { (core) } (word[start + core.len()..])
                }
                _ => (word)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_words_are_explained_and_nothing_is_lost() {
        let html = explained("the size (x₀) with L2, <b> & more").into_string();
        assert!(html.contains("(<abbr title=\"the size that a size gate learns"));
        assert!(html.contains(">L2</abbr>, &lt;b&gt; &amp; more"), "{html}");
    }
}
