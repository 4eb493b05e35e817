//! The page of one report: question, answer and headline figure first, then claims, figures and the rest.

use maud::{Markup, html};
use serde_json::{Map, Value};

use super::claim::{bar, chip, table, word};
use super::glossary::explained;
use super::prose::prose;
use super::{clean, data, document, typeset};
use crate::page::answer::{counted, headline, question, sentences, topic, validity};
use crate::page::items::items;
use crate::page::looks::looks;
use crate::page::markdown::link;
use crate::page::plates::in_sentence_case;
use crate::page::{ClaimSummary, Plate, Provenance, Report, Summary, TableBlock};

/// The bytes of figures that a page carries at most, beside its rows.
const BUDGET: usize = 95_000;

/// Writes the page; `plates` are the figures as they are drawn.
pub(in crate::page) fn page(report: &Report, plates: &[Plate], summary: &Summary, provenance: &Provenance) -> String {
    let first = headline_figure(report, summary);
    let figures = drawable(plates, first);
    let up = "../../../index.html";
    let body = html! {
        main .sheet {
            nav {
                a href=(up) { "All reports" }
                " · " a href={ "../../../compare.html#left=" (place(report, provenance)) } { "beside another report" }
                " · " a href="README.md" { "as Markdown" }
            }
            (opening(report, summary, provenance, first))
            (groups(report, summary, first))
            (other_figures(report, summary, first))
            (rows(report))
            (details(report, provenance))
        }
        (data("figures", &figures))
        (data("rows", &report.explore.to_json()))
    };
    document(&clean(&report.title), include_str!("sheet.js"), &body)
}

/// The report's folder below all reports.
fn place(report: &Report, provenance: &Provenance) -> String {
    let sets: Vec<&str> = provenance.data.iter().map(|data| data.name.as_str()).collect();
    link(&format!("{}/{}/{}", report.name, sets.join("+"), provenance.preset))
}

fn opening(report: &Report, summary: &Summary, provenance: &Provenance, first: Option<&Plate>) -> Markup {
    html! {
        header .opening {
            div {
                h1 { (clean(question(summary))) }
                @for notice in &summary.notices { p .notice { (clean(notice)) } }
                @if !report.opening.is_empty() { p { b { (clean(&report.title)) } } }
                div .answer {
                    @for (claim, sentence) in sentences(summary) {
                        p { @if let Some(claim) = claim { (chip(claim)) " " } (explained(&sentence)) }
                    }
                    @for part in &summary.parts {
                        p { a href={ (link(&part.folder)) "/index.html" } { (clean(&part.set)) } " "
                            @if !part.verdict.is_empty() { (word(&part.verdict)) " " } (explained(&part.said)) }
                    }
                }
                @if !report.opening.is_empty() { div .drawn { @for part in &report.opening { (prose(part)) } } }
                p .valid { "Valid for " b { (clean(&validity(summary))) } "." }
                @if let Some(said) = looks(summary) { p .valid { (clean(&said)) } }
                @if !summary.claims.is_empty() {
                    p .counts { (bar(&summary.claims)) " " (counted(&summary.claims)) }
                }
                @if !report.shortened.is_empty() {
                    details { summary { "Shortened against " (report.measured_against()) " in " (points(report.shortened.len())) }
                        ul { @for part in &report.shortened { li { (typeset(part)) } } } }
                }
                @if !provenance.command.is_empty() { p .command { code { (clean(&provenance.command)) } } }
            }
            @if let Some(plate) = first { (figure(plate)) }
        }
    }
}

fn points(count: usize) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} point{plural}")
}

/// The figure that shows the first claim of the answer, else the first one.
pub(in crate::page) fn headline_figure<'a>(report: &'a Report, summary: &Summary) -> Option<&'a Plate> {
    let counted = summary.tally.iter().flat_map(|tally| &tally.members);
    let counted = counted.filter_map(|(id, _)| summary.claims.iter().find(|claim| claim.id == *id));
    let named = headline(summary).into_iter().chain(counted).find_map(|claim| {
        let wanted = &claim.declared.as_ref()?.figure;
        report.figures.iter().find(|plate| plate.figure.name == *wanted)
    });
    named.or_else(|| report.figures.first())
}

fn figure(plate: &Plate) -> Markup {
    let name = &plate.figure.name;
    html! {
        figure id={ "figure-" (name) } data-figure=(name) {
            div .drawn { img src={ "figures/" (name) ".svg" } alt=(clean(&plate.alt)) loading="lazy"; }
            figcaption {
                (typeset(&plate.caption)) " "
                span .files {
                    button type="button" .explore hidden { "Explore" }
                    @for form in ["svg", "png", "pdf"] { " " a href={ "figures/" (name) "." (form) } { (form.to_uppercase()) } }
                }
            }
        }
    }
}

/// Claims by what they are about, each group with the figure that shows it.
fn groups(report: &Report, summary: &Summary, first: Option<&Plate>) -> Markup {
    let mut topics: Vec<&str> = Vec::new();
    for name in summary.claims.iter().map(|claim| group(claim, summary)) {
        if !topics.contains(&name) {
            topics.push(name);
        }
    }
    html! {
        @for topic_name in topics {
            @let claims: Vec<&ClaimSummary> = summary.claims.iter().filter(|claim| group(claim, summary) == topic_name).collect();
            @let shown = plate_of(report, &claims);
            section .group {
                h2 { (heading(topic_name, shown)) }
                (table(&claims))
                @if let Some(plate) = shown.filter(|plate| first.is_none_or(|first| first.figure.name != plate.figure.name)) {
                    details { summary { "Figure: " (typeset(&plate.figure.title)) } (figure(plate)) }
                }
            }
        }
    }
}

/// The heading of claims that share none.
const REST: &str = "Claims";

/// The group of a claim: what it is about, where other claims are about the same or a figure or family says so.
fn group<'a>(claim: &'a ClaimSummary, summary: &Summary) -> &'a str {
    let declared = claim.declared.as_ref();
    let named = declared.is_some_and(|declared| declared.family.is_some() || !declared.figure.is_empty());
    let others = summary
        .claims
        .iter()
        .filter(|other| topic(other) == topic(claim))
        .count();
    if named || others > 1 { topic(claim) } else { REST }
}

/// The figure that claims of a group name.
fn plate_of<'a>(report: &'a Report, claims: &[&ClaimSummary]) -> Option<&'a Plate> {
    let name = claims
        .iter()
        .find_map(|claim| Some(claim.declared.as_ref()?.figure.as_str()).filter(|f| !f.is_empty()))?;
    report.figures.iter().find(|plate| plate.figure.name == name)
}

fn heading(topic: &str, plate: Option<&Plate>) -> String {
    match plate {
        Some(plate) if plate.figure.name == topic => typeset(&plate.figure.title),
        _ => clean(&in_sentence_case(topic)),
    }
}

/// Figures that no claim names, folded.
fn other_figures(report: &Report, summary: &Summary, first: Option<&Plate>) -> Markup {
    let named: Vec<&str> = summary
        .claims
        .iter()
        .filter_map(|claim| Some(claim.declared.as_ref()?.figure.as_str()))
        .collect();
    let rest = |plate: &&Plate| {
        let name = plate.figure.name.as_str();
        !named.contains(&name) && first.is_none_or(|first| first.figure.name != name)
    };
    html! {
        @if report.figures.iter().any(|plate| rest(&plate)) {
            section { h2 { "Other figures" }
                @for plate in report.figures.iter().filter(rest) {
                    details { summary { (typeset(&plate.figure.title)) } (figure(plate)) }
                }
            }
        }
    }
}

fn rows(report: &Report) -> Markup {
    html! {
        @if !report.explore.is_empty() {
            section #explorer { h2 { "The recorded rows" }
                p { "Mean, seeds or paired differences of any recorded column, thinned. All rows are in "
                    @if report.own_reports.is_empty() { a href="rows/" { "rows/" } }
                    @for (place, own) in report.own_reports.iter().enumerate() {
                        @if place > 0 { ", " }
                        a href={ (link(&own.folder)) "/rows/" } { (clean(&own.set)) } } "." }
                div .chart {}
            }
        }
    }
}

/// Method, settings, tables and where the rows come from, folded.
fn details(report: &Report, provenance: &Provenance) -> Markup {
    html! {
        section .details { h2 { "How" }
            details { summary { "What is asked" } (prose(&report.question)) p { (clean(&report.dataset)) } }
            @if !report.method.trim().is_empty() { details { summary { "Method" } (prose(&report.method)) } }
            @if !report.settings.is_empty() {
                details { summary { "Settings" } (pairs(report.settings.iter().map(|(name, value)| (name.as_str(), value.clone())))) }
            }
            @for block in &report.tables { (table_block(block)) }
            @if !report.notes.is_empty() { details { summary { "Notes" } @for note in &report.notes { (prose(note)) } } }
            @if !report.sources.is_empty() {
                details { summary { "Sources" } ul { @for source in &report.sources { li { (prose(source)) } } } }
            }
            details { summary { "Where the rows come from" }
                (pairs(origin(provenance)))
                p { "All of it is in " a href="manifest.json" { "manifest.json" } "." } }
        }
    }
}

fn origin(provenance: &Provenance) -> impl Iterator<Item = (&'static str, String)> {
    let seeds: Vec<String> = provenance.seeds.iter().map(u64::to_string).collect();
    let rows = [
        ("command", provenance.command.clone()),
        ("preset", provenance.preset.clone()),
        ("changed settings", items(&provenance.changed)),
        ("revision", provenance.revision_told()),
        ("seeds", seeds.join(", ")),
        ("device", provenance.device.clone()),
        ("instruction set", provenance.instruction_set.clone()),
        ("recorded", provenance.finished.clone()),
        ("outside training", provenance.training.to_string()),
    ];
    rows.into_iter().filter(|(_, value)| !value.is_empty())
}

fn pairs<'a>(rows: impl Iterator<Item = (&'a str, String)>) -> Markup {
    html! { table .plain { @for (name, value) in rows { tr { th { (clean(name)) } td { (clean(&value)) } } } } }
}

fn table_block(block: &TableBlock) -> Markup {
    html! {
        details { summary { (clean(&block.title)) }
            div .wide { table .plain {
                tr { @for head in &block.header { th { (clean(head)) } } }
                @for row in &block.rows { tr { @for cell in row { td { (prose(cell)) } } } }
            } }
            @if !block.note.trim().is_empty() { (prose(&block.note)) }
        }
    }
}

/// The figures that a page can draw again, the first one before all others, as far as the budget goes.
fn drawable(plates: &[Plate], first: Option<&Plate>) -> Value {
    let mut order: Vec<&Plate> = plates.iter().collect();
    order.sort_by_key(|plate| first.is_none_or(|first| first.figure.name != plate.figure.name));
    let mut found = Map::new();
    let mut left = BUDGET;
    for plate in order {
        let Some(figure) = plate.figure.to_json() else { continue };
        let bytes = figure.to_string().len();
        if bytes <= left {
            left -= bytes;
            found.insert(plate.figure.name.clone(), figure);
        }
    }
    Value::Object(found)
}
