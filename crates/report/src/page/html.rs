//! The index of all reports as one page of HTML without a network.

use super::gallery::{Entry, revision};
use super::markdown::link;
use super::summary::{ClaimSummary, Summary};

const TEMPLATE: &str = include_str!("gallery.html");
const VERDICTS: [&str; 11] = [
    "confirmed",
    "refuted",
    "artefact",
    "undecided",
    "inconclusive",
    "confounded",
    "not converged",
    "diverged",
    "made no edit",
    "by construction",
    "not run",
];

/// Fills the page's template.
pub(super) fn page(entries: &[Entry]) -> String {
    let mut studies: Vec<&str> = entries.iter().map(|e| e.summary.study.as_str()).collect();
    studies.retain(|study| !study.is_empty());
    studies.sort_unstable();
    studies.dedup();
    let option = |value: &&str| format!("<option>{}</option>", escape(value));
    let rows: Vec<String> = entries.iter().map(row).collect();
    // The rows go in last: text from reports cannot be taken for a placeholder.
    TEMPLATE
        .replace("<!--STUDIES-->", &studies.iter().map(option).collect::<String>())
        .replace("<!--VERDICTS-->", &VERDICTS.iter().map(option).collect::<String>())
        .replace("<!--ROWS-->", &rows.join("\n"))
}

fn row(entry: &Entry) -> String {
    let summary = &entry.summary;
    let folder = escape(&link(&entry.folder));
    let thumbnail = summary.thumbnail.as_ref().map_or_else(String::new, |path| {
        format!(
            "<a href=\"{folder}/{0}\"><img src=\"{folder}/{0}\" alt=\"{1}\" loading=\"lazy\"></a>",
            escape(&link(path)),
            escape(&summary.thumbnail_alt)
        )
    });
    let verdicts: Vec<&str> = VERDICTS.into_iter().filter(|v| summary.count(v) > 0).collect();
    let notices: String = summary
        .notices
        .iter()
        .map(|notice| format!("<p class=\"notice\">{}</p>", escape(notice)))
        .collect();
    format!(
        "<tr data-study=\"{study}\" data-verdicts=\"{verdicts}\">\
         <td>{thumbnail}</td>\
         <td data-sort=\"{name}\"><a href=\"{folder}/README.md\">{name}</a><p>{question}</p></td>\
         <td>{study}</td>\
         <td data-sort=\"{order}\"><ul>{claims}</ul></td>\
         <td>{dataset}{notices}</td><td>{preset}</td><td>{date}</td><td><code>{revision}</code></td></tr>",
        study = escape(&summary.study),
        verdicts = verdicts.join("|"),
        name = escape(&summary.name),
        question = escape(&summary.question),
        order = sort_key(summary),
        claims = summary.claims.iter().map(claim).collect::<String>(),
        dataset = escape(&summary.dataset),
        preset = escape(&summary.preset),
        date = escape(&summary.date),
        revision = escape(&revision(summary)),
    )
}

/// Sorts reports by how many claims were confirmed, then refuted, and so on.
fn sort_key(summary: &Summary) -> String {
    VERDICTS
        .map(|verdict| format!("{:03}", summary.count(verdict)))
        .join("-")
}

fn claim(claim: &ClaimSummary) -> String {
    let ours = claim.ours.map_or_else(String::new, |ours| {
        format!(" <small>{} {}</small>", ours, escape(&claim.unit))
    });
    format!(
        "<li><span class=\"verdict {verdict}\" title=\"{reason}\">{verdict}</span> \
         <b>{id}</b> {text}{ours}</li>",
        verdict = escape(&claim.verdict),
        reason = escape(&claim.reason),
        id = escape(&claim.id),
        text = escape(&claim.text),
    )
}

/// Text that cannot be taken for markup, in content and in quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // No document may hold these.
            other if other.is_control() && other != '\n' && other != '\t' => {
                escaped.push(char::REPLACEMENT_CHARACTER);
            }
            other => escaped.push(other),
        }
    }
    escaped
}
