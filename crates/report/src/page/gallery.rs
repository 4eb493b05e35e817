//! The index of all reports, as markdown and as a page that sorts and filters.

use std::path::Path;

use super::html;
use super::markdown::{line, link, table, without_tags};
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
            let text = files::read(&path).map_err(Error::file("read", &path))?;
            let summary = serde_json::from_slice(&text).map_err(|source| Error::Json {
                action: "read",
                what: path.display().to_string(),
                source,
            })?;
            entries.push(Entry {
                folder: name.to_owned(),
                summary,
            });
        }
    }
    Ok(())
}

/// Writes `README.md` and `index.html` over all reports below a folder and gives the number of reports.
///
/// The page is one file without a network: it sorts by any column and filters by study,
/// verdict and words. The bytes depend on the summaries alone.
///
/// # Errors
/// [`Error::File`] and [`Error::Json`] name the file.
pub fn write_gallery(reports: &Path) -> Result<usize> {
    let entries = read_summaries(reports)?;
    files::sweep_drafts(reports).map_err(Error::file("remove drafts from", reports))?;
    write_atomically(&reports.join("README.md"), markdown(&entries).as_bytes())?;
    write_atomically(&reports.join("index.html"), html::page(&entries).as_bytes())?;
    Ok(entries.len())
}

fn markdown(entries: &[Entry]) -> String {
    let header = ["experiment", "question", "", "verdicts", "data", "date", "revision"];
    let rows: Vec<Vec<String>> = entries.iter().map(row).collect();
    format!(
        "# Reports\n\nEvery experiment with its question and what its rows say. \
         [index.html](index.html) shows the same, sorted and filtered as you like.\n\n{}\n",
        table(&header, &rows)
    )
}

fn row(entry: &Entry) -> Vec<String> {
    let summary = &entry.summary;
    let thumbnail = summary.thumbnail.as_ref().map_or_else(String::new, |path| {
        format!(
            "<img src=\"{}/{}\" alt=\"{}\" width=\"220\">",
            html::escape(&link(&entry.folder)),
            html::escape(&link(path)),
            html::escape(&line(&summary.thumbnail_alt))
        )
    });
    let study = if summary.study.is_empty() { "" } else { "<br>study " };
    let verdicts: Vec<String> = summary.claims.iter().map(verdict_line).collect();
    let data = summary
        .notices
        .iter()
        .map(|notice| format!("<br>**{}**", plain(notice)));
    vec![
        format!(
            "[{}]({}/README.md){study}{}",
            plain(&summary.name),
            link(&entry.folder),
            plain(&summary.study)
        ),
        plain(&summary.question),
        thumbnail,
        verdicts.join("<br>"),
        format!(
            "{}<br>{}{}",
            plain(&summary.dataset),
            plain(&summary.preset),
            data.collect::<String>()
        ),
        plain(&summary.date),
        plain(&revision(summary)),
    ]
}

fn verdict_line(claim: &ClaimSummary) -> String {
    format!(
        "{}: **{}** ({})",
        plain(&claim.id),
        plain(&claim.verdict),
        plain(&claim.text)
    )
}

/// Text of a report on one line, without markup of its own.
fn plain(text: &str) -> String {
    without_tags(&line(text))
}

/// The revision's first twelve characters, with a mark when the tree had changes.
pub(super) fn revision(summary: &Summary) -> String {
    let short: String = summary.revision.chars().take(12).collect();
    format!("{short}{}", if summary.dirty { " + changes" } else { "" })
}
