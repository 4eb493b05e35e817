//! The front page: what was asked on which data and what came out, then every claim on one line.

use maud::{Markup, html};

use super::claim::{bar, chip};
use super::forest;
use super::glossary::explained;
use super::{clean, document, typeset};
use crate::page::answer::{KINDS, counted, display, kind, phrase, phrase_told, question, validity};
use crate::page::gallery::by_length;
use crate::page::length::{class, weight};
use crate::page::markdown::link;
use crate::page::{ClaimSummary, Entry, Summary, set_in_print};
use crate::statistics::figures;

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
        p .legend {
            @for (name, _) in KINDS { span { (sign(name)) " " (name) } " " }
            span { "% of full training" }
        }
    }
}

/// A kind of verdict as a coloured sign.
fn sign(kind: &str) -> Markup {
    let sign = match kind {
        "confirmed" => "✓",
        "refuted" => "✗",
        "artefact" => "!",
        "open" => "?",
        "by construction" => "≡",
        _ => "–",
    };
    html! { i .sign .(kind.replace(' ', "-")) { (sign) } }
}

fn presets(entries: &[Entry]) -> Markup {
    let mut names: Vec<&str> = entries.iter().map(|entry| entry.summary.preset.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    html! {
        p #presets .toggle role="group" aria-label="preset" {
            button type="button" data-preset="" aria-pressed="true" title="the longest training with seeds enough for a verdict" { "longest" }
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

/// The most data sets that have a column of their own.
const COLUMNS: usize = 2;

/// The data sets with a column of their own, those that several experiments share, the commonest first. All others, and
/// several sets at once, share the last column.
fn columns(entries: &[Entry]) -> Vec<String> {
    let mut sets = distinct(entries.iter().map(|entry| place(entry).1));
    let count = |set: &String| {
        let own = entries.iter().map(place).filter(|(_, other)| other == set);
        distinct(own.map(|(name, _)| name)).len()
    };
    sets.retain(|set| !set.contains('+') && count(set) > 1);
    sets.sort_by_key(|set| (std::cmp::Reverse(count(set)), set.clone()));
    sets.truncate(COLUMNS);
    sets
}

fn matrix(entries: &[Entry]) -> Markup {
    let sets = columns(entries);
    let names = distinct(entries.iter().map(|entry| place(entry).0));
    html! {
        table #matrix {
            thead { tr { th { "Experiment" } @for set in &sets { th { (clean(&set_in_print(set))) } } th { "Other data" } } }
            tbody {
                @for name in &names {
                    @let own: Vec<&Entry> = entries.iter().filter(|entry| place(entry).0 == *name).collect();
                    tr {
                        th scope="row" {
                            @let asked = own.first().map_or("", |first| question(&first.summary));
                            div .asked title=(clean(asked)) { b { (clean(name)) } " " span { (clean(asked)) } }
                        }
                        @for set in &sets { (cells(&own, std::slice::from_ref(set), false)) }
                        (cells(&own, &others(&own, &sets), true))
                    }
                }
            }
        }
    }
}

/// The data sets of some reports that have no column of their own.
fn others(own: &[&Entry], sets: &[String]) -> Vec<String> {
    let mut rest = distinct(own.iter().map(|entry| place(entry).1));
    rest.retain(|set| !sets.contains(set));
    rest
}

/// The reports of an experiment on some data sets: one or two with their answers, more as tiles, of which that of all sets
/// has its answer. In a column that they share, each has its name.
fn cells(own: &[&Entry], sets: &[String], named: bool) -> Markup {
    let on = |set: &String| {
        own.iter()
            .copied()
            .filter(|entry| place(entry).1 == *set)
            .collect::<Vec<_>>()
    };
    let here: Vec<(&String, Vec<&Entry>)> = sets.iter().map(|set| (set, on(set))).collect();
    let here: Vec<_> = here.into_iter().filter(|(_, reports)| !reports.is_empty()).collect();
    let form = match here.len() {
        0 => "empty",
        1 => "single",
        2 => "lines",
        _ => "tiles",
    };
    html! {
        td class=(form) {
            @for (set, reports) in &here {
                @let apart = named && form != "tiles";
                div .set { span .label .own[!named || apart] { (clean(&set_in_print(set))) } (cell(set, reports, apart)) }
            }
        }
    }
}

/// The reports on one data set, whose name stands in the cell where it is `apart` from a column's head.
fn cell(set: &str, here: &[&Entry], apart: bool) -> Markup {
    let longest = here.iter().map(|entry| weight(entry)).max();
    let chosen = here.iter().position(|entry| Some(weight(entry)) == longest);
    html! {
        @for (place, entry) in here.iter().enumerate() {
            @let best = Some(place) == chosen;
            @let answer = phrase(&entry.summary);
            a .cell href={ (link(&entry.folder)) "/index.html" } data-preset=(clean(&entry.summary.preset)) data-longest=[best.then_some("")] .told[entry.summary.claims.is_empty() && set.contains('+')]
                title=(whole(entry)) {
                (bar(&entry.summary.claims)) " "
                span .phrase { @if !answer.verdict.is_empty() { (sign(kind(answer.verdict))) " " } (typeset(&answer.text)) }
                " " small { @if apart { b { (clean(&set_in_print(set))) } " · " } (clean(&rests_on(entry))) }
            }
        }
    }
}

/// All that a cell says, where there is no room for it.
fn whole(entry: &Entry) -> String {
    let summary = &entry.summary;
    let parts = [
        phrase_told(summary),
        counted(&summary.claims),
        format!("preset {}: {}", summary.preset, validity(summary)),
    ];
    let parts = parts.into_iter().chain(summary.notices.iter().cloned());
    typeset(&parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · "))
}

/// Preset and share of the full length of training, on one line.
fn rests_on(entry: &Entry) -> String {
    let summary = &entry.summary;
    let share = summary.share.filter(|share| *share < 1.0);
    let share = share.map_or_else(String::new, |share| {
        format!("\u{a0}{}\u{a0}%", figures(share * 100.0, 2))
    });
    format!("{}{share}", summary.preset)
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
                    @for value in values { option value=(clean(value)) { (clean(&set_in_print(value))) } }
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
    let exact = (!claim.words.is_empty()).then(|| typeset(&claim.text));
    html! {
        tr id=(id) data-verdict=(clean(&claim.verdict)) data-study=(clean(&entry.summary.study)) data-data=(clean(&set))
            data-experiment=(clean(&name)) data-length=(class(entry.summary.share)) data-kind=(kind(&claim.verdict)) {
            td .verdict { (chip(claim)) }
            td .words title=[exact] { (explained(claim.said())) " " a .anchor href={ "#" (link(&id)) } { (clean(&claim.id)) } }
            td .mark { (forest::mark(claim, None)) }
            td .number { @match &claim.ours { Some(ours) => (display(claim).value(ours, claim.zone())), None => "–" } }
            td .where { a href={ (link(&entry.folder)) "/index.html#" (link(&claim.id)) } { (clean(&format!("{name} · {} · {}", set_in_print(&set), entry.summary.preset))) } }
        }
    }
}

/// The same matrix as markdown: a line for each report with its answer and its verdicts.
pub(in crate::page) fn lines(entries: &[Entry]) -> Vec<Vec<String>> {
    let line = |entry: &Entry| {
        let (name, set) = place(entry);
        vec![
            format!("[{name}]({}/README.md)", link(&entry.folder)),
            format!("{}, {}", set_in_print(&set), entry.summary.preset),
            question(&entry.summary).to_owned(),
            typeset(
                &[&[phrase_told(&entry.summary)][..], &entry.summary.notices]
                    .concat()
                    .join(" · "),
            ),
            judged(&entry.summary),
        ]
    };
    entries.iter().map(line).collect()
}

/// How many claims got each verdict, or why there is none.
fn judged(summary: &Summary) -> String {
    match (summary.claims.is_empty(), summary.parts.is_empty()) {
        (false, _) => counted(&summary.claims),
        (true, false) => "each data set is judged on its own page".to_owned(),
        (true, true) => "no claim".to_owned(),
    }
}
