//! The tables of claims: a study's, ours, and what holds by construction.

use super::claim::Claim;
use super::markdown::{line, table};
use super::verdict::Verdict;
use crate::figure::typeset;

/// Writes the claims; those that declare themselves stand in groups, a study's apart from ours.
pub(super) fn claims(claims: &[Claim]) -> String {
    if claims.iter().any(|claim| claim.declared.is_some()) {
        grouped(claims)
    } else {
        claims_of_a_study(&claims.iter().collect::<Vec<_>>())
    }
}

/// What tests each claim; empty where none says so.
pub(super) fn statistics(claims: &[Claim]) -> String {
    let statistics: Vec<String> = claims.iter().filter_map(statistic).collect();
    match statistics.is_empty() {
        true => String::new(),
        false => format!(
            "Ours is the value with its interval{}.\n\n{}",
            levels(claims),
            statistics.join("\n")
        ),
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

fn grouped(claims: &[Claim]) -> String {
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
            Origin::Study => claims_of_a_study(&group),
            Origin::Ours | Origin::Construction => claims_of_ours(&group),
        };
        blocks.push(format!("### {title}\n\n{rows}"));
    }
    blocks.join("\n\n")
}

fn claims_of_a_study(claims: &[&Claim]) -> String {
    let header = [
        "",
        "the study's claim",
        "its number",
        "ours",
        "holds when",
        "seeds",
        "verdict",
    ];
    let rows: Vec<Vec<String>> = claims.iter().map(|claim| claim_row(claim, true)).collect();
    table(&header, &rows)
}

fn claims_of_ours(claims: &[&Claim]) -> String {
    let header = ["", "claim", "ours", "holds when", "seeds", "verdict"];
    let rows: Vec<Vec<String>> = claims.iter().map(|claim| claim_row(claim, false)).collect();
    table(&header, &rows)
}

fn statistic(claim: &Claim) -> Option<String> {
    let mut parts = vec![claim.statistic.clone()];
    if let Some(declared) = &claim.declared {
        if let Some(contrast) = declared.contrast.as_ref().filter(|contrast| !contrast.cause.is_empty()) {
            parts.push(format!("cause: {}", contrast.cause));
        }
        if !declared.strata.is_empty() {
            parts.push(format!("within {}", declared.strata.join("; ")));
        }
        if let Some(family) = &declared.family {
            parts.push(format!("one of {} on {}", family.size, family.name));
        }
        if !declared.figure.is_empty() {
            parts.push(format!("figure `{}`", declared.figure));
        }
    }
    parts.retain(|part| !part.trim().is_empty());
    (!parts.is_empty()).then(|| format!("- **{}**: {}", line(&claim.id), typeset(&line(&parts.join("; ")))))
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

fn claim_row(claim: &Claim, of_a_study: bool) -> Vec<String> {
    let display = claim.display();
    let dash = || "–".to_owned();
    let mut row = vec![claim.id.clone(), typeset(&claim.text).into_owned()];
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
        verdict(claim),
    ]);
    row
}

/// The verdict with its reason, and what a reader must know beside it.
fn verdict(claim: &Claim) -> String {
    let reason = claim.verdict.reason().unwrap_or_default();
    let remark = claim.declared.as_ref().map_or("", |declared| &declared.remark);
    let unlike = claim.declared.as_ref().map_or(&[][..], |d| &d.unlike_the_study);
    // What differs explains a number that agrees or not; where there is no verdict its reason already says enough.
    let unlike = match claim.verdict {
        Verdict::Withheld { .. } => String::new(),
        _ if unlike.is_empty() => String::new(),
        _ => format!("unlike the study: {}", unlike.join(", ")),
    };
    let said: Vec<&str> = [reason, remark, &unlike]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    match said.as_slice() {
        [] => format!("**{}**", claim.verdict.word()),
        said => format!("**{}**: {}", claim.verdict.word(), typeset(&said.join("; "))),
    }
}
