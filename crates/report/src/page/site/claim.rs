//! Pieces that show claims: the verdict's word, a bar of verdicts, a table of claims.

use maud::{Markup, html};

use super::forest::{self, Span};
use super::glossary::{explained, meaning};
use crate::page::ClaimSummary;
use crate::page::answer::{counted, counts, display, kind};

/// A word's name as a style class.
fn class(word: &str) -> String {
    word.replace(' ', "-")
}

/// A verdict alone, with its meaning on hover.
pub(super) fn word(verdict: &str) -> Markup {
    html! { span class={ "chip " (class(kind(verdict))) } title=[meaning(verdict)] { (verdict) } }
}

/// The verdict, with its reason on hover.
pub(super) fn chip(claim: &ClaimSummary) -> Markup {
    let reason = match (claim.reason.as_str(), meaning(&claim.verdict)) {
        ("", Some(meaning)) => meaning.to_owned(),
        (reason, Some(meaning)) => format!("{reason} ({meaning})"),
        (reason, None) => reason.to_owned(),
    };
    html! { span class={ "chip " (class(kind(&claim.verdict))) } title=(super::typeset(&reason)) { (claim.verdict) } }
}

/// All verdicts as one stacked bar.
pub(super) fn bar(claims: &[ClaimSummary]) -> Markup {
    html! {
        @if !claims.is_empty() {
            span .bar role="img" aria-label=(counted(claims)) title=(counted(claims)) {
                @for (name, count) in counts(claims) {
                    i class=(class(name)) style={ "flex-grow:" (count) } {}
                }
            }
        }
    }
}

/// What tests a claim, with its cause and family, for a tooltip.
fn statistic(claim: &ClaimSummary) -> String {
    let mut parts = vec![claim.statistic.clone()];
    if let Some(declared) = &claim.declared {
        let cause = declared
            .contrast
            .as_ref()
            .map(|contrast| contrast.cause.as_str())
            .unwrap_or_default();
        if !cause.is_empty() {
            parts.push(format!("cause: {cause}"));
        }
        if let Some(family) = declared.family.as_ref().filter(|family| family.size > 1) {
            parts.push(format!("one of {} claims on “{}”", family.size, family.name));
        }
        parts.extend(declared.unlike_the_study.iter().cloned());
        parts.push(declared.remark.clone());
    }
    parts.retain(|part| !part.trim().is_empty());
    super::typeset(&parts.join("; "))
}

/// Claims one below the other, on one axis where they can share it.
pub(super) fn table(claims: &[&ClaimSummary]) -> Markup {
    let shared = Span::shared(claims);
    html! {
        table .claims {
            @for claim in claims {
                tr id=(super::clean(&claim.id)) {
                    td .verdict { (chip(claim)) }
                    td .words title=(statistic(claim)) {
                        (explained(claim.said())) " "
                        a .anchor href={ "#" (claim.id) } { (super::clean(&claim.id)) }
                        @if !claim.words.is_empty() { p .remark { (super::typeset(&claim.text)) } }
                        @if let Some(remark) = remark(claim) { p .remark { (super::typeset(&remark)) } }
                    }
                    td .mark { (forest::mark(claim, shared)) }
                    td .number {
                        @match &claim.ours { Some(ours) => (display(claim).estimate(ours, claim.zone())), None => "–" }
                        @if !claim.study_value.is_empty() { small { "study: " (super::clean(&claim.study_value)) } }
                    }
                }
            }
        }
    }
}

/// What a reader must know beside the verdict: its reason where there is none, and what limits it.
fn remark(claim: &ClaimSummary) -> Option<String> {
    let declared = claim
        .declared
        .as_ref()
        .map(|declared| declared.remark.clone())
        .unwrap_or_default();
    let parts = [claim.reason.clone(), declared];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}
