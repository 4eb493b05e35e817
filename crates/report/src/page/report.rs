//! The report page.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use super::claim::Claim;
use super::explore::Explore;
use super::markdown::page;
use super::part::{OwnReport, Part};
use super::plates::{drawn, faults};
use super::provenance::Provenance;
use super::single::of_one_seed;
use super::site::sheet;
use super::summary::Summary;
use super::tally::Tally;
use crate::figure::Figure;
use crate::rows::{remove_others, write_atomically};
use crate::{Error, Result, files};

/// A figure on the page.
#[derive(Clone, Debug)]
pub struct Plate {
    /// What to draw; its name is the file's.
    pub figure: Figure,
    /// What the figure shows, for readers who cannot see it.
    pub alt: String,
    /// What the reader should take from it, with the number of seeds and what bands mean.
    pub caption: String,
}

impl Plate {
    /// Puts a figure on the page.
    #[must_use]
    pub fn new(figure: Figure, alt: &str, caption: &str) -> Self {
        Self {
            figure,
            alt: alt.to_owned(),
            caption: caption.to_owned(),
        }
    }
}

impl Plate {
    /// Takes the words about intervals out of both texts, as one seed has none.
    #[must_use]
    pub fn of_one_seed(self) -> Self {
        Self {
            alt: self
                .alt
                .replace(" with its interval", "")
                .replace(" with intervals", ""),
            caption: of_one_seed(&self.caption),
            ..self
        }
    }
}

/// A table on the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableBlock {
    /// The heading.
    pub title: String,
    /// The column heads, with units.
    pub header: Vec<String>,
    /// The rows, as wide as the head.
    pub rows: Vec<Vec<String>>,
    /// A remark below the table; may be empty.
    pub note: String,
}

impl TableBlock {
    /// Puts a data set's name before the heading; an empty one, where there is only one set, changes nothing.
    #[must_use]
    pub fn of_set(self, set: &str) -> Self {
        Self {
            title: titled(set, &self.title),
            ..self
        }
    }

    /// Takes the words about intervals out of the remark, as one seed has none.
    #[must_use]
    pub fn of_one_seed(self) -> Self {
        Self {
            note: of_one_seed(&self.note),
            ..self
        }
    }

    /// Adds a remark below the table.
    #[must_use]
    pub fn noted(self, note: impl Into<String>) -> Self {
        Self {
            note: note.into(),
            ..self
        }
    }
}

/// The only table of a page.
impl From<TableBlock> for Vec<TableBlock> {
    fn from(table: TableBlock) -> Self {
        vec![table]
    }
}

/// Returns a panel's or table's title: the data set, where there are several, and what is shown.
#[must_use]
pub fn titled(set: &str, what: impl Display) -> String {
    if set.is_empty() {
        what.to_string()
    } else {
        format!("{set}: {what}")
    }
}

/// All that a report page says.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The experiment's name.
    pub name: String,
    /// The page's title.
    pub title: String,
    /// The study that it replicates, for instance "003"; may be empty.
    pub study: String,
    /// The data set or sets, with the part in use.
    pub dataset: String,
    /// The question.
    pub question: String,
    /// What stands below the title, one markdown paragraph each: for a reader who came for a number and not for claims.
    pub opening: Vec<String>,
    /// What was shortened against the study, one line each; shown first.
    pub shortened: Vec<String>,
    /// The method, as markdown paragraphs.
    pub method: String,
    /// Settings by name, in the order to show.
    pub settings: Vec<(String, String)>,
    /// The same settings at full size, the study's own where there is a study; may be empty.
    pub full_size: Vec<(String, String)>,
    /// How long nets trained, where the settings say it of some of them alone; else empty.
    pub trained: String,
    /// The claims; shown above everything else but what was shortened.
    pub claims: Vec<Claim>,
    /// The claims that answer the question, by name; where empty, the first ones that are decided.
    pub headline: Vec<String>,
    /// The answer where it is how many of several candidates do what is asked; stands before the claims that answer.
    pub tally: Option<Tally>,
    /// What the page answers where it judges no claim: what it shows, and where that is judged; may be empty.
    pub answer: String,
    /// The answers of the data sets' own reports, on a page of several sets that judges none.
    pub parts: Vec<Part>,
    /// Where the data sets' own reports lie, on a page of several sets, which has no rows beside it; else empty.
    pub own_reports: Vec<OwnReport>,
    /// Rows that the page offers to a reader who wants to look for himself.
    pub explore: Explore,
    /// The figures; the first is the thumbnail.
    pub figures: Vec<Plate>,
    /// Further tables.
    pub tables: Vec<TableBlock>,
    /// Remarks, one markdown paragraph each.
    pub notes: Vec<String>,
    /// Sources, one markdown line each.
    pub sources: Vec<String>,
    /// The hash of the rows it was made from ([`Rows::content_hash`](crate::rows::Rows::content_hash)),
    /// so that a stale page shows; may be empty.
    pub rows_hash: String,
}

impl Report {
    /// Takes method, answer, sources and remarks from a markdown file: paragraphs, then what a page without claims answers
    /// under the heading `## Answer`, then lists under `## Sources` and `## Remarks`; lines that belong together are joined.
    ///
    /// # Example
    /// ```
    /// use espalier_report::page::Report;
    ///
    /// let page = Report::default().prose("Nets are\ntrained.\n\nThen pruned.\n\n## Sources\n\n- A paper,\n  2017\n- Another\n");
    /// assert_eq!(page.method, "Nets are trained.\n\nThen pruned.");
    /// assert_eq!(page.sources, ["A paper, 2017", "Another"]);
    /// ```
    #[must_use]
    pub fn prose(mut self, text: &str) -> Self {
        let joined = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (text, remarks) = text.split_once("\n## Remarks\n").unwrap_or((text, ""));
        let (text, sources) = text.split_once("\n## Sources\n").unwrap_or((text, ""));
        let (method, answer) = text.split_once("\n## Answer\n").unwrap_or((text, ""));
        let items = |list: &str| -> Vec<String> {
            let items = list.trim().trim_start_matches("- ").split("\n- ").map(joined);
            items.filter(|item| !item.is_empty()).collect()
        };
        let paragraphs: Vec<String> = method.trim().split("\n\n").map(joined).collect();
        self.method = paragraphs.join("\n\n");
        self.answer = joined(answer);
        self.sources = items(sources);
        self.notes.extend(items(remarks));
        self
    }

    /// Writes the page, its figures and its summary into a folder and gives their paths.
    ///
    /// The files are `index.html`, `README.md`, `figures/<name>.svg`, `.png` and `.pdf`, and
    /// `summary.json`, each written whole or not at all; drawings of figures that the report
    /// no longer has are removed. The bytes depend on the report and the provenance alone.
    /// Every figure is drawn before the first file is written, so that a report that cannot
    /// be drawn leaves the folder as it was.
    ///
    /// # Errors
    /// [`Error::Page`] when a part is missing, twice there or out of shape;
    /// [`Error::FigureSize`] and [`Error::Figure`] name the figure; [`Error::File`] and
    /// [`Error::Json`] the file.
    pub fn write(&self, folder: &Path, provenance: &Provenance) -> Result<Vec<PathBuf>> {
        self.check()?;
        let figures = folder.join("figures");
        let mut files = Vec::new();
        let plates = drawn(self);
        for plate in &plates {
            let path = |form: &str| figures.join(format!("{}.{form}", plate.figure.name));
            files.push((path("svg"), plate.figure.render_svg()?.into_bytes()));
            files.push((path("png"), plate.figure.render_png(crate::figure::PNG_SCALE)?));
            files.push((path("pdf"), plate.figure.render_pdf()?));
        }
        let kept: Vec<PathBuf> = files.iter().map(|(path, _)| path.clone()).collect();
        let mut summary = Summary::new(self, provenance);
        summary.faults = faults(self, &plates)?;
        files.push((folder.join("summary.json"), summary.to_json()?.into_bytes()));
        // The pages last: they never show figures that are not there.
        let html = sheet::page(self, &plates, &summary, provenance);
        files.push((folder.join("index.html"), html.into_bytes()));
        files.push((folder.join("README.md"), page(self, &summary, provenance).into_bytes()));
        for (path, bytes) in &files {
            write_atomically(path, bytes)?;
        }
        files::sweep_drafts(folder).map_err(Error::file("remove drafts from", folder))?;
        if files::exists(&figures).map_err(Error::file("look for", &figures))? {
            remove_others(&figures, &["svg", "png", "pdf"], &kept)?;
        }
        Ok(files.into_iter().map(|(path, _)| path).collect())
    }

    /// Says every verdict in one line, for the end of a run.
    #[must_use]
    pub fn verdict_lines(&self) -> Vec<String> {
        let line = |claim: &Claim| {
            let display = claim.display();
            let ours = claim.ours.map_or_else(
                || "not measured".to_owned(),
                |ours| display.estimate(&ours, claim.margin),
            );
            format!("{}: {} ({ours}): {}", claim.id, claim.text, claim.verdict)
        };
        self.claims.iter().map(line).collect()
    }

    /// What the page is shorter than: a study's run, or the full size of one that stands on no study.
    pub(super) fn measured_against(&self) -> &'static str {
        if self.study.is_empty() {
            "full size"
        } else {
            "the study"
        }
    }

    fn check(&self) -> Result<()> {
        let fail = |reason: String| {
            Err(Error::Page {
                report: self.name.clone(),
                reason,
            })
        };
        for (part, text) in [
            ("name", &self.name),
            ("title", &self.title),
            ("question", &self.question),
        ] {
            if text.trim().is_empty() {
                return fail(format!("expected a {part}, found none"));
            }
        }
        let ids: Vec<&str> = self.claims.iter().map(|claim| claim.id.as_str()).collect();
        if let Some(id) = repeated(&ids) {
            return fail(format!("two claims are called `{id}`"));
        }
        let counted = self
            .tally
            .iter()
            .flat_map(|tally| tally.members.iter().map(|(id, _)| id));
        let named = self.headline.iter().chain(counted);
        if let Some(id) = named.into_iter().find(|id| !ids.contains(&id.as_str())) {
            return fail(format!("its answer rests on the claim `{id}`, which it does not have"));
        }
        let names: Vec<&str> = self.figures.iter().map(|p| p.figure.name.as_str()).collect();
        if let Some(name) = repeated(&names) {
            return fail(format!("two figures are called `{name}`"));
        }
        if let Some(plate) = self.figures.iter().find(|plate| plate.alt.trim().is_empty()) {
            return fail(format!("figure `{}` has no alternative text", plate.figure.name));
        }
        for table in &self.tables {
            if let Some(row) = table.rows.iter().find(|row| row.len() != table.header.len()) {
                return fail(format!(
                    "table `{}`: expected {} cells in each row, found {}",
                    table.title,
                    table.header.len(),
                    row.len()
                ));
            }
        }
        Ok(())
    }
}

fn repeated<'a>(names: &[&'a str]) -> Option<&'a str> {
    let twice = |(place, name): &(usize, &&'a str)| names[..*place].contains(name);
    names.iter().enumerate().find(twice).map(|(_, name)| *name)
}
