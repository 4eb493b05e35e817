//! The front page: what was asked on which data and what came out, then every claim on one line.

use maud::{Markup, html};

use super::claim::{bar, chip};
use super::forest;
use super::glossary::explained;
use super::{clean, document};
use crate::page::answer::{KINDS, counted, display, kind, phrase, question, validity};
use crate::page::gallery::by_length;
use crate::page::length::{class, weight};
use crate::page::markdown::link;
use crate::page::{ClaimSummary, Entry};

/// Writes the page.
pub(in crate::page) fn page(entries: &[Entry], journal: bool) -> String {
    let body = html! {
        main .front {
            header {
                h1 { "Reports" }
                @if journal { p { a href="journal/index.html" { "What was believed, and what holds today" } } }
                (legend())
                (presets(entries))
            }
            (matrix(entries))
            (lengths(entries))
            (list(entries))
        }
    };
    document("Reports", include_str!("front.js"), &body)
}

fn legend() -> Markup {
    html! {
        p .legend { @for (name, _) in KINDS { span { i class=(name.replace(' ', "-")) {} " " (name) } " " } }
    }
}

fn presets(entries: &[Entry]) -> Markup {
    let mut names: Vec<&str> = entries.iter().map(|entry| entry.summary.preset.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    html! {
        p #presets .toggle role="group" aria-label="preset" {
            button type="button" data-preset="" aria-pressed="true" { "longest" }
            @for name in names { button type="button" data-preset=(clean(name)) aria-pressed="false" { (clean(name)) } }
        }
    }
}

/// Experiment and data set of a report, from the folder it lies in.
fn place(entry: &Entry) -> (String, String) {
    let parts: Vec<&str> = entry.folder.split('/').collect();
    let set = match parts.as_slice() {
        [.., set, _] if parts.len() > 2 => (*set).to_owned(),
        _ => entry.summary.dataset.split(' ').next().unwrap_or_default().to_owned(),
    };
    (entry.summary.name.clone(), set)
}

fn distinct(values: impl Iterator<Item = String>) -> Vec<String> {
    let mut known: Vec<String> = Vec::new();
    for value in values {
        if !known.contains(&value) {
            known.push(value);
        }
    }
    known
}

/// Data sets in the order of how many reports use them; several at once come last.
fn columns(entries: &[Entry]) -> Vec<String> {
    let mut sets = distinct(entries.iter().map(|entry| place(entry).1));
    let count = |set: &String| entries.iter().filter(|entry| place(entry).1 == *set).count();
    sets.sort_by_key(|set| (set.contains('+'), std::cmp::Reverse(count(set)), set.clone()));
    sets
}

fn matrix(entries: &[Entry]) -> Markup {
    let sets = columns(entries);
    let names = distinct(entries.iter().map(|entry| place(entry).0));
    html! {
        table #matrix {
            thead { tr { th { "Experiment" } @for set in &sets { th { (clean(&set.replace('+', " + "))) } } } }
            tbody {
                @for name in &names {
                    @let own: Vec<&Entry> = entries.iter().filter(|entry| place(entry).0 == *name).collect();
                    tr {
                        th scope="row" {
                            b { (clean(name)) }
                            @if let Some(first) = own.first() { p { (clean(question(&first.summary))) } }
                        }
                        @for set in &sets {
                            @let here: Vec<&Entry> = own.iter().copied().filter(|entry| place(entry).1 == *set).collect();
                            td data-set=(clean(set)) class=[here.is_empty().then_some("empty")] { (cell(&here)) }
                        }
                    }
                }
            }
        }
    }
}

fn cell(here: &[&Entry]) -> Markup {
    let longest = here.iter().map(|entry| weight(entry)).max();
    let chosen = here.iter().position(|entry| Some(weight(entry)) == longest);
    html! {
        @for (place, entry) in here.iter().enumerate() {
            @let best = Some(place) == chosen;
            a .cell href={ (link(&entry.folder)) "/index.html" } data-preset=(clean(&entry.summary.preset)) data-longest=[best.then_some("")] {
                span .phrase { (clean(&phrase(&entry.summary))) }
                (bar(&entry.summary.claims))
                small { (clean(&validity_of_cell(entry))) @for notice in &entry.summary.notices { " · " (clean(notice)) } }
            }
        }
    }
}

fn validity_of_cell(entry: &Entry) -> String {
    let whole = validity(&entry.summary);
    let parts: Vec<&str> = whole.split(", ").take(2).collect();
    format!("{} · {}", entry.summary.preset, parts.join(", "))
}

/// How many claims rest on how much training, each length with its verdicts as a bar.
fn lengths(entries: &[Entry]) -> Markup {
    html! {
        section #lengths {
            h2 title="of the training at full size, which is the study's own where there is a study" { "Claims by length of training" }
            table .plain {
                @for (name, claims) in by_length(entries) {
                    tr { th scope="row" { (name) } td { (claims.len()) } td { (bar(&claims)) } td { (counted(&claims)) } }
                }
            }
        }
    }
}

fn list(entries: &[Entry]) -> Markup {
    let total: usize = entries.iter().map(|entry| entry.summary.claims.len()).sum();
    html! {
        section #claims {
            h2 { "All claims " output #shown { (total) " of " (total) } }
            (filters(entries))
            table .claims {
                tbody { @for entry in entries { @for claim in &entry.summary.claims { (row(entry, claim, entries)) } } }
            }
            p #none hidden { "No claim fits these filters." }
        }
    }
}

fn filters(entries: &[Entry]) -> Markup {
    let of = |pick: &dyn Fn(&Entry) -> String| {
        let mut values = distinct(entries.iter().map(pick));
        values.retain(|value| !value.is_empty());
        values.sort();
        values
    };
    let verdicts: Vec<String> = distinct(
        entries
            .iter()
            .flat_map(|entry| entry.summary.claims.iter().map(|c| c.verdict.clone())),
    );
    let choices = [
        ("verdict", verdicts),
        ("study", of(&|entry| entry.summary.study.clone())),
        ("data", of(&|entry| place(entry).1)),
        ("experiment", of(&|entry| place(entry).0)),
        ("length", of(&|entry| class(entry.summary.share).to_owned())),
    ];
    html! {
        form #filters {
            input #words type="search" name="words" placeholder="search" aria-label="search";
            @for (name, values) in &choices {
                select id=(name) name=(name) aria-label=(name) {
                    option value="" { (name) }
                    @for value in values { option { (clean(value)) } }
                }
            }
            button type="reset" { "clear" }
        }
    }
}

/// The claim's name as an anchor: bare where no other report has it, else with the report's folder.
fn anchor(entry: &Entry, claim: &ClaimSummary, entries: &[Entry]) -> String {
    let has = |other: &&Entry| other.summary.claims.iter().any(|c| c.id == claim.id);
    match entries
        .iter()
        .find(has)
        .is_some_and(|first| first.folder == entry.folder)
    {
        true => clean(&claim.id),
        false => clean(&format!("{}@{}", claim.id, entry.folder)),
    }
}

fn row(entry: &Entry, claim: &ClaimSummary, entries: &[Entry]) -> Markup {
    let (name, set) = place(entry);
    let id = anchor(entry, claim, entries);
    html! {
        tr id=(id) data-verdict=(clean(&claim.verdict)) data-study=(clean(&entry.summary.study)) data-data=(clean(&set))
            data-experiment=(clean(&name)) data-length=(class(entry.summary.share)) data-kind=(kind(&claim.verdict)) {
            td .verdict { (chip(claim)) }
            td .words { (explained(&claim.text)) " " a .anchor href={ "#" (link(&id)) } { (clean(&claim.id)) } }
            td .mark { (forest::mark(claim, None)) }
            td .number title=(forest::words(claim)) { @match &claim.ours { Some(ours) => (display(claim).value(ours)), None => "–" } }
            td .where { a href={ (link(&entry.folder)) "/index.html#" (link(&claim.id)) } { (clean(&format!("{name} · {set} · {}", entry.summary.preset))) } }
        }
    }
}

/// The same matrix as markdown: a line for each report with its answer and its verdicts.
pub(in crate::page) fn lines(entries: &[Entry]) -> Vec<Vec<String>> {
    let line = |entry: &Entry| {
        let (name, set) = place(entry);
        vec![
            format!("[{name}]({}/README.md)", link(&entry.folder)),
            format!("{set}, {}", entry.summary.preset),
            question(&entry.summary).to_owned(),
            phrase(&entry.summary),
            counted(&entry.summary.claims),
        ]
    };
    entries.iter().map(line).collect()
}
