//! A report in short, for the index of all reports.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::declaration::Declaration;
use super::length::{length, share};
use super::lines::json_in_lines;
use super::part::Part;
use super::provenance::Provenance;
use super::report::Report;
use super::tally::Tally;
use super::verdict::Margin;
use crate::figure::{Finding, typeset};
use crate::statistics::{Estimate, Looks};
use crate::{Error, Result, files};

/// How deep fields have lines of their own: those of a claim's declaration.
const FIELDS: usize = 4;

/// A report in short, as it stands in `summary.json` beside the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The experiment's name.
    pub name: String,
    /// The page's title.
    pub title: String,
    /// The question.
    pub question: String,
    /// The study that it replicates; may be empty.
    pub study: String,
    /// The data set or sets.
    pub dataset: String,
    /// The preset.
    pub preset: String,
    /// The day on which the rows were recorded, `YYYY-MM-DD`; may be empty.
    pub date: String,
    /// The revision that recorded them.
    pub revision: String,
    /// Whether the tree differed from it.
    pub dirty: bool,
    /// The first figure's path from the report's folder; `None` without figures.
    pub thumbnail: Option<String>,
    /// The thumbnail's alternative text.
    pub thumbnail_alt: String,
    /// Notices, such as a data set that stands in for another.
    pub notices: Vec<String>,
    /// The claims in short.
    pub claims: Vec<ClaimSummary>,
    /// The hash of the rows that the page was made from.
    pub rows_hash: String,
    /// The claims that the answer rests on, by name; empty where the first decided ones do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headline: Vec<String>,
    /// The answer where it is how many of several candidates do what is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tally: Option<Tally>,
    /// The answer of a page that judges no claim; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub answer: String,
    /// The answers of the data sets' own reports, on a page of several sets that judges none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// How long nets trained, for instance `30 epochs`; may be empty.
    #[serde(default)]
    pub length: String,
    /// Which share that is of the length at full size; `None` where either is not stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// How many seeds were recorded.
    #[serde(default)]
    pub seeds: usize,
    /// The looks at the seeds where they were added while claims were open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looks: Option<Looks>,
    /// Rules of readable figures that a figure breaks without saying why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Finding>,
}

/// A claim in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClaimSummary {
    /// The claim's short name.
    pub id: String,
    /// What the study claimed.
    pub text: String,
    /// The same in words that a reader takes in at once, where the text is the comparison itself; else empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub words: String,
    /// The study's number.
    pub study_value: String,
    /// Our number.
    pub ours: Option<Estimate>,
    /// Its unit of measure.
    pub unit: String,
    /// Where the claim holds; `None` for a claim without a zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Margin>,
    /// The statistic that tests it; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub statistic: String,
    /// The verdict in one word.
    pub verdict: String,
    /// The reason of an artefact or an open claim; else empty.
    pub reason: String,
    /// What the claim declares of itself; `None` for a sentence beside a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<Declaration>,
}

impl ClaimSummary {
    /// Where it holds; `None` for a claim without a zone.
    pub(super) fn zone(&self) -> Option<Margin> {
        self.zone.or_else(|| self.declared.as_ref()?.zone)
    }

    /// What it says, in words where it has any.
    pub(crate) fn said(&self) -> &str {
        match self.words.as_str() {
            "" => &self.text,
            words => words,
        }
    }
}

/// Notices, each once: several data sets may have the same one.
fn once_each(notices: &[String]) -> Vec<String> {
    let first = |(place, notice): &(usize, &String)| !notices[..*place].contains(notice);
    notices
        .iter()
        .enumerate()
        .filter(first)
        .map(|(_, notice)| notice.clone())
        .collect()
}

impl Summary {
    pub(crate) fn new(report: &Report, provenance: &Provenance) -> Self {
        let first = report.figures.first();
        let claims = report.claims.iter().map(|claim| ClaimSummary {
            id: claim.id.clone(),
            text: typeset(&claim.text).into_owned(),
            words: typeset(&claim.words).into_owned(),
            study_value: claim.study_value.clone(),
            // JSON has no infinities; a number without bounds is told by the page.
            ours: claim
                .ours
                .filter(|e| [e.value, e.low, e.high].iter().all(|v| v.is_finite())),
            unit: claim.unit.clone(),
            zone: claim.margin,
            statistic: claim.statistic.clone(),
            verdict: claim.verdict.word().to_owned(),
            reason: typeset(claim.verdict.reason().unwrap_or_default()).into_owned(),
            declared: claim.declared.clone().map(|declared| Declaration {
                remark: typeset(&declared.remark).into_owned(),
                ..declared
            }),
        });
        Self {
            name: report.name.clone(),
            title: report.title.clone(),
            question: report.question.clone(),
            study: report.study.clone(),
            dataset: report.dataset.clone(),
            preset: provenance.preset.clone(),
            date: provenance.finished.chars().take(10).collect(),
            revision: provenance.revision.clone(),
            dirty: provenance.dirty,
            thumbnail: first.map(|plate| format!("figures/{}.svg", plate.figure.name)),
            thumbnail_alt: first.map(|plate| plate.alt.clone()).unwrap_or_default(),
            notices: once_each(&provenance.notices),
            claims: claims.collect(),
            rows_hash: report.rows_hash.clone(),
            headline: report.headline.clone(),
            tally: report.tally.clone(),
            answer: typeset(&report.answer).into_owned(),
            parts: report.parts.clone(),
            length: match report.trained.as_str() {
                "" => length(&report.settings),
                trained => trained.to_owned(),
            },
            share: share(&report.settings, &report.full_size),
            seeds: provenance.seeds.len(),
            looks: provenance.looks.clone(),
            faults: Vec::new(),
        }
    }

    /// Reads a summary.
    ///
    /// # Errors
    /// [`Error::File`] and [`Error::Json`] name the file.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = files::read(path).map_err(Error::file("read", path))?;
        serde_json::from_slice(&text).map_err(|source| Error::Json {
            action: "read",
            what: path.display().to_string(),
            source,
        })
    }

    /// Writes the summary as JSON with a line per field of a claim; the numbers behind a claim stand on one line each.
    pub(crate) fn to_json(&self) -> Result<String> {
        json_in_lines(self, FIELDS).map_err(|source| Error::Json {
            action: "write",
            what: format!("the summary of `{}`", self.name),
            source,
        })
    }
}
