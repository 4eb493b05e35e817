//! The index of all reports, as markdown and as a page of answers and claims.

use std::path::Path;

use super::markdown::{line, table, without_tags};
use super::site::{front, side_by_side};
use super::summary::Summary;
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

/// Writes `README.md`, `index.html` and `compare.html` over all reports below a folder and gives the number of reports.
///
/// The pages need no network and no server. The bytes depend on the summaries alone.
///
/// # Errors
/// [`Error::File`] and [`Error::Json`] name the file.
pub fn write_gallery(reports: &Path) -> Result<usize> {
    let entries = read_summaries(reports)?;
    files::sweep_drafts(reports).map_err(Error::file("remove drafts from", reports))?;
    write_atomically(&reports.join("README.md"), markdown(&entries).as_bytes())?;
    write_atomically(&reports.join("compare.html"), side_by_side(&entries).as_bytes())?;
    write_atomically(&reports.join("index.html"), front::page(&entries).as_bytes())?;
    Ok(entries.len())
}

fn markdown(entries: &[Entry]) -> String {
    let header = ["experiment", "data", "question", "answer", "verdicts"];
    let plain = |cells: Vec<String>| cells.iter().map(|cell| without_tags(&line(cell))).collect();
    let rows: Vec<Vec<String>> = front::lines(entries).into_iter().map(plain).collect();
    format!(
        "# Reports\n\nEvery experiment with its question and its answer. [index.html](index.html) lists every claim, \
         searched and filtered as you like.\n\n{}\n",
        table(&header, &rows)
    )
}
