//! The journal as a page: what was believed, and what holds today.

use maud::{Markup, html};

use super::claim::{bar, chip};
use super::glossary::explained;
use super::{clean, document};
use crate::page::answer::{number, validity};
use crate::page::journal::{Belief, Held, Journal, Today, claims, named, outcome, today};
use crate::page::length::beside;
use crate::page::markdown::link;
use crate::page::{Entry, set_in_print};

/// Writes the page.
pub(in crate::page) fn page(journal: &Journal, entries: &[Entry]) -> String {
    let body = html! {
        main .journal {
            nav { a href="../index.html" { "All reports" } " · " a href="README.md" { "as Markdown" } }
            h1 { "What was believed, and what holds today" }
            p .valid { "Each entry of the studies in order, with the claims that test it, each from its longest report." }
            (contents(journal, entries))
            @for study in &journal.study {
                section {
                    h2 { "Study " (clean(&study.number)) ": " (clean(&study.title)) }
                    p .valid { (clean(&study.source)) }
                    @for belief in &study.entry { (entry(belief, entries)) }
                }
            }
        }
    };
    document("What was believed, and what holds today", "", &body)
}

/// Every entry on one line with its verdicts as a bar.
fn contents(journal: &Journal, entries: &[Entry]) -> Markup {
    html! {
        div .contents {
            @for study in &journal.study {
                section {
                    b { "Study " (clean(&study.number)) }
                    ul {
                        @for belief in &study.entry {
                            @let found = claims(&today(belief, entries));
                            li {
                                a href={ "#" (link(&belief.id)) } { (clean(&belief.id)) } " " (clean(&belief.title)) " "
                                @if found.is_empty() { small { (outcome(&today(belief, entries))) } } @else { (bar(&found)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn entry(belief: &Belief, entries: &[Entry]) -> Markup {
    let found = today(belief, entries);
    html! {
        article .belief id=(clean(&belief.id)) {
            h3 { a .anchor href={ "#" (link(&belief.id)) } { (clean(&belief.id)) } " " (clean(&belief.title)) }
            p { b { "Believed" @if !belief.date.is_empty() { " (" (clean(&belief.date)) ")" } ": " } (explained(&belief.believed)) }
            p .counts { b { "Today: " } (bar(&claims(&found))) " " (outcome(&found)) }
            @if !found.is_empty() {
                table .held { @for now in &found { (line(now)) } }
            }
        }
    }
}

fn line(now: &Today<'_>) -> Markup {
    match now {
        Today::NotRun(experiment, pattern) => html! {
            tr { td { code { (clean(experiment)) } " " (clean(&named(pattern))) } td { span .chip .not-judged { "not run" } } }
        },
        Today::Tested(held) => html! {
            tr {
                td { @if let Some(first) = held.first() { (explained(first.claim.said())) " " span .anchor { (clean(&first.claim.id)) } } }
                td { @for held in held { (on_set(held)) } }
            }
        },
    }
}

fn on_set(held: &Held<'_>) -> Markup {
    let (claim, summary) = (held.claim, &held.entry.summary);
    let place = format!("../{}/index.html#{}", link(&held.entry.folder), link(&claim.id));
    html! {
        p {
            (chip(claim)) " "
            a href=(place) title=(clean(&format!("{}, {}", summary.preset, validity(summary)))) { (clean(&set_in_print(held.set))) }
            @if let Some(number) = number(claim) { " " (number) }
            @if !claim.study_value.is_empty() { small { " study: " (clean(&claim.study_value)) } }
            small { " " (clean(&summary.length)) (beside(summary.share)) }
        }
    }
}
