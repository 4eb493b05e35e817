//! The report page's text.

use std::fmt::Write as _;

use super::answer::{question, told, validity};
use super::claims::{claims, statistics};
use super::items::items;
use super::length::{beside, length, share};
use super::looks::looks;
use super::part::OwnReport;
use super::provenance::Provenance;
use super::report::{Plate, Report, TableBlock};
use super::site::sheet::headline_figure;
use super::summary::Summary;
use crate::figure::typeset;

/// Rows of a table that the page shows; all of them stand on the page for a browser.
const ROWS: usize = 10;

/// Writes the page: the answer, its figure and the claims, then what was shortened and the rest.
pub(crate) fn page(report: &Report, summary: &Summary, provenance: &Provenance) -> String {
    let mut blocks = vec![format!("# {}", line(&report.title))];
    let notices = summary.notices.iter();
    blocks.extend(notices.map(|notice| format!("> **Notice:** {}", line(notice))));
    blocks.extend(report.opening.iter().map(|part| set_prose(part.trim())));
    blocks.push(answer(report, summary));
    blocks.extend(looks(summary).map(|said| format!("> {}", line(&said))));
    let first = headline_figure(report, summary);
    blocks.extend(first.map(plate));
    if !report.claims.is_empty() {
        blocks.push(format!("## Claims\n\n{}", claims(&report.claims)));
    }
    blocks.push(shortened(report));
    // No text from settings, paths or other people's machines may become markup.
    let mut blocks: Vec<String> = blocks.iter().map(|block| without_tags(block)).collect();
    blocks.extend(folded("The statistics", statistics(&report.claims)));
    let rest = |plate: &&Plate| first.is_none_or(|first| first.figure.name != plate.figure.name);
    let others: Vec<String> = report.figures.iter().filter(rest).map(listed).collect();
    blocks.extend(folded("Other figures", others.join("\n")));
    blocks.extend(folded("Method", method(report)));
    blocks.extend(folded("Settings", settings(report)));
    let tables = report.tables.iter();
    blocks.extend(tables.filter_map(|block| folded(&block.title, table_block(block))));
    blocks.extend(folded("Notes", set_prose(&report.notes.join("\n\n"))));
    let sources: Vec<String> = report.sources.iter().map(|s| format!("- {}", line(s))).collect();
    blocks.extend(folded("Sources", sources.join("\n")));
    blocks.push(origin(report, provenance));
    blocks.join("\n\n") + "\n"
}

/// The answer with what it is valid for; the question before it where the title does not ask it.
fn answer(report: &Report, summary: &Summary) -> String {
    let asked = match line(question(summary)) {
        asked if line(&report.title).starts_with(&asked) => String::new(),
        asked => format!("**{asked}** "),
    };
    let told = told(summary).replace('*', "\\*");
    format!(
        "{asked}{} *Valid for {}.* [The page for a browser](index.html) has every figure, all tables and the rows under \
         your hand.",
        typeset(&line(&told)),
        line(&validity(summary)).replace('*', "\\*")
    )
}

/// What is asked in more words, the data, and how it was done.
fn method(report: &Report) -> String {
    let mut parts = vec![report.question.trim().to_owned()];
    if !report.dataset.is_empty() {
        parts.push(format!("Data: {}.", line(&report.dataset)));
    }
    parts.push(report.method.trim().to_owned());
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

/// A part that a reader opens; `None` without content.
fn folded(title: &str, content: String) -> Option<String> {
    let (title, content) = (without_tags(&line(title)), without_tags(&content));
    (!content.is_empty()).then(|| format!("<details><summary>{title}</summary>\n\n{content}\n\n</details>"))
}

fn settings(report: &Report) -> String {
    let rows = report
        .settings
        .iter()
        .map(|(name, value)| vec![name.clone(), value.clone()]);
    let rows: Vec<Vec<String>> = rows.collect();
    match rows.is_empty() {
        true => String::new(),
        false => table(&["setting", "value"], &rows),
    }
}

fn shortened(report: &Report) -> String {
    let against = report.measured_against();
    if report.shortened.is_empty() {
        let part = beside(share(&report.settings, &report.full_size));
        let what = if part.is_empty() {
            "nothing".to_owned()
        } else {
            format!("{}{part}", length(&report.settings))
        };
        return format!("> **Shortened against {against}:** {what}.");
    }
    let lines = report.shortened.iter().map(|part| format!("> - {}", line(part)));
    let lines: Vec<String> = lines.collect();
    format!("> **Shortened against {against}:**\n>\n{}", lines.join("\n"))
}

fn plate(plate: &Plate) -> String {
    let name = &plate.figure.name;
    let alt = line(&plate.alt).replace('[', "(").replace(']', ")");
    format!(
        "![{alt}](figures/{name}.svg)\n\n*{}* ([PNG](figures/{name}.png), [PDF](figures/{name}.pdf))",
        line(&plate.caption).replace('*', "\\*")
    )
}

/// Markdown whose numbers are set as print sets them, but not those in code.
fn set_prose(markdown: &str) -> String {
    let parts = markdown.split('`').enumerate();
    let parts: Vec<String> = parts
        .map(|(place, part)| match place % 2 {
            0 => typeset(part).into_owned(),
            _ => part.to_owned(),
        })
        .collect();
    parts.join("`")
}

/// A figure on one line: its title as a link, and what it shows.
fn listed(plate: &Plate) -> String {
    let text = |text: &str| typeset(&line(text)).replace('[', "(").replace(']', ")");
    let figure = &plate.figure;
    format!(
        "- [{}](figures/{}.svg): {}",
        text(&figure.title),
        figure.name,
        text(&plate.alt)
    )
}

/// The rows for which there is room, in their order; those that say nothing but their name give way.
fn fitting(rows: &[Vec<String>]) -> Vec<&Vec<String>> {
    let silent = |at: &usize| rows[*at].iter().skip(1).all(|cell| ["", "–"].contains(&cell.trim()));
    let mut places: Vec<usize> = (0..rows.len()).collect();
    places.sort_by_key(silent);
    places.truncate(ROWS);
    places.sort_unstable();
    places.into_iter().map(|at| &rows[at]).collect()
}

fn table_block(block: &TableBlock) -> String {
    let header: Vec<&str> = block.header.iter().map(String::as_str).collect();
    let typeset = |row: &Vec<String>| row.iter().map(|cell| typeset(cell).into_owned()).collect();
    let rows: Vec<Vec<String>> = fitting(&block.rows).into_iter().map(typeset).collect();
    let mut text = table(&header, &rows);
    if block.rows.len() > ROWS {
        let more = block.rows.len() - ROWS;
        let _ = write!(text, "\n\n{more} more on [the page for a browser](index.html).");
    }
    if !block.note.trim().is_empty() {
        let _ = write!(text, "\n\n{}", block.note.trim());
    }
    text
}

/// Where the rows come from, in a line; the manifest has the rest.
fn origin(report: &Report, provenance: &Provenance) -> String {
    let seeds: Vec<String> = provenance.seeds.iter().map(u64::to_string).collect();
    let said = [
        // In code, where nothing is markup, a person copies the characters as they stand.
        (
            "",
            Some(provenance.command.as_str())
                .filter(|c| !c.is_empty())
                .map(code)
                .unwrap_or_default(),
        ),
        ("preset ", provenance.preset.clone()),
        ("changed settings ", items(&provenance.changed)),
        ("seeds ", seeds.join(", ")),
        ("revision ", provenance.revision_told()),
        ("device ", provenance.device.clone()),
        ("recorded ", provenance.finished.clone()),
        ("outside training ", provenance.training.to_string()),
    ];
    let said = said.into_iter().filter(|(_, value)| !value.trim().is_empty());
    let said = said.map(|(name, value)| match name {
        "" => value,
        name => format!("{name}{}", without_tags(&line(&value))),
    });
    let said: Vec<String> = said.collect();
    format!(
        "## Where the rows come from\n\n{}. Checksums of the data, versions and time are in [manifest.json](manifest.json), \
         the rows in {}.",
        said.join("; "),
        places_of_rows(report)
    )
}

/// Links to the rows: beside the page, or where each data set's own report lies.
fn places_of_rows(report: &Report) -> String {
    let own = |own: &OwnReport| format!("[{}]({}/rows/)", line(&own.set), link(&own.folder));
    match report.own_reports.as_slice() {
        [] => "[rows/](rows/)".to_owned(),
        sets => sets.iter().map(own).collect::<Vec<_>>().join(", "),
    }
}

/// A markdown table.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let row = |cells: &mut dyn Iterator<Item = String>| format!("| {} |", cells.collect::<Vec<_>>().join(" | "));
    let mut lines = vec![
        row(&mut header.iter().map(|name| cell(name))),
        row(&mut header.iter().map(|_| "---".to_owned())),
    ];
    lines.extend(rows.iter().map(|cells| row(&mut cells.iter().map(|text| cell(text)))));
    lines.join("\n")
}

/// Text that cannot leave its table cell.
fn cell(text: &str) -> String {
    line(text).replace('|', "\\|")
}

/// Text on one line.
pub(crate) fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text in which nothing opens an HTML tag, comment or declaration, and nothing commands a terminal; a
/// comparison such as `p < 0.05` stays as it is.
pub(crate) fn without_tags(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let opens = |next: &char| next.is_ascii_alphabetic() || "/!?".contains(*next);
        if character == '<' && rest.peek().is_some_and(opens) {
            plain.push_str("&lt;");
        } else if character.is_control() && character != '\n' && character != '\t' {
            plain.push(char::REPLACEMENT_CHARACTER);
        } else {
            plain.push(character);
        }
    }
    plain
}

/// A span of code on one line; its fence is longer than any row of backticks in it, and it may stand in a table.
fn code(text: &str) -> String {
    let shown = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    let text: String = line(text).chars().map(shown).collect();
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let (fence, pad) = ("`".repeat(longest + 1), if longest > 0 { " " } else { "" });
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A path in a link: everything but letters, digits and harmless signs as percent codes.
pub(crate) fn link(path: &str) -> String {
    let mut url = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/+@,=:".contains(&byte) {
            url.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(url, "%{byte:02X}");
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rows_that_say_nothing_give_way_to_those_that_do() {
        let row = |at: usize| {
            vec![
                format!("arm {at}"),
                if at == 15 { "0.5".to_owned() } else { "–".to_owned() },
            ]
        };
        let rows: Vec<Vec<String>> = (0..20).map(row).collect();
        let kept: Vec<&str> = fitting(&rows).into_iter().map(|row| row[0].as_str()).collect();
        assert_eq!(kept.len(), ROWS);
        assert_eq!((kept[0], kept[8], kept[9]), ("arm 0", "arm 8", "arm 15"));
    }

    proptest! {
        #[test]
        fn no_text_opens_a_tag_or_commands_a_terminal(text in "([<>&!/?a-c \u{1b}\u{7}]|\\PC){0,40}") {
            let plain = without_tags(&text);
            for (at, _) in plain.match_indices('<') {
                let next = plain[at + 1..].chars().next();
                prop_assert!(next.is_none_or(|next| !next.is_ascii_alphabetic() && !"/!?".contains(next)), "{plain}");
            }
            prop_assert!(!plain.contains(char::is_control));
        }

        #[test]
        fn a_path_in_a_link_is_the_path_and_nothing_else(path in "([()<>\"' #?%&\\[\\]a-c/]|\\PC){0,30}") {
            let url = link(&path);
            let harmless = |c: char| c.is_ascii_alphanumeric() || "-_.~/+@,=:%".contains(c);
            prop_assert!(url.chars().all(harmless), "{url}");
            let mut bytes = Vec::new();
            let mut rest = url.as_bytes();
            while let Some((first, more)) = rest.split_first() {
                rest = more;
                if *first == b'%' {
                    let (digits, more) = rest.split_at(2);
                    bytes.push(u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap());
                    rest = more;
                } else {
                    bytes.push(*first);
                }
            }
            prop_assert_eq!(bytes, path.into_bytes());
        }
    }

    #[test]
    fn comparisons_stay_and_tags_do_not() {
        assert_eq!(without_tags("p < 0.05, a<=b, x <- y"), "p < 0.05, a<=b, x <- y");
        assert_eq!(
            without_tags("<img src=x> </p> <!-- -->"),
            "&lt;img src=x> &lt;/p> &lt;!-- -->"
        );
    }

    #[test]
    fn numbers_have_minus_signs_but_in_code() {
        let text = "changes: -0.2 [-0.4, 0.1], `x=-1`, ```\nf(-2)\n```, -3";
        assert_eq!(
            set_prose(text),
            "changes: −0.2 [−0.4, 0.1], `x=-1`, ```\nf(-2)\n```, −3"
        );
    }

    #[test]
    fn code_keeps_its_backticks() {
        assert_eq!(code("just run"), "`just run`");
        assert_eq!(code("a `b` c"), "`` a `b` c ``");
    }
}
