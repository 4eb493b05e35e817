//! The index of all reports, as markdown and as a page of answers and claims.

use std::path::Path;

use super::answer::{KINDS, kind};
use super::journal::{self, Journal};
use super::length::{CLASSES, UNSTATED, class};
use super::markdown::{line, table, without_tags};
use super::site::{front, side_by_side};
use super::summary::{ClaimSummary, Summary};
use crate::rows::write_atomically;
use crate::{Error, Result, files};

/// A report in the index.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The report's folder from the index, with `/` between names.
    pub folder: String,
    /// The report in short.
    pub summary: Summary,
}

/// Reads every `summary.json` below a folder, sorted by the reports' folders.
///
/// # Errors
/// [`Error::File`] and [`Error::Json`] name the file.
pub fn read_summaries(reports: &Path) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    gather(reports, "", &mut entries)?;
    entries.sort_by(|a, b| a.folder.cmp(&b.folder));
    Ok(entries)
}

fn gather(folder: &Path, name: &str, entries: &mut Vec<Entry>) -> Result<()> {
    for path in files::entries(folder).map_err(Error::file("list", folder))? {
        let file = path
            .file_name()
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default();
        if files::is_folder(&path).map_err(Error::file("look at", &path))? {
            let separator = if name.is_empty() { "" } else { "/" };
            gather(&path, &format!("{name}{separator}{file}"), entries)?;
        } else if file == "summary.json" && !name.is_empty() {
            entries.push(Entry {
                folder: name.to_owned(),
                summary: Summary::read(&path)?,
            });
        }
    }
    Ok(())
}

/// Writes `README.md`, `index.html` and `compare.html` over all reports below a folder, and the page of the journal where
/// there is a [`JOURNAL`](super::JOURNAL); gives the number of reports.
///
/// The pages need no network and no server. The bytes depend on the summaries alone.
///
/// # Errors
/// [`Error::File`], [`Error::Json`] and [`Error::Journal`] name the file.
pub fn write_gallery(reports: &Path) -> Result<usize> {
    let entries = read_summaries(reports)?;
    let journal = Journal::read(reports)?;
    files::sweep_drafts(reports).map_err(Error::file("remove drafts from", reports))?;
    if let Some(journal) = &journal {
        write_journal(&reports.join("journal"), journal, &entries)?;
    }
    write_atomically(
        &reports.join("README.md"),
        markdown(&entries, journal.is_some()).as_bytes(),
    )?;
    write_atomically(&reports.join("compare.html"), side_by_side(&entries).as_bytes())?;
    write_atomically(
        &reports.join("index.html"),
        front::page(&entries, journal.is_some()).as_bytes(),
    )?;
    Ok(entries.len())
}

fn write_journal(folder: &Path, journal: &Journal, entries: &[Entry]) -> Result<()> {
    files::create_folder(folder).map_err(Error::file("create", folder))?;
    let html = super::site::journal::page(journal, entries);
    write_atomically(
        &folder.join("README.md"),
        journal::markdown(journal, entries).as_bytes(),
    )?;
    write_atomically(&folder.join("index.html"), html.as_bytes())
}

/// How many claims of each length of training got each kind of verdict; lengths without a claim are left out.
pub(super) fn by_length(entries: &[Entry]) -> Vec<(&'static str, Vec<ClaimSummary>)> {
    let names = CLASSES.iter().map(|(name, _)| *name).chain([UNSTATED]);
    let of = |name: &'static str| {
        let own = entries.iter().filter(|entry| class(entry.summary.share) == name);
        (
            name,
            own.flat_map(|entry| entry.summary.claims.clone()).collect::<Vec<_>>(),
        )
    };
    names.map(of).filter(|(_, claims)| !claims.is_empty()).collect()
}

fn markdown(entries: &[Entry], journal: bool) -> String {
    let header = ["experiment", "data", "question", "answer", "verdicts"];
    let plain = |cells: Vec<String>| cells.iter().map(|cell| without_tags(&line(cell))).collect();
    let rows: Vec<Vec<String>> = front::lines(entries).into_iter().map(plain).collect();
    let told = match journal {
        true => " [journal](journal/README.md) goes through what the studies believed, entry by entry.",
        false => "",
    };
    format!(
        "# Reports\n\nEvery experiment with its question and its answer. [index.html](index.html) lists every claim, \
         searched and filtered as you like.{told}\n\n{}\n\n## Claims by length of training and by verdict\n\n\
         The length is a share of that at full size, which is the study's own where there is a study.\n\n{}\n",
        table(&header, &rows),
        lengths(entries)
    )
}

fn lengths(entries: &[Entry]) -> String {
    let header: Vec<&str> = ["length", "claims"]
        .into_iter()
        .chain(KINDS.map(|(name, _)| name))
        .collect();
    let row = |(name, claims): (&str, Vec<ClaimSummary>)| {
        let count = |kind_name: &str| claims.iter().filter(|claim| kind(&claim.verdict) == kind_name).count();
        let counts = KINDS.map(|(kind_name, _)| count(kind_name).to_string());
        [name.to_owned(), claims.len().to_string()]
            .into_iter()
            .chain(counts)
            .collect()
    };
    let rows: Vec<Vec<String>> = by_length(entries).into_iter().map(row).collect();
    table(&header, &rows)
}
