//! What a report answers, from the verdicts of its claims.

use super::claim::contrasts;
use super::declaration::Withheld;
use super::length::beside;
use super::number::Display;
use super::part::Part;
use super::sets::set_in_print;
use super::summary::{ClaimSummary, Summary};

/// Words that a reader takes in at one look.
const SHORT: usize = 110;

/// The kinds of verdict in the order in which bars stack them, each with the words that belong to it.
pub(super) const KINDS: [(&str, &[&str]); 6] = [
    ("confirmed", &["confirmed"]),
    ("refuted", &["refuted"]),
    ("artefact", &["artefact"]),
    ("open", &["undecided", "inconclusive"]),
    (
        "not judged",
        &["confounded", "not converged", "diverged", "made no edit", "not run"],
    ),
    ("by construction", &["by construction"]),
];

/// The kind to which a verdict belongs.
pub(super) fn kind(verdict: &str) -> &'static str {
    let found = KINDS.iter().find(|(_, words)| words.contains(&verdict));
    found.map_or("not judged", |(kind, _)| kind)
}

/// How many claims got each kind of verdict; kinds without one are left out.
pub(super) fn counts(claims: &[ClaimSummary]) -> Vec<(&'static str, usize)> {
    let count = |name: &str| claims.iter().filter(|claim| kind(&claim.verdict) == name).count();
    let all = KINDS.iter().map(|(name, _)| (*name, count(name)));
    all.filter(|(_, count)| *count > 0).collect()
}

/// `4 confirmed, 1 refuted, 10 open`.
pub(super) fn counted(claims: &[ClaimSummary]) -> String {
    let parts: Vec<String> = counts(claims).iter().map(|(name, n)| format!("{n} {name}")).collect();
    parts.join(", ")
}

fn decided(claim: &ClaimSummary) -> bool {
    ["confirmed", "refuted", "artefact"].contains(&claim.verdict.as_str())
}

/// The single claims that answer: those that the report names, else the first ones that are decided, unless candidates are
/// counted.
///
/// A study's claim goes before ours and short words before long ones; the second is about another figure or question.
pub(super) fn headline(summary: &Summary) -> Vec<&ClaimSummary> {
    let named = |id: &String| summary.claims.iter().find(|claim| claim.id == *id);
    let named: Vec<&ClaimSummary> = summary.headline.iter().filter_map(named).collect();
    if !named.is_empty() || summary.tally.is_some() {
        return named;
    }
    let mut rest: Vec<&ClaimSummary> = summary.claims.iter().filter(|claim| decided(claim)).collect();
    rest.sort_by_key(|claim| {
        let ours = claim.declared.as_ref().is_some_and(|declared| !declared.reproduction);
        (claim.said().chars().count() > SHORT, ours)
    });
    let Some(first) = rest.first().copied() else {
        return Vec::new();
    };
    let second = rest.iter().skip(1).find(|claim| topic(claim) != topic(first));
    [Some(first), second.or(rest.get(1)).copied()]
        .into_iter()
        .flatten()
        .collect()
}

/// What a claim is about: its family, its figure, or the first part of its name.
pub(super) fn topic(claim: &ClaimSummary) -> &str {
    let declared = claim.declared.as_ref();
    let family = declared
        .and_then(|d| d.family.as_ref())
        .map(|family| family.name.as_str());
    let figure = declared.map(|d| d.figure.as_str()).filter(|figure| !figure.is_empty());
    family
        .or(figure)
        .unwrap_or_else(|| claim.id.split('-').next().unwrap_or_default())
}

/// One sentence of the answer, with the claim whose verdict it says.
pub(super) type Sentence<'a> = (Option<&'a ClaimSummary>, String);

/// The answer in a few sentences, each with its number: a count of candidates before single claims.
pub(super) fn sentences(summary: &Summary) -> Vec<Sentence<'_>> {
    let count = summary.tally.iter().map(|tally| (None, tally.sentence(summary)));
    let single = headline(summary)
        .into_iter()
        .map(|claim| (Some(claim), sentence(claim)));
    let all: Vec<Sentence<'_>> = count.chain(single).collect();
    if !all.is_empty() {
        return all;
    }
    vec![(None, unjudged(summary))]
}

/// The answer where no claim is decided: the page's own words, where its data sets are judged, or how many claims are open.
fn unjudged(summary: &Summary) -> String {
    match summary.claims.len() {
        0 if !summary.answer.is_empty() => summary.answer.clone(),
        0 if !summary.parts.is_empty() => "Each data set is judged on its own page:".to_owned(),
        0 => "This page shows figures and judges no claim.".to_owned(),
        n => format!("Not settled: of {n} claims, {}.", counted(&summary.claims)),
    }
}

/// The answer as running text, each claim after its verdict and each data set with its own answer.
pub(super) fn told(summary: &Summary) -> String {
    let one = |(claim, text): Sentence<'_>| match claim {
        Some(claim) => format!("{}: {text}", capital(&claim.verdict)),
        None => text,
    };
    let parts: Vec<String> = summary.parts.iter().map(part_told).collect();
    let ended = |parts: String| if parts.is_empty() { parts } else { format!("{parts}.") };
    let all = sentences(summary).into_iter().map(one);
    let all = all.chain([ended(parts.join("; "))]).filter(|text| !text.is_empty());
    all.collect::<Vec<_>>().join(" ")
}

/// A data set with its own answer: `MNIST: confirmed: the size grows`.
fn part_told(part: &Part) -> String {
    let said = [part.set.as_str(), &part.verdict, &part.said];
    let said: Vec<&str> = said.into_iter().filter(|text| !text.is_empty()).collect();
    said.join(": ")
}

fn sentence(claim: &ClaimSummary) -> String {
    let number = number(claim).map_or_else(String::new, |number| format!(" ({number})"));
    format!("{}{number}.", claim.said())
}

/// The answer in one phrase, with the verdict of the claim that it says; empty where it is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Phrase<'a> {
    pub verdict: &'a str,
    pub text: String,
}

/// The answer in one phrase, for a cell of a table.
pub(super) fn phrase(summary: &Summary) -> Phrase<'_> {
    let plain = |text: String| Phrase { verdict: "", text };
    if let Some(tally) = &summary.tally {
        return plain(tally.phrase(summary));
    }
    match headline(summary).first() {
        Some(claim) => Phrase {
            verdict: &claim.verdict,
            text: claim.said().to_owned(),
        },
        None if summary.claims.is_empty() => unjudged_phrase(summary),
        None => plain("not settled".to_owned()),
    }
}

/// What a page without claims answers: its own first sentence, or what its data sets' pages do, once where they agree.
fn unjudged_phrase(summary: &Summary) -> Phrase<'_> {
    let plain = |text: String| Phrase { verdict: "", text };
    let alike = |two: &[Part]| (&two[0].verdict, &two[0].said) == (&two[1].verdict, &two[1].said);
    match summary.parts.as_slice() {
        _ if !summary.answer.is_empty() => {
            let first = summary.answer.split(". ").next().unwrap_or_default();
            plain(first.trim_end_matches('.').to_owned())
        }
        [] => plain("figures, and no claim".to_owned()),
        parts if parts.windows(2).all(alike) => Phrase {
            verdict: &parts[0].verdict,
            text: parts[0].said.clone(),
        },
        parts => plain(parts.iter().map(part_told).collect::<Vec<_>>().join("; ")),
    }
}

/// The phrase after its verdict.
pub(super) fn phrase_told(summary: &Summary) -> String {
    let Phrase { verdict, text } = phrase(summary);
    match verdict {
        "" => capital(&text),
        verdict => format!("{}: {text}", capital(verdict)),
    }
}

/// A claim's number with its interval and unit; `None` where it has none.
pub(super) fn number(claim: &ClaimSummary) -> Option<String> {
    claim
        .ours
        .as_ref()
        .map(|ours| display(claim).estimate(ours, claim.zone()))
}

/// How a claim's numbers are shown.
pub(super) fn display(claim: &ClaimSummary) -> Display<'_> {
    let shown = Display::of_claim(&claim.unit, &claim.statistic, contrasts(claim.declared.as_ref()));
    shown.built(claim.verdict == Withheld::ByConstruction.word())
}

pub(super) fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The question up to its mark, without the explanation that follows.
pub(super) fn question(summary: &Summary) -> &str {
    let text = summary.question.trim();
    text.find('?').map_or(text, |mark| &text[..=mark])
}

/// What the answer is valid for: length of training with its share of the full one, seeds and data.
pub(super) fn validity(summary: &Summary) -> String {
    let seeds = match summary.seeds {
        0 => String::new(),
        1 => "1 seed".to_owned(),
        n => format!("{n} seeds"),
    };
    let data = data_sets(&summary.dataset).join(", ");
    let length = match summary.length.as_str() {
        "" => String::new(),
        length => format!("{length}{}", beside(summary.share)),
    };
    let parts = [length, seeds, data];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(", ")
}

/// What stands for data that an experiment makes itself.
const NO_DATA: &str = "no-data";

/// The names of the data sets, each before what a parenthesis says of it, with `;` between them.
fn data_sets(said: &str) -> Vec<String> {
    let mut depth = 0_i32;
    let parts = said.split(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ';' && depth == 0
    });
    let names = parts.map(|part| part.split(" (").next().unwrap_or_default().trim());
    let names = names.filter(|name| !name.is_empty() && *name != NO_DATA && !name.starts_with("first "));
    names.map(set_in_print).collect()
}
