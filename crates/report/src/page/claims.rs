//! The tables of claims: a study's, ours, and what holds by construction.

use super::claim::Claim;
use super::declaration::Declaration;
use super::items::items;
use super::markdown::{line, table};
use super::verdict::Verdict;
use crate::figure::{raised, typeset};

/// Writes the claims; those that declare themselves stand in groups, a study's apart from ours. What several claims say
/// stands once below them.
pub(super) fn claims(claims: &[Claim]) -> String {
    let notes = Notes::of(claims);
    let mut blocks = match claims.iter().any(|claim| claim.declared.is_some()) {
        true => grouped(claims, &notes),
        false => vec![claims_of_a_study(&claims.iter().collect::<Vec<_>>(), &notes)],
    };
    blocks.extend(notes.below());
    blocks.join("\n\n")
}

/// How statistics end that name no other way to sum up seeds.
const USUAL: &str = ", interquartile mean over seeds";

/// What tests each claim, where its words do not say it; empty where all say so. Claims with one statistic share a line.
pub(super) fn statistics(claims: &[Claim]) -> String {
    let mut lines: Vec<(String, Vec<String>)> = Vec::new();
    for claim in claims {
        let Some(said) = statistic(claim) else { continue };
        let id = format!("**{}**", line(&claim.id));
        match lines.iter_mut().find(|(known, _)| *known == said) {
            Some((_, ids)) => ids.push(id),
            None => lines.push((said, vec![id])),
        }
    }
    if lines.is_empty() {
        return String::new();
    }
    let lines: Vec<String> = lines
        .into_iter()
        .map(|(said, ids)| format!("- {}: {said}", ids.join(", ")))
        .collect();
    let usual = match claims.iter().any(|claim| claim.statistic.ends_with(USUAL)) {
        true => ", an interquartile mean over seeds where nothing else is said",
        false => "",
    };
    format!(
        "Ours is the value with its interval{}{usual}.\n\n{}",
        levels(claims),
        lines.join("\n")
    )
}

/// What two claims or more say beside their verdicts, numbered.
struct Notes(Vec<String>);

impl Notes {
    /// The shortest text that is worth a number.
    const SHORTEST: usize = 40;

    fn of(claims: &[Claim]) -> Self {
        let all: Vec<String> = claims.iter().flat_map(beside).collect();
        let mut several: Vec<String> = Vec::new();
        for text in &all {
            let count = all.iter().filter(|other| *other == text).count();
            if count > 1 && text.len() >= Self::SHORTEST && !several.contains(text) {
                several.push(text.clone());
            }
        }
        Self(several)
    }

    /// The number of a text as raised digits; `None` for one that stands where it is said.
    fn number(&self, text: &str) -> Option<String> {
        let place = self.0.iter().position(|note| note == text)?;
        Some(raised(&(place + 1).to_string()))
    }

    fn below(&self) -> Option<String> {
        let one = |text: &String| format!("{} {}", self.number(text).unwrap_or_default(), typeset(text));
        let lines: Vec<String> = self.0.iter().map(one).collect();
        (!lines.is_empty()).then(|| lines.join("\n\n"))
    }
}

/// Who said what a claim says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Study,
    Ours,
    Construction,
}

fn origin(claim: &Claim) -> Origin {
    match &claim.declared {
        Some(declared) if declared.kind == "identity" => Origin::Construction,
        Some(declared) if !declared.reproduction => Origin::Ours,
        _ => Origin::Study,
    }
}

fn grouped(claims: &[Claim], notes: &Notes) -> Vec<String> {
    let groups = [
        (Origin::Study, "What the study claims"),
        (Origin::Ours, "What we expect"),
        (Origin::Construction, "What holds by construction"),
    ];
    let mut blocks = Vec::new();
    for (wanted, title) in groups {
        let group: Vec<&Claim> = claims.iter().filter(|claim| origin(claim) == wanted).collect();
        if group.is_empty() {
            continue;
        }
        let rows = match wanted {
            Origin::Study => claims_of_a_study(&group, notes),
            Origin::Ours | Origin::Construction => claims_of_ours(&group, notes),
        };
        blocks.push(format!("### {title}\n\n{rows}"));
    }
    blocks
}

fn claims_of_a_study(claims: &[&Claim], notes: &Notes) -> String {
    let header = [
        "",
        "the study's claim",
        "its number",
        "ours",
        "holds when",
        "seeds",
        "verdict",
    ];
    let rows: Vec<Vec<String>> = claims.iter().map(|claim| claim_row(claim, true, notes)).collect();
    table(&header, &rows)
}

fn claims_of_ours(claims: &[&Claim], notes: &Notes) -> String {
    let header = ["", "claim", "ours", "holds when", "seeds", "verdict"];
    let rows: Vec<Vec<String>> = claims.iter().map(|claim| claim_row(claim, false, notes)).collect();
    table(&header, &rows)
}

/// What tests a claim, its cause and its family, as far as the claim's own text does not say it.
fn statistic(claim: &Claim) -> Option<String> {
    let own = claim.statistic.strip_suffix(USUAL).unwrap_or(&claim.statistic);
    let comparison = |declared: &Declaration| claim.words.is_empty() && !declared.reproduction;
    let mut parts = match &claim.declared {
        Some(declared) if comparison(declared) && declared.kind != "identity" => Vec::new(),
        _ => vec![own.to_owned()],
    };
    if let Some(declared) = &claim.declared {
        if let Some(contrast) = declared.contrast.as_ref().filter(|contrast| !contrast.cause.is_empty()) {
            parts.push(format!("cause: {}", contrast.cause));
        }
        if !declared.strata.is_empty() {
            parts.push(format!("within {}", declared.strata.join("; ")));
        }
        if let Some(family) = declared.family.as_ref().filter(|family| family.size > 1) {
            parts.push(format!("one of {} on “{}”", family.size, family.name));
        }
    }
    parts.retain(|part| !part.trim().is_empty());
    (!parts.is_empty()).then(|| typeset(&line(&parts.join("; "))).into_owned())
}

/// The intervals' level, when they share one.
fn levels(claims: &[Claim]) -> String {
    let mut levels = claims.iter().filter_map(|claim| claim.ours).map(|ours| ours.level);
    match levels.next() {
        Some(first) if levels.all(|level| level == first) => {
            format!(" at {} %", (first * 1000.0).round() / 10.0)
        }
        _ => String::new(),
    }
}

fn claim_row(claim: &Claim, of_a_study: bool, notes: &Notes) -> Vec<String> {
    let display = claim.display();
    let dash = || "–".to_owned();
    let said = match claim.words.as_str() {
        "" => &claim.text,
        words => words,
    };
    let mut row = vec![claim.id.clone(), typeset(said).into_owned()];
    if of_a_study {
        row.push(
            Some(claim.study_value.clone())
                .filter(|text| !text.is_empty())
                .unwrap_or_else(dash),
        );
    }
    row.extend([
        claim
            .ours
            .map_or_else(dash, |ours| display.estimate(&ours, claim.margin)),
        claim
            .margin
            .map_or_else(dash, |margin| display.zone(margin, claim.ours.as_ref())),
        claim.seeds.to_string(),
        verdict(claim, notes),
    ]);
    row
}

/// The verdict with its reason, and what a reader must know beside it: here, or below under a number.
fn verdict(claim: &Claim, notes: &Notes) -> String {
    let word = format!("**{}**", claim.verdict.word());
    let (below, here): (Vec<String>, Vec<String>) =
        beside(claim).into_iter().partition(|text| notes.number(text).is_some());
    let numbers: Vec<String> = below.iter().filter_map(|text| notes.number(text)).collect();
    let word = [vec![word], numbers].concat().join(" ");
    match here.as_slice() {
        [] => word,
        said => format!("{word}: {}", typeset(&said.join("; "))),
    }
}

/// What stands beside a verdict: its reason, a remark, what differs from the study.
fn beside(claim: &Claim) -> Vec<String> {
    let remark = claim.declared.as_ref().map_or("", |declared| &declared.remark);
    let unlike = claim.declared.as_ref().map_or(&[][..], |d| &d.unlike_the_study);
    // What differs explains a number that agrees or not; where there is no verdict its reason already says enough.
    let unlike = match claim.verdict {
        Verdict::Withheld { .. } => String::new(),
        _ if unlike.is_empty() => String::new(),
        _ => format!("unlike the study: {}", items(unlike)),
    };
    let said = [reason(claim), remark.to_owned(), unlike];
    said.into_iter().filter(|part| !part.is_empty()).collect()
}

/// The reason without the interval and the edge that it crosses, which stand in the same line of the table.
fn reason(claim: &Claim) -> String {
    let reason = claim.verdict.reason().unwrap_or_default();
    let (first, rest) = reason.split_once("; ").unwrap_or((reason, ""));
    let told = first.starts_with("the ") && first.contains(" interval [") && first.contains(" crosses ");
    if told { rest.to_owned() } else { reason.to_owned() }
}
